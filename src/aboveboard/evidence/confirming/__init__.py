"""Confirmation by execution: does the constant, and nothing near it, open what the code says it opens?"""

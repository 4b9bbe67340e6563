"""Confirmation by execution: whether the constant, and nothing near it, opens what the code says it opens."""

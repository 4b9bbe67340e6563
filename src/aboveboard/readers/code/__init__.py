"""Reads machine code: where imported functions are called, and with which constants."""

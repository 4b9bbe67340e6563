"""Bounds on what one blob may hold."""

MAX_STREAM = 1 << 30  # bytes that one chunk may hold: more than a router's flash, less than a bomb
MAX_ENTRIES = 200_000
MAX_NAMES = 64 << 20  # characters of paths and link targets in one chunk: deep folders of long names are many in few bytes

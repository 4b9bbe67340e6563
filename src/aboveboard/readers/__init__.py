"""Readers: bytes in, values out. None opens a file, a socket or a process."""

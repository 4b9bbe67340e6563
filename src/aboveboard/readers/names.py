"""Names in directories of foreign file systems."""

from __future__ import annotations


def stays(name: bytes) -> bool:
    """Tell whether a name stays in its directory: not empty, no dots alone, no slash or NUL (POSIX.1-2017, Filename)."""
    return name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name

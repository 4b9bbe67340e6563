"""Printable strings of a program: runs of ASCII that a NUL ends, as strings of C are (ISO/IEC 9899 section 5.2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_RUN = re.compile(rb"[\x20-\x7e\t\r\n]+")


def strings(data: bytes, *, shortest: int = 4, longest: int = 2000) -> Iterator[tuple[int, str]]:
    """Yield offset and text of each string; of one longer than `longest`, its end. Takes time in proportion to size."""
    for match in _RUN.finditer(data):
        start, end = match.span()
        if end - start >= shortest and data[end : end + 1] == b"\0":
            start = max(start, end - longest)
            yield start, data[start:end].decode("ascii")

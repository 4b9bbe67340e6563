"""The texts in a program: runs of printable bytes that end in NUL."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PLAIN, _WITH_LINES = rb"[\x20-\x7e]", rb"[\x20-\x7e\t\r\n]"


def terminated(data: bytes, *, least: int, most: int, lines: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield offset and text of each run of at least `least` bytes before a NUL; of a longer one its last `most` bytes.

    Each run is looked at once: a bounded repetition with a look-ahead would start again at each of its bytes.
    """
    for match in re.finditer(rb"%b{%d,}" % (_WITH_LINES if lines else _PLAIN, least), data):
        end = match.end()
        if data[end : end + 1] == b"\0":
            start = max(match.start(), end - most)
            yield start, data[start:end]

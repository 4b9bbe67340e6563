"""Bounds on what one blob may hold, and the budget that counts it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from aboveboard.model.facts import Gap
from aboveboard.model.tree import Entry
from aboveboard.readers.streams import StreamTooLargeError

MAX_STREAM = 1 << 30  # bytes that one blob may hold: more than a router's flash, less than a bomb
MAX_ENTRIES = 200_000
MAX_ACCOUNT = 32 << 20  # bytes of JSON of entries, half of what the channel takes: deep folders of long names are many
MAX_TOLD = 8 << 20  # bytes of JSON of gaps that are listed
ENTRY = 250  # bytes of JSON that an entry has beside its names, and a chunk beside its entries


class BrokenOffError(ValueError):
    """A chunk of which only a first part was read."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.detail)
        self.gap = gap


class Budget:
    """Counts what comes out of one blob, all its chunks together."""

    def __init__(self) -> None:
        self.left = MAX_STREAM
        self._entries = MAX_ENTRIES
        self._account = MAX_ACCOUNT

    @property
    def spent(self) -> bool:
        """Tell whether no more may come out."""
        return self.left < 0 or self._entries < 0 or self._account < 0

    def chunk(self) -> None:
        """Count a chunk: its span, its child, and one gap."""
        self._account -= 3 * ENTRY

    def entry(self, entry: Entry, held: object) -> None:
        """Count an entry, and its content where it is there at once."""
        self._entries -= 1
        self._account -= ENTRY + _escaped(entry.path) + _escaped(entry.target)
        if isinstance(held, bytes | bytearray):
            self.left -= len(held)

    def count(self, name: str, parts: Iterator[bytes]) -> Iterator[bytes]:
        """Hand the parts on while they are within the bound."""
        for part in parts:
            self.left -= len(part)
            if self.left < 0:
                raise StreamTooLargeError(f"{name}: the blob holds more than {MAX_STREAM} bytes")
            yield part


def most() -> str:
    """Return the bounds in words."""
    return f"{MAX_STREAM} bytes, {MAX_ENTRIES} entries or {MAX_ACCOUNT} bytes of their names"


def told(gaps: list[Gap]) -> tuple[list[Gap], bool]:
    """Return the gaps that an account has room for, and whether that is all of them."""
    size = 0
    for number, gap in enumerate(gaps):
        size += len(json.dumps(gap.to_json()))
        if size > MAX_TOLD:
            return gaps[:number], False
    return gaps, True


def _escaped(text: str) -> int:
    return len(text) if text.isascii() else len(json.dumps(text))

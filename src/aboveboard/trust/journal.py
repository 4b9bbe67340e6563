"""The journal of a log: what was signed and is perhaps not whole on the disk yet. Nobody but the log itself reads it.

Each record bears the entries and the checkpoint that was signed over them, so tiles can be made from it again. A record
that a power cut has torn was never finished, so nothing that it holds was ever shown to anybody: reading ends before it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from aboveboard.trust import tiles
from aboveboard.trust.merkle import HASH
from aboveboard.trust.refusal import RefusedError

_HEAD = struct.Struct(">8sQIII")  # mark, entries before, bytes of the note, entries, bytes of the entries
_MARK = b"abv-log1"


@dataclass(frozen=True)
class Record:
    """The entries that follow the first `base` ones, and the signed checkpoint over all of them."""

    base: int
    note: bytes
    entries: Sequence[bytes] = ()

    def to_bytes(self) -> bytes:
        """Return the record with its digest."""
        packed = tiles.pack(self.entries)
        body = _HEAD.pack(_MARK, self.base, len(self.note), len(self.entries), len(packed)) + self.note + packed
        return body + hashlib.sha256(body).digest()


def read(data: bytes) -> list[Record]:
    """Return the records of a journal up to the first that is not whole."""
    found: list[Record] = []
    at = 0
    while at + _HEAD.size <= len(data):
        mark, base, note, count, packed = _HEAD.unpack_from(data, at)
        start = at + _HEAD.size
        end = start + note + packed
        if mark != _MARK or hashlib.sha256(data[at:end]).digest() != data[end : end + HASH]:
            break
        try:
            entries = tiles.unpack(data[start + note : end], count)
        except RefusedError:
            break
        found.append(Record(base, data[start : start + note], tuple(entries)))
        at = end + HASH
    return found

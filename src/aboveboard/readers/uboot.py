"""What boot loaders wrap images in: U-Boot's legacy header, and flattened device trees, of which FIT images are a kind.

Sources: U-Boot `include/image.h` (legacy image header); Devicetree Specification v0.4, chapter 5 (flattened format).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from mmap import mmap

LEGACY = b"\x27\x05\x19\x56"
LEGACY_SIZE = 64
TREE = b"\xd0\x0d\xfe\xed"
PAYLOAD = 1024  # bytes: a longer property is content, not description
MAX_FOUND = 1000
MAX_TOKENS = 100_000
_BEGIN, _END, _PROPERTY, _NOTHING, _LAST = 1, 2, 3, 4, 9


def headers(data: bytes | mmap) -> list[tuple[int, int, str]]:
    """Return start, end and name of the headers in `data`, in order, none overlapping another."""
    found: list[tuple[int, int, str]] = []
    for span in sorted([*_legacy(data), *_trees(data)]):
        if not found or span[0] >= found[-1][1]:
            found.append(span)
    return found


def _places(data: bytes | mmap, magic: bytes) -> Iterator[int]:
    at = data.find(magic, 0)  # a file would begin where it stands
    for _ in range(MAX_FOUND):
        if at < 0:
            return
        yield at
        at = data.find(magic, at + 4)


def _legacy(data: bytes | mmap) -> Iterator[tuple[int, int, str]]:
    """Yield legacy headers whose own CRC-32 (its field taken as zero) holds."""
    for at in _places(data, LEGACY):
        header = data[at : at + LEGACY_SIZE]
        if len(header) == LEGACY_SIZE and zlib.crc32(header[:4] + bytes(4) + header[8:]) == int.from_bytes(
            header[4:8], "big"
        ):
            yield at, at + LEGACY_SIZE, "uimage"


def _trees(data: bytes | mmap) -> Iterator[tuple[int, int, str]]:
    for at in _places(data, TREE):
        fields = data[at : at + 40]
        if len(fields) < 40:
            return
        _, total, structure, strings, reserved, version, last, _cpu, text_size, size = struct.unpack(">10I", fields)
        inside = max(structure + size, strings + text_size, reserved + 16) <= total <= len(data) - at
        if inside and version >= last == 16 and min(structure, strings, reserved) >= 40:
            parts = [(0, min(structure, strings)), (strings, strings + text_size), *_described(data, at, structure, size)]
            yield from ((at + start, at + end, "device-tree") for start, end in parts if end > start)


def _described(data: bytes | mmap, base: int, start: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of the structure block that are no long property."""
    at, begun = start, start
    for _ in range(MAX_TOKENS):
        if at + 12 > start + size:
            break
        (token,) = struct.unpack_from(">I", data, base + at)
        if token == _BEGIN:
            end = data.find(b"\0", base + at + 4, base + start + size)
            if end < 0:
                break
            at = (end - base + 4) // 4 * 4
        elif token == _PROPERTY:
            (length,) = struct.unpack_from(">I", data, base + at + 4)
            if length > PAYLOAD:
                yield begun, at + 12
                begun = min(at + 12 + length, start + size)
            at += 12 + -(-length // 4) * 4
        elif token in (_END, _NOTHING):
            at += 4
        else:
            break
    yield begun, start + size

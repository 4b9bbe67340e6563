"""Lzop's files, in memory: a header and blocks of LZO1X, with checksums.

Source: lzop 1.04, the file format as its documentation and unblob's handler describe it. All numbers are big endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import TypeAlias

import lzallright

Data: TypeAlias = bytes | memoryview | mmap
MAGIC = b"\x89LZO\x00\r\n\x1a\n"
END = 4  # bytes: a size of zero ends a member
MAX_BLOCK = 4 << 20  # bytes of content: the format has 64 MiB, lzop writes blocks of 256 KiB
MAX_PACKED = 512 << 10  # bytes: the library bounds no output, and one byte can stand for 255
ADLER_PLAIN, ADLER_PACKED, CRC_PLAIN, CRC_PACKED = 0x1, 0x2, 0x100, 0x200
EXTRA, MULTIPART, FILTER, CRC_HEADER = 0x40, 0x400, 0x800, 0x1000
METHODS = frozenset({1, 2, 3})  # LZO1X-1, LZO1X-1(15), LZO1X-999: one way to read them all


class LzopError(ValueError):
    """A file that is cut, damaged, or has a feature that is not supported."""


@dataclass(frozen=True)
class _Block:
    """Where a block lies, the size of its content, and the checksums over (content, packed bytes)."""

    start: int
    packed: int
    plain: int
    checks: tuple[tuple[int | None, int | None], tuple[int | None, int | None]]  # (Adler-32, CRC-32) of each


def parts(data: Data) -> Iterator[bytes]:
    """Yield the content of all members that follow each other, a block at a time; raises LzopError."""
    at = 0
    while bytes(data[at : at + len(MAGIC)]) == MAGIC:
        at, flags = _header(data, at)
        for block in _blocks(data, at, flags):
            yield _content(data, block)
            at = block.start + block.packed
        at += END
    if not at:
        raise LzopError("no header")


def decompress(data: Data, limit: int) -> bytes:
    """Return the content, a block over `limit` bytes at most; raises LzopError."""
    out = bytearray()
    for part in parts(data):
        out += part
        if len(out) > limit:
            break
    return bytes(out)


def length(data: Data, start: int) -> int:
    """Return how many bytes the member at `start` has, up to its last whole block; 0 for none."""
    try:
        at, flags = _header(data, start)
    except LzopError:
        return 0
    end = 0
    try:
        for block in _blocks(data, at, flags):
            end = block.start + block.packed
    except LzopError:
        return max(0, end - start)
    return max(at, end) + END - start


def _header(data: Data, start: int) -> tuple[int, int]:
    """Return where the blocks begin, and the flags."""
    try:
        at = start + len(MAGIC)
        (version,) = struct.unpack_from(">H", data, at)
        late = version >= 0x0940
        at += 6 if late else 4
        method = data[at]
        at += 2 if late else 1
        (flags,) = struct.unpack_from(">I", data, at)
        at += 8 if flags & FILTER else 4
        at += 12 if late else 8  # mode and time
        at += 1 + data[at]  # the name
        (check,) = struct.unpack_from(">I", data, at)
    except (struct.error, IndexError) as error:
        raise LzopError("cut in the header") from error
    covered = bytes(data[start + len(MAGIC) : at])
    if bytes(data[start : start + len(MAGIC)]) != MAGIC or check != (zlib.crc32 if flags & CRC_HEADER else zlib.adler32)(
        covered
    ):
        raise LzopError("its header does not hold its checksum")
    if flags & (FILTER | MULTIPART) or method not in METHODS:
        raise LzopError(f"method {method} with flags 0x{flags:x} is not supported")
    at += 4
    if flags & EXTRA:
        at += 8 + int.from_bytes(data[at : at + 4], "big")
    return at, flags


def _blocks(data: Data, at: int, flags: int) -> Iterator[_Block]:
    try:
        while True:
            (plain,) = struct.unpack_from(">I", data, at)
            if plain == 0:
                return
            (packed,) = struct.unpack_from(">I", data, at + 4)
            at += 8
            if plain > MAX_BLOCK or packed > MAX_PACKED:
                raise LzopError(f"a block of {packed} bytes for {plain} is over the limit")
            if not 0 < packed <= plain:
                raise LzopError(f"a block of {packed} bytes for {plain}")
            checks: list[int | None] = []
            for flag in (ADLER_PLAIN, CRC_PLAIN, ADLER_PACKED, CRC_PACKED):
                there = flags & flag and (flag in (ADLER_PLAIN, CRC_PLAIN) or packed < plain)
                checks.append(struct.unpack_from(">I", data, at)[0] if there else None)
                at += 4 if there else 0
            if at + packed > len(data):
                raise LzopError("cut in a block")
            yield _Block(at, packed, plain, ((checks[0], checks[1]), (checks[2], checks[3])))
            at += packed
    except struct.error as error:
        raise LzopError("cut between its blocks") from error


def _content(data: Data, block: _Block) -> bytes:
    packed = bytes(data[block.start : block.start + block.packed])
    _check(packed, block.checks[1])
    plain = packed
    if block.packed < block.plain:
        plain = bytes(lzallright.LZOCompressor.decompress(packed, output_size_hint=block.plain))
    if len(plain) != block.plain:
        raise LzopError(f"a block gives {len(plain)} of {block.plain} bytes")
    _check(plain, block.checks[0])
    return plain


def _check(data: bytes, checks: tuple[int | None, int | None]) -> None:
    adler, crc = checks
    if adler not in (None, zlib.adler32(data)) or crc not in (None, zlib.crc32(data)):
        raise LzopError("a block does not hold its checksum")

"""Where the hashes and entries of a log stand: C2SP tlog-tiles v0.1.0, tiles of height 8."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aboveboard.trust.merkle import HASH
from aboveboard.trust.refusal import RefusedError

WIDTH = 256  # hashes of a full tile, entries of a full bundle
MAX_ENTRY = 65_535  # bytes


def _number(index: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))


def path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile; a partial one bears its width."""
    return f"tile/{level}/{_number(index)}" + (f".p/{width}" if width != WIDTH else "")


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Return the path of a bundle of entries."""
    return f"tile/entries/{_number(index)}" + (f".p/{width}" if width != WIDTH else "")


def widths(size: int, level: int) -> tuple[int, int]:
    """Return how many full tiles a level has in a log of this size, and the width of the partial one (0 for none)."""
    return divmod(size >> 8 * level, WIDTH)


def pack(entries: Sequence[bytes]) -> bytes:
    """Return a bundle: each entry after its length in two bytes."""
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def unpack(data: bytes, width: int) -> list[bytes]:
    """Return the entries of a bundle of this width; raises RefusedError for any other number of bytes."""
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        if at + 2 > len(data):
            raise RefusedError("tile", f"a bundle of {len(entries)} entries, {width} are wanted")
        (length,) = struct.unpack_from(">H", data, at)
        entry = data[at + 2 : at + 2 + length]
        if len(entry) != length:
            raise RefusedError("tile", "the last entry of a bundle is cut")
        entries.append(entry)
        at += 2 + length
    if at != len(data):
        raise RefusedError("tile", f"{len(data) - at} bytes too many in a bundle")
    return entries


def hashes(data: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile of this width; raises RefusedError for any other number of bytes."""
    if len(data) != width * HASH:
        raise RefusedError("tile", f"a tile of {len(data)} bytes, {width * HASH} are wanted")
    return [data[at : at + HASH] for at in range(0, len(data), HASH)]

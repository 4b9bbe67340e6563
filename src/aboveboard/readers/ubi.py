"""UBI volumes, in memory (format: Linux, drivers/mtd/ubi/ubi-media.h; all numbers big endian)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show

EC_MAGIC, VID_MAGIC = b"UBI#", b"UBI!"
HEADER = 64
LAYOUT_VOLUME = 0x7FFFEFFF
RECORD = struct.Struct(">IIIBBH128sB23xI")
MAX_VOLUMES = 128
MIN_BLOCK = 2048


@dataclass(frozen=True)
class Volume:
    """A volume: its name and its content, erased blocks as 0xff."""

    number: int
    name: str
    content: bytes


@dataclass(frozen=True)
class _Block:
    sequence: int
    content: bytes


def volumes(data: bytes, gaps: list[Gap]) -> list[Volume]:
    """Return the volumes of an image that begins with a physical eraseblock; what is damaged goes into `gaps`."""
    size = _block_size(data)
    if size == 0:
        gaps.append(Gap(Cause.DAMAGED, Where(), "ubi: the size of its blocks cannot be told"))
        return []
    found: dict[int, dict[int, _Block]] = {}
    damaged = 0
    for at in range(0, len(data), size):
        block = data[at : at + size]
        if block[:4] != EC_MAGIC:
            damaged += bool(block.strip(b"\xff"))
            continue
        if not _sound(block[:HEADER]):
            damaged += 1
            continue
        vid_at, data_at = struct.unpack_from(">II", block, 16)
        head = block[vid_at : vid_at + HEADER]
        if head[:4] != VID_MAGIC or not _sound(head) or not HEADER <= data_at < size:
            damaged += head[:4] == VID_MAGIC
            continue  # a free block has no volume header
        number, logical = struct.unpack_from(">II", head, 8)
        used = struct.unpack_from(">I", head, 20)[0]
        kind, (sequence,) = head[5], struct.unpack_from(">Q", head, 40)
        content = block[data_at : data_at + used] if kind == 2 else block[data_at:]
        known = found.setdefault(number, {}).get(logical)
        if logical * size > len(data) * 4:
            damaged += 1
        elif known is None or known.sequence < sequence:
            found[number][logical] = _Block(sequence, content)
    if damaged:
        gaps.append(Gap(Cause.DAMAGED, Where(), f"ubi: {damaged} blocks are damaged"))
    names = _names(found.pop(LAYOUT_VOLUME, {}))
    return [
        Volume(number, names.get(number, f"volume{number}"), _joined(blocks))
        for number, blocks in sorted(found.items())
        if number < MAX_VOLUMES
    ]


def _block_size(data: bytes) -> int:
    """Return the smallest distance at which block headers stand throughout: blocks are all of one size."""
    at = data.find(EC_MAGIC, MIN_BLOCK)
    while at > 0:
        if at % 512 == 0 and all(
            data[start : start + 4] in (EC_MAGIC, b"\xff" * 4, b"") for start in range(0, len(data), at)
        ):
            return at
        at = data.find(EC_MAGIC, at + 1)
    return len(data) if data.startswith(EC_MAGIC) else 0


def _sound(header: bytes) -> bool:
    return len(header) == HEADER and struct.unpack_from(">I", header, 60)[0] == zlib.crc32(header[:60]) ^ 0xFFFFFFFF


def _names(table: dict[int, _Block]) -> dict[int, str]:
    found: dict[int, str] = {}
    for block in table.values():
        for number in range(MAX_VOLUMES):
            record = block.content[number * RECORD.size : (number + 1) * RECORD.size]
            if len(record) < RECORD.size:
                break
            reserved, _, _, _, _, length, name, _, check = RECORD.unpack(record)
            if reserved and check == zlib.crc32(record[:-4]) ^ 0xFFFFFFFF and 0 < length <= 127:
                found.setdefault(number, show(name[:length].replace(b"/", b"_")))
    return found


def _joined(blocks: dict[int, _Block]) -> bytes:
    width = max(len(block.content) for block in blocks.values())
    out = bytearray()
    for logical in range(max(blocks) + 1):
        content = blocks[logical].content if logical in blocks else b""
        last = logical == max(blocks)
        out += content if last else content.ljust(width, b"\xff")
    return bytes(out)

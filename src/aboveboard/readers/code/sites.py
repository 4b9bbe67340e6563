"""Finds direct calls, and uses of slots of imported functions, without decoding: a call's bytes say where it leads.

It may name places that are no code at all; the evaluator is the one that says what is called. Sources: the encodings of the
MIPS32 and MIPS16e, ARM, AArch64 and x86 manuals.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

from aboveboard.readers.elf import Elf, Segment

MAX_CODE = 16 * 1024 * 1024  # bytes of code that are looked through


class Branch(NamedTuple):
    """A call, or a jump that may end a function with a call."""

    address: int
    target: int
    mode: str
    is_call: bool


def code_of(elf: Elf) -> Iterator[tuple[Segment, bytes]]:
    """Return the executable segments and their bytes, within the bound."""
    left = MAX_CODE
    for segment in elf.segments:
        if segment.executable and left > 0:
            text = elf.data[segment.offset : segment.offset + min(left, segment.end - segment.start)]
            left -= len(text)
            yield segment, text


def branches(elf: Elf, jumps_to: Collection[int]) -> Iterator[Branch]:
    """Return the direct calls into code, and the direct jumps to `jumps_to`."""
    ranges = [(part.start, part.end) for part in elf.segments if part.executable]
    for segment, text in code_of(elf):
        for found in _BRANCHES[elf.machine](elf, segment.start, text):
            if found.target in jumps_to or (found.is_call and any(a <= found.target < b for a, b in ranges)):
                yield found


def uses(elf: Elf, slots: Collection[int]) -> Iterator[tuple[int, str]]:
    """Return (address, mode) of the instructions that read one of the slots, where their bytes tell."""
    reader = {"mips": _mips_loads, "x86": _x86_slots, "x86-64": _x86_slots}.get(elf.machine)
    if reader is not None and slots:
        for segment, text in code_of(elf):
            yield from reader(elf, segment.start, text, slots)


def _mips(elf: Elf, start: int, text: bytes) -> Iterator[Branch]:
    order, top = (">", 0) if elf.endian == "big" else ("<", 3)
    for match in re.finditer(rb"[\x08-\x0f\x74-\x77]", text[top::4]):  # j, jal, jalx
        at = 4 * match.start()
        if at + 4 > len(text):
            break
        (word,) = struct.unpack_from(order + "I", text, at)
        target = ((start + at + 4) & 0xF0000000) | (word & 0x3FFFFFF) << 2
        yield Branch(start + at, target, "mips", word >> 26 != 2)
    near = rb"\x04\x11(..)" if elf.endian == "big" else rb"(..)\x11\x04"
    for match in re.finditer(near, text, re.DOTALL):  # bal
        if match.start() % 4 == 0:
            target = start + match.start() + 4 + 4 * struct.unpack(order + "h", match[1])[0]
            yield Branch(start + match.start(), target, "mips", True)
    if not elf.compressed:
        return
    for match in re.finditer(rb"[\x18-\x1f]", text[top & 1 :: 2]):  # jal, jalx
        at = 2 * match.start()
        if at + 4 > len(text):
            break
        first, second = struct.unpack_from(order + "HH", text, at)
        place = (first & 31) << 21 | (first >> 5 & 31) << 16 | second
        yield Branch(start + at, ((start + at + 4) & 0xF0000000) | place << 2, "mips16", True)


def _mips_loads(elf: Elf, start: int, text: bytes, slots: Collection[int]) -> Iterator[tuple[int, str]]:
    """`lw REGISTER, distance(gp)`, and for MIPS16 the extended `lw` with any base."""
    order = ">" if elf.endian == "big" else "<"
    distances = [slot - elf.gp for slot in slots if -0x8000 <= slot - elf.gp < 0x8000]
    if not distances:
        return
    lows = b"|".join(re.escape(struct.pack(order + "h", distance)) for distance in distances)
    whole = b"\x8f[\x80-\x9f](?:" + lows + b")" if order == ">" else b"(?:" + lows + rb")[\x80-\x9f]\x8f"
    for match in re.finditer(b"(?=" + whole + b")", text, re.DOTALL):
        if match.start() % 4 == 0:
            yield start + match.start(), "mips"
    if elf.compressed:
        short = b"|".join(_mips16_load(order, distance) for distance in distances)
        for match in re.finditer(b"(?=" + short + b")", text, re.DOTALL):
            if match.start() % 2 == 0:
                yield start + match.start(), "mips16"


def mentions(elf: Elf, targets: Collection[int]) -> Iterator[tuple[int, str]]:
    """Return (address, mode) of what adds the low half of an address, as MIPS code does to call its own functions."""
    if elf.machine != "mips" or not targets or not elf.gp:
        return
    order = ">" if elf.endian == "big" else "<"
    lows = b"|".join(re.escape(struct.pack(order + "H", target & 0xFFFF)) for target in sorted(targets))
    whole = b"[\x24-\x27].(?:" + lows + b")" if order == ">" else b"(?:" + lows + b").[\x24-\x27]"
    for segment, text in code_of(elf):
        for match in re.finditer(b"(?=" + whole + b")", text, re.DOTALL):
            if match.start() % 4 == 0:
                yield segment.start + match.start(), "mips"
        if elf.compressed:
            short = b"|".join(_mips16_add(order, target & 0xFFFF) for target in sorted(targets))
            for match in re.finditer(b"(?=" + short + b")", text, re.DOTALL):
                if match.start() % 2 == 0:
                    yield segment.start + match.start(), "mips16"


def _mips16_add(order: str, low: int) -> bytes:
    """Extended `addiu rx, low`: of MIPS16 code, whose addresses are odd, or of the other set."""
    extend = re.escape(struct.pack(order + "H", 0xF000 | (low >> 5 & 63) << 5 | low >> 11 & 31))
    lows = b"[" + re.escape(bytes([low & 31])) + re.escape(bytes([low & 31 | 1])) + b"]"
    return extend + (b"[\x48-\x4f]" + lows if order == ">" else lows + b"[\x48-\x4f]")


def _mips16_load(order: str, distance: int) -> bytes:
    extend = re.escape(struct.pack(order + "H", 0xF000 | (distance >> 5 & 63) << 5 | distance >> 11 & 31))
    lows = b"[" + b"".join(re.escape(bytes([y << 5 | distance & 31])) for y in range(8)) + b"]"
    return extend + (b"[\x98-\x9f]" + lows if order == ">" else lows + b"[\x98-\x9f]")


def _arm(elf: Elf, start: int, text: bytes) -> Iterator[Branch]:
    if elf.endian == "big":
        return
    for match in re.finditer(rb"[\x0a\x0b\x1a\x1b\x8a\x8b\x9a\x9b\xea\xeb\xfa\xfb]", text[3::4]):  # b, bl, blx
        at = 4 * match.start()
        (word,) = struct.unpack_from("<I", text, at)
        target = start + at + 8 + 4 * ((word & 0xFFFFFF) - ((word & 0x800000) << 1))
        switches = word >> 25 == 0x7D
        yield Branch(start + at, target + (word >> 23 & 2 if switches else 0), "arm", switches or bool(word & 1 << 24))
    for match in re.finditer(rb"[\xf0-\xf7](?=.[\x90-\xff])", text[1:], re.DOTALL):  # b.w, bl, blx
        at = match.start()
        if at % 2 == 0 and at + 4 <= len(text):
            first, second = struct.unpack_from("<HH", text, at)
            target = _thumb_target(first, second, start + at)
            if target >= 0:
                yield Branch(start + at, target, "thumb", second >> 14 == 3)


def _thumb_target(first: int, second: int, address: int) -> int:
    """Return where BL, BLX or B.W leads (ARM ARM, A8.8.25 and A8.8.18, encodings T1, T2 and T4), or -1."""
    if second >> 14 != 3 and second & 0xD000 != 0x9000:
        return -1
    sign = first >> 10 & 1
    i1, i2 = (~(second >> 13 & 1 ^ sign)) & 1, (~(second >> 11 & 1 ^ sign)) & 1
    distance = (sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1) - (sign << 25)
    here = address + 4
    return (here & ~3) + (distance & ~3) if second & 0xD000 == 0xC000 else here + distance


def _aarch64(elf: Elf, start: int, text: bytes) -> Iterator[Branch]:
    del elf
    for match in re.finditer(rb"[\x14-\x17\x94-\x97]", text[3::4]):  # b, bl
        at = 4 * match.start()
        (word,) = struct.unpack_from("<I", text, at)
        target = start + at + 4 * ((word & 0x3FFFFFF) - ((word & 0x2000000) << 1))
        yield Branch(start + at, target, "aarch64", word >> 31 == 1)


def _x86(elf: Elf, start: int, text: bytes) -> Iterator[Branch]:
    mask = 0xFFFFFFFF if elf.bits == 32 else (1 << 64) - 1
    for match in re.finditer(rb"[\xe8\xe9](?=(...[\x00\x01\xfe\xff]))", text, re.DOTALL):  # call, jmp; within 32 MiB
        at = match.start()
        target = start + at + 5 + int.from_bytes(match[1], "little", signed=True)
        yield Branch(start + at, target & mask, elf.machine, text[at] == 0xE8)


def _x86_slots(elf: Elf, start: int, text: bytes, slots: Collection[int]) -> Iterator[tuple[int, str]]:
    """`call` and `jmp` through a slot: `*slot`, `*off(%rip)`, `*off(%reg)`."""
    mask = 0xFFFFFFFF if elf.bits == 32 else (1 << 64) - 1
    for match in re.finditer(rb"\xff([\x15\x25\x90-\x97\xa0-\xa7])(?=(....))", text, re.DOTALL):
        slot = int.from_bytes(match[2], "little", signed=True)
        if match[1] not in b"\x15\x25":
            slot += elf.table
        elif elf.bits == 64:
            slot += start + match.start() + 6
        if slot & mask in slots:
            yield start + match.start(), elf.machine


_BRANCHES = {"mips": _mips, "arm": _arm, "aarch64": _aarch64, "x86": _x86, "x86-64": _x86}

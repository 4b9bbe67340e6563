"""Finds the stubs through which a program calls imported functions, by their shape, without section headers.

Shapes: the procedure linkage tables that GNU ld, gold and lld write for each machine (processor supplements of the
System V ABI; binutils documents `.plt`, `.plt.sec`, `.plt.got`, `.MIPS.stubs` and the MIPS16 tables).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from aboveboard.readers.code.sites import code_of
from aboveboard.readers.elf import Elf, Segment

MAX_STUBS = 50_000
_M32 = 0xFFFFFFFF


def stubs(elf: Elf) -> dict[int, str]:
    """Return the addresses that stand for an imported function, with its name."""
    found = dict(elf.undefined)
    reader = _READERS.get(elf.machine)
    if reader is None or not elf.slots:
        return found
    for segment, text in code_of(elf):
        for address, slot in reader(elf, segment, text):
            if slot in elf.slots and len(found) < MAX_STUBS:
                found[address] = elf.slots[slot]
    return found


def _mips(elf: Elf, segment: Segment, text: bytes) -> Iterator[tuple[int, int]]:
    """`lui t7; lw t9, lo(t7); jr t9`, and the MIPS16 form that keeps the slot's address behind its code."""
    big = elf.endian == "big"
    order = ">" if big else "<"
    plain = rb"\x3c\x0f(..)\x8d\xf9(..)" if big else rb"(..)\x0f\x3c(..)\xf9\x8d"
    for match in re.finditer(plain, text, re.DOTALL):
        high, low = struct.unpack(order + "Hh", match[1] + match[2])
        yield segment.start + match.start(), ((high << 16) + low) & _M32
    short = b"\xb2\x03\x9a\x60\x65\x1a\xeb\x00\x65\x3b\x65\x00"
    if not big:
        short = b"".join(short[at + 1 : at + 2] + short[at : at + 1] for at in range(0, 12, 2))
    for match in re.finditer(re.escape(short) + b"(....)", text, re.DOTALL):
        yield segment.start + match.start(), struct.unpack(order + "I", match[1])[0]
    # lazy stubs of position-independent code name the symbol by its number; the table of symbols holds their addresses


def _arm(elf: Elf, segment: Segment, text: bytes) -> Iterator[tuple[int, int]]:
    """`add ip, pc, #a; add ip, ip, #b; ldr pc, [ip, #c]!`, maybe after `bx pc` for callers in Thumb state."""
    if elf.endian == "big":
        return
    for match in re.finditer(rb"(.)([\xc0-\xcf])\x8f\xe2(.)([\xc0-\xcf])\x8c\xe2(.)([\xf0-\xff])\xbc\xe5", text, re.DOTALL):
        start = match.start()
        value = segment.start + start + 8
        for low, high in ((match[1], match[2]), (match[3], match[4])):
            value += _rotated(low[0], high[0] & 15)
        value += match[5][0] | (match[6][0] & 15) << 8
        yield segment.start + start, value & _M32
        if text[start - 4 : start] in (b"\x78\x47\xc0\x46", b"\x78\x47\xfd\xe7"):
            yield segment.start + start - 4, value & _M32


def _rotated(value: int, turn: int) -> int:
    shift = 2 * turn
    return (value >> shift | value << (32 - shift)) & _M32 if shift else value


def _aarch64(elf: Elf, segment: Segment, text: bytes) -> Iterator[tuple[int, int]]:
    """`adrp x16, page; ldr x17, [x16, #low]; add x16, x16, #low; br x17`, maybe after `bti c`."""
    if elf.endian == "big":
        return
    for match in re.finditer(rb"([\x10\x30\x50\x70\x90\xb0\xd0\xf0]..[\x90\xb0\xd0\xf0])(\x11..\xf9)", text, re.DOTALL):
        start = match.start()
        page, load = struct.unpack("<II", match[0])
        if start % 4 or page & 0x9F00001F != 0x90000010 or load & 0xFFC003FF != 0xF9400211:
            continue
        distance = (page >> 5 & 0x7FFFF) << 2 | page >> 29 & 3
        distance -= (distance & 1 << 20) << 1
        slot = ((segment.start + start) & ~0xFFF) + (distance << 12) + (load >> 10 & 0xFFF) * 8
        yield segment.start + start, slot
        if text[start - 4 : start] == b"\x5f\x24\x03\xd5":
            yield segment.start + start - 4, slot


def _x86(elf: Elf, segment: Segment, text: bytes) -> Iterator[tuple[int, int]]:
    """`jmp *slot`, `jmp *off(%ebx)` or `jmp *off(%rip)`, maybe after `endbr` and with a `bnd` prefix."""
    pattern = rb"(\xf3\x0f\x1e[\xfa\xfb])?\xf2?\xff([\x25\xa3])(....)"
    for match in re.finditer(pattern, text, re.DOTALL):
        (value,) = struct.unpack("<i", match[3])
        if elf.machine == "x86-64":
            slot = segment.start + match.end() + value
        else:
            slot = (value + (elf.table if match[2] == b"\xa3" else 0)) & _M32
        yield segment.start + match.start(), slot
        if match[1]:
            yield segment.start + match.start() + 4, slot


_READERS = {"mips": _mips, "arm": _arm, "aarch64": _aarch64, "x86": _x86, "x86-64": _x86}

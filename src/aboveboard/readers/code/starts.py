"""Finds where a function starts: tables for unwinding where there are any, else the shape of an entry."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from aboveboard.readers.code.sites import MAX_CODE, code_of
from aboveboard.readers.elf import Elf, Segment

_BEFORE = 8  # words that are looked at before an entry
MAX_TABLE = 200_000  # entries of a table for unwinding
MAX_BACK = 64 * 1024  # bytes that are searched backwards for an entry


class Starts:
    """The starts of functions of one file. `called` are the targets of direct calls."""

    def __init__(self, elf: Elf, called: set[int]) -> None:
        self._elf = elf
        self._called = sorted(called | set(unwind(elf)))
        self._known: dict[tuple[int, str], _Shapes] = {}

    @cached_property
    def _table(self) -> list[tuple[int, int]]:
        return frames(self._elf)

    def around(self, address: int, mode: str) -> list[tuple[int, int]]:
        """Return where the function around `address` may start and end, the likeliest first."""
        part = next((s for s in self._elf.segments if s.executable and s.start <= address < s.end), None)
        if part is None:
            return []
        index = bisect_right(self._table, (address, 1 << 64)) - 1
        if index >= 0 and self._table[index][1] > address:
            start, end = self._table[index]
            return [(max(start, part.start), min(end, part.end))]
        shapes = self._shapes(part, mode)
        entry, plain, end, bare = shapes.around(address - part.start)
        starts = [part.start + entry, part.start + plain] if entry is not None else []
        near = bisect_right(self._called, address) - 1
        if near >= 0 and self._called[near] >= max(part.start, address - MAX_BACK):
            call = self._called[near]
            if entry is None or call > part.start + entry or part.start + entry - call <= _REACH:
                starts.insert(0, call)
            else:
                starts.append(call)
        starts.append(part.start + bare)
        if mode not in ("x86", "x86-64"):  # a function that is only a jump, behind the constants of another
            starts += [address - 8, address - 4]
        return [(start, part.start + end) for start in dict.fromkeys(starts)]

    def _shapes(self, part: Segment, mode: str) -> _Shapes:
        if (part.start, mode) not in self._known:
            text = self._elf.data[part.offset : part.offset + min(part.end - part.start, MAX_CODE)]
            self._known[(part.start, mode)] = _Shapes(text, mode, big=self._elf.endian == "big")
        return self._known[(part.start, mode)]


def entries_by_shape(elf: Elf) -> Iterator[tuple[int, str]]:
    """Return what looks like the entry of a function, with its mode; nothing for files that list their functions."""
    mode = {"x86": "x86", "x86-64": "x86-64", "aarch64": "aarch64", "mips": "mips", "arm": "arm"}.get(elf.machine)
    if mode is None or frames(elf) or unwind(elf):
        return
    for segment, text in code_of(elf):
        big = elf.endian == "big"
        for at in _Shapes(text, mode, big=big).entries():
            if _may_begin(text, at, mode, big=big):
                yield segment.start + at, mode


def _may_begin(text: bytes, at: int, mode: str, *, big: bool) -> bool:
    """Tell whether what lies before an entry may end a function: compilers move a prologue behind a first test.

    Sources: MIPS32 architecture, volume II; ARM architecture reference manual, A5 (encoding of the instruction set).
    """
    if mode not in ("mips", "arm") or at < 8 or at % 4:
        return True
    order = ">" if big else "<"
    words = [word for (word,) in struct.iter_unpack(order + "I", text[max(0, at - 4 * _BEFORE) : at])]
    if mode == "arm":
        return _ends_arm(words[-1])
    while words and words[-1] == 0:
        words.pop()
    return not words or any(_ends_mips(word) for word in words[-2:])  # the last may stand behind a jump


def _ends_mips(word: int) -> bool:
    """Tell whether an instruction jumps away whatever holds, calls something that may not return, or traps."""
    function = word & 0x3F
    return word >> 26 in (2, 3) or word >> 16 in (0x1000, 0x0411) or (word >> 26 == 0 and function in (8, 9, 0xD))


def _ends_arm(word: int) -> bool:
    """Tell whether an instruction is no conditional branch, and none that goes on to the next one; numbers may be any."""
    if word >> 28 != 0xE:
        return word >> 28 > 0xE or word >> 24 & 0xE != 0xA
    loads = word & 0x0E108000 == 0x08108000 or word & 0x0C10F000 == 0x0410F000  # into pc
    moves = word & 0x0FFFFFF0 in (0x012FFF10, 0x01A0F000) or word in (0xE1A00000, 0xE320F000)  # into pc, or nothing
    return loads or moves or word >> 24 in (0xEA, 0xEB, 0xE7)


def frames(elf: Elf) -> list[tuple[int, int]]:
    """Return the functions that .eh_frame_hdr lists, with their ends, sorted (Linux Standard Base, Core, 10.6)."""
    start, end = elf.frames
    if not start:
        return _frames_without_table(elf)
    head = elf.read(start, 12)
    if len(head) < 12 or head[0] != 1 or head[1] not in (0x1B, 0x3B) or head[2:4] != b"\x03\x3b":
        return []
    order = ">" if elf.endian == "big" else "<"
    (count,) = struct.unpack(order + "I", head[8:12])
    raw = elf.read(start + 12, min(8 * min(count, MAX_TABLE), max(0, end - start - 12)))
    found: list[tuple[int, int]] = []
    for place, description in struct.iter_unpack(order + "ii", raw[: len(raw) & ~7]):
        size = elf.integer(start + description + 12, 4)  # behind length, parent and start, as compilers encode it
        if size and elf.is_code(start + place):
            found.append((start + place, start + place + size))
    return sorted(found)


def _frames_without_table(elf: Elf) -> list[tuple[int, int]]:
    """Return the functions of .eh_frame in a file that has no table of it: a static program (LSB Core, 10.6.1).

    The first common entry is found by its form: version 1, augmentation "zR", addresses as signed distances.
    """
    if elf.machine not in ("x86", "x86-64", "aarch64"):
        return []
    for part in elf.segments:
        raw = elf.data[part.offset : part.offset + part.end - part.start]
        match = re.search(rb"[\x10-\x40]\0\0\0\0\0\0\0\x01zR\0", raw)
        if match is not None and not part.writable:
            found = list(_entries(elf, raw, part.start, match.start()))
            if len(found) > 1:
                return sorted(found)
    return []


def _entries(elf: Elf, raw: bytes, start: int, at: int) -> Iterator[tuple[int, int]]:
    order = ">" if elf.endian == "big" else "<"
    count = 0
    while at + 16 <= len(raw) and count < MAX_TABLE:
        length, parent = struct.unpack_from(order + "II", raw, at)
        if not 8 <= length < 1 << 20 or at + 4 + length > len(raw):
            return
        if parent:
            place, size = struct.unpack_from(order + "iI", raw, at + 8)
            address = start + at + 8 + place
            if size and elf.is_code(address):
                yield address, address + size
        at += 4 + length
        count += 1


def unwind(elf: Elf) -> list[int]:
    """Read .ARM.exidx (Exception Handling ABI for the ARM architecture, section 6)."""
    start, end = elf.unwind
    raw = elf.read(start, min(max(0, end - start), 8 * MAX_TABLE))
    order = ">" if elf.endian == "big" else "<"
    found: list[int] = []
    for number, (place, _) in enumerate(struct.iter_unpack(order + "II", raw[: len(raw) & ~7])):
        distance = (place & 0x7FFFFFFF) - ((place & 0x40000000) << 1)
        found.append((start + 8 * number + distance) & 0xFFFFFFFE)
    return [address for address in found if elf.is_code(address)]


# What only an entry does: it makes room on the stack or keeps the return address. Little-endian forms are made below.
_ENTRIES = {
    "mips": rb"\x27\xbd[\x80-\xff].|\x3c\x1c..\x27\x9c..\x03\x99\xe0\x21",
    "mips16": rb"\xf0[\x00-\xff]\x64[\xc0-\xff]|\x64[\xc0-\xff]",
    "arm": rb"\xe9\x2d[\x40-\x7f].|\xe5\x2d\xe0\x04",
    "thumb": rb"\xe9\x2d[\x40-\x5f].|\xb5.|\xf8\x4d\xed.",
    "aarch64": rb"\xa9[\x80-\xbf][\x00-\xff]\xfd|\xd1[\x00-\x3f].\xff|\xd5\x03\x23\x3f",
}
# After these nothing goes on: a return or a jump (with its delay slot), then the next function or data.
_ENDS = {
    "mips": (rb"(?:\x03\xe0\x00\x08|\x03\x20\x00\x08|\x10\x00..|[\x08-\x0b]...)....", 4),
    "mips16": (rb"\x64[\x00-\x7f]\xe8[\x20\xa0](?:\x65\x00)?|\xe8\x20..|\xe8\xa0", 2),
    "arm": (rb"\xe8\xbd[\x80-\xff].|\xe1\x2f\xff\x1e|\xe4\x9d\xf0\x04", 4),
    "thumb": (rb"\xbd.|\x47\x70|\xe8\xbd[\x80-\x9f].", 2),
    "aarch64": (rb"\xd6\x5f\x03\xc0", 4),
}
# `li v0, high; la v1, low; sll v0, v0, 16; addu v0, v1, v0`: MIPS16 code finds its table of addresses.
_TABLE_16 = re.compile(rb"(?:\xf0.)?\x6a.(?:[\xf0-\xf7].)?\x0b.\xf4\x00\x32\x40\xe2\x69", re.DOTALL)
_REACH = 64  # bytes that may lie between the true start and what only an entry does


class _Shapes:
    """The entries in one piece of code, by their shape."""

    def __init__(self, text: bytes, mode: str, *, big: bool) -> None:
        self._mode = mode
        self._x86 = mode in ("x86", "x86-64")
        self._unit = 1 if self._x86 else 2 if mode in ("mips16", "thumb") else 4
        if self._x86:
            self._text = text
            self._entries = _entries_x86(text, mode)
            return
        self._text = text if big else _turn(text, self._unit)  # as a big-endian machine would hold it
        pattern = b"(?=" + _ENTRIES[mode] + b")"
        self._entries = [m.start() for m in re.finditer(pattern, self._text, re.DOTALL) if m.start() % self._unit == 0]

    def entries(self) -> list[int]:
        """Return where functions seem to start."""
        if self._x86:
            return self._entries
        return [_first(self._text, entry, self._mode) for entry in self._entries]

    def around(self, at: int) -> tuple[int | None, int, int, int]:
        """Return the start of the nearest entry, the entry, where it ends, and the start if there is no such entry."""
        entries, low, high = self._entries, max(0, at - MAX_BACK), min(len(self._text), at + MAX_BACK)
        index = bisect_right(entries, at)
        entry = entries[index - 1] if index and entries[index - 1] >= low else None
        if self._x86:
            return entry, entry or 0, min(entries[index] if index < len(entries) else high, high), max(0, at - _REACH)
        end = high
        for one in entries[index:]:
            if one >= high:
                break
            if one - at >= self._unit and _last_end(self._text, one, self._mode) is not None:
                end = one
                break
        bare = _last_end(self._text, at, self._mode)
        plain = entry or 0
        if entry is not None:
            entry = _first(self._text, entry, self._mode)
        return entry, plain, end, bare if bare is not None else max(0, at - _REACH) // self._unit * self._unit


def _turn(text: bytes, unit: int) -> bytes:
    buffer = bytearray(text[: len(text) // unit * unit])
    parts = [text[offset : len(buffer) : unit] for offset in range(unit)]
    for offset in range(unit):
        buffer[offset::unit] = parts[unit - 1 - offset]
    return bytes(buffer)


def _last_end(text: bytes, entry: int, mode: str) -> int | None:
    """Return where the code before an entry ended, if that is near."""
    pattern, unit = _ENDS[mode]
    low = max(0, entry - _REACH) // 4 * 4
    last = None
    for match in re.finditer(b"(?=(" + pattern + b"))", text[low:entry], re.DOTALL):
        if match.start() % unit == 0:
            last = low + match.end(1)
    return last


def _first(text: bytes, entry: int, mode: str) -> int:
    """Return where a function starts that saves its registers at `entry`: MIPS code may do something before."""
    if mode == "mips16":
        low = max(0, entry - _REACH)
        tables = [low + match.start() for match in _TABLE_16.finditer(text[low:entry])]
        return tables[-1] if tables and tables[-1] % 2 == 0 else entry
    last = _last_end(text, entry, mode) if mode in ("mips", "aarch64") else None
    if last is None:  # in the other modes the constants of the function before may lie between
        return entry
    while last < entry and text[last : last + 4] in (bytes(4), b"\xd5\x03\x20\x1f"):
        last += 4  # padding
    return min(last, entry)


def _entries_x86(text: bytes, mode: str) -> list[int]:
    """`endbr`, `push %ebp; mov %esp, %ebp`, or code at a 16-byte boundary after a return, jump or padding."""
    mark = b"\xf3\x0f\x1e\xfa" if mode == "x86-64" else b"\xf3\x0f\x1e\xfb"
    aligned = rb"(?<=[\xc3\x90\xcc])[\x55\x53\x56\x57\x41\x48\x83\x81\xb8-\xbf\x31]"
    pattern = re.escape(mark) + rb"|\x55\x89\xe5|\x55\x48\x89\xe5|" + aligned
    return [m.start() for m in re.finditer(pattern, text) if len(m.group()) > 1 or m.start() % 16 == 0]

"""ELF programs and libraries as routers carry them, read from the program headers alone.

Sources: System V ABI, chapters 4 and 5 (object files, dynamic linking) and its processor supplements for MIPS, ARM,
AArch64, i386 and x86-64; elf(5). Section headers are never needed: routers' programs often have none. Every count and
offset of the file is checked before it is used, and every table is bounded, so that lying headers cost no time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_SIZE = 64 * 1024 * 1024
MAX_HEADERS = 128
MAX_DYNAMIC = 1024
MAX_SYMBOLS = 100_000
MAX_RELOCATIONS = 200_000
MAX_NAME = 256
MAX_INITS = 1024

_MACHINES = {3: "x86", 8: "mips", 40: "arm", 62: "x86-64", 183: "aarch64"}
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_EH_FRAME, _PT_RELRO = 1, 2, 3, 0x6474E550, 0x6474E552
_PT_ARM_EXIDX = 0x70000001
_DT_NEEDED, _DT_PLTRELSZ, _DT_PLTGOT, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA, _DT_RELASZ = 1, 2, 3, 4, 5, 6, 7, 8
_DT_STRSZ, _DT_REL, _DT_RELSZ, _DT_PLTREL, _DT_JMPREL = 10, 17, 18, 20, 23
_DT_INIT, _DT_INIT_ARRAY, _DT_INIT_ARRAYSZ, _DT_PREINIT_ARRAY, _DT_PREINIT_ARRAYSZ = 12, 25, 27, 32, 33
_DT_GNU_HASH, _DT_FLAGS_1 = 0x6FFFFEF5, 0x6FFFFFFB
_DT_MIPS_LOCAL_GOTNO, _DT_MIPS_SYMTABNO, _DT_MIPS_GOTSYM = 0x7000000A, 0x70000011, 0x70000013
_DF_1_PIE = 0x08000000
_STT_GNU_IFUNC = 10
_EF_MIPS_M16 = 0x04000000
# Relocation types that put the address of a symbol into a slot, and those that put load base plus addend there.
_SLOTS = {"x86": {1, 6, 7}, "x86-64": {1, 6, 7}, "arm": {2, 21, 22}, "aarch64": {257, 1025, 1026}, "mips": {3, 127}}
_BASED = {"x86": 8, "x86-64": 8, "arm": 23, "aarch64": 1027, "mips": 3}
_COPIED = {"x86": 5, "x86-64": 5, "arm": 20, "aarch64": 1024, "mips": 126}
_CHOSEN = {"x86": 42, "x86-64": 37, "arm": 160, "aarch64": 1032}  # the address that a resolver returns
_GP_OFFSET = 0x7FF0  # gp points so far behind the start of the table (MIPS supplement, Global Offset Table)


class ElfError(ValueError):
    """The file is not an ELF file that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A loaded part: `start` and `end` are virtual addresses, `end` covers what the file holds."""

    start: int
    end: int
    offset: int
    writable: bool
    executable: bool


@dataclass
class Elf:
    """What the headers and the dynamic section say. Addresses are the file's own virtual addresses."""

    data: bytes
    machine: str
    bits: int
    endian: str  # `big` or `little`
    kind: str  # `program`, `library` or `kernel-module`
    linking: str = "static"
    interpreter: str = ""
    entry: int = 0
    compressed: bool = False  # MIPS16 code is in it
    needed: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    exports: dict[str, int] = field(default_factory=dict)
    slots: dict[int, str] = field(default_factory=dict)  # address of a table entry -> imported name
    based: dict[int, int] = field(default_factory=dict)  # address of a pointer -> what it points to once loaded
    copied: dict[int, str] = field(default_factory=dict)  # address of data that is copied here from a library -> name
    undefined: dict[int, str] = field(default_factory=dict)  # address that stands for an import (stub) -> name
    segments: list[Segment] = field(default_factory=list)
    constant: list[tuple[int, int]] = field(default_factory=list)  # ranges that nothing writes to after loading
    frames: tuple[int, int] = (0, 0)  # .eh_frame_hdr
    unwind: tuple[int, int] = (0, 0)  # .ARM.exidx
    inits: list[int] = field(default_factory=list)  # functions that run before `main`
    resolvers: list[int] = field(default_factory=list)  # functions that choose another while the file is loaded
    gp: int = 0  # MIPS
    table: int = 0  # DT_PLTGOT
    faults: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Return the bytes of an address."""
        return self.bits // 8

    def offset_of(self, address: int) -> int | None:
        """Return the file offset of a virtual address, or None."""
        for segment in self.segments:
            if segment.start <= address < segment.end:
                return segment.offset + address - segment.start
        return None

    def read(self, address: int, size: int) -> bytes:
        """Return up to `size` bytes at a virtual address; fewer where the segment ends."""
        for segment in self.segments:
            if segment.start <= address < segment.end:
                start = segment.offset + address - segment.start
                return self.data[start : start + min(size, segment.end - address)]
        return b""

    def integer(self, address: int, size: int) -> int | None:
        """Return the integer at a virtual address, or None."""
        raw = self.read(address, size)
        return int.from_bytes(raw, "big" if self.endian == "big" else "little") if len(raw) == size else None

    def pointer(self, address: int) -> int | None:
        """Return what the pointer at a virtual address will hold once the file is loaded, or None."""
        based = self.based.get(address)
        return based if based is not None else self.integer(address, self.width)

    def is_constant(self, address: int, size: int) -> bool:
        """Tell whether nothing writes to these bytes once the file is loaded."""
        return any(start <= address and address + size <= end for start, end in self.constant)

    def is_code(self, address: int) -> bool:
        """Tell whether the address is in an executable segment."""
        return any(part.executable and part.start <= address < part.end for part in self.segments)


def read(data: bytes) -> Elf:
    """Read an ELF file; raises ElfError where nothing can be said of it. Lesser faults are listed in `faults`."""
    if data[:4] != b"\x7fELF" or len(data) < 52:
        raise ElfError("too short to be an ELF file")
    if len(data) > MAX_SIZE:
        raise ElfError(f"more than {MAX_SIZE} bytes")
    if data[4] not in (1, 2) or data[5] not in (1, 2):
        raise ElfError("its class or byte order does not exist")
    bits, order = 32 * data[4], "<>"[data[5] - 1]
    if len(data) < (52 if bits == 32 else 64):
        raise ElfError("its header is cut")
    kind, machine = struct.unpack_from(order + "HH", data, 16)
    shape = "IIIIHHH" if bits == 32 else "QQQIHHH"
    entry, headers, _sections, flags, _size, entry_size, count = struct.unpack_from(order + shape, data, 24)
    name = _MACHINES.get(machine, f"e_machine {machine}")
    name = {("x86-64", 32): "x32", ("mips", 64): "mips64"}.get((name, bits), name)
    elf = Elf(data, name, bits, "big" if order == ">" else "little", "kernel-module" if kind == 1 else "program")
    elf.entry, elf.compressed = entry, name == "mips" and bool(flags & _EF_MIPS_M16)
    if kind != 1:
        _Loader(elf, order, is_executable=kind == 2).load(headers, entry_size, count)
    return elf


class _Loader:
    """Fills an Elf from the program headers and the dynamic section."""

    def __init__(self, elf: Elf, order: str, *, is_executable: bool) -> None:
        self._elf = elf
        self._order = order
        self._executable = is_executable
        self._tags: dict[int, int] = {}
        self._strings = b""

    def load(self, headers: int, entry_size: int, count: int) -> None:
        dynamic, relro = (0, 0), (0, 0)
        for kind, flags, offset, address, filled, memory in self._headers(headers, entry_size, count):
            if kind == _PT_LOAD:
                self._segment(flags, offset, address, filled)
            elif kind == _PT_DYNAMIC:
                dynamic = (address, filled)
            elif kind == _PT_INTERP:
                self._elf.interpreter = _text(self._elf.data[offset : offset + min(filled, MAX_NAME)])
            elif kind == _PT_RELRO:
                relro = (address, address + memory)
            elif kind == _PT_EH_FRAME:
                self._elf.frames = (address, address + filled)
            elif kind == _PT_ARM_EXIDX:
                self._elf.unwind = (address, address + filled)
        self._dynamic(*dynamic)
        self._linking()
        self._elf.constant += [(part.start, part.end) for part in self._elf.segments if not part.writable]
        if relro[0] < relro[1]:
            self._elf.constant.append(relro)
        if self._tags:
            self._strings = self._elf.read(self._tags.get(_DT_STRTAB, 0), min(self._tags.get(_DT_STRSZ, 0), 1 << 24))
            symbols = self._symbols()
            self._relocations(symbols)
            if self._elf.machine == "mips":
                self._mips_table(symbols)
            self._started()

    def _headers(self, start: int, size: int, count: int) -> Iterator[tuple[int, int, int, int, int, int]]:
        narrow = self._elf.bits == 32
        if size != (32 if narrow else 56) or count > MAX_HEADERS:
            self._elf.faults.append("its program headers have a wrong size or number")
            return
        for number in range(count):
            raw = self._elf.data[start + number * size : start + (number + 1) * size]
            if len(raw) < size:
                self._elf.faults.append("its program headers are cut")
                return
            if narrow:
                kind, offset, address, _, filled, memory, flags, _ = struct.unpack(self._order + "8I", raw)
            else:
                kind, flags, offset, address, _, filled, memory, _ = struct.unpack(self._order + "IIQQQQQQ", raw)
            yield kind, flags, offset, address, filled, memory

    def _segment(self, flags: int, offset: int, address: int, filled: int) -> None:
        there = max(0, min(filled, len(self._elf.data) - offset))
        if there < filled:
            self._elf.faults.append("a segment lies outside the file")
        if any(part.start < address + there and address < part.end for part in self._elf.segments):
            self._elf.faults.append("segments overlap")
        elif there:
            part = Segment(address, address + there, offset, bool(flags & 2), bool(flags & 1))
            self._elf.segments.append(part)

    def _dynamic(self, address: int, size: int) -> None:
        raw = self._elf.read(address, min(size, MAX_DYNAMIC * 16))
        shape = struct.Struct(self._order + ("II" if self._elf.bits == 32 else "QQ"))
        needed: list[int] = []
        for tag, value in shape.iter_unpack(raw[: len(raw) - len(raw) % shape.size]):
            if tag == 0:
                break
            if tag == _DT_NEEDED:
                needed.append(value)
            else:
                self._tags.setdefault(tag, value)
        if size and not raw:
            self._elf.faults.append("its dynamic section lies outside the file")
        strings = self._elf.read(self._tags.get(_DT_STRTAB, 0), min(self._tags.get(_DT_STRSZ, 0), 1 << 24))
        self._elf.needed = [name for name in (_at(strings, value) for value in needed[:256]) if name]
        self._elf.table = self._tags.get(_DT_PLTGOT, 0)

    def _linking(self) -> None:
        elf = self._elf
        is_pie = bool(self._tags.get(_DT_FLAGS_1, 0) & _DF_1_PIE)
        if not self._executable and not elf.interpreter and not is_pie:
            elf.kind = "library"
        if elf.interpreter or elf.needed or (elf.kind == "library" and self._tags):
            elf.linking = "dynamic"

    def _count(self) -> int:
        """Return the number of dynamic symbols: from a hash table, or from where the next table starts."""
        for tag in (_DT_MIPS_SYMTABNO,):
            if tag in self._tags and self._elf.machine == "mips":
                return self._tags[tag]
        if _DT_HASH in self._tags:
            return self._elf.integer(self._tags[_DT_HASH] + 4, 4) or 0
        start = self._tags.get(_DT_SYMTAB, 0)
        ends = [self._tags[tag] for tag in (_DT_STRTAB, _DT_HASH, _DT_GNU_HASH, _DT_RELA, _DT_REL) if tag in self._tags]
        return min((end - start for end in ends if end > start), default=0) // (16 if self._elf.bits == 32 else 24)

    def _symbols(self) -> list[tuple[str, int, bool]]:
        """Return the dynamic symbols in their order: name, value, defined here."""
        count, narrow = self._count(), self._elf.bits == 32
        if count > MAX_SYMBOLS:
            self._elf.faults.append(f"more than {MAX_SYMBOLS} symbols")
            count = MAX_SYMBOLS
        shape = struct.Struct(self._order + ("IIIBBH" if narrow else "IBBHQQ"))
        raw = self._elf.read(self._tags.get(_DT_SYMTAB, 0), count * shape.size)
        if len(raw) < count * shape.size:
            self._elf.faults.append("its symbol table is cut")
        found: list[tuple[str, int, bool]] = []
        for values in shape.iter_unpack(raw[: len(raw) - len(raw) % shape.size]):
            name, value, section = (values[0], values[1], values[5]) if narrow else (values[0], values[4], values[3])
            text = _at(self._strings, name)
            found.append((text, value, section != 0))
            if not text:
                continue
            if section:
                self._elf.exports[text] = value
                if values[3 if narrow else 1] & 15 == _STT_GNU_IFUNC and len(self._elf.resolvers) < MAX_INITS:
                    self._elf.resolvers.append(value)
            else:
                self._elf.imports.append(text)
                if value:
                    self._elf.undefined[value & ~1 if self._elf.machine in ("mips", "arm") else value] = text
        return found

    def _relocations(self, symbols: list[tuple[str, int, bool]]) -> None:
        tags = self._tags
        tables = [
            (tags.get(_DT_RELA, 0), tags.get(_DT_RELASZ, 0), True),
            (tags.get(_DT_REL, 0), tags.get(_DT_RELSZ, 0), False),
        ]
        tables.append((tags.get(_DT_JMPREL, 0), tags.get(_DT_PLTRELSZ, 0), tags.get(_DT_PLTREL) == _DT_RELA))
        for address, size, has_addend in tables:
            narrow = self._elf.bits == 32
            shape = struct.Struct(self._order + ("I" if narrow else "Q") * (3 if has_addend else 2))
            if size > MAX_RELOCATIONS * shape.size:
                self._elf.faults.append(f"more than {MAX_RELOCATIONS} relocations")
            raw = self._elf.read(address, min(size, MAX_RELOCATIONS * shape.size))
            for row in shape.iter_unpack(raw[: len(raw) - len(raw) % shape.size]):
                index, kind = (row[1] >> 8, row[1] & 0xFF) if narrow else (row[1] >> 32, row[1] & 0xFFFFFFFF)
                self._relocation(row[0], index, kind, row[2] if has_addend else None, symbols)

    def _relocation(
        self, slot: int, index: int, kind: int, addend: int | None, symbols: list[tuple[str, int, bool]]
    ) -> None:
        elf = self._elf
        if kind == _CHOSEN.get(elf.machine):
            value = addend if addend is not None else elf.integer(slot, elf.width)
            if value is not None and len(elf.resolvers) < MAX_INITS:
                elf.resolvers.append(value)
            return
        if kind == _BASED.get(elf.machine) and (index == 0 or elf.machine != "mips"):
            value = addend if addend is not None else elf.integer(slot, elf.width)
            if value is not None:
                elf.based[slot] = value
        elif kind == _COPIED.get(elf.machine) and 0 < index < len(symbols):
            elf.copied[slot] = symbols[index][0]
        elif kind in _SLOTS.get(elf.machine, ()) and 0 < index < len(symbols):
            name, value, is_here = symbols[index]
            if is_here:
                elf.based[slot] = value + (addend or 0)
            elif name:
                elf.slots[slot] = name

    def _started(self) -> None:
        """Note what runs before `main`: DT_INIT and the arrays (System V ABI, chapter 5, Initialization Functions)."""
        elf, tags = self._elf, self._tags
        if _DT_INIT in tags:
            elf.inits.append(tags[_DT_INIT])
        for array, size in ((_DT_PREINIT_ARRAY, _DT_PREINIT_ARRAYSZ), (_DT_INIT_ARRAY, _DT_INIT_ARRAYSZ)):
            start, count = tags.get(array, 0), min(tags.get(size, 0) // elf.width, MAX_INITS)
            found = [elf.pointer(start + elf.width * number) for number in range(count)] if start else []
            elf.inits += [value for value in found if value is not None and elf.is_code(value)]

    def _mips_table(self, symbols: list[tuple[str, int, bool]]) -> None:
        """Name the entries of the global offset table (MIPS supplement, chapter 5, Global Offset Table)."""
        elf, tags = self._elf, self._tags
        local, first = tags.get(_DT_MIPS_LOCAL_GOTNO, 0), tags.get(_DT_MIPS_GOTSYM, 0)
        if not elf.table or local > MAX_SYMBOLS:
            return
        elf.gp = (elf.table + _GP_OFFSET) & 0xFFFFFFFF
        elf.constant.append((elf.table, elf.table + 4 * local))
        for number, (name, value, is_here) in enumerate(symbols[first:] if first < len(symbols) else ()):
            slot = elf.table + 4 * (local + number)
            if is_here:
                elf.based[slot] = value
            elif name:
                elf.slots[slot] = name


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _at(strings: bytes, offset: int) -> str:
    if not 0 < offset < len(strings):
        return ""
    return _text(strings[offset : offset + MAX_NAME])

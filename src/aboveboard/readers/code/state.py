"""What is known at one place of a function: registers, memory and texts. What is not known is simply absent.

A value is a number, or an Origin that says where it came from. The stack pointer starts at a number of its own, and each
imported function has one, so that plain arithmetic follows both.
"""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.readers.code.lift import CONSTANT, MEMORY, REGISTER, Place
from aboveboard.readers.elf import Elf

MAX_CELLS = 4096
MAX_TEXT = 300
_LIBRARY_DATA = {"in6addr_any": bytes(16), "in6addr_loopback": bytes(15) + b"\1"}  # POSIX.1-2017, netinet/in.h
LOWEST_POINTER = 256  # below it lies the header of a file that is loaded at 0, or nothing
STACK_REACH = 1 << 20  # bytes around the first stack pointer that are taken for the stack

UNKNOWN = "\ufffd"  # in a text: a part that is not known


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an unknown value came from: the result of a call (name, address, constant arguments) or a parameter."""

    name: str  # empty for a parameter
    number: int  # address of the call, or number of the parameter
    arguments: tuple[int | None, ...] = ()


Value = int | Origin


class Places:
    """Numbers that stand for the stack and for imported functions, out of the way of real addresses."""

    def __init__(self, elf: Elf) -> None:
        narrow = elf.bits == 32
        self.mask = (1 << elf.bits) - 1
        self.stack = 0xE0000000 if narrow else 0x7FF0_0000_0000_0000
        self._first = 0xFE000000 if narrow else 0x7FE0_0000_0000_0000
        self.texts = 0xF8000000 if narrow else 0x7FD0_0000_0000_0000
        self._names = sorted(set(elf.slots.values()))
        copies = {address: name for address, name in elf.copied.items() if name in _LIBRARY_DATA}
        self._numbers = {name: self._first + 16 * index for index, name in enumerate(self._names)}

        self._data = {**{self._numbers[name]: name for name in _LIBRARY_DATA if name in self._numbers}, **copies}

    def library_byte(self, address: int) -> int | None:
        """Return a byte of data that is the C library's and has one value everywhere."""
        for start, name in self._data.items():
            if start <= address < start + len(_LIBRARY_DATA[name]):
                return _LIBRARY_DATA[name][address - start]
        return None

    def of(self, name: str) -> int:
        """Return the number that stands for an imported function."""
        return self._numbers[name]

    def name(self, number: int) -> str | None:
        """Return the imported function that a number stands for, or None."""
        index, rest = divmod(number - self._first, 16)
        return self._names[index] if 0 <= index < len(self._names) and rest < 2 else None

    def on_stack(self, number: int) -> bool:
        """Tell whether a number is an address on the stack."""
        return -STACK_REACH < number - self.stack < STACK_REACH


class State:
    """Registers by offset, memory cells by address, texts by the address of their buffer."""

    __slots__ = ("_big", "_elf", "_places", "_width", "cells", "registers", "small", "texts")

    def __init__(self, elf: Elf, places: Places) -> None:
        self._elf = elf
        self._places = places
        self._width = elf.width
        self._big = elf.endian == "big"
        self.registers: dict[int, Value] = {}
        self.small: dict[int, tuple[int, Value]] = {}  # values narrower than their register: offset -> size, value
        self.cells: dict[int, tuple[int, Value]] = {}
        self.texts: dict[int, str] = {}

    def copy(self) -> State:
        """Return a state that can go its own way."""
        other = State.__new__(State)
        other._elf, other._places, other._width, other._big = self._elf, self._places, self._width, self._big
        other.registers, other.small = dict(self.registers), dict(self.small)
        other.cells, other.texts = dict(self.cells), dict(self.texts)
        return other

    def meet(self, other: State) -> bool:
        """Keep what both know; return whether anything was dropped."""
        changed = False
        for mine, theirs in (
            (self.registers, other.registers),
            (self.small, other.small),
            (self.cells, other.cells),
            (self.texts, other.texts),
        ):
            gone = [key for key, value in mine.items() if theirs.get(key) != value]
            for key in gone:
                del mine[key]
            changed = changed or bool(gone)
        return changed

    def get(self, place: Place) -> Value | None:
        """Return the value of a place outside the unique space."""
        space, offset, size = place
        if space == REGISTER:
            if size == self._width and not offset % size:
                return self.registers.get(offset)
            return self._part(offset, size)
        if space == CONSTANT:
            return offset & (1 << 8 * size) - 1
        return self.load(offset, size) if space == MEMORY else None

    def set(self, place: Place, value: Value | None) -> None:
        """Give a place outside the unique space its value; None makes it unknown."""
        space, offset, size = place
        if space == MEMORY:
            self.store(offset, size, value)
        elif space == REGISTER:
            if size == self._width and not offset % size:
                if value is None:
                    self.registers.pop(offset, None)
                else:
                    self.registers[offset] = value
                if self.small:
                    self._forget_small(offset)
            else:
                self._set_part(offset, size, value)

    def _forget_small(self, container: int) -> None:
        for key in [key for key in self.small if container <= key < container + self._width]:
            del self.small[key]

    def _part(self, offset: int, size: int) -> Value | None:
        width = self._width
        container = offset - offset % width
        if size > width:
            parts = [self.get((REGISTER, offset + at, width)) for at in range(0, size, width)]
            if not all(isinstance(part, int) for part in parts):
                return None
            order = parts if self._big else parts[::-1]
            return int.from_bytes(b"".join(part.to_bytes(width, "big") for part in order if isinstance(part, int)), "big")
        exact = self.small.get(offset)
        if exact is not None and exact[0] == size:
            return exact[1]
        whole = self.registers.get(container)
        if not isinstance(whole, int):
            return whole if offset == container + (width - size if self._big else 0) else None
        shift = container + width - offset - size if self._big else offset - container
        return whole >> 8 * shift & (1 << 8 * size) - 1 if shift >= 0 else None

    def _set_part(self, offset: int, size: int, value: Value | None) -> None:
        width = self._width
        if size > width:
            for at in range(0, size, width):
                shift = size - width - at if self._big else at
                part = value >> 8 * shift & (1 << 8 * width) - 1 if isinstance(value, int) else None
                self.set((REGISTER, offset + at, width), part)
            return
        container = offset - offset % width
        whole = self.registers.get(container)
        shift = container + width - offset - size if self._big else offset - container
        if isinstance(whole, int) and isinstance(value, int) and shift >= 0:
            mask = ((1 << 8 * size) - 1) << 8 * shift
            self.registers[container] = whole & ~mask | value << 8 * shift & mask
            return
        self.registers.pop(container, None)
        for key in [k for k, (length, _) in self.small.items() if k < offset + size and offset < k + length]:
            del self.small[key]
        if value is not None:
            self.small[offset] = (size, value)
            self._join(container)

    def _join(self, container: int) -> None:
        """Make one value of the parts of a register, once all are known."""
        parts = sorted((key, *self.small[key]) for key in self.small if container <= key < container + self._width)
        raw = b""
        for key, size, value in parts:
            if key != container + len(raw) or not isinstance(value, int):
                return
            raw += value.to_bytes(size, "big" if self._big else "little")
        if len(raw) == self._width:
            self._forget_small(container)
            self.registers[container] = int.from_bytes(raw, "big" if self._big else "little")

    def load(self, address: int, size: int) -> Value | None:
        """Return what memory holds: what was stored, an imported function, or what nothing can write to."""
        cell = self.cells.get(address)
        if cell is not None and cell[0] == size:
            return cell[1]
        name = self._elf.slots.get(address)
        if name is not None and size == self._width:
            return self._places.of(name)
        if size > self._width and size % self._width == 0:
            return self._words(address, size)
        if self._places.on_stack(address) or cell is not None or self._places.library_byte(address) is not None:
            return self._assemble(address, size)
        if size == self._width and address in self._elf.based:
            return self._elf.based[address]  # a pointer with an initial value, also where the program may change it
        return self._elf.integer(address, size) if self._is_fixed(address, size) else None

    def _words(self, address: int, size: int) -> Value | None:
        raw = b""
        for at in range(0, min(size, 64), self._width):
            word = self.load(address + at, self._width)
            if not isinstance(word, int):
                return None
            raw += word.to_bytes(self._width, "big" if self._big else "little")
        return int.from_bytes(raw, "big" if self._big else "little")

    def initial(self, address: int) -> Value | None:
        """Return the word in memory, or what the file gives to data that the program may change."""
        value = self.load(address, self._width)
        if value is None and address not in self.cells and not self._places.on_stack(address):
            return self._elf.pointer(address)
        return value

    def _is_fixed(self, address: int, size: int = 1) -> bool:
        return self._elf.is_constant(address, size)

    def _assemble(self, address: int, size: int) -> Value | None:
        if size > 16:
            return None
        raw = bytearray()
        for at in range(size):
            one = self.byte(address + at, initial=False)
            if one is None:
                return None
            raw.append(one)
        return int.from_bytes(raw, "big" if self._big else "little")

    def byte(self, address: int, *, initial: bool) -> int | None:
        """Return one byte of memory; `initial` also takes what the file gives to data that the program may change."""
        cells = self.cells
        for back in range(16) if cells else ():
            cell = cells.get(address - back)
            if cell is not None:
                size, value = cell
                if size > back:
                    if not isinstance(value, int):
                        return None
                    return value >> 8 * (size - 1 - back if self._big else back) & 0xFF
                break
        if self._places.on_stack(address):
            return None
        known = self._places.library_byte(address)
        if known is not None:
            return known
        return self._elf.integer(address, 1) if initial or self._is_fixed(address) else None

    def store(self, address: int, size: int, value: Value | None) -> None:
        """Put a value into memory; what it overlaps and does not cover is kept byte by byte."""
        cells = self.cells
        for start in range(address - 15, address + size):
            old = cells.get(start)
            if old is None or start + old[0] <= address:
                continue
            del cells[start]
            if isinstance(old[1], int) and (start < address or start + old[0] > address + size):
                self._keep_rest(start, old, address, size)
        if value is not None and len(cells) < MAX_CELLS:
            cells[address] = (size, value)
        if address in self.texts:
            del self.texts[address]

    def _keep_rest(self, start: int, old: tuple[int, Value], address: int, size: int) -> None:
        length, value = old
        assert isinstance(value, int)
        for at in range(length):
            if not address <= start + at < address + size:
                self.cells[start + at] = (1, value >> 8 * (length - 1 - at if self._big else at) & 0xFF)

    def forget(self, address: int, size: int) -> None:
        """Forget what lies at an address: a called function may have written there."""
        for start in [key for key in range(address - 15, address + size) if key in self.cells]:
            if start + self.cells[start][0] > address:
                del self.cells[start]
        self.texts.pop(address, None)

    def text(self, value: Value | None) -> str | None:
        """Return the text that a pointer leads to: printable, ended by a zero byte, at most MAX_TEXT characters."""
        if not isinstance(value, int) or value < LOWEST_POINTER:
            return None
        known = self.texts.get(value)
        if known is not None:
            return known
        if value not in self.cells and not self._places.on_stack(value):
            raw = self._elf.read(value, MAX_TEXT + 1)
        else:
            raw = b""
            while len(raw) <= MAX_TEXT and (one := self.byte(value + len(raw), initial=True)) is not None:
                raw += bytes([one])
                if not one:
                    break
        end = raw.find(b"\0")
        if end < 0:
            return None
        try:
            found = raw[:end].decode("utf-8")
        except UnicodeDecodeError:
            return None
        return found if all(one.isprintable() or one in "\t\n\r" for one in found) else None

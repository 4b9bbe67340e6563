"""Registers and memory at one place of a function, as values (see `values`)."""

from __future__ import annotations

from aboveboard.readers.code.machines import Machine
from aboveboard.readers.code.state import Places
from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.values import SUBPIECE, Value, apart

MAX_CELLS = 2048
Key = tuple[str, Value]  # ("r", offset of a register) or ("m", place in memory)
_REACH = 16  # bytes that the widest store covers


class State:
    """What is known. Registers are kept by offset, memory by place; what was never written has its first value."""

    __slots__ = ("_elf", "_exact", "_places", "_width", "big", "cells", "registers")

    def __init__(self, elf: Elf, places: Places, machine: Machine) -> None:
        self._elf, self._places = elf, places
        self._width = elf.width
        self._exact = machine.flags  # one-byte registers from here on are no parts of others
        self.big = elf.endian == "big"
        self.registers: dict[int, Value] = {}
        self.cells: dict[Value, tuple[int, Value]] = {}

    def copy(self) -> State:
        """Return a state that can go its own way."""
        other = State.__new__(State)
        other._elf, other._places, other._width, other._exact = self._elf, self._places, self._width, self._exact
        other.big = self.big
        other.registers, other.cells = dict(self.registers), dict(self.cells)
        return other

    def meet(self, other: State, block: int) -> bool:
        """Make this the state where paths meet at a block; return whether anything changed."""
        changed = False
        mine, theirs = self.registers, other.registers
        for offset, value in list(mine.items()):
            there = theirs.get(offset)
            if there == value:
                continue
            if there is None:
                del mine[offset]
                changed = True
                continue
            merged: Value = ("f", block, ("r", offset))
            if merged != value:
                mine[offset] = merged
                changed = True
        return self._meet_cells(other, block) or changed

    def _meet_cells(self, other: State, block: int) -> bool:
        changed = False
        mine, theirs = self.cells, other.cells
        for place, cell in list(mine.items()):
            there = theirs.get(place)
            if there == cell or (there is None and cell[1] == ("m", place, cell[0])):
                continue
            merged = (cell[0], ("f", block, ("m", place)))
            if merged != cell:
                mine[place] = merged
                changed = True
        for place, cell in theirs.items():
            if place not in mine and len(mine) < MAX_CELLS and cell[1] != ("m", place, cell[0]):
                mine[place] = (cell[0], ("f", block, ("m", place)))
                changed = True
        return changed

    def get(self, offset: int, size: int) -> Value | None:
        """Return the value of a register or a part of one."""
        found = self.registers.get(offset)
        width = self._width
        if found is not None:
            if type(found) is int and size < width:
                return found & (1 << 8 * size) - 1
            return found
        if size >= width or (size == 1 and offset >= self._exact > 0):
            return None
        container = offset - offset % width
        whole = self.registers.get(container)
        if whole is None:
            return None
        shift = container + width - offset - size if self.big else offset - container
        if type(whole) is int:
            return whole >> 8 * shift & (1 << 8 * size) - 1 if shift >= 0 else None
        return whole if shift == 0 else ("o", SUBPIECE, whole, shift)

    def set(self, offset: int, size: int, value: Value | None) -> None:
        """Give a register or a part of one its value; None makes it unknown."""
        registers = self.registers
        if size > self._width:
            for at in range(self._width, size, self._width):
                registers.pop(offset + at, None)
        elif size < self._width and not offset % self._width and type(value) is int:
            whole = registers.get(offset)
            if type(whole) is int and not self.big:
                value |= whole & ~((1 << 8 * size) - 1)
        if value is None:
            registers.pop(offset, None)
        else:
            registers[offset] = value

    def load(self, place: Value, size: int) -> Value:
        """Return what memory holds."""
        cell = self.cells.get(place)
        if cell is not None:
            length, value = cell
            if length == size or type(value) is not int:
                return value
            if length > size:
                return value >> (8 * (length - size) if self.big else 0) & (1 << 8 * size) - 1
        if type(place) is int and not self._places.on_stack(place):
            return self._fixed(place, size)
        if cell is None and self.cells and size < 16:
            inner = self._inside(place, size)
            if inner is not None:
                return inner
        return ("m", place, size)

    def _inside(self, place: Value, size: int) -> Value | None:
        """Return a part of a wider cell whose value is a number."""
        base, distance = apart(place)
        for back in range(1, 9):
            at: Value = distance - back if base == 0 else ("+", base, distance - back) if distance != back else base
            cell = self.cells.get(at)
            if cell is not None and cell[0] >= back + size and type(cell[1]) is int:
                shift = cell[0] - back - size if self.big else back
                return cell[1] >> 8 * shift & (1 << 8 * size) - 1
        return None

    def _fixed(self, place: int, size: int) -> Value:
        elf = self._elf
        if size == self._width:
            name = elf.slots.get(place)
            if name is not None:
                return self._places.of(name)
            based = elf.based.get(place)
            if based is not None and elf.is_constant(place, size):
                return based
        if elf.is_constant(place, size):
            known = elf.integer(place, size)
            if known is not None:
                return known
        return ("m", place, size)

    def store(self, place: Value, size: int, value: Value | None) -> None:
        """Put a value into memory; what it overlaps is forgotten."""
        cells = self.cells
        base, distance = apart(place)
        for at in range(1 - _REACH if type(place) is int else -8, size):
            if at:
                other: Value = distance + at if base == 0 else ("+", base, distance + at) if distance + at else base
                old = cells.get(other)
                if old is not None and (at > 0 or old[0] > -at):
                    del cells[other]
        if value is None:
            cells.pop(place, None)
        elif len(cells) < MAX_CELLS:
            cells[place] = (size, value)

    def after_call(self, written: list[tuple[Value, int]], *, keeps: bool) -> None:
        """Forget what a called function may have written: `written` are places and the bytes behind them.

        Other data is forgotten as well unless the function `keeps` it; the stack is not. What holds an address of the file
        or of the stack behind a place is taken to be a register that was put aside, and stays.
        """
        on_stack = self._places.on_stack
        if not keeps:
            self.cells = {place: cell for place, cell in self.cells.items() if type(place) is int and on_stack(place)}
        for start, size in written:
            if type(start) is int and on_stack(start):
                for place in [one for one in self.cells if type(one) is int and start <= one < start + size]:
                    value = self.cells[place][1]
                    is_address = (
                        type(value) is int and value > 4096 and (on_stack(value) or self._elf.offset_of(value) is not None)
                    )
                    if place == start or not is_address:
                        del self.cells[place]

"""Evaluates the operations of one instruction on values that are not known."""

from __future__ import annotations

from aboveboard.readers.code import arithmetic, lift
from aboveboard.readers.code.lift import CONSTANT, MEMORY, REGISTER, UNIQUE, Function, Instruction, Operation, Place
from aboveboard.readers.code.state import Places
from aboveboard.readers.elf import Elf
from aboveboard.readers.flow import systemcalls, values
from aboveboard.readers.flow.state import State
from aboveboard.readers.flow.trace import Site, Store
from aboveboard.readers.flow.values import Value

ARGUMENTS = 8
Skips = dict[int, list[tuple[Value, State, dict[int, Value]]]]  # position -> what jumps inside an instruction bring there


class Operations:
    """The operations of one function: what is not a jump between instructions. `current` is the block, `at` the address."""

    def __init__(self, elf: Elf, places: Places, function: Function) -> None:
        self.elf, self.places, self.function = elf, places, function
        self.machine = function.machine
        self.mask = (1 << elf.bits) - 1
        self.sites: dict[int, list[Site]] = {}
        self.stores: dict[int, list[Store]] = {}
        self.selects: dict[tuple[int, Value], None] = {}
        self.uniques: dict[int, Value] = {}
        self.current, self.at, self.flagged = 0, 0, 0

    def _plain(self, instruction: Instruction, state: State) -> bool:
        for code, output, inputs in instruction.operations:
            if output is not None:
                self._operation(code, output, inputs, state)
            elif code == lift.STORE:
                self._store(inputs, state, instruction)
            elif code == lift.CALLOTHER:
                self._system(instruction, state)
        return True

    def _system(self, instruction: Instruction, state: State) -> None:
        """Note a call of the kernel: its number and arguments lie in registers."""
        raw = self.elf.read(instruction.address, instruction.after - instruction.address)
        found = systemcalls.at(raw, self.elf, self.machine, state.registers)
        if found is not None:
            name, arguments = found
            padded = (*arguments, *[None] * (ARGUMENTS - len(arguments)))
            self.sites.setdefault(self.current, []).append(Site(instruction.address, self.current, name, 0, padded))
            state.registers[self.machine.result] = ("c", instruction.address)

    def _get(self, place: Place, state: State) -> Value | None:
        space, offset, size = place
        if space == REGISTER:
            return state.get(offset, size)
        if space == UNIQUE:
            value = self.uniques.get(offset)
            return value & (1 << 8 * size) - 1 if type(value) is int else value
        if space == CONSTANT:
            return offset & (1 << 8 * size) - 1
        return state.load(offset, size) if space == MEMORY else None

    def _put(self, place: Place, value: Value | None, state: State) -> None:
        space, offset, size = place
        if space == UNIQUE:
            if value is None:
                self.uniques.pop(offset, None)
            else:
                self.uniques[offset] = value
        elif space == REGISTER:
            if size == 1:
                self.flagged = self.at
            if offset != self.machine.pinned:
                state.set(offset, size, value)
        elif space == MEMORY:
            state.store(offset, size, value)

    def _operation(self, code: int, output: Place, inputs: tuple[Place, ...], state: State) -> None:
        result: Value | None = None
        if code == lift.LOAD:
            place = self._get(inputs[1], state)
            result = state.load(place, output[2]) if place is not None else None
        elif code in arithmetic.COPIES:
            result = self._get(inputs[0], state)
        elif len(inputs) == 1:
            value = self._get(inputs[0], state)
            result = values.unary(code, value, inputs[0][2]) if value is not None else None
        elif code == lift.CALLOTHER:
            pass
        else:
            result = self._two(code, inputs, state)
        if type(result) is int:
            result &= (1 << 8 * output[2]) - 1
        elif result is None and output[0] == REGISTER and output[2] >= 4:
            result = ("u", self.at, output[1])
        self._put(output, result, state)

    def _two(self, code: int, inputs: tuple[Place, ...], state: State) -> Value | None:
        if inputs[0] == inputs[1] and code in (values.XOR, values.SUB):
            return 0
        first, second = self._get(inputs[0], state), self._get(inputs[1], state)
        if first is None or second is None:
            return 0 if code == values.AND and 0 in (first, second) else None
        if code == values.PIECE:
            if type(first) is int and type(second) is int:
                return second | first << 8 * inputs[1][2]
            return second if first == 0 else None
        return values.binary(code, first, second, inputs[0][2])

    def _store(self, inputs: tuple[Place, ...], state: State, instruction: Instruction) -> None:
        place, value = self._get(inputs[1], state), self._get(inputs[2], state)
        if place is None:
            return
        state.store(place, inputs[2][2], value)
        if type(place) is not int or _says(value) or not self.places.on_stack(place):
            self._note(instruction.address, place, inputs[2][2], value)

    def _note(self, address: int, place: Value, size: int, value: Value | None) -> None:
        self.stores[self.current].append(Store(address, self.current, place, size, value))

    def _within(
        self,
        code: int,
        inputs: tuple[Place, ...],
        position: int,
        operations: tuple[Operation, ...],
        skips: Skips,
        state: State,
    ) -> None:
        """A jump inside one instruction: forwards it chooses, backwards it repeats."""
        target = position + _signed32(inputs[0][1])
        if target > position:
            test = self._get(inputs[1], state) if code == lift.CBRANCH else 1
            skips.setdefault(target, []).append(
                (test if test is not None else ("u", self.at, position), state.copy(), dict(self.uniques))
            )
            return
        for _, output, _ in operations[target:position]:
            if output is not None:
                self._put(output, None, state)

    def _select(self, test: Value, other: State, uniques: dict[int, Value], state: State) -> None:
        """Join what a jump inside an instruction skipped with what it did not."""
        for mine, theirs in ((state.registers, other.registers), (self.uniques, uniques)):
            for key in [*mine, *(key for key in theirs if key not in mine)]:
                a, b = theirs.get(key), mine.get(key)
                if a == b:
                    continue
                if a is None or b is None or values.depth(test) + 1 >= values.MAX_DEPTH:
                    mine.pop(key, None)
                else:
                    mine[key] = chosen = values.chosen(test, a, b)
                    if type(chosen) is tuple and chosen[0] == "?":
                        self.selects[(self.current, chosen)] = None


def _says(value: Value | None) -> bool:
    """Tell whether a value may be the outcome of something: a number, a test, one of several."""
    return type(value) is int or (type(value) is tuple and (value[0] in "fc?" or values.is_test(value)))


def _signed32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value

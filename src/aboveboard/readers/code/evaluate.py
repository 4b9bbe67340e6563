"""Follows constants through one function, forward, and reports what is called with which values.

Blocks are visited in the order of their addresses; where paths meet, only what all of them know is kept, and a block is
visited again while that changes. That ends, for a visit only takes away from what is known at its start. Registers that
the calling convention does not keep die at calls. What a function of the file does to data behind pointers is not followed:
what pointers to the stack lead to is forgotten at its call, other data is taken to stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from aboveboard.readers.code import arithmetic, library, lift, strings
from aboveboard.readers.code.lift import CONSTANT, MEMORY, REGISTER, UNIQUE, Function, Instruction, Operation, Place
from aboveboard.readers.code.state import Origin, Places, State, Value
from aboveboard.readers.elf import Elf

_STACKED = 8  # arguments that are looked for on the stack
MAX_STEPS = 50_000  # instructions evaluated in one function
_THUNKS = {0x04: "EAX", 0x0C: "ECX", 0x14: "EDX", 0x1C: "EBX", 0x2C: "EBP", 0x34: "ESI", 0x3C: "EDI"}


@dataclass
class Call:
    """A call as it is met: to an imported function (`name`) or to one of this file (`target`)."""

    name: str
    target: int
    address: int
    state: State
    evaluator: Evaluator

    @property
    def big(self) -> bool:
        """Tell the byte order."""
        return self.evaluator.big

    @property
    def width(self) -> int:
        """Return the bytes of an address."""
        return self.evaluator.elf.width

    def argument(self, number: int) -> Value | None:
        """Return an argument by the calling convention, from 0."""
        machine, convention = self.evaluator.machine, self.evaluator.machine.convention
        if number < len(machine.arguments):
            return self.state.registers.get(machine.arguments[number])
        if number >= _STACKED and machine.local:
            return self.state.registers.get(machine.local[number - _STACKED])
        sp = self.state.registers.get(machine.sp)
        if not isinstance(sp, int):
            return None
        offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
        return self.state.load(sp + offset, convention.word)

    def new_text(self, text: str) -> int:
        """Return the address of a new buffer that holds a text."""
        return self.evaluator.new_text(text, self)

    def on_stack(self, number: int) -> bool:
        """Tell whether a number is an address on the stack."""
        return self.evaluator.places.on_stack(number)


class Evaluator:
    """Evaluates one function. `report` is told of each call each time it is met; the last word counts."""

    def __init__(
        self,
        elf: Elf,
        places: Places,
        stubs: Mapping[int, str],
        function: Function,
        report: Callable[[Call], None],
    ) -> None:
        self.elf = elf
        self.places = places
        self.machine = function.machine
        self.big = elf.endian == "big"
        self._width = elf.width
        self._stubs = stubs
        self._function = function
        self._report = report
        self._unique: dict[int, tuple[int, Value]] = {}
        self._entries: dict[int, State] = {}
        self._waiting: set[int] = set()
        self._pending: list[int] = []
        self._texts: dict[int, int] = {}
        self._jumps: State | None = None
        self.steps = 0

    def new_text(self, text: str, call: Call) -> int:
        """Return the address that stands for the buffer which a call makes; the same for each visit of the call."""
        address = self._texts.setdefault(call.address, self.places.texts + 0x1000 * (len(self._texts) % 1024))
        call.state.texts[address] = text
        return address

    def run(self, arguments: Mapping[int, Value]) -> None:
        """Evaluate the function, called with `arguments` by number as far as they are known."""
        state = State(self.elf, self.places)
        machine, convention = self.machine, self.machine.convention
        state.registers[machine.sp] = self.places.stack
        if machine.function_register is not None:
            state.registers[machine.function_register] = self._function.start
        for number in range(max(4, len(machine.arguments))):
            value = arguments.get(number, Origin("", number))
            if number < len(machine.arguments):
                state.registers[machine.arguments[number]] = value
            else:
                offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
                state.store(self.places.stack + offset, convention.word, value)
        for number, register in enumerate(machine.local, _STACKED):
            state.registers[register] = arguments.get(number, Origin("", number))
        self._arrive(self._function.start, state)
        self._drain()
        for orphan in sorted(self._function.orphans):
            if self._jumps is not None and orphan not in self._entries:
                self._arrive(orphan, self._jumps.copy())
                self._drain()

    def _drain(self) -> None:
        while self._pending and self.steps < MAX_STEPS:
            address = heappop(self._pending)
            self._waiting.discard(address)
            self._block(address, self._entries[address].copy())

    def _arrive(self, address: int, state: State) -> None:
        if self.machine.pinned is not None:
            state.registers[self.machine.pinned] = self.elf.gp
        known = self._entries.get(address)
        if known is None:
            self._entries[address] = state
        elif not known.meet(state):
            return
        if address not in self._waiting:
            self._waiting.add(address)
            heappush(self._pending, address)

    def _block(self, address: int, state: State) -> None:
        instructions, leaders = self._function.instructions, self._function.leaders
        while (instruction := instructions.get(address)) is not None:
            self.steps += 1
            self._unique.clear()
            if not self._instruction(instruction, state) or not instruction.follows:
                return
            address = instruction.after
            if address in leaders:
                if address in instructions:
                    self._arrive(address, state)
                return

    def _instruction(self, instruction: Instruction, state: State) -> bool:
        """Evaluate one instruction; return False when nothing goes on behind it."""
        if not instruction.jumps:
            for code, output, inputs in instruction.operations:
                if output is not None:
                    self._operation(code, output, inputs, state)
                elif code == lift.STORE:
                    self._store(inputs, state)
            return True
        if self.elf.machine in ("x86", "x86-64") and strings.repeat(instruction, self.elf, self.machine, state):
            return True
        return self._jumping(instruction, state)

    def _jumping(self, instruction: Instruction, state: State) -> bool:
        position, operations = 0, instruction.operations
        skips: dict[int, State] = {}  # operation -> what a jump inside the instruction brings there
        while position < len(operations):
            if position in skips:
                state.meet(skips.pop(position))
            code, output, inputs = operations[position]
            if code in _FLOW:
                if code in (lift.BRANCH, lift.CBRANCH) and inputs[0][0] == CONSTANT:
                    target = position + _signed32(inputs[0][1])
                    if code == lift.CBRANCH and target > position:
                        skips[target] = state.copy()
                    elif target <= position:
                        self._forget_outputs(operations[target:position], state)
                elif not self._flow(code, inputs, instruction, state):
                    return False
            elif output is not None:
                self._operation(code, output, inputs, state)
            elif code == lift.STORE:
                self._store(inputs, state)
            position += 1
        for other in skips.values():
            state.meet(other)
        return True

    def _forget_outputs(self, operations: tuple[Operation, ...], state: State) -> None:
        for _, output, _ in operations:
            if output is not None:
                self._put(output, None, state)

    def _get(self, place: Place, state: State) -> Value | None:
        space, offset, size = place
        if space == REGISTER and size == self._width and not offset % size:  # this and the next are nearly all
            return state.registers.get(offset)
        if space != UNIQUE:
            return state.get(place)
        held = self._unique.get(offset)
        if held is None:
            return None
        length, value = held
        if length == size or not isinstance(value, int):
            return value
        return value & (1 << 8 * size) - 1 if length > size and not self.big else None

    def _put(self, place: Place, value: Value | None, state: State) -> None:
        space, offset, size = place
        if space == UNIQUE:
            if value is None:
                self._unique.pop(offset, None)
            else:
                self._unique[offset] = (size, value)
        elif offset != self.machine.pinned or space != REGISTER:
            state.set(place, value)

    def _operation(self, code: int, output: Place, inputs: tuple[Place, ...], state: State) -> None:
        result: Value | None = None
        if code == lift.LOAD:
            address = self._get(inputs[1], state)
            result = state.load(address, output[2]) if isinstance(address, int) else None
        else:
            value = self._get(inputs[0], state)
            if code in arithmetic.COPIES:
                result = value
            elif code in arithmetic.BINARY:
                result = self._binary(code, value, inputs, state)
            elif code in arithmetic.UNARY:
                if isinstance(value, int):
                    result = arithmetic.UNARY[code](value, inputs[0][2])
                elif code == arithmetic.SEXT:
                    result = value
            elif code == arithmetic.PIECE:
                low = self._get(inputs[1], state)
                if isinstance(value, int) and isinstance(low, int):
                    result = value << 8 * inputs[1][2] | low
        if isinstance(result, int):
            result &= (1 << 8 * output[2]) - 1
        self._put(output, result, state)

    def _binary(self, code: int, first: Value | None, inputs: tuple[Place, ...], state: State) -> Value | None:
        if inputs[0] == inputs[1] and code in (arithmetic.XOR, arithmetic.SUB):
            return 0
        second = self._get(inputs[1], state)
        if isinstance(first, int) and isinstance(second, int):
            return arithmetic.BINARY[code](first, second, inputs[0][2])
        if code == arithmetic.SUBPIECE and second == 0:
            return first
        if code == arithmetic.AND and 0 in (first, second):
            return 0
        if code in (arithmetic.ADD, arithmetic.OR):  # a move, on some machines
            return first if second == 0 else second if first == 0 else None
        return None

    def _store(self, inputs: tuple[Place, ...], state: State) -> None:
        address = self._get(inputs[1], state)
        if isinstance(address, int):
            state.store(address, inputs[2][2], self._get(inputs[2], state))

    def _flow(self, code: int, inputs: tuple[Place, ...], instruction: Instruction, state: State) -> bool:
        """Follow a branch, call or return; return False when nothing goes on behind it."""
        function = self._function
        direct = code in (lift.CALL, lift.BRANCH, lift.CBRANCH)
        value = inputs[0][1] if direct and inputs[0][0] == MEMORY else self._get(inputs[0], state)
        target = value if isinstance(value, int) else -1
        if code in (lift.CALL, lift.CALLIND):
            return self._call(target, instruction, state)
        if code == lift.RETURN:
            return self._tail(target, instruction, state)
        inside = function.start <= target < function.end and target in function.leaders
        if code == lift.CBRANCH:
            place, number, on_equal = _tested(instruction, inputs[1])
            if inside:
                taken = state.copy()
                if on_equal:
                    taken.set(place, number)
                self._arrive(target, taken)
            elif self._name(target) is not None:
                self._call(target, instruction, state.copy())
            if on_equal is False:
                state.set(place, number)
            return True
        if inside and direct:
            self._arrive(target, state)
        elif not self._tail(target, instruction, state) and target == -1:
            self._jumps = state.copy() if self._jumps is None else self._jumps
            self._jumps.meet(state)
        return False

    def _name(self, target: int) -> str | None:
        # BLX from Thumb state leads to a multiple of four; it is read as BL (see lift), which may name two bytes more.
        even = target & ~3 if self.machine.mode == "thumb" else target & ~1
        return self._stubs.get(target) or self._stubs.get(even) or self.places.name(target)

    def _tail(self, target: int, instruction: Instruction, state: State) -> bool:
        """A jump out of the function calls what it leads to and returns for it."""
        if target >= 0 and (self._name(target) is not None or self.elf.is_code(target)):
            self._call(target, instruction, state)
        return False

    def _call(self, target: int, instruction: Instruction, state: State) -> bool:
        name = self._name(target) or ""
        if not name and self._thunk(target, instruction, state):
            return True
        call = Call(name, target, instruction.address, state, self)
        self._report(call)
        if name:
            result: Value | None = library.effect(name, call)
        else:
            library.forget_arguments(call)
            result = Origin(f"0x{target:x}", call.address) if target >= 0 else None
        machine = self.machine
        state.small.clear()
        registers = state.registers
        state.registers = {place: registers[place] for place in machine.kept if place in registers}
        if result is not None:
            state.registers[machine.result] = result & self.places.mask if isinstance(result, int) else result
        self._pop_return(state)
        return name not in library.NEVER_RETURN

    def _pop_return(self, state: State) -> None:
        sp = state.registers.get(self.machine.sp)
        if self.machine.convention.return_slot and isinstance(sp, int):
            state.registers[self.machine.sp] = sp + self.machine.convention.word

    def _thunk(self, target: int, instruction: Instruction, state: State) -> bool:
        """`mov (%esp), REGISTER; ret` gives position-independent i386 code its own address (i386 supplement)."""
        if self.elf.machine != "x86":
            return False
        if target == instruction.after:  # call to the next instruction, then pop
            return True
        body = self.elf.read(target, 4)
        if len(body) < 4 or body[0] != 0x8B or body[2:] != b"\x24\xc3" or body[1] not in _THUNKS:
            return False
        state.registers[self.machine.by_number[_THUNKS[body[1]]]] = instruction.after
        self._pop_return(state)
        return True


_FLOW = frozenset({lift.BRANCH, lift.CBRANCH, lift.BRANCHIND, lift.CALL, lift.CALLIND, lift.RETURN})


def _tested(instruction: Instruction, condition: Place) -> tuple[Place, int, bool | None]:
    """Return which register is compared with which number, and whether the jump is taken when they are equal."""
    for code, output, inputs in instruction.operations:
        is_test = output == condition and code in (arithmetic.EQUAL, arithmetic.DIFFERENT)
        if is_test and inputs[0][0] == REGISTER and inputs[1][0] == CONSTANT:
            return inputs[0], inputs[1][1], code == arithmetic.EQUAL
    return condition, 0, None


def _signed32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value

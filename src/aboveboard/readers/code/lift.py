"""Translates the reachable code of one function into plain tuples of p-code.

Source of the operations: Ghidra's P-Code Reference Manual, as pypcode gives it. A place is (space, offset, size). The code
is handed over in copies without what the translator cannot take (see prepare).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pypcode import OpCode, TranslateFlags, pypcode_native

from aboveboard.readers.code.machines import Machine
from aboveboard.readers.code.prepare import prepared
from aboveboard.readers.elf import Elf

MAX_INSTRUCTIONS = 16_000  # of one function
MAX_ORPHANS = 256  # blocks behind computed jumps
_PIECE = 64  # instructions translated at once
_NEAR = 0x10000  # bytes around the code that its instructions can name without a register
_TAIL = bytes(16)  # a delay slot behind the last instruction is read as well

CONSTANT, UNIQUE, REGISTER, MEMORY = 0, 1, 2, 3
_SPACES = {"const": CONSTANT, "unique": UNIQUE, "register": REGISTER, "ram": MEMORY}

Place = tuple[int, int, int]  # space, offset, size in bytes
Operation = tuple[int, Place | None, tuple[Place, ...]]

BRANCH, CBRANCH, BRANCHIND = OpCode.BRANCH.value, OpCode.CBRANCH.value, OpCode.BRANCHIND.value
CALL, CALLIND, RETURN = OpCode.CALL.value, OpCode.CALLIND.value, OpCode.RETURN.value
LOAD, STORE, CALLOTHER = OpCode.LOAD.value, OpCode.STORE.value, OpCode.CALLOTHER.value
_NOTHING = -1
_TESTS = frozenset(
    getattr(OpCode, name).value
    for name in """INT_LESS INT_SLESS INT_LESSEQUAL INT_SLESSEQUAL INT_CARRY INT_SCARRY INT_SBORROW
    BOOL_AND BOOL_OR BOOL_XOR BOOL_NEGATE POPCOUNT""".split()
)
_OVERFLOWS = frozenset(getattr(OpCode, name).value for name in ("INT_SCARRY", "POPCOUNT"))
_DIRECT = frozenset({CALL, BRANCH, CBRANCH})
_JUMPS = frozenset({BRANCH, CBRANCH, BRANCHIND, CALL, CALLIND, RETURN})
_IMARK = OpCode.IMARK


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its delay slot. `follows` tells whether the next address is reached from it."""

    address: int
    after: int
    operations: tuple[Operation, ...]
    jumps: bool
    follows: bool
    targets: tuple[int, ...]


@dataclass
class Function:
    """The code of a function that can be reached from its start. `cut` says that a bound was reached."""

    start: int
    end: int
    machine: Machine
    instructions: dict[int, Instruction] = field(default_factory=dict)
    leaders: set[int] = field(default_factory=set)
    switches: list[int] = field(default_factory=list)  # addresses of jumps to computed places
    orphans: set[int] = field(default_factory=set)  # starts of blocks that only a computed jump can reach
    cut: bool = False


def lift(elf: Elf, machine: Machine, start: int, end: int, *, conditions: int = 0) -> Function:
    """Translate what is reachable from `start`, within [start, end).

    With `conditions` 0 tests are left out, with 1 those of overflow alone, with 2 nothing.
    """
    function = Function(start, end, machine)
    code = _Code(elf, machine, start, end, conditions=conditions)
    _follow(function, code, [start])
    if function.switches:
        while True:  # blocks behind a computed jump: what follows an unconditional end and was not reached
            new = sorted(
                one.after
                for one in function.instructions.values()
                if not one.follows and one.after < end and one.after not in function.instructions
            )
            if not new or function.cut or new[0] in code.bad or len(function.orphans) >= MAX_ORPHANS:
                break
            code.bad.add(new[0])
            function.orphans.add(new[0])
            _follow(function, code, [new[0]])
    return function


def _follow(function: Function, code: _Code, pending: list[int]) -> None:
    while pending:
        address = pending.pop()
        function.leaders.add(address)
        while address not in function.instructions and function.start <= address < function.end:
            if len(function.instructions) >= MAX_INSTRUCTIONS:
                function.cut = True
                return
            instruction = code.at(address)
            if instruction is None:
                break
            function.instructions[address] = instruction
            if any(operation[0] == BRANCHIND for operation in instruction.operations):
                function.switches.append(address)
            pending += [t for t in instruction.targets if function.start <= t < function.end and t not in function.leaders]
            function.leaders.update(t for t in instruction.targets if function.start <= t < function.end)
            if not instruction.follows:
                break
            address = instruction.after


class _Code:
    """Translates pieces on demand and keeps the instructions by address."""

    def __init__(self, elf: Elf, machine: Machine, start: int, end: int, *, conditions: int) -> None:
        self._start = start
        self._moved = machine.window(start, end - start) - start
        self._fixed = machine.mode == "mips16"
        self._context: Any = machine.context
        self._kept = (machine.kept_operations, machine.kept_tests, None)[conditions]
        self._flags = machine.flags
        self._conditions = conditions
        self._ignored = machine.ignored
        self._direction = (REGISTER, machine.direction, 1) if machine.direction >= 0 else None
        self._slot = 2 if machine.mode == "mips16" else 4
        self._text = prepared(elf.read(start, end - start), machine)
        self._low = start + self._moved - _NEAR  # what the moved code can name without a register
        self._high = self._low + len(self._text) + 2 * _NEAR
        self._known: dict[int, Instruction] = {}
        self.bad: set[int] = set()

    def at(self, address: int) -> Instruction | None:
        if address not in self._known:
            self._translate(address)
        return self._known.get(address)

    def _translate(self, address: int) -> None:
        offset = address - self._start
        if offset >= len(self._text):
            return
        data = self._text[offset : offset + 8 * _PIECE] + _TAIL
        try:
            # up to the next jump: what lies behind may be data, and would leave its traces in the translator's memory
            piece = self._context.translate(
                data, address + self._moved, max_instructions=_PIECE, flags=TranslateFlags.BB_TERMINATING
            )
        except (pypcode_native.BadDataError, pypcode_native.UnimplError, pypcode_native.LowlevelError):
            return
        ops = piece.ops
        marks = [number for number, one in enumerate(ops) if one.opcode is _IMARK]
        for first, last in zip(marks, [*marks[1:], len(ops)], strict=True):
            start, after = self._extent(ops[first].inputs)
            if start >= self._start + len(self._text):
                break
            if start not in self._known:
                self._known[start] = self._instruction(start, after, ops[first + 1 : last])

    def _extent(self, marks: list[Any]) -> tuple[int, int]:
        """Return where an instruction starts and ends; the marks after the first are its delay slot, of a fixed size."""
        start = marks[0].offset - self._moved
        return start, start + marks[0].size + (self._slot if len(marks) > 1 else 0)

    def _instruction(self, start: int, after: int, ops: list[Any]) -> Instruction:
        """Convert an instruction. Reading the translator's objects is slow, so what the bytes alone decide is kept."""
        if self._kept is None:
            return _instruction(start, after, self._convert(ops))
        key = self._text[start - self._start : after - self._start]
        operations = self._kept.get(key)
        if operations is None:
            operations = self._convert(ops)
            if not any(self._is_here(place, start) for _, _, inputs in operations for place in inputs):
                self._kept[key] = operations
        return _instruction(start, after, operations)

    def _is_here(self, place: Place, start: int) -> bool:
        """Tell whether a place may depend on where the instruction lies."""
        return place[0] == MEMORY or (place[0] == CONSTANT and -_NEAR <= place[1] - start <= _NEAR)

    def _convert(self, ops: list[Any]) -> tuple[Operation, ...]:
        found: list[Operation] = []
        spaces, flags = _SPACES, self._flags
        for one in ops:
            code, output = one.opcode._value_, one.output
            place: Place | None = None
            if output is not None:
                place = (spaces.get(output.space.name, MEMORY), output.offset, output.size)
                if self._conditions == 2:
                    left_out = False
                elif self._conditions:
                    left_out = (place[0] == REGISTER and place[1] in self._ignored) or code in _OVERFLOWS
                else:  # conditions are not followed
                    is_flag = place[0] == REGISTER and place[2] == 1 and place[1] >= flags
                    left_out = is_flag or (code in _TESTS and place[0] == UNIQUE)
                if left_out:
                    found.append((_NOTHING, None, ()))
                    continue
            inputs = tuple([(spaces.get(node.space.name, MEMORY), node.offset, node.size) for node in one.inputs])
            if self._direction is not None and self._direction in inputs:
                # string instructions count upwards, as the calling conventions have it
                inputs = tuple([(CONSTANT, 0, 1) if node == self._direction else node for node in inputs])
            found.append((code, place, self._back(code, inputs) if self._moved else inputs))
        return tuple(found)

    def _back(self, code: int, inputs: tuple[Place, ...]) -> tuple[Place, ...]:
        """Return the inputs as they would be at the code's own address: only what is near the code depends on it."""
        if code == CALL and self._fixed:  # `jal` names the low 28 bits of its target
            place = inputs[0]
            return ((place[0], self._start & 0xF0000000 | place[1] & 0x0FFFFFFF, place[2]),)
        if code in _DIRECT and inputs[0][0] == MEMORY:
            return ((MEMORY, inputs[0][1] - self._moved & 0xFFFFFFFF, inputs[0][2]), *inputs[1:])
        low, high = self._low, self._high
        for space, offset, _ in inputs:
            if low <= offset < high and space in (CONSTANT, MEMORY):
                return tuple(
                    [
                        (space, offset - self._moved, size)
                        if low <= offset < high and space in (CONSTANT, MEMORY)
                        else (space, offset, size)
                        for space, offset, size in inputs
                    ]
                )
        return inputs


def _instruction(start: int, after: int, operations: tuple[Operation, ...]) -> Instruction:
    targets: list[int] = []
    jumps, follows = False, True
    for position, (code, _, inputs) in enumerate(operations):
        if code not in _JUMPS:
            continue
        jumps = True
        if code in (BRANCH, CBRANCH) and inputs[0][0] == MEMORY:
            targets.append(inputs[0][1])
        if code in (BRANCH, BRANCHIND, RETURN) and not (code == BRANCH and inputs[0][0] == CONSTANT):
            skipped = any(c == CBRANCH and i[0][0] == CONSTANT for c, _, i in operations[:position])
            follows = skipped and position + 1 < len(operations)
    return Instruction(start, after, operations, jumps, follows or after in targets, tuple(targets))

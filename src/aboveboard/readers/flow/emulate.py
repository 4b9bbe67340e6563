"""Runs p-code on numbers: short pieces of a program whose input is known, to learn what they build or what they compute.

Nothing here runs a program: each operation of Ghidra's p-code (P-Code Reference Manual) is done on integers, memory is a
table of bytes, and the work is bounded in operations. What is not known stays unknown, and a test of it ends the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aboveboard.readers.code import lift
from aboveboard.readers.code.lift import CONSTANT, MEMORY, REGISTER, UNIQUE, Function, Instruction, Place
from aboveboard.readers.code.machines import Machine
from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.library import LIBRARY
from aboveboard.readers.flow.memory import HEAP, STACK, Memory, StoppedError
from aboveboard.readers.flow.numbers import AND, FROM_BELOW, ONE, PIECE, SUB, TWO, XOR, signed

__all__ = ["HEAP", "Emulator", "ReachedError", "StoppedError"]

MAX_OPERATIONS = 60_000
MAX_FRAMES = 6
RETURN = 0x6FFFFFF0


class ReachedError(Exception):
    """The call at which the run was to stop is reached, before it is made."""


class _UnknownError(StoppedError):
    """What decides where to go on is not known."""


@dataclass
class _Frame:
    function: Function
    back: int  # address to return to
    kept: dict[int, int | None]  # registers that the call does not change


class Emulator(Memory):
    """One run. `functions` gives the translated function at an address and mode, `names` tells what is imported there."""

    def __init__(
        self,
        elf: Elf,
        functions: Callable[[int, str], Function | None],
        name: Callable[[int, str], str],
        *,
        operations: int = MAX_OPERATIONS,
    ) -> None:
        super().__init__(elf)
        self._functions, self._name = functions, name
        self._uniques: dict[int, int] = {}
        self._halves: dict[int, tuple[int, int]] = {}  # low bytes of what is not wholly known: value, how many
        self._left = operations
        self.stop_at = -1  # a call at this address ends the run with ReachedError
        self.halt_at = -1  # an instruction at this address ends the run with ReachedError
        self.choose: Callable[[int], int | None] = lambda _: (
            None
        )  # where to go on from an unknown test in the first function

    def _get(self, place: Place) -> int | None:
        space, offset, size = place
        if space == CONSTANT:
            return offset & (1 << 8 * size) - 1
        if space == REGISTER:
            return self.get_register(offset, size)
        if space == UNIQUE:
            value = self._uniques.get(offset)
            return value & (1 << 8 * size) - 1 if value is not None else None
        return self.read(offset, size) if space == MEMORY else None

    def _put(self, place: Place, value: int | None) -> None:
        space, offset, size = place
        if space == UNIQUE:
            if value is None:
                self._uniques.pop(offset, None)
            else:
                self._uniques[offset] = value & (1 << 8 * size) - 1
        elif space == REGISTER:
            self.set_register(offset, size, value)
        elif space == MEMORY:
            self.write(offset, size, value)

    def call(self, function: Function, arguments: list[int]) -> int | None:
        """Call a function; return its result. Raises StoppedError."""
        machine = function.machine
        self.prepare(machine)
        for number, value in enumerate(arguments):
            self.set_argument(machine, number, value)
        if machine.function_register is not None:
            self.set_register(machine.function_register, machine.convention.word, function.start)
        if machine.convention.return_slot:
            sp = self.get_register(machine.sp, machine.convention.word)
            self.write(sp or STACK, machine.convention.word, RETURN)
        self.run(function, function.start, -1)
        return self.get_register(machine.result, machine.convention.word)

    def prepare(self, machine: Machine) -> None:
        """Set the stack pointer, the pinned register and the address to return to."""
        self.machine = machine
        width = machine.convention.word
        if self.get_register(machine.sp, width) is None:
            self.set_register(machine.sp, width, STACK)
        if machine.pinned is not None:
            self.set_register(machine.pinned, width, self.elf.gp)
        link = machine.link
        if link is not None:
            self.set_register(link, width, RETURN)

    def run(self, function: Function, address: int, until: int) -> bool:
        """Run from an address until another is reached (True) or the function returns (False)."""
        frames: list[_Frame] = []
        while True:
            if address == until and not frames:
                return True
            instruction = function.instructions.get(address)
            if instruction is None:
                raise StoppedError(f"no code at 0x{address:x}")
            if address == self.halt_at and not frames:
                raise ReachedError
            try:
                following = self._instruction(instruction, function, frames)
            except _UnknownError:
                chosen = self.choose(address) if not frames else None
                if not frames and chosen is None:
                    raise
                following = (function, chosen) if chosen is not None else self._leave(frames)
            if following is None:
                address = instruction.after
                continue
            function, address = following
            if address == RETURN:
                return False

    def _leave(self, frames: list[_Frame]) -> tuple[Function, int]:
        """Give up a called function that asks for something unknown; its result is unknown."""
        frame = frames.pop()
        width = frame.function.machine.convention.word
        self.registers.clear()
        for offset, value in frame.kept.items():
            self.set_register(offset, width, value)
        self._pop_return(frame.function.machine)
        return frame.function, frame.back

    def _instruction(self, one: Instruction, function: Function, frames: list[_Frame]) -> tuple[Function, int] | None:
        """Run one instruction; return where to go on, or None for the next one."""
        self._uniques.clear()
        self._halves.clear()
        operations, position = one.operations, 0
        while position < len(operations):
            self._left -= 1
            if self._left < 0:
                raise StoppedError("too many operations")
            code, output, inputs = operations[position]
            position += 1
            if code in _FLOW:
                if code in (lift.BRANCH, lift.CBRANCH):
                    if code == lift.CBRANCH:
                        test = self._get(inputs[1])
                        if test is None:
                            raise _UnknownError(f"a test of something unknown at 0x{one.address:x}")
                        if not test:
                            continue
                    if inputs[0][0] == CONSTANT:
                        position += signed(inputs[0][1], 4) - 1
                        continue
                return self._flow(code, inputs, one, function, frames)
            if code == lift.STORE:
                place = self._get(inputs[1])
                if place is not None:
                    self.write(place, inputs[2][2], self._get(inputs[2]))
            elif output is not None:
                value = self._value(code, output, inputs)
                part = None if value is not None or self.big else self._partly(code, output, inputs)
                self._put(output, value)
                if part is not None:
                    self._put_low(output, *part)
        return None

    def _partly(self, code: int, output: Place, inputs: tuple[Place, ...]) -> tuple[int, int] | None:
        """Do an operation on the low bytes that are known: code for x86 moves single bytes in wide registers.

        Return them as a number, and how many they are.
        """
        if code not in FROM_BELOW:
            return None
        low = [self._low(place) for place in inputs]
        known = min([output[2], *(size for _, size in low)])
        if known == 0:
            return None
        values = [value & (1 << 8 * known) - 1 for value, _ in low]
        result = ONE[code](values[0], known) if len(values) == 1 else TWO[code](values[0], values[1], known)
        return result & (1 << 8 * known) - 1, known

    def _put_low(self, output: Place, value: int, known: int) -> None:
        if output[0] == REGISTER:
            self.set_register(output[1], known, value)
        elif output[0] == UNIQUE:
            self._halves[output[1]] = (value, known)

    def _low(self, place: Place) -> tuple[int, int]:
        """Return the low bytes of a place that are known, as a number, and how many they are."""
        space, offset, size = place
        whole = self._get(place)
        if whole is not None:
            return whole, size
        if space == UNIQUE:
            value, known = self._halves.get(offset, (0, 0))
            return value, min(known, size)
        if space != REGISTER:
            return 0, 0
        value, known = 0, 0
        while known < size and offset + known in self.registers:
            value |= self.registers[offset + known] << 8 * known
            known += 1
        return value, known

    def _value(self, code: int, output: Place, inputs: tuple[Place, ...]) -> int | None:
        if code == lift.LOAD:
            place = self._get(inputs[1])
            return self.read(place, output[2]) if place is not None else None
        if code == lift.CALLOTHER:
            return None
        first = self._get(inputs[0])
        if len(inputs) == 1:
            return ONE[code](first, inputs[0][2]) if first is not None and code in ONE else None
        second = self._get(inputs[1])
        if first is None or second is None:
            if inputs[0] == inputs[1] and code in (XOR, SUB):
                return 0
            return 0 if code == AND and 0 in (first, second) else None
        if code == PIECE:
            return second | first << 8 * inputs[1][2]
        return TWO[code](first, second, inputs[0][2]) if code in TWO else None

    def _flow(
        self, code: int, inputs: tuple[Place, ...], one: Instruction, function: Function, frames: list[_Frame]
    ) -> tuple[Function, int] | None:
        if one.address == self.stop_at:
            raise ReachedError
        direct = code in (lift.CALL, lift.BRANCH, lift.CBRANCH) and inputs[0][0] == MEMORY
        target = inputs[0][1] if direct else self._get(inputs[0])
        if target is None:
            raise _UnknownError(f"a jump to somewhere unknown at 0x{one.address:x}")
        if code in (lift.CALL, lift.CALLIND):
            return self._call(target, one, function, frames)
        if code == lift.RETURN or not function.start <= target < function.end:
            if target == RETURN and not frames:
                return function, RETURN
            if frames and (target & ~1) == (frames[-1].back & ~1):
                frame = frames.pop()
                return frame.function, frame.back
            return self._tail(target, function, frames)
        return function, target

    def _tail(self, target: int, function: Function, frames: list[_Frame]) -> tuple[Function, int]:
        machine = function.machine
        name = self._name(target, machine.mode)
        if name:
            self._import(name, machine, pushed=True)
            self._pop_return(machine)
            if not frames:
                return function, RETURN
            frame = frames.pop()
            return frame.function, frame.back
        other = self._functions(target, machine.mode)
        if other is None:
            raise StoppedError(f"no function at 0x{target:x}")
        return other, other.start

    def _call(self, target: int, one: Instruction, function: Function, frames: list[_Frame]) -> tuple[Function, int]:
        machine = function.machine
        name = self._name(target, machine.mode)
        if name:
            self._import(name, machine, pushed=machine.convention.return_slot)
            self._pop_return(machine)
            return function, one.after
        if target == one.after:  # i386 code asks where it is
            return function, one.after
        register = _thunk(self.elf.read(target, 4)) if machine.mode == "x86" else ""
        if register:
            self._pop_return(machine)
            self.set_register(machine.by_number[register], 4, one.after)
            return function, one.after
        other = self._functions(target, machine.mode)
        if other is None or len(frames) >= MAX_FRAMES:
            raise StoppedError(f"a call of 0x{target:x}")
        kept = {offset: self.get_register(offset, machine.convention.word) for offset in machine.kept | {machine.sp}}
        frames.append(_Frame(function, one.after, kept))
        if machine.function_register is not None:
            self.set_register(machine.function_register, machine.convention.word, other.start)
        return other, other.start

    def _pop_return(self, machine: Machine) -> None:
        if machine.convention.return_slot:
            sp = self.get_register(machine.sp, machine.convention.word)
            if sp is not None:
                self.set_register(machine.sp, machine.convention.word, sp + machine.convention.word)

    def _import(self, name: str, machine: Machine, *, pushed: bool) -> None:
        """Do what a function of the C library does, as far as it is known; its result is unknown otherwise."""
        del pushed
        arguments = [self.argument(machine, number) for number in range(4)]
        known = LIBRARY.get(name)
        result = known(self, arguments) if known is not None else None
        kept = machine.kept | {machine.sp}
        width = machine.convention.word
        held = {offset: self.get_register(offset, width) for offset in kept}
        self.registers.clear()
        for offset, value in held.items():
            if value is not None:
                self.set_register(offset, width, value)
        if machine.pinned is not None:
            self.set_register(machine.pinned, width, self.elf.gp)
        self.set_register(machine.result, width, result)


_THUNKS = {0x04: "EAX", 0x0C: "ECX", 0x14: "EDX", 0x1C: "EBX", 0x2C: "EBP", 0x34: "ESI", 0x3C: "EDI"}


def _thunk(body: bytes) -> str:
    """Return the register that `mov (%esp), REGISTER; ret` sets to the address to return to (i386)."""
    return _THUNKS.get(body[1], "") if len(body) == 4 and body[:1] == b"\x8b" and body[2:] == b"\x24\xc3" else ""


_FLOW = frozenset({lift.BRANCH, lift.CBRANCH, lift.BRANCHIND, lift.CALL, lift.CALLIND, lift.RETURN})

"""Runs p-code on numbers: short pieces of a program whose input is known, to learn what they build or what they compute.

Nothing here runs a program: each operation of Ghidra's p-code (P-Code Reference Manual) is done on integers, memory is a table
of bytes, and the work is bounded in operations. What is not known stays unknown, and a test of it ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pypcode import OpCode

from aboveboard.readers.code import lift
from aboveboard.readers.code.arithmetic import BINARY, UNARY
from aboveboard.readers.code.lift import CONSTANT, MEMORY, REGISTER, UNIQUE, Function, Instruction, Place
from aboveboard.readers.code.machines import Machine
from aboveboard.readers.elf import Elf

MAX_OPERATIONS = 60_000
MAX_FRAMES = 6
MAX_BYTES = 1 << 16
STACK, HEAP, RETURN = 0x6FF00000, 0x68000000, 0x6FFFFFF0

_C = {name: getattr(OpCode, name).value for name in dir(OpCode) if name.isupper()}


def _signed(value: int, size: int) -> int:
    top = 1 << 8 * size - 1
    return ((value & (1 << 8 * size) - 1) ^ top) - top


def _quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_TWO: dict[int, Callable[[int, int, int], int]] = {
    **BINARY,
    _C["INT_EQUAL"]: lambda a, b, _: int(a == b),
    _C["INT_NOTEQUAL"]: lambda a, b, _: int(a != b),
    _C["INT_LESS"]: lambda a, b, _: int(a < b),
    _C["INT_LESSEQUAL"]: lambda a, b, _: int(a <= b),
    _C["INT_SLESS"]: lambda a, b, n: int(_signed(a, n) < _signed(b, n)),
    _C["INT_SLESSEQUAL"]: lambda a, b, n: int(_signed(a, n) <= _signed(b, n)),
    _C["INT_CARRY"]: lambda a, b, n: int(a + b >> 8 * n != 0),
    _C["INT_SCARRY"]: lambda a, b, n: int(_signed(a, n) + _signed(b, n) != _signed(a + b, n)),
    _C["INT_SBORROW"]: lambda a, b, n: int(_signed(a, n) - _signed(b, n) != _signed(a - b, n)),
    _C["INT_DIV"]: lambda a, b, _: a // b if b else 0,
    _C["INT_REM"]: lambda a, b, _: a % b if b else 0,
    _C["INT_SDIV"]: lambda a, b, n: _quotient(_signed(a, n), _signed(b, n)) if b else 0,
    _C["INT_SREM"]: lambda a, b, n: _signed(a, n) - _quotient(_signed(a, n), _signed(b, n)) * _signed(b, n) if b else 0,
    _C["BOOL_AND"]: lambda a, b, _: a & b & 1,
    _C["BOOL_OR"]: lambda a, b, _: (a | b) & 1,
    _C["BOOL_XOR"]: lambda a, b, _: (a ^ b) & 1,
}
_ONE: dict[int, Callable[[int, int], int]] = {
    **UNARY,
    _C["COPY"]: lambda a, _: a,
    _C["INT_ZEXT"]: lambda a, _: a,
    _C["BOOL_NEGATE"]: lambda a, _: int(not a),
    _C["POPCOUNT"]: lambda a, _: a.bit_count(),
    _C["LZCOUNT"]: lambda a, n: 8 * n - a.bit_length(),
}
# Operations whose low bytes depend on the low bytes alone.
_FROM_BELOW = frozenset(_C[name] for name in ("COPY", "INT_XOR", "INT_AND", "INT_OR", "INT_ADD", "INT_SUB", "INT_NEGATE", "INT_ZEXT"))
_PIECE = _C["PIECE"]


class ReachedError(Exception):
    """The call at which the run was to stop is reached, before it is made."""


class StoppedError(Exception):
    """The run cannot go on: something is not known, or a bound was reached."""


class _UnknownError(StoppedError):
    """What decides where to go on is not known."""


@dataclass
class _Frame:
    function: Function
    back: int  # address to return to
    kept: dict[int, int | None]  # registers that the call does not change


class Emulator:
    """One run. `functions` gives the translated function at an address and mode, `names` tells what is imported there."""

    def __init__(
        self,
        elf: Elf,
        functions: Callable[[int, str], Function | None],
        name: Callable[[int, str], str],
        *,
        operations: int = MAX_OPERATIONS,
    ) -> None:
        self.elf, self._functions, self._name = elf, functions, name
        self.big = elf.endian == "big"
        self.mask = (1 << elf.bits) - 1
        self.memory: dict[int, int] = {}
        self.registers: dict[int, int] = {}  # by byte
        self._uniques: dict[int, int] = {}
        self._halves: dict[int, tuple[int, int]] = {}  # low bytes of what is not wholly known: value, how many
        self._left = operations
        self._heap = HEAP
        self.machine: Machine | None = None
        self.stop_at = -1  # a call at this address ends the run with ReachedError

    # -- memory and registers ------------------------------------------------------------------------------------------

    def byte(self, address: int) -> int | None:
        """Return a byte of memory: what was written, else what the file holds; None where it is not known."""
        found = self.memory.get(address)
        if found is not None:
            return found
        return self.elf.integer(address, 1)

    def read(self, address: int, size: int) -> int | None:
        """Return a number in memory."""
        raw = []
        for at in range(size):
            one = self.byte(address + at & self.mask)
            if one is None:
                return self.elf.based.get(address) if size == self.elf.width else None
            raw.append(one)
        if size == self.elf.width and address in self.elf.based and address not in self.memory:
            return self.elf.based[address]
        return int.from_bytes(bytes(raw), "big" if self.big else "little")

    def write(self, address: int, size: int, value: int | None) -> None:
        """Put a number into memory; None makes it unknown."""
        if value is None:
            for at in range(size):
                self.memory.pop(address + at & self.mask, None)
            return
        if len(self.memory) > MAX_BYTES:
            raise StoppedError("too much memory")
        for at, one in enumerate((value & (1 << 8 * size) - 1).to_bytes(size, "big" if self.big else "little")):
            self.memory[address + at & self.mask] = one

    def put(self, address: int, data: bytes) -> None:
        """Put bytes into memory."""
        for at, one in enumerate(data):
            self.memory[address + at] = one

    def text(self, address: int, most: int = 512) -> bytes | None:
        """Return the bytes up to a zero byte; None where one is not known."""
        raw = bytearray()
        while len(raw) < most:
            one = self.byte(address + len(raw))
            if one is None:
                return None
            if one == 0:
                return bytes(raw)
            raw.append(one)
        return None

    def get_register(self, offset: int, size: int) -> int | None:
        """Return a register."""
        raw = []
        for at in range(offset, offset + size):
            one = self.registers.get(at)
            if one is None:
                return None
            raw.append(one)
        return int.from_bytes(bytes(raw), "big" if self.big else "little")

    def set_register(self, offset: int, size: int, value: int | None) -> None:
        """Set a register; None makes it unknown."""
        if value is None:
            for at in range(offset, offset + size):
                self.registers.pop(at, None)
            return
        for at, one in enumerate((value & (1 << 8 * size) - 1).to_bytes(size, "big" if self.big else "little")):
            self.registers[offset + at] = one

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

    # -- running -------------------------------------------------------------------------------------------------------

    def call(self, function: Function, arguments: list[int]) -> int | None:
        """Call a function; return its result. Raises StoppedError."""
        machine = function.machine
        self.prepare(machine)
        for number, value in enumerate(arguments):
            self.set_argument(machine, number, value)
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

    def set_argument(self, machine: Machine, number: int, value: int) -> None:
        """Set an argument by the calling convention, before the call is made."""
        convention = machine.convention
        if number < len(machine.arguments):
            self.set_register(machine.arguments[number], convention.word, value)
            return
        sp = self.get_register(machine.sp, convention.word) or STACK
        offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
        self.write(sp + offset, convention.word, value)

    def argument(self, machine: Machine, number: int) -> int | None:
        """Return an argument as the called function finds it on i386 after the call pushed its return address."""
        convention = machine.convention
        if number < len(machine.arguments):
            return self.get_register(machine.arguments[number], convention.word)
        sp = self.get_register(machine.sp, convention.word)
        if sp is None:
            return None
        offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
        return self.read(sp + offset, convention.word)

    def run(self, function: Function, address: int, until: int) -> bool:
        """Run from an address until another is reached (True) or the function returns (False)."""
        frames: list[_Frame] = []
        while True:
            if address == until and not frames:
                return True
            instruction = function.instructions.get(address)
            if instruction is None:
                raise StoppedError(f"no code at 0x{address:x}")
            try:
                following = self._instruction(instruction, function, frames)
            except _UnknownError:
                if not frames:
                    raise
                following = self._leave(frames)
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
                        position += _signed(inputs[0][1], 4) - 1
                        continue
                return self._flow(code, inputs, one, function, frames)
            if code == lift.STORE:
                place = self._get(inputs[1])
                if place is not None:
                    self.write(place, inputs[2][2], self._get(inputs[2]))
            elif output is not None:
                value = self._value(code, output, inputs)
                self._put(output, value)
                if value is None and not self.big:
                    self._partly(code, output, inputs)
        return None

    def _partly(self, code: int, output: Place, inputs: tuple[Place, ...]) -> None:
        """Do an operation on the low bytes that are known: code for x86 moves single bytes in wide registers."""
        if code not in _FROM_BELOW:
            return
        low = [self._low(place) for place in inputs]
        known = min([output[2], *(size for _, size in low)])
        if known == 0:
            return
        values = [value & (1 << 8 * known) - 1 for value, _ in low]
        result = (_ONE[code](values[0], known) if len(values) == 1 else _TWO[code](values[0], values[1], known)) & (1 << 8 * known) - 1
        if output[0] == REGISTER:
            self.set_register(output[1], known, result)
        elif output[0] == UNIQUE:
            self._halves[output[1]] = (result, known)

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
            return _ONE[code](first, inputs[0][2]) if first is not None and code in _ONE else None
        second = self._get(inputs[1])
        if first is None or second is None:
            if inputs[0] == inputs[1] and code in (_C["INT_XOR"], _C["INT_SUB"]):
                return 0
            return 0 if code == _C["INT_AND"] and 0 in (first, second) else None
        if code == _PIECE:
            return second | first << 8 * inputs[1][2]
        return _TWO[code](first, second, inputs[0][2]) if code in _TWO else None

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
        known = _LIBRARY.get(name)
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

    def allocate(self, size: int) -> int:
        """Return the address of a new piece of memory, all zero."""
        start = self._heap
        self._heap += (min(size, 4096) + 31) & ~15
        self.put(start, bytes(min(size, 4096)))
        return start


_THUNKS = {0x04: "EAX", 0x0C: "ECX", 0x14: "EDX", 0x1C: "EBX", 0x2C: "EBP", 0x34: "ESI", 0x3C: "EDI"}


def _thunk(body: bytes) -> str:
    """Return the register that `mov (%esp), REGISTER; ret` sets to the address to return to (i386)."""
    return _THUNKS.get(body[1], "") if len(body) == 4 and body[:1] == b"\x8b" and body[2:] == b"\x24\xc3" else ""


_FLOW = frozenset({lift.BRANCH, lift.CBRANCH, lift.BRANCHIND, lift.CALL, lift.CALLIND, lift.RETURN})
_Arguments = list[int | None]


def _strlen(run: Emulator, arguments: _Arguments) -> int | None:
    text = run.text(arguments[0]) if arguments[0] is not None else None
    return None if text is None else len(text)


def _memcpy(run: Emulator, arguments: _Arguments) -> int | None:
    target, source, size = arguments[:3]
    if target is None or source is None or size is None or size > 4096:
        return target
    for at, one in enumerate([run.byte(source + at) for at in range(size)]):
        run.write(target + at, 1, one)
    return target


def _strcpy(run: Emulator, arguments: _Arguments) -> int | None:
    target, source = arguments[:2]
    text = run.text(source) if source is not None else None
    if target is not None and text is not None:
        run.put(target, text + b"\0")
    return target


def _strncpy(run: Emulator, arguments: _Arguments) -> int | None:
    target, source, size = arguments[:3]
    text = run.text(source) if source is not None else None
    if target is not None and text is not None and size is not None and size <= 4096:
        run.put(target, text[:size].ljust(size, b"\0"))
    return target


def _strcat(run: Emulator, arguments: _Arguments) -> int | None:
    target, source = arguments[:2]
    before = run.text(target) if target is not None else None
    text = run.text(source) if source is not None else None
    if target is not None and text is not None and before is not None:
        run.put(target + len(before), text + b"\0")
    return target


def _memset(run: Emulator, arguments: _Arguments) -> int | None:
    target, value, size = arguments[:3]
    if target is not None and value is not None and size is not None and size <= 4096:
        run.put(target, bytes([value & 0xFF]) * size)
    return target


def _malloc(run: Emulator, arguments: _Arguments) -> int | None:
    return run.allocate(arguments[0]) if arguments[0] is not None else None


def _calloc(run: Emulator, arguments: _Arguments) -> int | None:
    first, second = arguments[:2]
    return run.allocate(first * second) if first is not None and second is not None else None


def _strdup(run: Emulator, arguments: _Arguments) -> int | None:
    text = run.text(arguments[0]) if arguments[0] is not None else None
    if text is None:
        return None
    start = run.allocate(len(text) + 1)
    run.put(start, text + b"\0")
    return start


def _number(run: Emulator, arguments: _Arguments) -> int | None:
    text = run.text(arguments[0]) if arguments[0] is not None else None
    if text is None:
        return None
    digits = text.strip()[:20]
    return int(digits) if digits.isdigit() else 0


def _character(change: Callable[[int], int]) -> Callable[[Emulator, _Arguments], int | None]:
    def put(run: Emulator, arguments: _Arguments) -> int | None:
        del run
        return change(arguments[0] & 0xFF) if arguments[0] is not None else None

    return put


def _print(form: int, target: int = 0) -> Callable[[Emulator, _Arguments], int | None]:
    def put(run: Emulator, arguments: _Arguments) -> int | None:
        assert run.machine is not None
        values = [run.argument(run.machine, number) for number in range(form + 9)]
        place, start = values[target], values[form]
        text = run.text(start) if start is not None else None
        if place is None or text is None:
            return None
        made = _formatted(run, text, values[form + 1 :])
        if made is None:
            return None
        run.put(place, made + b"\0")
        return len(made)

    return put


def _formatted(run: Emulator, text: bytes, values: list[int | None]) -> bytes | None:
    made, at = bytearray(), 0
    values = list(values)
    while at < len(text):
        if text[at] != 0x25:
            made.append(text[at])
            at += 1
            continue
        end = at + 1
        while end < len(text) and text[end : end + 1] in b"0123456789.-+ #lhz":
            end += 1
        letter = text[end : end + 1].decode("latin-1")
        flags = text[at + 1 : end].decode("latin-1").translate({ord(one): None for one in "lhz"})
        at = end + 1
        if letter == "%":
            made += b"%"
            continue
        value = values.pop(0) if values else None
        if value is None or letter not in "scdiuxX":
            return None
        if letter == "s":
            inner = run.text(value)
            if inner is None:
                return None
            made += ("%" + flags + "s").__mod__(inner.decode("latin-1")).encode("latin-1")
        elif letter == "c":
            made.append(value & 0xFF)
        else:
            number = _signed(value, 4) if letter in "di" else value & run.mask
            made += ("%" + flags + letter).__mod__(number).encode("latin-1")
    return bytes(made[:4096])


_LIBRARY: Mapping[str, Callable[[Emulator, _Arguments], int | None]] = {
    "strlen": _strlen,
    **dict.fromkeys(("memcpy", "memmove", "__memcpy_chk", "__memmove_chk"), _memcpy),
    **dict.fromkeys(("strcpy", "__strcpy_chk"), _strcpy),
    **dict.fromkeys(("strncpy", "__strncpy_chk"), _strncpy),
    **dict.fromkeys(("strcat", "__strcat_chk"), _strcat),
    **dict.fromkeys(("memset", "__memset_chk"), _memset),
    "malloc": _malloc,
    "calloc": _calloc,
    **dict.fromkeys(("strdup", "__strdup"), _strdup),
    **dict.fromkeys(("atoi", "atol", "atoll"), _number),
    "toupper": _character(lambda one: one - 32 if 97 <= one <= 122 else one),
    "tolower": _character(lambda one: one + 32 if 65 <= one <= 90 else one),
    "sprintf": _print(1),
    "snprintf": _print(2),
    "__sprintf_chk": _print(3),
    "__snprintf_chk": _print(4),
}

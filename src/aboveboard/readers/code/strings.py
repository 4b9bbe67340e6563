"""The repeated string instructions of x86, with which compilers clear and copy structures (Intel SDM, volume 2, REP)."""

from __future__ import annotations

import re

from aboveboard.readers.code.lift import REGISTER, Instruction
from aboveboard.readers.code.machines import Machine
from aboveboard.readers.code.state import State
from aboveboard.readers.elf import Elf

MAX_BYTES = 512
_FORM = re.compile(rb"\xf3(\x48?)([\xa4\xa5\xaa\xab])")  # movs and stos, bytes and words


def repeat(instruction: Instruction, elf: Elf, machine: Machine, state: State) -> bool:
    """Do a repeated move or fill; return False when it is another instruction."""
    match = _FORM.fullmatch(elf.read(instruction.address, instruction.after - instruction.address))
    if match is None:
        return False
    size = 1 if match[2] in b"\xa4\xaa" else 8 if match[1] else 4
    width = elf.width
    count, value, source, target = ((REGISTER, machine.by_number[name], width) for name in ("ECX", "EAX", "ESI", "EDI"))
    times, start = state.get(count), state.get(target)
    length = times * size if isinstance(times, int) else None
    origin = state.get(source) if match[2] in b"\xa4\xa5" else None
    if isinstance(start, int):
        state.forget(start, min(length if length is not None else 64, 4096))
        if length is not None and length <= MAX_BYTES:
            if match[2] in b"\xaa\xab":
                filler = state.get((REGISTER, machine.by_number["EAX"], size))
                for at in range(0, length, size):
                    state.store(start + at, size, filler)
            elif isinstance(origin, int):
                _move(state, start, origin, length, width)
    del value
    for place, moved in ((target, start), (source, origin)):
        if place is target or match[2] in b"\xa4\xa5":
            state.set(place, moved + length if isinstance(moved, int) and length is not None else None)
    state.set(count, 0)
    return True


def _move(state: State, target: int, source: int, length: int, width: int) -> None:
    for at in range(0, length - length % width, width):
        state.store(target + at, width, state.initial(source + at))
    for at in range(length - length % width, length):
        byte = state.byte(source + at, initial=True)
        if byte is not None:
            state.store(target + at, 1, byte)

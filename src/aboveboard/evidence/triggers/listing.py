"""What a person needs to check a candidate: the instructions of the comparison and of what follows, and the way to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pypcode import pypcode_native

from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.readers.code.machines import machine
from aboveboard.readers.code.prepare import prepared
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.program import Program

MAX_LINES = 24
MAX_WAY = 8
_BEFORE, _AFTER = 24, 64  # bytes around the comparison


class Listing:
    """Makes listings for one program."""

    def __init__(self, program: Program, origins: Origins) -> None:
        self._program, self._origins = program, origins

    def around(self, one: Candidate) -> Iterator[str]:
        """Return the instructions around the deciding comparison, one line each: address, mnemonic, operands."""
        trace = self._program.traces.get(one.function)
        if trace is None or not self._program.elf.is_code(one.address):
            return
        extent = next(((start, end) for start, end in trace.extent if start <= one.address < end), None)
        if extent is None:
            return
        yield from self._lines(trace.mode, extent, one)

    def _lines(self, mode: str, extent: tuple[int, int], one: Candidate) -> Iterator[str]:
        which = machine(mode, big=self._program.elf.endian == "big")
        start = max(extent[0], min(block >> 1 for block in (one.edge.source, 2 * one.address) if block >= 2 * extent[0]))
        start = max(start, one.address - _BEFORE) if mode not in ("x86", "x86-64") else start
        start -= (start - extent[0]) % (2 if mode in ("thumb", "mips16") else 4) if mode not in ("x86", "x86-64") else 0
        size = min(extent[1], one.address + _AFTER) - start
        raw = prepared(self._program.elf.read(start, size), which)
        base = which.window(start, size)
        try:
            found = which.context.disassemble(raw, base, max_instructions=MAX_LINES)
        except (pypcode_native.BadDataError, pypcode_native.UnimplError, pypcode_native.LowlevelError):
            return
        names = {site.address: site.name for site in self._program.traces[one.function].sites if site.name}
        for item in found.instructions:
            address = item.addr.offset - base + start
            text = f"0x{address:x}  {item.mnem} {_moved_back(item.body, base - start, base)}".rstrip()
            yield text + (f"  ; {names[address]}" if address in names else "") + ("  <--" if address == one.address else "")

    def path(self, one: Candidate) -> Iterator[str]:
        """Return how the function of the comparison is reached, from the outside inwards, one step each."""
        steps: list[str] = []
        function, seen = one.function, {one.function}
        for _ in range(MAX_WAY):
            callers = self._origins.callers.get(function) or ()
            caller = next(((start, site) for start, site in callers if start not in seen), None)
            if caller is None:
                break
            steps.append(f"{self._name(caller[0])} calls {self._name(function)} at 0x{caller[1].address:x}")
            function = caller[0]
            seen.add(function)
        if function != self._origins.main and function in self._origins.indirect:
            steps.append(f"{self._name(function)} is named in a table of the program")
        yield from reversed(steps)
        readers = [
            site for start in (one.function, *seen) for site in self._program.traces[start].sites if site.name in _INPUT
        ]
        for site in list(dict.fromkeys(readers))[:3]:
            yield f"{site.name} at 0x{site.address:x} brings what is compared, or may"

    def _name(self, function: int) -> str:
        name = self._program.names.get(function, "")
        return name or ("main" if function == self._origins.main else f"0x{function:x}")


def _moved_back(body: str, moved: int, base: int) -> str:
    """Return operands as they are at the code's own address: it was read at another one."""
    if not moved:
        return body
    return _NUMBER.sub(
        lambda found: f"0x{int(found[0], 16) - moved:x}" if abs(int(found[0], 16) - base) < 1 << 20 else found[0], body
    )


_NUMBER = re.compile(r"0x[0-9a-f]{6,8}\b")
_INPUT = frozenset(
    """read recv recvfrom recvmsg fgets fread getline getdelim getc fgetc getchar gets SSL_read getenv scanf fscanf
    __isoc99_scanf __isoc99_fscanf __read_chk __recv_chk __recvfrom_chk __fgets_chk __fread_chk readline""".split()
)

"""All functions of a program, traced: where they start, what they call, and how much of the code that is.

Starts come from the entry, the exported names, the tables for unwinding, the pointers in data, the targets of calls, and
what tracing shows to be called. The work is bounded in functions and instructions, never in seconds.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right, insort
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from aboveboard.readers.code import lift
from aboveboard.readers.code.machines import machine
from aboveboard.readers.code.sites import branches, code_of
from aboveboard.readers.code.starts import entries_by_shape, frames, unwind
from aboveboard.readers.code.state import Places
from aboveboard.readers.code.stubs import stubs
from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.state import State
from aboveboard.readers.flow.trace import Trace
from aboveboard.readers.flow.tracer import Tracer
from aboveboard.readers.flow.values import Value

MACHINES = frozenset({"mips", "arm", "aarch64", "x86", "x86-64"})
MAX_FUNCTIONS = 12_000
MAX_INSTRUCTIONS = 600_000
MAX_LIBRARY = 1600  # bytes of a function of the C library that is looked at, in a static program: it is only named
MAX_SMALL = 320  # bytes of a function whose changes to registers are looked up
MAX_EXTENT = 256 * 1024  # bytes of one function


@dataclass
class Program:
    """The functions of a file by their start, and what was left out."""

    elf: Elf
    traces: dict[int, Trace] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # exported functions
    left_out: list[str] = field(default_factory=list)
    instructions: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    imported: Callable[[int, str], str] = field(default=lambda _target, _mode: "")
    library: int = 0  # where the C library begins in a static program
    skipped: int = 0  # bytes of large functions of the C library in a static program: they are not looked at
    tracer: Tracer | None = None
    own: frozenset[int] | None = None  # the functions that are no library's; None where that is not known, or all are
    main: int = -1
    pointed: set[int] = field(default_factory=set)  # what data that are no relocations seem to point to
    _lifted: dict[int, lift.Function] = field(default_factory=dict)

    def function(self, target: int, mode: str = "") -> lift.Function | None:
        """Return the code of a traced function with all its conditions, or None."""
        plain = target & ~1 if self.elf.machine in ("mips", "arm") else target
        trace = self.traces.get(plain)
        if trace is None:
            return None
        if plain not in self._lifted:
            if len(self._lifted) > 256:
                self._lifted.clear()
            which = machine(trace.mode, big=self.elf.endian == "big")
            self._lifted[plain] = lift.lift(self.elf, which, plain, self.ends[plain], conditions=2)
        return self._lifted[plain]

    def states(self, start: int) -> dict[int, State]:
        """Return what is known at the start of each block of a traced function."""
        assert self.tracer is not None
        which = machine(self.traces[start].mode, big=self.elf.endian == "big")
        return self.tracer.states(lift.lift(self.elf, which, start, self.ends[start], conditions=1))

    def rename(self, acts: Mapping[int, str]) -> None:
        """Give calls of functions of the file the names of what they act like."""
        for trace in self.traces.values():
            trace.sites = [
                replace(site, name=acts[site.target]) if not site.name and site.target in acts else site
                for site in trace.sites
            ]

    def is_own(self, function: int) -> bool:
        """Tell whether a function is the program's own, as far as that is known."""
        return self.own is None or function in self.own

    def covered(self) -> tuple[int, int]:
        """Return the bytes of code that were followed, and all bytes of code."""
        every = sum(part.end - part.start for part in self.elf.segments if part.executable)
        ranges = sorted(one for trace in self.traces.values() for one in trace.extent)
        total, last = 0, 0
        for start, end in ranges:
            total += max(0, end - max(start, last))
            last = max(end, last)
        return total, every


def load(elf: Elf) -> Program:
    """Trace the functions of a program, in a fixed order."""
    return _Loader(elf).load()


class _Loader:
    def __init__(self, elf: Elf) -> None:
        self.elf = elf
        self.program = Program(elf)
        self.stubs = stubs(elf)
        self.modes: dict[int, str] = {}  # start -> mode
        self.order: list[int] = []
        self.ends: dict[int, int] = {}
        self.queue: deque[int] = deque()
        self.tracer = Tracer(elf, Places(elf), self.stubs)
        self.tracer.small = self._small
        self.program.imported, self.program.tracer = self.tracer.name, self.tracer

    def load(self) -> Program:
        if self.elf.machine not in MACHINES:
            return self.program
        if self.elf.machine == "mips" and not self.elf.gp:
            find_table(self.elf)
        for start, mode in self._seeds():
            self._add(start, mode)
        if self.elf.linking == "static":
            self._trace(self._plain(self.elf.entry))
            self.program.library = start_up(self.program)[1]
        self.queue.extend(sorted(self.modes))
        while self.queue:
            if len(self.program.traces) >= MAX_FUNCTIONS or self.program.instructions >= MAX_INSTRUCTIONS:
                self.program.left_out.append(f"more than {MAX_FUNCTIONS} functions or {MAX_INSTRUCTIONS} instructions")
                break
            self._trace(self.queue.popleft())
        self.program.names = {
            self._plain(value): name
            for name, value in self.elf.exports.items()
            if self._plain(value) in self.program.traces
        }
        return self.program

    def _plain(self, address: int) -> int:
        return address & ~1 if self.elf.machine in ("mips", "arm") else address

    def _mode(self, address: int) -> str:
        """Return the instruction set of a pointer to code."""
        if self.elf.machine == "arm":
            return "thumb" if address & 1 else "arm"
        if self.elf.machine == "mips":
            return "mips16" if address & 1 else "mips"
        return self.elf.machine

    def _add(self, start: int, mode: str) -> bool:
        if start in self.modes or not self.elf.is_code(start) or start in self.stubs:
            return False
        if mode in ("mips", "arm", "aarch64") and start % 4:
            return False
        self.modes[start] = mode
        insort(self.order, start)
        return True

    def _seeds(self) -> Iterator[tuple[int, str]]:
        elf = self.elf
        for start, end in frames(elf):
            self.ends[start] = end
            yield start, elf.machine
        for start in [elf.entry, *elf.inits, *elf.resolvers, *elf.exports.values(), *self._pointers()]:
            if not is_text(elf, start):
                yield self._plain(start), self._mode(start)
        if elf.machine == "arm" or (elf.machine == "mips" and elf.compressed):
            unknown = unwind(elf)
            called = {one.target: one.mode for one in branches(elf, ()) if one.is_call}
            for start in unknown:
                yield start, called.get(start) or ("thumb" if self._is_thumb(start) else "arm")
        if elf.machine in ("mips", "arm", "aarch64"):
            for one in branches(elf, ()):
                if one.is_call:
                    yield one.target, one.mode
        for start, mode in entries_by_shape(elf):
            yield start, mode

    def _is_thumb(self, start: int) -> bool:
        raw = self.elf.read(start, 4)
        return len(raw) == 4 and raw[3] >> 4 != 0xE

    def _pointers(self) -> Iterator[int]:
        """Return what pointers in data lead to code."""
        elf, width = self.elf, self.elf.width
        for value in elf.based.values():
            if elf.is_code(value):
                yield value
        if elf.based or (elf.machine in ("x86", "x86-64") and elf.frames != (0, 0)):
            return
        for part in elf.segments:
            if part.executable and not part.writable:
                continue
            raw = elf.data[part.offset : part.offset + part.end - part.start]
            order = "big" if elf.endian == "big" else "little"
            for at in range(0, len(raw) - width + 1, width):
                value = int.from_bytes(raw[at : at + width], order)  # type: ignore[arg-type]
                if elf.is_code(value):
                    self.program.pointed.add(value)
                    yield value

    def _small(self, target: int, mode: str) -> lift.Function | None:
        """Return the code of a small function that is known to start there."""
        start, mode = self._target(target, mode)
        if start not in self.modes or self._end(start) - start > MAX_SMALL:
            return None
        return lift.lift(self.elf, machine(mode, big=self.elf.endian == "big"), start, self._end(start), conditions=1)

    def _trace(self, start: int) -> None:
        if start in self.program.traces:
            return
        mode = self.modes.get(start)
        if mode is None:
            return
        end = self._end(start)
        if 0 < self.program.library < start and end - start > MAX_LIBRARY:
            self.program.skipped += end - start
            return
        function = lift.lift(self.elf, machine(mode, big=self.elf.endian == "big"), start, end, conditions=1)
        trace = self.tracer.trace(function)
        trace.extent = _extent(function)
        if not function.instructions:
            return
        self.program.traces[start] = trace
        self.program.ends[start] = end
        self.program.instructions += trace.instructions
        if trace.cut:
            self.program.left_out.append(trace.cut)
        for site in trace.sites:
            if not site.name and site.target > 0:
                target = self._target(site.target, mode)
                if self._add(*target):
                    self.queue.append(target[0])

    def _target(self, target: int, mode: str) -> tuple[int, str]:
        if mode in ("thumb", "mips16") and not target & 1 and self.modes.get(target, mode) == mode:
            return target, mode
        return self._plain(target), self.modes.get(self._plain(target)) or self._mode(target)

    def _end(self, start: int) -> int:
        if start in self.ends:
            return self.ends[start]
        part = next(part for part in self.elf.segments if part.executable and part.start <= start < part.end)
        index = bisect_right(self.order, start)
        follows = self.order[index] if index < len(self.order) else part.end
        return min(follows, part.end, start + MAX_EXTENT)


def find_table(elf: Elf) -> None:
    """Find the table of addresses of a static MIPS program: each function adds a constant to its own address to get it.

    Source: MIPS supplement of the System V ABI, chapter 3 (Coding Examples, Position-Independent Function Prologue).
    """
    big = elf.endian == "big"
    form = rb"\x3c\x1c(..)\x27\x9c(..)\x03\x99\xe0\x21" if big else rb"(..)\x1c\x3c(..)\x9c\x27\x21\xe0\x99\x03"
    votes: Counter[int] = Counter()
    for segment, text in code_of(elf):
        for match in re.finditer(form, text, re.DOTALL):
            high, low = struct.unpack(">Hh" if big else "<Hh", match[1] + match[2])
            votes[segment.start + match.start() + (high << 16) + low & 0xFFFFFFFF] += 1
    if not votes:
        return
    gp, count = votes.most_common(1)[0]
    start = end = gp - 0x7FF0
    if count < 3 or elf.offset_of(start) is None:
        return
    low, high = min(part.start for part in elf.segments), max(part.end for part in elf.segments) + 0x40000
    while end < gp + 0x8000 and (end < start + 8 or (elf.integer(end, 4) or low) in range(low, high)):
        end += 4
    elf.gp = gp
    elf.constant.append((start, end))


def is_text(elf: Elf, address: int) -> bool:
    """Tell whether a text ends by a zero byte here: constants lie beside the code in many files."""
    raw = elf.read(address, 24)
    text = raw.split(b"\0", 1)[0]
    if not text or not all(32 <= one < 127 or one in b"\t\r\n" for one in text):
        return False
    return len(text) > 3 or (len(text) < len(raw) and elf.read(address - 1, 1) == b"\0")


def start_up(program: Program) -> tuple[int, int]:
    """Return `main` and the function of the library that the entry gives it to; -1 and 0 where they are not found."""
    mask = ~1 if program.elf.machine in ("mips", "arm") else ~0
    trace = program.traces.get(program.elf.entry & mask)
    sites = trace.sites if trace is not None else []
    for inner in [site.target for site in sites if site.target in program.traces]:  # the entry may call what calls
        sites = [*sites, *program.traces[inner].sites]
    for site in sites:
        given = pointer_of(program, site.arguments[0])
        if program.elf.is_code(given):
            return given & mask, site.target & mask if site.target > 0 else 0
    return -1, 0


def pointer_of(program: Program, value: Value | None) -> int:
    """Return what a pointer is, also one that is loaded from where the program starts with it."""
    if type(value) is int:
        return value
    if type(value) is tuple and value[0] == "m" and type(value[1]) is int:
        return program.elf.pointer(value[1]) or 0
    return 0


def _extent(function: lift.Function) -> tuple[tuple[int, int], ...]:
    found: list[list[int]] = []
    for address in sorted(function.instructions):
        after = function.instructions[address].after
        if found and found[-1][1] >= address:
            found[-1][1] = max(after, found[-1][1])
        else:
            found.append([address, after])
    return tuple((start, end) for start, end in found)

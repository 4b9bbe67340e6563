"""What is known of a program as a whole: who calls whom, and what is kept at fixed addresses."""

from __future__ import annotations

from functools import cached_property

from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.program import Program, pointer_of
from aboveboard.readers.flow.trace import Site, Store

_STARTS = frozenset({"__libc_start_main", "__uClibc_main"})


class Whole:
    """Answers for one program. Answers are kept."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._elf: Elf = program.elf

    @cached_property
    def main(self) -> int:
        """The address of `main`, -1 where it is not known."""
        if self.program.main >= 0:
            return self.program.main
        for trace in self.program.traces.values():
            for site in trace.sites:
                given = pointer_of(self.program, site.arguments[0]) if site.name in _STARTS else 0
                if given:
                    return given & ~1 if self._elf.machine in ("mips", "arm") else given
        return -1

    @cached_property
    def callers(self) -> dict[int, list[tuple[int, Site]]]:
        """The calls of each function of the file."""
        found: dict[int, list[tuple[int, Site]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for site in trace.sites:
                if not site.name and site.target > 0:
                    target = site.target if site.target in self.program.traces else site.target & ~1
                    found.setdefault(target, []).append((start, site))
        return found

    @cached_property
    def indirect(self) -> dict[int, list[tuple[int, Site]]]:
        """For functions that data point to: the calls of what is not known, which may be calls of them."""
        unknown = [
            (start, site)
            for start, trace in sorted(self.program.traces.items())
            for site in trace.sites
            if not site.name and site.target < 0
        ]
        mask = ~1 if self._elf.machine in ("mips", "arm") else ~0
        pointed = {value & mask for value in self._elf.based.values()} | {value & mask for value in self.program.pointed}
        return {start: unknown[:8] for start in self.program.traces if start in pointed}

    def is_on_stack(self, place: int) -> bool:
        """Tell whether a place lies on the stack: there the same place is another thing in each function."""
        return self.program.tracer is not None and self.program.tracer.places.on_stack(place)

    @cached_property
    def globals(self) -> dict[int, list[tuple[int, Store]]]:
        """What is stored at fixed addresses."""
        found: dict[int, list[tuple[int, Store]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for store in trace.stores:
                if type(store.place) is int and not self.is_on_stack(store.place):
                    found.setdefault(store.place, []).append((start, store))
        return found

    @cached_property
    def global_buffers(self) -> dict[int, list[tuple[int, int, Site]]]:
        """The calls that are given a fixed address."""
        found: dict[int, list[tuple[int, int, Site]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for site in trace.sites:
                for number, given in enumerate(site.arguments):
                    if type(given) is int and given > 4096 and not self._elf.is_code(given) and not self.is_on_stack(given):
                        found.setdefault(given, []).append((start, number, site))
        return found

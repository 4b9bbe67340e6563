"""Constants that stand nowhere in the file: what a program builds or decodes is found by running that piece.

The piece is run on numbers, as far as it depends on nothing outside (`readers/flow/emulate`): from a block that always
comes before the comparison up to the comparison.
"""

from __future__ import annotations

from aboveboard.readers.flow.emulate import Emulator, ReachedError, StoppedError
from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.state import State
from aboveboard.readers.flow.trace import Site

MAX_STARTS = 8
MAX_SITES = 200  # comparisons that are tried in one program
_SIZED = {"strncmp": 2, "strncasecmp": 2, "memcmp": 2, "bcmp": 2, "__memcmpeq": 2}


class Built:
    """Answers for one program."""

    def __init__(self, program: Program, origins: Origins) -> None:
        self._program, self._origins = program, origins
        self._states: dict[int, dict[int, State]] = {}
        self._known: dict[tuple[int, int], tuple[int, bytes] | None] = {}

    def constant(self, function: int, site: Site, graph: Graph) -> tuple[int, bytes] | None:
        """Return which argument (0 or 1) of a comparison is a constant that was built, and the constant."""
        key = (function, site.address)
        if key not in self._known:
            self._known[key] = None
            if len(self._known) <= MAX_SITES:
                self._known[key] = self._find(function, site, graph)
        return self._known[key]

    def _find(self, function: int, site: Site, graph: Graph) -> tuple[int, bytes] | None:
        wanted = [number for number in (0, 1) if self._may_be_built(site, number)]
        if not wanted:
            return None
        for block in graph.before(site.block)[:MAX_STARTS]:
            found = self._run(function, site, block, wanted)
            if found is not None:
                return found
        return None

    def _may_be_built(self, site: Site, number: int) -> bool:
        given = site.arguments[number]
        if given is None or (type(given) is tuple and given[0] not in ("c", "+", "f", "u")):
            return False
        return not (type(given) is int and self._program.elf.is_constant(given, 1))

    def _run(self, function: int, site: Site, block: int, wanted: list[int]) -> tuple[int, bytes] | None:
        program = self._program
        code = program.function(function)
        if code is None or block & 1:
            return None
        if function not in self._states:
            self._states = {function: program.states(function)}
        state = self._states[function].get(block)
        if state is None:
            return None
        run = Emulator(program.elf, program.function, program.imported)
        _prepare(run, state)
        run.prepare(code.machine)
        run.stop_at = site.address
        try:
            run.run(code, block >> 1, -1)
        except ReachedError:
            return self._read(run, site, wanted)
        except (StoppedError, OverflowError, KeyError):
            return None
        return None

    def _read(self, run: Emulator, site: Site, wanted: list[int]) -> tuple[int, bytes] | None:
        assert run.machine is not None
        for number in wanted:
            place = run.argument(run.machine, number)
            if place is None or place not in run.memory:
                continue
            size = run.argument(run.machine, _SIZED[site.name]) if site.name in _SIZED else None
            raw = self._sized(run, place, size) if size is not None and size < 257 else run.text(place)
            if raw is not None and len(raw) >= 2:
                return number, raw
        return None

    @staticmethod
    def _sized(run: Emulator, place: int, size: int) -> bytes | None:
        found = [run.byte(place + at) for at in range(size)]
        return bytes(one for one in found if one is not None) if None not in found else None


def _prepare(run: Emulator, state: State) -> None:
    for offset, value in state.registers.items():
        if type(value) is int:
            run.set_register(offset, run.elf.width, value)
    for place, (size, value) in state.cells.items():
        if type(place) is int and type(value) is int:
            run.write(place, size, value)

"""Constants that stand nowhere in the file: what a program builds or decodes is found by running that piece.

The piece is run on numbers, as far as it depends on nothing outside (`readers/flow/emulate`): from a block that always
comes before the comparison up to the comparison.
"""

from __future__ import annotations

from collections.abc import Callable

from aboveboard.readers.flow.emulate import Emulator, ReachedError, StoppedError
from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.state import State
from aboveboard.readers.flow.trace import Site, Trace

MAX_STARTS = 8
MAX_TEXT = 64  # bytes of a text on the stack
MAX_SITES = 200  # comparisons that are tried in one program
_SIZED = {"strncmp": 2, "strncasecmp": 2, "memcmp": 2, "bcmp": 2, "__memcmpeq": 2}


class Built:
    """Answers for one program."""

    def __init__(self, program: Program, origins: Origins) -> None:
        self._program, self._origins = program, origins
        self._states: dict[int, dict[int, State]] = {}
        self._texts: dict[tuple[int, int, int], bytes] = {}
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
            found = self._run(function, site, block, wanted, graph)
            if found is not None:
                return found
        return None

    def _may_be_built(self, site: Site, number: int) -> bool:
        given = site.arguments[number]
        if given is None or (type(given) is tuple and given[0] not in ("c", "+", "f", "u")):
            return False
        return not (type(given) is int and self._program.elf.is_constant(given, 1))

    def on_stack(self, function: int, block: int, place: int, graph: Graph) -> bytes:
        """Return the text that a function has put on its stack when it comes to a block; empty where that is not known."""
        key = (function, block, place)
        if key not in self._texts:
            self._texts[key] = b""
            if len(self._texts) <= MAX_SITES:
                for start in graph.before(block)[1 : MAX_STARTS + 1]:
                    run = self._ran(function, start, block >> 1, block, graph, halt=True)
                    text = run.text(place, MAX_TEXT) if run is not None else None
                    if text:
                        self._texts[key] = text
                        break
        return self._texts[key]

    def _run(self, function: int, site: Site, block: int, wanted: list[int], graph: Graph) -> tuple[int, bytes] | None:
        run = self._ran(function, block, site.address, site.block, graph)
        return self._read(run, site, wanted) if run is not None else None

    def _ran(
        self, function: int, block: int, until: int, target: int, graph: Graph, *, halt: bool = False
    ) -> Emulator | None:
        """Run from a block until an address, towards the block that it lies in; None where it is not reached."""
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
        if halt:
            run.halt_at = until
        else:
            run.stop_at = until
        run.choose = _towards(program.traces[function], target, graph)
        try:
            run.run(code, block >> 1, -1)
        except ReachedError:
            return run
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


def _towards(trace: Trace, target: int, graph: Graph) -> Callable[[int], int | None]:
    """Return what says where to go on from a test that is not known, to come to a block."""
    blocks = {address: block for block, address in trace.ends.items()}
    asked: set[int] = set()

    def choose(address: int) -> int | None:
        block = blocks.get(address)
        if block is None or address in asked:
            return None
        asked.add(address)  # a loop that only the unknown ends is not followed
        inevitable = {(edge.source, edge.target) for edge in graph.guards(target)}
        ways = trace.edges.get(block, ())
        for edge in ways:
            if (edge.source, edge.target) in inevitable:
                return edge.target >> 1
        found = [edge.target for edge in ways if edge.target == target or target in graph.reaches(edge.target, {block})]
        return found[0] >> 1 if len(found) == 1 and not found[0] & 1 else None

    return choose


def _prepare(run: Emulator, state: State) -> None:
    for offset, value in state.registers.items():
        if type(value) is int:
            run.set_register(offset, run.elf.width, value)
    for place, (size, value) in state.cells.items():
        if type(place) is int and type(value) is int:
            run.write(place, size, value)

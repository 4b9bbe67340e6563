"""What decides whether a block is reached, across functions and states: conditions, and their alternatives.

A decision asks for the result of a function of the file, or for what is kept in a place: then the ways to results and to
stores that satisfy it are its alternatives.
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.evidence.triggers.asked import Asked
from aboveboard.evidence.triggers.kept import Kept
from aboveboard.evidence.triggers.ways import Way, chosen_ways, enough, factors, is_range, united, wants, way_to
from aboveboard.readers.flow.control import Control
from aboveboard.readers.flow.trace import Edge
from aboveboard.readers.flow.values import Value, parts

MAX_ALTERNATIVES = 24
MAX_SOURCES = 64  # of one value where ways meet
MAX_ASKED = 8_000  # tests of one program whose alternatives are looked for


class Decisions:
    """Answers for one program. Answers are kept."""

    def __init__(self, asked: Asked, kept: Kept) -> None:
        self.program, self.origins = asked.program, asked.origins
        self.kept = kept
        self._controls: dict[int, Control] = {}
        self._alternatives: dict[tuple[int, Edge], list[list[Way]]] = {}
        self.left_out = False  # more was to be looked for than is allowed

    def control(self, function: int) -> Control:
        """Return what decides about the blocks of a function."""
        if function not in self._controls:
            self._controls[function] = Control(self.program.traces[function])
        return self._controls[function]

    def conditions(self, way: Way) -> list[Edge]:
        """Return what is asked on a way, the nearest first."""
        return list(dict.fromkeys((*way.asked, *self.control(way.function).closure(way.block))))

    def calls(self, function: int) -> list[tuple[int, int]]:
        """Return function and block of the calls of a function, or else where it is chosen or may be called."""
        known = [(caller, site.block) for caller, site in self.origins.callers.get(function, ())]
        if known or function == self.origins.main:
            return known
        return self.kept.taken.get(function) or [
            (caller, site.block) for caller, site in self.origins.indirect.get(function, ())
        ]

    def alternatives(self, function: int, edge: Edge) -> list[list[Way]]:
        """Return what lies behind a test: for each thing that it asks for, the ways to what it wants."""
        key = (function, edge)
        if key not in self._alternatives:
            if len(self._alternatives) >= MAX_ASKED:
                self.left_out = True
                return []
            self._alternatives[key] = list(self._find(function, edge))
        return self._alternatives[key]

    def _find(self, function: int, edge: Edge) -> Iterator[list[Way]]:
        test = edge.test
        if type(test) is tuple and test[0] == "|":
            if not is_range(test):
                yield [Way(function, edge.source, (Edge(edge.source, edge.target, one),)) for one in test[1:]]
            return
        for one in test[1:] if type(test) is tuple and test[0] == "&" else (test,):
            several = list(factors(function, edge, one))
            if len(several) > 1:
                yield several[:MAX_ALTERNATIVES]
            for part in dict.fromkeys(parts(one)):
                if part[0] == "c":
                    several = self._results(function, one, part)
                elif part[0] == "m":
                    several = self._kept(function, one, part)
                elif part[0] == "f":
                    several = list(self._wanted(function, one, part, self._sources(function, edge.source, part)))
                elif part[0] == "?":
                    several = list(chosen_ways(function, edge, one, part))
                else:
                    continue
                if several:
                    yield enough(several)[:MAX_ALTERNATIVES]

    def _results(self, function: int, test: Value, part: Value) -> list[Way]:
        """The ways through a called function to results that a test wants."""
        assert type(part) is tuple
        site = self.origins.index(function).at.get(part[1])
        if site is None or site.name:
            return []
        target = site.target if site.target in self.program.traces else site.target & ~1
        callee = self.program.traces.get(target)
        if callee is None or any(value is None for value in callee.returns.values()):
            return []
        found: list[Way] = []
        for block, value in callee.returns.items():
            assert value is not None
            found += self._wanted(target, test, part, self._sources(target, block, value))
        return found

    def _sources(self, function: int, block: int, value: Value) -> Iterator[tuple[int, tuple[Edge, ...], Value]]:
        """Return where a value comes from, where it is one of several: block, what is asked from there on, value."""
        trace = self.program.traces[function]
        if type(value) is tuple and value[0] == "f":
            for source, one in sorted(trace.merged.get((value[1], value[2]), {}).items())[:MAX_SOURCES]:
                if one != value:
                    ways = trace.edges.get(source, ())
                    asked = tuple(e for e in ways if e.target == value[1] and e.test != 1) if len(ways) > 1 else ()
                    yield source, asked[:1], one
        else:
            yield block, (), value

    def _wanted(
        self, function: int, test: Value, part: Value, sources: Iterator[tuple[int, tuple[Edge, ...], Value]]
    ) -> Iterator[Way]:
        """Return the sources of a value that make a test hold, or may."""
        for block, via, value in sources:
            for one in united(value):
                if one == part:
                    continue
                asked = wants(test, part, one)
                if asked is not None:
                    yield way_to(function, block, asked, via)

    def _kept(self, function: int, test: Value, part: Value) -> list[Way]:
        """The ways to what is stored where a test asks, as far as the test wants it."""
        assert type(part) is tuple
        if part[2] > 8:
            return []
        filled, stored = self.kept.fills(function, part[1], part[2])
        found = [Way(start, site.block) for start, site in filled]
        for start, store in stored:
            for block, via, value in self._sources(start, store.block, store.value) if store.value is not None else ():
                for one in united(value):
                    asked = wants(test, part, self.kept.without_itself(one, start, store))
                    if asked is not None and (type(asked) is int or part not in parts(asked)):
                        found.append(way_to(start, block, asked, via))
        return list(dict.fromkeys(found))

"""What each way through a function asks: the matches with a constant that hold where it is taken.

A match may lie in the test itself, in a function of the file that returns something for one constant alone, or in a
comparison with a text that the program builds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from aboveboard.evidence.triggers.built import Built
from aboveboard.evidence.triggers.loops import loop_matches
from aboveboard.evidence.triggers.matches import COMPARES, SAME, Match, matches
from aboveboard.evidence.triggers.several import sources, spread
from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.trace import Edge, Trace
from aboveboard.readers.flow.values import Value, is_test, negated, parts

_TRIVIAL = frozenset({0, 1, -1, 2, 0xFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
_NEAR = 64  # bytes that belong to one constant


class Asked:
    """Answers for one program. Answers are kept."""

    def __init__(self, program: Program, origins: Origins) -> None:
        self.program, self.origins = program, origins
        self._built = Built(program, origins)
        self._graphs: dict[int, Graph] = {}
        self._every: dict[int, list[Match]] = {}
        self._matches: dict[tuple[int, Edge], list[Match]] = {}

    def graph(self, function: int) -> Graph:
        """Return the graph of a function."""
        if function not in self._graphs:
            self._graphs[function] = Graph(self.program.traces[function])
        return self._graphs[function]

    def matches(self, trace: Trace, edge: Edge) -> list[Match]:
        """Return the matches of a way, or of a test that is a part of a way's; kept."""
        key = (trace.start, edge)
        if key not in self._matches:
            self._matches[key] = []  # a function that calls itself asks for it while it is made
            self._matches[key] = self._ask(trace, edge)
        return self._matches[key]

    def _ask(self, trace: Trace, edge: Edge) -> list[Match]:
        found = [*matches(trace, edge, self.origins), *self._by_results(trace, edge), *self._by_building(trace, edge)]
        found += loop_matches(trace, edge, self.graph(trace.start), self.origins, self._built)
        return [one for one in found if not self._is_trivial(trace, one)]

    def _by_building(self, trace: Trace, edge: Edge) -> Iterator[Match]:
        """A way that is taken where something equals a text that the program builds."""
        tests = edge.test[1:] if type(edge.test) is tuple and edge.test[0] == "&" else (edge.test,)
        for test in tests:
            if (
                type(test) is not tuple
                or test[0] not in "=!"
                or type(test[1]) is not tuple
                or test[1][0] != "c"
                or test[2] != 0
            ):
                continue
            site = self.origins.index(trace.start).at.get(test[1][1])
            if (
                site is None
                or (test[0] == "=") != (site.name in COMPARES)
                or not (site.name in COMPARES or site.name == SAME)
            ):
                continue
            if any(type(one) is int and self.origins.is_fixed(one) for one in site.arguments[:2]):
                continue
            found = self._built.constant(trace.start, site, self.graph(trace.start))
            subject = site.arguments[1 - found[0]] if found is not None else None
            if found is not None and subject is not None:
                plain = found[1] in self.program.elf.data
                yield Match("compare" if plain else "built", subject, found[1], site.address, wanted=site.name)

    def _by_results(self, trace: Trace, edge: Edge) -> Iterator[Match]:
        """A way that is taken where a function of the file returned what it returns for one constant alone."""
        tests = edge.test[1:] if type(edge.test) is tuple and edge.test[0] == "&" else (edge.test,)
        for test in tests:
            if type(test) is tuple and test[0] in ("=", "!") and type(test[1]) is tuple and test[1][0] == "c":
                site = self.origins.index(trace.start).at.get(test[1][1])
                if site is not None and not site.name and type(test[2]) is int:
                    callee = self.program.traces.get(site.target) or self.program.traces.get(site.target & ~1)
                    if callee is not None:
                        yield from self._returned(callee, test[0] == "=", test[2])

    def _returned(self, callee: Trace, holds: bool, number: int) -> Iterator[Match]:
        ways: list[tuple[int, Value]] = []
        for block, value in callee.returns.items():
            if value is None:
                return
            ways += sources(callee, block, value)
        fitting = [(block, value) for block, value in ways if type(value) is tuple or (value == number) == holds]
        if len(ways) < 2 and not (fitting and is_test(fitting[0][1])):
            return
        if len(fitting) != 1:
            return
        block, value = fitting[0]
        if type(value) is tuple:
            if is_test(value):
                test = value if (number == 0) != holds else negated(value)
                yield from matches(callee, Edge(block, -1, test), self.origins)
            return
        guards = self.graph(callee.start).guards(block)
        nearest = guards
        for edge in nearest[:8]:
            group = self.matches(callee, edge)
            if group:
                yield from self.group(callee, nearest, group)
                return

    def _is_trivial(self, trace: Trace, match: Match) -> bool:
        if match.kind in ("compare", "contains", "built", "setting"):
            return False
        if not isinstance(match.constant, int):
            return False
        if match.kind == "bytes" and match.size == 1:
            return match.constant == 0
        if self._counts(trace, match.subject):
            return True
        if type(match.subject) is tuple and match.subject[0] in "f+o" and self._in_data(match.constant):
            return True  # the end of a table, most often
        return match.constant in _TRIVIAL or self._is_address(match.constant, match.size)

    def _counts(self, trace: Trace, subject: Value) -> bool:
        """Tell whether something counts the rounds of a loop."""
        base = subject[1] if type(subject) is tuple and subject[0] == "+" else subject
        if type(base) is not tuple or base[0] != "f":
            return False
        return any(type(one) is tuple and one[0] == "+" and base in parts(one) for one in spread(trace, base, 3))

    def _in_data(self, number: int) -> bool:
        """Tell whether a number, or its negative, is the address of data of the file."""
        several = (number & self.mask, -number & self.mask)
        return any(part.start <= one <= part.end for part in self.program.elf.segments for one in several if one > 0x1000)

    def _is_address(self, number: int, size: int) -> bool:
        """Tell whether a number is the address of something of the program."""
        elf = self.program.elf
        if abs(number - (0xE0000000 if elf.bits == 32 else 0x7FF0_0000_0000_0000)) < 1 << 20:
            return True
        if size not in (0, elf.width) or not any(
            part.writable and part.start <= number < part.end + 0x10000 for part in elf.segments
        ):
            return False
        origins = self.origins
        return number in origins.globals or number in origins.global_buffers or number in self._based

    def group(self, trace: Trace, guards: list[Edge], group: list[Match]) -> tuple[Match, ...]:
        """Return the matches on the same subject that hold on the way, the deciding one first."""
        found = list(group)
        for edge in guards[1:]:
            found += [one for one in self.matches(trace, edge) if _belongs(one, group[0])]
        return tuple(dict.fromkeys(found))

    def siblings(self, trace: Trace, match: Match) -> int:
        """Return with how many other constants the same thing is compared in a function."""
        if trace.start not in self._every:
            self._every[trace.start] = [
                one for edges in trace.edges.values() for e in edges for one in self.matches(trace, e)
            ]
        return len({(one.at, one.constant) for one in self._every[trace.start] if _rivals(one, match)})

    def rivals(self, trace: Trace, match: Match) -> tuple[str, ...]:
        """Return the other texts with which the same thing is compared in a function."""
        self.siblings(trace, match)
        others = {one.constant for one in self._every[trace.start] if _rivals(one, match)}
        return tuple(sorted(text.decode("latin-1") for text in others if isinstance(text, bytes)))

    def others(self, trace: Trace, match: Match) -> list[Match]:
        """Return the matches of the same thing with other constants in a function."""
        self.siblings(trace, match)
        return [one for one in self._every[trace.start] if _rivals(one, match)]

    @cached_property
    def _based(self) -> frozenset[int]:
        return frozenset(self.program.elf.based.values())

    @cached_property
    def mask(self) -> int:
        """All bits of an address."""
        return (1 << self.program.elf.bits) - 1


def _belongs(one: Match, first: Match) -> bool:
    """Tell whether two matches that both hold are parts of one constant."""
    if one.kind != first.kind:
        return False
    if one.kind == "bytes":
        return one.base == first.base and abs(one.at - first.at) <= _NEAR
    return one.subject == first.subject


def _rivals(one: Match, first: Match) -> bool:
    """Tell whether two matches ask the same thing for different constants."""
    if one.kind == "bytes" and first.kind == "bytes":
        return one.base == first.base and one.at == first.at and one.constant != first.constant
    return one.kind == first.kind and one.subject == first.subject and one.constant != first.constant

"""Matches that pass for a check: they set what a check sets, return what it returns, or lead where only it leads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aboveboard.evidence.triggers.asked import Asked
from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.evidence.triggers.checks import Checks
from aboveboard.evidence.triggers.effects import PASS, WEIGHT, Effect
from aboveboard.evidence.triggers.matches import COMPARES, Match
from aboveboard.evidence.triggers.secrets import second_secrets
from aboveboard.evidence.triggers.several import sources, spread
from aboveboard.readers.flow.graph import Graph, Node
from aboveboard.readers.flow.trace import Edge, Site, Trace
from aboveboard.readers.flow.values import Value, negated, parts

_WEAK = 1.5  # weight of passing for a comparison that may be no check of a secret
Add = Callable[[int, Edge, tuple[Match, ...], Effect, bool], Candidate]


class Passes:
    """Finds them in one program, once all effects were attributed. `effective`: the blocks with an effect, by function."""

    def __init__(self, asked: Asked, checks: Checks, effective: dict[int, set[int]], add: Add) -> None:
        self.program, self.origins = asked.program, asked.origins
        self._asked, self._checks, self._effective, self._add = asked, checks, effective, add

    def find(self) -> None:
        """Find matches that set what a check sets, return what it returns, or lead where only it leads."""
        for start, trace in sorted(self.program.traces.items()):
            if not self.program.is_own(start):
                continue
            self._alternatives(start, trace)
            for way, match in second_secrets(
                trace, self._asked.graph(start), self.origins, partial(self._is_strong, start)
            ):
                effect = Effect(PASS, "a second secret passes as well", match.address, start, WEIGHT[PASS])
                self._add(start, way, (match,), effect, False).skips = True
            for edges in trace.edges.values():
                for edge in edges:
                    if edge.test == 1:
                        continue
                    group = self._asked.matches(trace, edge)
                    if group and any(one.kind != "integer" or _is_large(one.constant) for one in group):
                        text, strength = self._passed(start, trace, edge)
                        if strength:
                            guards = [edge, *self._asked.graph(start).guards(edge.source)]
                            whole = self._asked.group(trace, guards, group)
                            effect = Effect(PASS, text, edge.source >> 1, start, WEIGHT[PASS] if strength > 1 else _WEAK)
                            checked = any(self._checks.is_check(start, one) > 1 for one in guards[1:])
                            self._add(start, edge, whole, effect, checked).skips = True

    def _alternatives(self, start: int, trace: Trace) -> None:
        """Find tests that hold for a check or for a constant, and values that a constant chooses instead of a check's."""
        graph = self._asked.graph(start)
        for edges in trace.edges.values():
            for edge in edges:
                if type(edge.test) is tuple and edge.test[0] == "|":
                    strength = self._checks.is_check(start, edge)
                    for test in edge.test[1:] if strength else ():
                        self._instead(start, trace, Edge(edge.source, edge.target, test), strength, graph)
        for block, value in trace.selects:
            assert type(value) is tuple
            for test, mine, other in ((value[1], value[2], value[3]), (negated(value[1]), value[3], value[2])):
                if type(mine) is int and 0 < mine < 256:
                    strength = self._checks.strength_of(trace, other)
                    if strength:
                        self._instead(start, trace, Edge(block, block, test), strength, graph)

    def _is_strong(self, start: int, site: Site) -> bool:
        return self._checks.compares_unknown(start, site) > 1

    def _instead(self, start: int, trace: Trace, edge: Edge, strength: int, graph: Graph) -> None:
        group = self._asked.matches(trace, edge)
        if group and (group[0].kind != "integer" or _is_large(group[0].constant)):
            guards = graph.guards(edge.source)
            effect = Effect(
                PASS, "counts as a passed check", edge.source >> 1, start, WEIGHT[PASS] if strength > 1 else _WEAK
            )
            checked = any(self._checks.is_check(start, one) > 1 for one in guards)
            self._add(start, edge, self._asked.group(trace, [edge, *guards], group), effect, checked).skips = True

    def _passed(self, start: int, trace: Trace, edge: Edge) -> tuple[str, int]:
        region = self._asked.graph(start).behind((edge.source, edge.target))
        best = ("", 0)
        for store in trace.stores:
            if (
                store.block in region
                and type(store.value) is int
                and store.value in (1, 2, 3)
                and self._free(start, edge, store.block)
            ):
                names = list(self._checks.flag_names(start, store.place))
                strength = max((self._checks.flags.get(name, 0) for name in names), default=0)
                strength = min(strength, 1) if not any(name in self._checks.guarding for name in names) else strength
                best = max(best, ("sets what a check sets", strength), key=lambda one: one[1])
        strength = self._checks.check_functions.get(start, 0)
        if strength and self._returns(start, trace, edge, region):
            strength = strength if self._result_guards(start) else 1
            best = max(best, ("returns what a passed check returns", strength), key=lambda one: one[1])
        for text, strength in (
            ("overrides what a check gave", self._merges(start, trace, edge, region)),
            ("leads where a passed check leads", self._joins(start, trace, edge, region)),
        ):
            best = max(best, (text, strength), key=lambda one: one[1])
        return best

    def _result_guards(self, function: int) -> bool:
        """Tell whether an effect lies behind the result of a check, or what is kept of it; also where no call is known."""
        calls = self.origins.callers.get(function)
        if not calls or ("call", function) in self._checks.guarding:
            return True
        for caller, site in calls[:8]:
            trace, call = self.program.traces[caller], ("c", site.address)
            for store in trace.stores:
                guards = self._asked.graph(caller).guards(store.block)[:2] if type(store.value) is int else []
                told = (
                    call in parts(store.value) if type(store.value) is tuple else any(call in parts(e.test) for e in guards)
                )
                if told and any(name in self._checks.guarding for name in self._checks.flag_names(caller, store.place)):
                    return True
        return False

    def _returns(self, start: int, trace: Trace, edge: Edge, region: set[int]) -> bool:
        """A function that checks returns for the match what it returns for a passed check."""
        mine, others = set(), set()
        for block, value in trace.returns.items():
            if value is None:
                continue
            for source, one in sources(trace, block, value):
                inside = source in region or (source == edge.source and edge.target not in region)
                if not inside:
                    others.add(one)
                elif self._free(start, edge, source):
                    mine.add(one)
        numbers = {one for one in mine if type(one) is int}
        checks = any(self._checks.check_call(start, part) for one in others if type(one) is tuple for part in parts(one))
        passed = self._passed_value(start, trace)
        return bool(numbers) and (
            (checks and bool(numbers - {0, -1, self._asked.mask})) or (passed is not None and passed in numbers)
        )

    def _passed_value(self, start: int, trace: Trace) -> int | None:
        """Return the number that a function returns behind a passed check."""
        graph = self._asked.graph(start)
        for block, value in trace.returns.items():
            if value is None:
                continue
            for source, one in sources(trace, block, value):
                if type(one) is int:
                    for edge in graph.guards(source)[:2]:
                        if type(edge.test) is tuple and edge.test[0] in "=!" and self._checks.is_check(start, edge):
                            compare = edge.test[1]
                            site = self.origins.index(start).at.get(compare[1]) if compare[0] == "c" else None
                            holds = (
                                edge.test[0] == "=" if site is not None and site.name in COMPARES else edge.test[0] == "!"
                            )
                            if holds:
                                return one
        return None

    def _merges(self, start: int, trace: Trace, edge: Edge, region: set[int]) -> int:
        """Where paths meet, the match brings a number and the other path what a check gave."""
        for (block, merged), found in trace.merged.items():
            mine = [
                one
                for source, value in found.items()
                if (source in region and self._free(start, edge, source))
                or (source == edge.source and block == edge.target)
                for one in spread(trace, value, 2)
                if type(one) is int and 0 < one < 256
            ]
            if mine:
                strength = max((self._checks.strength_of(trace, value) for value in found.values()), default=0)
                if strength:
                    kept = self._kept_in(start, trace, ("f", block, merged))
                    return strength if kept or self._leads_to_effect(start, block) else 1
        return 0

    def _kept_in(self, start: int, trace: Trace, value: Value) -> bool:
        """Tell whether a value is stored where what guards an effect is kept."""
        for store in trace.stores:
            if type(store.value) is not tuple:
                continue
            kept = value == store.value or value in self._through(trace, store.value, 4)
            if kept and any(name in self._checks.guarding for name in self._checks.flag_names(start, store.place)):
                return True
        return False

    def _through(self, trace: Trace, value: Value, depth: int) -> set[Value]:
        """Return the values that a value passes through where paths meet."""
        found: set[Value] = set()
        if type(value) is tuple and value[0] == "f" and depth:
            found.add(value)
            for one in trace.merged.get((value[1], value[2]), {}).values():
                if one != value:
                    found |= self._through(trace, one, depth - 1)
        return found

    def _joins(self, start: int, trace: Trace, edge: Edge, region: set[int]) -> int:
        """The match leads where otherwise only a passed check leads."""
        sources = region or {edge.source}
        ways = [one for source in sources for one in trace.edges.get(source, ())]
        exits = {
            one.target
            for one in ways
            if one.target not in region
            and (one is edge or (region and not self._checks.is_check(start, one) and self._free(start, edge, one.source)))
            and self._does_something(start, trace, one.target)
        }
        graph = self._asked.graph(start)
        passed = {(one.source, one.target) for one in graph.guards(edge.source)}
        best = 0
        for block in sorted(exits):
            strength = self._leads(start, trace, block, sources | {edge.source}, passed)
            best = max(best, strength if self._leads_to_effect(start, block) else min(strength, 1))
        return best

    def _free(self, start: int, edge: Edge, block: int) -> bool:
        """Tell whether no check lies between a way and a block behind it."""
        for one in self._asked.graph(start).guards(block):
            if (one.source, one.target) == (edge.source, edge.target):
                return True
            if self._checks.is_check(start, one):
                return False
        return True

    def _does_something(self, start: int, trace: Trace, block: int) -> bool:
        """Tell whether anything is called or stored behind a block, other than to return."""
        behind = self._asked.graph(start).behind(block)
        return any(site.block in behind for site in trace.sites) or any(store.block in behind for store in trace.stores)

    def _leads(self, start: int, trace: Trace, block: int, mine: set[int], passed: set[tuple[int, int]]) -> int:
        """Say how much of a check lies on all other ways to a block."""
        graph = self._asked.graph(start)
        others = [one for edges in trace.edges.values() for one in edges if one.target == block and one.source not in mine]
        if not others or len(others) > 4:
            return 0
        least = 3
        for one in others:
            guards = [one, *(g for g in graph.guards(one.source)[:6] if (g.source, g.target) not in passed)]
            strength, way = max(
                ((self._checks.is_check(start, g), g) for g in guards if g.test != 1), default=(0, one), key=_first
            )
            refused = [e.target for e in trace.edges.get(way.source, ()) if e.target != way.target]
            nodes: set[Node] = {(e.source, e.target) for e in (*others, way)} | set(mine) | {(one, block) for one in mine}
            if not strength or not refused or block in graph.reaches(refused[0], nodes):
                return 0
            least = min(least, strength)
        return least

    def _leads_to_effect(self, function: int, block: int) -> bool:
        """Tell whether an effect can be reached from a block."""
        blocks = self._effective.get(function)
        return bool(blocks) and bool(self._asked.graph(function).reaches(block, set()) & blocks)  # type: ignore[operator]


def _is_large(constant: bytes | int | None) -> bool:
    """Tell whether a number is none of those that programs count and choose with."""
    return isinstance(constant, int) and 0x100 <= constant < (1 << 64) - 0x1000


def _first(pair: tuple[int, Edge]) -> int:
    return pair[0]

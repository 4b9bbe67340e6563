"""Follows what opens an effect back to all that decides it: decisions that a constant can make instead of a check.

From an effect upwards: the ways that decide about its block (control dependence), the functions whose results they ask
for, the places whose content they ask for with all that is stored there, and the calls of the function. Where several ways
lead to one outcome they are alternatives: if one holds for a constant from outside, and no check lies on it while one lies
on another, the constant passes for the check.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from aboveboard.evidence.triggers.asked import Asked
from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.evidence.triggers.decisions import MAX_ALTERNATIVES, Decisions
from aboveboard.evidence.triggers.effects import PASS, WEIGHT, Effect
from aboveboard.evidence.triggers.matches import Match
from aboveboard.evidence.triggers.strengths import Strengths
from aboveboard.evidence.triggers.ways import Way, subjects
from aboveboard.readers.flow.trace import Edge
from aboveboard.readers.flow.values import Value, parts

MAX_DEPTH = 80  # decisions from an effect upwards
MAX_GOALS = 1500  # of one program
_FEW = 3  # ways of which each holds for a constant, to be more than a list of commands
_NEAREST = 6  # of what is asked on a way
_WEIGHTS = {3: WEIGHT[PASS], 2: 2.5, 1: 1.5}  # of passing for a check, by how much of a check it is
_CHECKS = {3: "a check", 2: "a comparison of two unknown things", 1: "a question"}
Add = Callable[[int, Edge, tuple[Match, ...], Effect, bool], Candidate]
AddRow = Callable[[int, Effect], None]


class Openings:
    """Finds them in one program, given its effects by function and block."""

    def __init__(
        self,
        asked: Asked,
        decisions: Decisions,
        strengths: Strengths,
        rows: Container[int],
        add: Add,
        add_row: AddRow,
    ) -> None:
        self.program, self.origins = asked.program, asked.origins
        self._asked, self._decisions, self._strengths = asked, decisions, strengths
        self._rows, self._add, self._add_row = rows, add, add_row
        self._done: dict[object, int] = {}
        self._goals = 0
        self.left_out = False  # there were more ways than are followed
        self._root = (0, 0)

    def find(self, effects: Sequence[tuple[int, int, Effect]]) -> None:
        """Follow each effect, the weightiest first."""
        for function, block, effect in sorted(effects, key=lambda one: (-one[2].weight, one[0], one[1], one[2].address)):
            self._root = (function, block)
            self._follow(Way(function, block), effect, 0)

    def _is_new(self, what: object, beside: int) -> bool:
        """Tell whether something was not followed yet, or only beside less of a check."""
        if self._done.get(what, -1) >= beside:
            return False
        self._done[what] = beside
        return True

    def _follow(
        self,
        way: Way,
        effect: Effect,
        depth: int,
        beside: int = 0,
        context: frozenset[Edge] = frozenset(),
        *,
        gate: bool = False,
    ) -> None:
        """Follow a way upwards.

        `beside` is how much of a check lies on the other ways to what it leads to; that of what is asked on all of them
        (`context`) is not passed over.
        """
        if not self._is_new(way, beside):
            return
        if depth > MAX_DEPTH or self._goals >= MAX_GOALS:
            self.left_out = True
            return
        self._goals += 1
        control = self._decisions.control(way.function)
        conditions = self._decisions.conditions(way)
        whole = context | frozenset(conditions)
        for edge in conditions:
            left = beside if edge not in context else 0
            if self._is_new((way.function, edge), left):
                behind = gate or self._strengths.is_gate(way.function, edge)
                for several in self._decisions.alternatives(way.function, edge):
                    if edge.target != -1 or edge in way.asked:
                        kept = any(part[0] == "m" for part in parts(edge.test))
                        self._alone(several, effect, whole, gate=behind, kept=kept)
                    self._hold(several, effect, depth, left, whole, gate=behind)
        for block in dict.fromkeys((way.block, *(edge.source for edge in conditions))):
            ways = control.deciding.get(block, ())
            left = beside if not context.issuperset(ways) else 0
            if 1 < len(ways) <= MAX_ALTERNATIVES and self._is_new((way.function, block), left):
                self._hold([Way(way.function, one.source, (one,)) for one in ways], effect, depth, left, whole, gate=gate)
        calls = self._decisions.calls(way.function)
        if 0 < len(calls) <= MAX_ALTERNATIVES and self.program.is_own(way.function):
            self._hold([Way(caller, block) for caller, block in calls], effect, depth, 0, whole, gate=gate)

    def _hold(
        self, ways: list[Way], effect: Effect, depth: int, beside: int, context: frozenset[Edge], *, gate: bool
    ) -> None:
        """Hold the ways to one outcome against each other and what lies beside all of them, and follow each."""
        asked = [self._decisions.conditions(way) for way in ways]
        shared = frozenset(asked[0]).intersection(*asked[1:]) if len(ways) > 1 else context
        own = [[edge for edge in edges if edge not in shared] for edges in asked]
        strengths = [self._strengths.of_all(way.function, edges) for way, edges in zip(ways, own, strict=True)]
        if sum(one > 1 for one in strengths) > 1:
            self._secrets(ways, own, strengths)
        for number, way in enumerate(ways):
            below = max((one for at, one in enumerate(strengths) if at != number), default=0)
            if (beside or below) and (self._match(way, own[number]) is not None or way.function in self._rows):
                new = [edge for edge in own[number] if edge not in context]
                best = self._held(way, new, beside, 0) if beside else 0
                for at, other in enumerate(ways):
                    if at != number and strengths[at] > best:
                        mine = [edge for edge in own[number] if edge not in asked[at]]
                        against = [edge for edge in own[at] if edge not in asked[number]]
                        strength = 0 if _same(mine, against) else self._strengths.of_all(other.function, against)
                        best = self._held(way, mine, strength, best) if strength > best else best
            below = max(below, beside)
            apart = self._apart(way, own[number]) if below else 0
            self._follow(way, effect, depth + 1, below if apart < below else 0, context, gate=gate)

    def _apart(self, way: Way, mine: list[Edge]) -> int:
        """Say how much of a check lies on a way beside what it asks for itself."""
        return self._strengths.of_all(way.function, [edge for edge in mine if edge not in way.asked])

    def _alone(self, ways: list[Way], effect: Effect, context: frozenset[Edge], *, gate: bool, kept: bool) -> None:
        """Where every way to what is asked for holds for a constant, the constants open the effect itself."""
        if len(ways) > _FEW:
            return
        found = []
        for way in ways:
            mine = [edge for edge in self._decisions.conditions(way) if edge not in context]
            match = self._match(way, mine, least=2) if not self._is_open(way) else None
            if match is None or self._strengths.of_all(way.function, mine) > 1:
                return
            found.append((way, match))
        for way, (edge, group, rest) in found:
            whole = self._asked.group(self.program.traces[way.function], [edge, *rest], list(group))
            made = self._add(way.function, edge, whole, effect, self._strengths.guarded(*self._root) > 1)
            made.state, made.gate = made.state or kept, made.gate or gate

    def _is_open(self, way: Way) -> bool:
        """Tell whether what decides about a way is a question of its own."""
        trace = self.program.traces[way.function]
        return any(edge.target == -1 and not self._asked.matches(trace, edge) for edge in way.asked)

    def _held(self, way: Way, mine: list[Edge], strength: int, best: int) -> int:
        """Note a way that holds for a constant and passes less of a check than the others; return the best so far."""
        if self._by_row(way, mine, strength):
            return strength
        found = self._match(way, [edge for edge in mine if edge in way.asked] if self._is_open(way) else mine)
        if found is None or self._strengths.of_all(way.function, mine) >= strength:
            return best
        self._pass(way, found, strength)
        return strength

    def _secrets(self, ways: list[Way], own: list[list[Edge]], strengths: list[int]) -> None:
        """Note a second secret: several checks open the same, and their secrets are looked up by different names."""
        keys = []
        for number, way in enumerate(ways):
            if strengths[number] > 1:
                key = self._strengths.key(way.function, own[number])
                if key is not None and any(self.origins.sent(key.function, one) for one in key.site.arguments[:4]):
                    keys.append(key)
        place = {key: self._decisions.control(key.function).place.get(key.edge.source, 0) for key in keys}
        keys = sorted(dict.fromkeys(keys), key=lambda one: (one.function, place[one]))
        for key in keys[1:]:
            if key.name != keys[0].name:
                subject: Value = key.site.arguments[0] if key.site.arguments[0] is not None else 0
                between = (key.edge.source, key.edge.target)
                match = Match("setting", subject, key.name.encode("latin-1"), key.site.address, way=between)
                passing = Effect(PASS, "a second secret passes as well", key.site.address, key.function, WEIGHT[PASS])
                self._add(key.function, key.edge, (match,), passing, False).skips = True

    def _by_row(self, way: Way, mine: list[Edge], strength: int) -> bool:
        """Note that what a row of a table names passes for a check, where nothing else is asked on the way."""
        if way.function not in self._rows or self._is_open(way) or self._strengths.of_all(way.function, mine) >= strength:
            return False
        if self._match(way, mine) is not None:
            return False
        passing = Effect(PASS, _text(strength), way.block >> 1, way.function, _WEIGHTS[strength])
        self._add_row(way.function, passing)
        return True

    def _pass(self, way: Way, found: tuple[Edge, list[Match], list[Edge]], strength: int) -> None:
        edge, group, rest = found
        passing = Effect(PASS, _text(strength), group[0].address, way.function, _WEIGHTS[strength])
        before = self._asked.graph(way.function).guards(edge.source)
        whole = self._asked.group(self.program.traces[way.function], [edge, *rest, *before], list(group))
        self._add(way.function, edge, whole, passing, False).skips = True

    def _match(self, way: Way, edges: list[Edge], least: int = 0x100) -> tuple[Edge, list[Match], list[Edge]] | None:
        trace = self.program.traces[way.function]
        for position, edge in enumerate(edges[:_NEAREST]):
            group = self._asked.matches(trace, edge)
            if group and any(one.kind != "integer" or self._is_large(one.constant, least) for one in group):
                return edge, group, edges[position + 1 :]
        return None

    def _is_large(self, constant: bytes | int | None, least: int) -> bool:
        """Tell whether a number is none of those that programs count and choose with."""
        return isinstance(constant, int) and least <= constant < (1 << self.program.elf.bits) - 0x10000


def _text(strength: int) -> str:
    return f"opens what else only {_CHECKS[strength]} opens"


def _same(mine: list[Edge], theirs: list[Edge]) -> bool:
    """Tell whether two ways ask the same thing for other numbers."""
    return bool(mine and theirs) and bool(subjects(mine[0].test) & subjects(theirs[0].test))

"""Joins matches with what they alone reach: candidates for hidden triggers.

For each effect the nearest test on the way to it that holds for one constant alone is asked; if its function has none, the
calls of the function are asked in turn, and rows of tables that name the function. Effects that follow from a state that
the match sets, from the value it returns or from a check that it skips count as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from aboveboard.evidence.triggers.asked import Asked
from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.evidence.triggers.checks import Checks
from aboveboard.evidence.triggers.comparers import name_comparers
from aboveboard.evidence.triggers.decisions import Decisions
from aboveboard.evidence.triggers.effects import (
    PASS,
    Effect,
    apart,
    effect_of,
    hook_effect,
    indexed_effect,
    store_effect,
    take_effect,
)
from aboveboard.evidence.triggers.kept import Kept
from aboveboard.evidence.triggers.matches import Match
from aboveboard.evidence.triggers.openings import Openings
from aboveboard.evidence.triggers.passes import Passes
from aboveboard.evidence.triggers.rarity import rarity, runs
from aboveboard.evidence.triggers.rows import Row, asks_for, table_rows
from aboveboard.evidence.triggers.strengths import Strengths
from aboveboard.readers.flow.naming import name_functions
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.sources import FILE, OUTSIDE
from aboveboard.readers.flow.trace import Edge

MAX_CALLERS = 5  # calls up from an effect
_EARLY = 2.5  # weight of effects that count before `main`
_COMPARED = 40  # candidates that are held against each other
_SOLE = 2.0  # weight of an effect that one of many may stand out by
_MANY = 4  # other constants, from which on one that alone opens something stands out


@dataclass(frozen=True)
class _Reached:
    """An effect as a call of a function has it."""

    effect: Effect
    checked: bool
    level: int


class Finder:
    """Finds the candidates of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        name_functions(program)
        self.origins = Origins(program)
        name_comparers(program)
        self.asked = Asked(program, self.origins)
        self.checks = Checks(self.asked)
        self.decisions = Decisions(self.asked, Kept(self.origins))
        self.strengths = Strengths(self.asked, self.checks, self.decisions)
        self.rows = table_rows(program)
        self._found: dict[tuple[int, int, int, object], Candidate] = {}
        self._effective: dict[int, set[int]] = {}  # function -> blocks in which it has an effect
        self._big = program.elf.endian == "big"

    def find(self) -> list[Candidate]:
        """Return the candidates, by the address of their comparison."""
        effects: list[tuple[int, int, Effect]] = []
        for function, trace in sorted(self.program.traces.items()):
            for site in (one for call in trace.sites for one in apart(trace, self.asked.graph(function), call)):
                effect = (
                    effect_of(function, site, self.origins)
                    or take_effect(function, site, self.origins)
                    or indexed_effect(function, site, self.origins)
                )
                if effect is not None:
                    effects.append((function, site.block, effect))
                    self._up(function, site.block, _Reached(effect, False, 0), frozenset())
            for store in trace.stores:
                effect = None
                if type(store.place) is tuple:
                    effect = store_effect(function, store, self.origins)
                elif function in self.early:
                    effect = hook_effect(function, store, self.origins)
                if effect is not None:
                    effects.append((function, store.block, effect))
                    self._up(function, store.block, _Reached(effect, False, 0), frozenset())
        openings = Openings(self.asked, self.decisions, self.strengths, self.rows, self._add, self._pass_row)
        openings.find(effects)
        if openings.left_out or self.decisions.left_out:
            self.program.left_out.append("what decides its effects, past the bounds of ways, tests and decisions")
        Passes(self.asked, self.checks, self._effective, self._add).find()
        self._leave_form_out()
        for one in self._found.values():
            self._describe(one)
        for one in self._found.values():
            one.sole = one.siblings >= _MANY and self._is_sole(one)
        return sorted(self._found.values(), key=lambda one: (one.address, one.function))

    def _up(self, function: int, block: int, reached: _Reached, above: frozenset[int]) -> None:
        """Attribute an effect to the nearest match on the way to it, or hand it to the callers."""
        if reached.level > MAX_CALLERS or function in above:
            return
        trace = self.program.traces[function]
        self._effective.setdefault(function, set()).add(block)
        guards = self.asked.graph(function).guards(block)
        checked: bool = reached.checked
        for position, edge in enumerate(guards):
            group = self.asked.matches(trace, edge) if self.program.is_own(function) else []
            if group:
                whole = self.asked.group(trace, guards[position:], group)
                for one in guards[position + 1 :]:
                    if self.strengths.of_edge(function, one) > 1:
                        checked = True
                    if self.checks.is_check(function, one):
                        self.checks.note_guard(function, one)
                checked = checked or self.strengths.guarded(function, edge.source) > 1
                self._add(function, edge, whole, reached.effect, checked)
                return
            if self.strengths.of_edge(function, edge) > 1:
                checked = True
            if self.checks.is_check(function, edge):
                self.checks.note_guard(function, edge)
        handed = _Reached(reached.effect, checked, reached.level + 1)
        if function in self.early:
            self._before_main(function, block, reached.effect)
        rows = self.rows.get(function, ())
        for row in rows[:4]:
            self._row(function, row, handed)
        for caller, at in self._callers(function):
            self._up(caller, at, handed, above | {function})

    def _callers(self, function: int) -> list[tuple[int, int]]:
        """Return function and block of the calls of a function, or of where its address is chosen."""
        callers = [(caller, site.block) for caller, site in self.origins.callers.get(function, ())]
        if not callers and function != self.origins.main:
            callers = self.decisions.kept.taken.get(function, [])
        return callers[:16]

    @cached_property
    def early(self) -> frozenset[int]:
        """Functions that run before `main` or while the file is loaded, or that only such functions call."""
        mask = ~1 if self.program.elf.machine in ("mips", "arm") else ~0
        found = {one & mask for one in (*self.program.elf.inits, *self.program.elf.resolvers)} & set(self.program.traces)
        for _ in range(3):
            for start, calls in self.origins.callers.items():
                if start in self.program.traces and all(caller in found for caller, _ in calls):
                    found.add(start)
        return frozenset(found)

    def _leave_form_out(self) -> None:
        """Take out of constants what others of the function are asked with as well: the form of all that is sent."""
        holding: dict[tuple[int, object], list[Candidate]] = {}
        for one in self._found.values():
            for match in one.group if len(one.group) > 1 else ():
                holding.setdefault((one.function, _same(match)), []).append(one)
        form = {key for key, several in holding.items() if _differ(several)}
        for one in self._found.values():
            own = tuple(match for match in one.group if (one.function, _same(match)) not in form)
            if own and len(own) < len(one.group) and one.row is None:
                one.group = own

    def _is_sole(self, one: Candidate) -> bool:
        """Tell whether none of many other constants in the place of this one opens as much."""
        mine = max((effect.weight for effect in one.effects if effect.kind != PASS), default=0.0)
        if mine < _SOLE:
            return False
        rivals = {match.constant for match in self.asked.others(self.program.traces[one.function], one.group[0])}
        others = [
            effect.weight
            for other in self._found.values()
            if other.function == one.function and other is not one and other.group[0].constant in rivals
            for effect in other.effects
            if effect.kind != PASS
        ]
        return max(others, default=0.0) < mine - 0.5

    def _before_main(self, function: int, block: int, effect: Effect) -> None:
        """An effect before `main` needs no constant to be one that nobody asked for."""
        if effect.weight < _EARLY:
            return
        edge = Edge(block, block, 1)
        key = (function, block, block, "early")
        if key not in self._found:
            match = Match("early", ("p", 0), b"", effect.address)
            self._found[key] = Candidate(function, edge, (match,), early=True)
        if effect not in self._found[key].effects:
            self._found[key].effects.append(effect)

    def _add(self, function: int, edge: Edge, group: tuple[Match, ...], effect: Effect, checked: bool) -> Candidate:
        alone = tuple(one for one in group if self.asked.siblings(self.program.traces[function], one) < 2)
        if alone and group[0] not in alone and rarity(group[:1], big=self._big) < 0 and rarity(alone, big=self._big) >= 1.0:
            group = alone  # a choice behind a constant that is asked before
            edge = self.asked.graph(function).edges.get(group[0].way, edge)
        several = runs(group)
        if len(several) > 1:  # one that many share is the form of all that is sent: the rarest counts
            group = max(several, key=lambda run: (rarity(run, big=self._big), group[0] in run))
            edge = self.asked.graph(function).edges.get(group[0].way, edge)
        key = (function, edge.source, edge.target, None)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = Candidate(function, edge, group, checked=checked, early=function in self.early)
        if effect not in found.effects:
            found.effects.append(effect)
        found.checked = found.checked and checked
        return found

    def _pass_row(self, function: int, effect: Effect) -> None:
        """Note that functions of a table pass for a check."""
        for row in self.rows.get(function, ())[:4]:
            self._row(function, row, _Reached(effect, False, 0))

    def _row(self, function: int, row: Row, reached: _Reached) -> None:
        """A row of a table that names the function: its text is the constant."""
        address, text, table = row
        edge = Edge(2 * function, 2 * function, 1)
        key = (function, address, table, "row")
        found = self._found.get(key)
        if found is None:
            match = Match("row", ("m", table, self.program.elf.width), text, address)
            found = self._found[key] = Candidate(function, edge, (match,), checked=reached.checked, row=(address, table))
        if reached.effect not in found.effects:
            found.effects.append(reached.effect)
        found.checked = found.checked and reached.checked

    def _describe(self, one: Candidate) -> None:
        subject = one.group[0].subject
        if one.row is not None:
            rows = [row for rows in self.rows.values() for row in rows if row[2] == one.row[1]]
            texts = {text for _, text, _ in rows}
            one.siblings = len(texts) - 1
            one.rivals = tuple(sorted(text.decode("latin-1") for text in texts if text != one.group[0].constant))
            one.origins = self._row_origins(one.function)
            one.guard = self.strengths.guarded(one.function, 2 * one.function)
            acting = [
                other.row[0]
                for other in self._found.values()
                if other.row is not None
                and other.row[1] == one.row[1]
                and any(effect.kind != PASS for effect in other.effects)
            ]
            others = [at for at in acting if at != one.row[0]]
            asks = asks_for(self.program.elf, one.row[0], others, [at for at, _, _ in rows])
            one.exempt, one.checked = asks < 0, one.checked or asks > 0
            return
        one.origins = self.decisions.kept.came_from(one.function, subject)
        one.kept = bool(one.origins & OUTSIDE) and self.origins.talks and not one.origins & OUTSIDE - {FILE}
        one.guard = self.strengths.guarded(one.function, one.edge.source)
        trace = self.program.traces[one.function]
        one.siblings = self.asked.siblings(trace, one.group[0])
        one.rivals = self.asked.rivals(trace, one.group[0])
        one.gate = one.gate or self.strengths.is_gate(one.function, one.edge)
        one.exempt = not one.checked and one.guard < 2 and one.siblings > 0 and self._others_checked(one)

    def _others_checked(self, one: Candidate) -> bool:
        """Tell whether what other constants in the place of this one open lies behind a check."""
        trace = self.program.traces[one.function]
        graph = self.asked.graph(one.function)
        effective = self._effective.get(one.function, set())
        for rival in self.asked.others(trace, one.group[0])[:32]:
            if self.strengths.guarded(one.function, rival.way[0]) > 1:
                return True
            for block in sorted(graph.behind(rival.way) & effective)[:8]:
                if self.strengths.of_all(one.function, graph.guards(block)) > 1:
                    return True
        return False

    def _row_origins(self, function: int) -> frozenset[str]:
        """Return where what a handler of a table is given comes from, as far as that is outside."""
        return (self.origins.of(function, ("p", 0)) | self.origins.of(function, ("p", 1))) & OUTSIDE


def _same(match: Match) -> object:
    return match.kind, match.at, match.constant, match.subject


def _differ(several: list[Candidate]) -> bool:
    """Tell whether some of several constants ask the same thing for different values."""
    asked: dict[object, set[object]] = {}
    for one in several[:_COMPARED]:
        for match in one.group:
            asked.setdefault((match.kind, match.at, match.base, match.subject), set()).add(match.constant)
    return any(len(values) > 1 for values in asked.values())

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
from aboveboard.evidence.triggers.effects import Effect, apart, effect_of, store_effect, take_effect
from aboveboard.evidence.triggers.matches import Match
from aboveboard.evidence.triggers.passes import Passes
from aboveboard.evidence.triggers.rarity import rarity, runs
from aboveboard.evidence.triggers.rows import Row, table_rows
from aboveboard.readers.flow.naming import name_functions
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.sources import OUTSIDE
from aboveboard.readers.flow.trace import Edge, Store, Trace
from aboveboard.readers.flow.values import parts

MAX_CALLERS = 5  # calls up from an effect
_GIVES_UP = frozenset(
    """exit _exit abort perror fprintf printf puts putchar fputs fwrite fputc __fprintf_chk __printf_chk syslog __syslog_chk
    free fclose close err errx warn warnx __stack_chk_fail""".split()
)
_EARLY = 2.5  # weight of effects that count before `main`
_HEAVY = 3.0  # weight of effects that are sought behind a state as well


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
        self.rows = table_rows(program)
        self._found: dict[tuple[int, int, int, object], Candidate] = {}
        self._effective: dict[int, set[int]] = {}  # function -> blocks in which it has an effect
        self._big = program.elf.endian == "big"

    def find(self) -> list[Candidate]:
        """Return the candidates, by the address of their comparison."""
        for function, trace in sorted(self.program.traces.items()):
            for site in (one for call in trace.sites for one in apart(trace, self.asked.graph(function), call)):
                effect = effect_of(function, site, self.origins) or take_effect(function, site, self.origins)
                if effect is not None:
                    self._up(function, site.block, _Reached(effect, False, 0), frozenset())
            for store in trace.stores:
                effect = store_effect(function, store, self.origins) if type(store.place) is tuple else None
                if effect is not None:
                    self._up(function, store.block, _Reached(effect, False, 0), frozenset())
        Passes(self.asked, self.checks, self._effective, self._add).find()
        for one in self._found.values():
            self._describe(one)
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
            if reached.effect.weight >= _HEAVY and self._by_state(function, edge, group, reached):
                return
            if group:
                whole = self.asked.group(trace, guards[position:], group)
                for one in guards[position + 1 :]:
                    if self.checks.is_check(function, one):
                        checked = True
                        self.checks.note_guard(function, one)
                checked = checked or self.checks.callers_check(function, above)
                self._add(function, edge, whole, reached.effect, checked)
                return
            if self.checks.is_check(function, edge):
                checked = True
                self.checks.note_guard(function, edge)
        handed = _Reached(reached.effect, checked, reached.level + 1)
        if function in self.early:
            self._before_main(function, block, reached.effect)
        rows = self.rows.get(function, ())
        for row in rows[:4]:
            self._row(function, row, handed)
        for caller, site in self.origins.callers.get(function, ())[:16]:
            self._up(caller, site.block, handed, above | {function})

    def _by_state(self, function: int, edge: Edge, group: list[Match], reached: _Reached) -> bool:
        """Attribute an effect behind a state to the matches that set the state; return whether there are any."""
        wanted = group[0].constant if group and group[0].kind == "bytes" else None
        added = False
        for one in parts(edge.test):
            if one[0] != "m" or one[2] > 8 or (edge.test == ("=", one, 0)):
                continue
            name = self.checks.flag(function, one[1])
            if name in self.checks.flags or (type(name) is tuple and name[0] == function):
                continue
            for setter, store in self._setters.get(name, ())[:6]:
                if store.value == 0 or (wanted is not None and store.value != wanted):
                    continue
                guards = self.asked.graph(setter).guards(store.block)
                for position, way in enumerate(guards[:3]):
                    found = self.asked.matches(self.program.traces[setter], way)
                    if (
                        found
                        and self.origins.of(setter, found[0].subject) & OUTSIDE
                        and found[0].way != (edge.source, edge.target)
                    ):
                        whole = self.asked.group(self.program.traces[setter], guards[position:], found)
                        checked = reached.checked or any(self.checks.is_check(setter, g) for g in guards)
                        self._add(setter, way, whole, reached.effect, checked).state = True
                        added = True
                        break
        return added

    @cached_property
    def _setters(self) -> dict[object, list[tuple[int, Store]]]:
        """The stores of numbers, by the place that they are kept in."""
        found: dict[object, list[tuple[int, Store]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for store in trace.stores:
                if type(store.value) is int and store.size <= 8:
                    for name in self.checks.flag_names(start, store.place):
                        found.setdefault(name, []).append((start, store))
        return found

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
            tables = [row for rows in self.rows.values() for row in rows if row[2] == one.row[1]]
            texts = {text for _, text, _ in tables}
            one.siblings = len(texts) - 1
            one.rivals = tuple(sorted(text.decode("latin-1") for text in texts if text != one.group[0].constant))
            one.origins = self._row_origins(one.function)
            return
        one.origins = self.origins.of(one.function, subject)
        trace = self.program.traces[one.function]
        one.siblings = self.asked.siblings(trace, one.group[0])
        one.rivals = self.asked.rivals(trace, one.group[0])
        one.gate = self._is_gate(one, trace)

    def _row_origins(self, function: int) -> frozenset[str]:
        """Return where what a handler of a table is given comes from."""
        return self.origins.of(function, ("p", 0)) | self.origins.of(function, ("p", 1))

    def _is_gate(self, one: Candidate, trace: Trace) -> bool:
        """Tell whether the match is the rule: much lies behind it, and the other side only gives up."""
        graph = self.asked.graph(one.function)
        region = graph.behind((one.edge.source, one.edge.target))
        inside = [site for site in trace.sites if site.block in region]
        tests = sum(edge.test != 1 for block in region for edge in trace.edges.get(block, ())) // 2
        if len(inside) < 4 or tests < 3:
            return False
        refused = [e.target for e in trace.edges.get(one.edge.source, ()) if e.target != one.edge.target]
        if not refused:
            return False
        other = graph.reaches(refused[0], {(one.edge.source, one.edge.target)}) | {refused[0]}
        outside = [site for site in trace.sites if site.block in other - region and site.name not in _GIVES_UP]
        return len(outside) <= 2 < len(inside)

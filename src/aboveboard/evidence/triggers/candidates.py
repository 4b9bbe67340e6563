"""Joins matches with what they alone reach: candidates for hidden triggers.

For each effect the nearest test on the way to it that holds for one constant alone is asked; if its function has none, the
calls of the function are asked in turn, and rows of tables that name the function. Effects that follow from a state that the
match sets, from the value it returns or from a check that it skips count as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial

from aboveboard.evidence.triggers.built import Built
from aboveboard.evidence.triggers.effects import PASS, WEIGHT, Effect, effect_of, store_effect, take_effect
from aboveboard.evidence.triggers.matches import COMPARES, SAME, Match, matches
from aboveboard.evidence.triggers.rarity import rarity, runs
from aboveboard.evidence.triggers.secrets import KEPT, second_secrets
from aboveboard.readers.flow.behaviour import UNSURE, Behaviour
from aboveboard.readers.flow.graph import Graph, Node
from aboveboard.readers.flow.naming import chosen, name_functions
from aboveboard.readers.flow.origins import OUTSIDE, Origins
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.trace import Edge, Site, Store, Trace
from aboveboard.readers.flow.values import Value, is_test, negated, parts

MAX_CALLERS = 5  # calls up from an effect
_CHECKS = frozenset("crypt crypt_r pam_authenticate getspnam ruserok PAM_authenticate auth_userokay verify_password".split())
_GIVES_UP = frozenset(
    """exit _exit abort perror fprintf printf puts putchar fputs fwrite fputc __fprintf_chk __printf_chk syslog __syslog_chk
    free fclose close err errx warn warnx __stack_chk_fail""".split()
)
_EARLY = 2.5  # weight of effects that count before `main`
_HEAVY = 3.0  # weight of effects that are sought behind a state as well
_WEAK = 1.5  # weight of passing for a comparison that may be no check of a secret
_TRIVIAL = frozenset({0, 1, -1, 2, 0xFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})


@dataclass
class Candidate:
    """One constant, the test that decides, and what only the match side reaches."""

    function: int
    edge: Edge
    group: tuple[Match, ...]
    effects: list[Effect] = field(default_factory=list)
    checked: bool = False  # the way to it passes a check as well
    skips: bool = False
    early: bool = False  # it runs before `main`, or while the file is loaded
    state: bool = False  # the match sets a state that a later input uses
    row: tuple[int, int] | None = None  # address of the row and of the table
    gate: bool = False  # all that the function is for lies behind it
    rivals: tuple[str, ...] = ()  # other texts with which the same thing is compared
    siblings: int = 0  # other constants with which the same thing is compared
    origins: frozenset[str] = frozenset()

    @property
    def address(self) -> int:
        """The address of the deciding comparison."""
        return self.group[0].address


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
        self._rename()
        self.built = Built(program, self.origins)
        self._graphs: dict[int, Graph] = {}
        self._found: dict[tuple[int, int, int, object], Candidate] = {}
        self.effective: dict[int, set[int]] = {}  # function -> blocks in which it has an effect
        self.guarding: set[object] = set()  # checks, and places that hold their outcome, that an effect lies behind
        self._every: dict[int, list[Match]] = {}
        self._big = program.elf.endian == "big"
        self._compared: dict[tuple[int, int], int] = {}
        self._matches: dict[tuple[int, int, int], list[Match]] = {}

    def _rename(self) -> None:
        """Recognise functions of the file that compare with a constant text, and name their calls."""
        behaviour = Behaviour(self.program)
        slots = chosen(self.program)
        acts: dict[int, str] = {}
        sized: dict[int, bool] = {}
        for trace in self.program.traces.values():
            for site in trace.sites:
                target = site.target
                if site.name or target not in self.program.traces or not self._has_text(site):
                    continue
                if target not in acts:
                    acts[target] = next(filter(None, map(behaviour.name, self._behind(target, slots))), "")
                sized[target] = sized.get(target, True) and type(site.arguments[2]) is int and 0 < site.arguments[2] < 256
        for target, name in acts.items():
            if name == UNSURE:
                acts[target] = "strncmp" if sized[target] else "strcmp"
        self.program.rename({target: name for target, name in acts.items() if name})

    def _has_text(self, site: Site) -> bool:
        return any(type(one) is int and one > 4096 and len(self.program.elf.read(one, 2)) == 2 for one in site.arguments[:2])

    def _behind(self, target: int, slots: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
        """Return a function, or those that it may jump to where it only jumps through a slot that is filled at start."""
        trace = self.program.traces[target]
        for value in trace.switches.values():
            if type(value) is tuple and value[0] == "m" and type(value[1]) is int and value[1] in slots:
                return slots[value[1]]
        return (target,)

    def graph(self, function: int) -> Graph:
        """Return the graph of a function."""
        if function not in self._graphs:
            self._graphs[function] = Graph(self.program.traces[function])
        return self._graphs[function]

    def find(self) -> list[Candidate]:
        """Return the candidates, by the address of their comparison."""
        for function, trace in sorted(self.program.traces.items()):
            for site in trace.sites:
                effect = effect_of(function, site, self.origins) or take_effect(function, site, self.origins)
                if effect is not None:
                    self._up(function, site.block, _Reached(effect, False, 0), frozenset())
            for store in trace.stores:
                effect = store_effect(function, store, self.origins) if type(store.place) is tuple else None
                if effect is not None:
                    self._up(function, store.block, _Reached(effect, False, 0), frozenset())
        self._passes()
        for one in self._found.values():
            self._describe(one)
        return sorted(self._found.values(), key=lambda one: (one.address, one.function))

    def matches(self, trace: Trace, edge: Edge) -> list[Match]:
        """Return the matches of a way; kept."""
        key = (trace.start, edge.source, edge.target)
        if key not in self._matches:
            self._matches[key] = []  # a function that calls itself asks for it while it is made
            found = [*matches(trace, edge, self.origins), *self._by_results(trace, edge), *self._by_building(trace, edge)]
            self._matches[key] = [one for one in found if not self._is_trivial(trace, one)]
        return self._matches[key]

    def _by_building(self, trace: Trace, edge: Edge) -> Iterator[Match]:
        """A way that is taken where something equals a text that the program builds."""
        tests = edge.test[1:] if type(edge.test) is tuple and edge.test[0] == "&" else (edge.test,)
        for test in tests:
            if type(test) is not tuple or test[0] not in "=!" or type(test[1]) is not tuple or test[1][0] != "c" or test[2] != 0:
                continue
            site = self.origins.index(trace.start).at.get(test[1][1])
            if site is None or (test[0] == "=") != (site.name in COMPARES) or not (site.name in COMPARES or site.name == SAME):
                continue
            if any(type(one) is int and self.origins.is_fixed(one) for one in site.arguments[:2]):
                continue
            found = self.built.constant(trace.start, site, self.graph(trace.start))
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

    def _returned(self, callee: Trace, holds: bool, number: int) -> Iterator[Match]:  # noqa: FBT001 - a test and its sense
        ways: list[tuple[int, Value]] = []
        for block, value in callee.returns.items():
            if value is None:
                return
            ways += self._sources(callee, block, value)
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
                yield from self._group(callee, nearest, group)
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
        return match.constant in _TRIVIAL or self._is_address(match.constant, match.size)

    def _counts(self, trace: Trace, subject: Value) -> bool:
        """Tell whether something counts the rounds of a loop."""
        base = subject[1] if type(subject) is tuple and subject[0] == "+" else subject
        if type(base) is not tuple or base[0] != "f":
            return False
        return any(
            type(one) is tuple and one[0] == "+" and base in parts(one)
            for one in self._spread(trace, base, 3)
        )

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

    def _up(self, function: int, block: int, reached: _Reached, above: frozenset[int]) -> None:
        """Attribute an effect to the nearest match on the way to it, or hand it to the callers."""
        if reached.level > MAX_CALLERS or function in above:
            return
        trace = self.program.traces[function]
        self.effective.setdefault(function, set()).add(block)
        guards = self.graph(function).guards(block)
        checked: bool = reached.checked
        for position, edge in enumerate(guards):
            group = self.matches(trace, edge) if self.program.is_own(function) else []
            if reached.effect.weight >= _HEAVY and self._by_state(function, edge, group, reached):
                return
            if group:
                whole = self._group(trace, guards[position:], group)
                for one in guards[position + 1 :]:
                    if self.is_check(function, one):
                        checked = True
                        self._note_guard(function, one)
                checked = checked or self._callers_check(function, above)
                self._add(function, edge, whole, reached.effect, checked=checked)
                return
            if self.is_check(function, edge):
                checked = True
                self._note_guard(function, edge)
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
            name = self._flag(function, one[1])
            if name in self.flags or (type(name) is tuple and name[0] == function):
                continue
            for setter, store in self._setters.get(name, ())[:6]:
                if store.value == 0 or (wanted is not None and store.value != wanted):
                    continue
                guards = self.graph(setter).guards(store.block)
                for position, way in enumerate(guards[:3]):
                    found = self.matches(self.program.traces[setter], way)
                    if found and self.origins.of(setter, found[0].subject) & OUTSIDE and found[0].way != (edge.source, edge.target):
                        whole = self._group(self.program.traces[setter], guards[position:], found)
                        checked = reached.checked or any(self.is_check(setter, g) for g in guards)
                        self._add(setter, way, whole, reached.effect, checked=checked).state = True
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
                    for name in self._flag_names(start, store.place):
                        found.setdefault(name, []).append((start, store))
        return found

    def _note_guard(self, function: int, edge: Edge) -> None:
        for one in parts(edge.test):
            if one[0] == "m":
                self.guarding.add(self._flag(function, one[1]))
            elif one[0] == "c":
                site = self.origins.index(function).at.get(one[1])
                if site is not None:
                    self.guarding.add(("call", site.name or site.target) if not site.name else ("at", function, site.address))

    def _leads_to_effect(self, function: int, block: int) -> bool:
        """Tell whether an effect can be reached from a block."""
        blocks = self.effective.get(function)
        return bool(blocks) and bool(self.graph(function).reaches(block, set()) & blocks)  # type: ignore[operator]

    @cached_property
    def early(self) -> frozenset[int]:
        """Functions that run before `main`, or while the file is loaded, by themselves or called by such a function alone."""
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

    def _callers_check(self, function: int, above: frozenset[int]) -> bool:
        """Tell whether every call of a function lies behind a check."""
        calls = self.origins.callers.get(function, [])
        if not calls or function in above or len(above) > 4:
            return False
        return all(
            any(self.is_check(caller, edge) for edge in self.graph(caller).guards(site.block))
            or self._callers_check(caller, above | {function})
            for caller, site in calls[:8]
        )

    def _group(self, trace: Trace, guards: list[Edge], group: list[Match]) -> tuple[Match, ...]:
        """Return the matches on the same subject that hold on the way, the deciding one first."""
        found = list(group)
        for edge in guards[1:]:
            found += [one for one in self.matches(trace, edge) if _belongs(one, group[0])]
        return tuple(dict.fromkeys(found))

    def _add(self, function: int, edge: Edge, group: tuple[Match, ...], effect: Effect, *, checked: bool) -> Candidate:
        alone = tuple(one for one in group if self._siblings(self.program.traces[function], one) < 2)
        if alone and group[0] not in alone and rarity(group[:1], big=self._big) < 0 and rarity(alone, big=self._big) >= 1.0:
            group = alone  # a choice behind a constant that is asked before
            edge = self.graph(function).edges.get(group[0].way, edge)
        several = runs(group)
        if len(several) > 1:  # one that many share is the form of all that is sent: the rarest counts
            group = max(several, key=lambda run: (rarity(run, big=self._big), group[0] in run))
            edge = self.graph(function).edges.get(group[0].way, edge)
        key = (function, edge.source, edge.target, None)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = Candidate(function, edge, group, checked=checked, early=function in self.early)
        if effect not in found.effects:
            found.effects.append(effect)
        found.checked = found.checked and checked
        return found

    def _row(self, function: int, row: tuple[int, bytes, int], reached: _Reached) -> None:
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

    @cached_property
    def rows(self) -> dict[int, list[tuple[int, bytes, int]]]:
        """Functions named in tables beside a text: function -> (address of the text's pointer, text, start of the table)."""
        elf = self.program.elf
        width = elf.width
        found: dict[int, list[tuple[int, bytes, int]]] = {}
        pointers = sorted(self._pointers())
        known = dict(pointers)
        table, last = 0, -1
        for place, value in pointers:
            target = value & ~1 if elf.machine in ("mips", "arm") else value
            if not elf.is_code(value) or target not in self.program.traces:
                continue
            text, at = b"", 0
            for back in range(1, 5):
                near = known.get(place - back * width)
                if near is not None and (near & ~1 if elf.machine in ("mips", "arm") else near) not in self.program.traces:
                    text = elf.read(near, 65).split(b"\0", 1)[0]
                    at = place - back * width
                    break
            if 1 < len(text) < 64 and all(32 < one < 127 for one in text):
                if last < 0 or place - last > 12 * width:
                    table = at
                last = place
                found.setdefault(target, []).append((at, text, table))
        return found

    def _pointers(self) -> Iterator[tuple[int, int]]:
        elf = self.program.elf
        if elf.based:
            yield from elf.based.items()
            if elf.machine != "mips" and elf.kind != "program":
                return
        order = "big" if elf.endian == "big" else "little"
        for part in elf.segments:
            if part.executable and not part.writable:
                continue
            raw = elf.data[part.offset : part.offset + part.end - part.start]
            start = -part.start % elf.width
            for at in range(start, len(raw) - elf.width + 1, elf.width):
                value = int.from_bytes(raw[at : at + elf.width], order)  # type: ignore[arg-type]
                if value > 4096 and elf.offset_of(value) is not None and part.start + at not in elf.based:
                    yield part.start + at, value

    # -- checks ----------------------------------------------------------------------------------------------------

    def is_check(self, function: int, edge: Edge) -> int:
        """Tell whether a way is taken by what was checked: a secret that is no constant, or a state that such a check set.

        0: no; 1: two things were compared of which none is a constant; 2: what is kept was compared with what is sent.
        """
        return max((self._checks(function, one) for one in parts(edge.test)), default=0)

    def _checks(self, function: int, value: tuple[object, ...]) -> int:
        if value[0] == "c":
            return self._check_call(function, value)
        if value[0] == "m":
            return self.flags.get(self._flag(function, value[1]), 0)  # type: ignore[arg-type]
        return 0

    def _check_call(self, function: int, value: tuple[object, ...]) -> int:
        """Say how much of a check a call is, see `is_check`."""
        site = self.origins.index(function).at.get(value[1]) if value[0] == "c" else None  # type: ignore[call-overload]
        if site is None:
            return 0
        if site.name:
            return 2 if site.name in _CHECKS else self._compares_unknown(function, site)
        return self.check_functions.get(site.target, 0)

    def _compares_unknown(self, function: int, site: Site) -> int:
        """Tell whether a call compares two things of which none is a constant of the file, see `is_check`."""
        if site.name not in COMPARES or site.arguments[0] is None or site.arguments[1] is None:
            return 0
        key = (function, site.address)
        if key not in self._compared:
            self._compared[key] = self._compare(function, site.arguments[0], site.arguments[1])
        return self._compared[key]

    def _compare(self, function: int, first: Value, second: Value) -> int:
        if any(type(one) is int and self.origins.is_fixed(one) for one in (first, second)):
            return 0
        if self._is_table(first) or self._is_table(second):
            return 0
        one, other = self.origins.of(function, first), self.origins.of(function, second)
        sent = {"argument", "environment"}
        if (one | other) & sent:
            return 0
        return 2 if (one & KEPT and not other & KEPT) or (other & KEPT and not one & KEPT) else 1

    def _is_table(self, value: Value | None) -> bool:
        """Tell whether a value is read from a table of the file at a running place."""
        if type(value) is not tuple or value[0] != "m":
            return False
        return any(one[0] == "+" and self.program.elf.offset_of(one[2] & self._mask) is not None for one in parts(value)) or (
            any(type(part) is int and part > 4096 and self.program.elf.offset_of(part) is not None for one in parts(value) for part in one[1:3])
        )

    @cached_property
    def _based(self) -> frozenset[int]:
        return frozenset(self.program.elf.based.values())

    @cached_property
    def _mask(self) -> int:
        return (1 << self.program.elf.bits) - 1

    @cached_property
    def check_functions(self) -> dict[int, int]:
        """Functions whose result depends on a check, and how much of a check it is."""
        found: dict[int, int] = {}
        for _ in range(2):
            for start, trace in self.program.traces.items():
                if not any(value is not None for value in trace.returns.values()):
                    continue
                for site in trace.sites:
                    if site.name:
                        strength = 2 if site.name in _CHECKS else self._compares_unknown(start, site)
                    else:
                        strength = found.get(site.target, 0)
                    if strength > found.get(start, 0) and self._decides_result(trace, site):
                        found[start] = strength
        return found

    def _decides_result(self, trace: Trace, site: Site) -> bool:
        call = ("c", site.address)
        values: list[Value] = [one for one in trace.returns.values() if one is not None]
        numbers: set[int] = set()
        for one in values:
            for inner in self._spread(trace, one, 4):
                if type(inner) is int:
                    numbers.add(inner)
                elif call in parts(inner):
                    return True
        return len(numbers) > 1

    def _spread(self, trace: Trace, value: Value, depth: int) -> list[Value]:
        """Return what a value may be, where it is one of several."""
        if type(value) is tuple and value[0] in "f?" and depth:
            several = trace.merged.get((value[1], value[2]), {}).values() if value[0] == "f" else value[2:4]
            found: list[Value] = []
            for one in several:
                if one != value:
                    found += self._spread(trace, one, depth - 1)
            return found[:32]
        return [value]

    def _strength(self, trace: Trace, value: Value, depth: int = 4) -> int:
        """Say how much of a check a value holds: a check's result, or numbers that a check chooses between."""
        if type(value) is not tuple:
            return 0
        best = max((self._check_call(trace.start, part) for part in parts(value)), default=0)
        if best == 2 or not depth:
            return best
        if value[0] == "?":
            return max([best, self._strength(trace, value[1], 0), *(self._strength(trace, one, depth - 1) for one in value[2:4])])
        if value[0] != "f":
            return best
        for source, one in trace.merged.get((value[1], value[2]), {}).items():
            if type(one) is tuple and one != value:
                best = max(best, self._strength(trace, one, depth - 1))
            elif type(one) is int and 0 < one < 256:
                for edge in self.graph(trace.start).guards(source)[:2]:
                    best = max([best, *(self._check_call(trace.start, part) for part in parts(edge.test))])
        return best

    @staticmethod
    def _flag(function: int, place: Value) -> object:
        """Name a place in memory across functions: a fixed address, or a distance behind a pointer."""
        if type(place) is int:
            return place
        if place[0] == "+" and place[2] >= 4:
            return ("field", place[2])
        return (function, place)

    @cached_property
    def flags(self) -> dict[object, int]:
        """Places that hold whether a check was passed, and how much of a check it is."""
        found: dict[object, int] = {}
        for place, strength in self._flags():
            found[place] = max(strength, found.get(place, 0))
        return found

    def _flags(self) -> Iterator[tuple[object, int]]:
        for start, trace in self.program.traces.items():
            for store in trace.stores:
                if store.size not in (1, 2, 4, 8) or store.value is None:
                    continue
                if type(store.value) is tuple:
                    direct = self._strength(trace, store.value)
                elif store.value in (1, 2, 3):
                    guards = self.graph(start).guards(store.block)[:6]
                    direct = max((self._check_call(start, one) for edge in guards for one in parts(edge.test)), default=0)
                else:
                    direct = 0
                if direct:
                    for name in self._flag_names(start, store.place):
                        yield name, direct

    def _flag_names(self, function: int, place: Value) -> Iterator[object]:
        yield self._flag(function, place)
        if type(place) is int:  # a field of a structure on the stack, or of one at a fixed address, that calls are given
            for start in self.origins.index(function).before(place, 4096):
                if any(not site.name for _, site in self.origins.index(function).given[start]):
                    yield ("field", place - start)

    # -- a match that passes for a check -----------------------------------------------------------------------------

    def _passes(self) -> None:
        """Find matches that set what a check sets, return what it returns, or lead where only it leads."""
        for start, trace in sorted(self.program.traces.items()):
            if not self.program.is_own(start):
                continue
            self._alternatives(start, trace)
            for way, match in second_secrets(trace, self.graph(start), self.origins, partial(self._is_strong, start)):
                effect = Effect(PASS, "a second secret passes as well", match.address, start, WEIGHT[PASS])
                self._add(start, way, (match,), effect, checked=False).skips = True
            for edges in trace.edges.values():
                for edge in edges:
                    if edge.test == 1:
                        continue
                    group = self.matches(trace, edge)
                    if group and any(one.kind != "integer" or _is_large(one.constant) for one in group):
                        text, strength = self._passed(start, trace, edge)
                        if strength:
                            guards = [edge, *self.graph(start).guards(edge.source)]
                            whole = self._group(trace, guards, group)
                            effect = Effect(PASS, text, edge.source >> 1, start, WEIGHT[PASS] if strength > 1 else _WEAK)
                            checked = any(self.is_check(start, one) > 1 for one in guards[1:])
                            self._add(start, edge, whole, effect, checked=checked).skips = True

    def _alternatives(self, start: int, trace: Trace) -> None:
        """Find tests that hold for a check or for a constant, and values that a constant chooses instead of a check's."""
        graph = self.graph(start)
        for edges in trace.edges.values():
            for edge in edges:
                if type(edge.test) is tuple and edge.test[0] == "|":
                    strength = self.is_check(start, edge)
                    for test in edge.test[1:] if strength else ():
                        self._instead(start, trace, Edge(edge.source, edge.target, test), strength, graph)
        for block, value in trace.selects:
            assert type(value) is tuple
            for test, mine, other in ((value[1], value[2], value[3]), (negated(value[1]), value[3], value[2])):
                if type(mine) is int and 0 < mine < 256:
                    strength = self._strength(trace, other)
                    if strength:
                        self._instead(start, trace, Edge(block, block, test), strength, graph)

    def _is_strong(self, start: int, site: Site) -> bool:
        return self._compares_unknown(start, site) > 1

    def _instead(self, start: int, trace: Trace, edge: Edge, strength: int, graph: Graph) -> None:
        found = [*matches(trace, edge, self.origins), *self._by_building(trace, edge), *self._by_results(trace, edge)]
        group = [one for one in found if not self._is_trivial(trace, one)]
        if group and (group[0].kind != "integer" or _is_large(group[0].constant)):
            guards = graph.guards(edge.source)
            effect = Effect(PASS, "counts as a passed check", edge.source >> 1, start, WEIGHT[PASS] if strength > 1 else _WEAK)
            checked = any(self.is_check(start, one) > 1 for one in guards)
            self._add(start, edge, self._group(trace, [edge, *guards], group), effect, checked=checked).skips = True

    def _passed(self, start: int, trace: Trace, edge: Edge) -> tuple[str, int]:
        region = self.graph(start).behind((edge.source, edge.target))
        best = ("", 0)
        for store in trace.stores:
            if store.block in region and type(store.value) is int and store.value in (1, 2, 3) and self._free(start, edge, store.block):
                names = list(self._flag_names(start, store.place))
                strength = max((self.flags.get(name, 0) for name in names), default=0)
                strength = min(strength, 1) if not any(name in self.guarding for name in names) else strength
                best = max(best, ("sets what a check sets", strength), key=lambda one: one[1])
        strength = self.check_functions.get(start, 0)
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
        """Tell whether an effect lies behind the result of a check, or behind what is kept of it; also where no call is known."""
        calls = self.origins.callers.get(function)
        if not calls or ("call", function) in self.guarding:
            return True
        for caller, site in calls[:8]:
            trace, call = self.program.traces[caller], ("c", site.address)
            for store in trace.stores:
                guards = self.graph(caller).guards(store.block)[:2] if type(store.value) is int else []
                told = call in parts(store.value) if type(store.value) is tuple else any(call in parts(e.test) for e in guards)
                if told and any(name in self.guarding for name in self._flag_names(caller, store.place)):
                    return True
        return False

    def _returns(self, start: int, trace: Trace, edge: Edge, region: set[int]) -> bool:
        """A function that checks returns for the match what it returns for a passed check."""
        mine, others = set(), set()
        for block, value in trace.returns.items():
            if value is None:
                continue
            for source, one in self._sources(trace, block, value):
                inside = source in region or (source == edge.source and edge.target not in region)
                if not inside:
                    others.add(one)
                elif self._free(start, edge, source):
                    mine.add(one)
        numbers = {one for one in mine if type(one) is int}
        checks = any(self._check_call(start, part) for one in others if type(one) is tuple for part in parts(one))
        passed = self._passed_value(start, trace)
        return bool(numbers) and (checks and bool(numbers - {0, -1, self._mask}) or (passed is not None and passed in numbers))

    def _sources(self, trace: Trace, block: int, value: Value, depth: int = 3) -> Iterator[tuple[int, Value]]:
        if type(value) is tuple and value[0] == "f" and depth:
            for source, one in trace.merged.get((value[1], value[2]), {}).items():
                if one != value:
                    yield from self._sources(trace, source, one, depth - 1)
        else:
            yield block, value

    def _passed_value(self, start: int, trace: Trace) -> int | None:
        """Return the number that a function returns behind a passed check."""
        graph = self.graph(start)
        for block, value in trace.returns.items():
            if value is None:
                continue
            for source, one in self._sources(trace, block, value):
                if type(one) is int:
                    for edge in graph.guards(source)[:2]:
                        if type(edge.test) is tuple and edge.test[0] in "=!" and self.is_check(start, edge):
                            compare = edge.test[1]
                            site = self.origins.index(start).at.get(compare[1]) if compare[0] == "c" else None
                            holds = edge.test[0] == "=" if site is not None and site.name in COMPARES else edge.test[0] == "!"
                            if holds:
                                return one
        return None

    def _merges(self, start: int, trace: Trace, edge: Edge, region: set[int]) -> int:
        """Where paths meet, the match brings a number and the other path what a check gave."""
        for (block, merged), found in trace.merged.items():
            mine = [
                one
                for source, value in found.items()
                if (source in region and self._free(start, edge, source)) or (source == edge.source and block == edge.target)
                for one in self._spread(trace, value, 2)
                if type(one) is int and 0 < one < 256
            ]
            if mine:
                strength = max((self._strength(trace, value) for value in found.values()), default=0)
                if strength:
                    kept = self._kept_in(start, trace, ("f", block, merged))
                    return strength if kept or self._leads_to_effect(start, block) else 1
        return 0

    def _kept_in(self, start: int, trace: Trace, value: Value) -> bool:
        """Tell whether a value is stored where what guards an effect is kept."""
        for store in trace.stores:
            if type(store.value) is tuple and (value == store.value or value in self._through(trace, store.value, 4)):
                if any(name in self.guarding for name in self._flag_names(start, store.place)):
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
            and (one is edge or (region and not self.is_check(start, one) and self._free(start, edge, one.source)))
            and self._does_something(start, trace, one.target)
        }
        graph = self.graph(start)
        passed = {(one.source, one.target) for one in graph.guards(edge.source)}
        best = 0
        for block in sorted(exits):
            strength = self._leads(start, trace, block, sources | {edge.source}, passed)
            best = max(best, strength if self._leads_to_effect(start, block) else min(strength, 1))
        return best

    def _free(self, start: int, edge: Edge, block: int) -> bool:
        """Tell whether no check lies between a way and a block behind it."""
        for one in self.graph(start).guards(block):
            if (one.source, one.target) == (edge.source, edge.target):
                return True
            if self.is_check(start, one):
                return False
        return True

    def _does_something(self, start: int, trace: Trace, block: int) -> bool:
        """Tell whether anything is called or stored behind a block, other than to return."""
        behind = self.graph(start).behind(block)
        return any(site.block in behind for site in trace.sites) or any(store.block in behind for store in trace.stores)

    def _leads(self, start: int, trace: Trace, block: int, mine: set[int], passed: set[tuple[int, int]]) -> int:
        """Say how much of a check lies on all other ways to a block."""
        graph = self.graph(start)
        others = [one for edges in trace.edges.values() for one in edges if one.target == block and one.source not in mine]
        if not others or len(others) > 4:
            return 0
        least = 3
        for one in others:
            guards = [one, *(g for g in graph.guards(one.source)[:6] if (g.source, g.target) not in passed)]
            strength, way = max(((self.is_check(start, g), g) for g in guards if g.test != 1), default=(0, one), key=_first)
            refused = [e.target for e in trace.edges.get(way.source, ()) if e.target != way.target]
            nodes: set[Node] = {(e.source, e.target) for e in (*others, way)} | set(mine) | {(one, block) for one in mine}
            if not strength or not refused or block in graph.reaches(refused[0], nodes):
                return 0
            least = min(least, strength)
        return least

    # -- what a candidate is like --------------------------------------------------------------------------------------

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
        one.siblings = self._siblings(trace, one.group[0])
        others = {match.constant for match in self._every[trace.start] if _rivals(match, one.group[0])}
        one.rivals = tuple(sorted(text.decode("latin-1") for text in others if isinstance(text, bytes)))
        one.gate = self._is_gate(one, trace)

    def _row_origins(self, function: int) -> frozenset[str]:
        """Return where what a handler of a table is given comes from."""
        return self.origins.of(function, ("p", 0)) | self.origins.of(function, ("p", 1))

    def _siblings(self, trace: Trace, match: Match) -> int:
        """Return with how many other constants the same thing is compared in a function."""
        if trace.start not in self._every:
            self._every[trace.start] = [one for edges in trace.edges.values() for e in edges for one in self.matches(trace, e)]
        return len({(one.at, one.constant) for one in self._every[trace.start] if _rivals(one, match)})

    def _is_gate(self, one: Candidate, trace: Trace) -> bool:
        """Tell whether the match is the rule: much lies behind it, and the other side only gives up."""
        graph = self.graph(one.function)
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


def _is_large(constant: bytes | int | None) -> bool:
    """Tell whether a number is none of those that programs count and choose with."""
    return isinstance(constant, int) and 0x100 <= constant < (1 << 64) - 0x1000


def _first(pair: tuple[int, Edge]) -> int:
    return pair[0]


_NEAR = 64  # bytes that belong to one constant


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

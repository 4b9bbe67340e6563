"""What counts as a check: a comparison of what is kept with what is sent, and all that holds its outcome.

Strengths: 0, no check; 1, two things were compared of which none is a constant; 2, what is kept was compared with what is
sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from aboveboard.evidence.triggers.asked import Asked
from aboveboard.evidence.triggers.matches import COMPARES, SAME
from aboveboard.evidence.triggers.secrets import KEPT
from aboveboard.evidence.triggers.several import spread
from aboveboard.readers.flow.trace import Edge, Site, Trace
from aboveboard.readers.flow.values import Value, parts

_CHECKS = frozenset(
    "crypt crypt_r pam_authenticate getspnam ruserok PAM_authenticate auth_userokay verify_password".split()
)


class Checks:
    """Answers for one program."""

    def __init__(self, asked: Asked) -> None:
        self.program, self.origins = asked.program, asked.origins
        self._asked = asked
        self._compared: dict[tuple[int, int], int] = {}
        self.guarding: set[object] = set()  # checks, and places that hold their outcome, that an effect lies behind

    def is_check(self, function: int, edge: Edge) -> int:
        """Tell whether a way is taken by what was checked: a secret that is no constant, or a state that such a check set.

        0: no; 1: two things were compared of which none is a constant; 2: what is kept was compared with what is sent.
        """
        return max((self._checks(function, one) for one in parts(edge.test)), default=0)

    def _checks(self, function: int, value: tuple[object, ...]) -> int:
        if value[0] == "c":
            return self.check_call(function, value)
        if value[0] == "m":
            return self.flags.get(self.flag(function, value[1]), 0)  # type: ignore[arg-type]
        return 0

    def check_call(self, function: int, value: tuple[object, ...]) -> int:
        """Say how much of a check a call is, see `is_check`."""
        site = self.origins.index(function).at.get(value[1]) if value[0] == "c" else None  # type: ignore[call-overload]
        if site is None:
            return 0
        if site.name:
            return 2 if site.name in _CHECKS else self.compares_unknown(function, site)
        return self.check_functions.get(site.target, 0)

    def compares_unknown(self, function: int, site: Site) -> int:
        """Tell whether a call compares two things of which none is a constant of the file, see `is_check`."""
        if not (site.name in COMPARES or site.name == SAME) or site.arguments[0] is None or site.arguments[1] is None:
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
        return any(
            one[0] == "+" and self.program.elf.offset_of(one[2] & self._asked.mask) is not None for one in parts(value)
        ) or (
            any(
                type(part) is int and part > 4096 and self.program.elf.offset_of(part) is not None
                for one in parts(value)
                for part in one[1:3]
            )
        )

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
                        strength = 2 if site.name in _CHECKS else self.compares_unknown(start, site)
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
            for inner in spread(trace, one, 4):
                if type(inner) is int:
                    numbers.add(inner)
                elif call in parts(inner):
                    return True
        return len(numbers) > 1

    def strength_of(self, trace: Trace, value: Value, depth: int = 4) -> int:
        """Say how much of a check a value holds: a check's result, or numbers that a check chooses between."""
        if type(value) is not tuple:
            return 0
        best = max((self.check_call(trace.start, part) for part in parts(value)), default=0)
        if best == 2 or not depth:
            return best
        if value[0] == "?":
            return max(
                [
                    best,
                    self.strength_of(trace, value[1], 0),
                    *(self.strength_of(trace, one, depth - 1) for one in value[2:4]),
                ]
            )
        if value[0] != "f":
            return best
        for source, one in trace.merged.get((value[1], value[2]), {}).items():
            if type(one) is tuple and one != value:
                best = max(best, self.strength_of(trace, one, depth - 1))
            elif type(one) is int and 0 < one < 256:
                for edge in self._asked.graph(trace.start).guards(source)[:2]:
                    best = max([best, *(self.check_call(trace.start, part) for part in parts(edge.test))])
        return best

    @staticmethod
    def flag(function: int, place: Value) -> object:
        """Name a place in memory across functions: a fixed address, or a distance behind a pointer."""
        if isinstance(place, int):
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
                    direct = self.strength_of(trace, store.value)
                elif store.value in (1, 2, 3):
                    guards = self._asked.graph(start).guards(store.block)[:6]
                    direct = max((self.check_call(start, one) for edge in guards for one in parts(edge.test)), default=0)
                else:
                    direct = 0
                if direct:
                    for name in self.flag_names(start, store.place):
                        yield name, direct

    def flag_names(self, function: int, place: Value) -> Iterator[object]:
        """Return the names that a place may have in other functions."""
        yield self.flag(function, place)
        if type(place) is int:  # a field of a structure on the stack, or of one at a fixed address, that calls are given
            for start in self.origins.index(function).before(place, 4096):
                if any(not site.name for _, site in self.origins.index(function).given[start]):
                    yield ("field", place - start)

    def note_guard(self, function: int, edge: Edge) -> None:
        """Note that an effect lies behind the checks of a way."""
        for one in parts(edge.test):
            if one[0] == "m":
                self.guarding.add(self.flag(function, one[1]))
            elif one[0] == "c":
                site = self.origins.index(function).at.get(one[1])
                if site is not None:
                    self.guarding.add(
                        ("call", site.name or site.target) if not site.name else ("at", function, site.address)
                    )

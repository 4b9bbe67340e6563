"""How much of a check something is.

- 3: what is kept is compared with what is sent,
- 2: two things are compared of which none is a constant, or a file is looked for by a name from outside,
- 1: a function of the program is asked, or unknown numbers are compared,
- 0: none of these. Only the side on which the check is passed counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.evidence.triggers.asked import Asked
from aboveboard.evidence.triggers.checks import Checks
from aboveboard.evidence.triggers.decisions import Decisions
from aboveboard.evidence.triggers.matches import COMPARES, SAME
from aboveboard.evidence.triggers.secrets import is_key, secret_key
from aboveboard.readers.flow.sources import OUTSIDE
from aboveboard.readers.flow.trace import Edge, Site
from aboveboard.readers.flow.values import Value, parts

MAX_LEVELS = 12  # decisions behind decisions
_PASSED = frozenset("pam_authenticate PAM_authenticate auth_userokay ruserok".split())
_LOOKS = {
    **dict.fromkeys("stat lstat access open open64 fopen fopen64 stat64 lstat64".split(), 0),
    "__xstat": 1,
    "__lxstat": 1,
}
_GIVES_UP = frozenset(
    """exit _exit abort perror fprintf printf puts putchar fputs fwrite fputc __fprintf_chk __printf_chk syslog __syslog_chk
    free fclose close err errx warn warnx __stack_chk_fail""".split()
)
_GIVE_POINTERS = frozenset({"fopen", "fopen64"})


@dataclass(frozen=True)
class Key:
    """By what name a kept secret is looked up: a setting or a file; and the comparison with what is sent."""

    name: str
    function: int
    edge: Edge
    site: Site


class Strengths:
    """Answers for one program. Answers are kept."""

    def __init__(self, asked: Asked, checks: Checks, decisions: Decisions) -> None:
        self.program, self.origins = asked.program, asked.origins
        self._asked, self._checks, self._decisions = asked, checks, decisions
        self._known: dict[tuple[int, Edge], int] = {}
        self._keys: dict[tuple[int, Edge], Key | None] = {}
        self._guarded: dict[tuple[int, int], int] = {}

    def of_all(self, function: int, edges: list[Edge], levels: int = MAX_LEVELS) -> int:
        """Say how much of a check is passed where all of these are taken."""
        return max((self.of_edge(function, edge, levels) for edge in edges if edge.test != 1), default=0)

    def of_edge(self, function: int, edge: Edge, levels: int = MAX_LEVELS) -> int:
        """Say how much of a check is passed where a way is taken."""
        key = (function, edge)
        if key not in self._known:
            self._known[key] = 0  # what asks for itself
            self._known[key] = self._of_edge(function, edge, levels)
        return self._known[key]

    def _of_edge(self, function: int, edge: Edge, levels: int) -> int:
        test = edge.test
        if type(test) is not tuple:
            return 0
        best = 0
        for one in test[1:] if test[0] == "&" else (test,):
            best = max(best, self._of_test(function, one))
        if best < 3 and levels:
            for several in self._decisions.alternatives(function, edge):
                for way in several:
                    best = max(best, self.of_all(way.function, self._decisions.conditions(way), levels - 1))
                    if best == 3:
                        return best
        return best

    def _of_test(self, function: int, test: Value) -> int:
        if type(test) is not tuple or test[0] not in "=!":
            return 0
        kind, one, number = test
        if type(one) is not tuple:
            return 0
        if type(number) is tuple:
            return int(kind == "=" and bool({one[0], number[0]} & {"o", "c", "u"}) and "p" not in (one[0], number[0]))
        site = self.origins.index(function).at.get(one[1]) if one[0] == "c" else None
        if site is None or number != 0:
            return 0
        name = site.name
        if name in COMPARES or name == SAME:
            passed = (kind == "=") == (name in COMPARES)
            known = self._checks.compares_unknown(function, site) if passed else 0
            return known + 1 if known else 0
        if name in _PASSED:
            return 3 if kind == "=" else 0
        if name in _LOOKS:
            path = site.arguments[_LOOKS[name]]
            passed = (kind == "!") == (name in _GIVE_POINTERS)
            return 2 if passed and path is not None and self.origins.of(function, path) & OUTSIDE else 0
        return int(
            not name
            and self._decides(site.target)
            and not self._asked.matches(self.program.traces[function], _edge(function, test))
        )

    def key(self, function: int, edges: list[Edge], levels: int = MAX_LEVELS) -> Key | None:
        """Return by what name the secret of a check is looked up, and where the comparison is."""
        for edge in edges:
            if edge.test != 1 and self.of_edge(function, edge) > 1:
                found = self._key(function, edge, levels)
                if found is not None:
                    return found
        return None

    def _key(self, function: int, edge: Edge, levels: int) -> Key | None:
        known = (function, edge)
        if known not in self._keys:
            self._keys[known] = None  # what asks for itself
            self._keys[known] = self._find_key(function, edge, levels)
        return self._keys[known]

    def _find_key(self, function: int, edge: Edge, levels: int) -> Key | None:
        for part in parts(edge.test):
            site = self.origins.index(function).at.get(part[1]) if part[0] == "c" else None
            if site is None:
                continue
            text = ""
            if site.name in COMPARES or site.name == SAME:
                text = secret_key(self.program.traces[function], self._asked.graph(function), self.origins, site)
            elif not site.name:
                texts = [one for one in map(self.origins.text, site.arguments[:4]) if is_key(one)]
                text = texts[0] or "" if len(texts) == 1 else ""
            if text:
                return Key(text, function, edge, site)
        for several in self._decisions.alternatives(function, edge) if levels else ():
            for way in several:
                found = self.key(way.function, self._decisions.conditions(way), levels - 1)
                if found is not None:
                    return found
        return None

    def _decides(self, target: int) -> bool:
        """Tell whether a function of the file gives different results for what it is given."""
        trace = self.program.traces.get(target) or self.program.traces.get(target & ~1)
        return trace is not None and len(trace.edges) > 2 and any(value is not None for value in trace.returns.values())

    def is_gate(self, function: int, edge: Edge) -> bool:
        """Tell whether a way is the rule: much lies behind it, and the other side only gives up."""
        trace, graph = self.program.traces[function], self._asked.graph(function)
        region = graph.behind((edge.source, edge.target))
        inside = [site for site in trace.sites if site.block in region]
        tests = sum(one.test != 1 for block in region for one in trace.edges.get(block, ())) // 2
        if len(inside) < 4 or tests < 3:
            return False
        refused = [one.target for one in trace.edges.get(edge.source, ()) if one.target != edge.target]
        if not refused:
            return False
        other = graph.reaches(refused[0], {(edge.source, edge.target)}) | {refused[0]}
        outside = [site for site in trace.sites if site.block in other - region and site.name not in _GIVES_UP]
        return len(outside) <= 2 < len(inside)

    def guarded(self, function: int, block: int, levels: int = 3) -> int:
        """Say how much of a check is passed on every way to a block, also on the ways to calls of its function."""
        key = (function, block)
        if key not in self._guarded:
            self._guarded[key] = 0
            best = self.of_all(function, self._asked.graph(function).guards(block))
            calls = self._decisions.calls(function)
            if best < 3 and calls and levels:
                best = max(best, min(self.guarded(caller, at, levels - 1) for caller, at in calls[:16]))
            self._guarded[key] = best
        return self._guarded[key]


def _edge(function: int, test: Value) -> Edge:
    return Edge(2 * function, -2, test)

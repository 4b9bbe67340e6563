"""Names for places in memory that hold across functions: an object, and a distance from where it starts.

An object is what a pointer leads to. Pointers that are handed to a call are those that the called function is given, so
both name one object (B. Steensgaard, Points-to Analysis in Almost Linear Time, POPL 1996, without types and contexts). A
pointer that is loaded names by the place that it is loaded from.
"""

from __future__ import annotations

from bisect import bisect_right

from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.trace import Site
from aboveboard.readers.flow.values import ADD, Value, apart, plus

Node = tuple[object, ...]
Name = tuple[Node, int]
MAX_POINTED = 64  # functions that a call of something unknown may be a call of
_REACH = 4096  # bytes of an object on the stack
_DEEP = 4  # pointers behind pointers
_FIXED: Node = ("fixed",)


class Objects:
    """Answers for one program."""

    def __init__(self, origins: Origins) -> None:
        self._origins, self._program = origins, origins.program
        self._mask = (1 << self._program.elf.bits) - 1
        self._up: dict[Node, tuple[Node, int]] = {}
        self._starts: dict[int, list[int]] = {}  # function -> places on its stack that calls of the file are given
        for start, trace in self._program.traces.items():
            found = {
                one
                for site in trace.sites
                if not site.name
                for one in site.arguments[:4]
                if type(one) is int and one > 4096
            }
            self._starts[start] = sorted(one for one in found if self._on_stack(one))
        indirect = list(origins.indirect.items())[:MAX_POINTED]
        for _ in range(2):  # what lies behind pointers is named by where these are kept, which is known the second time
            self._follow(indirect)

    def _follow(self, indirect: list[tuple[int, list[tuple[int, Site]]]]) -> None:
        for start, trace in sorted(self._program.traces.items()):
            for store in trace.stores:
                if store.size == self._program.elf.width and type(store.value) is tuple and store.value[0] in "cp":
                    name, at = self.name(start, store.place)
                    self._join(("behind", name, at), 0, (start, store.value))
            for site in trace.sites:
                target = site.target if site.target in self._program.traces else site.target & ~1
                if not site.name and site.target > 0 and target in self._program.traces:
                    self._hand(start, site.arguments, target)
        for target, calls in indirect:
            for start, site in calls:
                self._hand(start, site.arguments, target)

    def _hand(self, start: int, arguments: tuple[Value | None, ...], target: int) -> None:
        for number, given in enumerate(arguments[:4]):
            if given is None or (isinstance(given, int) and given <= 4096):
                continue
            node, distance = self._node(start, given, 0)
            self._join(node, distance, (target, ("p", number)))

    def _root(self, node: Node) -> tuple[Node, int]:
        far, passed = 0, list[tuple[Node, int]]()
        while node in self._up:
            passed.append((node, far))
            node, more = self._up[node]
            far += more
        for one, before in passed:  # chains stay short
            self._up[one] = (node, far - before)
        return node, far

    def _join(self, node: Node, distance: int, given: Node) -> None:
        """Make `given` a pointer to what lies `distance` behind the start of `node`; where it is one already, leave it."""
        root, far = self._root(node)
        other, behind = self._root(given)
        if root == other:
            return
        if other == _FIXED:
            if root == _FIXED:
                return
            self._up[root] = (other, behind - far - distance)
        else:
            self._up[other] = (root, far + distance - behind)

    def _node(self, function: int, place: Value, deep: int) -> tuple[Node, int]:
        base, distance = apart(place)
        if not isinstance(base, int) and deep < _DEEP:
            if base[0] == "o" and base[1] == ADD:  # an element of an array: all are one
                inner = next((one for one in base[2:4] if type(one) is tuple and one[0] in "pcmf"), None)
                if inner is not None:
                    return self._node(function, plus(inner, distance, self._mask), deep + 1)
            if self._is_place(distance):
                return self._node(function, distance & self._mask, deep + 1)
            if base[0] == "f":
                start = self._start(function, base)
                if start is not None:
                    return self._node(function, plus(start, distance, self._mask), deep + 1)
        if isinstance(base, int):
            if self._on_stack(distance):
                starts = self._starts.get(function, [])
                at = bisect_right(starts, distance) - 1
                start = starts[at] if at >= 0 and distance - starts[at] < _REACH else distance
                return (function, "stack", start), distance - start
            return _FIXED, distance
        if base[0] == "m" and deep < _DEEP:
            name, at = self.name(function, base[1], deep + 1)
            return ("behind", name, at), distance
        return (function, base), distance

    def _start(self, function: int, running: Value) -> Value | None:
        """Return where a pointer started that runs on in a loop, or is one thing on all ways; None if it may be several."""
        assert type(running) is tuple
        several = self._program.traces[function].merged.get((running[1], running[2]), {}).values()
        slot = running[2][1] if running[2][0] == "m" else None  # what a call may have written to is taken to be unchanged
        found = {
            one
            for one in several
            if one not in (running, 0) and apart(one)[0] != running and not (type(one) is tuple and one[:2] == ("m", slot))
        }
        return found.pop() if len(found) == 1 else None

    def _is_place(self, number: int) -> bool:
        """Tell whether a number that something is added to is the address of an array."""
        return abs(number) > 0x1000 and (self._on_stack(number & self._mask) or self._origins.is_kept(number))

    def name(self, function: int, place: Value, deep: int = 0) -> Name:
        """Return the object that a place lies in, and how far behind its start."""
        node, distance = self._node(function, place, deep)
        root, far = self._root(node)
        return root, far + distance & self._mask

    def _on_stack(self, place: int) -> bool:
        return self._program.tracer is not None and self._program.tracer.places.on_stack(place)

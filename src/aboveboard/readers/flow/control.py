"""Which ways decide whether a block is reached: control dependence, loops cut open.

Source: J. Ferrante, K. J. Ottenstein, J. D. Warren, The Program Dependence Graph and Its Use in Optimization, ACM TOPLAS 9
(1987), section 3. A way back to the head of a loop counts as one that leaves: what the next round does is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.readers.flow.trace import Edge, Trace

_EXIT = -1
MAX_CLOSURE = 48  # ways that are followed upwards from one block


class Control:
    """The deciding ways of one function."""

    def __init__(self, trace: Trace) -> None:
        self.entry = 2 * trace.start
        self._next: dict[int, list[Edge]] = {block: list(edges) for block, edges in trace.edges.items()}
        order = self._order()
        self.place = {block: number for number, block in enumerate(order)}
        after = self._after(order)
        self._closures: dict[int, list[Edge]] = {}
        self.deciding: dict[int, list[Edge]] = {}  # block -> the ways that decide about it: any of them leads to it
        for block in order:
            ways = self._next.get(block, [])
            if len({self._target(edge) for edge in ways}) < 2:
                continue
            for edge in ways:
                runner = self._target(edge)
                while runner not in (after[block], _EXIT):
                    found = self.deciding.setdefault(runner, [])
                    if edge not in found:
                        found.append(edge)
                    runner = after[runner]

    def _target(self, edge: Edge) -> int:
        return edge.target if self.place.get(edge.target, -1) > self.place[edge.source] else _EXIT

    def _order(self) -> list[int]:
        seen, order = {self.entry}, []
        stack: list[tuple[int, Iterator[Edge]]] = [(self.entry, iter(self._next.get(self.entry, ())))]
        while stack:
            block, rest = stack[-1]
            for edge in rest:
                if edge.target not in seen:
                    seen.add(edge.target)
                    stack.append((edge.target, iter(self._next.get(edge.target, ()))))
                    break
            else:
                order.append(block)
                stack.pop()
        return order[::-1]

    def _after(self, order: list[int]) -> dict[int, int]:
        """Return what each block inevitably leads to next (its immediate postdominator)."""
        after: dict[int, int] = {}

        def common(a: int, b: int) -> int:
            while a != b:
                if _EXIT in (a, b):
                    return _EXIT
                if self.place[a] < self.place[b]:
                    a = after[a]
                else:
                    b = after[b]
            return a

        for block in reversed(order):
            ends = {self._target(edge) for edge in self._next.get(block, ())} or {_EXIT}
            one = ends.pop()
            for other in sorted(ends):
                one = common(one, other)
            after[block] = one
        return after

    def closure(self, block: int) -> list[Edge]:
        """Return the ways that decide about a block, and those that decide about these, the nearest first."""
        if block not in self._closures:
            self._closures[block] = self._closure(block)
        return self._closures[block]

    def _closure(self, block: int) -> list[Edge]:
        found: dict[Edge, None] = {}
        row = [block]
        seen = {block}
        while row and len(found) < MAX_CLOSURE:
            one = row.pop(0)
            for edge in sorted(self.deciding.get(one, ()), key=lambda way: -self.place[way.source]):
                found.setdefault(edge)
                if edge.source not in seen:
                    seen.add(edge.source)
                    row.append(edge.source)
        return list(found)

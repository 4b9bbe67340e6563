"""What one side of a test alone reaches, by dominators.

Source: K. D. Cooper, T. J. Harvey, K. Kennedy, A Simple, Fast Dominance Algorithm, 2001. Each conditional way is a node
of its own, so that a way can dominate what lies behind it.
"""

from __future__ import annotations

from functools import cached_property

from aboveboard.readers.flow.trace import Edge, Trace
from aboveboard.readers.flow.values import Value

Node = int | tuple[int, int]  # a block, or a way from block to block


class Graph:
    """The ways through one function."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.entry: Node = 2 * trace.start
        self.edges = {(edge.source, edge.target): edge for edges in trace.edges.values() for edge in edges}
        self._next: dict[Node, list[Node]] = {}
        same: dict[tuple[int, Value], tuple[int, int]] = {}
        self._way: dict[Node, Node] = {}  # compilers repeat a test: ways with one test to one block are one way
        for block, edges in trace.edges.items():
            row = self._next.setdefault(block, [])
            asked: dict[int, set[Value]] = {}
            for edge in edges:
                asked.setdefault(edge.target, set()).add(edge.test)
            for edge in edges:
                if edge.test == 1 or len(asked[edge.target]) > 1:  # where both ways lead to one block nothing is asked
                    row.append(edge.target)
                else:
                    way = same.setdefault((edge.target, edge.test), (edge.source, edge.target))
                    self._way[(edge.source, edge.target)] = way
                    row.append(way)
                    self._next[way] = [edge.target]

    @cached_property
    def _order(self) -> list[Node]:
        """The nodes that are reached, each before those that only come after it (reverse postorder)."""
        seen, order = {self.entry}, []
        stack = [(self.entry, iter(self._next.get(self.entry, ())))]
        while stack:
            node, rest = stack[-1]
            for one in rest:
                if one not in seen:
                    seen.add(one)
                    stack.append((one, iter(self._next.get(one, ()))))
                    break
            else:
                order.append(node)
                stack.pop()
        return order[::-1]

    def loop(self, block: int) -> frozenset[int]:
        """Return the blocks of the innermost loop around a block; empty where it lies in none."""
        return min((one for one in self._loops if block in one), key=len, default=frozenset())

    @cached_property
    def _loops(self) -> list[frozenset[int]]:
        """The natural loops: what leads back to a block that all of it comes through, without passing that again."""
        backwards: dict[Node, list[Node]] = {}
        for node in self._order:
            for one in self._next.get(node, ()):
                backwards.setdefault(one, []).append(node)
        found: dict[Node, set[Node]] = {}
        for node in self._order:
            for head in self._next.get(node, ()):
                if self._dominates(head, node):
                    inside = found.setdefault(head, {head})
                    row = [node]
                    while row:
                        one = row.pop()
                        if one not in inside:
                            inside.add(one)
                            row += backwards.get(one, ())
        return [frozenset(one for one in nodes if type(one) is int) for nodes in found.values()]

    def _dominates(self, first: Node, second: Node) -> bool:
        while second not in (first, self.entry):
            second = self.parent[second]
        return second == first

    @cached_property
    def parent(self) -> dict[Node, Node]:
        """The immediate dominator of each node."""
        order = self._order
        place = {node: number for number, node in enumerate(order)}
        before: dict[Node, list[Node]] = {}
        for node in order:
            for one in self._next.get(node, ()):
                before.setdefault(one, []).append(node)
        dominator: dict[Node, Node] = {self.entry: self.entry}
        changed = True
        while changed:
            changed = False
            for node in order[1:]:
                known = [one for one in before[node] if one in dominator]
                new = known[0]
                for one in known[1:]:
                    new = _common(new, one, dominator, place)
                if dominator.get(node) != new:
                    dominator[node] = new
                    changed = True
        return dominator

    def guards(self, block: int) -> list[Edge]:
        """Return the conditional ways that lead to a block inevitably, the nearest first."""
        found: list[Edge] = []
        node: Node | None = block if block in self.parent else None
        while node is not None and node != self.entry:
            node = self.parent[node]
            if type(node) is tuple:
                found.append(self.edges[node])
        return found

    def before(self, block: int) -> list[int]:
        """Return the block and those that are passed inevitably before it, the nearest first."""
        found: list[int] = []
        node: Node | None = block if block in self.parent else None
        while node is not None:
            if type(node) is int:
                found.append(node)
            node = self.parent[node] if node != self.entry else None
        return found

    @cached_property
    def _children(self) -> dict[Node, list[Node]]:
        found: dict[Node, list[Node]] = {}
        for node, parent in self.parent.items():
            if node != self.entry:
                found.setdefault(parent, []).append(node)
        return found

    def behind(self, node: Node) -> set[int]:
        """Return the blocks that are reached through a node alone: a block, or the ends of a way."""
        found: set[int] = set()
        node = self._way.get(node, node)
        row = [node] if node in self.parent else []
        while row:
            one = row.pop()
            if type(one) is int:
                found.add(one)
            row += self._children.get(one, ())
        return found

    def reaches(self, start: Node, without: set[Node]) -> set[int]:
        """Return the blocks that can be reached from a node without passing some others."""
        seen: set[Node] = {start}
        without = {self._way.get(one, one) for one in without}
        row = [start]
        while row:
            for one in self._next.get(row.pop(), ()):
                if one not in seen and one not in without:
                    seen.add(one)
                    row.append(one)
        return {one for one in seen if type(one) is int}


def _common(a: Node, b: Node, dominator: dict[Node, Node], place: dict[Node, int]) -> Node:
    while a != b:
        while place[a] > place[b]:
            a = dominator[a]
        while place[b] > place[a]:
            b = dominator[b]
    return a

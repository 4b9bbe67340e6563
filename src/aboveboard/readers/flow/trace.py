"""What one function does: its calls, its tests and where each side of them leads, what it stores and returns.

A block is named by twice the address of its first instruction, plus 1 where it starts inside an instruction (conditional
execution, conditional moves).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aboveboard.readers.flow.state import Key
from aboveboard.readers.flow.values import Value


@dataclass(frozen=True, slots=True)
class Site:
    """A call: the name of an imported function or the address of one of the file (-1: not known)."""

    address: int
    block: int
    name: str
    target: int
    arguments: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one block to the next. `test` holds where it is taken; 1 where nothing is asked."""

    source: int
    target: int
    test: Value


@dataclass(frozen=True, slots=True)
class Store:
    """Something written to memory that is not the function's own stack."""

    address: int
    block: int
    place: Value
    size: int
    value: Value | None


@dataclass
class Trace:
    """What one function does."""

    start: int
    mode: str
    sites: list[Site] = field(default_factory=list)
    edges: dict[int, list[Edge]] = field(default_factory=dict)
    stores: list[Store] = field(default_factory=list)
    returns: dict[int, Value | None] = field(default_factory=dict)  # block -> result
    merged: dict[tuple[int, Key], dict[int, Value]] = field(default_factory=dict)  # block and key -> block before -> value
    selects: list[tuple[int, Value]] = field(default_factory=list)  # block and a value that is chosen by a test in it
    switches: dict[int, Value | None] = field(default_factory=dict)  # block -> the computed target
    ends: dict[int, int] = field(default_factory=dict)  # block -> address of its last instruction
    compared: dict[int, int] = field(default_factory=dict)  # block -> address of the comparison that its last test is of
    instructions: int = 0
    extent: tuple[tuple[int, int], ...] = ()  # addresses that were followed
    cut: str = ""

    def predecessors(self) -> dict[int, list[int]]:
        """Return the blocks before each block."""
        found: dict[int, list[int]] = {}
        for block, edges in self.edges.items():
            for edge in edges:
                found.setdefault(edge.target, []).append(block)
        return found

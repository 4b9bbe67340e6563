"""Values that are one of several, where paths meet."""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.readers.flow.trace import Trace
from aboveboard.readers.flow.values import Value


def spread(trace: Trace, value: Value, depth: int) -> list[Value]:
    """Return what a value may be, where it is one of several."""
    if type(value) is tuple and value[0] in "f?" and depth:
        several = trace.merged.get((value[1], value[2]), {}).values() if value[0] == "f" else value[2:4]
        found: list[Value] = []
        for one in several:
            if one != value:
                found += spread(trace, one, depth - 1)
        return found[:32]
    return [value]


def sources(trace: Trace, block: int, value: Value, depth: int = 3) -> Iterator[tuple[int, Value]]:
    """Return the blocks that a value may come from, each with what it is there."""
    if type(value) is tuple and value[0] == "f" and depth:
        for source, one in trace.merged.get((value[1], value[2]), {}).items():
            if one != value:
                yield from sources(trace, source, one, depth - 1)
    else:
        yield block, value

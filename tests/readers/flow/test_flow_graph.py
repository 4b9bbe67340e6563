"""What a way dominates is what cannot be reached without it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.trace import Edge, Trace

BLOCKS = 9
PAIRS = st.lists(st.tuples(st.integers(0, BLOCKS - 1), st.integers(0, BLOCKS - 1), st.booleans()), max_size=24)


def made(pairs: list[tuple[int, int, bool]]) -> Trace:
    """Return a function with these ways, each asked for something else where it is asked for at all."""
    trace = Trace(0, "mips", edges={2 * block: [] for block in range(BLOCKS)})
    for number, (source, target, asked) in enumerate(dict.fromkeys(pairs)):
        trace.edges[2 * source].append(Edge(2 * source, 2 * target, ("=", ("p", number), 7) if asked else 1))
    return trace


def reached(trace: Trace, without: tuple[int, int] | None = None) -> set[int]:
    seen, row = {0}, [0]
    while row:
        for edge in trace.edges[row.pop()]:
            if (edge.source, edge.target) != without and edge.target not in seen:
                seen.add(edge.target)
                row.append(edge.target)
    return seen


def asked_ways(trace: Trace) -> set[tuple[int, int]]:
    """Return the ways that are taken by one test alone."""
    tests: dict[tuple[int, int], list[object]] = {}
    for edges in trace.edges.values():
        for edge in edges:
            tests.setdefault((edge.source, edge.target), []).append(edge.test)
    return {way for way, several in tests.items() if len(several) == 1 and several[0] != 1}


@settings(max_examples=300, deadline=None)
@given(PAIRS)
def test_guards_are_the_ways_without_which_a_block_is_not_reached(pairs: list[tuple[int, int, bool]]) -> None:
    trace = made(pairs)
    graph, every = Graph(trace), reached(trace)
    for block in range(0, 2 * BLOCKS, 2):
        found = {(edge.source, edge.target) for edge in graph.guards(block)}
        wanted = {way for way in asked_ways(trace) if block not in reached(trace, way)} if block in every else set()
        assert found == wanted


@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_behind_a_way_lies_what_is_not_reached_without_it(pairs: list[tuple[int, int, bool]]) -> None:
    trace = made(pairs)
    graph, every = Graph(trace), reached(trace)
    for way in asked_ways(trace):
        if way[0] in every:
            assert graph.behind(way) == every - reached(trace, way)
            assert graph.reaches(0, {way}) == reached(trace, way)


@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_before_a_block_come_the_blocks_without_which_it_is_not_reached(pairs: list[tuple[int, int, bool]]) -> None:
    trace = made(pairs)
    graph = Graph(trace)
    for block in reached(trace):
        found = graph.before(block)
        assert found[0] == block
        assert found[-1] == 0
        for other in range(2, 2 * BLOCKS, 2):
            cut = Trace(0, "mips", edges={at: [] if at == other else edges for at, edges in trace.edges.items()})
            inevitable = other == block or block not in reached(cut)
            assert (other in found) == inevitable


def test_a_test_that_is_repeated_on_two_ways_is_one() -> None:
    test = ("=", ("p", 0), 7)
    trace = Trace(0, "mips", edges={0: [Edge(0, 2, 1), Edge(0, 4, 1)], 2: [Edge(2, 6, test)], 4: [Edge(4, 6, test)], 6: []})
    assert [edge.test for edge in Graph(trace).guards(6)] == [test]
    assert Graph(trace).behind((4, 6)) == {6}


def test_where_both_ways_lead_to_one_block_nothing_guards_it() -> None:
    trace = Trace(0, "mips", edges={0: [Edge(0, 2, ("=", ("p", 0), 7)), Edge(0, 2, ("!", ("p", 0), 7))], 2: []})
    assert Graph(trace).guards(2) == []

"""Which ways decide about a block: branches, short circuits, loops."""

from __future__ import annotations

from aboveboard.readers.flow.control import Control
from aboveboard.readers.flow.trace import Edge, Trace

A, B, C, D, E = (("=", ("p", number), 0) for number in range(5))


def traced(*edges: tuple[int, int, object]) -> Trace:
    """Return a function that starts at 1 (block 2), with ways between blocks."""
    trace = Trace(1, "x86-64")
    for source, target, test in edges:
        trace.edges.setdefault(source, []).append(Edge(source, target, test))  # type: ignore[arg-type]
        trace.edges.setdefault(target, [])
    return trace


def no(test: object) -> object:
    return ("!", *test[1:])  # type: ignore[index]


def test_what_lies_behind_a_test_is_decided_by_it() -> None:
    control = Control(traced((2, 4, A), (2, 6, no(A)), (4, 6, 1)))
    assert [edge.test for edge in control.deciding[4]] == [A]
    assert 6 not in control.deciding  # both ways come there


def test_either_of_two_tests_is_two_ways() -> None:
    """if (a || b) x; return;"""
    control = Control(traced((2, 6, A), (2, 4, no(A)), (4, 6, B), (4, 8, no(B)), (6, 8, 1)))
    assert {edge.test for edge in control.deciding[6]} == {A, B}
    assert [edge.test for edge in control.deciding[4]] == [no(A)]


def test_both_of_two_tests_are_one_way_and_what_lies_above_it() -> None:
    """if (a && b) x; return;"""
    control = Control(traced((2, 4, A), (2, 8, no(A)), (4, 6, B), (4, 8, no(B)), (6, 8, 1)))
    assert [edge.test for edge in control.deciding[6]] == [B]
    assert [edge.test for edge in control.closure(6)] == [B, A]


def test_the_next_round_of_a_loop_is_not_this_one() -> None:
    """for (;;) { if (a) continue; x; }"""
    control = Control(traced((2, 4, 1), (4, 4, A), (4, 6, no(A)), (6, 4, 1)))
    assert [edge.test for edge in control.deciding[6]] == [no(A)]
    assert 4 not in control.deciding


def test_a_jump_past_a_check_is_a_way_beside_it() -> None:
    """if (a) goto in; if (!b) return; in: x;"""
    control = Control(traced((2, 8, A), (2, 4, no(A)), (4, 6, no(B)), (4, 8, B), (8, 10, 1)))
    assert {edge.test for edge in control.deciding[8]} == {A, B}
    assert {edge.test for edge in control.deciding[10]} == {A, B}


def test_much_is_followed_in_bounds() -> None:
    edges = [(2 * one, 2 * one + 2, A) for one in range(1, 3000)] + [(2 * one, 9000, no(A)) for one in range(1, 3000)]
    control = Control(traced(*edges))
    assert 0 < len(control.closure(5998)) < 100

"""What is made of values and tests is true for the same numbers as what it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aboveboard.readers.code.arithmetic import BINARY, UNARY
from aboveboard.readers.flow import values
from aboveboard.readers.flow.values import Value

Numbers = tuple[int, ...]
Meant = tuple[Value, Callable[[Numbers], int]]  # a value and what it is for given parameters
MASK = 0xFFFFFFFF
_TWO: dict[int, Callable[[int, int], int]] = {
    values.ADD: lambda a, b: a + b & MASK,
    values.SUB: lambda a, b: a - b & MASK,
    values.XOR: lambda a, b: a ^ b,
    values.OR: lambda a, b: a | b,
}
SMALL = st.sampled_from([0, 1, 2, 3, 7, 0x80, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, MASK])
PARAMETERS = st.tuples(SMALL, SMALL, SMALL)


def evaluated(value: Value, numbers: Numbers) -> int:
    """Return the number that a value is."""
    if isinstance(value, int):
        return value
    kind = value[0]
    if kind == "p":
        return numbers[int(value[1])]
    if kind == "+":
        return evaluated(value[1], numbers) + int(value[2]) & MASK
    if kind == "o" and value[3] is None:
        return UNARY[value[1]](evaluated(value[2], numbers), 4) & MASK
    if kind == "?":
        return evaluated(value[2] if evaluated(value[1], numbers) else value[3], numbers)
    inner = [evaluated(one, numbers) for one in (value[2:] if kind == "o" else value[1:])]
    if kind == "o":
        return BINARY[value[1]](inner[0], inner[1], 4) & MASK
    made: dict[str, Any] = {"=": inner[0] == inner[1], "!": inner[0] != inner[1], "&": all(inner), "|": any(inner)}
    return int(made[kind])


def cut(made: Value) -> Value:
    """Cut a number to its size, as the evaluation of a function does with every result."""
    return made & MASK if isinstance(made, int) else made


def plain() -> st.SearchStrategy[Meant]:
    def parameter(number: int) -> Meant:
        return ("p", number), lambda numbers: numbers[number]

    def constant(number: int) -> Meant:
        return number, lambda _: number

    return st.one_of(st.integers(0, 2).map(parameter), SMALL.map(constant))


def deeper(inner: st.SearchStrategy[Meant]) -> st.SearchStrategy[Meant]:
    def two(code: int, one: Meant, other: Meant) -> Meant:
        made = values.binary(code, one[0], other[0], 4)
        assume(made is not None)
        assert made is not None
        return cut(made), lambda numbers: _TWO[code](one[1](numbers), other[1](numbers))

    def inverted(one: Meant) -> Meant:
        made = values.unary(values.NOT, one[0], 4)
        assume(made is not None)
        assert made is not None
        return cut(made), lambda numbers: ~one[1](numbers) & MASK

    return st.one_of(st.builds(two, st.sampled_from(sorted(_TWO)), inner, inner), st.builds(inverted, inner))


NUMBERS = st.recursive(plain(), deeper, max_leaves=5)


def equals() -> st.SearchStrategy[Meant]:
    return st.builds(
        lambda a, b: (values.equal(a[0], b[0], 4), lambda numbers: int(a[1](numbers) == b[1](numbers))), NUMBERS, NUMBERS
    )


def joined(inner: st.SearchStrategy[Meant]) -> st.SearchStrategy[Meant]:
    def opposite(one: Meant) -> Meant:
        return values.negated(one[0]), lambda numbers: int(not one[1](numbers))

    def both(several: list[Meant]) -> Meant:
        return values.both(*(one[0] for one in several)), lambda numbers: int(all(one[1](numbers) for one in several))

    def either(several: list[Meant]) -> Meant:
        return values.either(*(one[0] for one in several)), lambda numbers: int(any(one[1](numbers) for one in several))

    def chosen(test: Meant, one: Meant, other: Meant) -> Meant:
        made = values.chosen(test[0], one[0], other[0])
        return made, lambda numbers: one[1](numbers) if test[1](numbers) else other[1](numbers)

    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(inner.map(opposite), several.map(both), several.map(either), st.builds(chosen, inner, inner, inner))


TESTS = st.recursive(equals(), joined, max_leaves=6)


@settings(max_examples=300, deadline=None)
@given(NUMBERS, PARAMETERS)
def test_a_value_is_the_number_that_the_operations_give(made: Meant, numbers: Numbers) -> None:
    assert evaluated(made[0], numbers) == made[1](numbers)


@settings(max_examples=400, deadline=None)
@given(TESTS, PARAMETERS)
def test_a_test_holds_for_the_same_numbers_in_its_plainest_form(made: Meant, numbers: Numbers) -> None:
    assert evaluated(made[0], numbers) == made[1](numbers)


@settings(max_examples=200, deadline=None)
@given(TESTS, PARAMETERS)
def test_a_test_and_its_opposite(made: Meant, numbers: Numbers) -> None:
    opposite = values.negated(made[0])
    assert evaluated(opposite, numbers) == 1 - evaluated(made[0], numbers)
    assert evaluated(values.negated(opposite), numbers) == evaluated(made[0], numbers)


@settings(max_examples=200, deadline=None)
@given(TESTS, NUMBERS, NUMBERS, PARAMETERS)
def test_a_choice(test: Meant, one: Meant, other: Meant, numbers: Numbers) -> None:
    made = values.chosen(test[0], one[0], other[0])
    assert evaluated(made, numbers) == (one if test[1](numbers) else other)[1](numbers)


def test_one_constant_alone_is_found_behind_what_compilers_make_of_it() -> None:
    subject: Value = ("p", 0)
    moved = values.binary(values.SUB, subject, 0x1234, 4)
    assert moved is not None
    assert values.equal(moved, 0, 4) == ("=", subject, 0x1234)
    mixed = values.binary(values.XOR, subject, 0x1234, 4)
    assert mixed is not None
    assert values.equal(mixed, 0, 4) == ("=", subject, 0x1234)
    assert values.binary(values.EQUAL, ("?", ("=", subject, 5), 1, 0), 0, 4) == ("!", subject, 5)


def test_depth_is_bounded() -> None:
    value: Value | None = ("p", 0)
    before: Value = 0
    while value is not None and values.depth(before) < 50:
        before, value = value, values.unary(values.NOT, value, 4)
    assert value is None
    assert values.depth(before) <= values.MAX_DEPTH + 1
    wide = values.both(*(("=", ("p", number), 1) for number in range(1000)))
    assert isinstance(wide, tuple)
    assert len(wide) <= values.MAX_TESTS + 1
    assert len(values.parts(wide)) <= 256

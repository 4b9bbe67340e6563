"""Ways to an outcome, and what values must be for a test to hold: on values alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.readers.flow.substitute import substituted
from aboveboard.readers.flow.trace import Edge
from aboveboard.readers.flow.values import OR, Value, is_test, negated, parts


@dataclass(frozen=True)
class Way:
    """One way to an outcome: a block of a function, and what is asked beside what decides about the block."""

    function: int
    block: int
    asked: tuple[Edge, ...] = ()
    number: int = 0  # what is brought, where it is not known whether it is enough


def chosen_ways(function: int, edge: Edge, test: Value, part: Value) -> Iterator[Way]:
    """Return the ways to the two values that a test chooses between, as far as they make another test hold."""
    assert type(part) is tuple
    for holds, value in ((part[1], part[2]), (negated(part[1]), part[3])):
        new = substituted(test, part, value)
        if new is not None and new != 0:
            first = Edge(edge.source, -1, holds)
            yield Way(function, edge.source, (first,) if new == 1 else (first, Edge(edge.source, -1, new)))


def way_to(function: int, block: int, asked: Value, via: tuple[Edge, ...]) -> Way:
    """Return the way to a value, by what `wants` says of it."""
    if type(asked) is tuple and asked[0] == "?":
        return Way(function, block, via, asked[1])
    return Way(function, block, via if asked == 1 else (Edge(block, -1, asked), *via))


def enough(ways: list[Way]) -> list[Way]:
    """Return the ways that surely bring enough, and of those that may the ones that bring most."""
    most = max(way.number for way in ways)
    return [way for way in ways if way.number in (0, most)]


def factors(function: int, edge: Edge, test: Value) -> Iterator[Way]:
    """Return the parts of a test of which each alone makes it hold: what is multiplied, or cut out of each other."""
    if type(test) is not tuple or test[0] not in "=!" or type(test[1]) is not tuple or test[1][0] != "o":
        return
    for part in dict.fromkeys(parts(test[1])):
        if part == test[1] or not (is_test(part) or part[0] in "cmf"):
            continue
        for number in (0, 1):
            if substituted(test, part, number) == 1:
                asked = (part if number else negated(part)) if is_test(part) else ("=", part, number)
                yield Way(function, edge.source, (Edge(edge.source, -1, asked),))


def is_range(test: Value) -> bool:
    """Tell whether the parts of a test ask about one thing: less, or equal."""
    assert type(test) is tuple
    asked = [subjects(one) for one in test[1:]]
    return len({frozenset(one) for one in asked}) == 1


def subjects(test: Value) -> set[Value]:
    """Return what a test asks about, without the numbers around it."""
    found = {core(one[1]) for one in parts(test) if one[0] in ("=", "!", "<")}
    return found | {core(one[2]) for one in parts(test) if one[0] == "<" and type(one[2]) is tuple}


def united(value: Value) -> list[Value]:
    """Return what is joined in a value with "or": flags that are set by several."""
    if type(value) is tuple and value[0] == "o" and value[1] == OR:
        return [*united(value[2]), *united(value[3])]
    return [value]


def wants(test: Value, part: Value, value: Value) -> Value | None:
    """Return what a value must hold for a test of it to hold: a test, 1 where it does, None where it cannot.

    ("?", number) stands for a number of which it is not known whether it is enough.
    """
    new = substituted(test, part, value)
    if new is None or new in (0, test):
        return None
    if type(value) is int:  # what else is asked is no matter of this value
        return 1 if new == 1 else ("?", value) if value else None
    for one in parts(value):
        if is_test(one):
            holds, fails = (_with(test, part, value, one, number) for number in (1, 0))
            if holds != fails:
                return one if holds else negated(one)
    assert type(value) is tuple
    if value[0] not in "cmpf" or _unknown(new) > _unknown(value):
        return ("!", core(value), 0)  # numbers that come of counting back are none that the program asks for
    return new


def _unknown(value: Value) -> int:
    return sum(one[0] in "cmpf" for one in parts(value))


def _with(test: Value, part: Value, value: Value, inner: Value, number: int) -> bool:
    """Tell whether a test of a value holds, or may, where a test in the value gives a number."""
    given = substituted(value, inner, number)
    new = None if given is None else substituted(test, part, given)
    return bool(new if type(new) is int else given)


def core(value: Value) -> Value:
    """Return a value without the numbers that are added to it or cut out of it."""
    while type(value) is tuple and value[0] in "+o" and sum(type(one) is tuple for one in value[1:]) == 1:
        value = next(one for one in value[1:] if type(one) is tuple)
    return value

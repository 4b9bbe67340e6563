"""Values with another value put in the place of a part of them."""

from __future__ import annotations

from typing import Any

from aboveboard.readers.flow.values import Value, binary, both, chosen, either, equal, less, negated, plus, unary

_SIZE = 8
_MASK = (1 << 64) - 1
_WHOLE = frozenset("pcfum")  # what a place holds is no part of it


def substituted(value: Value, part: Value, other: Value) -> Value | None:
    """Return a value with `other` wherever it holds `part`; None where that cannot be said."""
    if value == part:
        return other
    if type(value) is not tuple or value[0] in _WHOLE:
        return value
    inner: list[Any] = [substituted(one, part, other) if type(one) is tuple else one for one in value[1:]]
    if tuple(inner) == value[1:]:
        return value
    if any(one is None and before is not None for one, before in zip(inner, value[1:], strict=True)):
        return None
    return _made(value[0], inner)


def _made(kind: str, inner: list[Any]) -> Value | None:
    if kind == "o":
        return unary(inner[0], inner[1], _SIZE) if inner[2] is None else binary(inner[0], inner[1], inner[2], _SIZE)
    if kind == "<" and type(inner[0]) is int and type(inner[1]) is int:
        return int(inner[0] < inner[1])
    made: dict[str, Any] = {
        "+": lambda: plus(inner[0], inner[1], _MASK),
        "=": lambda: equal(inner[0], inner[1], _SIZE),
        "!": lambda: negated(equal(inner[0], inner[1], _SIZE)),
        "<": lambda: less(inner[0], inner[1], signed=True),
        "&": lambda: both(*inner),
        "|": lambda: either(*inner),
        "?": lambda: chosen(inner[0], inner[1], inner[2]),
    }
    found: Value | None = made[kind]() if kind in made else None
    return found

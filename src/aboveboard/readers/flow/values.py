"""Values that are not known, as trees: where they came from and what was done to them.

A value is a number, or a tuple whose first element says what it is:

    ("p", n)            parameter n of the function
    ("c", address)      what the call at an address returned
    ("m", place, size)  what memory held at a place (a value), `size` bytes
    ("+", base, n)      another value plus a number
    ("f", block, key)   one of several values, where paths meet at a block; `key` is a register or a place in memory
    ("o", code, a, b)   any other operation of p-code, `b` is None for one input
    ("=", a, b), ("!", a, b), ("<", a, b)   tests: equal, different, less (unsigned or signed)
    ("&", tests...), ("|", tests...)        all of these tests, any of these tests
    ("?", test, a, b)   a where the test holds, else b
    ("u", address, n)   what an instruction gave that is not followed

Widening and cutting of what is not a number is not kept: a byte that was loaded is the byte that is compared.
"""

from __future__ import annotations

from typing import Any, cast

from pypcode import OpCode

from aboveboard.readers.code.arithmetic import BINARY, UNARY

Value = int | tuple[Any, ...]
MAX_DEPTH = 12
MAX_TESTS = 64

_C = {name: getattr(OpCode, name).value for name in dir(OpCode) if name.isupper()}
ADD, SUB, AND, OR, XOR = (_C[name] for name in ("INT_ADD", "INT_SUB", "INT_AND", "INT_OR", "INT_XOR"))
EQUAL, DIFFERENT = _C["INT_EQUAL"], _C["INT_NOTEQUAL"]
_LESS = {_C["INT_LESS"]: False, _C["INT_SLESS"]: True}
_AT_MOST = {_C["INT_LESSEQUAL"]: False, _C["INT_SLESSEQUAL"]: True}
_BOTH, _ANY, _EITHER = _C["BOOL_AND"], _C["BOOL_OR"], _C["BOOL_XOR"]
_BORROW = _C["INT_SBORROW"]
MULTIPLY = _C["INT_MULT"]
SUBPIECE, PIECE, SEXT = _C["SUBPIECE"], _C["PIECE"], _C["INT_SEXT"]
NEGATE, NOT = _C["BOOL_NEGATE"], _C["INT_NEGATE"]
_TESTS = frozenset({"=", "!", "<", "&", "|"})


def is_test(value: Value | None) -> bool:
    """Tell whether a value is a test, 0 or 1."""
    return type(value) is tuple and value[0] in _TESTS


def plus(base: Value, number: int, mask: int) -> Value:
    """Return a value plus a number, in one form."""
    if isinstance(base, int):
        return base + number & mask
    inner: Value = base
    if base[0] == "+":
        inner, number = base[1], base[2] + number
    number &= mask
    if number > mask >> 1:
        number -= mask + 1
    return ("+", inner, number) if number else inner


def depth(value: Value) -> int:
    """Return how deep a value is nested, up to one more than MAX_DEPTH."""
    level, row = 0, [value]
    while row and level <= MAX_DEPTH:
        inner: list[Value] = [part for one in row if type(one) is tuple for part in one[1:] if type(part) is tuple]
        row = inner[:64]
        level += 1
    return level


def negated(test: Value) -> Value:
    """Return the opposite of a test."""
    if isinstance(test, int):
        return int(not test)
    kind = test[0]
    if kind == "=":
        return ("!", *test[1:])
    if kind == "!":
        return ("=", *test[1:])
    if kind == "&":
        return ("|", *(negated(one) for one in test[1:]))
    if kind == "|":
        return ("&", *(negated(one) for one in test[1:]))
    return ("=", test, 0)


def equal(a: Value, b: Value, size: int) -> Value:
    """Return the test whether two values are equal, in its plainest form."""
    if type(a) is int:
        if type(b) is int:
            return int(a == b)
        a, b = b, a
    if a == b:
        return 1
    if type(b) is int and type(a) is tuple:
        kind = a[0]
        if kind in _TESTS:
            return negated(a) if b == 0 else a if b == 1 else 0
        mask = (1 << 8 * size) - 1
        if kind == "+":
            return equal(a[1], b - a[2] & mask, size)
        if kind == "?" and type(a[2]) is int and type(a[3]) is int:
            if a[2] == b != a[3]:
                return cast(Value, a[1])
            if a[3] == b != a[2]:
                return negated(a[1])
            return int(a[2] == b)
        if kind == "o":
            return _equal_operation(a, b, size, mask)
    return ("=", a, b)


def _equal_operation(a: tuple[Any, ...], b: int, size: int, mask: int) -> Value:
    code, first, second = a[1], a[2], a[3]
    if code == SUB and b == 0:
        return equal(first, second, size)
    if code == SUB and type(first) is int:
        return equal(second, first - b & mask, size)
    if code == XOR and type(second) is int:
        return equal(first, second ^ b, size)
    if code == XOR and b == 0:
        return equal(first, second, size)
    if code == OR and b == 0:
        return both(equal(first, 0, size), equal(second, 0, size))
    if code == NOT:
        return equal(first, ~b & mask, size)
    return ("=", a, b)


def both(*tests: Value) -> Value:
    """Return the test that all of these hold."""
    return _joined("&", 0, tests)


def either(*tests: Value) -> Value:
    """Return the test that any of these holds."""
    return _joined("|", 1, tests)


def _joined(kind: str, deciding: int, tests: tuple[Value, ...]) -> Value:
    found: list[Value] = []
    for one in tests:
        if type(one) is int:
            if one == deciding:
                return deciding
        elif type(one) is tuple and one[0] == kind:
            found += one[1:]
        else:
            found.append(one)
    found = list(dict.fromkeys(found))[:MAX_TESTS]
    return 1 - deciding if not found else found[0] if len(found) == 1 else (kind, *found)


def less(a: Value, b: Value, *, signed: bool) -> Value:
    """Return the test whether one value is less than another."""
    if not signed and b == 1:
        return equal(a, 0, 8)
    if not signed and a == 0 and type(b) is tuple:
        return negated(equal(b, 0, 8))
    return ("<", a, b)


def unary(code: int, a: Value, size: int) -> Value | None:
    """Return the result of an operation on one value of `size` bytes."""
    if code == NEGATE:
        return negated(a) if is_test(a) or type(a) is int else ("=", a, 0)
    if type(a) is int:
        return UNARY[code](a, size) if code in UNARY else None
    if code == SEXT:
        return a
    return ("o", code, a, None) if depth(a) < MAX_DEPTH else None


def binary(code: int, a: Value, b: Value, size: int) -> Value | None:
    """Return the result of an operation on two values, the first of `size` bytes; None where it gets too deep."""
    mask = (1 << 8 * size) - 1
    if code in (EQUAL, DIFFERENT):
        for one in (a, b):  # sign and overflow of a difference: less, as signed numbers
            if type(one) is tuple and one[0] == "o" and one[1] == _BORROW:
                test = less(one[2], one[3], signed=True)
                return negated(test) if code == EQUAL else test
        return equal(a, b, size) if code == EQUAL else negated(equal(a, b, size))
    if code in _LESS:
        return less(a, b, signed=_LESS[code]) if type(a) is tuple or type(b) is tuple else _number(a, b, size, _LESS[code])
    if code in _AT_MOST:
        if type(a) is int and type(b) is int:
            return 1 - int(_number(b, a, size, _AT_MOST[code]))
        return negated(less(b, a, signed=_AT_MOST[code]))
    if code == _BOTH:
        return both(_truth(a), _truth(b))
    if code == _ANY:
        return either(_truth(a), _truth(b))
    if code == _EITHER:
        return None
    if type(a) is int and type(b) is int:
        return BINARY[code](a, b, size) if code in BINARY else None
    return _product(a, b) if code == MULTIPLY else _mixed(code, a, b, mask)


def _mixed(code: int, a: Value, b: Value, mask: int) -> Value | None:
    if code == ADD:
        return _sum(a, b, mask)
    if code == SUB:
        if type(b) is int:
            return plus(a, -b, mask)
        if a == b:
            return 0
    elif code in (XOR, OR, AND):
        if type(a) is int:
            a, b = b, a
        if a == b:
            return 0 if code == XOR else a
        if is_test(a) and is_test(b) and code != XOR:
            return both(a, b) if code == AND else either(a, b)
        if b == 0:
            return 0 if code == AND else a
        if code == AND and (b in (0xFF, 0xFFFF, 0xFFFFFFFF, mask) or (b == 1 and is_test(a))):
            return a
        if code == XOR and b == 1 and is_test(a):
            return negated(a)
    elif b == 0:  # shifts by nothing, the low piece
        return a
    return ("o", code, a, b) if depth(a) < MAX_DEPTH and depth(b) < MAX_DEPTH else None


def _product(a: Value, b: Value) -> Value | None:
    if a in (0, 1) or b in (0, 1):
        return 0 if 0 in (a, b) else b if a == 1 else a
    return ("o", MULTIPLY, a, b) if depth(a) < MAX_DEPTH and depth(b) < MAX_DEPTH else None


def _sum(a: Value, b: Value, mask: int) -> Value | None:
    """Return a sum in one form: numbers last, other parts in a fixed order."""
    if type(a) is int:
        a, b = b, a
    if isinstance(a, int) or isinstance(b, int):
        return plus(a, b, mask) if isinstance(b, int) else None
    (first, number), (second, more) = root(a), root(b)
    if _order(second) < _order(first):
        first, second = second, first
    if depth(first) >= MAX_DEPTH or depth(second) >= MAX_DEPTH:
        return None
    return plus(("o", ADD, first, second), number + more, mask)


def _order(value: Value) -> tuple[int, str, int]:
    assert type(value) is tuple
    numbers = [part for part in value if type(part) is int]
    return len(value), value[0], numbers[0] if numbers else 0


def chosen(test: Value, a: Value, b: Value) -> Value:
    """Return a where a test holds, else b."""
    if type(test) is int:
        return a if test else b
    if a == b:
        return a
    if is_test(a) or is_test(b):
        if type(a) is int and a in (0, 1):
            return either(test, b) if a else both(negated(test), b)
        if type(b) is int and b in (0, 1):
            return either(negated(test), a) if b else both(test, a)
    if a == 1 and b == 0:
        return test
    if a == 0 and b == 1:
        return negated(test)
    return ("?", test, a, b)


def _truth(a: Value) -> Value:
    if type(a) is int:
        return int(a != 0)
    return a if is_test(a) else ("!", a, 0)


def _number(a: Value, b: Value, size: int, signed: bool) -> int:
    assert isinstance(a, int)
    assert isinstance(b, int)
    if signed:
        top = 1 << 8 * size - 1
        a, b = (a ^ top) - top, (b ^ top) - top
    return int(a < b)


def parts(value: Value) -> list[tuple[Any, ...]]:
    """Return a value and all that it is made of, without numbers, at most 256."""
    found: list[tuple[Any, ...]] = []
    row = [value]
    while row and len(found) < 256:
        one = row.pop()
        if type(one) is tuple:
            found.append(one)
            if one[0] != "f":
                row += [part for part in one[1:] if type(part) is tuple]
    return found


def root(place: Value) -> tuple[Value, int]:
    """Return the base of a place and the distance from it."""
    return (place[1], place[2]) if type(place) is tuple and place[0] == "+" else (place, 0)


def apart(place: Value) -> tuple[Value, int]:
    """Return the base of a place and the distance from it; a number is a distance from 0."""
    return (0, place) if isinstance(place, int) else root(place)

"""Operations of p-code on numbers (Ghidra, P-Code Reference Manual); what is not here is not done."""

from __future__ import annotations

from collections.abc import Callable

from pypcode import OpCode

from aboveboard.readers.code.arithmetic import BINARY, UNARY

_C = {name: getattr(OpCode, name).value for name in dir(OpCode) if name.isupper()}


def signed(value: int, size: int) -> int:
    """Return a number of `size` bytes as a signed one."""
    top = 1 << 8 * size - 1
    return ((value & (1 << 8 * size) - 1) ^ top) - top


def _quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


TWO: dict[int, Callable[[int, int, int], int]] = {
    **BINARY,
    _C["INT_EQUAL"]: lambda a, b, _: int(a == b),
    _C["INT_NOTEQUAL"]: lambda a, b, _: int(a != b),
    _C["INT_LESS"]: lambda a, b, _: int(a < b),
    _C["INT_LESSEQUAL"]: lambda a, b, _: int(a <= b),
    _C["INT_SLESS"]: lambda a, b, n: int(signed(a, n) < signed(b, n)),
    _C["INT_SLESSEQUAL"]: lambda a, b, n: int(signed(a, n) <= signed(b, n)),
    _C["INT_CARRY"]: lambda a, b, n: int(a + b >> 8 * n != 0),
    _C["INT_SCARRY"]: lambda a, b, n: int(signed(a, n) + signed(b, n) != signed(a + b, n)),
    _C["INT_SBORROW"]: lambda a, b, n: int(signed(a, n) - signed(b, n) != signed(a - b, n)),
    _C["INT_DIV"]: lambda a, b, _: a // b if b else 0,
    _C["INT_REM"]: lambda a, b, _: a % b if b else 0,
    _C["INT_SDIV"]: lambda a, b, n: _quotient(signed(a, n), signed(b, n)) if b else 0,
    _C["INT_SREM"]: lambda a, b, n: signed(a, n) - _quotient(signed(a, n), signed(b, n)) * signed(b, n) if b else 0,
    _C["BOOL_AND"]: lambda a, b, _: a & b & 1,
    _C["BOOL_OR"]: lambda a, b, _: (a | b) & 1,
    _C["BOOL_XOR"]: lambda a, b, _: (a ^ b) & 1,
}
ONE: dict[int, Callable[[int, int], int]] = {
    **UNARY,
    _C["COPY"]: lambda a, _: a,
    _C["INT_ZEXT"]: lambda a, _: a,
    _C["BOOL_NEGATE"]: lambda a, _: int(not a),
    _C["POPCOUNT"]: lambda a, _: a.bit_count(),
    _C["LZCOUNT"]: lambda a, n: 8 * n - a.bit_length(),
}
# Operations whose low bytes depend on the low bytes alone.
FROM_BELOW = frozenset(
    _C[name] for name in ("COPY", "INT_XOR", "INT_AND", "INT_OR", "INT_ADD", "INT_SUB", "INT_NEGATE", "INT_ZEXT")
)
PIECE, AND, XOR, SUB = (_C[name] for name in ("PIECE", "INT_AND", "INT_XOR", "INT_SUB"))

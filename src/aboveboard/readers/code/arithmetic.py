"""The operations of p-code on numbers (Ghidra, P-Code Reference Manual)."""

from __future__ import annotations

from collections.abc import Callable

from pypcode import OpCode


def _signed(value: int, size: int) -> int:
    return value - (1 << 8 * size) if value >> (8 * size - 1) & 1 else value


def _shift_left(a: int, b: int, size: int) -> int:
    return a << b if b < 8 * size else 0


def _shift_right(a: int, b: int, size: int) -> int:
    return a >> b if b < 8 * size else 0


def _shift_signed(a: int, b: int, size: int) -> int:
    return _signed(a, size) >> min(b, 8 * size)


# Two numbers and the size of the first in bytes -> a number, not yet cut to the size of the result.
BINARY: dict[int, Callable[[int, int, int], int]] = {
    OpCode.INT_ADD.value: lambda a, b, _: a + b,
    OpCode.INT_SUB.value: lambda a, b, _: a - b,
    OpCode.INT_AND.value: lambda a, b, _: a & b,
    OpCode.INT_OR.value: lambda a, b, _: a | b,
    OpCode.INT_XOR.value: lambda a, b, _: a ^ b,
    OpCode.INT_MULT.value: lambda a, b, _: a * b,
    OpCode.INT_LEFT.value: _shift_left,
    OpCode.INT_RIGHT.value: _shift_right,
    OpCode.INT_SRIGHT.value: _shift_signed,
    OpCode.SUBPIECE.value: lambda a, b, _: a >> 8 * min(b, 64),
}

UNARY: dict[int, Callable[[int, int], int]] = {
    OpCode.INT_SEXT.value: _signed,
    OpCode.INT_NEGATE.value: lambda a, _: ~a,
    OpCode.INT_2COMP.value: lambda a, _: -a,
}

COPIES = frozenset({OpCode.COPY.value, OpCode.INT_ZEXT.value})
EQUAL = OpCode.INT_EQUAL.value
DIFFERENT = OpCode.INT_NOTEQUAL.value
PIECE = OpCode.PIECE.value
SUBPIECE = OpCode.SUBPIECE.value
SEXT = OpCode.INT_SEXT.value
ADD = OpCode.INT_ADD.value
XOR = OpCode.INT_XOR.value
SUB = OpCode.INT_SUB.value
OR = OpCode.INT_OR.value
AND = OpCode.INT_AND.value

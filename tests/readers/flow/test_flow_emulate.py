"""Compiled functions, run on numbers, give what Python computes for the same input."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from pathlib import Path

import pytest
from tests.evidence.triggers.building import built

from aboveboard.readers import elf
from aboveboard.readers.flow import program as programs
from aboveboard.readers.flow.emulate import HEAP, Emulator, StoppedError
from aboveboard.readers.flow.program import Program

SOURCE = Path(__file__).parent / "programs" / "numbers.c"
PLACES = [
    ("mips", "-O2"),
    ("mips", "-O0"),
    ("mipsel", "-Os"),
    ("armel", "-O2"),
    ("thumb", "-Os"),
    ("aarch64", "-O2"),
    ("x86", "-O2"),
    ("x86", "-O0"),
    ("x86-64", "-O2"),
]
_IN, _OUT = HEAP + 0x100000, HEAP + 0x110000
where = pytest.mark.parametrize(("machine", "level"), PLACES)


@cache
def loaded(machine: str, level: str) -> Program:
    return programs.load(elf.read(built(SOURCE, machine, level, "-shared", "-fPIC")))


def run(machine: str, level: str, name: str, *arguments: int | bytes) -> tuple[int, Emulator]:
    """Call a function; texts are put into memory, and their addresses given. Returns the result as it is, and the run."""
    program = loaded(machine, level)
    code = program.function(program.elf.exports[name])
    assert code is not None, name
    emulator = Emulator(program.elf, program.function, program.imported)
    given = []
    for number, one in enumerate(arguments):
        if isinstance(one, bytes):
            emulator.put(_IN + 0x1000 * number, one + b"\0")
        given.append(_IN + 0x1000 * number if isinstance(one, bytes) else one)
    result = emulator.call(code, given)
    assert result is not None, name
    return result & 0xFFFFFFFF, emulator


def signed(value: int) -> int:
    return (value ^ 0x80000000) - 0x80000000


@where
def test_a_comparison_of_texts(machine: str, level: str) -> None:
    for one, other in ((b"abc", b"abc"), (b"abc", b"abd"), (b"ab\xff", b"abc"), (b"", b"x"), (b"long text", b"long")):
        result, _ = run(machine, level, "order", one, other)
        assert (signed(result) > 0) - (signed(result) < 0) == (one > other) - (one < other)


@where
def test_hashes(machine: str, level: str) -> None:
    for text in (b"", b"a", b"open sesame"):
        wanted = 2166136261
        for byte in text:
            wanted = (wanted ^ byte) * 16777619 & 0xFFFFFFFF
        assert run(machine, level, "hash", text)[0] == wanted
    assert run(machine, level, "crc", b"123456789", 9)[0] == zlib.crc32(b"123456789")


@where
def test_what_is_decoded(machine: str, level: str) -> None:
    result, emulator = run(machine, level, "unmask", _OUT)
    assert (result, emulator.text(_OUT)) == (6, b"+pkwQ6")
    plain = b"open-sesame!"
    result, emulator = run(machine, level, "unbase64", base64.b64encode(plain), _OUT)
    assert (result, emulator.text(_OUT)) == (len(plain), plain)


@where
def test_what_is_printed_and_joined(machine: str, level: str) -> None:
    result, emulator = run(machine, level, "printed", _OUT, -41 & 0xFFFFFFFF, 0x2F9)
    assert emulator.text(_OUT) == b"id--41:02f9z"
    assert result == len(b"id--41:02f9z")
    result, emulator = run(machine, level, "joined", _OUT, b"word")
    assert (result, emulator.text(_OUT)) == (6, b"a/word")


@where
def test_arithmetic(machine: str, level: str) -> None:
    assert run(machine, level, "weighed", 1, 2, 3, 4, 5, 6)[0] == 1 + 4 + 9 + 20 + 35 + 66
    for amount in (0, 1, 13, 31):
        wanted = (0x80C01234 << amount | 0x80C01234 >> (-amount & 31)) & 0xFFFFFFFF
        assert run(machine, level, "turned", 0x80C01234, amount)[0] == wanted
    assert signed(run(machine, level, "swapped", b"\xfe\x0c")[0]) == -500


@pytest.mark.parametrize(("machine", "level"), [place for place in PLACES if place[0] not in ("armel", "thumb")])
def test_division(machine: str, level: str) -> None:
    for a, b in ((17, 5), (5, 17)):
        assert run(machine, level, "rest", a, b)[0] == a // b * 1000 + a % b


def test_the_work_is_bounded() -> None:
    program = loaded("mips", "-O2")
    code = program.function(program.elf.exports["hash"])
    assert code is not None
    emulator = Emulator(program.elf, program.function, program.imported, operations=500)
    emulator.put(_IN, b"x" * 400 + b"\0")
    with pytest.raises(StoppedError, match="too many operations"):
        emulator.call(code, [_IN])


def test_what_is_not_known_stays_unknown() -> None:
    program = loaded("aarch64", "-O2")
    code = program.function(program.elf.exports["hash"])
    assert code is not None
    with pytest.raises(StoppedError, match="unknown"):
        Emulator(program.elf, program.function, program.imported).call(code, [_IN])

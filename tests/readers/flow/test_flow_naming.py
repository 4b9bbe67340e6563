"""Functions without a name are known by what they do: comparisons of the program's own, and a static C library."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.evidence.triggers.building import built

from aboveboard.evidence.tiny_triggers import tiny_trigger
from aboveboard.evidence.triggers.comparers import name_comparers
from aboveboard.readers import elf
from aboveboard.readers.code.machines import machine
from aboveboard.readers.code.starts import frames
from aboveboard.readers.flow import program as programs
from aboveboard.readers.flow import systemcalls
from aboveboard.readers.flow.behaviour import Behaviour
from aboveboard.readers.flow.naming import name_functions
from aboveboard.readers.flow.program import Program, find_table
from aboveboard.readers.flow.values import Value

SOURCES = Path(__file__).parent / "programs"
PLACES = [
    ("mips", "-O2"),
    ("mipsel", "-O0"),
    ("armel", "-Os"),
    ("thumb", "-O2"),
    ("aarch64", "-O0"),
    ("x86", "-Os"),
    ("x86-64", "-O2"),
]
STATIC = ["mips", "x86-64"]


def exported(program: Program, name: str) -> int:
    return program.elf.exports[name] & (~1 if program.elf.machine in ("mips", "arm") else ~0)


@pytest.mark.parametrize(("machine", "level"), PLACES)
def test_own_comparisons_are_known_by_what_they_do(machine: str, level: str) -> None:
    program = programs.load(elf.read(built(SOURCES / "own.c", machine, level, "-rdynamic")))
    behaviour = Behaviour(program)
    found = {name: behaviour.name(exported(program, name)) for name in ("mycmp", "mycase", "myn")}
    assert found == {"mycmp": "strcmp", "mycase": "strcasecmp", "myn": "strncmp"}
    assert behaviour.name(exported(program, "main")) == ""
    name_comparers(program)
    named = {site.name for trace in program.traces.values() for site in trace.sites}
    assert named >= {"strcmp", "strcasecmp", "strncmp", "system"}


@cache
def static(name: str) -> elf.Elf:
    return elf.read(built(SOURCES / "static.c", name, "-O2", "-static"))


@pytest.mark.parametrize("name", STATIC)
def test_a_static_program(name: str) -> None:
    data = built(SOURCES / "static.c", name, "-O2", "-static")
    program = programs.load(elf.read(data))
    name_functions(program)
    name_comparers(program)
    assert program.own is not None
    assert program.main in program.own
    assert 0 < len(program.own) < len(program.traces) / 4
    called = {site.name for site in program.traces[program.main].sites}
    assert called >= {"socket", "system"}
    if name != "mips":  # there recv() passes its number to the kernel through another function
        assert called & {"recv", "recvfrom"}


def test_the_table_of_a_static_mips_program() -> None:
    read = static("mips")
    before = read.gp
    read.gp = 0
    find_table(read)
    assert read.gp
    assert before in (0, read.gp)
    first = read.integer(read.gp - 0x7FF0, 4)
    assert first is not None
    assert read.offset_of(read.gp - 0x7FF0) is not None
    assert read.is_constant(read.gp - 0x7FF0, 4)


def test_no_table_is_found_where_there_is_none() -> None:
    read = elf.read(tiny_trigger("mips"))
    read.gp = 0
    find_table(read)
    assert read.gp == 0


@pytest.mark.parametrize("name", ["x86-64", "x86", "aarch64"])
def test_frames_without_their_table(name: str) -> None:
    whole = elf.read(built(SOURCES / "own.c", name, "-O2"))
    bare = elf.read(built(SOURCES / "own.c", name, "-O2", "-Wl,--no-eh-frame-hdr"))
    assert whole.frames != (0, 0) == bare.frames
    with_table = sorted(end - start for start, end in frames(whole))
    without = sorted(end - start for start, end in frames(bare))
    assert len(without) >= 5
    assert without == with_table


NUMBERS = [
    ("x86-64", b"\x0f\x05", "RAX", 59, ("RDI", "RSI")),
    ("x86", b"\xcd\x80", "EAX", 11, ("EBX", "ECX")),
    ("mips", b"\0\0\0\x0c", "v0", 4011, ("a0", "a1")),
    ("mipsel", b"\x0c\0\0\0", "v0", 4011, ("a0", "a1")),
    ("arm", b"\0\0\0\xef", "r7", 11, ("r0", "r1")),
    ("aarch64", b"\x01\0\0\xd4", "x8", 221, ("x0", "x1")),
]


@pytest.mark.parametrize(("name", "raw", "number", "execve", "arguments"), NUMBERS)
def test_calls_of_the_kernel(name: str, raw: bytes, number: str, execve: int, arguments: tuple[str, str]) -> None:
    read = elf.read(tiny_trigger(name))
    which = machine(name.removesuffix("el"), big=read.endian == "big")
    places = which.registers
    registers: dict[int, Value] = {places[number]: execve, places[arguments[0]]: ("p", 0), places[arguments[1]]: 77}
    found = systemcalls.at(raw, read, which, registers)
    assert found is not None
    assert found[0] == "execve"
    assert found[1][:2] == (("p", 0), 77)
    assert systemcalls.at(b"\x90" * len(raw), read, which, registers) is None
    assert systemcalls.at(raw, read, which, {places[number]: 999_999}) is None
    assert systemcalls.at(raw, read, which, {places[number]: ("p", 1)}) is None


def test_socketcall_of_i386() -> None:
    read, which = elf.read(tiny_trigger("x86")), machine("x86", big=False)
    registers: dict[int, Value] = {which.registers["EAX"]: 102, which.registers["EBX"]: 4}
    found = systemcalls.at(b"\xcd\x80", read, which, registers)
    assert found is not None
    assert found[0] == "listen"

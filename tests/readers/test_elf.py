"""Headers that lie cost no time, no memory and no crash; they are told as gaps."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aboveboard.evidence.collector import FileSubject, Needs
from aboveboard.evidence.collectors import programs
from aboveboard.evidence.tiny_programs import tiny_program
from aboveboard.model.facts import Fact, Gap
from aboveboard.readers import elf

KINDS = ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")


def collect(data: bytes) -> list[Fact | Gap]:
    return list(programs.collect(FileSubject(data), Needs()))


def patched(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new) :]


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF" + bytes(60), b"MZ" + bytes(100), b"\x7fELF\3\1" + bytes(60)])
def test_what_is_no_elf_file_is_an_error(data: bytes) -> None:
    with pytest.raises(elf.ElfError):
        elf.read(data)


def test_what_the_headers_say() -> None:
    program = elf.read(tiny_program("aarch64"))
    assert (program.machine, program.bits, program.endian, program.kind) == ("aarch64", 64, "little", "program")
    assert program.linking == "dynamic"
    assert program.interpreter == "/lib/ld"
    assert program.imports == ["socket", "bind", "system"]
    assert sorted(program.slots.values()) == ["bind", "socket", "system"]
    assert not program.faults
    assert program.read(0x10000, 4) == b"\x7fELF"
    assert program.read(0x5, 4) == b""
    assert program.integer(0x10000, 4) == 0x464C457F


def test_segments_outside_the_file() -> None:
    data = tiny_program("mips")
    for number in range(4):
        at = 52 + 32 * number
        for field in (4, 16):
            program = elf.read(patched(data, at + field, b"\xff\xff\xff\xf0"))
            assert all(part.offset + part.end - part.start <= len(data) for part in program.segments)
    assert elf.read(patched(data, 52 + 32 + 16, b"\x7f\xff\xff\xff")).faults


def test_overlapping_segments_are_not_taken_twice() -> None:
    data = tiny_program("mips")
    first = data[52 + 32 : 52 + 64]
    program = elf.read(patched(data, 52 + 64, first))
    assert "segments overlap" in program.faults
    assert len(program.segments) == 1


@pytest.mark.parametrize(
    ("tag", "value"), [(0x70000011, 0xFFFFFFFF), (0x7000000A, 0xFFFFFFFF), (0x70000013, 0), (10, 0xFFFFFFFF)]
)
def test_huge_counts_cost_nothing(tag: int, value: int) -> None:
    data = tiny_program("mips")
    at = data.index(struct.pack(">I", tag), 0x320)
    begun = time.process_time()
    collect(patched(data, at + 4, struct.pack(">I", value)))
    assert time.process_time() - begun < 2


def test_a_dynamic_section_that_points_to_itself() -> None:
    data = tiny_program("x86-64")
    for tag in (5, 6, 7, 3):
        at = data.index(struct.pack("<Q", tag), 0x320)
        assert collect(patched(data, at + 8, struct.pack("<Q", 0x10320)))


def test_a_loop_in_the_code_ends() -> None:
    data = tiny_program("mips")
    loop = struct.pack(">II", 0x1000FFFF, 0) * 8  # b to itself
    assert collect(patched(data, 0x400, loop))


def test_code_that_jumps_into_itself_everywhere() -> None:
    data = bytearray(tiny_program("x86-64"))
    data[0x440:0x600] = bytes(0xEB if number % 2 == 0 else (number * 7) % 256 for number in range(0x1C0))
    assert collect(bytes(data))


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_gives_an_answer(kind: str) -> None:
    data = tiny_program(kind)
    for size in range(0, len(data), 37):
        assert collect(data[:size])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.integers(0, 0x103F), st.binary(min_size=1, max_size=8)), max_size=12),
)
def test_no_change_makes_it_crash(kind: str, changes: list[tuple[int, bytes]]) -> None:
    data = tiny_program(kind)
    for offset, new in changes:
        data = patched(data, offset, new)[:0x1040]
    begun = time.process_time()
    assert collect(data)
    assert time.process_time() - begun < 5


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(KINDS), code=st.binary(min_size=64, max_size=512))
def test_any_code_is_survived(kind: str, code: bytes) -> None:
    """Random code behind the true one, reached through it."""
    data = tiny_program(kind)
    assert collect(patched(data, 0x440, code[:0x1C0]))


@pytest.mark.parametrize("words", [[0xEC900A15], [0xEC900B28], [0xEC900A00], [0xACB54A95], [0xAC9D5A7D]])
def test_register_lists_that_kill_the_translator(words: list[int]) -> None:
    data = tiny_program("arm")
    found = collect(patched(data, 0x424 + 4, struct.pack("<I", words[0])))  # behind the entry
    assert any(isinstance(item, Fact) and item.kind == "runs" for item in found)


def test_a_delay_slot_that_kills_the_translator() -> None:
    found = collect(patched(tiny_program("mips"), 0x400 + 4 * 18, struct.pack(">I", 0x46DD98AD)))  # behind `jr ra`
    assert any(isinstance(item, Fact) and item.kind == "runs" for item in found)


def test_code_that_is_all_calls_costs_a_bound() -> None:
    data = tiny_program("x86-64")
    calls = b"\xe8\x00\x00\x00\x00" * 700_000
    header = struct.pack("<IIQQQQQQ", 1, 5, len(data), 0x400000, 0x400000, len(calls), len(calls), 4)
    data = patched(patched(data, 56, b"\5\0"), 64 + 4 * 56, header)  # a fifth segment, behind the file
    begun = time.process_time()
    found = collect(data + calls)
    assert time.process_time() - begun < 20
    assert any(isinstance(item, Gap) and "direct calls" in item.detail for item in found)

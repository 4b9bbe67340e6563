"""What a function hands on is followed back to where it came from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.evidence.triggers.building import built

from aboveboard.readers import elf
from aboveboard.readers.flow import program as programs
from aboveboard.readers.flow.origins import Origins

SOURCE = Path(__file__).parent / "programs" / "brought.c"
PLACES = [("mips", "-O2"), ("armel", "-O2"), ("aarch64", "-O2"), ("x86", "-O0"), ("x86-64", "-O2")]
FUNCTIONS = {
    "from_network": "network",
    "from_stdin": "stdin",
    "from_descriptor_0": "stdin",
    "from_accepted": "network",
    "from_settings": "settings",
    "from_command": "command",
    "from_cgi": "cgi",
    "from_header": "cgi",
    "from_environment": "environment",
    "from_local": "local",
    "through_copies": "network",
    "through_a_function": "network",
    "through_a_result": "network",
    "from_file": "file",
    "main": "argument",
}


@cache
def origins(machine: str, level: str) -> Origins:
    return Origins(programs.load(elf.read(built(SOURCE, machine, level, "-rdynamic", "-fno-inline"))))


# An exported `main` of ARM is named in a relocation alone, so it is not known there: programs do not export it.
ALL = [(*place, name) for place in PLACES for name in FUNCTIONS if (place[0], name) != ("armel", "main")]


@pytest.mark.parametrize(("machine", "level", "name"), ALL)
def test_what_is_put_out_is_followed_back(machine: str, level: str, name: str) -> None:
    found = origins(machine, level)
    mask = ~1 if found.program.elf.machine in ("mips", "arm") else ~0
    start = found.program.elf.exports[name] & mask
    (site,) = (site for site in found.program.traces[start].sites if site.name == "puts")
    assert found.of(start, site.arguments[0]) == {FUNCTIONS[name]}


def test_a_constant_comes_from_nowhere() -> None:
    found = origins("mips", "-O2")
    assert found.of(found.main, 7) == frozenset()
    assert found.of(found.main, None) == frozenset()

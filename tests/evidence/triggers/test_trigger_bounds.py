"""The search ends in bounded work, without an exception, and says the same each time."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tests.evidence.triggers.building import SOURCES, alerts, built, looked, program

from aboveboard.evidence.collector import FileSubject, Needs
from aboveboard.evidence.collectors import hidden_triggers
from aboveboard.evidence.tiny_triggers import tiny_trigger
from aboveboard.evidence.triggers.report import MAX_EFFECTS, MAX_SHOWN, analyse
from aboveboard.model.canonical import canonical
from aboveboard.model.facts import Fact
from aboveboard.readers import elf
from aboveboard.readers.code import lift
from aboveboard.readers.flow import program as programs

MACHINES = ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")
_CODE, _ROOM = 0x400, 0x200  # of the tiny programs
SOURCE = Path(hidden_triggers.__file__).parents[3]


def digest(data: bytes) -> str:
    found = analyse(data)
    return hashlib.sha256(canonical([dict(one) for one in found.ranking])).hexdigest()


@pytest.mark.parametrize(("name", "seed", "machine"), [("ftp", "B64", "mips"), ("udp", "MAGICOP", "x86-64")])
def test_the_same_program_gives_the_same_result(name: str, seed: str, machine: str, tmp_path: Path) -> None:
    data = program(name, seed, machine, "-O2" if machine == "mips" else "-Os")
    path = tmp_path / "program"
    path.write_bytes(data)
    command = (
        "import hashlib,sys,pathlib\n"
        "from aboveboard.evidence.triggers.report import analyse\n"
        "from aboveboard.model.canonical import canonical\n"
        "found = analyse(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(hashlib.sha256(canonical([dict(one) for one in found.ranking])).hexdigest())"
    )
    others = set()
    for seed_of_hashes in ("1", "4242"):
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": seed_of_hashes}
        done = subprocess.run(
            [sys.executable, "-c", command, path], env=environment, capture_output=True, text=True, check=True
        )
        others.add(done.stdout.strip())
    assert others == {digest(data)} == {digest(data)}


def test_every_fact_has_a_canonical_form() -> None:
    for machine in MACHINES:
        for found in hidden_triggers.collect(FileSubject(tiny_trigger(machine)), Needs()):
            assert isinstance(found, Fact)
            assert canonical(found.to_json())


def test_what_is_shown_is_bounded() -> None:
    for name, seed, machine, level in (("ftp", "SMILEY", "aarch64", "-O0"), ("http", "ROW", "mips", "-O2")):
        found = looked(name, seed, machine, level)
        assert len(found.ranking) <= MAX_SHOWN
        assert [one["rank"] for one in found.ranking] == list(range(1, len(found.ranking) + 1))
        scores = [int(str(one["score"])) for one in found.ranking]
        assert scores == sorted(scores, reverse=True)
        for one in found.ranking:
            effects = one["effects"]
            assert isinstance(effects, list)
            assert len(effects) <= MAX_EFFECTS


@pytest.mark.parametrize("machine", MACHINES)
def test_random_bytes_for_code(machine: str) -> None:
    whole = tiny_trigger(machine)
    rolls = random.Random(machine)
    for _ in range(3):
        analyse(whole[:_CODE] + rolls.randbytes(_ROOM) + whole[_CODE + _ROOM :])


@pytest.mark.parametrize("machine", ["mips", "x86-64", "arm"])
def test_any_bytes_changed(machine: str) -> None:
    whole = tiny_trigger(machine)
    rolls = random.Random(machine)
    for _ in range(25):
        changed = bytearray(whole)
        for _ in range(rolls.randint(1, 12)):
            changed[rolls.randrange(len(changed))] = rolls.randrange(256)
        try:
            analyse(bytes(changed))
        except elf.ElfError:
            continue


@pytest.mark.parametrize("machine", ["mips", "x86"])
def test_a_file_whose_every_word_is_a_pointer(machine: str) -> None:
    """Pointers into itself, in code and in data: no net of them is walked without end."""
    whole = bytearray(tiny_trigger(machine))
    order = ">" if machine == "mips" else "<"
    for at in range(_CODE, len(whole) - 3, 4):
        struct.pack_into(order + "I", whole, at, 0x10000 + at)
    found = analyse(bytes(whole))
    assert alerts(found) == []


def test_segments_that_overlap() -> None:
    whole = bytearray(tiny_trigger("mips"))
    first, second = 52 + 32, 52 + 64
    whole[second + 4 : second + 20] = whole[first + 4 : first + 20]
    analyse(bytes(whole))


def test_a_function_of_twenty_thousand_instructions(tmp_path: Path) -> None:
    lines = "\n".join(
        f"    if (a[{number % 97}] == {number % 251 + 1}) x += a[{number % 89}] * {number};" for number in range(2500)
    )
    source = tmp_path / "long.c"
    source.write_text(
        "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
        f"static int many(unsigned char *a) {{\n    volatile int x = 0;\n{lines}\n    return x;\n}}\n"
        "int main(void) {\n    unsigned char a[128];\n    read(0, a, sizeof a);\n"
        '    if (!strcmp((char *)a, "zq7-tw0k"))\n        system("/bin/id");\n    return many(a);\n}\n'
    )
    data = built(source, "mips", "-O0")
    loaded = programs.load(elf.read(data))
    longest = max(loaded.traces.values(), key=lambda trace: trace.instructions)
    assert longest.instructions <= lift.MAX_INSTRUCTIONS
    found = analyse(data)
    assert longest.instructions > 15_000 or longest.cut
    assert alerts(found) == ["zq7-tw0k"]  # elsewhere the search goes on
    if longest.cut:
        assert [gap for gap in found.gaps if "code not looked at" in gap.detail]


def test_functions_that_call_each_other_in_a_net(tmp_path: Path) -> None:
    """Each of 24 functions hands its parameter to eight of the others: the ways through them cannot be counted."""
    count, calls = 24, 8
    heads = "\n".join(f"void f{number}(char *p);" for number in range(count))
    bodies = "\n".join(
        f"__attribute__((noinline)) void f{number}(char *p) {{ "
        + " ".join(f"if (p[{number}] == {at}) f{(number * 5 + at * 3 + 1) % count}(p);" for at in range(calls))
        + " }"
        for number in range(count)
    )
    source = tmp_path / "net.c"
    source.write_text(
        f"#include <stdlib.h>\n#include <string.h>\n{heads}\n{bodies}\n"
        'int main(void) { char b[64], c[64]; f0(b); f1(c); if (!strcmp(b, c)) system("/bin/id"); return 0; }\n'
    )
    found = analyse(built(source, "mipsel", "-Os"))
    assert json.dumps([gap.detail for gap in found.gaps]) == "[]"


def test_the_sources_stand_in_the_tree() -> None:
    assert {path.stem for path in SOURCES.glob("*.c")} == {"http", "ftp", "udp", "cgi", "login", "parse", "early"}

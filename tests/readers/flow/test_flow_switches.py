"""Jumps through tables, as compilers make them: each case is a test of its number."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.evidence.triggers.building import compiler

from aboveboard.readers import elf
from aboveboard.readers.flow import program
from aboveboard.readers.flow.graph import Graph

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int n = getchar();
    switch (n) {
    case 40: return puts("a");
    case 41: return puts("bb");
    case 42: n = system("true"); puts("cccc"); return n;
    case 43: return puts("dddd");
    case 44: return puts("eeeee");
    case 45: return puts("ffffff") + argc;
    case 46: return puts("ggggggg") + 2 * argc;
    case 47: return printf("%s", argv[0]);
    }
    return 0;
}
"""


@pytest.mark.parametrize("machine", ["x86-64", "x86", "aarch64", "armel", "thumb", "mips", "mipsel"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_a_case_is_a_test_of_its_number(machine: str, level: str, tmp_path: Path) -> None:
    (tmp_path / "s.c").write_text(SOURCE)
    words = [*compiler(machine), level, "-s", "-w", "-o", str(tmp_path / "s"), str(tmp_path / "s.c")]
    subprocess.run(words, check=True)
    found = program.load(elf.read((tmp_path / "s").read_bytes()))
    runs = [(trace, site) for trace in found.traces.values() for site in trace.sites if site.name == "system"]
    trace, site = runs[0]
    guards = Graph(trace).guards(site.block)
    assert 42 in {edge.test[2] for edge in guards if type(edge.test) is tuple and edge.test[0] == "="}

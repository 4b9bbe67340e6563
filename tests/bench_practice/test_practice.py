"""Practice programs of each kind: the seed is an alert at its place, and the clean edition has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.practice.build import PROGRAMS, build, read
from bench.triggers.build import target_of
from bench.triggers.model import KINDS, SERVICES
from bench.triggers.score import right

from aboveboard.evidence.triggers.report import analyse

FOUND = [
    ("pingerudp", "mipsel", "-O0"),
    ("consoled", "x86-64", "-O0"),
    ("gatehttpd", "aarch64", "-O0"),
    ("zonecgi", "x86-64", "-O2"),
    ("nasftpb", "aarch64", "-O2"),
    ("snmplikeb", "x86-64", "-O2"),
    ("wancgib", "mips", "-O0"),
    ("aaadb", "arm", "-O2"),
    ("fwunroll", "mips", "-O0"),
    ("lenscapd", "aarch64", "-Os"),
    ("mirraftp", "aarch64", "-O0"),
    ("hallwayap", "aarch64", "-Os"),
    ("domecam", "x86-64", "-O2"),
    ("faillockb", "mipsel", "-O0"),
    ("orderctlb", "x86-64", "-O0"),
    ("agentcgib", "aarch64", "-O0"),
    ("tracehdrb", "mips", "-O0"),
    ("cpeftpb", "arm", "-O0"),
    ("syscgib", "mipsel", "-O2"),
    ("swclib", "aarch64", "-O0"),
    ("boothookb", "mips", "-Os"),
]


def built(folder: Path, name: str, machine: str, level: str, edition: str) -> tuple[dict[str, Any], bytes]:
    truth = build(folder, read(PROGRAMS / f"{name}.c"), machine, target_of(machine, 0), level, edition)
    return truth, (folder / truth["program"]).read_bytes()


@pytest.mark.parametrize(("name", "machine", "level"), FOUND)
def test_a_practice_seed_is_an_alert_at_its_place(name: str, machine: str, level: str, tmp_path: Path) -> None:
    truth, data = built(tmp_path, name, machine, level, "seeded")
    alerts = [one for one in analyse(data).ranking if one["alert"]]
    assert any(right(dict(one), truth) for one in alerts), [one["constant"] for one in alerts]
    _, clean = built(tmp_path, name, machine, level, "clean")
    assert [one["constant"] for one in analyse(clean).ranking if one["alert"]] == []


def test_every_practice_program_says_what_it_holds() -> None:
    names = [read(source) for source in sorted(PROGRAMS.glob("*.c"))]
    assert len(names) == 56
    assert {one.kind for one in names} == set(KINDS) - {"file-secret"}
    assert {one.service for one in names} <= set(SERVICES)
    assert all(one.constant != "" for one in names)

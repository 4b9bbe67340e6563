"""The rest of the bench of hidden triggers: its programs as data, marks, digest and runs of a command."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from bench.triggers import run
from bench.triggers.build import MACHINES, constants, plan
from bench.triggers.catalog import CASES
from bench.triggers.digest import HERE, digest, files
from bench.triggers.marks import instructions, joined, line_ranges, marked_lines, read
from bench.triggers.model import KINDS, SERVICES, Case
from bench.triggers.trees import NATIVE, compile_one

STUB = """
import json, sys, time
program = sys.argv[1]
if "slow" in program: time.sleep(60)
if "broken" in program: sys.exit("no such machine")
standing = "confirmed" if "--confirm" in sys.argv else ""
print(json.dumps([{"rank": 1, "alert": True, "address": "0x10", "standing": standing}]))
sys.exit(3)
"""


def test_every_kind_and_service_has_a_program() -> None:
    assert {case.kind for case in CASES} == set(KINDS)
    assert {case.service for case in CASES} == set(SERVICES)
    assert len(CASES) >= 42
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_program_has_source_root_and_a_near_miss(case: Case) -> None:
    text = case.source.read_text()
    assert (HERE / "roots" / case.name).is_dir()
    assert case.near
    if case.kind == "file-secret":
        assert (HERE / "roots" / f"{case.name}.seed").is_dir()
        return
    assert "#ifdef SEED" in text or "#if defined SEED" in text
    assert marked_lines(case.source)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_page_or_setting_of_a_clean_root_names_the_seed(case: Case) -> None:
    root = HERE / "roots" / case.name
    text = "\n".join(path.read_text() for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    for one in constants(case):
        if len(one) > 5 and not (case.kind == "file-secret" and one.startswith("/")):
            assert one not in text


def test_programs_without_a_link_at_boot_are_started_by_inittab() -> None:
    for case in CASES:
        root = HERE / "roots" / case.name
        links = list((root / "etc/rc.d").glob("S??*"))
        program = f"/usr/sbin/{case.server}" if case.server else case.path
        scripts = [path.read_text() for path in [*links, root / "etc/inittab"] if path.exists()]
        assert any(program in text for text in scripts), case.name


def test_the_plan_takes_every_machine_and_spreads_the_levels() -> None:
    builds = list(plan(False, []))
    assert len(builds) == len(CASES) * len(MACHINES) * 2
    levels = [level for _, _, _, level, _ in builds]
    assert {levels.count(one) for one in set(levels)} == {len(builds) // 3}
    assert {target.name for _, _, target, _, _ in builds} == {"x86-64", "aarch64", "armhf", "arm", "mips", "mipsel"}
    assert len(list(plan(True, []))) == len(builds) * 3


def test_rows_of_a_line_table_become_ranges() -> None:
    listing = """CU: ./programs/a.c:
File name    Line number    Starting address    View    Stmt
a.c                   10              0x1000               x
a.c                   11              0x1004               x
a.c                   11              0x1004       1       x
a.c                   12              0x1004       2       x
b.h                   11              0x100c               x
a.c                   11              0x1010               x
a.c                    -              0x1018
a.c                   11              0x2000               x
"""
    assert line_ranges(listing, "a.c", {11}) == [(0x1004, 0x100C), (0x1010, 0x1018)]
    assert joined([(4, 8), (8, 9), (1, 2), (3, 3)]) == [(1, 2), (4, 9)]


@pytest.mark.skipif(not shutil.which(NATIVE.tool("gcc")), reason="no compiler of that name")
def test_a_seed_is_found_again_in_what_was_compiled(tmp_path: Path) -> None:
    case = next(one for one in CASES if one.name == "gatehttpd")
    program = compile_one(case, NATIVE, "-O0", True, tmp_path / "program")
    where = read(case, NATIVE, program)
    assert where["functions"]
    assert where["comparison"]
    assert instructions(NATIVE, program) > 500


def test_the_digest_changes_with_content_name_and_mode(tmp_path: Path) -> None:
    one = tmp_path / "a.c"
    one.write_text("int x;")
    seen = {digest(tmp_path)}
    one.chmod(0o755)
    seen.add(digest(tmp_path))
    one.rename(tmp_path / "b.c")
    seen.add(digest(tmp_path))
    (tmp_path / "b.c").write_text("int y;")
    seen.add(digest(tmp_path))
    assert len(seen) == 4
    (tmp_path / "DIGEST").write_text("x")
    assert digest(tmp_path) in seen
    assert [path.name for path in files(tmp_path)] == ["b.c"]


def test_the_digest_in_the_tree_is_that_of_the_sources() -> None:
    assert (HERE / "DIGEST").read_text().strip() == digest()


def stub(folder: Path) -> list[str]:
    place = folder / "stub.py"
    place.write_text(STUB)
    return [sys.executable, str(place)]


def test_a_command_is_run_measured_and_ended_in_time(tmp_path: Path) -> None:
    wanted = [{"id": name, "program": name, "root": "."} for name in ("fine", "slow", "broken")]
    ran = run.run_all(stub(tmp_path), wanted, tmp_path, [], 2)
    assert ran["fine"].entries == [{"rank": 1, "alert": True, "address": "0x10", "standing": ""}]
    assert ran["fine"].cpu > 0
    assert ran["fine"].peak > 0
    assert (ran["slow"].entries, ran["slow"].fault) == (None, "over 2 s")
    assert ran["broken"].entries is None
    assert "no such machine" in ran["broken"].fault
    assert run.accusations(ran)["accused"] == ["fine"]


def test_a_confirmation_on_a_clean_program_is_wrong(tmp_path: Path) -> None:
    ran = run.run_all(stub(tmp_path), [{"id": "fine", "program": "fine", "root": "."}], tmp_path, ["--confirm"], 20)
    assert run.accusations(ran)["confirmations_wrong"] == 1


def test_the_first_run_of_the_same_sources_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "triggers.json"
    for number in (1, 2, 3):
        run.record({"reporting_part": "a", "run": number}, place)
    kept = json.loads(place.read_text())
    assert (kept["run"], kept["first"]["run"]) == (3, 1)
    run.record({"reporting_part": "b", "run": 4}, place)
    assert "first" not in json.loads(place.read_text())

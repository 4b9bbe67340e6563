"""`aboveboard triggers PROGRAM`: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.triggers.building import program

from aboveboard.evidence.tiny_triggers import CONSTANT, tiny_trigger

FIELDS = {"rank", "score", "alert", "constant", "kind", "function", "address", "effects", "standing"}


def triggers(*words: str | Path, code: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aboveboard.cli.main", "triggers", *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def ranking(*words: str | Path, code: int) -> list[dict[str, Any]]:
    found = json.loads(triggers(*words, "--json", code=code).stdout)
    assert isinstance(found, list)
    return found


@pytest.fixture
def seeded(tmp_path: Path) -> Path:
    path = tmp_path / "httpd"
    path.write_bytes(program("http", "ROW", "mips", "-O2"))
    return path


def test_an_alert_ends_with_4_and_is_first_of_the_list(seeded: Path) -> None:
    found = ranking(seeded, code=4)
    assert [one["rank"] for one in found] == list(range(1, len(found) + 1))
    assert all(set(one) >= FIELDS for one in found)
    first = found[0]
    assert (first["constant"], first["kind"], first["alert"], first["standing"]) == (
        "/x7wz_io",
        "table-row",
        True,
        "candidate",
    )
    assert first["address"].startswith("0x")
    assert first["function"]
    assert first["score"] == sum(first["parts"].values()) > 6
    assert [effect for effect in first["effects"] if effect["kind"] == "run"]
    assert not any(one["alert"] for one in found[1:])


def test_people_see_the_constant_the_parts_and_what_it_means(tmp_path: Path) -> None:
    path = tmp_path / "planted"
    path.write_bytes(tiny_trigger("arm"))
    said = triggers(path, code=4).stdout
    assert f"CANDIDATE   8.0  '{CONSTANT}'  string, command" in said
    assert "effect +3.0, constant +1.5, origin +2.0, alone +1.5" in said
    assert "a candidate accuses nobody" in said
    assert "<--" in said


def test_a_program_without_a_candidate_ends_with_0(tmp_path: Path) -> None:
    path = tmp_path / "httpd"
    path.write_bytes(program("http", "", "mips", "-O2"))
    assert not any(one["alert"] for one in ranking(path, code=0))
    said = triggers(path, code=0).stdout
    assert "0 candidates for a hidden trigger" in said


def test_what_a_page_of_the_tree_names_is_no_alert(tmp_path: Path) -> None:
    seeded, root = tmp_path / "ftpd", tmp_path / "root"
    seeded.write_bytes(program("ftp", "BYPASS", "x86-64", "-O2"))
    (root / "www").mkdir(parents=True)
    (root / "www" / "index.html").write_text("<p>nothing of the kind</p>")
    (root / "www" / "picture.png").write_bytes(
        b"\x89PNG\r\n\x1a\n log in with hq7-maint-00"
    )  # nobody reads a picture as text
    (root / "www" / "away.html").symlink_to("/etc/hostname")
    ranking(seeded, "--root", root, code=4)
    (root / "www" / "support.html").write_text("<p>For maintenance: hq7-maint-00</p>")
    found = ranking(seeded, "--root", root, code=0)
    (one,) = (one for one in found if one["constant"] == "hq7-maint-00")
    assert one["parts"]["named elsewhere"] == -3.0


def test_what_is_no_program_is_said_clearly(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>no program</p>" * 20)
    done = triggers(page, code=2)
    assert "is no ELF program" in done.stderr
    assert "give a program or library" in done.stderr
    assert done.stdout == ""
    assert "there is no program" in triggers(tmp_path / "away", code=2).stderr
    assert "there is no folder" in triggers(page, "--root", tmp_path / "away", code=2).stderr


def test_what_a_file_says_is_no_control_sequence(tmp_path: Path) -> None:
    path = tmp_path / "planted"
    path.write_bytes(tiny_trigger("mips").replace(CONSTANT.encode(), b"\x1b[2Jted-Q7"))
    for words in ((), ("--json",)):
        done = subprocess.run(
            [sys.executable, "-m", "aboveboard.cli.main", "triggers", str(path), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 4)
        assert "\x1b" not in done.stdout


def test_code_that_is_not_followed_is_said(tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    whole = tiny_trigger("mips")
    path.write_bytes(whole[:18] + b"\0\2" + whole[20:])
    done = triggers(path, code=4)  # nothing was seen: that is no good news
    assert "not seen: code for" in done.stderr
    assert "0 % of the code was followed" in done.stdout

"""Keys, the log and records through the real command line: exit codes, stable reason codes, no traceback."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.attacks.test_agreements import amendment, document, sealed

from aboveboard.model.canonical import digest_of

SOURCE = Path(__file__).parents[2] / "src"
ORIGIN = "log.example/test"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "ABOVEBOARD_PASSPHRASE": "for a test"}
    command = [sys.executable, "-m", "aboveboard.cli.main", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


def good(folder: Path, *words: str) -> str:
    done = run(folder, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("root", "log", "lab", "witness"):
        good(tmp_path, "keys", "new", name, "--out", f"{name}.pem")
    return tmp_path


def test_a_ring_is_made_shown_and_revoked(folder: Path) -> None:
    added = ("--add", "root:root:root.pem.pub", "--add", "laboratory:lab:lab.pem.pub")
    good(folder, "keys", "init", "--key", "root.pem", *added, "--until", "2028-01-01T00:00:00Z", "--out", "KEYS")
    shown = json.loads(good(folder, "keys", "show", "KEYS", "--json"))
    assert "lab" in json.dumps(shown)
    assert (folder / "lab.pem").stat().st_mode & 0o077 == 0
    first = (folder / "KEYS").read_bytes()
    good(folder, "keys", "revoke", "KEYS", "lab", "--key", "root.pem")
    assert (folder / "KEYS").read_bytes().startswith(first)  # what was signed stays as it was
    assert run(folder, "keys", "revoke", "KEYS", "lab", "--key", "root.pem").returncode == 2  # a revocation is not moved
    foreign = run(folder, "keys", "revoke", "KEYS", "root", "--key", "log.pem")
    assert foreign.returncode == 3
    assert (folder / "KEYS").read_bytes().count(b"\n") == 2
    mistyped = ("keys", "add", "KEY", *added[2:], "--key", "root.pem", "--until", "2028-01-01T00:00:00Z")
    assert run(folder, *mistyped).returncode == 2  # no second anchor is made by a slip of the pen
    assert not (folder / "KEY").exists()


def test_an_entry_is_proven_offline_and_another_file_is_refused(folder: Path) -> None:
    (folder / "thing").write_text("one")
    (folder / "other").write_text("two")
    good(folder, "log", "init", "L", "--origin", ORIGIN, "--key", "log.pem")
    added = ("log", "add", "L", "thing", "--kind", "other", "--key", "log.pem", "--proof", "thing.tlog-proof")
    good(folder, *added)
    verifier = good(folder, "log", "key", "--key", "log.pem", "--origin", ORIGIN).strip()
    (folder / "policy").write_text(good(folder, "log", "policy", "--log", verifier))
    good(folder, "log", "verify", "thing", "thing.tlog-proof", "--policy", "policy")
    good(folder, "log", "audit", "L", "--policy", "policy")
    refused = run(folder, "log", "verify", "other", "thing.tlog-proof", "--policy", "policy")
    assert refused.returncode == 3
    assert "other-entry" in refused.stderr
    bundle = next((folder / "L" / "tile" / "entries").rglob("1"))
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"!")
    assert run(folder, "log", "audit", "L", "--policy", "policy").returncode == 3


def test_a_record_is_signed_and_one_to_be_completed_is_not(folder: Path) -> None:
    template = good(folder, "attest", "GV-03", "--template")
    (folder / "record.yaml").write_text(template)
    assert run(folder, "attest", "GV-03", "--record", "record.yaml", "--by", "lab.pem").returncode == 2
    (folder / "record.yaml").write_text(filled(template))
    words = ("attest", "GV-03", "--record", "record.yaml", "--by", "lab.pem", "--at", "2026-12-01T00:00:00Z")
    said = json.loads(good(folder, *words, "--json"))
    assert (said["record"]["clause"], said["outcome"]) == ("GV-03", "supports")
    signed = (folder / "record.yaml.dsse").read_bytes()
    envelope = json.loads(signed)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert said["sha256"] == hashlib.sha256(signed).hexdigest()
    assert said["cited_as"] == "sha256:" + hashlib.sha256(base64.b64decode(envelope["payload"])).hexdigest()
    printed = good(folder, *words, "--out", "again.dsse")
    assert f"cited as {said['cited_as']}" in printed
    assert f"file     sha256:{said['sha256']}" in printed


def filled(template: str, found: str = "2026-12-01") -> str:
    text = template.replace("to be completed: a day, as 2026-12-01", found).replace("to be completed", "done")
    return text.replace("sha256:" + "0" * 64, "sha256:" + "1" * 64)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("done: how, and with what", "read it; To be  Completed", "still to be completed: method"),
        ("2026-12-01", "2026-12-03", "has not come yet"),
        ("2026-12-01", "2206-12-01", "has not come yet"),
        ("2026-12-01", "1926-12-01", "more than 20 years before"),
        ("2026-12-01", "2006-11-30", "more than 20 years before"),
        ("2026-12-01", "to be completed: a day, as 2026-12-01", "still to be completed: found"),
        ("2026-12-01", "2026-02-30", "no day of the calendar"),
    ],
)
def test_a_record_that_is_not_finished_or_bears_an_absurd_date_is_not_signed(
    folder: Path, old: str, new: str, said: str
) -> None:
    text = filled(good(folder, "attest", "GV-03", "--template"))
    head, found, rest = text.partition("method:") if old.startswith("done") else text.partition("found:")
    (folder / "record.yaml").write_text(head + found + rest.replace(old, new, 1))
    words = ("attest", "GV-03", "--record", "record.yaml", "--by", "lab.pem", "--at", "2026-12-01T00:00:00Z")
    done = run(folder, *words)
    assert (done.returncode, said in done.stderr, "what to do" in done.stderr) == (2, True, True), done.stderr
    assert not (folder / "record.yaml.dsse").exists()


@pytest.mark.parametrize("found", ["2026-12-02", "2026-12-01", "2006-12-01"])
def test_a_day_that_has_come_somewhere_and_one_long_ago_are_signed(folder: Path, found: str) -> None:
    (folder / "record.yaml").write_text(filled(good(folder, "attest", "GV-03", "--template"), found))
    words = ("attest", "GV-03", "--record", "record.yaml", "--by", "lab.pem", "--at", "2026-12-01T00:00:00Z")
    done = run(folder, *words)
    assert (done.returncode, "it ended on 2007-12-01" in done.stderr) == (0, found.startswith("2006")), done.stderr


def test_an_agreement_stands_in_the_log_line_by_line(folder: Path) -> None:
    lines = [sealed(document()), sealed(amendment())]
    (folder / "A.dsse").write_bytes(lines[0] + b"\n")
    good(folder, "log", "init", "L", "--origin", ORIGIN, "--key", "log.pem")
    placed = json.loads(good(folder, "log", "add", "L", "A.dsse", "--kind", "agreement", "--key", "log.pem", "--json"))
    assert [one["about"]["sequence"] for one in placed["added"]] == [1]
    (folder / "A.dsse").write_bytes(b"\n".join(lines) + b"\n")
    placed = json.loads(good(folder, "log", "add", "L", "A.dsse", "--kind", "agreement", "--key", "log.pem", "--json"))
    assert [one["about"]["sequence"] for one in placed["added"]] == [2]
    assert placed["added"][0]["about"]["amends"] == digest_of(document())

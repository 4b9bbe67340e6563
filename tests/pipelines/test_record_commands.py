"""Records through the real command line: set aside by name, and counted when a log shows that they were there in time."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.agreement.test_records import body, trial
from tests.attacks.keys import LOG, NOW, OTHER, SECOND, WITNESS, key
from tests.attacks.test_records import CLAUSES, sealed
from tests.pipelines.signing import AT, ONE, PASSPHRASE
from tests.pipelines.test_derived_records import DAY
from tests.pipelines.test_trust_commands import good, run

from aboveboard.agreement import record as reading
from aboveboard.trust import keyring
from aboveboard.trust.keyring import Key, Role

AUDITOR = key("auditor")
NAMES = ("--name", "w.example/1", "--key", "witness.pem", "--state", "W")
ENDED = replace(
    ONE,
    keys={
        **ONE.keys,
        "lab": replace(ONE.keys["lab"], until=NOW - 5 * DAY),
        "audit": Key(AUDITOR.public, NOW - 365 * DAY, NOW + 365 * DAY),
    },
    roles={**ONE.roles, "auditor": Role(1, ("audit",))},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a ring in which the laboratory's key has ended, an image, and records on it."""
    (tmp_path / "KEYS").write_bytes(keyring.make(ENDED, [SECOND]) + b"\n")
    (tmp_path / "image.bin").write_bytes(b"an image")
    for name, one in {"log": LOG, "witness": WITNESS, "audit": AUDITOR}.items():
        (tmp_path / f"{name}.pem").write_bytes(one.to_pem(PASSPHRASE))
    form = body("EV-05", "update-refusal", trials=[trial("altered", good=False)])
    form["images"] = ["sha256:" + hashlib.sha256(b"an image").hexdigest()]
    value = reading.document(form, CLAUSES)
    (tmp_path / "bad.dsse").write_bytes(sealed(value, OTHER))
    (tmp_path / "stranger.dsse").write_bytes(sealed(value, key("stranger")))
    return tmp_path


def logged(folder: Path) -> tuple[str, ...]:
    """Put the record into a log that a witness saw while the key was good, and return what `inspect` is given for that."""
    log_key = good(folder, "log", "init", "L", "--origin", "log.example", "--key", "log.pem").split()[-1]
    witness_key = good(folder, "log", "key", "--key", "witness.pem", "--origin", "w.example/1", "--witness").strip()
    good(folder, "log", "add", "L", "bad.dsse", "--kind", "record", "--key", "log.pem")
    good(folder, "log", "witness", "L", *NAMES, "--log-key", log_key, "--at", "2026-11-22T00:00:00Z")
    asked = good(folder, "log", "policy", "--log", log_key, "--witness", witness_key, "--quorum", "1")
    (folder / "policy").write_text(asked)
    return ("--log", "L", "--policy", "policy")


def inspected(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "inspect", "image.bin", "--keys", "KEYS", *AT, "--no-cache", *words)


def ruling(done: subprocess.CompletedProcess[str], clause: str = "EV-05") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in json.loads(done.stdout)["rulings"] if one["clause"] == clause)
    return found


def test_a_record_whose_key_has_expired_counts_where_a_log_shows_it(folder: Path) -> None:
    without = inspected(folder, "--record", "bad.dsse", "--json")
    assert ruling(without)["status"] == "not-shown"
    assert "no log shows that it was signed before; give the log" in " ".join(without.stderr.split())
    words = logged(folder)
    done = inspected(folder, "--record", "bad.dsse", *words, "--json", "--out", "RUN")
    assert (ruling(done)["status"], ruling(done)["reason"]) == ("broken", "recorded")
    good(folder, "seal", "RUN", "--key", "audit.pem", "--keys", "KEYS", "--out", "B", *AT)
    good(folder, "verify", "B", "--keys", "KEYS", *AT)
    shown = run(folder, "verify", "B", "--keys", "KEYS", "--policy", "policy", *AT)
    assert (shown.returncode, "when its states were seen is shown by its witnesses" in shown.stdout) == (4, True)
    assert "[no-proof]" in shown.stdout
    good(folder, "log", "prove", "L", "bad.dsse", "--out", "bad.tlog-proof")
    good(folder, "log", "verify", "bad.dsse", "bad.tlog-proof", "--policy", "policy", "--kind", "record", *AT)


def test_what_a_bundle_tells_of_two_logs_is_held_against_a_policy_of_each(folder: Path) -> None:
    words = logged(folder)
    second = good(folder, "log", "init", "M", "--origin", "log.example/m", "--key", "log.pem").split()[-1]
    good(folder, "log", "witness", "M", *NAMES[:-1], "W2", "--log-key", second, "--at", "2026-11-22T00:00:00Z")
    witness_key = good(folder, "log", "key", "--key", "witness.pem", "--origin", "w.example/1", "--witness").strip()
    asked = good(folder, "log", "policy", "--log", second, "--witness", witness_key, "--quorum", "1")
    (folder / "policy-m").write_text(asked)
    done = inspected(folder, "--record", "bad.dsse", *words, "--log", "M", "--policy", "policy-m", "--out", "RUN")
    assert done.returncode == 3, done.stderr
    good(folder, "seal", "RUN", "--key", "audit.pem", "--keys", "KEYS", "--out", "B", *AT)
    verify = ("verify", "B", "--keys", "KEYS", *AT)
    both = ("--policy", "policy-m", "--policy", "policy")
    one = run(folder, *verify, "--policy", "policy")
    assert (one.returncode, one.stdout.count("shown by its witnesses"), one.stdout.count("no policy of it")) == (4, 1, 1)
    two = run(folder, *verify, *both)
    assert (two.returncode, two.stdout.count("shown by its witnesses"), "[no-proof]" in two.stdout) == (4, 2, True)
    good(folder, "log", "add", "L", "B/manifest.dsse", "--kind", "bundle", "--key", "log.pem")
    log_key = (folder / "policy").read_text().split()[1]
    good(folder, "log", "witness", "L", *NAMES, "--log-key", log_key, "--at", "2026-11-30T23:00:00Z")
    held = good(folder, *verify, *both, "--log", "L")
    assert ("entries is so" in held, held.count("shown by its witnesses")) == (True, 1)
    good(folder, "log", "prove", "L", "B/manifest.dsse", "--out", "B/manifest.tlog-proof")
    assert good(folder, *verify, *both).count("shown by its witnesses") == 2
    twice = run(folder, *verify, "--policy", "policy", "--policy", "policy")
    assert (twice.returncode, "two policies are of one log" in twice.stderr) == (2, True)


def test_one_that_does_not_hold_is_set_aside_from_inspect_to_verify(folder: Path) -> None:
    done = inspected(folder, "--record", "stranger.dsse", "--record", "bad.dsse", "--json", "--out", "RUN")
    assert done.returncode == 4, done.stderr
    (named,) = json.loads(done.stdout)["inputs"]["set_aside"]
    digest = "sha256:" + hashlib.sha256((folder / "stranger.dsse").read_bytes()).hexdigest()
    assert named == {"clause": "EV-05", "kind": "update-refusal", "digest": digest, "code": "signature"}
    assert "set aside" in done.stderr
    assert digest in (folder / "RUN" / "report.html").read_text()
    sealing = run(folder, "seal", "RUN", "--key", "audit.pem", "--keys", "KEYS", "--out", "B", *AT, "--json")
    assert json.loads(sealing.stdout)["set_aside"] == [named]
    assert "set aside" in sealing.stderr
    assert "is set aside: signature: " in good(folder, "verify", "B", "--keys", "KEYS", *AT)


@pytest.mark.parametrize("data", [b"nothing", b"{}", b'{"payload": "x"}'])
def test_what_is_no_signed_record_at_all_is_wrong_use(folder: Path, data: bytes) -> None:
    (folder / "garbage").write_bytes(data)
    done = inspected(folder, "--record", "garbage")
    assert done.returncode == 2
    assert "no signed record" in done.stderr
    assert "what to do" in done.stderr

"""`agreement show` and `diff` with the log that shows when an amendment was there, as `inspect` asks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.attacks.keys import LOG, NOW, SECOND, WITNESS
from tests.attacks.test_agreements import sealed
from tests.attacks.test_dated_back import FIRST, OLD, logged, second
from tests.pipelines.test_derived_records import DAY, LOG_KEY, WHO
from tests.pipelines.test_trust_commands import good, run

from aboveboard.pipelines import log_writing
from aboveboard.trust import keyring
from aboveboard.trust.checkpoint import WitnessKey
from aboveboard.trust.strict import format_time

AT = ("--at", format_time(NOW))
KEYS = ("--keys", "KEYS")
LOGGED = ("--log", "L", "--policy", "policy")
LINES = (sealed(FIRST), sealed(second()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an amendment whose keys have expired, and a log that held it while they were good."""
    logged(tmp_path, *LINES)
    (tmp_path / "KEYS").write_bytes(keyring.make(OLD, [SECOND]) + b"\n")
    witness = WitnessKey(WHO, WITNESS.public).to_text()
    asked = good(tmp_path, "log", "policy", "--log", LOG_KEY.to_text(), "--witness", witness, "--quorum", "1")
    (tmp_path / "policy").write_text(asked)
    return tmp_path


def test_an_amendment_is_shown_and_compared_where_a_log_shows_it_in_time(folder: Path) -> None:
    for words in (("show",), ("diff",)):
        without = run(folder, "agreement", *words, "A.dsse", *KEYS, *AT)
        assert (without.returncode, without.stdout) == (4, "")
        assert "key-not-valid" in without.stderr
        assert "--log" in without.stderr
    shown = json.loads(good(folder, "agreement", "show", "A.dsse", *KEYS, *LOGGED, *AT, "--json"))
    assert (shown["checked"], shown["in_force"], shown["reason"]) == (True, 2, None)
    found = json.loads(good(folder, "agreement", "diff", "A.dsse", *KEYS, *LOGGED, *AT, "--json"))
    assert (found["checked"], found["loosening"] > 0) == (True, True)
    (folder / "old.json").write_text(json.dumps(FIRST))
    good(folder, "agreement", "diff", "old.json", "A.dsse", *KEYS, *LOGGED, *AT)


def test_a_log_that_held_it_too_late_does_not_help(tmp_path: Path, folder: Path) -> None:
    late = tmp_path / "late"
    late.mkdir()
    logged(late, *LINES, at=NOW - DAY)
    words = ("--log", "late/L", "--policy", "policy")
    for command in ("show", "diff"):
        assert "key-not-valid" in run(folder, "agreement", command, "A.dsse", *KEYS, *words, *AT).stderr


def test_one_more_in_the_log_leaves_open_which_is_in_force(folder: Path) -> None:
    (folder / "more.dsse").write_bytes(b"".join(one + b"\n" for one in (*LINES, sealed(second(second())))))
    log_writing.add(folder / "L", [folder / "more.dsse"], "agreement", LOG, {}, batch=True)
    log_writing.witness(folder / "L", LOG_KEY, (WHO, WITNESS), folder / "W", NOW - 10 * DAY)
    done = run(folder, "agreement", "show", "A.dsse", *KEYS, *LOGGED, *AT, "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["in_force"], shown["reason"]) == (4, None, "superseded")
    assert [one["state"].partition(" ")[0] for one in shown["agreements"]] == ["replaced", "not"]
    assert shown["agreements"][1]["state"] == "not decided"
    assert good(folder, "agreement", "diff", "A.dsse", *KEYS, *LOGGED, *AT)


@pytest.mark.parametrize("command", ["show", "diff"])
def test_a_log_is_read_under_a_policy_and_dates_signatures_of_known_keys(folder: Path, command: str) -> None:
    for words, reason in (((*KEYS, "--log", "L"), "read with a policy"), (LOGGED, "--keys")):
        done = run(folder, "agreement", command, "A.dsse", *words, *AT)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr


def test_a_policy_of_another_log_is_refused(folder: Path) -> None:
    elsewhere = (folder / "policy").read_text().replace(LOG_KEY.name, "log.example/else")
    (folder / "other").write_text(elsewhere)
    done = run(folder, "agreement", "show", "A.dsse", *KEYS, "--log", "L", "--policy", "other", *AT)
    assert (done.returncode, done.stdout) == (3, "")

"""Canaries through the real command line: every state, its exit code, and cases 62 to 70 of what may be wrong with one."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.trusted import PASSPHRASE, cosigned, good, refused, run, said, stage

from aboveboard.pipelines.canaries import stated
from aboveboard.trust import canary
from aboveboard.trust.canary import CODES, Canary
from aboveboard.trust.dsse import STATEMENT, seal
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.statement import CANARY, Statement
from aboveboard.trust.strict import decode_base64

ISSUED, SEEN = "2026-03-01T00:10:00Z", "2026-03-01T01:00:00Z"
DUE, OVER = "2026-05-30T00:10:00Z", "2026-06-13T00:10:00Z"  # 90 days later, and 14 more
NAMED = ("--supplier", "Acme", "--product", "AR-1")
ISSUE = ("canary", "issue", "C", "--log", "L", "--policy", "policy", *NAMED, "--jurisdiction", "Atlantis")
SIGNED = ("--key", "acme-1.pem", "--key", "acme-2.pem")
CHECK = ("canary", "check", "C", "--keys", "KEYS", "--log", "L", "--policy", "policy", *NAMED)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One canary of two signers, in the log, seen by the witness within the hour."""
    folder = tmp_path_factory.mktemp("made")
    stage(folder)
    cosigned(folder, "2026-03-01T00:00:00Z")
    good(folder, *ISSUE, *SIGNED, "--from", "2026-01-01T00:00:00Z", "--at", ISSUED)
    logged(folder, SEEN)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "here")
    return tmp_path / "here"


def logged(folder: Path, at: str) -> None:
    good(folder, "log", "add", "L", "C", "--kind", "canary", "--key", "log.pem")
    cosigned(folder, at)


def keys(folder: Path, *names: str) -> list[PrivateKey]:
    return [PrivateKey.from_pem((folder / f"{name}.pem").read_bytes(), PASSPHRASE) for name in names]


def line(folder: Path, one: Canary, *names: str) -> bytes:
    return canary.issue(one, keys(folder, *(names or ("acme-1", "acme-2")))) + b"\n"


def first(folder: Path) -> Canary:
    return stated([(folder / "C").read_bytes()])[0]


def later(folder: Path, **changes: Any) -> Canary:
    one = first(folder)
    issued = one.issued + timedelta(days=60)
    following = replace(
        one,
        sequence=2,
        previous=one.digest,
        period=(one.issued, issued),
        issued=issued,
        next_due=issued + timedelta(days=90),
    )
    return replace(following, **changes)


def second(folder: Path, *more: str, at: str = "2026-05-01T00:00:00Z") -> None:
    good(folder, *ISSUE, *SIGNED, "--at", at, *more)
    logged(folder, at.replace("T00:", "T01:"))


def state(folder: Path, at: str, *more: str, words: tuple[str, ...] = CHECK) -> tuple[str, str]:
    done = run(folder, *words, *more, "--at", at, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["good"] else 4)
    assert found["good"] == (found["state"] in ("fresh", "due"))
    assert "untested" in found["caveat"]
    return found["state"], found["code"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T00:00:00Z", ("fresh", "fresh")),
        (DUE.replace(":00Z", ":01Z"), ("due", "due")),
        (OVER.replace("T00:10:00Z", "T00:09:59Z"), ("due", "due")),
        (OVER, ("expired", "late")),
        (OVER.replace(":00Z", ":01Z"), ("expired", "late")),
        ("2026-03-01T00:30:00Z", ("unknown", "clock-behind")),  # the witness saw the log later than this clock says
        ("2026-02-01T00:00:00Z", ("unknown", "future")),
    ],
)
def test_62_and_70_the_dates_and_the_clock(made: Path, at: str, expected: tuple[str, str]) -> None:
    assert state(made, at) == expected


def test_what_is_printed_says_each_code_in_words_and_what_it_is_worth(made: Path) -> None:
    done = run(made, *CHECK, "--at", "2026-03-02T00:00:00Z")
    assert done.stdout.startswith("fresh (fresh): the next one is due on 2026-05-30T00:10:00Z\n")
    for code, words in CODES.items():
        assert code in done.stdout
        assert words in done.stdout
    assert "a sign by its absence only" in done.stdout
    assert "untested" in done.stdout
    shown = said(made, 0, "canary", "show", "C")
    assert (shown["checked"], shown["statements"][0]["sequence"]) == (False, 1)
    assert "not checked" in run(made, "canary", "show", "C").stderr


def test_70_without_a_log_it_is_unknown(made: Path) -> None:
    words = ("canary", "check", "C", "--keys", "KEYS", *NAMED)
    assert "the state can only be unknown" in run(made, *words, "--at", OVER).stderr
    for at in ("2026-03-02T00:00:00Z", OVER):
        assert state(made, at, words=words) == ("unknown", "no-log")
    refused(made, 2, "both --log and --policy", *words, "--log", "L")


def test_a_second_one_follows_and_the_first_line_stays(folder: Path) -> None:
    before = (folder / "C").read_bytes()
    second(folder)
    assert (folder / "C").read_bytes().startswith(before)
    assert state(folder, "2026-05-02T00:00:00Z") == ("fresh", "fresh")
    chain = stated((folder / "C").read_bytes().splitlines())
    assert (chain[1].sequence, chain[1].previous, chain[1].period[0]) == (2, chain[0].digest, chain[0].period[1])
    (folder / "C").write_bytes(before)  # an old copy
    assert state(folder, "2026-05-02T00:00:00Z") == ("unknown", "not-newest")
    refused(folder, 3, "not-newest", *ISSUE, *SIGNED, "--at", "2026-05-03T00:00:00Z")


def test_what_the_one_before_named_and_this_one_does_not_is_said_loudly(folder: Path) -> None:
    wide = (*ISSUE, "--product", "AR-2", "--jurisdiction", "Utopia", *SIGNED)
    done = run(folder, *wide, "--at", "2026-05-01T00:00:00Z", "--json")
    assert "WARNING" not in done.stderr
    assert json.loads(done.stdout)["dropped"] == {"products": [], "jurisdictions": []}
    logged(folder, "2026-05-01T01:00:00Z")
    done = run(folder, *ISSUE, *SIGNED, "--at", "2026-05-02T00:00:00Z", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["dropped"] == {"products": ["AR-2"], "jurisdictions": ["Utopia"]}
    assert "WARNING: statement 2 named products that this one does not: AR-2." in done.stderr
    assert "WARNING: statement 2 named jurisdictions that this one does not: Utopia." in done.stderr
    logged(folder, "2026-05-02T01:00:00Z")
    again = ("canary", "check", "C", *CHECK[3:-1], "AR-2", "--jurisdiction", "Utopia")
    assert state(folder, "2026-05-03T00:00:00Z", words=again) == ("unknown", "other-subject")
    (begin,) = {word for word in done.stderr.split() if word == "2026-05-01T00:00:00Z"}  # as the warning says it
    good(folder, *wide, "--from", begin, "--at", "2026-05-03T00:00:00Z")
    logged(folder, "2026-05-03T01:00:00Z")
    assert state(folder, "2026-05-04T00:00:00Z", words=again) == ("fresh", "fresh")


def test_of_two_that_issue_at_once_none_is_lost(folder: Path) -> None:
    before = (folder / "C").read_bytes()
    words = (*ISSUE, *SIGNED, "--at", "2026-05-01T00:00:00Z")
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: run(folder, *words), range(4)))
    added = (folder / "C").read_bytes().removeprefix(before).splitlines()
    assert len(added) == sum(done.returncode == 0 for done in ended) == 1  # each later one would bear the same date
    assert {done.returncode for done in ended} == {0, 2}
    assert not [path for path in folder.iterdir() if path.suffix in (".new", ".lock")]


def test_62_never_issued(folder: Path) -> None:
    (folder / "empty").write_bytes(b"")
    words = ("canary", "check", "empty", *CHECK[3:])
    assert state(folder, "2026-03-02T00:00:00Z", words=words) == ("expired", "never-issued")
    refused(folder, 2, "there is no file of canaries", "canary", "check", "absent", *CHECK[3:])


def test_62_a_gap_in_the_sequence(folder: Path) -> None:
    with (folder / "C").open("ab") as file:
        file.write(line(folder, later(folder, sequence=3)))
    logged(folder, "2026-05-01T00:00:00Z")
    assert state(folder, "2026-05-02T00:00:00Z") == ("unknown", "sequence-gap")
    refused(folder, 3, "sequence-gap", *ISSUE, *SIGNED, "--at", "2026-05-03T00:00:00Z")


def test_62_two_of_one_number_in_a_file_or_in_the_log(folder: Path) -> None:
    kept = (folder / "C").read_bytes()
    other = line(folder, replace(first(folder), jurisdictions=("Atlantis", "Utopia")))
    (folder / "C").write_bytes(kept + other)
    assert state(folder, "2026-03-02T00:00:00Z") == ("unknown", "equivocation")
    (folder / "C").write_bytes(other)
    logged(folder, "2026-03-01T02:00:00Z")
    for shown in (other, kept):  # whichever of the two is shown
        (folder / "C").write_bytes(shown)
        assert state(folder, "2026-03-02T00:00:00Z") == ("unknown", "equivocation")


def test_a_statement_that_is_not_in_the_log_is_unknown(folder: Path) -> None:
    good(folder, *ISSUE, *SIGNED, "--at", "2026-05-01T00:00:00Z")
    assert state(folder, "2026-05-02T00:00:00Z") == ("unknown", "not-in-log")
    good(folder, "log", "add", "L", "C", "--kind", "canary", "--key", "log.pem")
    assert state(folder, "2026-05-02T00:00:00Z") == ("unknown", "quorum")  # in it, and no witness saw that
    nobody = [word if word != "policy" else "nobody" for word in CHECK]
    assert state(folder, "2026-05-02T00:00:00Z", words=tuple(nobody)) == ("fresh", "fresh")


def test_63_old_answers_on_new_dates(folder: Path) -> None:
    body = {**later(folder).to_json(), "statements": dict.fromkeys(CODES, True)}
    spliced = Statement(CANARY, {"canary": first(folder).digest}, body)
    with (folder / "C").open("ab") as file:
        file.write(seal(STATEMENT, spliced.to_bytes(), keys(folder, "acme-1", "acme-2")).to_bytes() + b"\n")
    refused(folder, 3, "digest", *CHECK, "--at", "2026-05-02T00:00:00Z")
    refused(folder, 3, "digest", "canary", "show", "C")
    refused(folder, 3, "digest", *ISSUE, *SIGNED, "--at", "2026-05-03T00:00:00Z")


def test_64_and_67_a_code_that_is_not_stated_and_the_sign_of_panic_stay_triggered(folder: Path) -> None:
    second(folder, "--without", "GAG")
    assert state(folder, "2026-05-02T00:00:00Z") == ("triggered", "triggered")
    done = run(folder, *CHECK, "--at", "2026-05-02T00:00:00Z")
    assert "GAG     NOT STATED" in done.stdout
    unlogged = ("canary", "check", "C", "--keys", "KEYS", *NAMED)
    assert state(folder, "2026-05-02T00:00:00Z", words=unlogged) == ("triggered", "triggered")
    second(folder, at="2026-05-03T00:00:00Z")  # said again: it may be compelled
    assert state(folder, "2026-05-04T00:00:00Z") == ("triggered", "triggered")


def test_67_the_sign_of_panic(folder: Path) -> None:
    second(folder, "--panic")
    assert state(folder, "2026-05-02T00:00:00Z") == ("triggered", "triggered")
    assert "duress was given" in run(folder, *CHECK, "--at", "2026-05-02T00:00:00Z").stdout


@pytest.mark.parametrize("field", ["issued", "next_due", "period_end"])
def test_65_a_date_that_is_none(folder: Path, field: str) -> None:
    body = {**first(folder).to_json(), field: "2026-W49-1"}
    signed = Statement(CANARY, {"canary": first(folder).digest}, body).to_bytes()
    (folder / "C").write_bytes(seal(STATEMENT, signed, keys(folder, "acme-1", "acme-2")).to_bytes())
    refused(folder, 3, "time", *CHECK, "--at", "2026-05-02T00:00:00Z")


@pytest.mark.parametrize("how", ["root", "later"])
def test_66_a_state_of_the_log_that_it_did_not_have_by_then(folder: Path, how: str) -> None:
    cited = first(folder).checkpoint
    if how == "root":
        other = later(folder, checkpoint=replace(cited, root=bytes(32)))
    else:  # the state of one entry was first seen an hour after the date that this one bears
        here = said(folder, 0, "log", "audit", "L", "--policy", "policy", "--at", OVER)
        assert here["size"] == 1
        root = decode_base64(here["root"])
        early = first(folder).issued + timedelta(minutes=5)
        other = later(folder, checkpoint=replace(cited, size=1, root=root), issued=early, period=(early, early))
        other = replace(other, period=(first(folder).issued, early))
    with (folder / "C").open("ab") as file:
        file.write(line(folder, other))
    logged(folder, "2026-05-01T00:00:00Z")
    assert state(folder, "2026-05-02T00:00:00Z") == ("unknown", "checkpoint")


def test_68_one_signer_of_two_and_a_stranger(folder: Path) -> None:
    for names, reason in ((("acme-1",), "threshold"), (("other",), "signature"), (("root",), "role")):
        (folder / "C").write_bytes(line(folder, first(folder), *names))
        refused(folder, 3, reason, *CHECK, "--at", "2026-03-02T00:00:00Z")


def test_68_a_forged_line_does_not_hide_behind_one_that_is_undecided(folder: Path) -> None:
    with (folder / "C").open("ab") as file:
        file.write(line(folder, later(folder), "other"))
    good(folder, "keys", "revoke", "KEYS", "acme-1", "--key", "root.pem", "--threshold", "supplier=1", "--at", ISSUED)
    refused(folder, 3, "signature", *CHECK, "--at", "2026-05-02T00:00:00Z")


@pytest.mark.parametrize(
    "more", [("--supplier", "Other"), ("--product", "AR-2"), ("--jurisdiction", "Atlantis", "--jurisdiction", "Utopia")]
)
def test_69_another_supplier_product_or_jurisdiction(made: Path, more: tuple[str, ...]) -> None:
    assert state(made, "2026-03-02T00:00:00Z", *more) == ("unknown", "other-subject")
    assert state(made, "2026-03-02T00:00:00Z", "--jurisdiction", "Atlantis") == ("fresh", "fresh")


def test_69_a_chain_of_another_supplier_is_not_gone_on_with(made: Path) -> None:
    before = (made / "C").read_bytes()
    words = [word if word != "Acme" else "Other" for word in ISSUE]
    refused(made, 3, "other-subject", *words, *SIGNED, "--at", "2026-05-01T00:00:00Z")
    assert (made / "C").read_bytes() == before


def test_a_time_of_which_nothing_is_stated_is_neither_issued_nor_accepted(folder: Path) -> None:
    refused(folder, 2, "no time between", *ISSUE, *SIGNED, "--from", "2026-04-01T00:00:00Z", "--at", "2026-05-01T00:00:00Z")
    one = later(folder)
    with (folder / "C").open("ab") as file:
        file.write(line(folder, replace(one, period=(one.period[0] + timedelta(days=9), one.period[1]))))
    logged(folder, "2026-05-01T00:00:00Z")
    assert state(folder, "2026-05-02T00:00:00Z") == ("unknown", "period-gap")


def test_keys_count_when_the_quorum_saw_what_they_signed(folder: Path) -> None:
    rotated = ("acme-1:acme-3:other.pem.pub", "--until", "2028-01-01T00:00:00Z", "--at", "2026-03-10T00:00:00Z")
    good(folder, "keys", "rotate", "KEYS", *rotated, "--key", "root.pem")
    assert state(folder, "2026-03-11T00:00:00Z") == ("fresh", "fresh")  # signed, and seen, before
    with (folder / "C").open("ab") as file:  # the old keys sign again, and say that it was before
        early = first(folder).issued + timedelta(hours=1)
        file.write(line(folder, later(folder, issued=early, period=(first(folder).issued, early))))
    logged(folder, "2026-03-12T00:00:00Z")
    assert state(folder, "2026-03-13T00:00:00Z") == ("unknown", "key-not-valid")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--without", "NONE"), "no code"),
        (("--days", "99999999"), "too many"),
        (("--at", "2026-02-01T00:00:00Z"), "clock-behind"),
        (("--at", ISSUED), "clock-behind"),
        (("--from", "2026-06-01T00:00:00Z"), "no time between"),
        (("--product", ""), "canary-form"),
    ],
)
def test_what_would_not_be_read_is_not_signed(made: Path, more: tuple[str, ...], reason: str) -> None:
    before = (made / "C").read_bytes()
    done = run(made, *ISSUE, *SIGNED, "--at", "2026-05-01T00:00:00Z", *more)
    assert done.returncode in (2, 3, 4)
    assert reason in done.stderr
    assert (made / "C").read_bytes() == before


def test_the_first_one_says_since_when(folder: Path) -> None:
    words = [word if word != "C" else "new" for word in ISSUE]
    fresh = [word if word != "Acme" else "Beta" for word in words]
    refused(folder, 2, "since when", *fresh, *SIGNED, "--at", "2026-05-01T00:00:00Z")
    assert not (folder / "new").exists()


def test_files_that_are_none_of_ours(folder: Path) -> None:
    at = ("--at", "2026-05-01T00:00:00Z")
    target = (folder / "C").read_bytes()
    (folder / "link").symlink_to("C")
    refused(folder, 2, "is a link", *[word if word != "C" else "link" for word in ISSUE], *SIGNED, *at)
    assert (folder / "C").read_bytes() == target
    (folder / "binary").write_bytes(os.urandom(1000) + b"\xff\n\x00")
    with (folder / "huge").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    for name, code in (("binary", 2), ("huge", 2), ("pipe", 2), ("folder", 2)):
        for words in (CHECK, ("canary", "show", "C"), (*ISSUE, *SIGNED)):
            done = run(folder, *[word if word != "C" else name for word in words], *(at if words[1] != "show" else ()))
            assert done.returncode == code, (name, words, done.stderr)

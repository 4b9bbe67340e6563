"""Evidence that is withheld: what is stated must follow as far as that shows, also where the sealer holds good keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aboveboard.model.facts import Standing
from aboveboard.model.verdict import Status
from aboveboard.pipelines.verifying_steps import Again, State
from tests.attacks.bundles import EVIDENCE, STANDARD, case, codes, resealed, sealed, verified, write
from tests.judge.making import account, fact, piece


def test_withheld_evidence_is_named_and_can_be_handed_in(tmp_path: Path) -> None:
    bundle = sealed(tmp_path / "run", withhold=("accounts",))
    assert "evidence/accounts.jsonl" not in bundle.files
    assert b"admin" not in b"".join(bundle.files.values())  # nothing else tells of it
    found = verified(tmp_path / "b", bundle.files)
    assert (codes(found), found.exit_code) == (["not-re-derived"], 4)
    assert {"NB-03", "EV-10", "EV-11"} <= set(found.not_rederived)
    assert "GV-01" not in found.not_rederived
    apart = write(tmp_path / "apart", bundle.withheld)
    assert verified(tmp_path / "again", bundle.files, withheld=apart).exit_code == 0
    (apart / "evidence" / "accounts.jsonl").write_bytes(b"{}\n")
    assert "digest" in codes(verified(tmp_path / "forged", bundle.files, withheld=apart))


def test_withheld_evidence_hides_no_ruling_that_does_not_follow(tmp_path: Path) -> None:
    bundle = sealed(tmp_path / "run", withhold=("accounts",))

    def polished(clause: str) -> Callable[[Any], None]:
        def change(body: Any) -> None:
            one = next(one for one in body["clauses"] if one["clause"] == clause)
            one |= {"status": "met", "reason": "no-contradiction"}

        return change

    def result(body: Any) -> None:
        body["result"] = "met"

    def longer(body: Any) -> None:
        body["expires"] = "2029-01-01T00:00:00Z"

    for number, change in enumerate((polished("NB-01"), result, longer)):
        assert "differs" in codes(verified(tmp_path / str(number), resealed(bundle.files, predicate=change)))


def stated(clause: str, status: str, reason: str, **more: Any) -> Callable[[Any], None]:
    """Return a change of the predicate: one ruling, and what else is said."""

    def change(body: Any) -> None:
        next(one for one in body["clauses"] if one["clause"] == clause).update(status=status, reason=reason)
        body.update(more)

    return change


@pytest.mark.parametrize(
    "change",
    [
        {"coverage": {"bytes_total": 1000, "bytes_explained": 1000, "programs_total": 99, "programs_identified": 99}},
        {"confined": False},
        {"wording": "met means: certified"},
        {"not_seen_by_any_analysis": ["nothing"]},
        {"at": "2026-11-30T11:00:00Z"},
        {"expires": "2026-12-24T00:00:00Z"},
        {"count": "0 broken, 34 of 34 required shown, 0 not shown"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_else_is_said_must_follow_too(tmp_path: Path, change: dict[str, Any]) -> None:
    bundle = sealed(tmp_path / "run", withhold=("accounts",))
    assert "differs" in codes(verified(tmp_path / "b", resealed(bundle.files, predicate=lambda body: body.update(change))))


def test_what_is_seen_broken_is_stated_broken(tmp_path: Path) -> None:
    """The account of the image is withheld, on which every clause rests; a fact that breaks one lies open."""
    token = piece("accounts", [fact("default-login", Standing.CONFIRMED, user="root", what="password", active=True)])
    made = case(evidence=(account(), token))
    bundle = sealed(tmp_path / "run", made, withhold=("unpacking",))
    broken = [ruling for ruling in bundle.verdict.rulings if ruling.status is Status.BROKEN]
    assert broken, "the case breaks nothing"
    assert codes(verified(tmp_path / "honest", bundle.files)) == ["not-re-derived"]
    severe = stated(broken[0].clause, "not-shown", "coverage")
    assert "differs" in codes(verified(tmp_path / "hidden", resealed(bundle.files, predicate=severe)))


def test_no_evidence_makes_up_for_a_record_that_is_wanting(tmp_path: Path) -> None:
    bundle = sealed(tmp_path / "run", withhold=("unpacking",))
    resting = verified(tmp_path / "first", bundle.files).not_rederived
    wanting = next(one.id for one in STANDARD.clauses if one.decision.records and one.id in resting)
    change = stated(wanting, "met", "no-contradiction")
    found = verified(tmp_path / "b", resealed(bundle.files, predicate=change))
    assert "differs" in codes(found)


def test_what_is_collected_again_is_judged_in_the_place_of_what_is_withheld(tmp_path: Path) -> None:
    bundle = sealed(tmp_path / "run", withhold=("accounts",))
    honest = verified(tmp_path / "same", bundle.files, again=lambda _: Again(State.OPEN, [], EVIDENCE))
    assert "rulings are as stated" in honest.steps[-1].lines[-1]
    password = piece("accounts", [fact("default-login", Standing.CONFIRMED, user="root", what="password", active=True)])
    seen = (EVIDENCE[0], replace(password, subject=EVIDENCE[1].subject))
    other = verified(tmp_path / "other", bundle.files, again=lambda _: Again(State.OPEN, [], seen))
    assert (other.steps[-1].code, other.exit_code) == ("differs", 3)

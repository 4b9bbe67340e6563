"""Records before the judge: what supports, what contradicts, what is too old, whose counts, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.judge.making import AT, EVALUATOR, IMAGE, account, clause, manifest, piece

from aboveboard.judge.judge import judge
from aboveboard.model.manifest import HandedIn
from aboveboard.model.record import Outcome, Record
from aboveboard.model.standard import How, Standard
from aboveboard.model.verdict import Reason, Ruling, Status

WANTED = clause(How.RECORD, records=("a log",))
GOOD = Record(
    clause="X-01",
    kind="log",
    digest="sha256:" + "8" * 64,
    role="laboratory",
    signers=("lab",),
    images=(IMAGE,),
    supplier="maker",
    who="a reader",
    found="2026-11-01T00:00:00Z",
    until="2027-11-01T00:00:00Z",
    outcome=Outcome.SUPPORTS,
    explanation="all as required",
)


def ruled(*records: Record, given: Sequence[Record] | None = None, by: str = "") -> Ruling:
    handed = tuple(HandedIn(one.clause, one.digest) for one in records)
    run = replace(manifest(), records=handed, by=by)
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (WANTED,), (EVALUATOR,))
    there = records if given is None else given
    return judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, there).rulings[0]


def test_what_needs_a_person_is_met_by_a_record_that_supports_it() -> None:
    got = ruled(GOOD)
    assert (got.status, got.reason) == (Status.MET, Reason.NO_CONTRADICTION)
    assert GOOD.digest in got.notes[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outcome": Outcome.INCOMPLETE}, Reason.NEEDS_HUMAN),
        ({"until": AT}, Reason.EXPIRED),
        ({"found": "2025-11-01T00:00:00Z"}, Reason.EXPIRED),
        ({"found": "2026-12-24T00:00:00Z"}, Reason.NEEDS_HUMAN),
        ({"role": "supplier"}, Reason.NEEDS_HUMAN),
        ({"images": ("sha256:" + "9" * 64,)}, Reason.NEEDS_HUMAN),
        ({"kind": "other"}, Reason.NEEDS_HUMAN),
        ({"images": (), "supplier": "another"}, Reason.NEEDS_HUMAN),
    ],
)
def test_a_record_that_is_old_foreign_or_incomplete_shows_nothing(change: dict[str, object], reason: Reason) -> None:
    got = ruled(replace(GOOD, **change))  # type: ignore[arg-type]  # fields of a record
    assert (got.status, got.reason) == (Status.NOT_SHOWN, reason)


def test_a_record_that_contradicts_breaks_whatever_another_says_and_does_not_age() -> None:
    against = replace(GOOD, outcome=Outcome.CONTRADICTS, digest="sha256:" + "a" * 64, until="2026-11-02T00:00:00Z")
    got = ruled(GOOD, against)
    assert (got.status, got.reason, got.facts) == (Status.BROKEN, Reason.RECORDED, (against.as_fact(),))
    assert ruled(replace(against, role="supplier")).status is Status.NOT_SHOWN


def test_losing_a_record_that_was_handed_in_never_helps() -> None:
    against = replace(GOOD, outcome=Outcome.CONTRADICTS, digest="sha256:" + "a" * 64)
    got = ruled(GOOD, against, given=[GOOD])
    assert (got.status, got.reason) == (Status.NOT_SHOWN, Reason.NO_EVIDENCE)


def test_a_record_that_was_not_handed_in_does_not_count() -> None:
    assert ruled(given=[GOOD]).status is Status.NOT_SHOWN

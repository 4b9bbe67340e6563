"""Cases 62 to 70: a canary that is late, spliced, silent, signed in panic, or another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aboveboard.model.canonical import JSON
from aboveboard.pipelines.canaries import chain_of, finding, seen_of
from aboveboard.trust.canary import CODES, Canary, Expected, Seen, State, issue, opened, read, state_at
from aboveboard.trust.checkpoint import Checkpoint
from aboveboard.trust.dsse import STATEMENT, seal
from aboveboard.trust.merkle import leaf_hash
from aboveboard.trust.statement import CANARY, Statement
from tests.attacks.keys import NOW, OTHER, SECOND, SUPPLIER, refused
from tests.attacks.test_keys import ring
from tests.pipelines.test_derived_records import Stage

DAY = timedelta(days=1)
CITED = Checkpoint("log.example/canary", 7, leaf_hash(b"seven"))
EXPECTED = Expected("Acme", "AR-1", ("Atlantis",))
SEEN = Seen(1, lambda checkpoint, time: checkpoint == CITED and time <= NOW)
FIRST = Canary(
    supplier="Acme",
    products=("AR-1", "AR-2"),
    jurisdictions=("Atlantis", "Utopia"),
    period=(NOW - 31 * DAY, NOW - DAY),
    issued=NOW - DAY,
    next_due=NOW + 30 * DAY,
    grace=7 * DAY,
    statements=dict.fromkeys(CODES, True),
    sequence=1,
    previous="",
    checkpoint=CITED,
)


def later(**changes: object) -> Canary:
    following = replace(FIRST, sequence=2, previous=FIRST.digest, issued=NOW, period=(NOW - DAY, NOW))
    return replace(following, **changes)  # type: ignore[arg-type]  # fields of a canary


def state(*chain: Canary, at: datetime | None = NOW, expected: Expected = EXPECTED, seen: Seen = SEEN) -> tuple[State, str]:
    found = state_at(chain, expected, seen, at)
    assert found.text
    assert found.state.good == (found.state in (State.FRESH, State.DUE))
    return found.state, found.code


def body(**changes: JSON) -> Mapping[str, JSON]:
    return {**FIRST.to_json(), **changes}


def test_a_canary_in_time_is_fresh() -> None:
    assert state(FIRST) == (State.FRESH, "fresh")
    assert opened([issue(FIRST, [SUPPLIER, SECOND])], ring(), NOW) == [FIRST]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, State.FRESH),
        (0, State.DUE),
        (7 * 86400 - 1, State.DUE),
        (7 * 86400, State.EXPIRED),
        (7 * 86400 + 1, State.EXPIRED),
    ],
)
def test_62_late_by_a_second(seconds: int, expected: State) -> None:
    assert state(FIRST, at=FIRST.next_due + timedelta(seconds=seconds))[0] is expected


def test_62_never_issued_is_expired_and_two_of_one_number_are_unknown() -> None:
    assert state() == (State.EXPIRED, "never-issued")
    assert state(FIRST, later(sequence=3)) == (State.UNKNOWN, "sequence-gap")
    assert state(later()) == (State.UNKNOWN, "sequence-gap")
    assert state(FIRST, later(previous="0" * 64)) == (State.UNKNOWN, "sequence-gap")
    assert state(FIRST, later(sequence=1)) == (State.UNKNOWN, "equivocation")
    assert state(FIRST, later(issued=NOW - 2 * DAY, period=(NOW - 9 * DAY, NOW - 3 * DAY))) == (
        State.UNKNOWN,
        "sequence-gap",
    )


def test_63_old_answers_on_new_dates_are_not_signed() -> None:
    signed = Statement(CANARY, {"canary": FIRST.digest}, later().to_json())
    data = seal(STATEMENT, signed.to_bytes(), [SUPPLIER, SECOND]).to_bytes()
    refused("digest", lambda: opened([data], ring(), NOW))


@pytest.mark.parametrize("code", sorted(CODES))
def test_64_a_code_that_is_missing_or_denied_triggers(code: str) -> None:
    without = replace(FIRST, statements={one: True for one in CODES if one != code})
    denied = replace(FIRST, statements={**FIRST.statements, code: False})
    assert state(without) == state(denied) == (State.TRIGGERED, "triggered")
    mended = replace(later(), previous=without.digest)
    assert state(without, mended, seen=replace(SEEN, newest=2)) == (State.TRIGGERED, "triggered")


@pytest.mark.parametrize("field", ["issued", "next_due", "period_start", "period_end"])
@pytest.mark.parametrize("value", ["", None, "2026-W49-1", "0001-01-01T00:00:00Z", "tomorrow", 7])
def test_65_dates_that_are_none(field: str, value: JSON) -> None:
    refused("time", lambda: read(body(**{field: value})))


def test_65_fields_that_are_missing_or_new() -> None:
    for field in FIRST.to_json():
        refused("canary-form", lambda field=field: read({k: v for k, v in FIRST.to_json().items() if k != field}))  # type: ignore[misc]
    refused("canary-form", lambda: read(body(verdict="fine")))
    refused("canary-form", lambda: read(body(grace_days=10_000)))
    refused("canary-form", lambda: read(body(next_due=FIRST.to_json()["issued"])))
    refused("canary-form", lambda: issue(replace(FIRST, sequence=0), [SUPPLIER]))


def test_66_a_state_of_the_log_that_it_never_had_or_had_later() -> None:
    assert state(replace(FIRST, checkpoint=replace(CITED, root=leaf_hash(b"x")))) == (State.UNKNOWN, "checkpoint")
    assert state(FIRST, seen=Seen(1, lambda _, time: time > NOW)) == (State.UNKNOWN, "checkpoint")
    assert state(FIRST, seen=replace(SEEN, newest=2)) == (State.UNKNOWN, "not-newest")


def test_67_the_sign_of_panic() -> None:
    assert state(replace(FIRST, panic=True)) == (State.TRIGGERED, "triggered")


def test_68_one_signer_of_two_is_missing() -> None:
    refused("threshold", lambda: opened([issue(FIRST, [SUPPLIER])], ring(), NOW))
    refused("signature", lambda: opened([issue(FIRST, [OTHER])], ring(), NOW))


@pytest.mark.parametrize(
    "expected",
    [
        replace(EXPECTED, supplier="Other"),
        replace(EXPECTED, product="AR-3"),
        replace(EXPECTED, jurisdictions=("Atlantis", "Erewhon")),
    ],
)
def test_69_another_supplier_product_or_jurisdiction(expected: Expected) -> None:
    assert state(FIRST, expected=expected) == (State.UNKNOWN, "other-subject")


def test_70_without_a_time_or_from_the_future_it_is_unknown() -> None:
    assert state(FIRST, at=None) == (State.UNKNOWN, "no-time")
    assert state(FIRST, at=FIRST.issued - timedelta(seconds=1)) == (State.UNKNOWN, "future")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.issue()
    return made


def test_66_a_log_of_another_name_or_a_later_time_began_with_nothing(stage: Stage) -> None:
    seen = seen_of(stage.view(), "Acme")
    (one, two) = stage.view().states[-2:]
    cited = Checkpoint(stage.view().origin, one.size, one.root)
    assert seen.newest == 1
    assert one.seen_at is not None
    assert seen.began_with(cited, one.seen_at)
    assert not seen.began_with(cited, one.seen_at - timedelta(seconds=1))
    assert not seen.began_with(replace(cited, origin="log.example/other"), NOW)
    assert not seen.began_with(replace(cited, root=two.root), NOW)
    assert not seen.began_with(replace(cited, size=two.size), NOW)
    assert seen_of(stage.view(), "Beta").newest == 0


def test_70_a_clock_that_is_behind_a_witness_and_a_log_that_is_not_there(stage: Stage) -> None:
    chain, expected, view = chain_of(stage.file), replace(EXPECTED, jurisdictions=()), stage.view()
    assert finding(chain, ring(), view, expected, NOW).state is State.FRESH
    assert view.latest is not None
    behind = finding(chain, ring(), view, expected, view.latest - timedelta(seconds=1))
    assert (behind.state, behind.code) == (State.UNKNOWN, "clock-behind")
    alone = finding(chain, ring(), None, expected, NOW)
    assert (alone.state, alone.code) == (State.UNKNOWN, "no-log")
    refused("signature", lambda: finding([issue(FIRST, [OTHER])], ring(), None, expected, NOW))

"""What canaries and the log of releases show on GV-06 and EV-08: as records, and before the judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.keys import CUSTOMER, LOG, NOW, OTHER, SECOND, SUPPLIER, WITNESS, refused
from tests.attacks.test_keys import ring
from tests.judge.making import EVALUATOR, IMAGE, account, manifest, piece
from tests.judge.test_records import AGREEMENT

from aboveboard.judge.judge import judge
from aboveboard.model.agreement import Agreement, Holders, Product
from aboveboard.model.dates import LAST
from aboveboard.model.manifest import HandedIn
from aboveboard.model.record import Outcome, Record
from aboveboard.model.verdict import Reason, Status
from aboveboard.pipelines import canaries, log_writing, releases
from aboveboard.pipelines.canaries import Plan
from aboveboard.pipelines.log import LogView, log_view
from aboveboard.pipelines.log_extracts import extract, from_json, to_json
from aboveboard.pipelines.papers import Papers, opened
from aboveboard.standard import reader
from aboveboard.trust.canary import Expected
from aboveboard.trust.checkpoint import WitnessKey
from aboveboard.trust.entry import Entry
from aboveboard.trust.note import LogKey
from aboveboard.trust.policy import Group, Policy
from aboveboard.trust.strict import format_time

DAY, ORIGIN, WHO = timedelta(days=1), "log.example/all", "w.example/1"
LOG_KEY = LogKey(ORIGIN, LOG.public)
POLICY = Policy(LOG_KEY, (WitnessKey(WHO, WITNESS.public),), {"all": Group(1, (WHO,))}, "all")
NOBODY = Policy(LOG_KEY, (), {}, "none")
ISSUED = NOW - 10 * DAY
PLAN = Plan("Acme", ("AR-1",), ("Atlantis",), ISSUED, ISSUED - 30 * DAY)
KEYS = (SUPPLIER, SECOND)
SUBJECT = Expected("Acme", "AR-1", ("Atlantis",))
ABSENT = "sha256:" + "e" * 64
AGREED = replace(
    AGREEMENT,
    supplier="Acme",
    products=(Product("AR-1", "1.0", (IMAGE,)),),
    logs={"canary": LOG_KEY.to_text(), "releases": LOG_KEY.to_text()},
    until="2028-01-01T00:00:00Z",
    roles={"supplier": Holders(2, (SUPPLIER.public.id, SECOND.public.id))},
)


class Stage:
    """A log with the image in it, and a chain of canaries."""

    def __init__(self, folder: Path) -> None:
        self.log, self.file, self.memory = folder / "L", folder / "C", folder / "W"
        log_writing.create(self.log, ORIGIN, LOG)
        self.release(IMAGE, "1.0")
        self.cosign(ISSUED - DAY)

    def release(self, image: str, version: str) -> None:
        about = {"supplier": "Acme", "product": "AR-1", "version": version}
        log_writing.place(self.log, [(self.log, Entry("release", image.removeprefix("sha256:"), about))], LOG)

    def cosign(self, at: Any) -> None:
        log_writing.witness(self.log, LOG_KEY, (WHO, WITNESS), self.memory, at)

    def issue(self, plan: Plan = PLAN, keys: Sequence[Any] = KEYS) -> None:
        canaries.issue(self.file, plan, self.view(), keys)
        log_writing.add(self.log, [self.file], "canary", LOG, {}, batch=False)
        self.cosign(plan.at + timedelta(hours=1))

    def view(self, policy: Policy = POLICY) -> LogView:
        return log_view(self.log, policy)

    def canary(
        self, agreement: Agreement | None = AGREED, at: Any = NOW, view: LogView | None = None, expected: Expected = SUBJECT
    ) -> Record:
        chain = canaries.chain_of(self.file) if self.file.exists() else []
        seen = view or self.view()
        return canaries.record(chain, ring(), seen, agreement, expected, IMAGE, format_time(at))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def ruled(record: Record, at: Any = NOW) -> tuple[Status, Reason]:
    standard = reader.load()
    run = replace(manifest(), records=(HandedIn(record.clause, record.digest),))
    verdict = judge(run, [account(), piece()], standard, EVALUATOR, None, format_time(at), AGREED, [record])
    (ruling,) = [one for one in verdict.rulings if one.clause == record.clause]
    return ruling.status, ruling.reason


def test_a_fresh_canary_meets_its_clause_until_its_grace_is_over(stage: Stage) -> None:
    stage.issue()
    record = stage.canary()
    assert record.outcome is Outcome.SUPPORTS
    assert (record.clause, record.kind, record.role, record.images) == ("GV-06", "canary", "derived", (IMAGE,))
    assert record.signers == ("acme-1", "acme-2")
    assert (record.found, record.until) == (format_time(ISSUED), format_time(ISSUED + 104 * DAY))
    assert ruled(record) == (Status.MET, Reason.NO_CONTRADICTION)
    assert ruled(stage.canary(at=ISSUED + 100 * DAY), ISSUED + 100 * DAY)[0] is Status.MET  # due, and ten days are agreed
    assert ruled(record, ISSUED + 104 * DAY) == (Status.NOT_SHOWN, Reason.EXPIRED)


def test_a_late_triggered_or_missing_canary_is_not_shown_and_never_broken(stage: Stage) -> None:
    missing = stage.canary()
    assert (missing.outcome, ruled(missing)) == (Outcome.INCOMPLETE, (Status.NOT_SHOWN, Reason.NO_EVIDENCE))
    assert "never" in missing.explanation or "no statement" in missing.explanation
    stage.issue()
    late = stage.canary(at=ISSUED + 104 * DAY)
    assert (late.outcome, ruled(late, ISSUED + 104 * DAY)[0]) == (Outcome.INCOMPLETE, Status.NOT_SHOWN)
    stage.issue(replace(PLAN, at=ISSUED + DAY, begin=None, without=("GAG",)))
    triggered = stage.canary()
    assert (triggered.outcome, ruled(triggered)) == (Outcome.INCOMPLETE, (Status.NOT_SHOWN, Reason.NO_EVIDENCE))
    assert triggered.explanation == "the canary is triggered: statement 2: not stated: GAG"


def test_the_record_says_what_in_a_good_canary_was_not_agreed(stage: Stage) -> None:
    stage.issue(replace(PLAN, days=60, grace=10))

    def wanting(agreement: Agreement) -> str:
        record = stage.canary(agreement)
        assert record.outcome is Outcome.INCOMPLETE
        return record.explanation

    assert stage.canary().outcome is Outcome.SUPPORTS
    assert "at most 59 count" in wanting(replace(AGREED, terms=replace(AGREED.terms, canary_days=59)))
    assert "at most 9 count" in wanting(replace(AGREED, terms=replace(AGREED.terms, canary_grace_days=9)))
    assert "another log" in wanting(replace(AGREED, logs={"canary": LogKey(ORIGIN, OTHER.public).to_text()}))
    assert "by this supplier" in wanting(replace(AGREED, supplier="Beta"))
    assert "by this supplier" in wanting(replace(AGREED, products=()))
    assert "names no log" in wanting(replace(AGREED, logs={}))  # else whoever inspects would choose one


def test_without_an_agreement_the_usual_limits_hold(stage: Stage) -> None:
    stage.issue(replace(PLAN, days=90, grace=14))
    assert stage.canary(None).outcome is Outcome.SUPPORTS
    stage.issue(replace(PLAN, at=ISSUED + DAY, begin=None, days=91))
    assert "at most 90 count" in stage.canary(None).explanation
    stage.issue(replace(PLAN, at=ISSUED + 2 * DAY, begin=None, grace=15))
    assert "at most 14 count" in stage.canary(None).explanation
    assert stage.canary(replace(AGREED, terms=replace(AGREED.terms, canary_grace_days=15))).outcome is Outcome.SUPPORTS


def test_without_its_log_a_canary_shows_nothing(stage: Stage) -> None:
    stage.issue()
    chain = canaries.chain_of(stage.file)
    record = canaries.record(chain, ring(), None, AGREED, SUBJECT, IMAGE, format_time(NOW))
    assert (record.outcome, record.explanation[:22]) == (Outcome.INCOMPLETE, "the canary is unknown:")


def test_a_forged_canary_gives_no_record(stage: Stage) -> None:
    stage.issue(keys=[SUPPLIER, CUSTOMER])
    refused("threshold", stage.canary)


def test_a_record_is_the_same_from_an_extract_and_another_from_other_inputs(stage: Stage) -> None:
    stage.issue()
    whole = stage.view()
    (one,) = canaries.stated(canaries.chain_of(stage.file))
    part = extract(whole, ["Acme"], [IMAGE], [(one.checkpoint.size, one.checkpoint.root)])
    part = from_json(json.loads(json.dumps(to_json(part))))
    at = format_time(NOW)
    assert stage.canary(view=part) == stage.canary(view=whole)
    assert releases.record(part, AGREED, IMAGE, at) == releases.record(whole, AGREED, IMAGE, at)
    before = stage.canary().digest
    stage.release(ABSENT, "1.1")
    stage.cosign(NOW - DAY)
    assert stage.canary().digest != before
    assert releases.record(whole, AGREED, IMAGE, at).digest != releases.record(whole, AGREED, ABSENT, at).digest


def test_an_image_in_the_log_meets_its_clause_however_long_ago(stage: Stage) -> None:
    at = NOW + 300 * DAY
    record = releases.record(stage.view(), AGREED, IMAGE, format_time(at))
    assert (record.clause, record.kind, record.role) == ("EV-08", "release-inclusion", "derived")
    assert (record.outcome, record.found, record.until) == (Outcome.SUPPORTS, format_time(ISSUED - DAY), LAST)
    assert (record.supplier, record.who) == ("Acme", ORIGIN)
    assert ruled(record, at) == (Status.MET, Reason.NO_CONTRADICTION)  # ten days are agreed for what somebody records
    early = releases.record(stage.view(), AGREED, IMAGE, format_time(ISSUED - 2 * DAY))
    assert (early.outcome, early.found) == (Outcome.INCOMPLETE, format_time(ISSUED - 2 * DAY))
    unasked = releases.record(stage.view(NOBODY), AGREED, IMAGE, format_time(NOW))
    assert (unasked.outcome, unasked.found) == (Outcome.INCOMPLETE, format_time(NOW))
    named_otherwise = replace(AGREED, products=(Product("AR-2", "1.0", (IMAGE,)),))
    assert releases.record(stage.view(), named_otherwise, IMAGE, format_time(at)).outcome is Outcome.INCOMPLETE


def test_absence_breaks_the_clause_in_the_agreed_log_alone(stage: Stage) -> None:
    at = format_time(NOW)
    absent = releases.record(stage.view(), AGREED, ABSENT, at)
    assert absent.outcome is Outcome.CONTRADICTS
    assert releases.record(stage.view(NOBODY), AGREED, ABSENT, at).outcome is Outcome.INCOMPLETE
    assert ruled(replace(absent, images=(IMAGE,))) == (Status.BROKEN, Reason.RECORDED)
    for agreement in (None, replace(AGREED, logs={})):
        assert releases.record(stage.view(), agreement, ABSENT, at).outcome is Outcome.INCOMPLETE
    elsewhere = replace(AGREED, logs={"releases": LogKey(ORIGIN, OTHER.public).to_text()})
    for image in (IMAGE, ABSENT):
        assert releases.record(stage.view(), elsewhere, image, at).outcome is Outcome.INCOMPLETE


def test_an_old_copy_of_the_log_accuses_nobody(stage: Stage) -> None:
    for days, outcome in ((30, Outcome.CONTRADICTS), (31, Outcome.INCOMPLETE)):
        record = releases.record(stage.view(), AGREED, ABSENT, format_time(ISSUED - DAY + days * DAY))
        assert record.outcome is outcome
    assert "in the last 30 days" in record.explanation


def test_two_images_of_one_release_are_named_in_the_record(stage: Stage) -> None:
    stage.release(ABSENT, "1.0")
    stage.cosign(NOW - DAY)
    record = releases.record(stage.view(), AGREED, IMAGE, format_time(NOW))
    assert (record.outcome, record.explanation.endswith("the same release: entries 1")) == (Outcome.SUPPORTS, True)


def test_a_canary_of_keys_that_the_agreement_does_not_name_shows_nothing(stage: Stage) -> None:
    stage.issue()
    other = replace(AGREED, roles={"supplier": Holders(2, (SUPPLIER.public.id, LOG.public.id))})
    found = stage.canary(other)
    assert (found.outcome, "agreement names" in found.explanation) == (Outcome.INCOMPLETE, True)


def test_a_canary_that_leaves_a_declared_jurisdiction_out_shows_nothing(stage: Stage) -> None:
    stage.issue()
    found = stage.canary(expected=replace(SUBJECT, jurisdictions=("Atlantis", "Utopia")))
    assert (found.outcome, "leaves out the jurisdiction 'Utopia'" in found.explanation) == (Outcome.INCOMPLETE, True)
    assert ruled(found) == (Status.NOT_SHOWN, Reason.NO_EVIDENCE)
    unsaid = stage.canary(expected=replace(SUBJECT, jurisdictions=None))
    assert (unsaid.outcome, unsaid.explanation[:14]) == (Outcome.INCOMPLETE, "no declaration")
    assert stage.canary(expected=replace(SUBJECT, jurisdictions=())).outcome is Outcome.SUPPORTS  # "none" is declared


def test_a_product_or_jurisdiction_that_came_later_counts_from_then_on(stage: Stage) -> None:
    stage.issue()
    second = replace(SUBJECT, product="AR-2", jurisdictions=("Atlantis", "Utopia"))
    agreed = replace(AGREED, products=(Product("AR-2", "1.0", (IMAGE,)),))
    assert "speaks of another product" in stage.canary(agreed, expected=second).explanation
    both = replace(PLAN, at=ISSUED + DAY, begin=None, products=("AR-1", "AR-2"), jurisdictions=("Atlantis", "Utopia"))
    stage.issue(both)
    assert stage.canary(agreed, expected=second).outcome is Outcome.SUPPORTS
    assert stage.canary().outcome is Outcome.SUPPORTS
    stage.issue(replace(both, at=ISSUED + 2 * DAY, products=("AR-1",)))
    assert stage.canary(agreed, expected=second).outcome is Outcome.INCOMPLETE
    assert stage.canary().outcome is Outcome.SUPPORTS
    stage.issue(replace(both, at=ISSUED + 3 * DAY))  # named again, and a day was passed over in silence
    assert "nothing is stated on 'AR-2'" in stage.canary(agreed, expected=second).explanation
    stage.issue(replace(both, at=ISSUED + 4 * DAY, begin=ISSUED + DAY))  # that day is spoken of after all
    assert stage.canary(agreed, expected=second).outcome is Outcome.SUPPORTS


@pytest.mark.parametrize(
    ("sections", "outcome", "said"),
    [
        ({"jurisdictions": [{"name": "Atlantis", "purpose": "seat"}]}, Outcome.SUPPORTS, "fresh"),
        ({"jurisdictions": [{"name": name, "purpose": "seat"} for name in ("Atlantis", "Utopia")]}, None, "'Utopia'"),
        ({"accounts": []}, None, "no declaration says which jurisdictions"),
    ],
)
def test_the_declaration_says_which_jurisdictions_the_canary_must_name(
    stage: Stage, sections: dict[str, Any], outcome: Outcome | None, said: str
) -> None:
    stage.issue()
    head = {"aboveboard": "declaration/1", "supplier": "Acme", "product": "AR-1", "version": "1.0", "date": "2026-11-01"}
    declared: dict[str, Any] = {**head, "images": [IMAGE], "declares": sections}
    given = Papers(unsigned=declared, canary=tuple(canaries.chain_of(stage.file)), logs=(stage.view(),))
    found = opened(given, ring(), reader.load(), NOW, IMAGE)
    (record,) = [one for one in found.records if one.clause == "GV-06"]
    assert record.outcome is (outcome or Outcome.INCOMPLETE)
    assert said in record.explanation

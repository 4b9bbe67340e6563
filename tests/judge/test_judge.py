"""The verdict as a whole: the result, the count line, and what it says of its inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.judge.making import (
    AT,
    EVALUATOR,
    MET,
    OUTSIDER,
    account,
    clause,
    declaration,
    fact,
    judged,
    manifest,
    piece,
)

from aboveboard.judge.deciders import MET_WORDING
from aboveboard.judge.judge import NOT_SEEN
from aboveboard.model.canonical import canonical, digest_of
from aboveboard.model.facts import Standing
from aboveboard.model.standard import Access, Clause, How, Severity
from aboveboard.model.verdict import Result, Status

ACCUSED = piece(facts=[fact()])
SOUND = [account(), piece()]


def breaks(name: str, severity: Severity) -> Clause:
    return clause(name=name, severity=severity)


def opens(name: str) -> Clause:
    return clause(How.PENDING, name=name)


def meets(name: str) -> Clause:
    return clause(How.VALIDITY, name=name)


def result_of(*clauses: Clause, required: tuple[str, ...] | None = None) -> Result:
    names = tuple(item.id for item in clauses) if required is None else required
    return judged(clauses, [account(), ACCUSED], profile=replace(EVALUATOR, required=names)).result


@pytest.mark.parametrize(
    ("severity", "result"),
    [
        (Severity.CRITICAL, Result.BROKEN),
        (Severity.HIGH, Result.BROKEN),
        (Severity.MEDIUM, Result.BROKEN_MINOR),
        (Severity.LOW, Result.BROKEN_MINOR),
    ],
)
def test_a_broken_clause_weighs_by_its_severity(severity: Severity, result: Result) -> None:
    assert result_of(breaks("X-01", severity)) is result
    assert result_of(meets("X-02"), breaks("X-01", severity), opens("X-03")) is result  # the worst, never an average


def test_the_gravest_broken_clause_decides_wherever_it_stands() -> None:
    grave, minor = breaks("X-01", Severity.CRITICAL), breaks("X-02", Severity.LOW)
    assert result_of(grave, minor) is result_of(minor, grave) is Result.BROKEN


def test_one_required_clause_that_is_not_shown_keeps_the_product_open() -> None:
    assert result_of(meets("X-01"), opens("X-02")) is Result.NOT_SHOWN


def test_the_product_is_met_when_every_required_clause_is() -> None:
    assert result_of(meets("X-01"), meets("X-02")) is Result.MET


def test_what_is_not_required_does_not_change_the_result() -> None:
    others = (breaks("X-02", Severity.CRITICAL), opens("X-03"))
    assert result_of(meets("X-01"), *others, required=("X-01",)) is Result.MET


def test_where_nothing_is_required_nothing_is_met() -> None:
    assert result_of(meets("X-01"), required=()) is Result.NOT_SHOWN


def test_the_count_line_counts_the_required_and_names_what_is_broken_beyond() -> None:
    clauses = [
        breaks("X-01", Severity.HIGH),
        meets("X-02"),
        meets("X-03"),
        opens("X-04"),
        breaks("X-05", Severity.LOW),
        breaks("X-06", Severity.LOW),
        opens("X-07"),
        meets("X-08"),
    ]
    some = replace(EVALUATOR, required=("X-01", "X-02", "X-03", "X-04"))
    verdict = judged(clauses, [account(), ACCUSED], profile=some)
    assert verdict.count == "1 broken, 3 of 4 required shown, 1 not shown; 2 broken beyond the required"
    every = replace(EVALUATOR, required=tuple(item.id for item in clauses))
    assert judged(clauses, [account(), ACCUSED], profile=every).count == "3 broken, 6 of 8 required shown, 2 not shown"


def test_every_clause_is_ruled_in_the_order_of_the_standard_and_marked_as_required_or_not() -> None:
    verdict = judged([meets("X-02"), meets("X-01")], SOUND)
    assert [(ruling.clause, ruling.required) for ruling in verdict.rulings] == [("X-02", False), ("X-01", True)]


def test_a_verdict_names_its_inputs_by_digest() -> None:
    declared = declaration()
    verdict = judged([clause()], SOUND, declared, OUTSIDER)
    assert verdict.subject == {"name": "router.bin", "digest": manifest().digest, "size": 1000}
    assert verdict.profile == {"name": "outsider", "access": "outsider", "digest": OUTSIDER.digest, "waived": {}}
    assert verdict.standard == {"version": "1", "date": "2026-11-24", "digest": "sha256:" + "7" * 64}
    assert verdict.at == AT
    assert verdict.inputs == {
        "manifest": digest_of(manifest().to_json()),
        "evidence": digest_of(sorted(item.seal for item in SOUND)),
        "declaration": declared.digest,
        "agreement": None,
        "records": [],
        "by": "",
        "confined": True,
        "refused": [],
        "set_aside": [],
    }


def test_without_a_declaration_the_verdict_names_none() -> None:
    assert judged([clause()], SOUND).inputs["declaration"] is None


def test_a_run_outside_the_jail_is_said() -> None:
    assert judged([clause()], SOUND, owed=replace(manifest(), confined=False)).inputs["confined"] is False


def test_the_verdict_shows_the_coverage_and_none_where_there_is_no_account() -> None:
    assert judged([clause()], SOUND).coverage == account().facts[0].data
    assert judged([clause()], [piece()]).coverage == {}


def test_the_wording_of_met_and_what_no_analysis_sees_are_in_every_verdict() -> None:
    verdict = judged([clause()], SOUND)
    assert (verdict.rulings[0].status, verdict.rulings[0].reason) == MET
    assert verdict.rulings[0].explanation == MET_WORDING == "no contradiction found at this access and coverage"
    assert verdict.wording == "met means: no contradiction found at this access and coverage"
    assert verdict.not_seen_by_any_analysis == NOT_SEEN
    assert len(NOT_SEEN) == 4


def test_the_order_in_which_evidence_comes_changes_no_byte() -> None:
    clauses = [clause(), clause(How.COVERAGE, name="X-02")]
    given = [account(), piece(facts=[fact("account", Standing.CANDIDATE, name="root")])]
    one, other = judged(clauses, given), judged(clauses, reversed(given))
    assert canonical(one.to_json()) == canonical(other.to_json())


@pytest.mark.parametrize("how", [How.FORBID, How.COVERAGE, How.CALIBRATION, How.VALIDITY, How.RECONCILE, How.DECLARATION])
def test_no_way_of_deciding_meets_a_clause_above_the_profiles_access(how: How) -> None:
    above = clause(how, access=Access.EVALUATOR, facts=())
    assert judged([above], SOUND, declaration(), EVALUATOR).rulings[0].status is Status.MET
    assert judged([above], SOUND, declaration(), OUTSIDER).rulings[0].status is Status.NOT_SHOWN


def test_a_clause_above_the_profiles_access_can_still_be_broken() -> None:
    above = clause(access=Access.EVALUATOR)
    assert judged([above], [account(), ACCUSED], profile=OUTSIDER).rulings[0].status is Status.BROKEN

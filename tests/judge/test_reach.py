"""Which evidence a clause rests on: losing any other piece leaves its ruling as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.judge import making
from tests.judge.making import ACCOUNTS_OWED, AT, EVALUATOR, IMAGE, TREE, UNPACKING_OWED, account, clause, manifest, piece

from aboveboard.judge.case import Case
from aboveboard.judge.deciders import decide
from aboveboard.judge.reach import may_become, no_rules_meet, rests_on
from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import HandedIn, Owed
from aboveboard.model.record import Outcome, Record
from aboveboard.model.standard import Access, How
from aboveboard.model.verdict import Reason, Ruling, Status
from aboveboard.standard import reader

TOKENS = Owed("tokens", 1, TREE)
NEEDING = Owed("accounts", 1, TREE, ("boot_services",))
BOOT = Owed("boot_services", 1, TREE)


def case(*owed: Owed) -> Case:
    return Case(manifest(*owed), EVALUATOR, None)


@pytest.mark.parametrize("how", [How.RECORD, How.PENDING])
def test_what_people_record_rests_on_no_evidence(how: How) -> None:
    assert rests_on(case(), clause(how)) == frozenset()


@pytest.mark.parametrize("how", [How.COVERAGE, How.CALIBRATION])
def test_coverage_and_calibration_rest_on_all_that_is_owed(how: How) -> None:
    assert rests_on(case(UNPACKING_OWED, ACCOUNTS_OWED, TOKENS), clause(how)) == {"unpacking", "accounts", "tokens"}
    assert rests_on(case(TOKENS), clause(how)) == {"unpacking", "tokens"}


@pytest.mark.parametrize("how", [How.FORBID, How.RECONCILE, How.DECLARATION, How.VALIDITY])
def test_others_rest_on_their_collectors_and_what_those_need(how: How) -> None:
    assert rests_on(case(UNPACKING_OWED, ACCOUNTS_OWED, TOKENS), clause(how)) == {"unpacking", "accounts"}
    assert rests_on(case(UNPACKING_OWED, NEEDING, BOOT), clause(how)) == {"unpacking", "accounts", "boot_services"}


def test_losing_a_piece_changes_no_ruling_that_does_not_rest_on_it() -> None:
    standard = reader.load()
    names = sorted({name for one in standard.clauses for name in one.decision.evidence})
    owed = (UNPACKING_OWED, *(Owed(name, 1, TREE) for name in names))
    evidence: list[Evidence] = [account(), *(piece(name) for name in names)]
    whole = Case.of(manifest(*owed), evidence, standard.profiles[0], making.declaration())
    for lost in ("unpacking", *names):
        less = [one for one in evidence if one.collector != lost]
        without = Case.of(manifest(*owed), less, standard.profiles[0], making.declaration())
        for one in standard.clauses:
            if lost not in rests_on(whole, one):
                assert decide(whole, one) == decide(without, one), (lost, one.id)
    assert whole.manifest.digest == IMAGE


def ruled(status: Status) -> Ruling:
    return Ruling("X-01", True, status, Reason.COVERAGE, "as far as was seen")


def test_what_is_seen_broken_becomes_nothing_else() -> None:
    for stated in Status:
        assert may_become(case(), clause(), ruled(Status.BROKEN), stated) is (stated is Status.BROKEN)
        assert may_become(case(), clause(), ruled(Status.NOT_SHOWN), stated)


SCAN = Record(
    clause="X-01",
    kind="port-scan",
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
SCANNED = clause(records=["a port-scan"])


def with_record(record: Record, by: str = "") -> Case:
    run = replace(manifest(), by=by, records=(HandedIn(record.clause, record.digest, record.proven),))
    return Case.of(run, [], EVALUATOR, None, None, [record], AT)


def test_by_no_rules_a_clause_is_met_without_a_record_of_each_kind_that_counts() -> None:
    assert no_rules_meet(case(), clause()) is None
    assert no_rules_meet(with_record(SCAN), SCANNED) is None
    for other in ({"kind": "read-back"}, {"role": "supplier"}, {"proven": False}, {"images": ("sha256:" + "3" * 64,)}):
        assert no_rules_meet(with_record(replace(SCAN, **other)), SCANNED) == "there is no record of a port-scan"
    both = clause(records=["a port-scan", "a read-back"])
    assert no_rules_meet(with_record(SCAN), both) == "there is no record of a read-back"
    assert no_rules_meet(case(), both) == "there is no record of a port-scan"


def test_by_no_rules_a_clause_is_met_above_the_access_or_by_a_role_that_does_not_count() -> None:
    above = no_rules_meet(Case(manifest(), making.OUTSIDER, None), clause(access=Access.EVALUATOR))
    assert above is not None
    assert "needs evaluator access" in above
    of_supplier = no_rules_meet(with_record(SCAN, by="supplier"), SCANNED)
    assert of_supplier is not None
    assert "in the role supplier" in of_supplier


def test_what_a_record_speaks_against_a_clause_other_rules_may_take_otherwise_and_evidence_does_not_mend() -> None:
    late = with_record(replace(SCAN, outcome=Outcome.CONTRADICTS, kind="read-back", proven=False))
    assert no_rules_meet(late, clause()) is None
    assert not may_become(late, clause(), ruled(Status.NOT_SHOWN), Status.MET)
    assert may_become(late, clause(), ruled(Status.NOT_SHOWN), Status.BROKEN)
    assert may_become(with_record(SCAN), SCANNED, ruled(Status.NOT_SHOWN), Status.MET)


@pytest.mark.parametrize("wanting", ["access", "record", "custody"])
def test_no_evidence_makes_a_clause_met_that_wants_something_else(wanting: str) -> None:
    one = clause(records=["a port-scan"]) if wanting == "record" else clause(access=Access.EVALUATOR)
    profile = making.OUTSIDER if wanting == "access" else EVALUATOR
    before = Case(replace(manifest(), by="supplier" if wanting == "custody" else ""), profile, None)
    assert not may_become(before, one, ruled(Status.NOT_SHOWN), Status.MET)
    assert may_become(before, one, ruled(Status.NOT_SHOWN), Status.NOT_SHOWN)
    assert may_become(before, one, ruled(Status.NOT_SHOWN), Status.BROKEN)

"""Records before the judge: what supports, what contradicts, what is too old, whose counts, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.judge.making import AT, EVALUATOR, IMAGE, account, clause, declaration, manifest, piece

from aboveboard.judge.judge import judge
from aboveboard.judge.reconcile import reconcile
from aboveboard.model.agreement import Agreement, Terms
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Standing, Where
from aboveboard.model.manifest import HandedIn
from aboveboard.model.record import DERIVED, Outcome, Record
from aboveboard.model.standard import FactPattern, How, Standard
from aboveboard.model.verdict import Reason, Ruling, Status, Verdict

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


def ruled(*records: Record, given: Sequence[Record] | None = None) -> Ruling:
    run = replace(manifest(), records=tuple(HandedIn(one.clause, one.digest) for one in records))
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


AGREEMENT = Agreement(
    digest="sha256:" + "b" * 64,
    sequence=1,
    amends=None,
    standard="1",
    profile="evaluator",
    supplier="maker",
    customer="ministry",
    products=(),
    required=("X-01",),
    waived={"X-02": "not yet"},
    terms=Terms(990, 980, evidence_days=10, verdict_days=30, canary_days=90, canary_grace_days=14),
    roles={},
    accepts={"*": ("laboratory",), "X-02": ("supplier",)},
    since="2026-01-01T00:00:00Z",
    until="2027-01-01T00:00:00Z",
    remedies=(),
    logs={},
)


def agreed(*records: Record, agreement: Agreement = AGREEMENT, by: str = "", name: str = "X-01") -> Verdict:
    ruled_on = clause(How.RECORD, records=("a log",), name=name)
    run = replace(manifest(), records=tuple(HandedIn(one.clause, one.digest) for one in records), by=by)
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (ruled_on,), (EVALUATOR,))
    return judge(run, [account(), piece()], standard, EVALUATOR, None, AT, agreement, records)


def test_the_agreement_says_whose_records_count_and_how_old_they_may_be() -> None:
    fresh = replace(GOOD, found="2026-11-20T00:00:00Z")
    assert agreed(fresh).rulings[0].status is Status.MET
    assert agreed(GOOD).rulings[0].reason is Reason.EXPIRED  # 23 days old, and ten are agreed
    assert agreed(replace(fresh, role="operator")).rulings[0].reason is Reason.NEEDS_HUMAN
    theirs = replace(fresh, clause="X-02", role="supplier")
    assert agreed(theirs, name="X-02").rulings[0].status is Status.MET


def test_the_agreement_says_who_may_answer_for_the_evidence() -> None:
    fresh = replace(GOOD, found="2026-11-20T00:00:00Z")
    assert agreed(fresh, by="laboratory").rulings[0].status is Status.MET
    got = agreed(fresh, by="supplier").rulings[0]
    assert (got.status, got.reason) == (Status.NOT_SHOWN, Reason.NO_EVIDENCE)


def test_a_record_on_the_supplier_as_a_whole_speaks_of_the_one_in_the_agreement() -> None:
    whole = replace(GOOD, found="2026-11-20T00:00:00Z", images=())
    assert agreed(whole).rulings[0].status is Status.MET
    assert agreed(whole, agreement=replace(AGREEMENT, supplier="another")).rulings[0].status is Status.NOT_SHOWN


def test_a_verdict_names_its_agreement_its_waivers_and_its_end() -> None:
    record = replace(GOOD, found="2026-11-20T00:00:00Z")
    verdict = agreed(record, by="laboratory")
    assert verdict.profile["waived"] == {"X-02": "not yet"}
    assert verdict.inputs["agreement"] == AGREEMENT.digest
    assert (verdict.inputs["records"], verdict.inputs["by"]) == ([GOOD.digest], "laboratory")
    assert verdict.expires == "2026-11-30T00:00:00Z"  # the record is ten days old then
    assert agreed().expires == "2026-12-24T12:00:00Z"  # thirty days are agreed
    ending = replace(AGREEMENT, until="2026-12-01T00:00:00Z")
    assert agreed(agreement=ending).expires == "2026-12-01T00:00:00Z"
    assert agreed(replace(record, until="2026-11-26T00:00:00Z")).expires == "2026-11-26T00:00:00Z"


@pytest.mark.parametrize(("explained", "programs"), [(1000, 980), (950, 1000)])
def test_the_limits_of_the_agreement_hold_where_they_are_stricter(explained: int, programs: int) -> None:
    ruled_on = clause(How.COVERAGE, evidence=())
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (ruled_on,), (EVALUATOR,))
    strict = replace(AGREEMENT, terms=replace(AGREEMENT.terms, bytes_explained=explained, programs_identified=programs))
    seen = account(total=1000, explained=990, programs=1000, identified=990)
    weak = replace(AGREEMENT, terms=replace(AGREEMENT.terms, bytes_explained=1, programs_identified=1))
    for agreement, status in ((weak, Status.MET), (strict, Status.NOT_SHOWN)):
        verdict = judge(manifest(), [seen, piece()], standard, EVALUATOR, None, AT, agreement)
        assert verdict.rulings[0].status is status


def test_ports_of_a_scan_are_held_against_the_declaration_with_their_interface() -> None:
    def scanned(interface: str) -> Ruling:
        fact = Fact("listener", Where(), {"proto": "tcp", "port": 80, "interface": interface}, Standing.CONFIRMED)
        record = replace(GOOD, kind="scan", facts=(fact,))
        ruled_on = clause(
            How.RECONCILE,
            facts=(FactPattern("listener", {}),),
            evidence=(),
            records=("a scan",),
            section="services",
            match=("proto", "port"),
        )
        run = replace(manifest(), records=(HandedIn(record.clause, record.digest),))
        standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (ruled_on,), (EVALUATOR,))
        service: dict[str, JSON] = {"proto": "tcp", "port": 80, "interface": "LAN"}
        declared = declaration(services=[service, {"proto": "tcp", "port": 81}])
        return judge(run, [account(), piece()], standard, EVALUATOR, declared, AT, None, [record]).rulings[0]

    assert scanned("lan").status is Status.MET
    assert scanned("lan").notes[0] == "declared, not observed: tcp 81"
    assert (scanned("wan").status, scanned("wan").reason) == (Status.BROKEN, Reason.UNDECLARED)


def test_where_nobody_looked_nothing_is_called_not_observed() -> None:
    ruled_on = clause(How.RECONCILE, evidence=(), section="services", match=("proto", "port"))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (ruled_on,), (EVALUATOR,))
    declared = declaration(services=[{"proto": "tcp", "port": 81}])
    assert judge(manifest(), [account(), piece()], standard, EVALUATOR, declared, AT).rulings[0].notes == ()


OTHER_DIGEST = "sha256:" + "a" * 64


def test_a_record_counts_from_the_time_at_which_it_was_found_and_until_its_age_is_reached() -> None:
    assert ruled(replace(GOOD, found=AT)).status is Status.MET
    assert ruled(replace(GOOD, found="2025-11-24T12:00:00Z")).reason is Reason.EXPIRED  # 365 days to the second
    assert ruled(replace(GOOD, found="2025-11-24T12:00:01Z")).status is Status.MET


def test_what_is_wanting_says_why_the_record_that_is_there_does_not_do() -> None:
    before = "wanting: a log"
    assert ruled().explanation == before
    assert ruled(replace(GOOD, until=AT)).explanation == f"{before} (the one of 2026-11-01 is no longer valid)"
    open_one = replace(GOOD, outcome=Outcome.INCOMPLETE, explanation="half of it")
    assert ruled(open_one).explanation == f"{before} (the one of 2026-11-01 does not show it: half of it)"
    theirs = "(one was given in the role supplier, which does not count for this clause)"
    assert ruled(replace(GOOD, role="supplier")).explanation == f"{before} {theirs}"


def test_what_is_derived_from_signed_things_needs_no_role_and_asks_for_no_person() -> None:
    derived = replace(GOOD, role=DERIVED)
    assert ruled(derived).status is Status.MET
    assert ruled(replace(derived, outcome=Outcome.INCOMPLETE)).reason is Reason.NO_EVIDENCE


def test_what_is_derived_does_not_age_and_ends_when_it_says() -> None:
    old = replace(GOOD, role=DERIVED, found="2020-01-01T00:00:00Z")
    assert ruled(old).status is Status.MET
    assert agreed(old).rulings[0].status is Status.MET  # ten days are agreed for what somebody recorded
    assert agreed(old).expires == "2026-12-24T12:00:00Z"  # the verdict's own thirty days
    assert agreed(replace(old, until="2026-11-26T00:00:00Z")).expires == "2026-11-26T00:00:00Z"
    assert ruled(replace(old, until=AT)).reason is Reason.EXPIRED
    assert ruled(replace(old, role="laboratory")).reason is Reason.EXPIRED


def two(one: Record, other: Record) -> Verdict:
    clauses = (WANTED, clause(How.RECORD, records=("a log",), name="X-02"))
    run = replace(manifest(), records=tuple(HandedIn(each.clause, each.digest) for each in (one, other)))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, clauses, (EVALUATOR,))
    return judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [other, one])


def test_a_record_speaks_for_its_own_clause_and_a_lost_one_blocks_its_own() -> None:
    verdict = two(GOOD, replace(GOOD, clause="X-02", digest=OTHER_DIGEST, outcome=Outcome.INCOMPLETE))
    assert [ruling.status for ruling in verdict.rulings] == [Status.MET, Status.NOT_SHOWN]
    assert [len(ruling.notes) for ruling in verdict.rulings] == [1, 1]
    assert verdict.inputs["records"] == [GOOD.digest, OTHER_DIGEST]  # in the order of their digests
    assert ruled(GOOD, replace(GOOD, clause="X-02", digest=OTHER_DIGEST), given=[GOOD]).status is Status.MET


def test_the_lost_record_that_is_named_does_not_hang_on_their_order() -> None:
    lost = [replace(GOOD, digest=digest) for digest in (OTHER_DIGEST, "sha256:" + "9" * 64)]
    for records in (lost, lost[::-1]):
        assert ruled(*records, given=[]).explanation.endswith("9" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"until": AT},  # too old already
        {"outcome": Outcome.INCOMPLETE, "until": "2026-11-25T00:00:00Z"},
        {"clause": "X-02", "outcome": Outcome.INCOMPLETE, "until": "2026-11-25T00:00:00Z"},
        {"clause": "X-02", "role": "supplier", "until": "2026-11-25T00:00:00Z"},  # X-02 is not met by it
    ],
)
def test_the_end_comes_only_from_what_a_met_rests_on(change: dict[str, object]) -> None:
    other = replace(GOOD, digest=OTHER_DIGEST, **change)  # type: ignore[arg-type]  # fields of a record
    assert two(GOOD, other).expires == "2027-11-01T00:00:00Z"


@pytest.mark.parametrize(("by", "status"), [("", Status.MET), ("laboratory", Status.MET), ("supplier", Status.NOT_SHOWN)])
def test_where_nothing_was_agreed_the_supplier_does_not_answer_for_evidence(by: str, status: Status) -> None:
    run = replace(manifest(), by=by, records=(HandedIn("X-01", GOOD.digest),))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (WANTED,), (EVALUATOR,))
    assert judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [GOOD]).rulings[0].status is status


def test_a_record_that_does_not_count_does_not_end_the_verdict() -> None:
    brief = replace(GOOD, role="supplier", digest="sha256:" + "b" * 64, until="2026-11-26T00:00:00Z")
    run = replace(manifest(), records=tuple(sorted(HandedIn("X-01", one.digest) for one in (GOOD, brief))))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (WANTED,), (EVALUATOR,))
    verdict = judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [GOOD, brief])
    assert verdict.rulings[0].status is Status.MET
    assert verdict.expires > brief.until


def test_what_the_image_shows_comes_before_what_a_record_says() -> None:
    forbidden = clause(How.FORBID)
    against = replace(GOOD, outcome=Outcome.CONTRADICTS)
    run = replace(manifest(), records=(HandedIn("X-01", against.digest),))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (forbidden,), (EVALUATOR,))
    shown = Fact("account", Where(), {"name": "root"}, Standing.CONFIRMED)
    got = judge(run, [account(), piece(facts=[shown])], standard, EVALUATOR, None, AT, None, [against]).rulings[0]
    assert (got.reason, got.facts) == (Reason.FORBIDDEN, (shown,))
    open_one = judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [against]).rulings[0]
    assert open_one.reason is Reason.RECORDED


@pytest.mark.parametrize(
    ("fact", "role", "broken"),
    [
        (Fact("account", Where(), {"name": "root"}, Standing.CONFIRMED), "laboratory", True),
        (Fact("account", Where(), {"name": "root"}, Standing.CONFIRMED), "supplier", False),
        (Fact("listener", Where(), {"port": 23}, Standing.CONFIRMED), "laboratory", False),
    ],
)
def test_facts_of_a_record_count_where_its_role_does_and_the_clause_asks_for_them(
    fact: Fact, role: str, *, broken: bool
) -> None:
    forbidden = clause(How.FORBID, facts=(FactPattern("account", {}), FactPattern("token", {})))
    record = replace(GOOD, role=role, facts=(fact,))
    run = replace(manifest(), records=(HandedIn("X-01", record.digest),))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (forbidden,), (EVALUATOR,))
    got = judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [record]).rulings[0]
    assert (got.status is Status.BROKEN) is broken
    late = judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [replace(record, proven=False)]).rulings[0]
    assert (late.reason is Reason.UNRESOLVED_CANDIDATE) is broken  # it accuses nobody, and stays open
    seen = replace(record, proven=False, facts=(replace(fact, standing=Standing.OBSERVED),))
    mere = judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [seen]).rulings[0]
    assert mere.reason is not Reason.UNRESOLVED_CANDIDATE  # and what was no candidate does not become one


@pytest.mark.parametrize("interface", ["", None, 7])
def test_an_interface_that_is_not_known_contradicts_nothing(interface: JSON) -> None:
    shown: dict[str, JSON] = {"proto": "tcp", "port": 80}
    fact = Fact("listener", Where(), {**shown, "interface": interface}, Standing.CONFIRMED)
    for item in ({**shown, "interface": "lan"}, {**shown, "interface": 7}):
        assert not reconcile([fact], [item], ("proto", "port")).undeclared
    known = Fact("listener", Where(), {**shown, "interface": "lan"}, Standing.CONFIRMED)
    assert not reconcile([known], [{**shown, "interface": 7}], ("proto", "port")).undeclared


def test_without_an_agreement_the_supplier_is_the_one_of_the_declaration() -> None:
    whole = replace(GOOD, images=())
    run = replace(manifest(), records=(HandedIn("X-01", whole.digest),))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (WANTED,), (EVALUATOR,))
    for declared, status in ((declaration(), Status.MET), (None, Status.NOT_SHOWN)):
        verdict = judge(run, [account(), piece()], standard, EVALUATOR, declared, AT, None, [whole])
        assert verdict.rulings[0].status is status


def test_a_record_on_a_clause_that_is_not_met_does_not_end_the_verdict() -> None:
    brief = replace(GOOD, until="2026-11-26T00:00:00Z")
    both = clause(How.RECORD, records=("a log", "a scan"))
    run = replace(manifest(), records=(HandedIn("X-01", brief.digest),))
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, (both,), (EVALUATOR,))
    verdict = judge(run, [account(), piece()], standard, EVALUATOR, None, AT, None, [brief])
    assert verdict.rulings[0].status is Status.NOT_SHOWN
    assert verdict.expires > brief.until


def test_a_record_of_which_nothing_shows_when_it_was_signed_supports_nothing() -> None:
    got = ruled(replace(GOOD, proven=False))
    assert (got.status, got.reason) == (Status.NOT_SHOWN, Reason.EXPIRED)
    assert "(the one of 2026-11-01 does not count; its key has expired, and no log shows" in got.explanation
    assert ruled(replace(GOOD, proven=False, role="supplier")).reason is Reason.NEEDS_HUMAN
    other = replace(GOOD, digest="sha256:" + "a" * 64)
    assert ruled(other, replace(GOOD, proven=False)).status is Status.MET


def test_one_that_contradicts_breaks_nothing_and_keeps_its_clause_from_being_met() -> None:
    late = replace(GOOD, outcome=Outcome.CONTRADICTS, digest="sha256:" + "a" * 64, proven=False)
    got = ruled(GOOD, late)
    assert (got.status, got.reason) == (Status.NOT_SHOWN, Reason.UNRESOLVED_CANDIDATE)
    assert late.line() in got.explanation
    assert any("its key has expired" in note for note in got.notes)
    assert ruled(GOOD, replace(late, proven=True)).status is Status.BROKEN
    assert ruled(GOOD, replace(late, role="supplier")).status is Status.MET  # it would not count with a good key either
    assert ruled(GOOD, replace(late, found="2027-01-01T00:00:00Z")).status is Status.MET
    assert ruled(GOOD, late, given=[GOOD]).reason is Reason.NO_EVIDENCE  # losing it does not help

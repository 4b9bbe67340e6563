"""Each way of deciding a clause: what breaks it, what keeps it open, what meets it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.judge.making import (
    ACCOUNTS_OWED,
    FOUND_NONE_OF_NONE,
    IMAGE,
    MET,
    MISSED_ONE,
    OTHER,
    OUTSIDER,
    TREE,
    UNPACKING_OWED,
    account,
    broken,
    clause,
    declaration,
    fact,
    gap,
    manifest,
    not_shown,
    piece,
    ruling,
    why,
)

from aboveboard.judge.case import matches
from aboveboard.judge.deciders import DECIDERS, DENIES
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import OPEN, SECTIONS, Declaration
from aboveboard.model.evidence import Calibration
from aboveboard.model.facts import Fact, Standing
from aboveboard.model.manifest import Owed
from aboveboard.model.standard import Access, FactPattern, How
from aboveboard.model.verdict import Reason, Status
from aboveboard.standard import reader

FORBIDDEN, RECONCILED, DECLARED = clause(), clause(How.RECONCILE), clause(How.DECLARATION)
COVERED, CALIBRATED = clause(How.COVERAGE, evidence=()), clause(How.CALIBRATION, evidence=())
VALID = clause(How.VALIDITY, evidence=())
CONFIRMED, CANDIDATE, OBSERVED = Standing.CONFIRMED, Standing.CANDIDATE, Standing.OBSERVED
ROOT: dict[str, JSON] = {"name": "root"}


def test_every_way_of_deciding_has_its_function() -> None:
    assert set(DECIDERS) == set(How)


# forbid


def test_one_confirmed_fact_breaks_what_is_forbidden_and_is_shown() -> None:
    candidate, confirmed, token = fact("account", CANDIDATE), fact("account", name="x"), fact("account", name="y")
    got = ruling(FORBIDDEN, [account(), piece(facts=[candidate, confirmed, token])])
    assert (got.status, got.reason) == broken(Reason.FORBIDDEN)
    assert got.explanation == "2 x account active as shipped"
    assert {item.data["name"] for item in got.facts} == {"x", "y"}


def test_what_is_forbidden_breaks_even_if_it_is_declared() -> None:
    permitting = declaration(accounts=[ROOT])
    assert why(FORBIDDEN, [account(), piece(facts=[fact(name="root")])], permitting) == broken(Reason.FORBIDDEN)


def test_a_broken_clause_survives_low_coverage_gaps_and_missing_evidence() -> None:
    accusing = piece(facts=[fact()], gaps=[gap()], calibration=FOUND_NONE_OF_NONE)
    for evidence in ([account(explained=0), accusing], [accusing]):
        assert why(FORBIDDEN, evidence) == broken(Reason.FORBIDDEN)


def test_a_candidate_accuses_nobody_and_keeps_the_clause_open() -> None:
    candidate = fact("account", CANDIDATE)
    got = ruling(FORBIDDEN, [account(), piece(facts=[candidate])])
    assert (got.status, got.reason, got.facts) == (*not_shown(Reason.UNRESOLVED_CANDIDATE), (candidate,))
    assert got.explanation == "1 x account whose use is not decided: candidates, which accuse nobody"


def test_what_is_off_as_shipped_neither_breaks_nor_keeps_open() -> None:
    off = [account(), piece(facts=[fact("account", OBSERVED, name="root")])]
    assert why(FORBIDDEN, off) == MET
    assert why(RECONCILED, off, declaration()) == MET


def test_an_explanation_counts_the_facts_by_kind() -> None:
    both = clause(facts=[FactPattern("token", {}), FactPattern("account", {})])
    facts = [fact("token", name="1"), fact("account", name="2"), fact("account", name="3")]
    assert ruling(both, [account(), piece(facts=facts)]).explanation == "2 x account, 1 x token active as shipped"


# reconcile


def test_observed_and_undeclared_is_broken_with_what_was_declared_and_not_observed() -> None:
    root, candidate = fact(name="root"), fact("account", CANDIDATE, name="guest")
    got = ruling(RECONCILED, [account(), piece(facts=[root, candidate])], declaration(accounts=[{"name": "admin"}]))
    assert (got.status, got.reason, got.facts) == (*broken(Reason.UNDECLARED), (root,))
    assert got.explanation == "1 x account active as shipped and not declared"
    assert got.notes == ("declared, not observed: admin",)


def test_observed_and_declared_is_met_and_shown() -> None:
    root = fact(name="root")
    got = ruling(RECONCILED, [account(), piece(facts=[root])], declaration(accounts=[ROOT]))
    assert (got.status, got.reason, got.facts, got.notes) == (*MET, (root,), ())


def test_declared_and_not_observed_is_a_note() -> None:
    got = ruling(RECONCILED, [account(), piece()], declaration(accounts=[ROOT]))
    assert (got.status, got.reason, got.notes) == (*MET, ("declared, not observed: root",))


def test_the_notes_stay_where_something_else_is_wanting() -> None:
    got = ruling(RECONCILED, [account(), piece(facts=[fact(name="root")], gaps=[gap()])], declaration(accounts=[ROOT, {}]))
    assert (got.status, got.reason) == not_shown(Reason.COVERAGE)
    assert (len(got.facts), len(got.gaps), got.notes) == (1, 1, ("declared, not observed: ?",))


@pytest.mark.parametrize("standing", [CONFIRMED, CANDIDATE])
def test_without_a_declaration_or_its_section_nothing_is_undeclared(standing: Standing) -> None:
    seen = fact("account", standing, name="root")
    silent = replace(declaration(), sections={"services": ()})
    for declared in (None, silent):
        got = ruling(RECONCILED, [account(), piece(facts=[seen])], declared)
        assert (got.status, got.reason, got.facts) == (*not_shown(Reason.NOT_DECLARED), (seen,))
        assert got.explanation == "the supplier declared nothing under accounts, so nothing is undeclared"
    assert why(RECONCILED, [account(), piece()], None) == not_shown(Reason.NOT_DECLARED)


def test_an_undeclared_candidate_accuses_nobody_and_keeps_the_clause_open() -> None:
    guest, root = fact("account", CANDIDATE, name="guest"), fact(name="root")
    got = ruling(RECONCILED, [account(), piece(facts=[guest, root])], declaration(accounts=[ROOT, {"name": "admin"}]))
    assert (got.status, got.reason, got.facts) == (*not_shown(Reason.UNRESOLVED_CANDIDATE), (guest,))
    assert got.explanation.startswith("1 x account not declared")
    assert got.notes == ("declared, not observed: admin",)


def test_a_declared_candidate_is_fine() -> None:
    assert (
        why(RECONCILED, [account(), piece(facts=[fact("account", CANDIDATE, name="root")])], declaration(accounts=[ROOT]))
        == MET
    )


@pytest.mark.parametrize("unknown", [None, ""])
def test_a_confirmed_fact_that_does_not_know_its_key_accuses_nobody_and_stays_open(unknown: JSON) -> None:
    nameless = fact(name=unknown)
    for declared in (declaration(), declaration(accounts=[ROOT]), declaration(accounts=[{"name": ""}])):
        assert why(RECONCILED, [account(), piece(facts=[nameless])], declared) == not_shown(Reason.UNRESOLVED_CANDIDATE)


def test_a_declaration_for_another_image_accuses_but_meets_nothing() -> None:
    earlier, evidence = declaration([OTHER], accounts=[ROOT]), [account(), piece(facts=[fact(name="root")])]
    permitted = ruling(RECONCILED, evidence, earlier)
    assert (permitted.status, permitted.reason) == not_shown(Reason.NOT_DECLARED)
    assert permitted.facts
    undeclared = ruling(RECONCILED, [account(), piece(facts=[fact(name="new")])], earlier)
    assert (undeclared.status, undeclared.reason) == broken(Reason.UNDECLARED)
    for got in (permitted, undeclared):
        assert got.notes[0] == "the declaration speaks of other images than this one, an earlier release perhaps"
    assert undeclared.notes[1:] == ("declared, not observed: root",)
    assert why(RECONCILED, evidence, replace(earlier, images=(OTHER, IMAGE))) == MET


# coverage


def test_the_coverage_clause_is_met_over_the_limits_whatever_the_facts() -> None:
    assert why(COVERED, [account(), piece(facts=[fact()], gaps=[gap()])]) == MET
    assert why(COVERED, [account(explained=1), piece()]) == not_shown(Reason.COVERAGE)


def test_the_coverage_clause_wants_all_evidence_that_the_run_owes() -> None:
    got = ruling(COVERED, [account()])
    assert (got.status, got.reason) == not_shown(Reason.NO_EVIDENCE)
    assert got.explanation == "1 pieces of evidence that the run owes are missing"
    assert why(COVERED, [], owed=manifest(ACCOUNTS_OWED)) == not_shown(Reason.NO_EVIDENCE)
    assert why(COVERED, [piece()], owed=manifest(ACCOUNTS_OWED)) == not_shown(Reason.NO_EVIDENCE)


# calibration


def test_a_missed_known_answer_breaks_the_calibration_clause_by_name() -> None:
    got = ruling(CALIBRATED, [account(calibration=None), piece(calibration=MISSED_ONE)])
    assert (got.status, got.reason) == broken(Reason.KNOWN_ANSWER_MISSED)
    assert got.explanation == "planted known answers missed by: accounts"


def test_the_calibration_clause_wants_known_answers_from_every_collector_that_is_owed() -> None:
    assert why(CALIBRATED, [account(), piece()]) == MET
    for untried in (None, FOUND_NONE_OF_NONE, Calibration(1, 2)):
        got = ruling(CALIBRATED, [account(), piece(calibration=untried)])
        assert (got.status, got.reason) == not_shown(Reason.UNCALIBRATED)
        assert got.explanation == "no known answers for: accounts"


def test_the_calibration_clause_wants_all_evidence_that_the_run_owes() -> None:
    assert why(CALIBRATED, [account()]) == not_shown(Reason.NO_EVIDENCE)
    nothing_owed = replace(manifest(), owed=())
    assert why(CALIBRATED, [], owed=nothing_owed) == not_shown(Reason.NO_EVIDENCE)


def test_the_calibration_clause_is_not_met_above_the_profiles_access() -> None:
    above = replace(CALIBRATED, access=Access.OPERATOR)
    assert why(above, [account(), piece()], profile=OUTSIDER) == not_shown(Reason.NO_EVIDENCE)


# declaration


def declared_but(**changed: object) -> Declaration:
    return replace(declaration(), **changed)  # type: ignore[arg-type]  # fields of a declaration by name


def test_a_complete_declaration_for_this_image_is_met() -> None:
    for declared in (declaration(), declaration([OTHER, IMAGE], accounts=[ROOT])):
        assert why(DECLARED, [account(), piece()], declared) == MET


def test_no_declaration_or_one_for_another_image_is_not_declared() -> None:
    root = piece(facts=[fact(name="root")])
    for declared in (None, declaration([OTHER])):
        assert why(DECLARED, [account(), root], declared) == not_shown(Reason.NOT_DECLARED)
        assert why(DECLARED, [account(), piece()], declared) == not_shown(Reason.NOT_DECLARED)


def test_none_declared_and_one_confirmed_is_declared_falsely() -> None:
    root, guest = fact(name="root"), fact("account", CANDIDATE, name="guest")
    got = ruling(DECLARED, [account(), piece(facts=[root, guest])], declaration())
    assert (got.status, got.reason, got.facts) == (*broken(Reason.DECLARED_FALSELY), (root,))
    assert got.explanation == "1 x account where the declaration says there is none"


def test_none_declared_and_a_candidate_stays_open() -> None:
    guest = fact("account", CANDIDATE, name="guest")
    got = ruling(DECLARED, [account(), piece(facts=[guest])], declaration())
    assert (got.status, got.reason, got.facts) == (*not_shown(Reason.UNRESOLVED_CANDIDATE), (guest,))
    assert got.explanation.startswith("1 x account where the declaration says there is none")


def test_none_declared_and_one_that_is_off_is_no_falsehood() -> None:
    assert why(DECLARED, [account(), piece(facts=[fact("account", OBSERVED)])], declaration()) == MET


def test_a_section_with_entries_or_without_a_word_denies_nothing() -> None:
    seen = [account(), piece(facts=[fact(name="root")])]
    assert why(DECLARED, seen, declaration(accounts=[{"name": "admin"}])) == MET
    silent = declared_but(sections={name: () for name in SECTIONS if name != "accounts"})
    assert why(DECLARED, seen, silent) == not_shown(Reason.NOT_DECLARED)


def test_remote_management_is_denied_by_its_own_section_alone() -> None:
    """Who declares it under remote_support may say that no traffic is copied or tunnelled, and the other way round."""
    ruled = replace(DECLARED, decision=replace(DECLARED.decision, facts=(FactPattern("carried-traffic", {}),)))
    entry: dict[str, JSON] = {"name": "x"}
    for what, own, other in (
        ("remote-management", "remote_support", "traffic"),
        ("remote-access", "remote_support", "traffic"),
        ("tunnel", "traffic", "remote_support"),
        ("mirror", "traffic", "remote_support"),
    ):
        seen = [account(), piece(facts=[fact("carried-traffic", what=what, name="x")])]
        assert why(ruled, seen, declaration((IMAGE,), **{own: [entry]})) == MET
        assert why(ruled, seen, declaration((IMAGE,), **{other: [entry]})) == broken(Reason.DECLARED_FALSELY)


def test_a_section_denies_what_the_standard_lets_it_permit_and_nothing_else() -> None:
    permitted = [
        (clause.decision.section, FactPattern(pattern.kind, {"what": (value,)} if value else {}))
        for clause in reader.load().clauses
        if clause.decision.how is How.RECONCILE
        for pattern in clause.decision.facts
        for value in pattern.when.get("what", [None])
    ]
    for section, pattern in permitted:
        one = Fact(pattern.kind, fact().where, {key: values[0] for key, values in pattern.when.items()})
        denying = {name for name, patterns in DENIES.items() if any(matches(one, other) for other in patterns)}
        assert denying == {section}
    assert set(DENIES) == {section for section, _ in permitted}


def test_open_places_keep_a_declaration_incomplete_and_the_first_is_named() -> None:
    drafted = declaration(accounts=[{"name": "root", "purpose": OPEN}, {"name": "admin", "purpose": OPEN}])
    got = ruling(DECLARED, [account(), piece()], drafted)
    assert (got.status, got.reason) == not_shown(Reason.NOT_DECLARED)
    assert got.explanation == "2 places of the declaration are still to be completed; first: accounts, entry 1, purpose"
    assert why(DECLARED, [account(), piece()], declared_but(supplier=OPEN)) == not_shown(Reason.NOT_DECLARED)


def test_every_section_must_be_there_and_those_missing_are_named() -> None:
    for section in SECTIONS:
        partial = declared_but(sections={name: () for name in SECTIONS if name != section})
        got = ruling(DECLARED, [account(), piece()], partial)
        assert (got.status, got.reason) == not_shown(Reason.NOT_DECLARED)
        assert got.explanation == f"sections missing from the declaration: {section}"


def test_a_complete_declaration_of_equipment_that_was_not_seen_is_not_met() -> None:
    assert why(DECLARED, [account()], declaration()) == not_shown(Reason.NO_EVIDENCE)
    assert why(DECLARED, [account(), piece(gaps=[gap()])], declaration()) == not_shown(Reason.COVERAGE)


# validity, record, pending


def test_a_verdict_is_valid_where_the_run_names_its_image_and_has_its_account() -> None:
    assert why(VALID, [account(), piece()]) == MET
    assert why(VALID, [piece()]) == not_shown(Reason.NO_EVIDENCE)
    assert why(VALID, [], owed=replace(manifest(), owed=())) == not_shown(Reason.NO_EVIDENCE)


def test_a_run_that_names_no_image_is_not_valid() -> None:
    unnamed = piece("unpacking", account().facts, subject="")
    nameless = manifest(Owed("unpacking", 1, ""), digest="")
    got = ruling(VALID, [unnamed], owed=nameless)
    assert (got.status, got.reason, got.explanation) == (*not_shown(Reason.NO_EVIDENCE), "the run names no image")


def test_only_records_decide_what_needs_a_person() -> None:
    got = ruling(clause(How.RECORD, records=("a log", "a list")), [account(), piece(facts=[fact()])], declaration())
    assert (got.status, got.reason, got.explanation) == (*not_shown(Reason.NEEDS_HUMAN), "wanting: a log; a list")


def test_what_no_collector_serves_stays_open_and_says_what_else_is_wanting() -> None:
    alone = ruling(clause(How.PENDING), [account(), piece(facts=[fact()])], declaration())
    assert (alone.status, alone.reason) == not_shown(Reason.NO_EVIDENCE)
    assert alone.explanation == "no collector of this version gives evidence for it"
    also = ruling(clause(How.PENDING, records=("a log", "a list")), [account(), piece()])
    assert also.explanation == "no collector of this version gives evidence for it; also wanting: a log; a list"


def test_a_ruling_says_whether_the_profile_requires_it() -> None:
    assert ruling(FORBIDDEN, [account(), piece()]).required
    assert not ruling(clause(name="X-02"), [account(), piece()]).required


def test_losing_either_piece_of_evidence_never_helps() -> None:
    """Law 2, for each way of deciding: with the manifest fixed, less evidence meets no more."""
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("keys", 1, TREE))
    whole = [account(), piece(facts=[fact("account", CANDIDATE)]), piece("keys", gaps=[gap()])]
    for ruled in (FORBIDDEN, RECONCILED, DECLARED, COVERED, CALIBRATED, VALID):
        before = ruling(ruled, whole, declaration(), owed=owed).status
        for lost in whole:
            kept = [item for item in whole if item is not lost]
            after = ruling(ruled, kept, declaration(), owed=owed).status
            assert before is Status.MET or after is not Status.MET

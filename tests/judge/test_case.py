"""What is in a case: which evidence counts, and which facts, gaps and counts it gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.judge.making import (
    ACCOUNTS_OWED,
    EVALUATOR,
    FOUND_NONE_OF_NONE,
    IMAGE,
    MET,
    OTHER,
    TREE,
    UNPACKING_OWED,
    account,
    broken,
    clause,
    fact,
    gap,
    judged,
    manifest,
    not_shown,
    piece,
    why,
)

from aboveboard.judge.case import Case, matches
from aboveboard.model.canonical import JSON
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Fact, Where
from aboveboard.model.manifest import Owed
from aboveboard.model.standard import FactPattern
from aboveboard.model.verdict import Reason

FORBIDDEN = clause()


def case(*evidence: Evidence, owed: tuple[Owed, ...] = ()) -> Case:
    return Case.of(manifest(*owed), evidence, EVALUATOR, None)


def test_the_same_piece_given_twice_is_one_piece() -> None:
    assert why(FORBIDDEN, [account(), piece(), piece()]) == MET


def test_two_different_pieces_for_one_debt_cancel_each_other_whichever_comes_first() -> None:
    clean, accusing = piece(), piece(facts=[fact()])
    for both in ([clean, accusing], [accusing, clean], [clean, accusing, clean]):
        verdict = judged([FORBIDDEN], [account(), *both])
        assert (verdict.rulings[0].status, verdict.rulings[0].reason) == not_shown(Reason.NO_EVIDENCE)
        assert verdict.inputs["refused"] == [f"accounts of {TREE}"]


def test_a_piece_of_another_version_is_refused() -> None:
    verdict = judged([FORBIDDEN], [account(), piece(version=2)])
    assert (verdict.rulings[0].status, verdict.rulings[0].reason) == not_shown(Reason.NO_EVIDENCE)
    assert verdict.inputs["refused"] == [f"accounts of {TREE}"]


def test_a_broken_seal_is_refused_and_accuses_nobody() -> None:
    opened = replace(piece(), facts=(fact(),))
    verdict = judged([FORBIDDEN], [account(), opened])
    assert (verdict.rulings[0].status, verdict.rulings[0].reason) == not_shown(Reason.NO_EVIDENCE)
    assert verdict.inputs["refused"] == [f"accounts of {TREE}"]


def test_what_is_not_owed_is_left_aside_and_what_is_owed_still_counts() -> None:
    foreign = [piece(subject=OTHER, facts=[fact()]), piece("stranger", [fact()])]
    verdict = judged([FORBIDDEN], [*foreign, account(), piece()])
    assert (verdict.rulings[0].status, verdict.rulings[0].reason) == MET
    assert verdict.inputs["refused"] == []


def test_a_manifest_that_owes_two_versions_of_one_piece_cannot_be_satisfied() -> None:
    newer = replace(ACCOUNTS_OWED, version=2)
    for both in ((ACCOUNTS_OWED, newer), (newer, ACCOUNTS_OWED)):  # the same manifest: the same ruling, law 5
        for given in (piece(), piece(version=2)):
            assert why(FORBIDDEN, [account(), given], owed=manifest(UNPACKING_OWED, *both)) == not_shown(Reason.NO_EVIDENCE)


def test_a_clause_rests_on_what_feeds_its_collectors_however_far_back() -> None:
    owed = (
        UNPACKING_OWED,
        Owed("accounts", 1, TREE, ("boot",)),
        Owed("boot", 1, TREE, ("programs",)),
        Owed("programs", 1, TREE, ("accounts",)),  # a cycle ends too
        Owed("keys", 1, TREE, ("certificates",)),
    )
    assert case(owed=owed).collectors_behind(FORBIDDEN) == {"unpacking", "accounts", "boot", "programs"}


def test_a_clause_does_not_rest_on_what_feeds_others() -> None:
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("keys", 1, TREE, ("certificates",)))
    assert why(FORBIDDEN, [account(), piece()], owed=owed) == MET


def test_known_answers_of_others_do_not_matter() -> None:
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("keys", 1, TREE))
    untried = piece("keys", calibration=FOUND_NONE_OF_NONE)
    assert why(FORBIDDEN, [account(), piece(), untried], owed=owed) == MET


@pytest.mark.parametrize("calibration", [None, FOUND_NONE_OF_NONE])
def test_no_known_answers_are_no_calibration(calibration: None) -> None:
    assert why(FORBIDDEN, [account(), piece(calibration=calibration)]) == not_shown(Reason.UNCALIBRATED)
    assert case(account(calibration=calibration), piece()).uncalibrated({"unpacking", "accounts"}) == ["unpacking"]


def test_gaps_in_the_account_of_bytes_count_through_the_coverage_instead() -> None:
    assert why(FORBIDDEN, [account(gaps=[gap()]), piece()]) == MET


def test_gaps_of_another_account_are_in_no_coverage_and_so_count() -> None:
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("unpacking", 1, OTHER))
    other = piece("unpacking", gaps=[gap()], subject=OTHER)
    assert why(FORBIDDEN, [account(), piece(), other], owed=owed) == not_shown(Reason.COVERAGE)


def test_gaps_of_others_do_not_matter() -> None:
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("keys", 1, TREE))
    assert why(FORBIDDEN, [account(), piece(), piece("keys", gaps=[gap()])], owed=owed) == MET


def test_facts_count_only_from_the_collectors_that_the_clause_names() -> None:
    owed = manifest(UNPACKING_OWED, Owed("accounts", 1, TREE, ("keys",)), Owed("keys", 1, TREE))
    accusing, clean = [fact()], [account(), piece()]
    assert why(FORBIDDEN, [*clean, piece("keys", accusing)], owed=owed) == MET
    assert why(FORBIDDEN, [account(), piece(facts=accusing), piece("keys")], owed=owed) == broken(Reason.FORBIDDEN)


def test_a_fact_matches_by_kind_and_by_every_key_of_the_pattern() -> None:
    pattern = FactPattern("account", {"shared": (True,), "shell": ("/bin/sh", "/bin/ash")})
    assert matches(fact("account", shared=True, shell="/bin/ash"), pattern)
    assert not matches(fact("token", shared=True, shell="/bin/ash"), pattern)
    assert not matches(fact("account", shared=True, shell="/bin/false"), pattern)
    assert not matches(fact("account", shared=True), pattern)
    assert not matches(fact("account"), pattern)


def test_a_fact_counts_where_any_of_the_patterns_matches() -> None:
    either = clause(facts=(FactPattern("token", {}), FactPattern("account", {"shared": (True,)})))
    assert why(either, [account(), piece(facts=[fact(shared=True)])]) == broken(Reason.FORBIDDEN)
    assert why(either, [account(), piece(facts=[fact(shared=False)])]) == MET


def test_the_coverage_is_that_of_the_image_alone() -> None:
    elsewhere = replace(account(1, 1), subject=OTHER)
    other = Evidence.sealed(elsewhere.collector, 1, OTHER, elsewhere.facts, (), elsewhere.calibration)
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("unpacking", 1, OTHER), Owed("accounts", 1, IMAGE))
    at_image = piece(subject=IMAGE, facts=account(3, 3).facts)  # another collector's word for it
    verdict = judged([FORBIDDEN], [account(), piece(), other, at_image], owed=owed)
    assert verdict.coverage["bytes_total"] == 1000
    assert verdict.rulings[0].status is MET[0]


def test_coverage_said_twice_is_no_coverage() -> None:
    twice = piece("unpacking", [*account().facts, *account(1, 1).facts], subject=IMAGE)
    assert why(FORBIDDEN, [twice, piece()]) == not_shown(Reason.NO_EVIDENCE)


def test_other_facts_of_unpacking_are_no_coverage() -> None:
    more = piece("unpacking", [*account().facts, Fact("container", Where(), {"bytes_total": 1})], subject=IMAGE)
    assert why(FORBIDDEN, [more, piece()]) == MET
    assert judged([FORBIDDEN], [more, piece()]).coverage["bytes_total"] == 1000


@pytest.mark.parametrize("total", ["1000", True, None])
def test_only_integers_are_counts(total: JSON) -> None:
    verdict = judged([FORBIDDEN], [account(total, 1000), piece()])
    assert "bytes_total" not in verdict.coverage
    assert (verdict.rulings[0].status, verdict.rulings[0].reason) == not_shown(Reason.NO_EVIDENCE)

"""What *met* asks for beyond the absence of a contradiction, and which reason comes first."""

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
    OUTSIDER,
    TREE,
    UNPACKING_OWED,
    account,
    clause,
    gap,
    manifest,
    not_shown,
    piece,
    ruling,
    why,
)

from aboveboard.judge.requirements import COUNTS, GAPS_SHOWN
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Cause, Fact, Where
from aboveboard.model.manifest import Owed
from aboveboard.model.standard import Access
from aboveboard.model.verdict import Reason, Status

FORBIDDEN = clause()


def test_sound_evidence_without_a_contradiction_is_met() -> None:
    assert why(FORBIDDEN, [account(), piece()]) == MET


def test_the_first_thing_that_is_wanting_is_the_reason() -> None:
    """Mend one thing at a time, in the order of the docstring: the next one becomes the reason."""
    ruled = clause(access=Access.OPERATOR, records=("a scan",))
    bad_account, bad_piece = account(explained=1, calibration=FOUND_NONE_OF_NONE), piece(gaps=[gap(Cause.ENCRYPTED)])
    without = manifest(UNPACKING_OWED)
    assert "nothing was collected by" in ruling(ruled, [bad_account], profile=OUTSIDER, owed=without).explanation
    assert "missing or broken" in ruling(ruled, [bad_account], profile=OUTSIDER).explanation
    assert why(ruled, [bad_account, bad_piece], profile=OUTSIDER) == not_shown(Reason.UNCALIBRATED)
    assert why(ruled, [account(explained=1), bad_piece], profile=OUTSIDER) == not_shown(Reason.COVERAGE)
    assert why(ruled, [account(), bad_piece], profile=OUTSIDER) == not_shown(Reason.ENCRYPTED)
    above = ruling(ruled, [account(), piece()], profile=OUTSIDER)
    assert (above.status, above.reason) == not_shown(Reason.NO_EVIDENCE)
    assert above.explanation == "needs operator access, above the profile outsider"
    assert why(ruled, [account(), piece()]) == not_shown(Reason.NEEDS_HUMAN)


def test_a_collector_that_is_not_owed_did_not_look() -> None:
    alone = ruling(FORBIDDEN, [account()], owed=manifest(UNPACKING_OWED))
    assert (alone.status, alone.reason) == not_shown(Reason.NO_EVIDENCE)
    assert alone.explanation == "nothing was collected by: accounts"


def test_missing_evidence_is_counted_and_named() -> None:
    owed = manifest(UNPACKING_OWED, ACCOUNTS_OWED, Owed("accounts", 1, IMAGE), Owed("keys", 1, TREE))
    lost = ruling(FORBIDDEN, [account()], owed=owed)
    assert (lost.status, lost.reason) == not_shown(Reason.NO_EVIDENCE)
    assert lost.explanation == "2 pieces of evidence are missing or broken: accounts"


def test_without_an_account_of_bytes_nothing_is_met() -> None:
    silent = piece("unpacking", subject=IMAGE)
    assert why(FORBIDDEN, [silent, piece()]) == not_shown(Reason.NO_EVIDENCE)


def test_the_account_of_another_image_is_none_of_this_one() -> None:
    owed = manifest(Owed("unpacking", 1, OTHER), ACCOUNTS_OWED)
    elsewhere = piece("unpacking", account().facts, subject=OTHER)
    assert why(FORBIDDEN, [elsewhere, piece()], owed=owed) == not_shown(Reason.NO_EVIDENCE)


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_that_is_left_out_is_no_count_of_nought(name: str) -> None:
    counts = {key: value for key, value in account().facts[0].data.items() if key != name}
    partial = piece("unpacking", [Fact("coverage", Where(), counts)], subject=IMAGE)
    assert why(FORBIDDEN, [partial, piece()]) == not_shown(Reason.NO_EVIDENCE)


@pytest.mark.parametrize(
    ("given", "enough"),
    [
        (account(1_000_000, 950_000), True),
        (account(1_000_000, 949_999), False),
        (account(1, 1), True),
        (account(1, 0), False),
        (account(0, 0), False),  # nothing of nothing is no coverage
        (account(programs=1_000_000, identified=980_000), True),
        (account(programs=1_000_000, identified=979_999), False),
        (account(programs=0, identified=0), True),  # an image may hold no program
    ],
)
def test_the_limits_of_the_profile_hold_to_the_last_byte_and_program(given: Evidence, enough: bool) -> None:
    assert why(FORBIDDEN, [given, piece()]) == (MET if enough else not_shown(Reason.COVERAGE))


def test_each_limit_is_the_profiles_own() -> None:
    lenient = replace(EVALUATOR, bytes_explained=500, programs_identified=400)
    assert why(FORBIDDEN, [account(1000, 500, 10, 4), piece()], profile=lenient) == MET
    assert why(FORBIDDEN, [account(1000, 499, 10, 4), piece()], profile=lenient) == not_shown(Reason.COVERAGE)
    assert why(FORBIDDEN, [account(1000, 500, 10, 3), piece()], profile=lenient) == not_shown(Reason.COVERAGE)


def test_bytes_that_were_not_explained_say_whether_some_are_encrypted() -> None:
    plain, hidden = gap(Cause.UNKNOWN_FORMAT), gap(Cause.ENCRYPTED)
    assert why(FORBIDDEN, [account(explained=1, gaps=[plain]), piece()]) == not_shown(Reason.COVERAGE)
    mixed = ruling(FORBIDDEN, [account(explained=1, gaps=[plain, hidden]), piece()])
    assert (mixed.status, mixed.reason) == not_shown(Reason.ENCRYPTED)
    assert {item.cause for item in mixed.gaps} == {Cause.UNKNOWN_FORMAT, Cause.ENCRYPTED}
    assert mixed.explanation == "1 of 1000 bytes explained, the limit is 950 in 1000"


def test_programs_that_were_not_identified_come_with_the_gaps_of_the_account() -> None:
    unread = ruling(FORBIDDEN, [account(identified=3, gaps=[gap()]), piece()])
    assert (unread.status, unread.reason) == not_shown(Reason.COVERAGE)
    assert unread.explanation == "3 of 10 programs identified"
    assert len(unread.gaps) == 1


def test_a_gap_behind_the_clause_keeps_it_open_and_says_whether_it_is_encrypted() -> None:
    plain, hidden = gap(detail="first"), gap(Cause.ENCRYPTED, "second")
    opened = ruling(FORBIDDEN, [account(), piece(gaps=[plain])])
    assert (opened.status, opened.reason) == not_shown(Reason.COVERAGE)
    assert opened.explanation == "1 places could not be followed; first: first"
    assert opened.gaps == (plain,)
    assert why(FORBIDDEN, [account(), piece(gaps=[plain, hidden])]) == not_shown(Reason.ENCRYPTED)


def test_a_ruling_lists_a_bounded_number_of_gaps() -> None:
    many = [gap(detail=f"place {number}") for number in range(GAPS_SHOWN + 1)]
    for evidence in ([account(), piece(gaps=many)], [account(explained=1, gaps=many), piece()]):
        assert len(ruling(FORBIDDEN, evidence).gaps) == GAPS_SHOWN
    assert len(ruling(FORBIDDEN, [account(identified=1, gaps=many), piece()]).gaps) == GAPS_SHOWN


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("held", Access)
def test_a_clause_is_met_up_to_the_profiles_access_and_not_above(access: Access, held: Access) -> None:
    status = ruling(clause(access=access), [account(), piece()], profile=replace(EVALUATOR, access=held)).status
    assert status is (Status.MET if access.rank <= held.rank else Status.NOT_SHOWN)


def test_what_only_a_person_can_show_is_never_met_from_the_image() -> None:
    wanting = ruling(clause(records=("a scan", "a test")), [account(), piece()])
    assert (wanting.status, wanting.reason) == not_shown(Reason.NEEDS_HUMAN)
    assert wanting.explanation == "nothing in the image contradicts it; wanting: a scan; a test"

"""Times of a log that a sealer tells otherwise than its witnesses do, in bundles that are verified without the log."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from aboveboard.model.errors import InputError
from aboveboard.pipelines import bundle_log, log, log_writing, papers
from aboveboard.pipelines.bundle_log import times_hold
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.log import SPARE, LogView, log_view, proving
from aboveboard.pipelines.log_extracts import extract
from aboveboard.pipelines.trusted_logs import Trusted, read_policies
from aboveboard.pipelines.verifying_steps import Verified
from aboveboard.trust import note
from aboveboard.trust.checkpoint import WitnessKey, cosign
from aboveboard.trust.entry import Entry
from aboveboard.trust.policy import Group, Policy
from tests.attacks import bundles
from tests.attacks.keys import LOG, NOW, WITNESS, key, refused
from tests.attacks.test_agreements import IMAGE, RING
from tests.pipelines.test_derived_records import DAY, LOG_KEY, NOBODY, POLICY, WHO, Stage

SECOND_WITNESS = key("second witness")
OTHER_WHO = "w.example/2"
SECOND_LOG = replace(LOG_KEY, name="log.example/second")
SECOND_POLICY = replace(POLICY, log=SECOND_LOG)
BOTH = Policy(
    LOG_KEY,
    (WitnessKey(WHO, WITNESS.public), WitnessKey(OTHER_WHO, SECOND_WITNESS.public)),
    {"all": Group(2, (WHO, OTHER_WHO))},
    "all",
)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def told(stage: Stage, policy: Policy = POLICY) -> LogView:
    return extract(stage.view(policy), [], [IMAGE], [])


def case(*views: LogView) -> CaseFiles:
    return bundles.case(replace(bundles.FULL, logs=views))


def verified(folder: Path, *views: LogView, policy: Policy | None = POLICY) -> Verified:
    """Seal a case as whoever holds the laboratory's key can, and verify it without the log."""
    made = bundles.sealed(folder / "run", case(*views))
    held = None if policy is None else lambda case, _papers: times_hold(case, policy)
    nothing = bundle_log.Seen(None, ("the manifest is not asked for here",))
    asked: dict[str, Any] = {} if policy is None else {"seen": lambda _manifest: nothing}
    return bundles.verified(folder / "bundle", made.files, told=held, **asked)


def seen(view: LogView, time: datetime) -> LogView:
    """Return a view whose states are told to have been seen at another time."""
    states = tuple(replace(state, seen_at=time) for state in view.states)
    return replace(view, states=states, latest=max(time, view.latest or time))


def test_times_that_the_witnesses_gave_are_so(stage: Stage, tmp_path: Path) -> None:
    found = verified(tmp_path, told(stage))
    assert found.exit_code == 0
    assert any("shown by its witnesses" in line for step in found.steps for line in step.lines)


def test_without_a_policy_the_times_are_the_sealers_word_and_that_is_said(stage: Stage, tmp_path: Path) -> None:
    found = verified(tmp_path, seen(told(stage), NOW - 300 * DAY), policy=None)
    assert any("it tells itself, times too" in line for step in found.steps for line in step.lines)


def test_a_time_before_that_of_the_witnesses_is_refused(stage: Stage, tmp_path: Path) -> None:
    found = verified(tmp_path, seen(told(stage), NOW - 300 * DAY))
    assert (found.exit_code, bundles.codes(found)) == (3, ["log-extract"])


def test_a_state_without_its_quorum_leaves_it_undecided(stage: Stage, tmp_path: Path) -> None:
    view = told(stage)
    bare = tuple(replace(state, note=_without_witnesses(state.note)) for state in view.states)
    found = verified(tmp_path, replace(view, states=bare))
    assert (found.exit_code, bundles.codes(found)) == (4, ["quorum"])
    assert refused("quorum", lambda: times_hold(case(told(stage)), BOTH)).exit_code == 4


def _without_witnesses(data: bytes) -> bytes:
    found = note.parse(data)
    return note.Note(found.text, tuple(line for line in found.lines if line.name == LOG_KEY.name)).to_bytes()


def test_what_is_false_is_said_before_what_is_open(stage: Stage) -> None:
    stage.issue()
    view = extract(stage.view(), ["Acme"], [IMAGE], [])
    first = replace(view.states[0], note=_without_witnesses(view.states[0].note))
    last = replace(view.states[-1], seen_at=NOW - 300 * DAY)
    assert refused("log-extract", lambda: times_hold(case(replace(view, states=(first, last))), POLICY)).exit_code == 3


def test_a_cosignature_that_the_witness_did_not_make(stage: Stage) -> None:
    view = told(stage)
    found = note.parse(view.states[-1].note)
    forged = found.signed_by(cosign(found.text + "x", WHO, WITNESS, NOW - 300 * DAY)).to_bytes()
    states = (*view.states[:-1], replace(view.states[-1], note=forged))
    assert refused("signature", lambda: times_hold(case(replace(view, states=states)), POLICY)).exit_code == 3


def test_a_time_that_is_later_or_a_copy_that_is_told_to_be_older(stage: Stage) -> None:
    view = told(stage)
    assert view.latest is not None
    assert refused("other-policy", lambda: times_hold(case(seen(view, NOW - DAY)), POLICY)).exit_code == 4
    stage.cosign(NOW - DAY)  # the same state once more: it was first seen before, and the copy is as new as this
    newer = told(stage)
    assert newer.states == view.states
    assert (view.latest, newer.latest) == (view.states[-1].seen_at, NOW - DAY)
    assert "shown by its witnesses" in times_hold(case(newer), POLICY)[0]
    older = replace(newer, latest=view.latest)
    refused("other-policy", lambda: times_hold(case(older), POLICY))
    given = (papers.opened(case(older).papers, RING, bundles.STANDARD, NOW, IMAGE), stage.log, stage.view())
    refused("other-policy", lambda: bundle_log.extracts_hold(case(older), *given, NOW, POLICY))


def test_a_policy_that_asks_otherwise_and_another_log(stage: Stage) -> None:
    refused("other-policy", lambda: times_hold(case(told(stage)), NOBODY))
    refused("other-policy", lambda: times_hold(case(told(stage, NOBODY)), POLICY))
    assert "of no times" in times_hold(case(told(stage, NOBODY)), NOBODY)[0]
    elsewhere = replace(POLICY, log=replace(LOG_KEY, name="log.example/else"))
    assert "not held against" in times_hold(case(told(stage)), elsewhere)[0]


def second_log(folder: Path) -> LogView:
    """Return an extract of a second log, of another origin, seen by the same witness."""
    log_writing.create(folder / "M", SECOND_LOG.name, LOG)
    log_writing.witness(folder / "M", SECOND_LOG, (WHO, WITNESS), folder / "W3", NOW - 9 * DAY)
    return extract(log_view(folder / "M", SECOND_POLICY), [], [IMAGE], [])


def test_each_log_that_is_told_of_is_held_against_its_own_policy(stage: Stage, tmp_path: Path) -> None:
    other = second_log(tmp_path)
    both = case(told(stage), other)
    for policies in ((POLICY, SECOND_POLICY), (SECOND_POLICY, POLICY)):
        assert ["shown by its witnesses" in line for line in times_hold(both, *policies)] == [True, True]
    assert ["no policy of it was given" in line for line in times_hold(both, POLICY)] == [False, True]
    early = seen(other, NOW - 300 * DAY)
    bare = tuple(replace(state, note=_without_witnesses(state.note)) for state in told(stage).states)
    still_open = replace(told(stage), states=bare)
    for given in ((told(stage), early), (still_open, early)):
        assert times_hold(case(told(stage), early), POLICY)  # nobody looks at it
        refused("log-extract", lambda given=given: times_hold(case(*given), POLICY, SECOND_POLICY))  # type: ignore[misc]
    refused("quorum", lambda: times_hold(case(still_open, other), POLICY, SECOND_POLICY))


def test_with_one_log_at_hand_the_others_are_held_against_their_witnesses(stage: Stage, tmp_path: Path) -> None:
    other = second_log(tmp_path)

    def held(*views: LogView, others: tuple[Policy, ...] = (SECOND_POLICY,)) -> list[str]:
        made = case(*views)
        found = papers.opened(made.papers, RING, bundles.STANDARD, NOW, IMAGE)
        return bundle_log.extracts_hold(made, found, stage.log, stage.view(), NOW, POLICY, others)

    assert [line.rpartition(" ")[2] for line in held(told(stage), other)] == ["so", "shows"]
    assert "no policy of it" in held(told(stage), other, others=())[1]
    early = seen(other, NOW - 300 * DAY)
    later = seen(told(stage), NOW - DAY)
    refused("other-policy", lambda: held(later, other))
    refused("log-extract", lambda: held(later, early))
    refused("other-policy", lambda: held(told(stage), seen(other, NOW - DAY)))


def test_which_log_holds_the_bundle_hangs_on_what_is_at_hand_and_not_on_the_order(stage: Stage, tmp_path: Path) -> None:
    second_log(tmp_path)
    entry = Entry("bundle", hashlib.sha256(b"a thing").hexdigest(), {})
    log_writing.place(tmp_path / "M", [(tmp_path / "M", entry)], LOG)
    log_writing.witness(tmp_path / "M", SECOND_LOG, (WHO, WITNESS), tmp_path / "W3", NOW - DAY)
    proof = log.prove(tmp_path / "M", None, 0).to_bytes()
    for policies in ((POLICY, SECOND_POLICY), (SECOND_POLICY, POLICY)):
        assert Trusted(policies, log=stage.log).keys == (LOG_KEY.to_text(),)
        assert Trusted(policies, log=tmp_path / "M").view.key == SECOND_LOG.to_text()
        assert Trusted(policies, proof).keys == (SECOND_LOG.to_text(),)
        assert "entry 0 of 1" in Trusted(policies, proof).seen(b"a thing", NOW).lines[0]
        assert Trusted(policies).keys == tuple(policy.log.to_text() for policy in policies)
        assert Trusted(policies, b"nothing").keys == (policies[0].log.to_text(),)
        assert Trusted(policies, log=tmp_path / "nowhere").keys == (policies[0].log.to_text(),)
        refused("no-proof", lambda policies=policies: Trusted(policies).seen(b"a thing", NOW))  # type: ignore[misc]
    refused("proof-form", lambda: Trusted((POLICY, SECOND_POLICY), b"nothing").seen(b"a thing", NOW))


def test_of_one_log_there_is_one_policy(tmp_path: Path) -> None:
    for name, one in (("one", LOG_KEY), ("two", LOG_KEY), ("other", SECOND_LOG)):
        (tmp_path / name).write_text(f"log {one.to_text()}\nquorum none\n")
    found = read_policies([tmp_path / "one", tmp_path / "other"])
    assert [policy.log for policy in found] == [LOG_KEY, SECOND_LOG]
    with pytest.raises(InputError, match="two policies are of one log"):
        read_policies([tmp_path / "one", tmp_path / "other", tmp_path / "two"])


def test_a_stricter_policy_finds_the_cosignatures_that_it_asks_for(stage: Stage) -> None:
    log_writing.witness(stage.log, LOG_KEY, (OTHER_WHO, SECOND_WITNESS), stage.memory.with_name("W2"), NOW - DAY)
    assert refused("log-extract", lambda: times_hold(case(told(stage)), BOTH)).exit_code == 3
    assert "shown by its witnesses" in times_hold(case(told(stage, BOTH)), BOTH)[0]


def test_lines_of_strangers_are_kept_only_while_they_are_few(stage: Stage) -> None:
    state = stage.view().states[-1]
    many = [cosign(note.parse(state.note).text, f"{number}{'x' * 600}", key(str(number)), NOW) for number in range(90)]
    padded = note.Note(note.parse(state.note).text, (*many, *note.parse(state.note).lines)).to_bytes()
    kept = proving(padded, POLICY)
    assert len(kept) <= SPARE < len(padded)
    assert POLICY.seen_at(POLICY.check(kept)) == state.seen_at
    assert proving(kept, POLICY) == kept

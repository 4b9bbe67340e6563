"""What a bundle tells of a log is held against the log: states, times, the policy and the entries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.attacks.keys import NOW
from tests.judge.making import IMAGE
from tests.pipelines.test_derived_records import AGREED, DAY, NOBODY, Stage

from aboveboard.model.manifest import Manifest
from aboveboard.pipelines import bundle_log, canaries
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.log import LogView, State
from aboveboard.pipelines.paper_files import extracted
from aboveboard.pipelines.papers import Opened, Papers
from aboveboard.standard import reader
from aboveboard.trust.refusal import RefusedError

STANDARD = reader.load()
FOUND = Opened(STANDARD.profiles[0], AGREED, None, ())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path)
    made.issue()
    return made


def told(stage: Stage, *views: LogView) -> CaseFiles:
    papers = Papers(canary=tuple(canaries.chain_of(stage.file)), logs=views)
    return CaseFiles("2026-12-01T00:00:00Z", papers, Manifest("x", IMAGE, 1, ()), (), {})


def extract(stage: Stage) -> LogView:
    return extracted(told(stage, stage.view()).papers, FOUND, IMAGE).logs[0]


def held(stage: Stage, *views: LogView, view: LogView | None = None, found: Opened = FOUND) -> list[str]:
    return bundle_log.extracts_hold(told(stage, *views), found, stage.log, view or stage.view(), NOW)


def code(stage: Stage, *views: LogView, view: LogView | None = None, found: Opened = FOUND) -> tuple[str, int]:
    with pytest.raises(RefusedError) as caught:
        held(stage, *views, view=view, found=found)
    return caught.value.code, caught.value.exit_code


def test_what_is_so_is_said_also_when_the_log_grew(stage: Stage) -> None:
    made = extract(stage)
    assert "is so" in held(stage, made)[0]
    stage.release("sha256:" + "d" * 64, "2.0")
    stage.cosign(NOW)
    assert "is so" in held(stage, made)[0]


def test_a_state_of_another_tree_or_one_that_was_never_published(stage: Stage) -> None:
    made = extract(stage)
    forged = replace(made.states[0], root=bytes(32))
    assert code(stage, replace(made, states=(forged, *made.states[1:]))) == ("split-view", 3)
    sizes = {state.size for state in stage.view().states}
    invented = next(size for size in range(made.size) if size not in sizes)
    state = State(invented, _root(stage, invented), NOW - 300 * DAY)
    assert code(stage, replace(made, states=tuple(sorted((*made.states, state), key=lambda one: one.size)))) == (
        "log-extract",
        3,
    )


def _root(stage: Stage, size: int) -> bytes:
    from aboveboard.store.folder import FolderStore
    from aboveboard.trust.tree import Tree

    return Tree(FolderStore(stage.log).read, stage.view().size).root(size)


def test_a_time_before_the_one_that_the_log_shows(stage: Stage) -> None:
    made = extract(stage)
    last = made.states[-1]
    assert last.seen_at is not None
    earlier = replace(last, seen_at=last.seen_at - DAY)
    assert code(stage, replace(made, states=(*made.states[:-1], earlier))) == ("log-extract", 3)


def test_another_policy_and_times_that_nobody_gave(stage: Stage) -> None:
    made = extract(stage)
    unasked = replace(made, witnessed=False, latest=None)
    assert code(stage, unasked) == ("other-policy", 4)
    assert made.latest is not None
    assert code(stage, replace(made, latest=made.latest + DAY)) == ("other-policy", 4)
    assert code(stage, made, view=stage.view(NOBODY)) == ("other-policy", 4)


def test_an_entry_that_is_left_out(stage: Stage) -> None:
    made = extract(stage)
    for left in range(len(made.found)):
        assert code(stage, replace(made, found=made.found[:left] + made.found[left + 1 :])) == ("log-extract", 3)


def test_a_log_that_was_agreed_and_of_which_nothing_is_told_and_one_that_was_not(stage: Stage) -> None:
    assert code(stage) == ("log-extract", 4)
    assert held(stage, found=replace(FOUND, agreement=None)) == []
    other = replace(extract(stage), key="private/log+00000000+AAAA", origin="private/log")
    assert any("not held against" in line for line in held(stage, extract(stage), other))


def test_a_copy_that_is_older_than_what_is_told(stage: Stage) -> None:
    old = stage.view()
    stage.release("sha256:" + "d" * 64, "2.0")
    stage.cosign(NOW)
    assert code(stage, extract(stage), view=old) == ("rollback", 3)

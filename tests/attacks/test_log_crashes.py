"""Case 51 on real disks: a log that is killed with SIGKILL at every call, fills its disk, or loses its power.

`bench/crashes.py` runs the same for as long as it is asked to.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aboveboard.pipelines import log_writing
from aboveboard.trust.log import CHECKPOINT
from tests.attacks.crashes import (
    MOST,
    NOT_PERMITTED,
    SCENARIOS,
    Scenario,
    batch,
    beginning,
    cosign,
    failed_everywhere,
    full_disk,
    killed_by_chance,
    killed_everywhere,
    looked,
    power_cuts,
    single,
)
from tests.attacks.crashing import Report, Seen, in_child, killed_at, short_writes
from tests.attacks.keys import LOG, ORIGIN, refused


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log of 254 entries, and the state of a witness that cosigned it."""
    return beginning(tmp_path_factory.mktemp("base"))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory: what a process has written outlives its own death there as on any disk."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(prefix="aboveboard-", dir=shared) as folder:
        yield Path(folder) / "memory"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_51_killed_at_every_call_nothing_is_lost(base: Path, memory: Path, scenario: Scenario) -> None:
    step = 1 if scenario in (single, cosign) else 3
    calls = killed_everywhere(base, memory, scenario, random.Random(scenario.__name__).randrange(1, step + 1), step)
    assert calls > 10


@pytest.mark.parametrize("torn", [False, True])
def test_51_a_log_that_was_killed_while_it_was_begun_is_begun_again(memory: Path, torn: bool) -> None:
    for number in range(1, MOST):
        folder = memory / str(number)

        def begin(report: Report, number: int = number, folder: Path = folder) -> None:
            with killed_at(number, torn=torn):
                log_writing.create(folder, ORIGIN, LOG)
            report(0)

        _, ended = in_child(begin)
        seen = Seen()
        seen.look(folder)
        if (folder / CHECKPOINT).exists():
            refused("log-exists", lambda folder=folder: log_writing.create(folder, ORIGIN, LOG))  # type: ignore[misc]
        else:
            log_writing.create(folder, ORIGIN, LOG)
        seen.goes_on(folder)
        if ended == 0:
            assert number > 10
            return
    pytest.fail("it never came to its end")


@pytest.mark.parametrize("seed", range(3))
def test_51_killed_at_any_moment_on_a_real_disk(base: Path, tmp_path: Path, seed: int) -> None:
    shutil.copytree(base, tmp_path / "disk")
    killed_by_chance(tmp_path / "disk", looked(base), random.Random(seed), rounds=2)


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("scenario", [single, cosign, batch])
def test_51_a_disk_that_fails_at_every_call(base: Path, memory: Path, scenario: Scenario, error: int, torn: bool) -> None:
    step = 5 if scenario is batch else 1
    assert failed_everywhere(base, memory, scenario, error, torn=torn, step=step) > 10


def test_51_writes_that_put_down_less_than_they_were_given(base: Path, memory: Path) -> None:
    shutil.copytree(base, memory)
    seen = looked(base)
    with short_writes():
        for _ in range(3):
            seen.goes_on(memory / "log", memory / "state")


@pytest.mark.parametrize("many", [1, 40])
def test_51_a_disk_that_is_full_at_every_size(tmp_path: Path, many: int) -> None:
    """A file system of its own, so small that it is full: from nothing free to room for everything, page by page."""
    _, ended = in_child(lambda _: full_disk(tmp_path, many))
    if ended == NOT_PERMITTED:
        pytest.skip("no file system may be mounted here, not even in a user namespace of its own")
    assert ended == 0


@pytest.mark.parametrize("fate", ["new", "old", *range(20)])
def test_51_a_power_cut_at_every_call(memory: Path, fate: str | int) -> None:
    """What was not flushed is there, is old or is cut: names and content each for themselves, below the whole store."""
    first, step = (1 + fate, 20) if isinstance(fate, int) else (1, 10)
    assert power_cuts(memory, fate, first, step) > 100

"""The jail holds: what a hostile parser would try is refused, and every way to end is told apart."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aboveboard.jail import Ending, Jail, Limits, Sinks
from aboveboard.jail.jail import PART
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError, JailError
from aboveboard.model.facts import Cause

PROBES = "aboveboard.jail.probes:"


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    with Jail() as made:
        yield made


class Caught:
    def __init__(self, handed_out: Path | None = None) -> None:
        self.values: list[JSON] = []
        self.blobs: list[int] = []
        self.sinks = Sinks(self.values.append, self._open, self)
        self._handed_out = handed_out
        self._under_way = 0

    def write(self, part: bytes) -> None:
        assert len(part) <= PART
        self._under_way += len(part)

    def commit(self) -> None:
        self.blobs.append(self._under_way)
        self._under_way = 0

    def drop(self) -> None:
        self._under_way = 0

    def _open(self, digest: str) -> int | None:
        if self._handed_out is None or digest != "sha256:mine":
            return None
        return os.open(self._handed_out, os.O_RDONLY)


@pytest.mark.parametrize("tools", [False, True])
def test_a_confined_process_gets_nothing_but_its_folder(jail: Jail, tools: bool) -> None:
    caught = Caught()
    assert jail.run(PROBES + "look_around", {}, caught.sinks, tools=tools) == Ending()
    (seen,) = caught.values
    assert isinstance(seen, dict)
    assert seen.pop("uid") == 61190
    assert seen.pop("writable_folder") is True
    if tools:  # extractors are processes
        assert seen.pop("fork") == "got int"
    assert set(seen.values()) == {"refused"}, seen


def test_only_the_blobs_of_the_run_are_handed_out(jail: Jail, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"12345")
    caught = Caught(tmp_path / "blob")
    jail.run(PROBES + "echo", {"digest": "sha256:mine"}, caught.sinks)
    jail.run(PROBES + "echo", {"digest": "sha256:other"}, caught.sinks)
    assert caught.values == [5, "refused"]


def test_a_crash_keeps_what_came_before(jail: Jail) -> None:
    caught = Caught()
    assert jail.run(PROBES + "die", {}, caught.sinks).cause is Cause.CRASHED
    assert caught.values == ["before"]


def test_endless_work_ends(jail: Jail) -> None:
    assert jail.run(PROBES + "spin", {}, Caught().sinks, limits=Limits(cpu_seconds=1)).cause is Cause.TIME
    assert jail.run(PROBES + "spin", {}, Caught().sinks, limits=Limits(wall_seconds=1)).cause is Cause.TIME


def test_memory_is_bounded(jail: Jail) -> None:
    limits = Limits(memory=512 * 1024 * 1024)
    assert jail.run(PROBES + "swallow", {}, Caught().sinks, limits=limits).cause is Cause.MEMORY


def test_output_is_bounded(jail: Jail) -> None:
    caught = Caught()
    ending = jail.run(PROBES + "shout", {"count": 50}, caught.sinks, limits=Limits(output=5 << 20))
    assert ending.cause is Cause.LIMIT
    assert len(caught.blobs) == 5


def test_what_cannot_be_loaded_is_our_own_fault(jail: Jail) -> None:
    with pytest.raises(JailError):
        jail.run("aboveboard.no_such:thing", {}, Caught().sinks)


def test_unconfined_runs_are_possible_and_not_the_default() -> None:
    caught = Caught()
    with Jail(confined=False) as loose:
        assert loose.run(PROBES + "die", {}, caught.sinks).cause is Cause.CRASHED
    assert Jail().confined
    assert caught.values == ["before"]


def test_a_socket_in_the_parent_is_not_inherited(jail: Jail) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        os.set_inheritable(listening.fileno(), True)
        caught = Caught()
        assert jail.run(PROBES + "look_around", {}, caught.sinks) == Ending()


def test_a_blob_in_parts_is_whole_or_not_there(jail: Jail) -> None:
    caught = Caught()
    assert jail.run(PROBES + "hand_over", {"parts": 3, "broken": False}, caught.sinks) == Ending()
    assert jail.run(PROBES + "hand_over", {"parts": 3, "broken": True}, caught.sinks) == Ending()
    assert caught.blobs == [3 * 2_000_000 + 1]
    assert caught.values == [3 * 2_000_000 + 1, "dropped"]


def test_a_run_that_should_give_values_gives_no_blob(jail: Jail) -> None:
    ending = jail.run(PROBES + "shout", {"count": 1}, Sinks(lambda _: None, lambda _: None))
    assert ending.cause is Cause.CRASHED
    assert "blob" in ending.detail


class Full(Caught):
    """A sink on a disk with no room left, or one that is stopped."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__()
        self.dropped = 0
        self._raised = raised

    def write(self, part: bytes) -> None:
        raise self._raised

    def drop(self) -> None:
        self.dropped += 1


def test_a_disk_that_is_full_ends_the_run_and_says_so(jail: Jail) -> None:
    full, started = Full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))), time.monotonic()
    with pytest.raises(InputError, match="No space left") as told:
        jail.run(PROBES + "shout", {"count": 50}, full.sinks)
    assert "make room" in told.value.hint
    assert time.monotonic() - started < 30
    assert full.dropped == 1


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), InputError("no", hint="none"), TimeoutError("of the disk")])
def test_whatever_a_sink_raises_comes_out_and_nothing_stays(jail: Jail, raised: BaseException) -> None:
    full = Full(raised)
    with pytest.raises((type(raised), InputError)):
        jail.run(PROBES + "shout", {"count": 50}, full.sinks)
    assert full.dropped == 1
    assert jail.run(PROBES + "shout", {"count": 1}, Caught().sinks) == Ending()


def test_a_process_that_closes_its_channel_and_stays_ends_at_the_deadline(jail: Jail) -> None:
    started = time.monotonic()
    ending = jail.run(PROBES + "close_and_stay", {}, Caught().sinks, limits=Limits(wall_seconds=1))
    assert ending.cause is Cause.TIME
    assert time.monotonic() - started < 20

"""Attempts to lose or contradict what a log has signed: at every call, on a full disk, without power."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aboveboard.model.errors import InputError
from aboveboard.pipelines import log_writing
from aboveboard.trust.log import CHECKPOINT
from tests.attacks.crashing import (
    VERIFIER,
    WHO,
    Drive,
    Report,
    Seen,
    Stopped,
    Work,
    add_until_killed,
    by_chance,
    failing_at,
    in_child,
    killed_at,
    place,
)
from tests.attacks.keys import LOG, NOW, ORIGIN

MOST = 400  # calls of one command
BEFORE = 254  # entries
NOT_PERMITTED = 77
_NEWNS, _NEWUSER, _REC, _PRIVATE = 0x00020000, 0x10000000, 0x4000, 1 << 18

Scenario = Callable[[Path], Work]


def beginning(folder: Path) -> Path:
    """Make a log of 254 entries, and the state of a witness that cosigned it."""
    log_writing.create(folder / "log", ORIGIN, LOG)
    place(folder / "log", 0, BEFORE, batch=True)
    log_writing.witness(folder / "log", VERIFIER, WHO, folder / "state", NOW)
    return folder


def looked(base: Path) -> Seen:
    """Return what could be seen of a log before it grows."""
    seen = Seen()
    seen.look(base / "log")
    seen.durable = BEFORE
    return seen


def single(folder: Path) -> Work:
    """Add one entry."""
    return lambda report: report(place(folder / "log", BEFORE))


def batch(folder: Path) -> Work:
    """Add entries under one checkpoint, over the end of a tile."""
    return lambda report: report(place(folder / "log", BEFORE, 300, batch=True))


def several(folder: Path) -> Work:
    """Add entries each under a checkpoint, over the end of a tile."""
    return lambda report: report(place(folder / "log", BEFORE, 3))


def cosign(folder: Path) -> Work:
    """Let the witness cosign once more."""

    def work(report: Report) -> None:
        log_writing.witness(folder / "log", VERIFIER, WHO, folder / "state", NOW)
        report(BEFORE)

    return work


def grow_and_cosign(folder: Path) -> Work:
    """Add an entry, and let the witness cosign that."""

    def work(report: Report) -> None:
        report(place(folder / "log", BEFORE))
        log_writing.witness(folder / "log", VERIFIER, WHO, folder / "state", NOW)

    return work


SCENARIOS = (single, batch, several, cosign, grow_and_cosign)


def killed_everywhere(base: Path, room: Path, scenario: Scenario, first: int = 1, step: int = 1) -> int:
    """Kill a command at its n-th call, for every n until one comes to its end; return how many calls that were."""
    for number in range(first, MOST, step):
        folder = room / str(number)
        shutil.copytree(base, folder)
        work, seen = scenario(folder), looked(folder)

        def dying(report: Report, work: Work = work, number: int = number) -> None:
            with killed_at(number, torn=bool(number % 2)):
                work(report)

        reported, ended = in_child(dying)
        seen.durable = max([seen.durable, *reported])
        seen.goes_on(folder / "log", folder / "state")
        shutil.rmtree(folder)
        if ended == 0:
            return number
        assert ended == -signal.SIGKILL
    raise AssertionError("it never came to its end")


def killed_by_chance(folder: Path, seen: Seen, chance: random.Random, rounds: int) -> None:
    """Kill a process that adds entries at any moment, again and again."""
    for _ in range(rounds):

        def kill(pid: int) -> None:
            time.sleep(chance.random() * 0.15)
            os.kill(pid, signal.SIGKILL)

        reported, ended = in_child(add_until_killed(folder / "log", seen.durable, chance.choice([2, 20, 300])), kill)
        assert ended == -signal.SIGKILL
        seen.durable = max([seen.durable, *reported])
        seen.goes_on(folder / "log", folder / "state")


def failed_everywhere(base: Path, room: Path, scenario: Scenario, error: int, *, torn: bool, step: int = 1) -> int:
    """Let every call fail from the n-th one on, for every n; the error is one of ours, and room mends it."""
    for number in range(1, MOST, step):
        folder = room / str(number)
        shutil.copytree(base, folder)
        work, seen = scenario(folder), looked(folder)
        said: list[int] = []
        failed = False
        try:
            with failing_at(number, error, torn=torn):
                work(said.append)
        except InputError:  # an error of ours, with the way out
            failed = True
        seen.durable = max([seen.durable, *said])
        seen.goes_on(folder / "log", folder / "state")
        shutil.rmtree(folder)
        if not failed:
            return number
    raise AssertionError("it never came to its end")


@contextmanager
def mounted(point: Path, size: int, device: Path | None = None) -> Iterator[Path]:
    """Mount a small file system, in namespaces of this process's own; the process ends where that is not permitted.

    It is one in memory, or ext4 in a file where one is named, which needs root and a loop device.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    point.mkdir(parents=True)
    own = _NEWNS if os.geteuid() == 0 else _NEWNS | _NEWUSER
    private = libc.unshare(own) == 0 and libc.mount(b"none", b"/", None, _REC | _PRIVATE, None) == 0
    if not private or not (_ext4(point, size, device) if device else _tmpfs(libc, point, size)):
        os._exit(NOT_PERMITTED)
    yield point
    if device:  # the loop device goes with it
        subprocess.run(["umount", str(point)], check=True)


def _tmpfs(libc: ctypes.CDLL, point: Path, size: int) -> bool:
    return bool(libc.mount(b"tmpfs", os.fsencode(point), b"tmpfs", 0, f"size={size}".encode()) == 0)


def _ext4(point: Path, size: int, device: Path) -> bool:
    with device.open("wb") as file:
        file.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-b", "1024", "-m", "0", "-N", "400", str(device)], check=True)
    return subprocess.run(["mount", "-o", "loop", str(device), str(point)], check=False).returncode == 0


def full_disk(room: Path, many: int, *, ext4: bool = False) -> None:
    """Fill a disk to every size that is left, block by block, until a command has room; then make room, and go on."""
    size = (8 if ext4 else 2) << 20
    with mounted(room / "small", size, room / "device" if ext4 else None) as small:
        base = beginning(room / "base")
        for free in range(MOST):
            shutil.copytree(base, small / "it")
            seen = looked(small / "it")
            _fill(small, free)
            done = _tried(small / "it", seen, many)
            (small / "filler").unlink()
            seen.goes_on(small / "it" / "log", small / "it" / "state")
            shutil.rmtree(small / "it")
            if done:
                assert free > 3
                return
    raise AssertionError("it never had room")


def _fill(small: Path, free: int) -> None:
    with (small / "filler").open("wb", buffering=0) as file:
        while (found := os.statvfs(small)).f_bavail > free:
            file.write(bytes((found.f_bavail - free) * found.f_frsize))
            os.fsync(file.fileno())


def _tried(folder: Path, seen: Seen, many: int) -> bool:
    """Add and cosign where there is little room; tell whether all of it was done."""
    try:
        seen.durable = place(folder / "log", BEFORE, many, batch=many > 1)
        log_writing.witness(folder / "log", VERIFIER, WHO, folder / "state", NOW)
    except InputError:  # an error of ours, with the way out
        return False
    return True


def power_cuts(room: Path, fate: str | int, first: int = 1, step: int = 1) -> int:
    """Cut the power at the n-th call of a log's first days, for every n; return how many calls they were.

    In every second of them a process has died alone before, and another one goes on with what that one had not flushed.
    """
    for number in range(first, 10 * MOST, step):
        chance = random.Random(f"{fate} {number}")
        alone = chance.randrange(1, number) if number > 1 and chance.random() < 0.5 else 0
        if _cut(room / str(number), [alone, number - alone], _fates(fate, number)):
            return number
    raise AssertionError("it never came to its end")


def _fates(fate: str | int, number: int) -> Callable[[str], str]:
    return by_chance(fate * 10_000 + number) if isinstance(fate, int) else lambda _: str(fate)


def _cut(room: Path, calls: Sequence[int], fate: Callable[[str], str]) -> bool:
    """Let processes live for so many calls one after another, then cut the power; tell whether one came to its end."""
    (room / "disk").mkdir(parents=True)
    drive, seen, said = Drive(room / "disk"), Seen(), [-1]
    with drive.on():
        ended = False
        for number in calls:
            ended = bool(number) and _lived(drive, room / "disk", number, seen, said)
    drive.cut(room / "left", fate)
    folder, state = room / "left/new/log", room / "left/state"
    seen.durable = max(0, *said)
    if not (folder / CHECKPOINT).exists() and max(said) < 0:
        log_writing.create(folder, ORIGIN, LOG)
    seen.goes_on(folder, state)
    shutil.rmtree(room)
    return ended


def _lived(drive: Drive, disk: Path, calls: int, seen: Seen, said: list[int]) -> bool:
    """Begin a log, add to it and cosign it, or go on with that, for so many calls; tell whether it came to its end."""
    drive.stops_at(calls)
    folder, state = disk / "new/log", disk / "state"
    try:
        if not (folder / CHECKPOINT).exists():
            log_writing.create(folder, ORIGIN, LOG)
            said.append(0)
        for many in (1, 254, 1, 2):
            said.append(place(folder, 5000 + max(said), many, batch=many > 2))
            seen.look(folder, power_may_fail=True)
        log_writing.witness(folder, VERIFIER, WHO, state, NOW)
        seen.look(folder, power_may_fail=True)
        said.append(place(folder, 6000))
    except Stopped:
        seen.look(folder, power_may_fail=True)
        return False
    finally:
        drive.stops_at(0)
    return True

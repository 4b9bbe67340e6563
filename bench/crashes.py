"""Crash the log for as long as it is asked to, and hold it each time against all that was ever seen of it.

    .venv/bin/python bench/crashes.py [--seconds N] [--seed N] [--record]

By turns: a command killed with SIGKILL at its n-th call to the disk, for every n; a process killed at any moment; calls
that fail from the n-th on; file systems (tmpfs and, as root, ext4 on a loop device) that are full at every size; a power
cut at every call, where what was not flushed is there, old or cut. It runs on the disk of `TMPDIR`, power cuts in memory
where there is /dev/shm. `--record` writes bench/results/crashes.json. Exit code 1 where anything was lost or contradicted.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import platform
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.attacks import crashes  # noqa: E402 - it lies beside src
from tests.attacks.crashing import in_child  # noqa: E402

SHARED = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # faster, and a power cut is a model on any disk


def killed_everywhere(room: Path, chance: random.Random) -> int:
    base = crashes.beginning(room / "base")
    return crashes.killed_everywhere(base, room / "room", chance.choice(crashes.SCENARIOS)) - 1


def killed_by_chance(room: Path, chance: random.Random) -> int:
    base = crashes.beginning(room / "base")
    crashes.killed_by_chance(base, crashes.looked(base), chance, rounds=20)
    return 20


def failing(room: Path, chance: random.Random) -> int:
    base = crashes.beginning(room / "base")
    error, torn = chance.choice([errno.ENOSPC, errno.EIO]), chance.random() < 0.5
    return crashes.failed_everywhere(base, room / "room", chance.choice(crashes.SCENARIOS), error, torn=torn) - 1


def _full(room: Path, chance: random.Random, *, ext4: bool) -> int:
    many = chance.choice([1, 1, 3, 40, 300])
    _, ended = in_child(lambda _: crashes.full_disk(room, many, ext4=ext4))
    if ended not in (0, crashes.NOT_PERMITTED):
        raise AssertionError(f"full disk, {many} entries: {ended}")
    return int(ended == 0)


def full_tmpfs(room: Path, chance: random.Random) -> int:
    return _full(room, chance, ext4=False)


def full_ext4(room: Path, chance: random.Random) -> int:
    return _full(room, chance, ext4=True) if os.geteuid() == 0 else 0


def power_cuts(_: Path, chance: random.Random) -> int:
    with tempfile.TemporaryDirectory(prefix="aboveboard-", dir=SHARED) as room:
        fate: str | int = chance.choice(["new", "old", *(chance.randrange(1 << 30) for _ in range(8))])
        step = 5
        return crashes.power_cuts(Path(room), fate, chance.randrange(1, step + 1), step) // step


TURNS: tuple[Callable[[Path, random.Random], int], ...] = (
    killed_everywhere,
    killed_by_chance,
    failing,
    full_tmpfs,
    full_ext4,
    power_cuts,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    crashed: Counter[str] = Counter()
    faults: list[str] = []
    began, number = time.monotonic(), asked.seed
    while time.monotonic() - began < asked.seconds:
        turn = TURNS[number % len(TURNS)]
        with tempfile.TemporaryDirectory(prefix="aboveboard-crashes-") as room:
            try:
                crashed[turn.__name__] += turn(Path(room), random.Random(number))
            except Exception:  # noqa: BLE001 - each is a finding, and the others are tried too
                traceback.print_exc()
                faults.append(f"{turn.__name__}, seed {number}")
        number += 1
    result = {
        "seconds": round(time.monotonic() - began),
        "seeds": [asked.seed, number - 1],
        "crashes": dict(sorted(crashed.items())),
        "lost_or_contradicted": faults,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f".venv/bin/python bench/crashes.py {' '.join(sys.argv[1:])}",
    }
    print(json.dumps(result, indent=1))
    if asked.record:
        (ROOT / "bench/results/crashes.json").write_text(json.dumps(result, indent=1) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""CPU seconds and memory of unpacking and of a whole inspection beside unblob alone, on the same images in one run.

    .venv/bin/python bench/unpack.py IMAGE [SECOND_IMAGE] [--record]

unblob runs with a stand-in for `sasquatch` that calls unsquashfs. CPU seconds are user and system time of all processes,
the confined ones included. Memory is the largest sum of proportional set sizes of the process tree, looked at 50 times a
second. `--record` writes bench/results/unpack.json.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# unblob calls `sasquatch ... -d FOLDER IMAGE`
STAND_IN = """#!/bin/sh
for word; do folder=$image; image=$word; done
exec unsquashfs -no-progress -f -d "$folder" "$image"
"""
UNPACK = """
import sys
from pathlib import Path
from aboveboard.jail import Jail
from aboveboard.pipelines.unpack import open_subject
from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache
image, room = Path(sys.argv[1]), Path(sys.argv[2])
with Jail() as jail:
    open_subject(image, jail, BlobStore(room / "blobs"), Cache(room / "results"), lambda _: None)
"""


class Memory:
    """Watches the memory of a process and all that it starts."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while Path(f"/proc/{self._pid}").exists():
            self.peak = max(self.peak, sum(map(self._of, self._tree())))
            time.sleep(0.02)

    def _tree(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError, IndexError):
                    continue
                children.setdefault(parent, []).append(int(entry.name))
        found, pending = [], [self._pid]
        while pending:
            found.append(pending.pop())
            pending += children.get(found[-1], [])
        return found

    @staticmethod
    def _of(pid: int) -> int:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def run(command: list[str], environment: dict[str, str], *, memory: bool = False) -> float:
    """Return CPU seconds, or with `memory` the peak in MiB: watching memory costs the watched processes time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watch = Memory(process.pid) if memory else None
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return round(seconds, 2) if watch is None else round(watch.peak / 1024)


def identical(image: Path, folder: Path) -> dict[str, int]:
    """Compare every file of the image's squashfs as we read it with what unsquashfs writes."""
    sys.path.insert(0, str(ROOT / "src"))
    from aboveboard.readers.squashfs import SquashFs

    data = image.read_bytes()
    at = data.find(b"hsqs")
    part = folder / "part"
    part.write_bytes(data[at:])
    subprocess.run(
        ["unsquashfs", "-no-progress", "-f", "-d", str(folder / "truth"), str(part)], stdout=subprocess.DEVNULL, check=False
    )
    same = different = 0
    for entry, content in SquashFs(data[at:]).walk():
        if content is not None:
            if (folder / "truth" / entry.path.lstrip("/")).read_bytes() == content:
                same += 1
            else:
                different += 1
    return {"identical": same, "different": different}


def reused(output: Path) -> dict[str, int]:
    """Return how many files of the second image the first one has too, by their content."""
    found = json.loads((output / "evidence" / "run.json").read_text())
    return {"pieces": found["pieces"], "reused": found["reused"]}


def main() -> None:
    images = [Path(word).resolve() for word in sys.argv[1:] if not word.startswith("--")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tools = folder / "tools"
        tools.mkdir()
        (tools / "sasquatch").write_text(STAND_IN)
        (tools / "sasquatch").chmod(0o755)
        path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(ROOT / "src"),
            "ABOVEBOARD_CACHE": str(folder / "cache"),
        }
        environment.pop("ABOVEBOARD_DEBUG", None)
        inspect = [sys.executable, "-m", "aboveboard.cli.main", "inspect"]
        unblob = [
            sys.executable,
            "-m",
            "unblob.cli",
            "-e",
            str(folder / "unblob"),
            "--log",
            str(folder / "log"),
            str(images[0]),
        ]
        figures = {
            "unblob_alone": run(unblob, environment),
            "unpack_alone": run([sys.executable, "-c", UNPACK, str(images[0]), str(folder / "room")], environment),
            "inspect_cold": run([*inspect, str(images[0]), "--out", str(folder / "out")], environment),
            "inspect_warm": run([*inspect, str(images[0]), "--out", str(folder / "out")], environment),
        }
        if len(images) > 1:
            figures["second_image_after_the_first"] = run(
                [*inspect, str(images[1]), "--out", str(folder / "two")], environment
            )
            cold = {**environment, "ABOVEBOARD_CACHE": str(folder / "other")}
            figures["second_image_alone"] = run([*inspect, str(images[1]), "--out", str(folder / "three")], cold)
        uncached = [*inspect, "--no-cache", str(images[0])]
        peaks = {"unblob_alone": run(unblob, environment, memory=True), "inspect": run(uncached, environment, memory=True)}
        alone = figures["unblob_alone"]
        result = {
            "images": [image.name for image in images],
            "cpu_seconds": figures,
            "peak_mib": peaks,
            "ratios": {
                "unpack_to_unblob": round(figures["unpack_alone"] / alone, 2),
                "inspect_to_unblob": round(figures["inspect_cold"] / alone, 2),
                "warm_to_cold": round(figures["inspect_warm"] / figures["inspect_cold"], 2),
            },
            "files_against_unsquashfs": identical(images[0], folder),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "command": f".venv/bin/python bench/unpack.py {' '.join(image.name for image in images)}",
        }
        if len(images) > 1:
            result["second_image"] = reused(folder / "two")
    print(json.dumps(result, indent=1))
    if "--record" in sys.argv:
        (ROOT / "bench/results").mkdir(exist_ok=True)
        (ROOT / "bench/results/unpack.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

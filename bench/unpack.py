"""CPU seconds of unpacking and of a whole inspection beside unblob alone, on one image in one run.

    .venv/bin/python bench/unpack.py IMAGE [--record]

unblob runs with a stand-in for `sasquatch` that calls unsquashfs. `--record` writes bench/results/unpack.json.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# unblob calls `sasquatch ... -d FOLDER IMAGE`
STAND_IN = """#!/bin/sh
for word; do folder=$image; image=$word; done
exec unsquashfs -no-progress -f -d "$folder" "$image"
"""


def cpu(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 2)


def main() -> None:
    image = Path(sys.argv[1]).resolve()
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
        ours = [sys.executable, "-m", "aboveboard.cli.main", "inspect", str(image), "--out", str(folder / "out")]
        unblob = [sys.executable, "-m", "unblob.cli", "-e", str(folder / "unblob"), str(image)]
        figures = {
            "unblob_alone": cpu(unblob, environment),
            "inspect_cold": cpu(ours, environment),
            "inspect_warm": cpu(ours, environment),
        }
        found = sum(1 for path in (folder / "unblob").rglob("*") if path.is_file() and not path.is_symlink())
    figures["ratio_cold_to_unblob"] = round(figures["inspect_cold"] / max(figures["unblob_alone"], 0.01), 2)
    figures["ratio_warm_to_cold"] = round(figures["inspect_warm"] / max(figures["inspect_cold"], 0.01), 2)
    result = {
        "image": image.name,
        "cpu_seconds": figures,
        "files_that_unblob_wrote": found,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f".venv/bin/python bench/unpack.py {image.name}",
    }
    print(json.dumps(result, indent=1))
    if "--record" in sys.argv:
        (ROOT / "bench/results").mkdir(exist_ok=True)
        (ROOT / "bench/results/unpack.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Fuzz the parsers that we write, with atheris (libFuzzer).

    .venv/bin/python bench/fuzz.py TARGET [--seconds N]       one target; its crashing inputs stay in bench/crashes/
    .venv/bin/python bench/fuzz.py --all --seconds N [--record]   every target for N seconds each

Exit code 1 where anything crashed or ran for more than ten seconds. `--record` writes bench/results/fuzz.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CRASHES = ROOT / "bench" / "crashes"
MAX_LENGTH = 64 * 1024
MAX_CRASHES = 5  # of one target in one run


def inside(name: str, options: list[str]) -> None:
    """Run one target in this process: libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(
        include=[
            "aboveboard.readers",
            "aboveboard.agreement",
            "aboveboard.trust",
            "aboveboard.evidence.program_calls",
            "aboveboard.evidence.triggers",
        ]
    ):
        import fuzz_targets
    atheris.Setup([sys.argv[0], *options], fuzz_targets.TARGETS[name])
    atheris.Fuzz()


def fuzz(name: str, seconds: int) -> dict[str, object]:
    """Run one target for so many seconds, going on after a crash, and return what happened."""
    import fuzz_seeds

    CRASHES.mkdir(exist_ok=True)
    executions, crashes, said = 0, [], ""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(fuzz_seeds.seeds(name)):
            (Path(corpus) / f"seed{number}").write_bytes(seed[:MAX_LENGTH])
        while (left := seconds - int(time.monotonic() - started)) > 0 and len(crashes) < MAX_CRASHES:
            options = [
                corpus,
                f"-max_total_time={left}",
                f"-max_len={MAX_LENGTH}",
                f"-artifact_prefix={CRASHES}/{name}-",
                "-timeout=10",
                "-rss_limit_mb=2048",
                "-print_final_stats=1",
            ]
            command = [sys.executable, __file__, "--inside", name, *options]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            counted = re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr) or re.findall(
                r"Done (\d+) runs", done.stderr
            )
            executions += int(counted[-1]) if counted else 0
            if done.returncode:
                crash = re.findall(r"Test unit written to (\S+)", done.stderr)
                crashes.append(Path(crash[-1]).name if crash else "start failed")
                said = done.stderr[-3000:]
                if not crash:
                    break
    if said:
        print(said, file=sys.stderr)
    return {"seconds": round(time.monotonic() - started), "executions": executions, "crashes": sorted(set(crashes))}


def main() -> int:
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], sys.argv[3:])
        return 0
    import fuzz_targets

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", choices=sorted(fuzz_targets.TARGETS))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    if not asked.all and asked.target is None:
        parser.error("name a target, or --all")
    names = list(fuzz_targets.TARGETS) if asked.all else [asked.target]
    results = {}
    with ThreadPoolExecutor(asked.jobs) as pool:
        for name, result in zip(names, pool.map(lambda name: fuzz(name, asked.seconds), names), strict=True):
            results[name] = result
            print(name, json.dumps(result), flush=True)
    if asked.record:
        record(results)
    return 1 if any(result["crashes"] for result in results.values()) else 0


def record(results: dict[str, dict[str, object]]) -> None:
    """Write what was run; targets that were not run this time keep their entry."""
    path = ROOT / "bench/results/fuzz.json"
    kept = json.loads(path.read_text())["targets"] if path.exists() else {}
    stamp = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f".venv/bin/python bench/fuzz.py {' '.join(sys.argv[1:])}",
    }
    targets = kept | {name: {**result, **stamp} for name, result in results.items()}
    path.write_text(json.dumps({"targets": dict(sorted(targets.items()))}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())

"""Runs the product's command over the builds, the programs of Debian and the dispatchers, and records the figures.

    python bench/triggers/run.py BUILDS [--debian FOLDER] [--confirm] [--record] [--command "aboveboard triggers"]

BUILDS is what build.py wrote, FOLDER what debian.py wrote. Each program is one process with a limit of seconds, two at a
time; what it took is what the kernel says of it and of all that it waited for. `--record` writes
bench/results/triggers.json, with the first run's figures beside the last's. The lists go to BUILDS/found.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from bench.triggers.digest import HERE, NAME, digest  # noqa: E402 - it lies beside this folder
from bench.triggers.score import score  # noqa: E402

RESULT = ROOT / "bench" / "results" / "triggers.json"
DISPATCHERS = ("cgi", "ftp", "udp")
JOBS = 2


@dataclass(frozen=True)
class Ran:
    """One process: its list (None where it failed), CPU seconds, peak memory in MiB, and what went wrong."""

    entries: list[dict[str, Any]] | None
    cpu: float
    peak: int
    fault: str = ""


def run_one(words: list[str], limit: float) -> Ran:
    """Run a command in a session of its own; end it and what it started when the time is over."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
        child = subprocess.Popen(words, stdout=out, stderr=talk, stdin=subprocess.DEVNULL, start_new_session=True)
        late = threading.Event()

        def end() -> None:
            late.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

        timer = threading.Timer(limit, end)
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # whoever was left behind
        out.seek(0)
        talk.seek(0)
        cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024
        if late.is_set():
            return Ran(None, cpu, peak, f"over {limit:g} s")
        try:
            return Ran(read(out.read()), cpu, peak)
        except ValueError as error:
            said = talk.read()[-200:].decode(errors="replace").strip()
            return Ran(None, cpu, peak, f"exit {child.returncode}: {error}: {said}")


def read(data: bytes) -> list[dict[str, Any]]:
    """Read the list that the command prints; its exit code may say that something was found."""
    found = json.loads(data)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("not a list of entries")
    return found


def run_all(command: list[str], wanted: list[dict[str, Any]], base: Path, more: list[str], limit: float) -> dict[str, Ran]:
    """Run the command on each program below a folder."""

    def one(item: dict[str, Any]) -> tuple[str, Ran]:
        words = [*command, str(base / item["program"]), "--root", str(base / item["root"]), *more, "--json"]
        ran = run_one(words, limit)
        if ran.fault:
            print(f"{item['id']}: {ran.fault}", file=sys.stderr, flush=True)
        return item["id"], ran

    with ThreadPoolExecutor(JOBS) as pool:
        return dict(pool.map(one, wanted))


def cost(ran: dict[str, Ran], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the runs took; instructions a second where it is known how many a program has."""
    cpu = sum(one.cpu for one in ran.values())
    instructions = sum(item.get("instructions", 0) for item in wanted)
    figures: dict[str, Any] = {
        "programs": len(ran),
        "failed": {name: one.fault for name, one in ran.items() if one.fault},
        "cpu_seconds": round(cpu, 1),
        "cpu_seconds_most": round(max((one.cpu for one in ran.values()), default=0), 1),
        "peak_mib": max((one.peak for one in ran.values()), default=0),
    }
    if instructions and cpu:
        figures["instructions_per_cpu_second"] = round(instructions / cpu)
    return figures


def accusations(ran: dict[str, Ran]) -> dict[str, Any]:
    """Count what is said of programs that are clean."""
    lists = {name: one.entries or [] for name, one in ran.items()}
    alerts = {name: sum(bool(entry.get("alert")) for entry in entries) for name, entries in lists.items()}
    wrong = {name: sum(one.get("standing") == "confirmed" for one in entries) for name, entries in lists.items()}
    return {
        "alerts_per_clean": round(sum(alerts.values()) / len(ran), 4) if ran else None,
        "accused": sorted(name for name, count in alerts.items() if count),
        "confirmations_wrong": sum(wrong.values()),
        "confirmed": sorted(name for name, count in wrong.items() if count),
    }


def builds(asked: argparse.Namespace, command: list[str]) -> dict[str, Any]:
    """Run and score the seeded and clean builds."""
    truths = [one for one in json.loads((asked.builds / "truth.json").read_text()) if _chosen(one, asked)]
    ran = run_all(command, truths, asked.builds, ["--confirm"] if asked.confirm else [], asked.limit)
    found = {name: one.entries for name, one in ran.items()}
    (asked.builds / "found.json").write_text(json.dumps(found, indent=1) + "\n")
    return score(truths, found) | {"cost": cost(ran, truths)}


def _chosen(truth: dict[str, Any], asked: argparse.Namespace) -> bool:
    return not asked.only or truth["case"] in asked.only


def dispatchers(asked: argparse.Namespace, command: list[str]) -> dict[str, Any]:
    """Force the best candidates of clean command dispatchers through confirmation: none may be confirmed."""
    truths = json.loads((asked.builds / "truth.json").read_text())
    wanted = [one for one in truths if one["edition"] == "clean" and one["service"] in DISPATCHERS and _chosen(one, asked)]
    ran = run_all(command, wanted, asked.builds, shlex.split(asked.forced), asked.limit)
    tried = sum(min(10, len(one.entries or [])) for one in ran.values())
    return accusations(ran) | {"candidates_forced": tried, "words": asked.forced, "cost": cost(ran, wanted)}


def debian(asked: argparse.Namespace, command: list[str]) -> dict[str, Any]:
    """Run the ordinary programs: every alert is a false one."""
    listed = json.loads((asked.debian / "programs.json").read_text())
    found: dict[str, Any] = {}
    everything: dict[str, Ran] = {}
    for architecture, some in listed.items():
        ran = run_all(command, some["programs"], asked.debian, ["--confirm"] if asked.confirm else [], asked.limit)
        everything |= ran
        found[architecture] = accusations(ran) | {"cost": cost(ran, some["programs"])}
        found[architecture]["packages_not_to_be_had"] = some["not_to_be_had"]
    return found | {"all": accusations(everything) | {"programs": len(everything)}}


def record(result: dict[str, Any], place: Path) -> None:
    """Write the result; the first run of the same sources stays beside it."""
    before = json.loads(place.read_text()) if place.is_file() else {}
    first = before.get("first") or {key: value for key, value in before.items() if key != "first"} or None
    same = first is not None and first.get("reporting_part") == result["reporting_part"]
    place.write_text(json.dumps(result | ({"first": first} if same else {}), indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", type=Path)
    parser.add_argument("--debian", type=Path, help="what debian.py wrote")
    parser.add_argument("--command", default="aboveboard triggers")
    parser.add_argument("--confirm", action="store_true", help="confirm by execution")
    parser.add_argument("--forced", default="--confirm", help="what makes the command try the ten best, alert or not")
    parser.add_argument("--limit", type=float, default=300, help="seconds for each program")
    parser.add_argument("--only", nargs="*", default=[], help="only these programs of the builds")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--result", type=Path, default=RESULT, help="where --record writes")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if not (HERE / NAME).is_file() or (HERE / NAME).read_text().strip() != digest():
        raise SystemExit("the digest of the reporting part is not that of its sources: see digest.py")
    command = shlex.split(asked.command)
    result: dict[str, Any] = {"builds": builds(asked, command), "dispatchers": dispatchers(asked, command)}
    if asked.debian:
        result["debian"] = debian(asked, command)
    result |= {
        "reporting_part": digest(),
        "command": asked.command + (" --confirm" if asked.confirm else ""),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    print(json.dumps(result, indent=1))
    if asked.record:
        record(result, asked.result)


if __name__ == "__main__":
    main()

"""Figures of the search on the practice programs: recall and alerts by kind, and where each missed seed ranks.

python bench/practice/figures.py BUILDS [--missed]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.triggers.score import Tally, right  # noqa: E402 - it lies beside this folder

from aboveboard.evidence.triggers.report import analyse  # noqa: E402


def look(builds: Path, truth: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the candidates of one build."""
    return [dict(one) for one in analyse((builds / truth["program"]).read_bytes()).ranking]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", type=Path)
    parser.add_argument("--missed", action="store_true", help="say of each seed that is no alert where it ranks")
    asked = parser.parse_args()
    truths = json.loads((asked.builds / "truth.json").read_text())
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(partial(look, asked.builds), truths, chunksize=4))
    tallies: dict[str, Tally] = defaultdict(Tally)
    for truth, entries in zip(truths, found, strict=True):
        for name in ("all", truth["kind"]):
            tallies[name].add(truth, entries)
        fitting = [number for number, one in enumerate(entries, 1) if right(one, truth)]
        if asked.missed and truth["edition"] == "seeded" and not any(entries[at - 1]["alert"] for at in fitting):
            print(f"{truth['id']}: {'rank ' + str(fitting[0]) if fitting else 'not listed'}")
    for name, tally in sorted(tallies.items()):
        figures = tally.figures()
        print(name, " ".join(f"{key}={figures[key]}" for key in figures if key.startswith(("recall", "alerts"))))


if __name__ == "__main__":
    main()

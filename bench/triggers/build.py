"""Compiles the programs, clean and seeded, for five machines, and writes the truth about each build.

    python bench/triggers/build.py OUT [--all] [NAME ...]

OUT/ID/ is a root tree with the stripped program in it, OUT/truth.json says what is seeded where. Without `--all` every
program is compiled once for each machine, with the levels spread over them; with it, at every level. The same compilers
give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from bench.triggers import marks  # noqa: E402 - it lies beside this folder
from bench.triggers.catalog import CASES  # noqa: E402
from bench.triggers.model import Case  # noqa: E402
from bench.triggers.trees import TARGETS, Target, compile_one, make_tree  # noqa: E402

MACHINES = ("x86-64", "aarch64", "arm", "mips", "mipsel")
LEVELS = ("-O0", "-O2", "-Os")
SEED = 4  # turns the rotation of levels, and of Thumb against ARM code
EDITIONS = ("clean", "seeded")


def target_of(machine: str, number: int) -> Target:
    """Take Thumb code for ARM, and plain ARM code for every fourth program."""
    return TARGETS["armhf" if machine == "arm" and (number + SEED) % 4 else machine]


def plan(all_levels: bool, names: list[str]) -> Iterator[tuple[Case, str, Target, str, str]]:
    """Yield program, machine, target, level and edition of each build."""
    for number, case in enumerate(CASES):
        if names and case.name not in names:
            continue
        for place, machine in enumerate(MACHINES):
            turn = (number + place * 2 + SEED) % len(LEVELS)
            for level in LEVELS if all_levels else (LEVELS[turn],):
                for edition in EDITIONS:
                    yield case, machine, target_of(machine, number), level, edition


def constants(case: Case) -> list[str]:
    """Return every spelling of a constant that counts as naming it."""
    if isinstance(case.constant, str):
        return [case.constant, *case.known]
    size = max(1, (case.constant.bit_length() + 7) // 8)
    swapped = int.from_bytes(case.constant.to_bytes(size, "big"), "little")
    return [str(case.constant), hex(case.constant), str(swapped), hex(swapped), *case.known]


def build(out: Path, case: Case, machine: str, target: Target, level: str, edition: str) -> dict[str, Any]:
    """Make one build in its root tree, and return the truth about it."""
    name = f"{case.name}.{machine}.{level.lstrip('-')}.{edition}"
    with tempfile.TemporaryDirectory(prefix="aboveboard-build-") as scratch:
        program = compile_one(case, target, level, edition == "seeded", Path(scratch) / "program")
        where = marks.read(case, target, program) if edition == "seeded" else {}
        count = marks.instructions(target, program)
        subprocess.run([target.tool("strip"), "-s", str(program)], check=True)
        make_tree(case, target, edition == "seeded", program, out / name)
    return {
        "id": name,
        "program": f"{name}{case.path}",
        "root": name,
        "case": case.name,
        "edition": edition,
        "kind": case.kind,
        "service": case.service,
        "arch": machine,
        "code": target.flags[0].removeprefix("-m") if target.flags else machine,
        "level": level,
        "linked": "static" if case.static else "dynamic",
        "hard": case.hard,
        "instructions": count,
        **(_seed(case) if edition == "seeded" else {}),
        **where,
    }


def _seed(case: Case) -> dict[str, Any]:
    return {"constant": case.constant, "constants": constants(case), "effect": case.effect}


def _blind(truth: dict[str, Any]) -> bool:
    """Say whether a seeded build has nothing by which a finding could be held against it."""
    if truth["edition"] == "clean" or truth["kind"] == "file-secret":
        return False
    return not (truth["functions"] or truth["table"] or truth["handlers"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help="every level for every machine")
    asked = parser.parse_args()
    if asked.out.exists() and any(asked.out.iterdir()):
        parser.error(f"{asked.out} is not empty")
    asked.out.mkdir(parents=True, exist_ok=True)
    truth = [build(asked.out, *one) for one in plan(asked.all, asked.names)]
    blind = [one["id"] for one in truth if _blind(one)]
    if blind:
        raise SystemExit(f"no address for the marked lines of {' '.join(blind)}")
    (asked.out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    print(f"{len(truth)} builds of {len({one['case'] for one in truth})} programs")


if __name__ == "__main__":
    main()

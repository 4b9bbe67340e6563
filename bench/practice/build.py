"""Compiles the practice programs as the bench of hidden triggers compiles its own, and writes the truth about each build.

    python bench/practice/build.py OUT [--all] [NAME ...]
    python bench/triggers/run.py and score.py of the bench read what it writes.

The search was tuned on these programs, and on no program of the bench.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from bench.triggers import marks  # noqa: E402 - it lies beside this folder
from bench.triggers.build import EDITIONS, LEVELS, MACHINES, constants, target_of  # noqa: E402
from bench.triggers.trees import Target  # noqa: E402

PROGRAMS = Path(__file__).resolve().parent / "programs"
KEY = re.compile(r"^/?\s*\*\s*([a-z]+): *(.*?)(?: *\*/)?$")


@dataclass(frozen=True)
class Practice:
    """One program, as its first comment says. It stands for a `Case` of the bench where the marks are read."""

    source: Path
    kind: str
    service: str
    constant: str | int
    known: tuple[str, ...]
    handler: str
    row: str

    @property
    def name(self) -> str:
        return self.source.stem


def read(source: Path) -> Practice:
    """Read the first comment of a program."""
    keys: dict[str, str] = {}
    for line in source.read_text().splitlines()[:12]:
        found = KEY.match(line)
        if found:
            keys[found[1]] = found[2].strip()
        if "*/" in line:
            break
    constant: str | int = keys["constant"].strip('"')
    if re.fullmatch(r"0x[0-9a-fA-F]+", str(constant)):
        constant = int(str(constant), 16)
    also = tuple(one.strip('"') for one in keys.get("also", "").split())
    return Practice(source, keys["kind"], keys["service"], constant, also, keys.get("handler", ""), keys.get("row", ""))


def crypt(target: Target, room: Path) -> Path:
    """Make a library to link against: the cross compilers bring no crypt(3), and nothing is run here."""
    source, made = room / "crypt.c", room / "libcrypt.so.1"
    source.write_text(
        "char *crypt(char *k, char *s) { return s; }\nchar *crypt_r(char *k, char *s, void *d) { return s; }\n"
    )
    words = [*target.flags, "-shared", "-fPIC", "-Wl,-soname,libcrypt.so.1", "-Wl,--as-needed"]
    subprocess.run([target.tool("gcc"), *words, "-o", str(made), str(source)], check=True)
    return made


def build(out: Path, case: Practice, machine: str, target: Target, level: str, edition: str) -> dict[str, Any]:
    """Compile one program, read where its marked lines are, strip it, and return the truth about it."""
    name = f"{case.name}.{machine}.{level.lstrip('-')}.{edition}"
    place = out / name / "program"
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="aboveboard-build-") as scratch:
        program = Path(scratch) / "program"
        words = ["-DSEED"] if edition == "seeded" else []
        command = [target.tool("gcc"), *target.flags, level, "-g", "-w", "-std=gnu11", "-D_GNU_SOURCE", *words]
        command += ["-o", str(program), str(case.source), str(crypt(target, Path(scratch)))]
        subprocess.run(command, check=True)
        where = marks.read(case, target, program) if edition == "seeded" else {}  # type: ignore[arg-type]
        count = marks.instructions(target, program)
        subprocess.run([target.tool("strip"), "-s", "-o", str(place), str(program)], check=True)
    truth: dict[str, Any] = {
        "id": name,
        "program": f"{name}/program",
        "root": name,
        "case": case.name,
        "edition": edition,
        "kind": case.kind,
        "service": case.service,
        "arch": machine,
        "code": target.flags[0].removeprefix("-m") if target.flags else machine,
        "level": level,
        "linked": "dynamic",
        "hard": False,
        "instructions": count,
    }
    if edition == "seeded":
        truth |= {"constant": case.constant, "constants": constants(case), "effect": "", **where}  # type: ignore[arg-type]
    return truth


def plan(names: list[str], every: bool) -> list[tuple[Practice, str, Target, str, str]]:
    """Return program, machine, target, level and edition of each build: one level for each machine, or all."""
    found = []
    for number, source in enumerate(sorted(PROGRAMS.glob("*.c"))):
        if names and source.stem not in names:
            continue
        case = read(source)
        for place, machine in enumerate(MACHINES):
            if machine.startswith("mips") and "ifunc" in source.read_text():
                continue  # the compiler knows none there
            turn = LEVELS[(number + place * 2) % len(LEVELS)]
            for level in LEVELS if every else (turn,):
                found += [(case, machine, target_of(machine, number), level, edition) for edition in EDITIONS]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help="every level for every machine")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        truth = list(pool.map(lambda one: build(asked.out, *one), plan(asked.names, asked.all)))
    (asked.out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    print(f"{len(truth)} builds of {len({one['case'] for one in truth})} programs")


if __name__ == "__main__":
    main()

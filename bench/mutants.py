"""Mutation check of the judge: change it in one place at a time and see whether tests/laws notices.

    .venv/bin/python bench/mutants.py [--jobs N] [--only FUNCTION] [--record]

Mutations: a comparison or a condition reversed, `and` for `or`, a condition always or never true, a number off by one, a
`not` taken away, an element of a chain of `or` left out. `--record` writes bench/results/mutants.json with the survivors.
Exit code 1 where a survivor is not among the known equivalent ones.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
JUDGE = Path("src/aboveboard/judge")
RESULT = ROOT / "bench/results/mutants.json"
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed place: where it is, what was done, and the file with it."""

    file: str
    function: str
    line: int
    change: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.function}: {self.change}"


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the changed forms of one node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield ast.Compare(node.left, [SWAPPED[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        for left_out in range(len(node.values)):
            rest = [value for number, value in enumerate(node.values) if number != left_out]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            changed = copy.copy(node)
            changed.test = ast.Constant(value)
            yield changed


class _Replace(ast.NodeTransformer):
    def __init__(self, number: int, new: ast.AST) -> None:
        self.number, self.new, self.at = number, new, -1

    def visit(self, node: ast.AST) -> ast.AST:
        self.at += 1
        return self.new if self.at == self.number else super().generic_visit(node)


def _order(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes in the order in which a NodeTransformer meets them, with the function around each."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
        yield node, function
        inner = node.name if isinstance(node, ast.FunctionDef) else function
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inner)

    return walk(tree, "")


def mutants() -> Iterator[Mutant]:
    """Yield every mutant of the judge."""
    for path in sorted((ROOT / JUDGE).glob("*.py")):
        tree = ast.parse(path.read_text())
        for number, (node, function) in enumerate(_order(tree)):
            if not function or function.startswith("__"):
                continue
            for changed in changes(node):
                new = ast.fix_missing_locations(_Replace(number, changed).visit(copy.deepcopy(tree)))
                shown = (node.test if isinstance(node, ast.If | ast.IfExp) else node, getattr(changed, "test", changed))
                change = " -> ".join(ast.unparse(part) for part in shown)
                yield Mutant(path.name, function, getattr(node, "lineno", 0), change[:300], ast.unparse(new))


def survives(mutant: Mutant) -> bool:
    """Run tests/laws against the mutant; True where no test fails."""
    with tempfile.TemporaryDirectory(prefix="aboveboard-mutant") as scratch:
        shutil.copytree(ROOT / "src", Path(scratch) / "src", ignore=shutil.ignore_patterns("__pycache__"))
        (Path(scratch) / JUDGE / mutant.file).write_text(mutant.source)
        environment = {**os.environ, "PYTHONPATH": f"{scratch}/src", "PYTHONDONTWRITEBYTECODE": "1"}
        words = ["-x", "-q", "-p", "no:cacheprovider", "-o", f"pythonpath={scratch}/src", str(ROOT / "tests/laws")]
        # the plain tests first: most mutants die there, and the properties take their time
        for chosen in (["-k", "not law_ and not all_clauses and not mutants"], ["-k", "law_ or all_clauses"]):
            try:
                command = [sys.executable, "-m", "pytest", *words, *chosen]
                done = subprocess.run(command, env=environment, capture_output=True, cwd=scratch, timeout=240, check=False)
            except subprocess.TimeoutExpired:  # a mutant that never ends is noticed too
                return False
            if done.returncode:
                return False
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="")
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    chosen = [mutant for mutant in mutants() if asked.only in ("", mutant.function)]
    known = json.loads(RESULT.read_text())["equivalent"] if RESULT.exists() else {}
    with ThreadPoolExecutor(asked.jobs) as pool:
        alive = [mutant for mutant, lives in zip(chosen, pool.map(survives, chosen), strict=True) if lives]
    for mutant in alive:
        print(f"{mutant.file}:{mutant.line} {mutant.name}" + (" (known)" if mutant.name in known else ""))
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed")
    if asked.record:
        result = {
            "mutants": len(chosen),
            "killed": len(chosen) - len(alive),
            "survivors": sorted(mutant.name for mutant in alive),
            "equivalent": {name: why for name, why in known.items() if name in {mutant.name for mutant in alive}},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "command": f".venv/bin/python bench/mutants.py {' '.join(sys.argv[1:])}",
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if any(mutant.name not in known for mutant in alive) else 0


if __name__ == "__main__":
    sys.exit(main())

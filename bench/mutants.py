"""Mutation check of the judge: change it in one place at a time and see whether its tests notice.

    .venv/bin/python bench/mutants.py [--jobs N] [--only FUNCTION] [--record]

Mutations: a comparison or a condition reversed, `and` for `or`, a condition always or never true, a filter left out, `any`
for `all`, a number off by one, a text that is compared changed, a `not` taken away, an element of a chain of `or` left out,
the next member of an enumeration, a sum for a product, a slice not cut, a list not sorted, a call or a `continue` left out.
`--record` writes bench/results/mutants.json with the survivors. `bench/equivalent_mutants.json` is written by hand: the
mutants that decide the same, each with the reason. Exit code 1 where another one survives.
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
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from aboveboard.model.facts import Cause, Standing
from aboveboard.model.standard import How, Severity
from aboveboard.model.verdict import Reason, Result, Status

ROOT = Path(__file__).resolve().parents[1]
JUDGE = Path("src/aboveboard/judge")
RESULT = ROOT / "bench/results/mutants.json"
EQUIVALENT = ROOT / "bench/equivalent_mutants.json"
TESTS = ("tests/judge", "tests/laws/test_laws.py")
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add}
QUANTIFIERS = {"any": "all", "all": "any"}
ENUMERATIONS: dict[str, type[StrEnum]] = {
    kind.__name__: kind for kind in (Cause, How, Reason, Result, Severity, Standing, Status)
}


@dataclass(frozen=True)
class Mutant:
    """One changed place: where it is, what was done, and the file with it; `nth` tells apart what reads the same."""

    file: str
    function: str
    line: int
    change: str
    source: str
    nth: int = 1

    @property
    def name(self) -> str:
        return f"{self.file}:{self.function}: {self.change}" + (f" (number {self.nth})" if self.nth > 1 else "")


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the changed forms of one node."""
    yield from _conditions(node)
    yield from _values(node)
    if isinstance(node, ast.Continue) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()


def _conditions(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield ast.Compare(node.left, [SWAPPED[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        for left_out in range(len(node.values)):
            rest = [value for number, value in enumerate(node.values) if number != left_out]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            changed = copy.copy(node)
            changed.test = ast.Constant(value)
            yield changed
    elif isinstance(node, ast.comprehension):
        for number in range(len(node.ifs)):
            rest = node.ifs[:number] + node.ifs[number + 1 :]
            yield ast.comprehension(node.target, node.iter, rest, node.is_async)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in QUANTIFIERS:
        yield ast.Call(ast.Name(QUANTIFIERS[node.func.id], ast.Load()), node.args, node.keywords)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sorted":
        yield ast.Call(ast.Name("list", ast.Load()), node.args, [])


def _values(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ENUMERATIONS:
        members = list(ENUMERATIONS[node.value.id].__members__)
        if node.attr in members:
            yield ast.Attribute(node.value, members[(members.index(node.attr) + 1) % len(members)], ast.Load())
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield node.value
    elif isinstance(node, ast.Compare):
        others = [_other_text(value) for value in node.comparators]
        if others != node.comparators:
            yield ast.Compare(node.left, node.ops, others)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        first = _other_text(node.args[0])
        if first is not node.args[0]:
            yield ast.Call(node.func, [first, *node.args[1:]], node.keywords)


def _other_text(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.Constant(node.value + "?")
    return node


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
    seen: Counter[tuple[str, str, str]] = Counter()
    for path in sorted((ROOT / JUDGE).glob("*.py")):
        tree = ast.parse(path.read_text())
        for number, (node, function) in enumerate(_order(tree)):
            if not function or function.startswith("__"):
                continue
            for changed in changes(node):
                new = ast.fix_missing_locations(_Replace(number, changed).visit(copy.deepcopy(tree)))
                shown = (node.test if isinstance(node, ast.If | ast.IfExp) else node, getattr(changed, "test", changed))
                change = " -> ".join(ast.unparse(part).strip() for part in shown)[:300]
                seen[path.name, function, change] += 1
                nth = seen[path.name, function, change]
                yield Mutant(path.name, function, _line(node), change, ast.unparse(new), nth)


def _line(node: ast.AST) -> int:
    return _line(node.ifs[0]) if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)


def survives(mutant: Mutant) -> bool:
    """Run the judge's tests against the mutant; True where none fails."""
    with tempfile.TemporaryDirectory(prefix="aboveboard-mutant") as scratch:
        shutil.copytree(ROOT / "src", Path(scratch) / "src", ignore=shutil.ignore_patterns("__pycache__"))
        (Path(scratch) / JUDGE / mutant.file).write_text(mutant.source)
        # CI: the properties try the same examples each time, so that a mutant does not live by luck
        environment = {**os.environ, "PYTHONPATH": f"{scratch}/src", "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
        words = [
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            f"pythonpath={scratch}/src",
            *(str(ROOT / name) for name in TESTS),
        ]
        # the plain tests first: most mutants die there, and the properties take their time
        for chosen in ("not hypothesis", "hypothesis"):
            try:
                command = [sys.executable, "-m", "pytest", *words, "-m", chosen]
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
    every = list(mutants())
    chosen = [mutant for mutant in every if asked.only in ("", mutant.function)]
    known: dict[str, str] = json.loads(EQUIVALENT.read_text())
    alive: list[Mutant] = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for mutant, lives in zip(chosen, pool.map(survives, chosen), strict=True):
            if lives:
                alive.append(mutant)
                note = " (equivalent)" if mutant.name in known else ""
                print(f"{mutant.file}:{mutant.line} {mutant.name}{note}", flush=True)
    # a reason for a mutant that is gone, or that a test notices, is not a reason any more
    stale = known.keys() - {mutant.name for mutant in every}
    stale |= known.keys() & {mutant.name for mutant in chosen} - {mutant.name for mutant in alive}
    for name in sorted(stale):
        print(f"not equivalent any more: {name}")
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed")
    if asked.record:
        result = {
            "mutants": len(chosen),
            "killed": len(chosen) - len(alive),
            "equivalent": sum(mutant.name in known for mutant in alive),
            "survivors": sorted(mutant.name for mutant in alive if mutant.name not in known),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "command": f".venv/bin/python bench/mutants.py {' '.join(sys.argv[1:])}",
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if stale or any(mutant.name not in known for mutant in alive) else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the code says beside its values: comments, docstrings and bounds, read from the source of a module."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

_COMMENT = re.compile(r"\s+# (?P<text>(?!noqa)[^#]*?)\s*$")


def doc(thing: Any) -> str:
    """Return the docstring of a module, class or function, unwrapped line by line."""
    return inspect.cleandoc(getattr(thing, "__doc__", "") or "").strip()


def cell(text: str) -> str:
    """Return text that stays inside one cell of a Markdown table and is no markup there, code spans apart."""
    flat = " ".join(text.split()).replace("|", "\\|")
    parts = re.split(r"(`[^`]*`)", flat)
    return "".join(part if part.startswith("`") else re.sub(r"([*<])", r"\\\1", part) for part in parts)


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table, with an empty line behind it."""
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
    lines += ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    return [*lines, ""]


def comments(cls: type) -> dict[str, str]:
    """Return the comment behind each member or field that a class defines, by name."""
    lines, _ = inspect.getsourcelines(cls)
    found: dict[str, str] = {}
    for line in lines:
        named = re.match(r"    (?P<name>\w+)(?:: [^=#]+)?(?: = [^#]*)?(?P<rest>\s+#.*)?$", line.rstrip("\n"))
        said = _COMMENT.search(named["rest"]) if named and named["rest"] else None
        if named and said:
            found[named["name"]] = said["text"]
    return found


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound that a module keeps to, with the comment behind it."""

    module: str
    name: str
    value: int
    comment: str


def bounds(module: str, path: Path) -> list[Bound]:
    """Return the module's constants named MAX_..., in the order of the source."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found: list[Bound] = []
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and target.id.startswith("MAX_"):
            value = _number(node.value)
            if value is not None:
                said = _COMMENT.search(lines[node.lineno - 1])
                found.append(Bound(module, target.id, value, said["text"] if said else ""))
    return found


def _number(node: ast.expr) -> int | None:
    """Return the value of an integer constant written with `*`, `**`, `<<` and `-`, or None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int) else None
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.LShift):
            return left << right
        if isinstance(node.op, ast.Pow):
            return int(left**right)
        if isinstance(node.op, ast.Sub):
            return left - right
    return None


def module_files(package: ModuleType) -> dict[str, Path]:
    """Return every module of a package with its file, by dotted name below the package."""
    root = Path(inspect.getfile(package)).parent
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(root.rglob("*.py"))
    }


def size(value: int) -> str:
    """Return a number as a person would write it: large powers of two as KiB, MiB or GiB, thousands apart."""
    for unit, step in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value >= 1 << 16 and value % step == 0:
            return f"{value // step} {unit}"
    return f"{value:,}"

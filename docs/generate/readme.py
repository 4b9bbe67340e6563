"""The README's excerpt of what its first command prints, and its figures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
COMMAND = ("inspect", "examples/router.bin", "--declaration", "examples/router.declaration.yaml")
AT = "2026-01-01T00:00:00Z"
WIDTH = 110
LINES = 14  # of the end of what the command prints
_EXCERPT = re.compile(r"(?<=<!-- excerpt -->\n\n```text\n).*?(?=```\n\n<!-- end of excerpt -->)", re.DOTALL)
_ROW = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<figure>[^|]+) \| `(?P<file>[^`]+)` `(?P<key>[^`]+)` \| `[^`]+` \|$", re.MULTILINE
)


def printed(cache: Path) -> tuple[int, str]:
    """Run the first command as a new user would; return its exit code and the last lines of what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": str(WIDTH), "ABOVEBOARD_CACHE": str(cache)}
    command = [sys.executable, "-m", "aboveboard.cli.main", *COMMAND, "--at", AT]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return done.returncode, "\n".join(lines[-LINES:]) + "\n"


def excerpt() -> str:
    """Return what the README shows."""
    found = _EXCERPT.search(README.read_text(encoding="utf-8"))
    return found[0] if found else ""


def write() -> None:
    """Run the first command and put its last lines into the README."""
    with tempfile.TemporaryDirectory() as folder:
        _, text = printed(Path(folder))
    before = README.read_text(encoding="utf-8")
    README.write_text(_EXCERPT.sub(lambda _: text, before), encoding="utf-8")


def figures() -> list[tuple[str, str, str]]:
    """Return the rows of the README's table: the figure, the result file, and the dotted key in it."""
    rows = _ROW.finditer(README.read_text(encoding="utf-8"))
    return [(row["figure"].strip(), row["file"], row["key"]) for row in rows]


def recorded(file: str, key: str) -> object:
    """Return what a result file holds under a dotted key."""
    value: object = json.loads((ROOT / file).read_text(encoding="utf-8"))
    for part in key.split("."):
        assert isinstance(value, dict), f"{file} has no {key}"
        value = value[part]
    return value

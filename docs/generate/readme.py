"""The README's excerpt of what its first command prints, and its table of figures; both are written, never typed."""

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
RESULT = "bench/results/unpack.json"
FIGURES = {  # what a row says -> where it stands in the result
    "CPU of unpacking an OpenWrt image, unblob alone = 1": "ratios.unpack_to_unblob",
    "CPU of the whole inspection, unblob alone = 1": "ratios.inspect_to_unblob",
    "CPU of the same again, first run = 1": "ratios.warm_to_cold",
    "CPU seconds of the whole inspection": "cpu_seconds.inspect_cold",
    "CPU seconds of the same again": "cpu_seconds.inspect_warm",
    "CPU seconds of the next image after it": "cpu_seconds.second_image_after_the_first",
    "CPU seconds of the next image alone": "cpu_seconds.second_image_alone",
    "peak memory of the inspection, MiB": "peak_mib.inspect",
    "files byte-identical to unsquashfs": "files_against_unsquashfs.identical",
    "files that differ": "files_against_unsquashfs.different",
}
_EXCERPT = re.compile(
    r"(?<=<!-- --8<-- \[start:excerpt\] -->\n```text\n).*?(?=```\n<!-- --8<-- \[end:excerpt\] -->)", re.DOTALL
)
_FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


def printed(cache: Path) -> tuple[int, str]:
    """Run the first command as a new user would; return its exit code and the last lines of what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": str(WIDTH), "ABOVEBOARD_CACHE": str(cache)}
    command = [sys.executable, "-m", "aboveboard.cli.main", *COMMAND, "--at", AT]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return done.returncode, "\n".join(lines[-LINES:]) + "\n"


def figures() -> str:
    """Return the table of figures: a row for each that the result file holds, and the command that measured them."""
    path = ROOT / RESULT
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = [(what, _at(result, key)) for what, key in FIGURES.items()]
    rows = [f"| {what} | {value} |" for what, value in found if value is not None]
    if not rows:
        return "\nNo result of this version is recorded yet.\n\n"
    said = f"`{result['command']}` on {result['machine']}, {result['date']}; recorded in `{RESULT}`"
    return "\n".join(["", "| what | figure |", "| --- | --- |", *rows, "", f"Measured by {said}.", "", ""])


def shown(part: re.Pattern[str]) -> str | None:
    """Return what the README holds at a marked part."""
    found = part.search(README.read_text(encoding="utf-8"))
    return found[0] if found else None


def excerpt() -> str | None:
    """Return the excerpt that the README shows."""
    return shown(_EXCERPT)


def table() -> str | None:
    """Return the figures that the README shows."""
    return shown(_FIGURES)


def write() -> None:
    """Run the first command and put its last lines, and the figures, into the README."""
    with tempfile.TemporaryDirectory() as folder:
        _, text = printed(Path(folder))
    before = README.read_text(encoding="utf-8")
    after = _FIGURES.sub(lambda _: figures(), _EXCERPT.sub(lambda _: text, before))
    README.write_text(after, encoding="utf-8")


def _at(result: object, key: str) -> int | float | None:
    for part in key.split("."):
        result = result.get(part) if isinstance(result, dict) else None
    return result if isinstance(result, int | float) else None

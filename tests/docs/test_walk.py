"""The page that walks from nothing to a verdict that a stranger checks is run as it is written, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/guide/agreement.md"


# The walk calls nobody: an attempt ends the command with a code that none has.
WATCHED = """
import os, sys

def watch(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind"):
        os._exit(98)

sys.addaudithook(watch)
from aboveboard.cli.main import main
main()
"""


def commands() -> list[tuple[str, int]]:
    """Return the commands of the page in their order, each with the exit code that stands beside it."""
    text = "\n".join(re.findall(r"^    (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)).replace("\\\n", " ")
    found = []
    for line in text.split("\n"):
        command, _, code = line.partition(" # exit ")
        found.append((command, int(code or 0)))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the walk is a shell's")
def test_the_walk_is_run_as_it_is_written(tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "aboveboard"
    tool.parent.mkdir()
    (tool.parent / "main.py").write_text(WATCHED)
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tool.parent}/main.py" "$@"\n')
    tool.chmod(0o755)
    folder = tmp_path / "walk"
    folder.mkdir()
    (folder / "examples").symlink_to(ROOT / "examples")
    script = ["set -u"]
    for number, (command, code) in enumerate(commands()):
        told = f'echo "command {number} ended with $code" >&2'
        script += [command, f'code=$?; [ "$code" -eq {code} ] || {{ {told}; exit 99; }}']
    environment = {
        **{name: value for name, value in os.environ.items() if name != "ABOVEBOARD_PASSPHRASE"},
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "ABOVEBOARD_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["sh", "-c", "\n".join(script)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    assert "verified" in done.stdout
    assert "NOT VERIFIED" in done.stdout

"""A folder with keys, a ring, a log and a witness, made through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
ORIGIN, WITNESS = "log.acme.example/canary", "w.ministry.example/1"
PASSPHRASE = b"for a test"
SINCE, UNTIL = "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "ABOVEBOARD_PASSPHRASE": PASSPHRASE.decode()}
    command = [sys.executable, "-m", "aboveboard.cli.main", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done


def good(folder: Path, *words: str) -> str:
    done = run(folder, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said(folder: Path, code: int, *words: str) -> dict[str, Any]:
    """Return what a command says as JSON; it must end with this code."""
    done = run(folder, *words, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(folder: Path, code: int, reason: str, *words: str) -> str:
    """Return what a command that is refused says; it prints no result."""
    done = run(folder, *words)
    assert done.returncode == code, done.stderr + done.stdout
    assert reason in done.stderr
    assert "what to do" in done.stderr
    assert not done.stdout
    return done.stderr


def stage(folder: Path) -> None:
    """Make the keys, a ring in which two keys speak for the supplier, a log, and policies with and without its witness."""
    for name in ("root", "acme-1", "acme-2", "other", "log", "witness"):
        good(folder, "keys", "new", name, "--out", f"{name}.pem")
    added = [f"--add={role}:{name}:{name}.pem.pub" for role, name in (("root", "root"), ("supplier", "acme-1"))]
    two = ("--add=supplier:acme-2:acme-2.pem.pub", "--threshold=supplier=2", "--until", UNTIL, "--since", SINCE)
    good(folder, "keys", "init", "--key", "root.pem", *added, *two, "--at", SINCE, "--out", "KEYS")
    good(folder, "log", "init", "L", "--origin", ORIGIN, "--key", "log.pem")
    log_key = good(folder, "log", "key", "--key", "log.pem", "--origin", ORIGIN).strip()
    witness_key = good(folder, "log", "key", "--key", "witness.pem", "--origin", WITNESS, "--witness").strip()
    asked = good(folder, "log", "policy", "--log", log_key, "--witness", witness_key, "--quorum", "1")
    (folder / "policy").write_text(asked)
    (folder / "nobody").write_text(good(folder, "log", "policy", "--log", log_key))


def cosigned(folder: Path, at: str) -> None:
    good(
        folder,
        "log",
        "witness",
        "L",
        "--name",
        WITNESS,
        "--key",
        "witness.pem",
        "--state",
        "W",
        "--policy",
        "policy",
        "--at",
        at,
    )

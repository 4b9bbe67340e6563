"""A folder with keys and a ring in it, and what the commands for agreements are given there."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.keys import CUSTOMER, NOW, OTHER, SECOND, SUPPLIER, key
from tests.pipelines.test_trust_commands import good, run

from aboveboard.agreement.agreement import render
from aboveboard.model.canonical import canonical
from aboveboard.trust import keyring
from aboveboard.trust.keyring import Key, Ring, Role

AT = ("--at", "2026-12-01T00:00:00Z")
TWIN = key("twin")
PASSPHRASE = b"for a test"
PRIVATE = {"supplier": SUPPLIER, "twin": TWIN, "customer": CUSTOMER, "lab": OTHER}
KEYS = {name: Key(one.public, NOW - timedelta(days=365), NOW + timedelta(days=1500)) for name, one in PRIVATE.items()}
ROOTED = {"root": Key(SECOND.public, NOW - timedelta(days=365), NOW + timedelta(days=1500)), **KEYS}
ONE = Ring(
    1,
    ROOTED,
    {
        "root": Role(1, ("root",)),
        "supplier": Role(1, ("supplier",)),
        "customer": Role(1, ("customer",)),
        "laboratory": Role(1, ("lab",)),
    },
)
TWO = replace(ONE, roles={**ONE.roles, "supplier": Role(2, ("supplier", "twin"))})


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pems")
    for name, one in PRIVATE.items():
        (place / f"{name}.pem").write_bytes(one.to_pem(PASSPHRASE))
    return place


@pytest.fixture
def folder(tmp_path: Path, pems: Path) -> Path:
    for name in PRIVATE:
        os.link(pems / f"{name}.pem", tmp_path / f"{name}.pem")
    (tmp_path / "KEYS").write_bytes(keyring.make(ONE, [SECOND]) + b"\n")
    (tmp_path / "KEYS2").write_bytes(keyring.make(TWO, [SECOND]) + b"\n")
    (tmp_path / "image.bin").write_bytes(b"an image")
    return tmp_path


def begin(folder: Path, *more: str) -> str:
    words = ("--supplier", "Example Networks", "--customer", "Example Ministry", "--image", "image.bin", "--keys", "KEYS")
    term = ("--from", "2026-11-01T00:00:00Z", "--until", "2028-11-01T00:00:00Z")
    product = ("--product", "AR-1", "--product-version", "7.3")
    return good(folder, "agreement", "new", "--profile", "operator", *words, *term, *product, *AT, *more)


def refused(done: subprocess.CompletedProcess[str], code: str, exit_code: int = 3) -> None:
    assert done.returncode == exit_code, (done.stdout, done.stderr)
    assert f"{code}: " in done.stderr, done.stderr
    assert "what to do: " in done.stderr


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def sign(folder: Path, name: str = "supplier", role: str = "supplier", **options: str) -> subprocess.CompletedProcess[str]:
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    return run(folder, "agreement", "sign", "agreement.json", "--key", f"{name}.pem", "--role", role, *words)


def add(folder: Path, name: str, role: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "agreement", "countersign", "A.dsse", "--key", f"{name}.pem", "--role", role, *more)


def show(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "agreement", "show", "A.dsse", *(words or ("--keys", "KEYS", *AT)))


def written(folder: Path, value: dict[str, Any], text: str | None = None) -> None:
    (folder / "agreement.json").write_bytes(canonical(value))
    (folder / "agreement.md").write_text(render(value) if text is None else text, encoding="utf-8")

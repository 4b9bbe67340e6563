"""One agreement, declaration, record, sealed verdict and log, made through the real command line, for every verifier."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.images import cpio, seeded
from tests.pipelines.test_sealed_verdicts import AT, PAPERS, agree, declare, ring
from tests.pipelines.trusted import good, run

ORIGIN, WITNESS = "log.acme.example/verdicts", "w.ministry.example/1"
LOGGED = ("KEYS", "A.dsse", "D.dsse", "R.dsse", "B/manifest.dsse", "B/verdict.dsse")
KINDS = ("keyring", "agreement", "declaration", "record", "bundle", "verdict")


@dataclass(frozen=True)
class Enveloped:
    """An envelope as it lies in its file, and the public keys (PEM) of those who signed it."""

    data: bytes
    keys: tuple[Path, ...]

    @property
    def json(self) -> dict[str, Any]:
        """Return the envelope as any reader of JSON has it."""
        found: dict[str, Any] = json.loads(self.data)
        return found

    @property
    def payload(self) -> bytes:
        """Return what was signed."""
        return base64.b64decode(self.json["payload"], validate=True)

    @property
    def signatures(self) -> list[bytes]:
        """Return the signatures, in the order of the file."""
        return [base64.b64decode(one["sig"], validate=True) for one in self.json["signatures"]]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which everything lies."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "image.bin").write_bytes(cpio(seeded()))
    ring(folder)
    good(folder, "keys", "new", "witness", "--out", "witness.pem")
    image = json.loads(run(folder, "inspect", "image.bin", *AT, "--json").stdout)["subject"]["digest"]
    agree(folder, image)
    declare(folder, image)
    recorded(folder, image)
    done = run(folder, "inspect", "image.bin", *PAPERS, "--record", "R.dsse", *AT, "--out", "RUN")
    assert done.returncode == 3, done.stderr
    good(folder, "seal", "RUN", "--key", "laboratory.pem", "--keys", "KEYS", "--out", "B", *AT)
    logged(folder)
    return folder


def recorded(folder: Path, image: str) -> None:
    text = good(folder, "attest", "GV-03", "--template").replace("to be completed: a day, as ", "")
    text = text.replace("to be completed", "done").replace("sha256:" + "0" * 64, image)
    (folder / "R.yaml").write_text(text)
    good(folder, "attest", "GV-03", "--record", "R.yaml", "--by", "laboratory.pem", "--out", "R.dsse", *AT)


def logged(folder: Path) -> None:
    log_key = good(folder, "log", "init", "L", "--origin", ORIGIN, "--key", "log.pem").split()[-1]
    for name, kind in zip(LOGGED, KINDS, strict=True):
        good(folder, "log", "add", "L", name, "--kind", kind, "--key", "log.pem")
    witness_key = good(folder, "log", "key", "--key", "witness.pem", "--origin", WITNESS, "--witness").strip()
    words = ("--name", WITNESS, "--key", "witness.pem", "--state", "W", "--log-key", log_key)
    good(folder, "log", "witness", "L", *words, *AT)
    good(folder, "log", "prove", "L", "B/manifest.dsse", "--out", "B.tlog-proof")
    (folder / "log.vkey").write_text(log_key)
    (folder / "witness.vkey").write_text(witness_key)


@pytest.fixture(scope="session")
def envelopes(stage: Path) -> Mapping[str, Enveloped]:
    """Return the envelopes by what they are."""
    signed = {
        "agreement": ("A.dsse", ("supplier", "customer")),
        "declaration": ("D.dsse", ("supplier",)),
        "record": ("R.dsse", ("laboratory",)),
        "verdict": ("B/verdict.dsse", ("laboratory",)),
        "manifest": ("B/manifest.dsse", ("laboratory",)),
        "keyring": ("KEYS", ("root",)),
    }
    return {
        what: Enveloped((stage / name).read_bytes(), tuple(stage / f"{key}.pem.pub" for key in keys))
        for what, (name, keys) in signed.items()
    }


@pytest.fixture(params=["agreement", "declaration", "record", "verdict", "manifest", "keyring"])
def enveloped(request: pytest.FixtureRequest, envelopes: Mapping[str, Enveloped]) -> Enveloped:
    """Return each of the envelopes."""
    return envelopes[request.param]


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    """Return the bytes with one bit changed; a negative place counts from the end."""
    changed = bytearray(data)
    changed[at] ^= bit
    return bytes(changed)


Read = Callable[[bytes], Any]

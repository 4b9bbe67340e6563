"""A cache that somebody else wrote changes nothing of what is seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from aboveboard.model.canonical import canonical
from aboveboard.pipelines.inspect import Inspected, Options, inspect
from tests.hostile.images import cpio, seeded

AT = "2026-11-24T12:00:00Z"
Known = tuple[Path, Path, Inspected]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Return an image, a cache that a run on it filled, and what the run gave."""
    folder = tmp_path_factory.mktemp("known")
    image = folder / "image.bin"
    image.write_bytes(cpio(seeded()))
    return image, folder / "cache", run(image, folder / "cache")


def run(image: Path, cache: Path) -> Inspected:
    return inspect(image, Options("outsider", AT, cache=cache), lambda _: None)


def sealed(data: bytes) -> bytes:
    return sha256(data).hexdigest().encode() + b"\n" + data


def account_of_nothing(kept: bytes) -> bytes:
    """Return a sealed account that knows of no byte, in the place of an account."""
    seal, _, data = kept.partition(b"\n")
    if len(seal) != 64:
        return kept
    account = {**json.loads(data), "size": 0, "spans": [], "children": [], "gaps": []}
    return sealed(canonical(account))


def changed(kept: bytes) -> bytes:
    """Return the document with one more space in it, or another text: whatever has a seal shows it."""
    return kept.replace(b"/bin/", b"/nib/").replace(b'"detail":"', b'"detail":"x')


def surrogate(kept: bytes) -> bytes:
    seal, _, data = kept.rpartition(b"\n")
    data = data.replace(b'"path":"', b'"path":"\\ud800').replace(b'"seal":"', b'"seal":"\\ud800')
    return sealed(data) if seal else data


FORGED: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda kept: kept[: len(kept) // 2],
    "no JSON": lambda _: b"{",
    "deep": lambda _: b"[" * 200_000,
    "deep and sealed": lambda _: sealed(b"[" * 200_000),
    "endless": lambda kept: (
        kept.rpartition(b"\n")[2]
        .replace(b'"version":', b'"version":1e400,"v":')
        .replace(b'"found":', b'"found":1e400,"f":')
    ),
    "endless and sealed": lambda kept: sealed(kept.rpartition(b"\n")[2].replace(b'"size":', b'"size":1e400,"s":')),
    "surrogate": surrogate,
    "changed": changed,
    "account of nothing": account_of_nothing,
    "failed calibration": lambda kept: b'{"found":0,"planted":1}' if kept.startswith(b'{"found":') else kept,
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_result_counts_as_none(known: Known, tmp_path: Path, name: str) -> None:
    image, cache, plain = known
    forged = tmp_path / "cache"
    shutil.copytree(cache, forged)
    touched = 0
    for path in (forged / "results").rglob("*"):
        if path.is_file():
            kept = path.read_bytes()
            path.write_bytes(FORGED[name](kept))
            touched += path.read_bytes() != kept
    assert touched
    again = run(image, forged)
    assert again.verdict == plain.verdict
    assert again.evidence == plain.evidence


def test_the_cache_is_used(known: Known) -> None:
    image, cache, plain = known
    again = run(image, cache)
    assert again.reused > plain.reused
    assert again.reused == len(again.evidence) - 1 + len(again.opened.accounts)
    assert again.evidence == plain.evidence

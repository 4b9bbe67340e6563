"""Blobs come whole or not at all, however they come."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aboveboard.store.blobs import BlobStore


@pytest.mark.parametrize("parts", [[], [b"small"], [b"x" * 700_000] * 5])
def test_a_blob_in_parts_has_the_digest_of_the_whole(tmp_path: Path, parts: list[bytes]) -> None:
    store = BlobStore(tmp_path / "blobs")
    writer = store.writer()
    for part in parts:
        writer.write(part)
    writer.commit()
    whole = b"".join(parts)
    assert store.get("sha256:" + hashlib.sha256(whole).hexdigest()) == whole


def test_what_is_dropped_leaves_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    writer = store.writer()
    for _ in range(5):
        writer.write(b"x" * 700_000)
    writer.drop()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    writer.write(b"next")
    writer.commit()
    assert store.get("sha256:" + hashlib.sha256(b"next").hexdigest()) == b"next"

"""Blobs come whole or not at all, however they come."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache
from aboveboard.store.files import remove_stale


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


WANTED = b"what was seen"
DIGEST = "sha256:" + hashlib.sha256(WANTED).hexdigest()


def in_its_place(kind: str, place: Path, aside: Path) -> None:
    """Put something else where the blob would stand."""
    place.parent.mkdir(parents=True)
    aside.write_bytes(WANTED)
    if kind == "same size":
        place.write_bytes(b"what was SEEN")
    elif kind == "cut":
        place.write_bytes(WANTED[:5])
    elif kind == "folder":
        (place / "below").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(aside if kind == "link" else aside.parent / "nowhere")


@pytest.mark.parametrize("how", ["put", "parts", "file"])
@pytest.mark.parametrize("kind", ["same size", "cut", "folder", "pipe", "link", "dangling"])
def test_a_foreign_cache_never_changes_what_is_seen(tmp_path: Path, kind: str, how: str) -> None:
    store, aside = BlobStore(tmp_path / "blobs"), tmp_path / "aside"
    in_its_place(kind, store.root / DIGEST[7:9] / DIGEST[9:], aside)
    assert not store.has(DIGEST)
    if how == "put":
        store.put(WANTED)
    elif how == "file":
        store.put_file(aside, limit=100)
    else:
        writer = store.writer()
        writer.write(WANTED)
        writer.commit()
    assert store.has(DIGEST)
    assert BlobStore(store.root).has(DIGEST)
    assert store.get(DIGEST) == WANTED
    assert aside.read_bytes() == WANTED
    assert [path for path in tmp_path.rglob("tmp*") if path.is_file()] == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_a_result_is_a_file_or_nothing(tmp_path: Path, kind: str) -> None:
    cache = Cache(tmp_path / "results")
    cache.put("key", b"value")
    (place,) = [path for path in cache.root.rglob("*") if path.is_file()]  # type: ignore[union-attr]  # it has a root
    place.unlink()
    place.parent.rmdir()
    in_its_place(kind, place, tmp_path / "aside")
    assert cache.get("key") is None
    cache.put("key", b"value")
    assert cache.get("key") == b"value"


def test_what_fails_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, cache = BlobStore(tmp_path / "blobs"), Cache(tmp_path / "results")
    source = tmp_path / "source"
    source.write_bytes(WANTED)
    writer = store.writer()
    writer.write(b"x" * 3_000_000)

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    for attempt in (
        lambda: store.put(WANTED),
        lambda: store.put_file(source, limit=100),
        writer.commit,
        lambda: cache.put("key", WANTED),
    ):
        with pytest.raises(OSError, match="No space"):
            attempt()
    writer.drop()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]


def test_only_stale_files_of_killed_runs_are_removed(tmp_path: Path) -> None:
    root, outside = tmp_path / "cache", tmp_path / "outside"
    names = [root / "blobs/tmpold", root / "blobs/ab/tmpold", root / "results/cd/tmpold", outside / "tmpold"]
    kept = [root / "blobs/ab/tmpnew", root / "blobs/ab/" / ("0" * 62), outside / "tmpold"]
    for path in [*names, *kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        if path.name != "tmpnew":
            os.utime(path, (time.time() - 90_000,) * 2)
    (root / "blobs/link").symlink_to(outside)
    remove_stale(root)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)

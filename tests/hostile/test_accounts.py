"""Accounts of blobs made to hide something: what is not read is told, and what counts on the device is seen."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable

import lz4.frame
import pytest

from aboveboard.model.account import SpanKind, Unpacked
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause
from aboveboard.model.tree import Entry
from aboveboard.readers import streams
from aboveboard.subjects import bounds, chunks
from aboveboard.subjects.chunks import find_chunks
from aboveboard.subjects.image import assemble, opened_containers
from aboveboard.subjects.unpack import take_apart
from tests.hostile.images import Item, cpio, tiny_elf


class Held:
    """Stands for the jail's side of the channel, and keeps what it is given."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def read(self, digest: str, limit: int | None = None) -> bytes:
        return self.blobs[digest][:limit]

    def open(self, digest: str) -> int:
        raise KeyError(digest)

    def emit(self, value: JSON) -> None:
        raise AssertionError(value)

    def store(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = bytes(data)
        return digest

    def store_parts(self, parts: Iterable[bytes]) -> tuple[str, int]:
        data = b"".join(parts)
        return self.store(data), len(data)


@pytest.fixture
def held() -> Held:
    return Held()


def account(held: Held, data: bytes) -> Unpacked:
    return take_apart(held, "blob", data)


def entries(account: Unpacked) -> dict[str, Entry]:
    return {entry.path: entry for child in account.children for entry in child.entries}


def details(account: Unpacked) -> str:
    return "\n".join(gap.detail for gap in account.gaps)


Members = list[tuple[str, bytes]]


def tar(members: Members, kinds: dict[str, tuple[bytes, str]] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type, member.linkname = (kinds or {}).get(name, (tarfile.REGTYPE, ""))
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zipped(members: Members) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["cpio", "tar", "zip"])
def test_of_a_name_that_stands_twice_the_last_counts(held: Held, kind: str) -> None:
    members = [("etc/shadow", b"first"), ("etc/x", b"x"), ("etc/shadow", b"second"), ("etc/shadow", b"third")]
    data = {
        "cpio": lambda: cpio(Item(name.encode(), content) for name, content in members),
        "tar": lambda: tar(members),
        "zip": lambda: zipped(members),
    }[kind]()
    seen = account(held, data)
    found = {path: held.blobs[entry.digest] for path, entry in entries(seen).items()}
    assert found["/etc/shadow"] == b"third"
    assert sorted(found.values()) == [b"first", b"second", b"third", b"x"]
    assert details(seen).count("a name that stands twice") == 2


@pytest.mark.parametrize("wrong", ["method", "header", "content"])
def test_a_member_of_a_zip_that_cannot_be_read_ends_nothing(held: Held, wrong: str) -> None:
    data = bytearray(zipped([("a", b"aaaa"), ("b", b"bbbb"), ("c", b"cccc")]))
    second = data.find(b"PK\1\2", data.find(b"PK\1\2") + 4)
    local = data.find(b"PK\3\4", 4)
    if wrong == "method":
        data[second + 10] = data[local + 8] = 97
    elif wrong == "header":
        data[local + 30] ^= 1  # its name
    else:
        data[data.find(b"bbbb")] ^= 1
    seen = account(held, bytes(data))
    found = entries(seen)
    assert [held.blobs.get(found[path].digest) for path in ("/a", "/b", "/c")] == [b"aaaa", None, b"cccc"]
    assert found["/b"].size == 4
    assert [gap.where.path for gap in seen.gaps] == ["/b"]


@pytest.mark.parametrize("kind", ["bzip2", "xz", "lz4_default"])
def test_streams_that_follow_each_other_are_one_content(held: Held, kind: str) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "bzip2": bz2.compress,
        "xz": lzma.compress,
        "lz4_default": lz4.frame.compress,
    }
    pack = packers[kind]
    first, second = b"hello\n" * 100, b"world\n" * 40_000
    between = bytes(8) if kind == "xz" else b""
    data = pack(first) + between + pack(second)
    assert streams.decompress(kind, data, 1 << 20) == first + second
    seen = account(held, b"\xff" * 64 + data + b"\xff" * 64)
    assert {first + second} == set(held.blobs.values()) or {first, second} == set(held.blobs.values())
    assert not seen.gaps


@pytest.mark.parametrize(("kind", "data"), [("bzip2", bz2.compress(b"a")), ("xz", lzma.compress(b"a"))])
def test_what_a_stream_leaves_unread_or_lacks_is_told(kind: str, data: bytes) -> None:
    def end(data: bytes) -> str:
        reading = streams.parts(kind, data, 1 << 20)
        while True:
            try:
                next(reading)
            except StopIteration as ended:
                return str(ended.value)

    assert end(data) == ""
    assert "3 bytes at its end were not read" in end(data + b"abc")
    assert "cut" in end(data[:-1])


def test_the_chunks_of_a_blob_have_one_budget(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_STREAM", 10 << 20)
    streams = [gzip.compress(bytes(4 << 20) + bytes([number]), mtime=0) for number in range(6)]
    seen = account(held, (b"\xff" * 64).join(streams))
    assert sum(len(blob) for blob in held.blobs.values()) <= 10 << 20
    assert len(seen.children) == 2
    assert [(span.kind, span.name) for span in seen.spans if span.kind is SpanKind.GAP] == [(SpanKind.GAP, "limit")] * 2
    assert {gap.cause for gap in seen.gaps} == {Cause.LIMIT}


def test_what_is_sent_of_names_is_bounded(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ACCOUNT", 1 << 20)
    monkeypatch.setattr(bounds, "MAX_TOLD", 1 << 18)
    long = "\u00e9" * 80
    seen = account(held, cpio(Item(f"../{long}/{long}/{number}".encode()) for number in range(4000)))
    assert len(json.dumps(seen.to_json())) < 3 << 19
    assert "the rest was not opened" in details(seen) or "are listed" in details(seen)


def test_a_program_whose_archives_are_over_the_budget_says_so(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_STREAM", 1 << 20)
    seen = account(held, tiny_elf() + gzip.compress(bytes(2 << 20), mtime=0))
    assert [span.name for span in seen.spans] == ["elf", "limit"]
    assert {gap.cause for gap in seen.gaps} == {Cause.LIMIT}


@pytest.mark.parametrize("magic", [b"0\x82", b"GIF89a", b"\x1bLua", b"RIFF", b"%PDF", b"SQLite format 3\0", b"OTTO"])
def test_an_archive_behind_the_first_bytes_of_something_else_is_opened(held: Held, magic: bytes) -> None:
    seen = account(held, magic + b"\x01\x02" * 255 + cpio([Item(b"etc/shadow", b"root::0:0:::::\n")]))
    assert "/etc/shadow" in entries(seen)


def test_der_states_its_length(held: Held) -> None:
    whole = b"0\x82\x10\x00" + random.Random(1).randbytes(0x1000)
    assert [span.name for span in account(held, whole).spans] == ["der"]
    assert [span.name for span in account(held, whole + b"\xff" * 99).spans] == ["der"]
    assert [span.kind for span in account(held, whole + random.Random(2).randbytes(5000)).spans] == [SpanKind.GAP]


def test_links_and_kinds_of_a_tar_that_are_not_known(held: Held) -> None:
    members = [("a", b""), ("z", b"#!/bin/sh\n"), ("lost", b""), ("b", b"late"), ("c", b""), ("d", b"")]
    kinds = {
        "a": (tarfile.LNKTYPE, "b"),
        "z": (b"Z", ""),
        "lost": (tarfile.LNKTYPE, "nowhere"),
        "c": (tarfile.LNKTYPE, "b"),
        "d": (tarfile.LNKTYPE, "c"),
    }
    seen = account(held, tar(members, kinds))
    found = {path: held.blobs.get(entry.digest) for path, entry in entries(seen).items()}
    late = dict.fromkeys(("/a", "/b", "/c", "/d"), b"late")
    assert found == {**late, "/z": b"#!/bin/sh\n", "/lost": None}
    assert [gap.where.path for gap in seen.gaps] == ["/a", "/lost"]


def test_bytes_of_an_archive_that_breaks_off_are_a_gap(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(tar([("a", b"a" * 100), ("b", b"b"), ("c", b"c")]))
    (chunk,) = find_chunks(bytes(data))
    data[1024:1034] = b"\xff" * 10  # the header of b
    monkeypatch.setattr("aboveboard.subjects.unpack.find_chunks", lambda *_: [chunk])
    seen = account(held, bytes(data))
    assert list(entries(seen)) == ["/a"]
    assert seen.spans[0].kind is SpanKind.GAP
    image = assemble("blob", {"blob": seen})
    assert image.coverage.bytes_explained <= len(data) - chunk.end
    assert not opened_containers({"blob": seen})


def test_bytes_of_an_archive_over_a_bound_are_a_gap(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ENTRIES", 10)
    seen = account(held, cpio(Item(b"f%d" % number, b"x") for number in range(20)))
    assert len(entries(seen)) == 10
    assert [(span.kind, span.name) for span in seen.spans] == [(SpanKind.GAP, "limit")]


@pytest.mark.parametrize("mark", [b"\xc7\x71", b"\x71\xc7", b"\x53\xef"])
def test_a_flood_of_marks_is_passed_over_quickly(mark: bytes) -> None:
    begun = time.process_time()
    assert not find_chunks(mark * (2 << 20))
    assert time.process_time() - begun < 10


def test_a_search_that_is_cut_is_told(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_MISSES", 100)
    seen = account(held, b"\0" + b"070701 no header \xff" * 200 + cpio([Item(b"a", b"a")]))
    assert "more than 100 places look like its beginning" in details(seen)
    assert Cause.LIMIT in {gap.cause for gap in seen.gaps}

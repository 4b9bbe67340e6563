"""Accounts of blobs made to hide something: what is not read is told, and what counts on the device is seen."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable

import pytest

from aboveboard.model.account import Unpacked
from aboveboard.model.canonical import JSON
from aboveboard.model.tree import Entry
from aboveboard.subjects.unpack import take_apart
from tests.hostile.images import Item, cpio


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

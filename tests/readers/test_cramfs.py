"""Cramfs against mkfs.cramfs, and images made here for what it does not make."""

from __future__ import annotations

import random
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.facts import Cause
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers.cramfs import (
    BOOT,
    DIRECT,
    MAGIC,
    POINTERS,
    SIGNATURE,
    STORED,
    Cramfs,
    CramfsError,
    CramfsUnsupportedError,
)
from aboveboard.subjects.chunks import find_chunks

FORMS = {
    "little": ["-N", "little"],
    "big": ["-N", "big"],
    "boot": ["-p"],
    "holes": ["-z"],
    "big-holes": ["-z", "-N", "big"],
}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cramfs")
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "none").mkdir()
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/er/noise").write_bytes(random.Random(1).randbytes(30_000))
    (root / "etc/deep/er/page").write_bytes(bytes(range(256)) * 16)
    (root / "etc/link").symlink_to("../etc/passwd")
    (root / "holes").write_bytes(bytes(20_000) + b"end" + bytes(9_000))
    (root / "same").write_bytes((root / "etc/passwd").read_bytes())
    (root / "empty").touch()
    (root / ("long" * 50)).write_bytes(b"x")
    (root / "etc/passwd").chmod(0o4750)
    return root


def make(source: Path, image: Path, form: str) -> bytes:
    subprocess.run(["mkfs.cramfs", *FORMS[form], source, image], check=True, capture_output=True)
    return image.read_bytes()


def walk(system: Cramfs) -> dict[str, tuple[Entry, bytes | None]]:
    return {entry.path: (entry, content) for entry, content in system.walk()}


@pytest.mark.parametrize("form", FORMS)
def test_every_file_is_what_was_put_in(source: Path, tmp_path: Path, form: str) -> None:
    data = make(source, tmp_path / "image", form)
    system = Cramfs(data)
    found = walk(system)
    assert system.gaps == []
    paths = list(source.rglob("*"))
    assert len(found) == len(paths)
    for path in paths:
        entry, content = found["/" + str(path.relative_to(source))]
        status = path.lstat()
        assert (entry.mode, entry.uid, entry.gid) == (status.st_mode & 0o7777, status.st_uid, status.st_gid)
        if path.is_symlink():
            assert (entry.type, entry.target) == (EntryType.SYMLINK, str(path.readlink()))
        elif path.is_file():
            assert content == path.read_bytes()
    for before in (0, 512, 999):
        (chunk,) = find_chunks(b"\xff" * before + data + b"\xff" * 999)
        assert (chunk.start, chunk.end, chunk.name) == (before, before + len(data), "cramfs")


def inode(order: str, mode: int, size: int, offset: int, name: bytes = b"", owner: tuple[int, int] = (0, 0)) -> bytes:
    name += bytes(-len(name) % 4)
    length, offset, (uid, gid) = len(name) // 4, offset // 4, owner
    if order == "<":
        words = (mode | uid << 16, size | gid << 24, length | offset << 6)
    else:
        words = (mode << 16 | uid, size << 8 | gid, length << 26 | offset)
    return struct.pack(order + "3I", *words) + name


def image(order: str, listing: bytes, rest: bytes = b"", flags: int = 0) -> bytes:
    size = 76 + len(listing) + len(rest)
    head = struct.pack(order + "4I", MAGIC, size, flags, 0) + SIGNATURE + bytes(16) + b"Compressed".ljust(16, b"\0")
    return head + inode(order, 0o40755, len(listing), 76) + listing + rest


@pytest.mark.parametrize("order", ["<", ">"])
def test_devices_and_owners(order: str) -> None:
    listing = inode(order, 0o20620, 4 << 8 | 64, 0, b"tty", (70, 5)) + inode(order, 0o60660, 8 << 8 | 1, 0, b"sda1")
    listing += inode(order, 0o10600, 0, 0, b"pipe")
    found = walk(Cramfs(image(order, listing)))
    tty = found["/tty"][0]
    assert (tty.type, tty.device, tty.uid, tty.gid, tty.mode) == (EntryType.CHARACTER, (4, 64), 70, 5, 0o620)
    assert (found["/sda1"][0].type, found["/sda1"][0].device) == (EntryType.BLOCK, (8, 1))
    assert found["/pipe"][0].type is EntryType.FIFO


@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_that_are_stored_and_pages_elsewhere(order: str) -> None:
    """One of each in a file: packed, stored, a hole, stored elsewhere, packed elsewhere, packed after that, a tail."""
    pages = [bytes([number]) * 4096 for number in range(1, 7)]
    pages[2] = bytes(4096)
    tail = b"the end"
    elsewhere = 76 + 12 + 4
    table = elsewhere + 4096 + 512
    packed = [zlib.compress(page) for page in pages]
    rest = pages[3] + (struct.pack(order + "H", len(packed[4])) + packed[4] + packed[5]).ljust(512, b"\0")
    begin = table + 7 * 4
    ends = [begin + len(packed[0])]
    ends.append(ends[0] + 4096 | STORED)
    ends.append(ends[0] + 4096)
    ends.append(elsewhere >> 2 | DIRECT | STORED)
    ends.append(elsewhere + 4096 >> 2 | DIRECT)
    ends.append(elsewhere + 4096 + 2 + len(packed[4]) + len(packed[5]))
    ends.append(elsewhere >> 2 | DIRECT | STORED)
    rest += struct.pack(order + "7I", *ends) + packed[0] + pages[1]
    listing = inode(order, 0o100644, 6 * 4096 + len(tail), table, b"file")
    whole = image(order, listing, rest, POINTERS)
    system = Cramfs(whole)
    assert walk(system)["/file"][1] == b"".join(pages) + pages[3][: len(tail)]
    assert system.gaps == []


def test_unknown_flags_are_named() -> None:
    with pytest.raises(CramfsUnsupportedError, match="0x1000"):
        Cramfs(image("<", b"", flags=0x1000))
    with pytest.raises(CramfsError):
        Cramfs(b"")


def test_a_circle_names_that_want_out_and_pages_outside() -> None:
    circle = inode("<", 0o40755, 16, 76, b"self") + inode("<", 0o100644, 1, 0, b"..") + inode("<", 0o100644, 1, 0, b"a/b")
    circle += inode("<", 0o100644, 9, 1 << 20, b"out") + inode("<", 0o100644, (1 << 24) - 1, 76, b"lie")
    system = Cramfs(image("<", circle))
    found = walk(system)
    assert {path for path in found if found[path][1] is None} == {"/self", "/out", "/lie"}
    assert {gap.cause for gap in system.gaps} == {Cause.DAMAGED}
    assert len(system.gaps) == 5


def test_boot_code_is_told_from_what_stands_before() -> None:
    plain = image("<", inode("<", 0o100644, 0, 0, b"file"))
    (chunk,) = find_chunks(bytes(BOOT) + plain)
    assert chunk.start == BOOT


@settings(deadline=None)
@given(st.data())
def test_damage_is_told_and_never_raises(
    source: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    form = data.draw(st.sampled_from(sorted(FORMS)))
    path = folder / f"damaged-{form}"
    whole = bytearray(path.read_bytes() if path.exists() else make(source, path, form))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, 1023) | st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(1, 255))
    try:
        system = Cramfs(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    except CramfsError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size

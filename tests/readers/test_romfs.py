"""Romfs against genromfs."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.facts import Cause
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import romfs
from aboveboard.readers.romfs import Romfs, RomfsError
from aboveboard.subjects.chunks import find_chunks

NODES = {"console": ("c", 5, 1), "sda1": ("b", 8, 1), "pipe": ("p", 0, 0)}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("romfs")
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/er/data").write_bytes(bytes(range(256)) * 300)
    (root / "etc/link").symlink_to("../etc/passwd")
    (root / "program").write_bytes(b"runs")
    (root / "program").chmod(0o755)
    (root / "hard").hardlink_to(root / "etc/deep/er/data")
    (root / "empty").touch()
    (root / ("long" * 40)).write_bytes(b"x")
    (root / "bytes-\udcff").write_bytes(b"not UTF-8")
    for name, (kind, major, minor) in NODES.items():
        (root / f"@{name},{kind},{major},{minor}").touch()
    return root


@pytest.fixture(scope="session")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    image = tmp_path_factory.mktemp("image") / "romfs"
    subprocess.run(["genromfs", "-d", source, "-f", image, "-V", "a name of some length"], check=True, capture_output=True)
    return image.read_bytes()


def walk(system: Romfs) -> dict[str, tuple[Entry, bytes | None]]:
    return {entry.path: (entry, content) for entry, content in system.walk()}


def test_every_file_is_what_was_put_in(source: Path, made: bytes) -> None:
    system = Romfs(made)
    found = walk(system)
    assert system.gaps == []
    paths = [path for path in source.rglob("*") if not path.name.startswith("@")]
    assert len(found) == len(paths) + len(NODES)
    for path in paths:
        entry, content = found["/" + str(path.relative_to(source)).replace("\udcff", r"\xff")]
        if path.is_symlink():
            assert (entry.type, entry.target) == (EntryType.SYMLINK, str(path.readlink()))
        elif path.is_file():
            assert content == path.read_bytes()
            assert entry.mode == (0o755 if path.name == "program" else 0o644)
        else:
            assert (entry.type, entry.mode) == (EntryType.DIRECTORY, 0o755)
    assert (found["/console"][0].type, found["/console"][0].device) == (EntryType.CHARACTER, (5, 1))
    assert (found["/sda1"][0].type, found["/sda1"][0].device) == (EntryType.BLOCK, (8, 1))
    assert found["/pipe"][0].type is EntryType.FIFO


def test_the_next_file_system_begins_where_it_ends(made: bytes) -> None:
    (size,) = struct.unpack_from(">I", made, 8)
    assert [(chunk.start, chunk.end) for chunk in find_chunks(made)] == [(0, len(made))]
    for between, end in ((made, len(made)), (made[:size], size)):
        first, second = find_chunks(between + made)
        assert (first.end, second.start, second.name) == (end, end, "romfs")


def header(at: int, following: int, special: int, size: int, name: bytes, content: bytes = b"") -> bytes:
    """Return a file header that holds its checksum, with what stands behind it."""
    assert at % 16 == 0
    name += bytes(16 - len(name) % 16)
    raw = struct.pack(">3I", following, special, size)
    check = -sum(struct.unpack(f">{(12 + len(name)) // 4}I", raw + name)) & 0xFFFFFFFF
    out = raw + struct.pack(">I", check) + name + content
    return out + bytes(-len(out) % 16)


def image(*files: tuple[int, int, int, bytes]) -> bytes:
    """Return an image of one root and files (type, special, size, name), each naming the next."""
    out = struct.pack(">8sII", romfs.MAGIC, 0, 0) + bytes(16) + header(32, 9, 64, 0, b".")
    for number, (kind, special, size, name) in enumerate(files):
        following = 0 if number + 1 == len(files) else len(out) + 32
        out += header(len(out), following | kind, special, size, name)
    out = out[:8] + struct.pack(">I", len(out)) + out[12:]
    check = -sum(struct.unpack(f">{min(len(out), 512) // 4}I", out[:512])) & 0xFFFFFFFF
    return out[:12] + struct.pack(">I", check) + out[16:]


def test_circles_links_and_lies_are_told() -> None:
    files = [(1, 64, 0, b"self"), (0, 96, 0, b"ring"), (2, 0, 1 << 31, b"lie"), (0, 1 << 20, 0, b"lost"), (2, 0, 0, b"a/b")]
    data = image(*files)
    assert romfs.length(data, 0) == len(data)
    system = Romfs(data)
    found = walk(system)
    assert found["/self"][0].type is EntryType.DIRECTORY
    assert found["/lie"][1] is None
    assert not any("/ring" in path or "/a" in path for path in found)
    assert {gap.cause for gap in system.gaps} == {Cause.DAMAGED}
    again = bytearray(image((2, 0, 0, b"one"), (2, 0, 0, b"two")))
    again[96:128] = header(96, 64 | 2, 0, 0, b"two")
    system = Romfs(bytes(again))
    assert set(walk(system)) == {"/one", "/two"}
    assert ["comes back" in gap.detail for gap in system.gaps] == [True]


def test_a_wrong_checksum_is_told_and_the_file_is_read(made: bytes) -> None:
    changed = bytearray(made)
    at = made.index(b"passwd".ljust(16, b"\0"), 0)
    changed[at] ^= 1
    system = Romfs(bytes(changed))
    found = walk(system)
    assert found["/etc/qasswd"][1] == walk(Romfs(made))["/etc/passwd"][1]
    assert [gap.where.path for gap in system.gaps] == ["/etc/qasswd"]
    with pytest.raises(RomfsError):
        Romfs(b"")


@settings(deadline=None)
@given(st.data())
def test_damage_is_told_and_never_raises(made: bytes, data: st.DataObject) -> None:
    changed = bytearray(made)
    for at in data.draw(st.lists(st.integers(0, 2047), min_size=1, max_size=8)):
        changed[at] ^= data.draw(st.integers(1, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    assert 0 <= romfs.length(cut, 0) <= len(cut)
    try:
        system = Romfs(cut)
    except RomfsError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size

"""Ext2, ext3 and ext4 that are damaged, cut, encrypted or made to do harm: told, bounded, and never raised."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.readers.ext_images import FORMS, debugfs, make, run, source, walk

from aboveboard.model.facts import Cause
from aboveboard.model.tree import Entry
from aboveboard.readers import ext, ext_layout
from aboveboard.readers.ext import Ext
from aboveboard.readers.ext_layout import ExtError, ExtUnsupportedError
from aboveboard.subjects.chunks import find_chunks

__all__ = ["source"]  # a fixture


def set_feature(image: bytes, bits: int, at: int = 0x60) -> bytes:
    changed = bytearray(image)
    (old,) = struct.unpack_from("<I", changed, 1024 + at)
    struct.pack_into("<I", changed, 1024 + at, old | bits)
    return bytes(changed)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    folder = tmp_path_factory.mktemp("small")
    root = folder / "root"
    (root / "etc/deep").mkdir(parents=True)
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/data").write_bytes(bytes(range(256)) * 60)
    (root / "link").symlink_to("c" * 200)
    made: dict[str, bytes] = {}

    def image(form: str) -> bytes:
        if form not in made:
            made[form] = make(root, folder / form, FORMS[form], "512K")
        return made[form]

    return image


def test_a_journal_that_was_not_replayed_is_told(source: Path, tmp_path: Path) -> None:
    system = Ext(set_feature(make(source, tmp_path / "image", FORMS["ext3"]), 0x4))
    assert walk(system)["/etc/passwd"][1] == (source / "etc/passwd").read_bytes()
    (gap,) = system.gaps
    assert (gap.cause, "not replayed" in gap.detail) == (Cause.UNSUPPORTED, True)


def test_unknown_features_are_named(small: Callable[[str], bytes]) -> None:
    with pytest.raises(ExtUnsupportedError, match="0x80000001"):
        Ext(set_feature(small("ext2-1k"), 0x80000001))
    walk(Ext(set_feature(small("ext2-1k"), 0xFFFFFFFF, 0x64)))  # such that reading is safe
    with pytest.raises(ExtError, match="no superblock"):
        Ext(b"")


def place_of(image: Path, path: str) -> int:
    """Return the byte at which an inode lies."""
    said = run("debugfs", "-R", f"imap {path}", image).decode()
    block, offset = re.findall(r"located at block (\d+), offset 0x([0-9a-f]+)", said)[0]
    size = int(re.findall(r"Block size:\s+(\d+)", run("dumpe2fs", "-h", image).decode())[0])
    return int(block) * size + int(offset, 16)


def patched(source: Path, image: Path, form: str, path: str, at: int, value: bytes) -> bytes:
    data = bytearray(make(source, image, FORMS[form]))
    start = place_of(image, path) + at
    data[start : start + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize("form", ["ext2-1k", "ext4-4k"])
def test_a_size_that_lies_costs_no_memory(source: Path, tmp_path: Path, form: str) -> None:
    data = patched(source, tmp_path / "image", form, "/etc/deep/er/data", 0x6C, struct.pack("<I", 1 << 28))
    system = Ext(data)
    found = walk(system)
    assert found["/etc/deep/er/data"][1] is None
    assert found["/etc/passwd"][1] == (source / "etc/passwd").read_bytes()
    assert [(gap.cause, gap.where.path) for gap in system.gaps] == [(Cause.LIMIT, "/etc/deep/er/data")]


def test_many_sparse_files_end_at_the_bound(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(9):
        with (root / f"f{number}").open("wb") as file:
            file.truncate(100 << 20)
    system = Ext(make(root, tmp_path / "image", FORMS["ext4-4k"], "4M"))
    found = walk(system)
    assert sum(content is not None for _, content in found.values()) == 5
    assert {gap.cause for gap in system.gaps} == {Cause.LIMIT}
    assert len(found) == 10


@pytest.mark.parametrize("form", ["ext2-1k", "ext4-4k"])
def test_encrypted_files_and_directories_are_told(source: Path, tmp_path: Path, form: str) -> None:
    image = tmp_path / "image"
    make(source, image, FORMS[form])
    system = Ext(debugfs(image, "sif /etc/passwd flags 0x800", "sif /etc/deep flags 0x800"))
    found = walk(system)
    assert found["/etc/passwd"][1] is None
    assert "/etc/deep/er" not in found
    assert {(gap.cause, gap.where.path) for gap in system.gaps} == {
        (Cause.ENCRYPTED, "/etc/passwd"),
        (Cause.ENCRYPTED, "/hard"),
        (Cause.ENCRYPTED, "/etc/deep"),
    }


def test_blocks_outside_cost_their_file_only(source: Path, tmp_path: Path) -> None:
    data = patched(source, tmp_path / "image", "ext2-1k", "/etc/deep/er/data", 0x28 + 52, b"\xff\xff\xff\x0f")
    system = Ext(data)
    found = walk(system)
    assert found["/etc/deep/er/data"] == (found["/etc/deep/er/data"][0], None)
    assert found["/holes"][1] == (source / "holes").read_bytes()
    assert [(gap.cause, gap.where.path) for gap in system.gaps] == [(Cause.DAMAGED, "/etc/deep/er/data")]


def test_an_extent_tree_in_itself_ends(source: Path, tmp_path: Path) -> None:
    """An index that names a block of the same level, and one whose entries all name the same block."""
    image = tmp_path / "image"
    node = struct.pack("<4HI", ext_layout.EXTENT_MAGIC, 4, 4, 5, 0)
    node += b"".join(struct.pack("<IIHH", 0, 6000, 0, 0) for _ in range(4))
    data = bytearray(patched(source, image, "ext4-4k", "/etc/deep/er/data", 0x28, node))
    inner = struct.pack("<4HI", ext_layout.EXTENT_MAGIC, 340, 340, 4, 0)
    data[6000 * 4096 : 6001 * 4096] = (inner + struct.pack("<IIHH", 0, 6000, 0, 0) * 340).ljust(4096, b"\0")
    system = Ext(bytes(data))
    found = walk(system)
    assert found["/etc/deep/er/data"][1] is None
    assert found["/holes"][1] == (source / "holes").read_bytes()
    assert [(gap.cause, gap.where.path) for gap in system.gaps] == [(Cause.DAMAGED, "/etc/deep/er/data")]


def test_directories_in_a_circle(source: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    make(source, image, FORMS["ext2-1k"])
    system = Ext(debugfs(image, "ln /etc /etc/deep/er/again", "ln /etc/deep /twice"))
    found = walk(system)
    assert any(path.endswith("/er/again") for path in found)
    assert not any("/again/" in path for path in found)
    assert sum(path.endswith("/er/data") for path in found) == 1
    assert [gap.cause for gap in system.gaps] == [Cause.DAMAGED] * 2


def test_names_that_want_out(source: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    data = bytearray(make(source, image, FORMS["ext2-1k"]))
    for old, new in ((b"small-1", b"../../x"), (b"small-59", b"nul\0name"), (b"holes", b"/root")):
        at = data.index(struct.pack("<BB", len(old), 1) + old)
        data[at + 2 : at + 2 + len(old)] = new
    system = Ext(bytes(data))
    found = walk(system)
    assert not any("/../" in path or "\0" in path for path in found)
    assert [(gap.cause, "leave its directory" in gap.detail) for gap in system.gaps] == [(Cause.DAMAGED, True)] * 3


def test_a_cut_image_gives_what_is_left(source: Path, tmp_path: Path) -> None:
    data = make(source, tmp_path / "image", FORMS["ext4-4k"])
    whole = walk(Ext(data))
    system = Ext(data[: 2 << 20])
    found = walk(system)
    assert {gap.cause for gap in system.gaps} == {Cause.DAMAGED}
    assert all(whole[path][1] == content for path, (_, content) in found.items() if content is not None)


def test_a_cut_image_is_found(source: Path, tmp_path: Path) -> None:
    data = make(source, tmp_path / "image", FORMS["ext4-1k"])
    for piece in (data, data[: 5 << 20]):
        (chunk,) = find_chunks(b"\xff" * 4096 + piece)
        assert (chunk.start, chunk.end, chunk.name) == (4096, 4096 + len(piece), "extfs")
    assert [chunk.name for chunk in find_chunks(data[:1500])] == []  # its root is not there


def test_bounds_on_entries_and_steps(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make(source, tmp_path / "image", FORMS["ext2-1k"])
    monkeypatch.setattr(ext, "MAX_ENTRIES", 100)
    system = Ext(data)
    assert len(walk(system)) == 100
    assert [gap.cause for gap in system.gaps] == [Cause.LIMIT]
    monkeypatch.setattr(ext_layout, "MAX_STEPS", 50)
    system = Ext(data)
    walk(system)
    assert [gap.cause for gap in system.gaps] == [Cause.LIMIT]


def damage(image: bytes, data: st.DataObject) -> Iterator[tuple[Entry, bytes | None]]:
    """Change bytes of what is in use; what is not zero is."""
    used = [at for at in range(1024, len(image), 4) if image[at : at + 4] != bytes(4)]
    changed = bytearray(image)
    for at in data.draw(st.lists(st.sampled_from(used), min_size=1, max_size=8)):
        changed[at + data.draw(st.integers(0, 3))] ^= data.draw(st.integers(1, 255))
    cut = bytes(changed[: data.draw(st.sampled_from([len(image), len(image) // 2, len(image) // 8]))])
    try:
        system = Ext(cut)
    except ExtError:
        return
    yield from system.walk()


@pytest.mark.parametrize("form", ["ext2-1k", "ext4-1k", "ext4-inline"])
def test_damage_is_told_and_never_raises(small: Callable[[str], bytes], form: str) -> None:
    image = small(form)

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        for entry, content in damage(image, data):
            assert content is None or len(content) == entry.size
            assert entry.path.startswith("/")

    check()

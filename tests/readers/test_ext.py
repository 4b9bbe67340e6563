"""Ext2, ext3 and ext4 against mke2fs and debugfs."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.facts import Cause
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import ext, ext_layout
from aboveboard.readers.ext import Ext
from aboveboard.readers.ext_layout import ExtError, ExtUnsupportedError
from aboveboard.subjects.chunks import find_chunks

Found = dict[str, tuple[Entry, bytes | None]]

FORMS = {
    "ext2-1k": ["-t", "ext2", "-b", "1024"],
    "ext2-4k": ["-t", "ext2", "-b", "4096"],
    "ext2-revision-0": ["-t", "ext2", "-b", "1024", "-r", "0", "-O", "none"],
    "ext2-without-types": ["-t", "ext2", "-O", "^filetype,^dir_index"],
    "ext2-no-sparse": ["-t", "ext2", "-b", "1024", "-O", "^sparse_super,^resize_inode"],
    "ext3": ["-t", "ext3"],
    "ext4-1k": ["-t", "ext4", "-b", "1024"],
    "ext4-4k": ["-t", "ext4", "-b", "4096"],
    "ext4-64k": ["-t", "ext4", "-b", "65536", "-N", "6000", "-O", "^has_journal"],
    "ext4-no-extents": ["-t", "ext4", "-O", "^extents,^64bit"],
    "ext4-64bit": ["-t", "ext4", "-O", "64bit,metadata_csum"],
    "ext4-32bit": ["-t", "ext4", "-O", "^64bit,^metadata_csum,^flex_bg"],
    "ext4-inline": ["-t", "ext4", "-O", "inline_data", "-I", "512"],
    "ext4-meta-bg": ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode", "-g", "256", "-N", "4096"],
    "ext4-meta-bg-32": ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode,^64bit", "-g", "256", "-N", "4096"],
    "ext4-sparse-super2": ["-t", "ext4", "-b", "1024", "-O", "sparse_super2,meta_bg,^resize_inode", "-g", "256"],
    "ext4-bigalloc": ["-t", "ext4", "-O", "bigalloc", "-C", "16384", "-N", "4000"],
    "ext4-bigalloc-1k": ["-t", "ext4", "-b", "1024", "-O", "bigalloc", "-C", "16384", "-N", "4000"],
    "ext4-small-inodes": ["-t", "ext4", "-I", "128", "-O", "^metadata_csum"],
    "ext4-casefold": ["-t", "ext4", "-O", "casefold"],
}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ext") / "root"
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "many").mkdir()
    for number in range(3000):
        (root / f"many/a-rather-long-name-so-that-the-list-grows-{number:05}").touch()
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/er/data").write_bytes(bytes(range(256)) * 4000)  # through a doubly indirect block at 1 KiB
    (root / "etc/link").symlink_to("../etc/passwd")
    (root / "etc/long-link").symlink_to("/".join(["a" * 20] * 30))
    (root / "etc/sixty").symlink_to("b" * 60)
    (root / "etc/fifty-nine").symlink_to("b" * 59)
    for size in (1, 59, 60, 61, 100, 150, 300):
        (root / f"small-{size}").write_bytes(bytes(range(1, 1 + min(size, 250))) + b"x" * max(0, size - 250))
    with (root / "holes").open("wb") as file:
        for at in range(0, 3_000_000, 60_000):
            file.seek(at)
            file.write(b"%d" % at * 100)
        file.truncate(3_100_001)
    (root / "empty").touch()
    (root / "hard").hardlink_to(root / "etc/passwd")
    (root / "bytes-\udcff\udc80").write_bytes(b"not UTF-8")
    (root / "line\nbreak").write_bytes(b"one")
    (root / "etc/passwd").chmod(0o4750)
    return root


def run(*words: object) -> bytes:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout


def make(source: Path, image: Path, options: list[str], size: str = "24M") -> bytes:
    image.unlink(missing_ok=True)
    run(
        "mke2fs",
        "-q",
        "-F",
        "-F",
        "-E",
        "hash_seed=6c1d4c0e-6d4e-4c5e-9f3e-1a2b3c4d5e6f",
        *options,
        "-d",
        source,
        image,
        size,
    )
    return image.read_bytes()


def debugfs(image: Path, *commands: str) -> bytes:
    script = image.with_suffix(".debugfs")
    script.write_text("\n".join(commands) + "\n")
    done = subprocess.run(["debugfs", "-w", "-f", str(script), str(image)], check=True, capture_output=True)
    assert b"command not found" not in done.stderr.lower()
    return image.read_bytes()


def walk(system: Ext) -> Found:
    return {entry.path: (entry, content) for entry, content in system.walk()}


def shown(path: Path, root: Path) -> str:
    name = "/" + str(path.relative_to(root))
    return re.sub(r"[\udc80-\udcff\n]", lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


@pytest.mark.parametrize("form", FORMS)
def test_every_file_is_what_was_put_in(source: Path, tmp_path: Path, form: str) -> None:
    size = "64M" if "64k" in form or "bigalloc" in form else "24M"
    system = Ext(make(source, tmp_path / "image", FORMS[form], size))
    found = walk(system)
    assert system.gaps == []
    paths = list(source.rglob("*"))
    assert set(found) == {shown(path, source) for path in paths} | {"/lost+found"}
    for path in paths:
        entry, content = found[shown(path, source)]
        status = path.lstat()
        assert (entry.mode, entry.uid, entry.gid) == (status.st_mode & 0o7777, status.st_uid, status.st_gid)
        if path.is_symlink():
            assert (entry.type, entry.target) == (EntryType.SYMLINK, str(path.readlink()))
        elif path.is_file():
            if form == "ext4-inline" and path.name == "holes":
                continue  # mke2fs forgets its last hole; the next test asks debugfs
            assert content == path.read_bytes()
            assert entry.size == status.st_size
        else:
            assert (entry.type, content) == (EntryType.DIRECTORY, None)


@pytest.mark.parametrize("form", ["ext2-1k", "ext3", "ext4-1k", "ext4-inline"])
def test_files_are_what_debugfs_dumps(source: Path, tmp_path: Path, form: str) -> None:
    image = tmp_path / "image"
    system = Ext(make(source, image, FORMS[form]))
    for path, (entry, content) in walk(system).items():
        if entry.type is EntryType.FILE and entry.size and "\\" not in path:
            run("debugfs", "-R", f"dump {path} {tmp_path}/dumped", image)
            dumped = (tmp_path / "dumped").read_bytes()
            assert dumped[: entry.size] == content, path
            assert not any(dumped[entry.size :])  # debugfs gives all the 60 bytes of an inode


@pytest.mark.parametrize("form", ["ext2-1k", "ext3", "ext4-4k", "ext4-inline"])
def test_owners_modes_and_nodes(source: Path, tmp_path: Path, form: str) -> None:
    image = tmp_path / "image"
    make(source, image, FORMS[form])
    changes = ["set_inode_field /etc/passwd uid 70000", "set_inode_field /etc/passwd gid 131073"]
    changes += ["set_inode_field /etc/passwd mode 0106755", "mknod console c 5 1", "mknod sda1 b 8 1", "mknod pipe p"]
    changes += ["mknod wide c 300 3000", "mknod socket p", "set_inode_field socket mode 0140600"]
    changes += ["set_inode_field sda1 gid 6", "sif /etc mode 041777"]
    system = Ext(debugfs(image, *changes))
    found = walk(system)
    assert system.gaps == []
    passwd = found["/etc/passwd"][0]
    assert (passwd.uid, passwd.gid, passwd.mode) == (70000, 131073, 0o6755)
    assert found["/hard"][0].mode == 0o6755
    assert found["/hard"][1] == found["/etc/passwd"][1] == (source / "etc/passwd").read_bytes()
    assert (found["/console"][0].type, found["/console"][0].device) == (EntryType.CHARACTER, (5, 1))
    assert (found["/sda1"][0].type, found["/sda1"][0].device, found["/sda1"][0].gid) == (EntryType.BLOCK, (8, 1), 6)
    assert found["/wide"][0].device == (300, 3000)
    assert (found["/pipe"][0].type, found["/pipe"][0].device) == (EntryType.FIFO, None)
    assert found["/socket"][0].type is EntryType.SOCKET
    assert found["/etc"][0].mode == 0o1777


@pytest.mark.parametrize("form", ["ext2-1k", "ext4-1k", "ext4-no-extents"])
def test_data_far_behind_a_hole(tmp_path: Path, form: str) -> None:
    """At 1 KiB, what lies beyond 64 MiB and 12 KiB hangs on the triply indirect block."""
    root = tmp_path / "root"
    root.mkdir()
    with (root / "far").open("wb") as file:
        for at in (0, 11_264, 12_288, 274_432, 66_000_000, 68_000_000, 130_000_001):
            file.seek(at)
            file.write(b"data at %d" % at)
    system = Ext(make(root, tmp_path / "image", FORMS[form], "8M"))
    assert walk(system)["/far"][1] == (root / "far").read_bytes()
    assert system.gaps == []


def test_many_extents_make_a_tree(tmp_path: Path) -> None:
    root, image = tmp_path / "root", tmp_path / "image"
    root.mkdir()
    with (root / "comb").open("wb") as file:
        for number in range(0, 16_000, 2):
            file.seek(number * 1024)
            file.write(number.to_bytes(4, "little") * 256)
    system = Ext(make(root, image, FORMS["ext4-1k"], "32M"))
    said = run("debugfs", "-R", "ex /comb", image).decode()
    assert re.search(r"^\s*2/\s*2", said, re.MULTILINE)  # two levels below the inode
    assert walk(system)["/comb"][1] == (root / "comb").read_bytes()
    assert system.gaps == []


def test_space_that_was_never_written_reads_as_zeros(tmp_path: Path) -> None:
    root, image = tmp_path / "root", tmp_path / "image"
    root.mkdir()
    (root / "old").write_bytes(b"secret" * 100_000)
    make(root, image, FORMS["ext4-1k"], "2M")
    debugfs(image, "rm old", "write /dev/null set-aside", "fallocate set-aside 0 900", "sif set-aside size 921600")
    assert b"[u]" in run("debugfs", "-R", "ex set-aside", image) or b"Uninit" in run("debugfs", "-R", "ex set-aside", image)
    system = Ext(image.read_bytes())
    assert walk(system)["/set-aside"][1] == bytes(921_600)
    assert system.gaps == []


def test_an_indexed_directory(source: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    make(source, image, FORMS["ext4-1k"])
    subprocess.run(["e2fsck", "-fyD", str(image)], check=False, capture_output=True)  # makes the indexes
    assert b"Root node dump" in run("debugfs", "-R", "htree /many", image)
    system = Ext(image.read_bytes())
    assert sum(path.startswith("/many/") for path in walk(system)) == 3000
    assert system.gaps == []


def test_the_old_way_to_write_a_device(source: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    make(source, image, FORMS["ext2-1k"])
    found = walk(Ext(debugfs(image, "mknod tty c 4 64", "mknod big b 259 3")))
    assert found["/tty"][0].device == (4, 64)
    assert found["/big"][0].device == (259, 3)


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

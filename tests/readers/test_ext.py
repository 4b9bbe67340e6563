"""Ext2, ext3 and ext4 against mke2fs and debugfs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.readers.ext_images import FORMS, debugfs, make, run, shown, source, walk

from aboveboard.model.tree import EntryType
from aboveboard.readers.ext import Ext

__all__ = ["source"]  # a fixture


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

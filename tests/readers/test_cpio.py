"""All forms of cpio against the program of that name."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aboveboard.model.facts import Cause, Gap
from aboveboard.model.tree import EntryType
from aboveboard.readers import cpio
from aboveboard.subjects.chunks import find_chunks

FORMS = {"newc": "cpio_portable_ascii", "crc": "cpio_portable_ascii_crc", "odc": "cpio_portable_old_ascii"}
FORMS |= {"bin": "cpio_binary", "big": "cpio_binary"}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cpio")
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/er/odd").write_bytes(bytes(range(256)) * 300 + b"x")  # more than 16 bits can say
    (root / "etc/link").symlink_to("../etc/passwd")
    (root / "empty").touch()
    (root / "busy").write_bytes(b"one program under many names")
    for name in ("ash", "etc/ls", "etc/deep/sh"):
        (root / name).hardlink_to(root / "busy")
    (root / "bytes-\udcff").write_bytes(b"not UTF-8")
    os.mkfifo(root / "pipe")
    (root / "etc/passwd").chmod(0o4750)
    return root


def big_endian(archive: bytes) -> bytes:
    """Swap the halves of every number in a binary archive, as a big-endian machine writes it."""
    out, at = bytearray(archive), 0
    while out[at : at + 2] == cpio.BINARY_LITTLE:
        fields = struct.unpack_from("<13H", out, at)
        struct.pack_into(">13H", out, at, *fields)
        name_size, size = fields[10], fields[11] << 16 | fields[12]
        at += 26 + name_size + name_size % 2 + size + size % 2
    return bytes(out)


def make(source: Path, form: str) -> bytes:
    names = b"\0".join(os.fsencode(path.relative_to(source)) for path in sorted(source.rglob("*")))
    word = "bin" if form == "big" else form
    done = subprocess.run(["cpio", "-o0", "-H", word, "--quiet"], input=names, cwd=source, capture_output=True, check=True)
    return big_endian(done.stdout) if form == "big" else done.stdout


@pytest.mark.parametrize("form", FORMS)
def test_every_file_is_what_was_put_in(source: Path, form: str) -> None:
    gaps: list[Gap] = []
    found = {member.entry.path: member for member in cpio.members(make(source, form), gaps)}
    assert gaps == []
    paths = list(source.rglob("*"))
    assert len(found) == len(paths)
    for path in paths:
        member = found["/" + str(path.relative_to(source)).replace("\udcff", r"\xff")]
        status = path.lstat()
        assert (member.entry.mode, member.entry.uid) == (status.st_mode & 0o7777, status.st_uid)
        if path.is_symlink():
            assert (member.entry.type, member.entry.target) == (EntryType.SYMLINK, str(path.readlink()))
        elif path.is_file():
            assert member.content == path.read_bytes(), path
            assert member.entry.size == status.st_size
    assert found["/pipe"].entry.type is EntryType.FIFO


@pytest.mark.parametrize("form", FORMS)
def test_it_is_found_between_other_bytes(source: Path, form: str) -> None:
    archive = make(source, form)
    (chunk,) = find_chunks(b"\xff" * 999 + archive + b"\xff" * 999)
    assert (chunk.start, chunk.name) == (999, FORMS[form])
    assert len(archive.rstrip(b"\0")) <= chunk.end - chunk.start <= len(archive)
    cut = archive[: len(archive) // 2]
    (chunk,) = find_chunks(cut)
    assert (chunk.start, chunk.name) == (0, FORMS[form])


def member(form: str, name: bytes, content: bytes, mode: int, special: int = 0) -> bytes:
    if form == "odc":
        head = b"070707" + b"%06o%06o%06o%06o%06o%06o%06o" % (1, 2, mode, 0, 5, 1, special)
        return head + b"%011o%06o%011o" % (0, len(name) + 1, len(content)) + name + b"\0" + content
    order = "<" if form == "bin" else ">"
    size = len(content)
    fields = (0o070707, 1, 2, mode, 0, 5, 1, special, 0, 0, len(name) + 1, size >> 16, size & 0xFFFF)
    out = struct.pack(order + "13H", *fields) + name + b"\0"
    out += bytes(len(out) % 2) + content
    return out + bytes(len(out) % 2)


@pytest.mark.parametrize("form", ["odc", "bin", "big"])
def test_devices_owners_and_names_that_want_out(form: str) -> None:
    archive = member(form, b"dev/tty", b"", 0o020620, 4 << 8 | 64) + member(form, b"../../shell", b"x", 0o106755)
    archive += member(form, b"TRAILER!!!", b"", 0)
    gaps: list[Gap] = []
    tty, shell = (found.entry for found in cpio.members(archive, gaps))
    assert (tty.type, tty.device, tty.gid, tty.mode) == (EntryType.CHARACTER, (4, 64), 5, 0o620)
    assert (shell.path, shell.mode) == ("/shell", 0o6755)
    assert ["leaves the tree" in gap.detail for gap in gaps] == [True]


@pytest.mark.parametrize("form", FORMS)
def test_a_cut_archive_gives_what_is_left(source: Path, form: str) -> None:
    archive = make(source, form)
    gaps: list[Gap] = []
    found = list(cpio.members(archive[: len(archive) // 2], gaps))
    assert found
    assert [gap.cause for gap in gaps] == [Cause.DAMAGED]


def test_links_whose_content_is_cut_off_are_told(source: Path) -> None:
    archive = make(source, "newc")
    whole = archive.index(b"one program under many names")
    gaps: list[Gap] = []
    list(cpio.members(archive[:whole], gaps))
    assert {gap.where.path for gap in gaps if gap.where.path} == {"/ash", "/busy", "/etc/deep/sh"}  # /etc/ls has it


def test_signs_and_underscores_are_no_numbers() -> None:
    """A size below zero would go back in the archive."""
    head = b"070701" + b"%08X" * 13 % (1, 0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0)
    for wrong in (b"-0000070", b"+0000001", b"0_000001", b" 0000001"):
        gaps: list[Gap] = []
        assert list(cpio.members(head[:54] + wrong + head[62:] + b"a\0\0\0", gaps)) == []
        assert [gap.cause for gap in gaps] == [Cause.DAMAGED]


def test_two_bytes_alone_are_no_archive() -> None:
    for magic in (cpio.BINARY_LITTLE, cpio.BINARY_BIG):
        assert find_chunks(magic * 5000) == []
        assert find_chunks(bytes(100) + magic + bytes(100)) == []
    assert find_chunks(member("bin", b"only", b"x", 0o100644)) == []


@given(st.binary(max_size=400), st.sampled_from([cpio.NEW, cpio.OLD, cpio.BINARY_LITTLE, cpio.BINARY_BIG]))
def test_anything_after_a_magic_ends(data: bytes, magic: bytes) -> None:
    gaps: list[Gap] = []
    list(cpio.members(magic + data, gaps))
    assert 0 <= cpio.length(magic + data, 0) <= len(magic + data)

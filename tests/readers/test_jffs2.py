"""JFFS2 against mkfs.jffs2."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.tree import EntryType
from aboveboard.readers.jffs2 import Jffs2


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("jffs2")
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/er/data").write_bytes(bytes(range(256)) * 300)
    (root / "etc/link").symlink_to("../etc/passwd")
    (root / "holes").write_bytes(bytes(20_000) + b"end")
    (root / "empty").touch()
    (root / "etc/passwd").chmod(0o4750)
    return root


def make(source: Path, image: Path, *options: str) -> bytes:
    table = image.with_suffix(".table")
    table.write_text("/console c 622 0 0 5 1 0 0 -\n")
    subprocess.run(["mkfs.jffs2", "-r", source, "-o", image, "-D", table, *options], check=True, capture_output=True)
    return image.read_bytes()


@pytest.mark.parametrize("order", ["-l", "-b"])
@pytest.mark.parametrize("mode", ["none", "priority", "size"])
def test_every_file_is_what_was_put_in(source: Path, tmp_path: Path, order: str, mode: str) -> None:
    system = Jffs2(make(source, tmp_path / "image", order, "-m", mode))
    found = {entry.path: (entry, content) for entry, content in system.walk()}
    assert system.gaps == []
    for path in source.rglob("*"):
        entry, content = found["/" + str(path.relative_to(source))]
        if path.is_symlink():
            assert (entry.type, entry.target) == (EntryType.SYMLINK, str(path.readlink()))
        elif path.is_file():
            assert content == path.read_bytes()
            assert entry.mode == path.stat().st_mode & 0o7777
    assert found["/console"][0].device == (5, 1)


@pytest.mark.parametrize("compressor", ["rtime", "zlib", "lzo"])
def test_each_compressor(source: Path, tmp_path: Path, compressor: str) -> None:
    others = [word for name in ("rtime", "zlib", "lzo") if name != compressor for word in ("-x", name)]
    system = Jffs2(make(source, tmp_path / "image", "-l", *others))
    contents = {entry.path: content for entry, content in system.walk()}
    assert system.gaps == []
    assert contents["/etc/passwd"] == (source / "etc/passwd").read_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_told_and_never_raises(
    source: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    image = bytearray(make(source, tmp_path_factory.getbasetemp() / "damaged", "-l"))
    for at in data.draw(st.lists(st.integers(0, len(image) - 1), min_size=1, max_size=8)):
        image[at] ^= data.draw(st.integers(1, 255))
    cut = bytes(image[: data.draw(st.integers(0, len(image)))])
    system = Jffs2(cut)
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size

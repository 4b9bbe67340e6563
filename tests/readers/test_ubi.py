"""UBI and UBIFS against mkfs.ubifs and ubinize."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.facts import Gap
from aboveboard.model.tree import EntryType
from aboveboard.readers.ubi import volumes
from aboveboard.readers.ubifs import UbiFs


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ubifs")
    (root / "etc/deep").mkdir(parents=True)
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 900)
    (root / "etc/deep/data").write_bytes(bytes(range(256)) * 700)
    (root / "etc/link").symlink_to("passwd")
    (root / "holes").write_bytes(bytes(30_000) + b"end")
    (root / "empty").touch()
    (root / "etc/passwd").chmod(0o4750)
    return root


def make(source: Path, image: Path, *options: str) -> bytes:
    table = image.with_suffix(".table")
    table.write_text("/console c 622 0 0 5 1 0 0 -\n")
    command = [
        "mkfs.ubifs",
        "-r",
        str(source),
        "-m",
        "2048",
        "-e",
        "126976",
        "-c",
        "200",
        "-o",
        str(image),
        "-D",
        str(table),
        *options,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return image.read_bytes()


def check(source: Path, system: UbiFs) -> None:
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


@pytest.mark.parametrize("compressor", ["none", "lzo", "zlib", "zstd"])
def test_every_file_is_what_was_put_in(source: Path, tmp_path: Path, compressor: str) -> None:
    check(source, UbiFs(make(source, tmp_path / "image", "-x", compressor)))


def test_volumes_of_an_image(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "root.ubifs")
    (tmp_path / "data").write_bytes(b"static content" * 20_000)
    (tmp_path / "ubi.ini").write_text(
        f"[root]\nmode=ubi\nimage={tmp_path}/root.ubifs\nvol_id=0\nvol_type=dynamic\nvol_name=rootfs\nvol_flags=autoresize\n"
        f"[data]\nmode=ubi\nimage={tmp_path}/data\nvol_id=1\nvol_type=static\nvol_name=kernel\n"
    )
    subprocess.run(
        ["ubinize", "-p", "131072", "-m", "2048", "-o", tmp_path / "image", tmp_path / "ubi.ini"],
        check=True,
        capture_output=True,
    )
    gaps: list[Gap] = []
    root, data = volumes((tmp_path / "image").read_bytes(), gaps)
    assert gaps == []
    assert (root.name, data.name) == ("rootfs", "kernel")
    assert data.content == b"static content" * 20_000
    check(source, UbiFs(root.content))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damage_is_told_and_never_raises(
    source: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    image = bytearray(make(source, tmp_path_factory.getbasetemp() / "damaged"))
    for at in data.draw(st.lists(st.integers(0, len(image) - 1), min_size=1, max_size=8)):
        image[at] ^= data.draw(st.integers(1, 255))
    cut = bytes(image[: data.draw(st.integers(0, len(image)))])
    volumes(cut, [])
    system = UbiFs(cut)
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size

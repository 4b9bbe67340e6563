"""Squashfs against unsquashfs's own maker: every compression, both a whole image and damaged ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.tree import EntryType
from aboveboard.readers.squashfs import Bounds, SquashFs
from aboveboard.readers.squashfs_codec import BlockError, Codec

LARGE = bytes(range(256)) * 2000


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n")
    (root / "etc/passwd").chmod(0o644)
    (root / "bin").mkdir()
    (root / "bin/su").write_bytes(LARGE)
    (root / "bin/su").chmod(0o4755)
    (root / "bin/sh").symlink_to("su")
    (root / "empty").write_bytes(b"")
    (root / "holes").write_bytes(bytes(300_000) + b"end")
    (root / "bin/hard").hardlink_to(root / "bin/su")
    Path(os.fsdecode(os.fsencode(root) + b"/n\xffme")).write_bytes(b"not UTF-8")
    for number in range(300):
        (root / "etc" / f"file{number:03}").write_text(f"{number}\n" * number)
    return root


def make(source: Path, image: Path, *options: str) -> bytes:
    image.unlink(missing_ok=True)
    pseudo = ["-p", "null c 666 0 0 1 3", "-p", "etc/mtdblock0 b 600 0 0 31 0"]
    subprocess.run(["mksquashfs", source, image, "-noappend", "-quiet", "-no-progress", *pseudo, *options], check=True)
    return image.read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ["-comp", "gzip"],
        ["-comp", "xz"],
        ["-comp", "lzo"],
        ["-comp", "lz4"],
        ["-comp", "zstd"],
        ["-comp", "xz", "-b", "1M", "-no-fragments"],
        ["-comp", "gzip", "-noI", "-noD", "-noF"],
        ["-comp", "gzip", "-always-use-fragments", "-b", "4096"],
    ],
    ids=" ".join,
)
def test_every_file_is_what_was_put_in(source: Path, tmp_path: Path, options: list[str]) -> None:
    system = SquashFs(make(source, tmp_path / "image", *options))
    found = {entry.path: (entry, content) for entry, content in system.walk()}
    assert system.gaps == []
    for path in source.rglob("*"):
        name = "/" + str(path.relative_to(source)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        entry, content = found[name.replace("\ufffd", "\\xff")]
        if path.is_symlink():
            assert (entry.type, entry.target) == (EntryType.SYMLINK, str(path.readlink()))
        elif path.is_file():
            assert content == path.read_bytes()
            assert entry.mode == path.stat().st_mode & 0o7777
    assert (found["/null"][0].type, found["/null"][0].device) == (EntryType.CHARACTER, (1, 3))
    assert (found["/etc/mtdblock0"][0].type, found["/etc/mtdblock0"][0].device) == (EntryType.BLOCK, (31, 0))
    assert len(found) == sum(1 for _ in source.rglob("*")) + 2


@pytest.fixture(scope="session")
def small(source: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make(source / "etc", tmp_path_factory.mktemp("small") / "image", "-comp", "xz")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_costs_what_it_hits_and_is_told(small: bytes, data: st.DataObject) -> None:
    damaged = bytearray(small)
    for at in data.draw(st.lists(st.integers(0, len(small) - 1), min_size=1, max_size=8)):
        damaged[at] ^= data.draw(st.integers(1, 255))
    walk(bytes(damaged))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_cut_image_is_told(small: bytes, data: st.DataObject) -> None:
    walk(small[: data.draw(st.integers(0, len(small)))])


def walk(image: bytes) -> None:
    try:
        system = SquashFs(image, Bounds(total_bytes=1 << 24))
    except BlockError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size


def test_limits_are_told(small: bytes) -> None:
    system = SquashFs(small, Bounds(entries=10))
    assert len(list(system.walk())) == 10
    assert [gap.cause.value for gap in system.gaps] == ["limit"]


def test_vendors_lzma_without_length() -> None:
    import lzma

    filters = [{"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": 1 << 17}]
    stream = lzma.compress(LARGE[:100_000], lzma.FORMAT_RAW, filters=filters)
    layouts = {
        "vendor-lzma-5": b"\x5d" + (1 << 17).to_bytes(4, "little") + stream,
        "vendor-lzma-1": b"\x5d" + stream,
        "lzma": b"\x5d" + (1 << 17).to_bytes(4, "little") + b"\xff" * 8 + stream,
    }
    for name, block in layouts.items():
        for compression in (1, 2, 4):
            codec = Codec(compression)
            assert codec(block, 1 << 17)[:100_000] == LARGE[:100_000], name

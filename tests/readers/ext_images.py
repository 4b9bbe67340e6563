"""Images of ext2, ext3 and ext4 that mke2fs makes, and what debugfs says of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from aboveboard.model.tree import Entry
from aboveboard.readers.ext import Ext

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

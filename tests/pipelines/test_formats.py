"""The same root tree in each format, found in an image between other bytes, with every byte accounted for."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aboveboard.jail import Jail
from aboveboard.pipelines.unpack import Opened, open_subject
from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache

Maker = Callable[[Path, Path], None]


def run(*words: object, cwd: Path | None = None) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True, cwd=cwd)


def ubi(root: Path, image: Path) -> None:
    inner = image.with_suffix(".ubifs")
    run("mkfs.ubifs", "-r", root, "-m", 2048, "-e", 126976, "-c", 100, "-o", inner)
    config = image.with_suffix(".ini")
    config.write_text(f"[root]\nmode=ubi\nimage={inner}\nvol_id=0\nvol_type=dynamic\nvol_name=rootfs\nvol_size=4MiB\n")
    run("ubinize", "-p", 131072, "-m", 2048, "-o", image, config)


def packed(command: str) -> Maker:
    return lambda root, image: run("sh", "-c", f"{command} >{image}", cwd=root)


def ext4(root: Path, image: Path) -> None:
    run("mke2fs", "-q", "-t", "ext4", "-d", root, image, "8M")


def zipped(root: Path, image: Path) -> None:
    with zipfile.ZipFile(image, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            member = zipfile.ZipInfo(str(path.relative_to(root)) + ("/" if path.is_dir() and not path.is_symlink() else ""))
            member.external_attr = path.lstat().st_mode << 16
            content = str(path.readlink()).encode() if path.is_symlink() else (path.read_bytes() if path.is_file() else b"")
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)


def uimage(root: Path, image: Path) -> None:
    inner = image.with_suffix(".gz")
    MAKERS["cpio.gz"](root, inner)
    run("mkimage", "-A", "mips", "-O", "linux", "-T", "ramdisk", "-C", "gzip", "-n", "router", "-d", inner, image)


def fit(root: Path, image: Path) -> None:
    inner = image.with_suffix(".gz")
    MAKERS["cpio.gz"](root, inner)
    source = image.with_suffix(".its")
    source.write_text(
        '/dts-v1/; / { description = "router"; #address-cells = <1>; images { ramdisk { description = "root";'
        f' data = /incbin/("{inner}"); type = "ramdisk"; arch = "mips"; os = "linux"; compression = "gzip";'
        ' hash-1 { algo = "crc32"; }; }; }; configurations { default = "c"; c { ramdisk = "ramdisk"; }; }; };'
    )
    run("mkimage", "-f", source, image)


def trx(root: Path, image: Path) -> None:
    """The header of Broadcom's TRX, version 1: magic, length, CRC-32 without its last inversion, flags, three offsets."""
    inner = image.with_suffix(".squashfs")
    MAKERS["squashfs"](root, inner)
    body = inner.read_bytes()
    rest = struct.pack("<HHIII", 0, 1, 28, 0, 0) + body
    image.write_bytes(b"HDR0" + struct.pack("<II", 12 + len(rest), zlib.crc32(rest) ^ 0xFFFFFFFF) + rest)


MAKERS: dict[str, Maker] = {
    "squashfs": lambda root, image: run("mksquashfs", root, image, "-noappend", "-quiet", "-no-progress", "-all-root"),
    "jffs2-little": lambda root, image: run("mkfs.jffs2", "-r", root, "-o", image, "-l"),
    "jffs2-big": lambda root, image: run("mkfs.jffs2", "-r", root, "-o", image, "-b"),
    "ubi": ubi,
    "ubifs": lambda root, image: run("mkfs.ubifs", "-r", root, "-m", 2048, "-e", 126976, "-c", 100, "-o", image),
    "romfs": lambda root, image: run("genromfs", "-d", root, "-f", image),
    "ext4": ext4,
    "ext2": lambda root, image: run("mke2fs", "-q", "-t", "ext2", "-d", root, image, "8M"),
    "cramfs": lambda root, image: run("mkfs.cramfs", root, image),
    "cramfs-big": lambda root, image: run("mkfs.cramfs", "-N", "big", root, image),
    "cramfs-boot": lambda root, image: run("mkfs.cramfs", "-p", root, image),
    "zip": zipped,
    "tar": packed("tar -cf - ."),
    "cpio": packed("find . | cpio -o -H newc --quiet"),
    "cpio-odc": packed("find . | cpio -o -H odc --quiet"),
    "cpio-binary": packed("find . | cpio -o -H bin --quiet"),
    "tar.gz": packed("tar -czf - ."),
    "tar.lzma": packed("tar -cf - . | xz --format=lzma -c"),
    "uimage": uimage,
    "fit": fit,
    "trx": trx,
    "cpio.gz": packed("find . | cpio -o -H newc --quiet | gzip -n"),
    "tar.xz": packed("tar -cJf - ."),
    "tar.zst": packed("tar -cf - . | zstd -q -c"),
    "tar.bz2": packed("tar -cf - . | bzip2 -c"),
    "cpio.lzo": packed("find . | cpio -o -H newc --quiet | lzop -c"),
    "cpio.lz4": packed("find . | cpio -o -H newc --quiet | lz4 -q -c"),
}


NO_MODES = frozenset({"romfs"})  # it keeps none but "executable"


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("formats") / "root"
    for name in ("bin", "etc", "lib", "usr"):
        (made / name).mkdir(parents=True)
    (made / "etc/shadow").write_text("root:$1$saltsalt$abcdefghijklmnopqrstuv:0:0:99999:7:::\n")
    (made / "etc/passwd").symlink_to("shadow")
    (made / "bin/true").write_bytes(Path("/bin/true").read_bytes())
    (made / "bin/true").chmod(0o4755)
    (made / "etc/shadow").chmod(0o640)
    return made


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    with Jail() as made:
        yield made


def unpack(jail: Jail, image: Path, scratch: Path) -> Opened:
    return open_subject(image, jail, BlobStore(scratch / "blobs"), Cache(None), lambda _: None)


@pytest.mark.parametrize("name", MAKERS)
def test_the_tree_is_found(jail: Jail, root: Path, tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    MAKERS[name](root, inner)
    content = inner.read_bytes()
    image = tmp_path / "image"
    image.write_bytes(b"\xff" * 131072 + content + b"\xff" * 131072)
    opened = unpack(jail, image, tmp_path)
    assert [gap.to_json() for gap in opened.evidence.gaps] == []
    (tree,) = [tree for tree in opened.trees if tree.container]
    contents = {entry.path: entry for entry in tree.entries}
    blobs = BlobStore(tmp_path / "blobs")
    assert blobs.get(contents["/etc/shadow"].digest) == (root / "etc/shadow").read_bytes()
    assert blobs.get(contents["/bin/true"].digest) == (root / "bin/true").read_bytes()
    assert contents["/etc/passwd"].target == "shadow"
    if name not in NO_MODES:
        assert contents["/etc/shadow"].mode == 0o640
        assert contents["/bin/true"].mode == 0o4755
    for account in opened.accounts.values():
        assert sum(span.end - span.start for span in account.spans) == account.size
    (coverage,) = opened.evidence.facts
    assert coverage.data["bytes_explained"] == coverage.data["bytes_total"] == image.stat().st_size


def test_a_folder_with_an_image_in_it(jail: Jail, root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(root, folder, symlinks=True)
    MAKERS["cpio.gz"](root, folder / "usr/initrd.gz")
    opened = unpack(jail, folder, tmp_path)
    assert len(opened.trees) == 2
    assert opened.trees[1].container.startswith("usr/initrd.gz//")

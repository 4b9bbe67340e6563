"""Bombs, archives that want out of their tree, cut and random images: each a gap, and the rest is ruled on."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aboveboard.model.errors import InputError
from aboveboard.model.facts import Cause, Gap
from aboveboard.model.tree import EntryType
from aboveboard.pipelines import unpack
from aboveboard.subjects import bounds, openers
from aboveboard.subjects.bounds import MAX_STREAM
from aboveboard.subjects.chunks import find_chunks
from tests.hostile.conftest import Run
from tests.hostile.images import CHARACTER, DIRECTORY, FILE, LINK, SETUID, Item, cpio, seeded, tiny_elf

Go = Callable[[bytes], Run]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples/router.bin"
GAP = b"\xff" * 4096
MIB = 1 << 20


def beside(hostile: bytes) -> bytes:
    return cpio(seeded()) + GAP + hostile


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def squashfs(folder: Path, *options: str) -> bytes:
    image = folder.with_suffix(".squashfs")
    command = ["mksquashfs", str(folder), str(image), "-noappend", "-quiet", "-no-progress", *options]
    subprocess.run(command, check=True, capture_output=True)
    return image.read_bytes()


def test_nothing_is_wrong_with_the_seeds_alone(go: Go) -> None:
    run = go(beside(b""))
    assert run.finds_the_seeds()
    assert run.causes() == {Cause.UNRESOLVED}  # the tiny programs are static


def test_an_empty_file(go: Go) -> None:
    with pytest.raises(InputError, match="is empty") as caught:
        go(b"")
    assert caught.value.exit_code == 2


def test_random_bytes(go: Go) -> None:
    run = go(random.Random(1).randbytes(2 * MIB))
    assert run.causes() == {Cause.ENCRYPTED}
    assert run.result.verdict.result.value == "not-shown"


@pytest.mark.parametrize("share", [1, 5, 20, 50, 80, 95, 99])
def test_a_truncated_image(go: Go, share: int) -> None:
    whole = EXAMPLE.read_bytes()
    cut = whole[: len(whole) * share // 100]
    run = go(cut)
    coverage = run.result.verdict.coverage
    assert coverage["bytes_total"] == len(cut)
    if share < 95:  # the image ends in padding
        assert run.gaps()
        assert run.result.verdict.result.value != "met"


@pytest.mark.parametrize("kind", ["gzip", "xz", "nested"])
def test_a_bomb_of_one_stream(go: Go, kind: str) -> None:
    size = MAX_STREAM + MIB
    packed = {
        "gzip": lambda: gzip.compress(bytes(size), 1, mtime=0),
        "xz": lambda: lzma.compress(bytes(size), preset=0),
        "nested": lambda: gzip.compress(gzip.compress(bytes(size), 9, mtime=0), mtime=0),
    }[kind]()
    run = go(beside(packed))
    assert run.finds_the_seeds()
    assert Cause.LIMIT in run.causes()
    assert f"holds more than {MAX_STREAM} bytes" in run.details()


def test_flat_bombs_end_at_the_budget_of_the_image(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_UNPACKED", 20 * MIB)
    many = {f"{number:02}.gz": gzip.compress(bytes(8 * MIB) + bytes([number]), mtime=0) for number in range(30)}
    run = go(beside(zipped(many)))
    assert run.finds_the_seeds()
    assert "bytes came out of the image" in run.details()
    held = sum(entry.size for tree in run.result.opened.trees for entry in tree.entries if entry.size >= 8 * MIB)
    assert held <= 40 * MIB


def test_a_squashfs_bomb(go: Go, tmp_path: Path) -> None:
    folder = tmp_path / "bomb"
    folder.mkdir()
    for number in range(3):
        with (folder / f"f{number}").open("wb") as file:
            file.truncate(300 * MIB)
            file.seek(number)
            file.write(b"x")
    run = go(beside(squashfs(folder)))
    assert run.finds_the_seeds()
    assert Cause.LIMIT in run.causes()


def test_more_files_than_are_taken(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_FILES", 60)
    run = go(cpio([*seeded(), *(Item(b"usr/f%d" % number, b"content %d" % number) for number in range(200))]))
    assert run.finds_the_seeds()
    assert "more than 60 different files" in run.details()
    assert run.result.verdict.coverage["bytes_explained"] < run.result.verdict.coverage["bytes_total"]  # type: ignore[operator]


def test_a_hundred_thousand_files(go: Go) -> None:
    run = go(cpio([*seeded(), *(Item(b"usr/f%06d" % number, b"same" * (number % 2)) for number in range(100_000))]))
    assert run.finds_the_seeds()
    assert run.result.verdict.coverage["files_total"] == 100_006
    assert run.causes() == {Cause.UNRESOLVED}


ESCAPES = {
    b"../../../../../../../../escape": b"x",
    b"/absolute-escape": b"x",
    b"a/../../escape2": b"x",
}


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in ESCAPES.items():
            member = tarfile.TarInfo(name.decode())
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for link, kind, target in (("out", tarfile.SYMTYPE, "/"), ("hard", tarfile.LNKTYPE, "../../../etc/passwd")):
            member = tarfile.TarInfo(link)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        member = tarfile.TarInfo("out/through-the-link")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
        device = tarfile.TarInfo("memory")
        device.type, device.devmajor, device.devminor, device.mode = tarfile.CHRTYPE, 1, 1, 0o666
        archive.addfile(device)
        root = tarfile.TarInfo("root-shell")
        root.mode, root.size = 0o6755, 1
        archive.addfile(root, io.BytesIO(b"x"))
    return out.getvalue()


def escaping_cpio() -> bytes:
    items = [Item(name, content) for name, content in ESCAPES.items()]
    items += [Item(b"out", b"/", LINK), Item(b"out/through-the-link", b"x"), Item(b"memory", b"", CHARACTER, (1, 1))]
    return cpio([*items, Item(b"root-shell", b"x", SETUID | 0o2000)])


@pytest.mark.parametrize("name", ["tar", "cpio", "zip"])
def test_archives_that_want_out(go: Go, name: str) -> None:
    makers: dict[str, Callable[[], bytes]] = {
        "tar": tar,
        "cpio": escaping_cpio,
        "zip": lambda: zipped({key.decode(): value for key, value in ESCAPES.items()}),
    }
    run = go(beside(makers[name]()))
    assert run.finds_the_seeds()
    assert run.details().count("leaves the tree") >= 3
    assert not any("/../" in path for path in run.paths())
    for escaped in ("escape", "absolute-escape", "escape2", "through-the-link"):
        assert not Path("/", escaped).exists()
    if name == "zip":
        return
    entries = {entry.path.rpartition("/")[2]: entry for tree in run.result.opened.trees for entry in tree.entries}
    assert (entries["memory"].type, entries["memory"].device) == (EntryType.CHARACTER, (1, 1))
    assert entries["root-shell"].mode == 0o6755
    assert entries["out"].target == "/"


def test_a_squashfs_with_devices_and_links_out(go: Go, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "out").symlink_to("../../../../etc")
    pseudo = ["-p", "memory c 666 0 0 1 1", "-p", "shell f 6755 0 0 echo x"]
    run = go(beside(squashfs(folder, *pseudo)))
    assert run.finds_the_seeds()
    entries = {entry.path.rpartition("/")[2]: entry for tree in run.result.opened.trees for entry in tree.entries}
    assert entries["memory"].device == (1, 1)
    assert entries["shell"].mode == 0o6755
    assert entries["out"].target == "../../../../etc"


def ext(folder: Path, *commands: str) -> bytes:
    image = folder.with_suffix(".ext")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(image), "4M"], check=True, capture_output=True)
    script = folder.with_suffix(".debugfs")
    script.write_text("\n".join(commands) + "\n")
    subprocess.run(["debugfs", "-w", "-f", str(script), str(image)], check=True, capture_output=True)
    return image.read_bytes()


def test_an_ext_with_devices_circles_and_sizes_that_lie(go: Go, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    (folder / "a/b").mkdir(parents=True)
    (folder / "out").symlink_to("../../../../etc")
    for name in ("shell", "bomb", "huge"):
        (folder / name).write_bytes(b"x")
    changes = ["mknod memory c 1 1", "sif shell mode 0106755", "sif shell uid 70000", "ln /a /a/b/again"]
    changes += ["sif bomb size 1152921504606846976", "sif huge size 268435456"]
    run = go(beside(ext(folder, *changes)))
    assert run.finds_the_seeds()
    assert {Cause.LIMIT, Cause.DAMAGED} <= run.causes()
    entries = {entry.path.rpartition("/")[2]: entry for tree in run.result.opened.trees for entry in tree.entries}
    assert entries["memory"].device == (1, 1)
    assert (entries["shell"].mode, entries["shell"].uid) == (0o6755, 70000)
    assert entries["out"].target == "../../../../etc"
    assert entries["bomb"].digest == ""


def test_an_ext_that_cannot_be_read_is_told(go: Go, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    run = go(beside(ext(folder, "ssv feature_incompat 0x80000042")))
    assert run.finds_the_seeds()
    assert Cause.UNSUPPORTED in run.causes()
    assert "0x80000000" in run.details()


def test_deep_folders_of_long_names_end_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ACCOUNT", 1 << 20)
    deep = b"/".join([b"n" * 200] * 18)
    data = cpio(Item(deep + b"/%d" % number, b"x") for number in range(400))
    (chunk,) = find_chunks(data)
    gaps: list[Gap] = []
    sizes: list[int] = []
    opened = openers.open_chunk(chunk, data, gaps, bounds.Budget())
    with pytest.raises(bounds.BrokenOffError, match="bytes of their names") as caught:
        sizes.extend(len(entry.path) for entry, _ in opened)
    assert 0 < sum(sizes) <= 1 << 20
    assert (caught.value.gap.cause, gaps) == (Cause.LIMIT, [])


def test_numbers_that_are_too_large_for_json(go: Go) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, owner in (("a", 1 << 54), ("b", -(1 << 54)), ("c", 7)):
            member = tarfile.TarInfo(name)
            member.uid, member.gid, member.type = owner, owner, tarfile.CHRTYPE
            archive.addfile(member)
    run = go(beside(out.getvalue()))
    assert run.finds_the_seeds()
    assert "numbers" in run.details()
    entries = {entry.path.rpartition("/")[2]: entry for tree in run.result.opened.trees for entry in tree.entries}
    assert [entries[name].uid for name in "abc"] == [None, None, 7]


def test_links_out_of_the_tree_are_not_followed(go: Go) -> None:
    """The machine's own files are never read in place of the image's."""
    items = [item for item in seeded() if item.name not in (b"etc/passwd", b"etc/shadow")]
    items += [
        Item(b"etc/passwd", b"../../../../../../etc/passwd", LINK),
        Item(b"etc/shadow", b"/etc/../../etc/shadow", LINK),
    ]
    run = go(cpio(items))
    assert "account" not in run.kinds()
    assert "listener" in run.kinds()


def test_names_that_are_not_utf_8(go: Go) -> None:
    run = go(
        cpio([*seeded(), Item(b"etc/\xff\xfe\x80name", b"x"), Item(b"\xe9", mode=DIRECTORY), Item(b"\xe9/\xe9", b"y")])
    )
    assert run.finds_the_seeds()
    assert {r"/etc/\xff\xfe\x80name", r"/\xe9/\xe9"} <= run.paths()


def test_an_elf_whose_headers_lie(go: Go) -> None:
    good = tiny_elf()
    lying = [
        good[:24] + b"\xff" * 28 + good[52:],
        good[:52] + b"\xff" * 32 + good[84:],
        good[:40],
        good[:4] + b"\xff" * 400,
    ]
    items = [Item(b"bin/lie%d" % number, content, 0o100755) for number, content in enumerate(lying)]
    run = go(cpio([*seeded(), *items]))
    assert run.finds_the_seeds()
    assert Cause.DAMAGED in run.causes()


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_thirty_levels(go: Go, kind: str) -> None:
    data = cpio([Item(b"core", b"the innermost file", FILE)])
    for level in range(30):
        data = zipped({f"level{level}": data}) if kind == "zip" else gzip.compress(data, mtime=0)
    run = go(beside(data))
    assert run.finds_the_seeds()
    assert "nested deeper than" in run.details()


def test_many_copies_of_many_copies(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aboveboard.subjects.image.MAX_ENTRIES", 5_000)
    data = b"leaf of sixteen to the sixth"
    for _ in range(6):
        data = zipped({f"f{number}": data for number in range(16)})
    run = go(cpio(seeded()) + GAP + data)
    assert run.finds_the_seeds()
    assert "more than 5000 entries" in run.details()

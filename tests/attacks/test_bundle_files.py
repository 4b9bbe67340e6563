"""Cases 24 and 34 on the files of a bundle: names that lead elsewhere, links, pipes, and tar files that tell two things."""

from __future__ import annotations

import io
import os
import resource
import tarfile
from pathlib import Path

import pytest

from aboveboard.model.errors import AboveboardError, InputError
from aboveboard.pipelines import bundle_files
from tests.attacks.bundles import codes, sealed, verified, write
from tests.attacks.keys import refused


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return dict(sealed(tmp_path_factory.mktemp("run")).files)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "evidence/../x", "Evidence/x", "a b", "x\0y", "a/b/c/d/e", ".hidden", ""]
)
def test_34_names_that_lead_elsewhere(good: dict[str, bytes], tmp_path: Path, name: str) -> None:
    place = tmp_path / "bundle.tar"
    with tarfile.open(place, "w", format=tarfile.USTAR_FORMAT) as archive:
        for one, data in {**good, name: b"x"}.items():
            member = tarfile.TarInfo(one)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    if "\0" not in name:  # there the name ends for tar, and it is an unlisted file
        refused("bundle-path", lambda: bundle_files.read(place))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_34_members_that_are_no_files(tmp_path: Path, kind: bytes) -> None:
    place = tmp_path / "bundle.tar"
    with tarfile.open(place, "w") as archive:
        member = tarfile.TarInfo("evidence/x")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused("bundle-path", lambda: bundle_files.read(place))


def test_34_links_and_pipes_in_a_folder(good: dict[str, bytes], tmp_path: Path) -> None:
    folder = write(tmp_path / "b", good)
    (folder / "evidence" / "link").symlink_to("/etc/passwd")
    refused("bundle-path", lambda: bundle_files.read(folder))
    (folder / "evidence" / "link").unlink()
    os.mkfifo(folder / "pipe")
    refused("bundle-path", lambda: bundle_files.read(folder))  # and is not waited for
    (folder / "pipe").unlink()
    (folder / "more").symlink_to(tmp_path, target_is_directory=True)
    refused("bundle-path", lambda: bundle_files.read(folder))


def test_24_a_tar_file_twice_cut_and_of_another_kind(good: dict[str, bytes], tmp_path: Path) -> None:
    place = tmp_path / "bundle.tar"
    with tarfile.open(place, "w", format=tarfile.USTAR_FORMAT) as archive:
        for _ in range(2):
            member = tarfile.TarInfo("x")
            archive.addfile(member, io.BytesIO())
    refused("bundle-path", lambda: bundle_files.read(place))
    bundle_files.write(good, tmp_path / "good.tar", tar=True)
    whole = (tmp_path / "good.tar").read_bytes()
    for number, data in enumerate((whole[: len(whole) // 2], b"\x1f\x8b" + whole, os.urandom(5000), b"x")):
        (tmp_path / f"{number}.tar").write_bytes(data)
        with pytest.raises(AboveboardError):
            bundle_files.read(tmp_path / f"{number}.tar")


def test_34_a_tar_file_with_something_behind_its_end_and_a_proof_of_something_else(
    good: dict[str, bytes], tmp_path: Path
) -> None:
    bundle_files.write(good, tmp_path / "good.tar", tar=True)
    whole = (tmp_path / "good.tar").read_bytes()
    (tmp_path / "more.tar").write_bytes(whole + whole)
    refused("not-tar", lambda: bundle_files.read(tmp_path / "more.tar"))
    assert "proof-form" in codes(verified(tmp_path / "b", {**good, "manifest.tlog-proof": b"all clauses are met"}))


def hollow(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize("sizes", [[1 << 30], [1 << 40], [200 << 20] * 3, [1 << 20] * 600])
def test_files_of_holes_are_refused_by_their_size_before_they_are_read(tmp_path: Path, sizes: list[int]) -> None:
    for number, size in enumerate(sizes):
        hollow(tmp_path / "b" / "evidence" / f"n{number}.jsonl", size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused("too-large", lambda: bundle_files.read(tmp_path / "b"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10  # KiB


def test_a_tar_file_of_holes_is_refused_by_its_size(tmp_path: Path) -> None:
    hollow(tmp_path / "b.tar", 1 << 30)
    refused("too-large", lambda: bundle_files.read(tmp_path / "b.tar"))
    member = tarfile.TarInfo("verdict.json")
    member.size = 400 << 20  # more than a file may have, and less than a bundle
    with (tmp_path / "c.tar").open("wb") as file:
        file.write(member.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(401 << 20)
    refused("too-large", lambda: bundle_files.read(tmp_path / "c.tar"))


@pytest.mark.parametrize("data", [b"", b"aboveboard: agreement/1\n", b"\xff\xd8\xff\xe0" + bytes(1000), b"{}"])
def test_a_file_that_is_no_tar_file_at_all_is_wrong_use_and_no_forgery(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b").write_bytes(data)
    with pytest.raises(InputError, match="no tar file"):
        bundle_files.read(tmp_path / "b")

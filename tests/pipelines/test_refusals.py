"""What the user's machine refuses ends with 2, a sentence and what to do; being stopped ends with 1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from tests.hostile.images import Item, cpio, seeded
from tests.pipelines.test_inspect import ROOT, aboveboard

from aboveboard.model.facts import Cause, Gap
from aboveboard.pipelines import unpack
from aboveboard.store.blobs import BlobStore


@pytest.fixture
def small(tmp_path: Path) -> Path:
    made = tmp_path / "image.bin"
    made.write_bytes(cpio(seeded()))
    return made


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert "internal error" not in done.stderr
    assert "what to do: " in done.stderr
    for text in says:
        assert text in done.stderr


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nope"])
def test_a_cache_that_cannot_be_made(small: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = aboveboard("inspect", small, cache=tmp_path / place, code=2)
    refused(done, "cannot keep results in", "ABOVEBOARD_CACHE")


@pytest.mark.parametrize("place", ["blobs", "results"])
def test_a_cache_with_a_file_in_a_folder_s_place(small: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / place).write_bytes(b"")
    refused(aboveboard("inspect", small, cache=tmp_path / "cache", code=2), place, "ABOVEBOARD_CACHE")


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nope"])
def test_an_out_that_cannot_be_made_is_told_before_the_run(small: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = aboveboard("inspect", small, "--no-cache", "--out", tmp_path / place, code=2)
    refused(done, "cannot write to", "--out")
    assert "unpacking" not in done.stderr


@pytest.mark.parametrize("place", [".", "nowhere/file"])
def test_a_draft_that_cannot_be_written_is_told_before_the_run(small: Path, tmp_path: Path, place: str) -> None:
    done = aboveboard("declaration", "draft", small, "--no-cache", "--out", tmp_path / place, code=2)
    refused(done, "cannot write", "--out")
    assert "unpacking" not in done.stderr


def test_an_out_that_is_only_tried_leaves_nothing(tmp_path: Path) -> None:
    aboveboard("inspect", tmp_path / "nowhere", "--no-cache", "--out", tmp_path / "a/b", code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A bound on the size of files stands for the full disk: the write fails in the same places."""
    image = tmp_path / "image.bin"
    image.write_bytes(cpio([*seeded(), Item(b"etc/large", os.urandom(3_000_000))]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "ABOVEBOARD_CACHE": str(tmp_path / "cache")}
    command = ["prlimit", "--fsize=2000000:", sys.executable, "-m", "aboveboard.cli.main", "inspect", str(image)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=100)
    assert done.returncode == 2, done.stderr
    refused(done, "File too large")
    assert list((tmp_path / "cache").rglob("tmp*")) == []


class Gone:
    """An entry of a folder that is gone when it is looked at."""

    path = b"/gone"

    def __init__(self, raised: OSError) -> None:
        self._raised = raised

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        raise self._raised


@pytest.mark.parametrize("raised", [FileNotFoundError(2, "No such file"), PermissionError(13, "Permission denied")])
def test_what_is_gone_when_it_is_looked_at_is_a_gap(tmp_path: Path, raised: OSError) -> None:
    gaps: list[Gap] = []
    item = cast("os.DirEntry[bytes]", Gone(raised))
    assert unpack._entry(item, "/gone", BlobStore(tmp_path), gaps) is None
    assert [(gap.cause, gap.where.path) for gap in gaps] == [(Cause.DAMAGED, "/gone")]


def test_a_store_that_cannot_be_written_is_no_gap(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"x")
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(OSError, match="exists"):
        unpack._walk(folder, BlobStore(tmp_path / "store"))


@pytest.mark.parametrize("moment", ["unpacking", "collecting: programs"])
def test_being_stopped_ends_soon_and_says_so(tmp_path: Path, moment: str) -> None:
    image = tmp_path / "image.bin"
    many = [Item(b"usr/p%05d" % number, b"\x7fELF%d" % number) for number in range(5000)]
    image.write_bytes(cpio([*seeded(), *many]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "ABOVEBOARD_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "aboveboard.cli.main", "inspect", str(image)]
    # what is started in the background of a shell ignores the signal, and so would this
    heeding = ["env", "--default-signal=INT", *command]
    with subprocess.Popen(heeding, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if moment in line:
                break
        run.send_signal(signal.SIGINT)
        rest = run.stderr.read()
        assert run.wait(timeout=60) == 1
    assert "stopped" in rest
    assert list((tmp_path / "cache").rglob("tmp*")) == []

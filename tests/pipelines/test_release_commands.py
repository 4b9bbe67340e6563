"""The log of releases through the real command line: in it, not in it, two images of one release, and a proof alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.pipelines.trusted import cosigned, good, refused, run, said, stage

from aboveboard.pipelines.releases import image_digest

ADDED, LATER = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
ADD = ("release", "add", "image", "--log", "L", "--key", "log.pem", "--supplier", "Acme", "--product", "AR-1")
CHECK = ("release", "check", "image", "--policy", "policy")
NAMED = ("--product", "AR-1", "--version", "1.0")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    stage(folder)
    (folder / "image").write_bytes(b"firmware 1.0")
    (folder / "other").write_bytes(b"firmware 1.0 for you alone")
    good(folder, *ADD, "--version", "1.0")
    cosigned(folder, ADDED)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "here")
    return tmp_path / "here"


def of(words: tuple[str, ...], image: str) -> list[str]:
    return [word if word != "image" else image for word in words]


def test_an_image_that_is_in_the_log_since_a_quorum_saw_it(made: Path) -> None:
    found = said(made, 0, *CHECK, "--log", "L", "--at", LATER)
    assert (found["code"], found["release"]["index"], found["release"]["seen_at"]) == ("in-log", 0, ADDED)
    assert found["release"]["about"] == {"supplier": "Acme", "product": "AR-1", "version": "1.0"}
    assert found["same_release"] == []
    printed = good(made, *CHECK, "--log", "L", "--at", LATER, *NAMED)
    assert f"seen by a quorum on {ADDED}" in printed
    assert said(made, 4, *CHECK, "--log", "L", "--at", "2026-02-28T00:00:00Z")["code"] == "not-seen"
    nobody = [word if word != "policy" else "nobody" for word in CHECK]
    assert "no witness is asked" in said(made, 0, *nobody, "--log", "L", "--at", LATER)["text"]


def test_an_image_that_is_not_in_the_log(made: Path) -> None:
    found = said(made, 4, *of(CHECK, "other"), "--log", "L", "--at", LATER)
    assert (found["good"], found["code"], found["release"]) == (False, "not-in-log", None)
    assert "made for that device alone, or the log is not the one for it" in found["text"]
    named = said(made, 4, *of(CHECK, "other"), "--log", "L", "--at", LATER, *NAMED)
    assert [one["index"] for one in named["same_release"]] == [0]


def test_an_image_that_is_in_the_log_as_another_release(made: Path) -> None:
    found = said(made, 4, *CHECK, "--log", "L", "--at", LATER, "--version", "2.0")
    assert (found["code"], found["release"]["index"]) == ("other-release", 0)


def test_the_same_image_is_not_added_twice(folder: Path) -> None:
    again = said(folder, 0, *ADD, "--version", "1.0")
    assert (again["added"], again["index"]) == (False, 0)
    assert "already, as entry 0" in run(folder, *ADD, "--version", "1.0").stderr
    assert "entry 0: Acme, AR-1, 1.0" in refused(folder, 2, "is in the log", *ADD, "--version", "2.0")
    assert said(folder, 0, "log", "audit", "L", "--policy", "nobody")["size"] == 1


def test_two_images_of_one_release_are_both_shown_whichever_is_asked(folder: Path) -> None:
    added = run(folder, *of(ADD, "other"), "--version", "1.0")
    assert added.returncode == 0
    assert "warning: 1 other images bear this product and version" in added.stderr
    assert image_digest(folder / "image") in added.stdout
    cosigned(folder, LATER)
    for image, mine, theirs in (("image", 0, 1), ("other", 1, 0)):
        found = said(folder, 0, *of(CHECK, image), "--log", "L", "--at", LATER)
        assert found["release"]["index"] == mine
        assert [one["index"] for one in found["same_release"]] == [theirs]
    done = run(folder, *CHECK, "--log", "L", "--at", LATER)
    assert "warning" in done.stderr
    assert image_digest(folder / "other") in done.stdout


def test_a_proof_shows_it_without_the_log(folder: Path) -> None:
    good(folder, *CHECK, "--log", "L", "--at", LATER, "--write-proof", "image.tlog-proof")
    refused(folder, 2, "no proof can be written", *CHECK, "--log", "L", "--write-proof", "image.tlog-proof")
    shutil.rmtree(folder / "L")
    found = said(folder, 0, *CHECK, "--proof", "image.tlog-proof", "--at", LATER, *NAMED)
    assert (found["code"], found["by"], found["release"]["seen_at"]) == ("in-log", "proof", ADDED)
    assert (
        said(folder, 4, *CHECK, "--proof", "image.tlog-proof", "--at", LATER, "--version", "2")["code"] == "other-release"
    )
    refused(folder, 3, "other-entry", *of(CHECK, "other"), "--proof", "image.tlog-proof", "--at", LATER)
    refused(folder, 4, "clock-behind", *CHECK, "--proof", "image.tlog-proof", "--at", "2026-02-28T00:00:00Z")
    data = (folder / "image.tlog-proof").read_bytes()
    (folder / "cut").write_bytes(data[:-9])
    (folder / "bare").write_bytes(b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"extra")))
    for name in ("cut", "bare"):
        assert run(folder, *CHECK, "--proof", name, "--at", LATER).returncode == 3


def test_no_proof_is_written_for_what_is_not_in_the_log(folder: Path) -> None:
    said(folder, 4, *of(CHECK, "other"), "--log", "L", "--at", LATER, "--write-proof", "P")
    assert not (folder / "P").exists()


def test_a_proof_of_another_kind_of_entry(folder: Path) -> None:
    good(folder, "log", "add", "L", "other", "--kind", "other", "--key", "log.pem", "--proof", "P")
    cosigned(folder, LATER)
    nobody = [word if word != "policy" else "nobody" for word in of(CHECK, "other")]
    refused(folder, 3, "other-kind", *nobody, "--proof", "P", "--at", LATER)
    assert said(folder, 4, *of(CHECK, "other"), "--log", "L", "--at", LATER)["code"] == "not-in-log"


def test_a_folder_has_the_digest_that_inspect_gives_it(folder: Path) -> None:
    (folder / "tree" / "etc").mkdir(parents=True)
    (folder / "tree" / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (folder / "tree" / "link").symlink_to("etc/passwd")
    added = said(folder, 0, *of(ADD, "tree"), "--version", "2.0")
    cosigned(folder, LATER)
    assert said(folder, 0, *of(CHECK, "tree"), "--log", "L", "--at", LATER)["image"] == added["image"]
    verdict = run(folder, "inspect", "tree", "--no-cache", "--json")
    assert f'"digest": "{added["image"]}"' in verdict.stdout
    (folder / "tree" / "etc" / "passwd").write_text("root:x:0:0::/:/bin/no\n")
    assert said(folder, 4, *of(CHECK, "tree"), "--log", "L", "--at", LATER)["code"] == "not-in-log"


def test_wrong_use_and_another_logs_key(folder: Path) -> None:
    refused(folder, 2, "in which log?", *CHECK)
    refused(folder, 2, "in which log?", *CHECK, "--log", "L", "--proof", "P")
    assert run(folder, *of(ADD, "other"), "--version", "1.1", "--key", "witness.pem").returncode == 3
    refused(folder, 2, "1 to 1000 characters", *of(ADD, "other"), "--version", "")
    refused(folder, 2, "1 to 1000 characters", *of(ADD, "other"), "--version", "1" * 1001)
    (folder / "L" / "checkpoint").write_bytes(b"nothing")
    refused(folder, 3, "note-form", *CHECK, "--log", "L", "--at", LATER)


def test_files_that_are_no_image(folder: Path) -> None:
    (folder / "empty").write_bytes(b"")
    with (folder / "huge").open("wb") as file:
        file.truncate((2 << 30) + 1)
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    for name in ("empty", "huge", "pipe", "loop", "absent"):
        refused(folder, 2, name, *of(CHECK, name), "--log", "L", "--at", LATER)
        refused(folder, 2, name, *of(ADD, name), "--version", "3.0")

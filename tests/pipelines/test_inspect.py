"""The main job on an image made here: from bytes to files that others can read, and what goes wrong on the way."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def aboveboard(*words: str | Path, cache: Path | None = None, code: int | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120"}
    if cache is not None:
        environment["ABOVEBOARD_CACHE"] = str(cache)
    command = [sys.executable, "-m", "aboveboard.cli.main", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "Traceback" not in done.stderr
    if code is not None:
        assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    root = folder / "root"
    for name in ("bin", "etc", "lib", "usr", "proc"):
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/shadow").write_text("root:*:0:0:99999:7:::\n")
    (root / "etc/inner.tar.gz").write_bytes(tar_gz({"note.txt": b"inside\n"}))
    (root / "bin/sh").write_bytes(Path("/bin/sh").resolve().read_bytes())
    subprocess.run(
        ["mksquashfs", root, folder / "fs", "-noappend", "-quiet", "-no-progress", "-comp", "xz", "-all-root"], check=True
    )
    kernel = gzip.compress(b"kernel text " * 5000, mtime=0)
    made = folder / "image.bin"
    made.write_bytes(kernel + b"\xff" * (65536 - len(kernel)) + (folder / "fs").read_bytes() + b"\xff" * 5000)
    return made


def tar_gz(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def document(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_an_image_is_ruled_on(image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("inspect", image, "--json", "--out", out, "--at", "2026-11-24T12:00:00Z")
    verdict = document(aboveboard(*words, cache=tmp_path / "cache", code=4))
    assert len(verdict["rulings"]) == 60  # type: ignore[arg-type]
    assert verdict["coverage"]["bytes_explained"] == verdict["coverage"]["bytes_total"] == image.stat().st_size  # type: ignore[index]
    assert sorted(path.name for path in out.iterdir()) == [
        "assessment-results.json",
        "evidence",
        "findings.sarif",
        "inputs",
        "report.html",
        "rulings.csv",
        "verdict.json",
    ]
    again = tmp_path / "again"
    aboveboard(*words[:3], "--out", again, "--at", "2026-11-24T12:00:00Z", cache=tmp_path / "cache", code=4)
    aboveboard(*words[:3], "--no-cache", "--out", out, "--at", "2026-11-24T12:00:00Z", code=4)
    for name in ("verdict.json", "report.html", "findings.sarif", "rulings.csv", "assessment-results.json"):
        assert (out / name).read_bytes() == (again / name).read_bytes(), name


def test_a_folder_is_a_root_tree(image: Path, tmp_path: Path) -> None:
    done = aboveboard("inspect", image.parent / "root", "--json", "--no-cache", code=4)
    verdict = document(done)
    assert verdict["coverage"]["programs_total"] == 1  # type: ignore[index]
    assert list(tmp_path.iterdir()) == []


def test_the_terminal_says_what_counts(image: Path) -> None:
    done = aboveboard("inspect", image, "--no-cache", code=4)
    assert "0 broken, " in done.stdout
    assert "coverage: " in done.stdout
    assert "no contradiction found at this access and coverage" in done.stdout
    assert "unpacking" in done.stderr


HOSTILE = {
    "random": os.urandom(200_000),
    "zeros": bytes(100_000),
    "tar-traversal": gzip.decompress(tar_gz({"../../escape": b"x", "/absolute": b"y", "plain": b"z"})),
    "bomb": gzip.compress(gzip.compress(bytes(200_000_000), mtime=0), mtime=0),
    "elf-lies": b"\x7fELF\x01\x01\x01" + b"\xff" * 500,
    "squashfs-lies": b"hsqs" + b"\xff" * 5000,
    "names": gzip.decompress(tar_gz({"\x1b[31mred": b"x", "<script>alert(1)</script>": b"y", "=cmd()": b"z"})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_bounded_and_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    target = tmp_path / "work" / "image"
    target.write_bytes(HOSTILE[name])
    out = tmp_path / "out"
    done = aboveboard("inspect", target, "--json", "--no-cache", "--out", out, code=4)
    verdict = document(done)
    assert len(verdict["rulings"]) == 60  # type: ignore[arg-type]
    assert "\x1b" not in done.stdout + (out / "report.html").read_text()
    assert "<script>alert" not in (out / "report.html").read_text()
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["image"]
    assert not (tmp_path / "escape").exists()


def test_a_recursive_archive_ends(tmp_path: Path) -> None:
    data = b"core"
    for _ in range(40):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("inner", data)
        data = out.getvalue()
    (tmp_path / "image").write_bytes(data)
    document(aboveboard("inspect", tmp_path / "image", "--json", "--no-cache", code=4))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["inspect", "nowhere"], "no file or folder"),
        (["inspect", "/dev/null"], "no file or folder"),
        (["inspect", ".", "--profile", "friend"], "no profile friend"),
        (["inspect", ".", "--at", "tomorrow"], "not a time"),
        (["standard", "show", "NB-99"], "no clause NB-99"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_use_is_told(words: list[str], says: str, tmp_path: Path) -> None:
    done = aboveboard(*words, cache=tmp_path / "cache", code=2)
    assert says in done.stderr


def test_an_empty_file_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"")
    assert "is empty" in aboveboard("inspect", tmp_path / "image", "--no-cache", code=2).stderr


def test_killing_the_parsers_is_a_gap_and_not_a_crash(image: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "aboveboard.cli.main", "inspect", str(image), "--json", "--no-cache"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    stop = threading.Event()
    killer = threading.Thread(target=kill_confined, args=(running.pid, stop))
    killer.start()
    printed, complaint = running.communicate()
    stop.set()
    killer.join()
    assert running.returncode in (2, 3, 4), complaint
    assert "Traceback" not in complaint
    if running.returncode != 2:
        assert len(json.loads(printed)["rulings"]) == 60


def kill_confined(parent: int, stop: threading.Event) -> None:
    """Kill the first confined process that is seen below the parent."""
    while not stop.is_set():
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            if "\t61190\t61190\t61190\t61190" in text and descends(int(status.parent.name), parent):
                os.kill(int(status.parent.name), signal.SIGKILL)
                return
        time.sleep(0.002)


def descends(process: int, parent: int) -> bool:
    for _ in range(10):
        if process == parent:
            return True
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        process = int(fields[1])
    return False


def test_doctor_says_the_jail_holds() -> None:
    done = aboveboard("doctor", "--json", code=0)
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["parsers' jail"]["good"]
    assert checks["extractors' jail"]["good"]


def test_the_standard_prints_its_clauses_and_sources() -> None:
    assert "60 clauses" in aboveboard("standard", code=0).stdout
    shown = aboveboard("standard", "show", "nb-04", code=0).stdout
    assert "3GPP TS 33.117" in shown
    assert "primary or verbatim text read" in shown

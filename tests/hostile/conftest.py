"""Runs the whole product on a hostile image and keeps an eye on what it does outside its folder."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aboveboard.model.facts import Cause, Gap
from aboveboard.pipelines.inspect import Inspected, Options, inspect

AT = "2026-11-24T12:00:00Z"
SECONDS, MEMORY = 120, 1 << 30  # of one run, far above what any of these needs: a machine may be busy


@dataclass(frozen=True)
class Run:
    """What a run gave, and what may be asked of it."""

    result: Inspected

    def kinds(self) -> set[str]:
        return {fact.kind for piece in self.result.evidence for fact in piece.facts}

    def gaps(self) -> list[Gap]:
        return [gap for piece in self.result.evidence for gap in piece.gaps]

    def causes(self) -> set[Cause]:
        return {gap.cause for gap in self.gaps()}

    def details(self) -> str:
        return "\n".join(gap.detail for gap in self.gaps())

    def paths(self) -> set[str]:
        return {entry.path for tree in self.result.opened.trees for entry in tree.entries}

    def finds_the_seeds(self) -> bool:
        """Tell whether the seeded telnet service and the empty password were found, and break their clauses."""
        broken = {ruling.clause for ruling in self.result.verdict.rulings if ruling.status.value == "broken"}
        return {"account", "listener", "debug-access"} <= self.kinds() and bool(broken)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_size)
    return found


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache for the calibrations alone: it is filled once by a run on a tiny folder."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def go(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Run]:
    """Return a function that inspects an image and checks what every run must keep to."""
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def run(data: bytes) -> Run:
        image = home / "image.bin"
        image.write_bytes(data)
        before, machine = snapshot(home), sorted(Path("/").iterdir())
        started = time.monotonic()
        done = inspect(image, Options("outsider", AT, cache=kept), lambda _: None)
        assert time.monotonic() - started < SECONDS
        assert (
            max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024
            < MEMORY
        )
        assert len(done.verdict.rulings) == 60
        assert all(ruling.reason and ruling.explanation for ruling in done.verdict.rulings)
        assert snapshot(home) == before
        assert snapshot(scratch) == {}
        assert sorted(Path("/").iterdir()) == machine
        for account in done.opened.accounts.values():
            assert sum(span.end - span.start for span in account.spans) == account.size
        return Run(done)

    return run

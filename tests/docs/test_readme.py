"""The README shows what its first command prints, and figures that stand in the bench's result."""

from __future__ import annotations

from pathlib import Path

from docs.generate import log_figures, readme

HINT = "run `python -m docs.generate --readme`"


def test_the_first_command_prints_what_the_readme_shows(tmp_path: Path) -> None:
    code, text = readme.printed(tmp_path / "cache")
    assert code == 3
    assert readme.excerpt() == text, HINT


def test_the_readme_opens_with_the_command_that_is_run() -> None:
    lines = readme.README.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if line.startswith("    "))
    assert first.split() == ["./run", *readme.COMMAND]


def test_the_figures_are_those_of_the_recorded_result() -> None:
    assert readme.table() == readme.figures(), HINT


def test_the_readme_stays_short_and_its_pictures_small() -> None:
    assert len(readme.README.read_text(encoding="utf-8").splitlines()) <= 90
    pictures = sorted((readme.ROOT / "docs/pictures").glob("*.png"))
    assert [path.name for path in pictures] == ["report-desktop.png", "report-phone.png"]
    for path in pictures:
        assert path.stat().st_size < 200_000, path


def test_the_figures_of_the_log_are_those_of_the_recorded_result() -> None:
    assert log_figures.shown() == log_figures.figures(), HINT

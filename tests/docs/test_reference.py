"""The reference pages are what the code gives; nobody edits them by hand."""

from __future__ import annotations

import re
from pathlib import Path

from docs.generate import decisions, pages, reason_codes

from aboveboard.evidence.registry import listed
from aboveboard.standard import reader

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_committed_pages_are_what_the_code_gives() -> None:
    assert pages.stale() == [], "run `python -m docs.generate` and commit docs/reference"


def test_every_clause_and_every_collector_has_its_page() -> None:
    made = pages.pages()
    for clause in reader.load().clauses:
        page = made[f"clauses/{clause.id[:2].lower()}.md"]
        assert f"## {clause.id} {clause.name}" in page
        part = page.partition(f"## {clause.id} ")[2].partition("\n## ")[0]
        assert part.partition("Sources:")[2].strip().startswith("- ")
    for item in listed():
        assert all(f"`{kind}`" in made[f"collectors/{item.name}.md"] for kind in item.emits)


def test_decisions_are_numbered_without_a_hole() -> None:
    numbers = [int(path.name[:4]) for path in sorted(decisions.ADR.glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_page_names_a_place_of_the_machine_that_wrote_it() -> None:
    for path in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        assert not re.search(r"/(?:home|root|work|tmp)/\w", path.read_text(encoding="utf-8")), path


def test_every_reason_code_has_its_sentence_and_none_is_left_over() -> None:
    made = reason_codes.found()
    assert made.errors.keys() == reason_codes.SAID.keys()
    assert made.canaries.keys() == reason_codes.SAID_OF_CANARIES.keys()
    assert made.releases.keys() == reason_codes.SAID_OF_RELEASES.keys()
    assert {"other-log", "no-log", "verdict-form"} <= made.errors.keys()  # not written where the error is raised

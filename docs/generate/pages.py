"""All reference pages, and whether the committed ones are what the code gives."""

from __future__ import annotations

from pathlib import Path

from docs.generate import (
    attestations,
    collectors,
    command_line,
    decisions,
    documents,
    oscal,
    reason_codes,
    records,
    standard,
)

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
NOTE = "<!-- Written by `python -m docs.generate` from the code. Do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Return every page by its path below `docs/reference`."""
    parts = (collectors, standard, command_line, documents, reason_codes, attestations, records, oscal, decisions)
    made = {name: text for part in parts for name, text in part.pages().items()}
    return {name: (NOTE if name.endswith(".md") else "") + text.rstrip() + "\n" for name, text in made.items()}


def _files() -> list[Path]:
    return [path for path in REFERENCE.rglob("*") if path.suffix in (".md", ".json")]


def stale() -> list[str]:
    """Return the pages that are missing, differ, or that nothing writes any more."""
    wanted = pages()
    there = {str(path.relative_to(REFERENCE)): path.read_text(encoding="utf-8") for path in _files()}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write() -> None:
    """Write every page and remove what is no page any more."""
    wanted = pages()
    for path in _files():
        if str(path.relative_to(REFERENCE)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

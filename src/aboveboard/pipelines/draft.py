"""Draft a declaration from an image, and check one that is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aboveboard.agreement import draft as drafting
from aboveboard.jail import Jail
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import SECTIONS, Declaration
from aboveboard.pipelines.inspect import Options, inspect
from aboveboard.pipelines.paper_files import read_declaration
from aboveboard.pipelines.workbench import Progress, room
from aboveboard.store.blobs import BlobStore


@dataclass(frozen=True)
class Draft:
    """A draft in both forms, and what stays forbidden whatever is declared."""

    yaml: str
    document: dict[str, JSON]
    forbidden: tuple[str, ...]


def draft(target: Path, options: Options, progress: Progress) -> Draft:
    """Inspect the image and draft from its facts; raises InputError for what cannot be read at all."""
    found = inspect(target, options, progress)
    sections = drafting.draft(fact for piece in found.evidence for fact in piece.facts)
    image, date = found.manifest.digest, options.at[:10]
    forbidden = tuple(
        f"{ruling.clause}: {ruling.explanation}" for ruling in found.verdict.rulings if ruling.reason.value == "forbidden"
    )
    return Draft(
        drafting.as_yaml(sections, image=image, name=found.manifest.name, date=date),
        drafting.as_document(sections, image=image, date=date),
        forbidden,
    )


def check(path: Path, *, confined: bool = True) -> tuple[Declaration, list[str]]:
    """Read a declaration and return it with what is still open in it; raises InputError where it is not in form."""
    with room(None) as root, Jail(confined=confined) as jail:
        declaration = read_declaration(path, jail, BlobStore(root / "blobs"))
    missing = [f"section not declared: {name}" for name in SECTIONS if name not in declaration.sections]
    return declaration, [*(f"to be completed: {place}" for place in declaration.open_places()), *missing]

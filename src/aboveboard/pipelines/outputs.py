"""Writes what `--out` asks for: the verdict, the evidence, the papers, the report and its derived forms."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError
from aboveboard.model.facts import Where
from aboveboard.pipelines import case_files
from aboveboard.pipelines.inspect import Inspected
from aboveboard.pipelines.unpack import Opened
from aboveboard.report.dossier import Dossier

RUN = "evidence/run.json"  # how the run went: no evidence, for a second run reuses what the first one made
_WRITTEN = ("evidence/*.jsonl", "inputs/*")


def dossier_of(found: Inspected) -> Dossier:
    """Return what the renderers take."""
    return case_files.dossier(found.verdict, found.standard, found.evidence, places_of(found.opened), found.known)


def places_of(image: Opened) -> dict[str, Where]:
    """Return where the file of each digest stands, the first place."""
    paths: dict[str, Where] = {}
    for tree in image.trees:
        for entry in tree.entries:
            if entry.digest:
                paths.setdefault(entry.digest, Where(path=entry.path, container=tree.container))
    return paths


def check(folder: Path) -> None:
    """Try whether `write` will be able to write into `folder`, and leave no trace; raises InputError where not.

    A run may take minutes, and the folder may lie in the very tree that is inspected.
    """
    made: list[Path] = []
    try:
        for place in reversed([folder, *folder.parents]):
            if not place.exists():
                place.mkdir()
                made.append(place)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}", hint="give another folder with --out") from error
    finally:
        for place in reversed(made):
            with contextlib.suppress(OSError):
                place.rmdir()


def write(found: Inspected, folder: Path) -> None:
    """Write the run into `folder`, which may exist; only files that this function names are replaced."""
    run: dict[str, JSON] = {"pieces": len(found.evidence), "accounts": len(found.opened.accounts), "reused": found.reused}
    files = {
        case_files.VERDICT: canonical(found.verdict.to_json()),
        **case_files.evidence(found.manifest, found.evidence, places_of(found.opened)),
        **case_files.inputs(found.papers, found.verdict.at),
        **case_files.derived(dossier_of(found)),
        RUN: canonical(run),
    }
    for pattern in _WRITTEN:  # of an earlier run
        for stale in folder.glob(pattern):
            if stale.is_file() or stale.is_symlink():
                stale.unlink()
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

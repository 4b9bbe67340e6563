"""Writes what `--out` asks for: the verdict, the evidence, the report and its derived forms."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError
from aboveboard.model.facts import Where
from aboveboard.pipelines.inspect import Inspected
from aboveboard.report import html, sarif, tables
from aboveboard.report.dossier import Dossier


def dossier_of(found: Inspected) -> Dossier:
    """Return what the renderers take."""
    gaps = tuple(gap for piece in found.evidence for gap in piece.gaps)
    paths: dict[str, Where] = {}
    for tree in found.opened.trees:
        for entry in tree.entries:
            if entry.digest:
                paths.setdefault(entry.digest, Where(path=entry.path, container=tree.container))
    return Dossier(found.verdict, found.standard, gaps, paths)


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
    dossier = dossier_of(found)
    evidence = folder / "evidence"
    evidence.mkdir(parents=True, exist_ok=True)
    (folder / "verdict.json").write_bytes(canonical(found.verdict.to_json()))
    (evidence / "manifest.json").write_bytes(canonical(found.manifest.to_json()))
    # how the run went is no evidence: a second run reuses what the first one made
    run: dict[str, JSON] = {"pieces": len(found.evidence), "accounts": len(found.opened.accounts), "reused": found.reused}
    (evidence / "run.json").write_bytes(canonical(run))
    by_collector: dict[str, list[bytes]] = {}
    for piece in found.evidence:
        by_collector.setdefault(piece.collector, []).append(canonical(piece.to_json()))
    for stale in evidence.glob("*.jsonl"):
        stale.unlink()
    for name, lines in by_collector.items():
        (evidence / f"{name}.jsonl").write_bytes(b"\n".join(sorted(lines)) + b"\n")
    (folder / "report.html").write_text(html.render(dossier), encoding="utf-8", errors="backslashreplace")
    (folder / "findings.sarif").write_text(json.dumps(sarif.sarif(dossier), indent=1) + "\n", encoding="utf-8")
    (folder / "rulings.csv").write_text(
        tables.rulings_csv(dossier), encoding="utf-8", errors="backslashreplace", newline=""
    )

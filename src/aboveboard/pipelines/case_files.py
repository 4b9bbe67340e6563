"""The files of a case: what `inspect --out` writes, `seal` signs and `verify` reads, each by its path in the folder.

evidence/manifest.json      what the run was given and owes
evidence/NAME.jsonl         the evidence of one collector, one sealed piece a line
evidence/places.json        where the files stand that gaps name by digest
inputs/inputs.json          the time and the profile
inputs/agreement.dsse       the agreement and its amendments, one envelope a line
inputs/declaration.dsse     or declaration.json, where nobody signed it
inputs/records.dsse         records, one envelope a line
inputs/canary.dsse          statements of the canary, one envelope a line
inputs/logs.jsonl           what was read of logs, one extract a line
verdict.json                the verdict; all else that lies beside it is derived from it
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aboveboard import __version__
from aboveboard.model.canonical import JSON, canonical, parse
from aboveboard.model.errors import OUT_OF_SHAPE
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Where
from aboveboard.model.manifest import Manifest
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Verdict
from aboveboard.pipelines import log_extracts
from aboveboard.pipelines.keys import lines_of
from aboveboard.pipelines.papers import Opened, Papers
from aboveboard.pipelines.unpack import UNPACKING
from aboveboard.report import html, oscal, sarif, tables
from aboveboard.report.dossier import Dossier
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import format_time, parse_json, parse_time

VERDICT = "verdict.json"
MANIFEST = "evidence/manifest.json"
PLACES = "evidence/places.json"
FORM = "inputs/1"
MAX_VALUES = 20_000_000  # of all evidence
MAX_LINES = 1000  # envelopes in a file: each costs a verification for every key
INPUTS, AGREEMENT, SIGNED, UNSIGNED, RECORDS, CANARY, LOGS = (
    f"inputs/{name}"
    for name in (
        "inputs.json",
        "agreement.dsse",
        "declaration.dsse",
        "declaration.json",
        "records.dsse",
        "canary.dsse",
        "logs.jsonl",
    )
)
INPUT_NAMES = (INPUTS, AGREEMENT, SIGNED, UNSIGNED, RECORDS, CANARY, LOGS)
DERIVED = ("report.html", "findings.sarif", "rulings.csv", "assessment-results.json")

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class CaseFiles:
    """What was read: everything that a judge needs, and where files stand."""

    at: str
    papers: Papers
    manifest: Manifest
    evidence: tuple[Evidence, ...]
    places: Mapping[str, Where]


def time_of(case: CaseFiles) -> datetime:
    """Return the time that a case is judged at."""
    return parse_time(case.at)


def evidence_name(collector: str) -> str:
    """Return the path of a collector's evidence."""
    return f"evidence/{collector}.jsonl"


def lines(pieces: Iterable[bytes]) -> bytes:
    """Return lines as a file holds them."""
    return b"".join(piece + b"\n" for piece in pieces)


def inputs(papers: Papers, at: str) -> dict[str, bytes]:
    """Return the files of the papers."""
    found = {INPUTS: canonical({"form": FORM, "at": at, "profile": papers.profile})}
    listed = {AGREEMENT: papers.agreement, RECORDS: papers.records, CANARY: papers.canary}
    found |= {name: lines(given) for name, given in listed.items() if given}
    if papers.declaration is not None:
        found[SIGNED] = lines([papers.declaration])
    if papers.unsigned is not None:
        found[UNSIGNED] = canonical(papers.unsigned)
    if papers.logs:
        found[LOGS] = lines(canonical(log_extracts.to_json(view)) for view in papers.logs)
    return found


def evidence(manifest: Manifest, pieces: Sequence[Evidence], places: Mapping[str, Where]) -> dict[str, bytes]:
    """Return the files of the evidence; of the places those alone that a gap or a fact names."""
    wanted = {str(gap.data.get("file")) for piece in pieces for gap in piece.gaps}
    wanted |= {str(fact.data.get("file")) for piece in pieces for fact in piece.facts}
    named: dict[str, JSON] = {
        digest: {"container": where.container, "path": where.path}
        for digest, where in sorted(places.items())
        if digest in wanted
    }
    return {
        MANIFEST: canonical(manifest.to_json()),
        PLACES: canonical(named),
        **_by_collector(pieces),
    }


def _by_collector(pieces: Sequence[Evidence]) -> dict[str, bytes]:
    found: dict[str, list[bytes]] = {}
    for piece in pieces:
        found.setdefault(piece.collector, []).append(canonical(piece.to_json()))
    return {evidence_name(name): lines(sorted(listed)) for name, listed in found.items()}


def dossier(
    verdict: Verdict,
    standard: Standard,
    pieces: Sequence[Evidence],
    places: Mapping[str, Where],
    found: Opened,
    product: str = __version__,
) -> Dossier:
    """Return what the renderers take; the gaps of the image itself come first. `product` is who gave the verdict."""
    ordered = sorted(pieces, key=lambda one: (one.collector != UNPACKING, one.collector, one.subject, one.seal))
    return Dossier(
        verdict,
        standard,
        tuple(gap for piece in ordered for gap in piece.gaps),
        places,
        found.agreement,
        found.records,
        {name: hashlib.sha256(data).hexdigest() for name, data in _by_collector(pieces).items()},
        product,
    )


def derived(made: Dossier) -> dict[str, bytes]:
    """Return what is made from a verdict for people and for other programs: the same verdict, the same bytes."""
    return {
        "report.html": html.render(made).encode("utf-8", "backslashreplace"),
        "findings.sarif": (json.dumps(sarif.sarif(made), indent=1) + "\n").encode(),
        "rulings.csv": tables.rulings_csv(made).encode("utf-8", "backslashreplace"),
        "assessment-results.json": canonical(oscal.assessment_results(made)),
    }


def read(files: Files) -> CaseFiles:
    """Read the files of a case; raises RefusedError `case-form` for what is not as it was written.

    The judge passes over evidence whose seal does not hold; here it is asked that each file is in the one form that it has,
    so that the same evidence has the same bytes.
    """
    at, profile = _stated(files)
    return CaseFiles(
        at,
        Papers(
            profile=profile,
            agreement=_lines(files, AGREEMENT),
            declaration=_one(files, SIGNED),
            unsigned=_unsigned(files),
            records=_lines(files, RECORDS),
            canary=_lines(files, CANARY),
            logs=tuple(log_extracts.from_json(parse_json(line)) for line in _lines(files, LOGS)),
        ),
        _shaped(MANIFEST, lambda: Manifest.from_json(_object(files, MANIFEST))),
        tuple(_pieces(files)),
        _shaped(PLACES, lambda: _places(files)) if PLACES in files else {},
    )


def _stated(files: Files) -> tuple[str, str | None]:
    stated = _object(files, INPUTS)
    profile = stated.get("profile")
    if set(stated) != {"form", "at", "profile"} or stated["form"] != FORM or not isinstance(profile, str | None):
        raise RefusedError("case-form", f"{INPUTS} has form, at and profile")
    return format_time(parse_time(stated["at"])), profile


def _object(files: Files, name: str) -> Mapping[str, Any]:
    value = parse_json(_there(files, name))
    if not isinstance(value, dict) or canonical(value) != files[name]:
        raise RefusedError("case-form", f"{name} is no object in canonical form")
    return value


def _there(files: Files, name: str) -> bytes:
    if name not in files:
        raise RefusedError("file-missing", f"there is no {name}", hint="give the whole folder, as it was written")
    return files[name]


def _lines(files: Files, name: str) -> tuple[bytes, ...]:
    data = files.get(name)
    if data is None:
        return ()
    if name.endswith(".dsse") and data.count(b"\n") > MAX_LINES:
        raise RefusedError("too-large", f"{name} holds more than {MAX_LINES} envelopes")
    found = tuple(lines_of(data))
    if lines(found) != data:
        raise RefusedError("case-form", f"{name} has empty lines, or no end")
    return found


def _one(files: Files, name: str) -> bytes | None:
    found = _lines(files, name)
    if len(found) > 1:
        raise RefusedError("case-form", f"{name} holds more than one")
    return found[0] if found else None


def _unsigned(files: Files) -> Mapping[str, JSON] | None:
    if UNSIGNED in files and SIGNED in files:
        raise RefusedError("case-form", "there are two declarations")
    return _object(files, UNSIGNED) if UNSIGNED in files else None


def _pieces(files: Files) -> Iterable[Evidence]:
    values = 0  # they are counted before they are built: a bracket costs a file one byte, and memory a hundred
    for name in sorted(files):
        if name.startswith("evidence/") and name.endswith(".jsonl"):
            for line in _lines(files, name):
                values += sum(map(line.count, (b",", b"[", b"{")))
                if values > MAX_VALUES:
                    raise RefusedError("too-large", f"evidence of more than {MAX_VALUES} values")
                piece = _shaped(name, lambda line=line: Evidence.from_json(_mapping(parse(line))))
                if evidence_name(piece.collector) != name:
                    raise RefusedError("case-form", f"{name} holds evidence of {piece.collector[:40]!r}")
                yield piece


def _mapping(value: JSON) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("no object")
    return value


def _places(files: Files) -> dict[str, Where]:
    return {
        digest: Where(path=str(place["path"]), container=str(place["container"]))
        for digest, place in _object(files, PLACES).items()
    }


def _shaped(name: str, make: Any) -> Any:
    """Return what is made of a file; raises RefusedError for one that does not have the shape."""
    try:
        return make()
    except RefusedError:
        raise
    except OUT_OF_SHAPE as error:
        raise RefusedError("case-form", f"{name} is not as it was written: {error}"[:200]) from error

"""The judge: the same manifest, evidence, declaration, profile and time give the same verdict, byte for byte (law 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aboveboard.judge.case import Case
from aboveboard.judge.deciders import DECIDERS, MET_WORDING
from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.declaration import Declaration
from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import Manifest
from aboveboard.model.standard import Profile, Severity, Standard
from aboveboard.model.verdict import Result, Ruling, Status, Verdict

NOT_SEEN = (
    "hardware implants, microcode and chip masks",
    "later updates made for one device or one customer",
    "what a supplier may be compelled to do and forbidden to say",
    "the content of the blobs listed as gaps",
)


def judge(
    manifest: Manifest,
    evidence: Iterable[Evidence],
    standard: Standard,
    profile: Profile,
    declaration: Declaration | None,
    at: str,
) -> Verdict:
    """Rule on every clause and give the verdict. `at` is the evaluation time as RFC 3339 text; no clock is read here."""
    pieces = list(evidence)
    case = Case.of(manifest, pieces, profile, declaration)
    rulings = tuple(DECIDERS[clause.decision.how](case, clause) for clause in standard.clauses)
    severity = {clause.id: clause.severity for clause in standard.clauses}
    seals: list[JSON] = [*sorted(piece.seal for piece in case.evidence.values())]
    coverage: dict[str, JSON] = dict(case.coverage())
    return Verdict(
        subject={"name": manifest.name, "digest": manifest.digest, "size": manifest.size},
        profile={"name": profile.name, "access": profile.access.value, "digest": profile.digest},
        standard={"version": standard.version, "date": standard.date, "digest": standard.digest},
        at=at,
        result=product_result(rulings, severity),
        count=count_line(rulings),
        coverage=coverage,
        rulings=rulings,
        inputs={
            "manifest": digest_of(manifest.to_json()),
            "evidence": digest_of(seals),
            "declaration": None if declaration is None else declaration.digest,
            "confined": manifest.confined,
            "refused": list(case.refused),
        },
        wording=f"met means: {MET_WORDING}",
        not_seen_by_any_analysis=NOT_SEEN,
    )


def product_result(rulings: Sequence[Ruling], severity: dict[str, Severity]) -> Result:
    """Return the worst of the required rulings (law 7)."""
    required = [ruling for ruling in rulings if ruling.required]
    broken = [ruling for ruling in required if ruling.status is Status.BROKEN]
    if any(severity[ruling.clause] in (Severity.CRITICAL, Severity.HIGH) for ruling in broken):
        return Result.BROKEN
    if broken:
        return Result.BROKEN_MINOR
    if not required or any(ruling.status is Status.NOT_SHOWN for ruling in required):
        return Result.NOT_SHOWN
    return Result.MET


def count_line(rulings: Sequence[Ruling]) -> str:
    """Return `0 broken, 38 of 51 required shown, 13 not shown`, over the required clauses, and what else is broken."""
    required = [ruling for ruling in rulings if ruling.required]
    broken = sum(ruling.status is Status.BROKEN for ruling in required)
    not_shown = sum(ruling.status is Status.NOT_SHOWN for ruling in required)
    line = f"{broken} broken, {len(required) - not_shown} of {len(required)} required shown, {not_shown} not shown"
    beyond = sum(ruling.status is Status.BROKEN for ruling in rulings) - broken
    return f"{line}; {beyond} broken beyond the required" if beyond else line

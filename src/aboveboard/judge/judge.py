"""The judge: the same manifest, evidence, declaration, profile and time give the same verdict, byte for byte (law 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from aboveboard.judge.case import Case
from aboveboard.judge.deciders import MET_WORDING, decide
from aboveboard.model.agreement import Agreement
from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.dates import days_after
from aboveboard.model.declaration import Declaration
from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import Manifest
from aboveboard.model.record import Outcome, Record
from aboveboard.model.standard import Clause, Profile, Severity, Standard
from aboveboard.model.verdict import Result, Ruling, Status, Verdict

VERDICT_DAYS = 365
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
    agreement: Agreement | None = None,
    records: Iterable[Record] = (),
) -> Verdict:
    """Rule on every clause and give the verdict. `at` is the evaluation time as RFC 3339 text; no clock is read here.

    Under an agreement its clauses and limits take the place of the profile's; whether it is in force was asked before.
    """
    profile = agreed_profile(profile, agreement)
    case = Case.of(manifest, evidence, profile, declaration, agreement, records, at)
    rulings = tuple(decide(case, clause) for clause in standard.clauses)
    severity = {clause.id: clause.severity for clause in standard.clauses}
    seals: list[JSON] = [*sorted(piece.seal for piece in case.evidence.values())]
    coverage: dict[str, JSON] = dict(case.coverage())
    return Verdict(
        subject={"name": manifest.name, "digest": manifest.digest, "size": manifest.size},
        profile={
            "name": profile.name,
            "access": profile.access.value,
            "digest": profile.digest,
            "waived": {} if agreement is None else dict(agreement.waived),
        },
        standard={"version": standard.version, "date": standard.date, "digest": standard.digest},
        at=at,
        expires=expiry(case, standard.clauses, rulings),
        result=product_result(rulings, severity),
        count=count_line(rulings),
        coverage=coverage,
        rulings=rulings,
        inputs={
            "manifest": digest_of(manifest.to_json()),
            "evidence": digest_of(seals),
            "declaration": None if declaration is None else declaration.digest,
            "agreement": None if agreement is None else agreement.digest,
            "records": [record.digest for record in case.records],
            "by": manifest.by,
            "confined": manifest.confined,
            "refused": list(case.refused),
            "set_aside": [one.to_json() for one in sorted(manifest.set_aside)],
        },
        wording=f"met means: {MET_WORDING}",
        not_seen_by_any_analysis=NOT_SEEN,
    )


def agreed_profile(profile: Profile, agreement: Agreement | None) -> Profile:
    """Return the profile with the clauses of the agreement, and its limits where they are stricter."""
    if agreement is None:
        return profile
    return replace(
        profile,
        required=agreement.required,
        bytes_explained=max(profile.bytes_explained, agreement.terms.bytes_explained),
        programs_identified=max(profile.programs_identified, agreement.terms.programs_identified),
    )


def expiry(case: Case, clauses: Sequence[Clause], rulings: Sequence[Ruling]) -> str:
    """Return when the verdict ends (GV-10): with its own age, the agreement, or the first record that a *met* rests on."""
    agreement = case.agreement
    ends = [days_after(case.at, VERDICT_DAYS if agreement is None else agreement.terms.verdict_days)]
    if agreement is not None:
        ends.append(agreement.until)
    met = {ruling.clause for ruling in rulings if ruling.status is Status.MET}
    for clause in clauses:
        for record in case.records_on(clause) if clause.id in met else ():
            if record.outcome is not Outcome.SUPPORTS or case.expired(record) or not case.counts(record, clause):
                continue
            by_age = case.age_ends(record)
            ends += [record.until] if by_age is None else [record.until, by_age]
    return min(ends)


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

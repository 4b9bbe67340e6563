"""What *met* asks for, beyond the absence of a contradiction (laws 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.judge.case import Case, counts, hides_content
from aboveboard.model.facts import Gap
from aboveboard.model.record import DERIVED, Outcome, Record
from aboveboard.model.standard import Clause
from aboveboard.model.verdict import Reason

GAPS_SHOWN = 50  # a ruling lists this many; the evidence holds them all
COUNTS = ("bytes_total", "bytes_explained", "programs_total", "programs_identified")


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a clause without a contradiction is still not met."""

    reason: Reason
    explanation: str
    gaps: tuple[Gap, ...] = ()


def shortfall(case: Case, clause: Clause) -> Shortfall | None:
    """Return the first thing that is wanting before the clause may be met, or None.

    1. evidence: every collector behind the clause was owed, and all that is owed is there with its seal intact;
    2. calibration: each of them found its planted known answers;
    3. coverage: the image was opened over the profile's limits;
    4. gaps: none in what the clause rests on;
    5. access: the clause lies within the profile's;
    6. records: what only a person or laboratory can show.

    Whose evidence it is (law 9), and what speaks against it, is asked of every clause that would be met, in
    `custody_shortfall` and `doubt_shortfall`.
    """
    behind = case.collectors_behind(clause)
    return (
        _evidence(case, behind)
        or _calibration(case, behind)
        or coverage_shortfall(case)
        or _gaps(case, behind)
        or access_shortfall(case, clause)
        or records_shortfall(case, clause, "nothing in the image contradicts it; ")
    )


def _evidence(case: Case, behind: set[str]) -> Shortfall | None:
    unlooked = case.never_owed(behind)
    if unlooked:
        return Shortfall(Reason.NO_EVIDENCE, f"nothing was collected by: {', '.join(sorted(unlooked))}")
    missing = case.missing(behind)
    if missing:
        names = sorted({item.collector for item in missing})
        return Shortfall(Reason.NO_EVIDENCE, f"{len(missing)} pieces of evidence are missing or broken: {', '.join(names)}")
    return None


def _calibration(case: Case, behind: set[str]) -> Shortfall | None:
    wanting = case.uncalibrated(behind)
    if wanting:
        return Shortfall(Reason.UNCALIBRATED, f"did not find all planted known answers: {', '.join(wanting)}")
    return None


def coverage_shortfall(case: Case) -> Shortfall | None:
    """Return why the coverage of the image is under the profile's limits, or None."""
    account = case.account()
    # a count that is left out is no count of nought
    if account is None or not (coverage := counts(account)).keys() >= set(COUNTS):
        return Shortfall(Reason.NO_EVIDENCE, "there is no account of the image's bytes and programs")
    total, explained, programs, identified = (coverage[name] for name in COUNTS)
    limit = case.profile.bytes_explained
    gaps = account.gaps
    if total <= 0 or explained * 1000 < total * limit:
        reason = Reason.ENCRYPTED if any(hides_content(gap) for gap in gaps) else Reason.COVERAGE
        return Shortfall(reason, f"{explained} of {total} bytes explained, the limit is {limit} in 1000", gaps[:GAPS_SHOWN])
    if identified * 1000 < programs * case.profile.programs_identified:
        return Shortfall(Reason.COVERAGE, f"{identified} of {programs} programs identified", gaps[:GAPS_SHOWN])
    return None


def _gaps(case: Case, behind: set[str]) -> Shortfall | None:
    gaps = case.gaps(behind)
    if not gaps:
        return None
    reason = Reason.ENCRYPTED if any(hides_content(gap) for gap in gaps) else Reason.COVERAGE
    return Shortfall(reason, f"{len(gaps)} places could not be followed; first: {gaps[0].detail}", tuple(gaps[:GAPS_SHOWN]))


def access_shortfall(case: Case, clause: Clause) -> Shortfall | None:
    """Return why the clause lies above the profile's access, or None: such a clause can be broken, never met (law 7)."""
    if clause.access.rank > case.profile.access.rank:
        return Shortfall(Reason.NO_EVIDENCE, f"needs {clause.access.value} access, above the profile {case.profile.name}")
    return None


def records_shortfall(case: Case, clause: Clause, before: str = "") -> Shortfall | None:
    """Return what is wanting of what only persons and laboratories can show, or None.

    For each kind that is wanted one record must be there that supports the clause, is of an accepted role, and is not too
    old.
    """
    wanting, reasons = [], set()
    for wanted in clause.decision.records:
        given = [record for record in case.records_on(clause) if record.kind == wanted.kind]
        counting = [record for record in given if case.counts(record, clause)]
        good = [record for record in counting if record.outcome is Outcome.SUPPORTS]
        if any(not case.expired(record) for record in good):
            continue
        reason, why = _why_not(counting, good) if counting else _none_counts(case, clause, given)
        reasons.add(reason)
        wanting.append(f"{wanted.text}{why}")
    if not wanting:
        return None
    # the reason that stays when the others are mended comes first
    reason = next(one for one in (Reason.NEEDS_HUMAN, Reason.NO_EVIDENCE, Reason.EXPIRED) if one in reasons)
    return Shortfall(reason, f"{before}wanting: {'; '.join(wanting)}")


def _why_not(counting: list[Record], good: list[Record]) -> tuple[Reason, str]:
    if good:
        return Reason.EXPIRED, f" (the one of {good[0].found[:10]} is no longer valid)"
    reason = Reason.NO_EVIDENCE if counting[0].role == DERIVED else Reason.NEEDS_HUMAN
    return reason, f" (the one of {counting[0].found[:10]} does not show it: {counting[0].explanation})"


def _none_counts(case: Case, clause: Clause, given: list[Record]) -> tuple[Reason, str]:
    late = next((record for record in given if case.accepts(record, clause)), None)  # else it would count
    if late is not None:
        return Reason.EXPIRED, f" (the one of {late.found[:10]} does not count{late.doubt})"
    if given:
        return Reason.NEEDS_HUMAN, f" (one was given in the role {given[0].role}, which does not count for this clause)"
    return Reason.NEEDS_HUMAN, ""


def custody_shortfall(case: Case, clause: Clause) -> Shortfall | None:
    """Return why what was given does not count for the clause, or None.

    Whoever sealed it needs a role that counts, and a record that was handed in and is not there may have said anything.
    """
    lost = case.lost_records(clause)
    if lost:
        return Shortfall(Reason.NO_EVIDENCE, f"a record that was handed in is missing or refused: {lost[0]}")
    by = case.manifest.by
    if by and by not in case.accepted_roles(clause):
        return Shortfall(Reason.NO_EVIDENCE, f"the evidence is answered for in the role {by}, which does not count here")
    return None


def doubt_shortfall(case: Case, clause: Clause) -> Shortfall | None:
    """Return which record leaves the clause undecided, or None.

    One that speaks against the clause and of which nothing shows when it was signed does not break it, but it stays:
    waiting until a key expires must not make a bad finding go away.
    """
    against = case.against(clause)
    if against:  # one whose time is shown breaks the clause anyway
        text = f"not decided: a record speaks against it, {against[0].line()}"
        return Shortfall(Reason.UNRESOLVED_CANDIDATE, text)
    return None


def contradicted(case: Case, clause: Clause) -> list[Record]:
    """Return the records of accepted roles that break the clause. What is in an image does not go stale."""
    return [record for record in case.against(clause) if record.proven]

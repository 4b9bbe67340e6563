"""Makes small cases for the judge: one image, one tree in it, one collector named `accounts`, one clause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aboveboard.judge.judge import judge
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import SECTIONS, Declaration
from aboveboard.model.evidence import Calibration, Evidence
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.standard import Access, Clause, Decision, FactPattern, How, Profile, Severity, Standard, Wanted
from aboveboard.model.verdict import Reason, Ruling, Status, Verdict

IMAGE, TREE, OTHER = ("sha256:" + digit * 64 for digit in "123")
AT = "2026-11-24T12:00:00Z"
FOUND_ALL, FOUND_NONE_OF_NONE, MISSED_ONE = Calibration(2, 2), Calibration(0, 0), Calibration(2, 1)

UNPACKING_OWED, ACCOUNTS_OWED = Owed("unpacking", 1, IMAGE), Owed("accounts", 1, TREE)
EVALUATOR = Profile("evaluator", Access.EVALUATOR, ("X-01",), 950, 980, "sha256:" + "4" * 64)
OUTSIDER = Profile("outsider", Access.OUTSIDER, ("X-01",), 950, 980, "sha256:" + "5" * 64)


def manifest(*owed: Owed, digest: str = IMAGE) -> Manifest:
    return Manifest("router.bin", digest, 1000, owed or (UNPACKING_OWED, ACCOUNTS_OWED))


def fact(kind: str = "account", standing: Standing = Standing.CONFIRMED, /, **data: JSON) -> Fact:
    return Fact(kind, Where(path="/etc/passwd"), data, standing)


def gap(cause: Cause = Cause.UNRESOLVED, detail: str = "cannot be followed") -> Gap:
    return Gap(cause, Where(path="/etc/passwd"), detail)


def piece(
    collector: str = "accounts",
    facts: Sequence[Fact] = (),
    gaps: Sequence[Gap] = (),
    *,
    version: int = 1,
    subject: str = TREE,
    calibration: Calibration | None = FOUND_ALL,
) -> Evidence:
    return Evidence.sealed(collector, version, subject, facts, gaps, calibration)


def account(
    total: JSON = 1000,
    explained: JSON = 1000,
    programs: JSON = 10,
    identified: JSON = 10,
    *,
    gaps: Sequence[Gap] = (),
    calibration: Calibration | None = FOUND_ALL,
) -> Evidence:
    """Return the account of the image's bytes."""
    counts: dict[str, JSON] = {
        "bytes_total": total,
        "bytes_explained": explained,
        "programs_total": programs,
        "programs_identified": identified,
    }
    coverage = Fact("coverage", Where(), counts)
    return piece("unpacking", [coverage], gaps, subject=IMAGE, calibration=calibration)


def clause(
    how: How = How.FORBID,
    *,
    name: str = "X-01",
    severity: Severity = Severity.HIGH,
    access: Access = Access.OUTSIDER,
    facts: Sequence[FactPattern] = (FactPattern("account", {}),),
    evidence: Sequence[str] = ("accounts",),
    records: Sequence[str] = (),
    section: str = "accounts",
    match: Sequence[str] = ("name",),
) -> Clause:
    decision = Decision(
        how, tuple(facts), tuple(evidence), tuple(Wanted(text.split()[-1], text) for text in records), section, tuple(match)
    )
    return Clause(name, name, name, severity, access, False, decision, "", "", "", (), "full", "")


def declaration(images: Sequence[str] = (IMAGE,), **sections: Sequence[dict[str, JSON]]) -> Declaration:
    """Return a complete declaration: a section that is not given says "none"."""
    whole = {name: tuple(sections.get(name, ())) for name in SECTIONS}
    return Declaration("router", "1", "maker", tuple(images), "2026-11-24", "sha256:" + "6" * 64, whole)


def judged(
    clauses: Sequence[Clause],
    evidence: Iterable[Evidence],
    declared: Declaration | None = None,
    profile: Profile = EVALUATOR,
    owed: Manifest | None = None,
) -> Verdict:
    standard = Standard("1", "2026-11-24", "sha256:" + "7" * 64, tuple(clauses), (profile,))
    return judge(owed or manifest(), evidence, standard, profile, declared, AT)


def ruling(
    ruled: Clause,
    evidence: Iterable[Evidence],
    declared: Declaration | None = None,
    profile: Profile = EVALUATOR,
    owed: Manifest | None = None,
) -> Ruling:
    (only,) = judged([ruled], evidence, declared, profile, owed).rulings
    return only


def why(
    ruled: Clause,
    evidence: Iterable[Evidence],
    declared: Declaration | None = None,
    profile: Profile = EVALUATOR,
    owed: Manifest | None = None,
) -> tuple[Status, Reason]:
    only = ruling(ruled, evidence, declared, profile, owed)
    return only.status, only.reason


MET = (Status.MET, Reason.NO_CONTRADICTION)


def not_shown(reason: Reason) -> tuple[Status, Reason]:
    return (Status.NOT_SHOWN, reason)


def broken(reason: Reason) -> tuple[Status, Reason]:
    return (Status.BROKEN, reason)

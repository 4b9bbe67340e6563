"""The case before the judge: the inputs, and the questions that every way of deciding asks of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from aboveboard.model.agreement import Agreement
from aboveboard.model.dates import days_after
from aboveboard.model.declaration import Declaration
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Cause, Fact, Gap, Standing
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.record import DERIVED, INDEPENDENT, Outcome, Record
from aboveboard.model.standard import Clause, FactPattern, Profile

UNPACKING = "unpacking"  # the collector whose evidence carries the coverage of the image
COVERAGE_FACT = "coverage"
EVIDENCE_DAYS = 365


@dataclass(frozen=True)
class Case:
    """Everything a ruling may depend on. Evidence that is not owed, or whose seal does not hold, is not in it.

    `evidence` is by collector and subject, in that order, so that nothing depends on the order in which it came.
    """

    manifest: Manifest
    profile: Profile
    declaration: Declaration | None
    evidence: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    agreement: Agreement | None = None
    records: tuple[Record, ...] = ()
    at: str = ""

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        evidence: Iterable[Evidence],
        profile: Profile,
        declaration: Declaration | None,
        agreement: Agreement | None = None,
        records: Iterable[Record] = (),
        at: str = "",
    ) -> Case:
        """Sort the evidence: keep what is owed and intact; two different pieces for one debt cancel each other."""
        owed = {(item.collector, item.subject): item for item in sorted(manifest.owed)}
        kept: dict[tuple[str, str], Evidence] = {}
        refused: set[tuple[str, str]] = set()
        for piece in evidence:
            key = (piece.collector, piece.subject)
            debt = owed.get(key)
            if debt is None:
                continue
            if debt.version != piece.version or not piece.intact() or kept.setdefault(key, piece).seal != piece.seal:
                refused.add(key)
        names = tuple(f"{collector} of {subject}" for collector, subject in sorted(refused))
        sound = {key: kept[key] for key in sorted(kept.keys() - refused)}
        given = {record.digest: record for record in records}
        handed = {(item.clause, item.digest) for item in manifest.records}
        wanted = tuple(given[key] for key in sorted(given) if (given[key].clause, key) in handed)
        return cls(manifest, profile, declaration, sound, names, agreement, wanted, at)

    @property
    def supplier(self) -> str | None:
        """Return the supplier by the name that the agreement, or else the declaration, gives it."""
        if self.agreement is not None:
            return self.agreement.supplier
        return None if self.declaration is None else self.declaration.supplier

    def accepted_roles(self, clause: Clause) -> tuple[str, ...]:
        """Return the roles whose evidence counts for the clause."""
        return INDEPENDENT if self.agreement is None else self.agreement.accepted(clause.id)

    def records_on(self, clause: Clause) -> list[Record]:
        """Return the records on a clause that speak of this image or supplier, whoever made them."""
        return [
            record
            for record in self.records
            if record.clause == clause.id and record.speaks_of(self.manifest.digest, self.supplier)
        ]

    def counts(self, record: Record, clause: Clause) -> bool:
        """Tell whether a record can break or support the clause."""
        return record.proven and self.accepts(record, clause)

    def against(self, clause: Clause) -> list[Record]:
        """Return the records of accepted roles that contradict the clause, whether or not their time is shown."""
        return [
            record
            for record in self.records_on(clause)
            if record.outcome is Outcome.CONTRADICTS and self.accepts(record, clause)
        ]

    def accepts(self, record: Record, clause: Clause) -> bool:
        """Tell whether a record comes from a role that is accepted for the clause, and not from later than now."""
        return (record.role == DERIVED or record.role in self.accepted_roles(clause)) and record.found <= self.at

    def expired(self, record: Record) -> bool:
        """Tell whether a record is too old to show anything good: by its own date, or by the age that is agreed."""
        ends = self.age_ends(record)
        return record.until <= self.at or (ends is not None and ends <= self.at)

    def age_ends(self, record: Record) -> str | None:
        """Return when a record is too old by its age; None for a derived one, which says itself until when it holds.

        Such a one is worked out anew for each verdict. That an image has stood in a log for two years makes it no weaker.
        """
        if record.role == DERIVED:
            return None
        days = EVIDENCE_DAYS if self.agreement is None else self.agreement.terms.evidence_days
        return days_after(record.found, days)

    def lost_records(self, clause: Clause) -> list[str]:
        """Return the digests of records on the clause that were handed in and are not there."""
        there = {record.digest for record in self.records}
        return sorted(
            item.digest for item in self.manifest.records if item.clause == clause.id and item.digest not in there
        )

    def collectors_behind(self, clause: Clause) -> set[str]:
        """Return the collectors that a clause rests on, with those whose facts they need, unpacking always among them."""
        pending = {UNPACKING, *clause.decision.evidence}
        behind: set[str] = set()
        while pending:
            name = pending.pop()
            behind.add(name)
            for item in self.manifest.owed:
                if item.collector == name:
                    pending.update(set(item.needs) - behind)
        return behind

    def missing(self, collectors: set[str]) -> list[Owed]:
        """Return what is owed of these and not there. Two versions of one piece that are both owed are never both there."""
        there = {(piece.collector, piece.version, piece.subject) for piece in self.evidence.values()}
        owed = [item for item in self.manifest.owed if item.collector in collectors]
        return [item for item in owed if (item.collector, item.version, item.subject) not in there]

    def never_owed(self, collectors: set[str]) -> set[str]:
        """Return the collectors of which the manifest owes nothing: they did not look."""
        return collectors - {item.collector for item in self.manifest.owed}

    def uncalibrated(self, collectors: set[str]) -> list[str]:
        """Return the collectors with a piece of evidence whose known answers were not all found."""
        return sorted(
            {
                piece.collector
                for piece in self.evidence.values()
                if piece.collector in collectors and not (piece.calibration is not None and piece.calibration.passed)
            }
        )

    def account(self) -> Evidence | None:
        """Return the account of the image's bytes, or None where unpacking left no sound evidence."""
        return self.evidence.get((UNPACKING, self.manifest.digest))

    def gaps(self, collectors: set[str]) -> list[Gap]:
        """Return the gaps of these collectors; those in the account of bytes count through the coverage instead."""
        account = self.account()
        return [
            gap
            for piece in self.evidence.values()
            if piece.collector in collectors and piece is not account
            for gap in piece.gaps
        ]

    def facts(self, clause: Clause) -> list[Fact]:
        """Return the facts that the clause is decided by, in a fixed order.

        Only from the collectors that the clause names: if others counted, losing their evidence could help (law 2). What a
        record saw whose time nothing shows is a candidate: whoever stole an expired key must not accuse anybody.
        """
        wanted = clause.decision.facts
        return [
            fact
            for piece in self.evidence.values()
            if piece.collector in clause.decision.evidence
            for fact in piece.facts
            if any(matches(fact, pattern) for pattern in wanted)
        ] + [
            fact
            for record in self.records_on(clause)
            if self.accepts(record, clause)
            for fact in (record.facts if record.proven else map(as_candidate, record.facts))
            if any(matches(fact, pattern) for pattern in wanted)
        ]

    def coverage(self) -> dict[str, int]:
        """Return the coverage of the image as counts; empty where there is no sound account of its bytes."""
        account = self.account()
        return {} if account is None else counts(account)


def counts(account: Evidence) -> dict[str, int]:
    """Return the counts of an account of bytes; empty where it does not say them exactly once."""
    found = [fact.data for fact in account.facts if fact.kind == COVERAGE_FACT]
    if len(found) != 1:
        return {}
    return {key: value for key, value in found[0].items() if isinstance(value, int) and not isinstance(value, bool)}


def by_standing(facts: Iterable[Fact], standing: Standing) -> list[Fact]:
    """Return the facts of one standing."""
    return [fact for fact in facts if fact.standing is standing]


def as_candidate(fact: Fact) -> Fact:
    """Return a fact as one that accuses nobody."""
    return replace(fact, standing=Standing.CANDIDATE) if fact.standing is Standing.CONFIRMED else fact


def hides_content(gap: Gap) -> bool:
    """Tell whether a gap is content that may be encrypted."""
    return gap.cause is Cause.ENCRYPTED


def matches(fact: Fact, pattern: FactPattern) -> bool:
    """Tell whether a fact is of the pattern's kind and holds, for every key of `when`, one of the values listed."""
    return fact.kind == pattern.kind and all(fact.data.get(key) in values for key, values in pattern.when.items())

"""The standard as the judge sees it: clauses with how each can be decided, and profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from aboveboard.model.canonical import JSON


class Severity(StrEnum):
    """How grave a broken clause is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Access(StrEnum):
    """What one must have in hand to decide a clause."""

    OUTSIDER = "outsider"
    OPERATOR = "operator"
    EVALUATOR = "evaluator"

    @property
    def rank(self) -> int:
        """Return 0, 1 or 2: more access, higher rank."""
        return list(Access).index(self)


class How(StrEnum):
    """The ways to decide a clause."""

    FORBID = "forbid"  # a fact of the named kinds breaks it, declared or not
    RECONCILE = "reconcile"  # observed against declared
    COVERAGE = "coverage"  # the shares of the image that were seen
    CALIBRATION = "calibration"  # the planted known answers of the run
    DECLARATION = "declaration"  # the declaration itself
    VALIDITY = "validity"  # dates and digests of the run
    RECORD = "record"  # only what a named person or laboratory records
    PENDING = "pending"  # decidable from evidence that no collector of this version gives


@dataclass(frozen=True, slots=True)
class FactPattern:
    """Facts of `kind` whose data holds, for every key of `when`, one of the values listed."""

    kind: str
    when: Mapping[str, tuple[JSON, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be recorded by a person or laboratory: the kind of record, and what it is in words."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How a clause can be decided.

    `evidence` names the collectors whose evidence it rests on, `records` what must be recorded by a person or laboratory
    before it can be met, `section` the part of the declaration that permits, `match` the keys of a fact's data that must
    agree with a declared item.
    """

    how: How
    facts: tuple[FactPattern, ...] = ()
    evidence: tuple[str, ...] = ()
    records: tuple[Wanted, ...] = ()
    section: str = ""
    match: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a clause comes from: a published text by id, version and section, and how far it was confirmed."""

    standard: str
    version: str
    section: str
    confirmed: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of the standard."""

    id: str
    name: str
    requirement: str
    severity: Severity
    access: Access
    forbidden_even_if_declared: bool
    decision: Decision
    met: str
    broken: str
    not_shown: str
    sources: tuple[Source, ...]
    automation: str
    known_cases: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Which clauses are required, at which access, and over which limits (shares in parts per thousand)."""

    name: str
    access: Access
    required: tuple[str, ...]
    bytes_explained: int
    programs_identified: int
    digest: str


@dataclass(frozen=True, slots=True)
class Standard:
    """The whole standard with its version and digest."""

    version: str
    date: str
    digest: str
    clauses: tuple[Clause, ...]
    profiles: tuple[Profile, ...]

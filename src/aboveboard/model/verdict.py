"""Rulings and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Gap


class Status(StrEnum):
    """What was decided of a clause."""

    MET = "met"
    BROKEN = "broken"
    NOT_SHOWN = "not-shown"


class Reason(StrEnum):
    """Why a ruling is what it is; a stable code."""

    NO_CONTRADICTION = "no-contradiction"  # met
    FORBIDDEN = "forbidden"  # broken: forbidden even if declared
    UNDECLARED = "undeclared"  # broken: observed, not declared
    DECLARED_FALSELY = "declared-falsely"  # broken: the declaration says otherwise
    KNOWN_ANSWER_MISSED = "known-answer-missed"  # broken: a planted case was not found
    RECORDED = "recorded"  # broken: a signed record of an accepted role shows it
    NO_EVIDENCE = "no-evidence"
    COVERAGE = "coverage"
    UNCALIBRATED = "uncalibrated"
    UNRESOLVED_CANDIDATE = "unresolved-candidate"
    EXPIRED = "expired"
    NOT_DECLARED = "not-declared"
    ENCRYPTED = "encrypted"
    NEEDS_HUMAN = "needs-human"


class Result(StrEnum):
    """The product's result: the worst required clause, never an average (law 7)."""

    BROKEN = "broken"
    BROKEN_MINOR = "broken-minor"
    NOT_SHOWN = "not-shown"
    MET = "met"


@dataclass(frozen=True, slots=True)
class Ruling:
    """One clause decided, with the facts and gaps that decided it and one sentence for a person."""

    clause: str
    required: bool
    status: Status
    reason: Reason
    explanation: str
    facts: tuple[Fact, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the ruling as JSON."""
        return {
            "clause": self.clause,
            "required": self.required,
            "status": self.status.value,
            "reason": self.reason.value,
            "explanation": self.explanation,
            "facts": [fact.to_json() for fact in self.facts],
            "gaps": [gap.to_json() for gap in self.gaps],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """All clauses decided for one piece of equipment, under one profile, at one time."""

    subject: Mapping[str, JSON]
    profile: Mapping[str, JSON]
    standard: Mapping[str, JSON]
    at: str
    expires: str
    result: Result
    count: str
    coverage: Mapping[str, JSON]
    rulings: tuple[Ruling, ...]
    inputs: Mapping[str, JSON]
    wording: str
    not_seen_by_any_analysis: tuple[str, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the verdict document."""
        return {
            "subject": dict(self.subject),
            "profile": dict(self.profile),
            "standard": dict(self.standard),
            "at": self.at,
            "expires": self.expires,
            "result": self.result.value,
            "count": self.count,
            "coverage": dict(self.coverage),
            "rulings": [ruling.to_json() for ruling in self.rulings],
            "inputs": dict(self.inputs),
            "wording": self.wording,
            "not_seen_by_any_analysis": list(self.not_seen_by_any_analysis),
        }

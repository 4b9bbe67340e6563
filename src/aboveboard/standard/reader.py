"""Reads the standard from its data files and checks them against a closed schema."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from aboveboard.model.canonical import JSON, digest
from aboveboard.model.errors import AboveboardError, InputError
from aboveboard.model.standard import (
    Access,
    Clause,
    Decision,
    FactPattern,
    How,
    Profile,
    Severity,
    Source,
    Standard,
    Wanted,
)

FAMILIES = {
    "NB": "No backdoors",
    "NS": "No spying",
    "EV": "Evidence integrity",
    "SW": "Software engineering quality",
    "GV": "Governance",
    "PL": "Placement",
}
Scalar = str | int | bool


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A closed schema: an unknown field is an error."""


class _Pattern(_Struct, frozen=True):
    kind: str
    when: dict[str, list[Scalar]]


class _Wanted(_Struct, frozen=True):
    kind: str
    text: str


class _Decision(_Struct, frozen=True):
    how: How
    facts: list[_Pattern]
    evidence: list[str]
    records: list[_Wanted]
    section: str
    match: list[str]


class _Source(_Struct, frozen=True):
    standard: str
    version: str
    section: str
    confirmed: str


class _Clause(_Struct, frozen=True):
    id: str
    family: Literal["NB", "NS", "EV", "SW", "GV", "PL"]
    name: str
    requirement: str
    severity: Severity
    access: Access
    automation: Literal["full", "partly", "no"]
    forbidden_even_if_declared: bool
    decided_from: list[str]
    decision: _Decision
    met: str
    broken: str
    not_shown: str
    sources: list[_Source]
    known_cases: str


class _Clauses(_Struct, frozen=True):
    version: str
    date: str
    clauses: list[_Clause]


class _Limits(_Struct, frozen=True):
    bytes_explained: int
    programs_identified: int


class _Profile(_Struct, frozen=True):
    name: str
    version: int
    access: Access
    required: list[str]
    limits: _Limits


class _Profiles(_Struct, frozen=True):
    profiles: list[_Profile]


@cache
def load() -> Standard:
    """Return the standard; raises AboveboardError where its data files are damaged."""
    folder = resources.files("aboveboard.standard").joinpath("data")
    return read(folder.joinpath("clauses.json").read_bytes(), folder.joinpath("profiles.json").read_bytes())


def read(clauses: bytes, profiles: bytes) -> Standard:
    """Read and check the two data files of the standard."""
    try:
        raw = msgspec.json.decode(clauses, type=_Clauses)
        raw_profiles = msgspec.json.decode(profiles, type=_Profiles)
    except msgspec.DecodeError as error:
        raise AboveboardError(f"the data of the standard is damaged: {error}", hint="install Aboveboard again") from error
    ids = [clause.id for clause in raw.clauses]
    _check(raw, ids)
    for profile in raw_profiles.profiles:
        if not set(profile.required) <= set(ids):
            raise AboveboardError(f"profile {profile.name} names an unknown clause", hint="install Aboveboard again")
    return Standard(
        version=raw.version,
        date=raw.date,
        digest=digest(clauses + profiles),
        clauses=tuple(_clause(clause) for clause in raw.clauses),
        profiles=tuple(_profile(profile) for profile in raw_profiles.profiles),
    )


def find_profile(standard: Standard, name: str) -> Profile:
    """Return the profile of this name."""
    for profile in standard.profiles:
        if profile.name == name:
            return profile
    known = ", ".join(profile.name for profile in standard.profiles)
    raise InputError(f"there is no profile {name}", hint=f"one of: {known}")


def find_clause(standard: Standard, clause_id: str) -> Clause:
    """Return the clause of this id."""
    for clause in standard.clauses:
        if clause.id == clause_id.upper():
            return clause
    raise InputError(f"there is no clause {clause_id}", hint="`aboveboard standard` lists the 60 clauses")


def _check(raw: _Clauses, ids: list[str]) -> None:
    if len(ids) != len(set(ids)):
        raise AboveboardError("two clauses have the same id", hint="install Aboveboard again")
    for clause in raw.clauses:
        decision = clause.decision
        wrong = (
            not clause.id.startswith(clause.family + "-")
            or (decision.how is How.RECONCILE and not (decision.section and decision.match and decision.facts))
            or (decision.how is How.FORBID and not decision.facts)
            or (decision.how is How.RECORD and not decision.records)
        )
        if wrong:
            raise AboveboardError(f"clause {clause.id} does not say how it is decided", hint="install Aboveboard again")


def _clause(raw: _Clause) -> Clause:
    return Clause(
        id=raw.id,
        name=raw.name,
        requirement=raw.requirement,
        severity=raw.severity,
        access=raw.access,
        forbidden_even_if_declared=raw.forbidden_even_if_declared,
        decision=_decision(raw.decision),
        met=raw.met,
        broken=raw.broken,
        not_shown=raw.not_shown,
        sources=tuple(Source(s.standard, s.version, s.section, s.confirmed) for s in raw.sources),
        automation=raw.automation,
        known_cases=raw.known_cases,
    )


def _decision(raw: _Decision) -> Decision:
    return Decision(
        how=raw.how,
        facts=tuple(FactPattern(p.kind, {key: tuple(values) for key, values in p.when.items()}) for p in raw.facts),
        evidence=tuple(raw.evidence),
        records=tuple(Wanted(one.kind, one.text) for one in raw.records),
        section=raw.section,
        match=tuple(raw.match),
    )


def _profile(raw: _Profile) -> Profile:
    canonical: dict[str, JSON] = msgspec.to_builtins(raw)
    return Profile(
        name=raw.name,
        access=raw.access,
        required=tuple(raw.required),
        bytes_explained=raw.limits.bytes_explained,
        programs_identified=raw.limits.programs_identified,
        digest=digest(msgspec.json.encode(canonical, order="sorted")),
    )

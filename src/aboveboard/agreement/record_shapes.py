"""What each kind of record says, as msgspec structures, and what follows from it.

The outcome is worked out here from the single things that were seen, so that nobody can write "passed" over a failed trial.
Each shape has `outcome`: whether it supports the clause, contradicts it or shows too little, and one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aboveboard.agreement.schema import Digest, Port, Text
from aboveboard.model.facts import Fact, Standing, Where
from aboveboard.model.record import Outcome

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_ALL_PORTS = 65_535
Concluded = tuple[Outcome, str]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The result of one kind of record. `wanted` are the names of what must be in it."""

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """Return what follows, with one sentence."""
        raise NotImplementedError

    def facts(self) -> list[Fact]:
        """Return what is compared with the declaration."""
        return []


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that was tried: how, what was seen, and whether that is what the clause asks for."""

    case: Name
    tried: Text
    seen: Text
    as_required: bool


class Trials(Shape, frozen=True, kw_only=True):
    """Things that were tried on a device."""

    trials: Annotated[list[Trial], Meta(min_length=1, max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """One that fails contradicts; all that are wanted must have been tried."""
        failed = [trial for trial in self.trials if not trial.as_required]
        if failed:
            return Outcome.CONTRADICTS, f"{failed[0].case}: {failed[0].tried}; seen: {failed[0].seen}"
        left = sorted(set(wanted) - {trial.case for trial in self.trials})
        if left:
            return Outcome.INCOMPLETE, f"not tried: {', '.join(left)}"
        return Outcome.SUPPORTS, f"{len(self.trials)} trials, all as required"


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ports of one protocol that were tried (`1-65535`, or ranges with commas), and those that answered."""

    tried: Text
    answered: Annotated[list[Port], Meta(max_length=65_535)]


class Interface(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One interface, by the name that the declaration gives it."""

    name: Text
    tcp: Ports | None = None
    udp: Ports | None = None
    sctp: Ports | None = None


class PortScan(Shape, frozen=True, kw_only=True):
    """A scan of every interface (3GPP TS 33.117 4.4.2: tool, version and settings are part of it)."""

    tool: Text
    tool_version: Text
    settings: Text
    interfaces: Annotated[list[Interface], Meta(min_length=1, max_length=100)]
    all_interfaces: bool

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """Whether the ports that answered are declared is the judge's to say; here, whether the scan was whole."""
        for interface in self.interfaces:
            for proto in ("tcp", "udp", "sctp"):
                ports: Ports | None = getattr(interface, proto)
                if ports is None or not _whole(ports.tried):
                    return Outcome.INCOMPLETE, f"not all {proto} ports of {interface.name} were tried"
        if not self.all_interfaces:
            return Outcome.INCOMPLETE, "not every interface was scanned"
        return (
            Outcome.SUPPORTS,
            f"all ports of {len(self.interfaces)} interfaces tried with {self.tool} {self.tool_version}",
        )

    def facts(self) -> list[Fact]:
        """Return a listener for each port that answered."""
        return [
            Fact("listener", Where(), {"proto": proto, "port": port, "interface": interface.name}, Standing.CONFIRMED)
            for interface in self.interfaces
            for proto in ("tcp", "udp", "sctp")
            for port in (getattr(interface, proto).answered if getattr(interface, proto) is not None else ())
        ]


def _whole(text: str) -> bool:
    """Tell whether the ranges hold every port from 1 on."""
    covered = 0
    spans = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return False
        spans.append((int(match[1]), int(match[2] or match[1])))
    for first, last in sorted(spans):
        if first > covered + 1:
            return False
        covered = max(covered, last)
    return covered >= _ALL_PORTS


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document that was read, by its digest, and where in it the thing stands."""

    title: Text
    sha256: Digest
    place: Text
    date: Day | None = None


class Document(Shape, frozen=True, kw_only=True):
    """A document read by a named person."""

    documents: Annotated[list[Source], Meta(min_length=1, max_length=1000)]
    finding: Literal["confirmed", "contradicted", "not-found"]
    statement: Text

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """What the reader found."""
        found = {"confirmed": Outcome.SUPPORTS, "contradicted": Outcome.CONTRADICTS, "not-found": Outcome.INCOMPLETE}
        return found[self.finding], self.statement


class Capture(Shape, frozen=True, kw_only=True):
    """A capture of traffic, by phases of the equipment's life."""

    files: Annotated[list[Digest], Meta(min_length=1, max_length=10_000)]
    phases: Annotated[list[Literal["boot", "setup", "idle", "update", "fault", "load", "clock-shift"]], Meta(min_length=1)]
    hours: Count
    finding: Literal["confirmed", "contradicted", "not-found"]
    statement: Text

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """The phases that are wanted must be in it, and 72 hours where idleness is (limits of the standard)."""
        if self.finding == "contradicted":
            return Outcome.CONTRADICTS, self.statement
        left = sorted(set(wanted) - set(self.phases))
        if left:
            return Outcome.INCOMPLETE, f"phases not captured: {', '.join(left)}"
        if "idle" in wanted and self.hours < 72:
            return Outcome.INCOMPLETE, f"{self.hours} hours captured, 72 are wanted"
        return (Outcome.SUPPORTS if self.finding == "confirmed" else Outcome.INCOMPLETE), self.statement


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One device: its serial number, and each secret by name with its digest."""

    serial: Text
    secrets: Annotated[dict[str, Digest], Meta(min_length=1, max_length=1000)]


class Units(Shape, frozen=True, kw_only=True):
    """The secrets of two or more devices."""

    units: Annotated[list[Unit], Meta(min_length=2, max_length=1000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """A secret that two devices share contradicts, under whatever names; both must name the same secrets."""
        if len({unit.serial for unit in self.units}) != len(self.units):
            return Outcome.INCOMPLETE, "one serial number stands twice: two devices are wanted"
        held: dict[str, str] = {}
        for unit in self.units:
            for name, digest in unit.secrets.items():
                if held.setdefault(digest, unit.serial) != unit.serial:
                    return Outcome.CONTRADICTS, f"{name} is the same on {held[digest]} and {unit.serial}"
        if len({frozenset(unit.secrets) for unit in self.units}) != 1:
            return Outcome.INCOMPLETE, "not the same secrets were compared on all devices"
        return Outcome.SUPPORTS, f"{len(self.units[0].secrets)} secrets differ on {len(self.units)} devices"


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is behind an address, each with where that was read."""

    host: Text
    operator: Text
    country: Country
    controller: Text
    source: Text
    allowed: bool


class Endpoints(Shape, frozen=True, kw_only=True):
    """The endpoints of the declared destinations."""

    endpoints: Annotated[list[Endpoint], Meta(max_length=10_000)]
    complete: bool

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """One that the agreement does not allow contradicts."""
        bad = [one for one in self.endpoints if not one.allowed]
        if bad:
            return (
                Outcome.CONTRADICTS,
                f"{bad[0].host} is run by {bad[0].operator} in {bad[0].country}, which is not allowed",
            )
        if not self.complete:
            return Outcome.INCOMPLETE, "not every declared destination was looked up"
        return Outcome.SUPPORTS, f"{len(self.endpoints)} endpoints looked up, all allowed"


class Law(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A law of a country that can compel the supplier, and the legal opinion on it."""

    country: Country
    statute: Text
    compels: Text
    secrecy: Text
    conduct: Text
    opinion_date: Day
    opinion_sha256: Digest
    denied_against_its_text: bool = False


class CompulsionMap(Shape, frozen=True, kw_only=True):
    """Which laws can compel, country by country."""

    countries: Annotated[list[Country], Meta(min_length=1, max_length=250)]
    laws: Annotated[list[Law], Meta(max_length=1000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """Every country needs an entry; a law that is denied against its own text contradicts."""
        denied = [law for law in self.laws if law.denied_against_its_text]
        if denied:
            return Outcome.CONTRADICTS, f"{denied[0].country}: {denied[0].statute} is denied against its text"
        left = sorted(set(self.countries) - {law.country for law in self.laws})
        if left:
            return Outcome.INCOMPLETE, f"no law and opinion for: {', '.join(left)}"
        return Outcome.SUPPORTS, f"{len(self.laws)} laws of {len(set(self.countries))} countries, each with an opinion"


class Disclosure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a vulnerability reached an authority and when all customers."""

    vulnerability: Text
    customers_on: Day
    authority_on: Day | None = None
    earlier_duty_declared: bool = False


class DisclosureDates(Shape, frozen=True, kw_only=True):
    """The dates of disclosure."""

    disclosures: Annotated[list[Disclosure], Meta(min_length=1, max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """An authority that was served earlier, without a declared duty, contradicts."""
        for one in self.disclosures:
            if one.authority_on is not None and one.authority_on < one.customers_on and not one.earlier_duty_declared:
                text = f"{one.vulnerability}: an authority had it on {one.authority_on}, customers on {one.customers_on}"
                return Outcome.CONTRADICTS, text
        return Outcome.SUPPORTS, f"{len(self.disclosures)} disclosures at the same time for all"


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Access that an evaluator asked for."""

    asked_on: Day
    wanted: Text
    given_on: Day | None = None
    refused: bool = False


class AccessLog(Shape, frozen=True, kw_only=True):
    """The log of access asked for and given."""

    requests: Annotated[list[Request], Meta(min_length=1, max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """A refusal contradicts; what is still open shows too little."""
        refused = [one for one in self.requests if one.refused]
        if refused:
            return Outcome.CONTRADICTS, f"refused on request of {refused[0].asked_on}: {refused[0].wanted}"
        waiting = [one for one in self.requests if one.given_on is None]
        if waiting:
            return Outcome.INCOMPLETE, f"not yet given: {waiting[0].wanted}, asked for on {waiting[0].asked_on}"
        return Outcome.SUPPORTS, f"{len(self.requests)} requests, all given"


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A difference between two releases, its notice and its delivery."""

    difference: Text
    delivered_on: Day
    notice_on: Day | None = None


class ChangeNotices(Shape, frozen=True, kw_only=True):
    """Notices of change between releases."""

    changes: Annotated[list[Change], Meta(min_length=1, max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """Delivered without a notice before it contradicts."""
        for one in self.changes:
            if one.notice_on is None or one.notice_on > one.delivered_on:
                return Outcome.CONTRADICTS, f"delivered on {one.delivered_on} without notice before: {one.difference}"
        return Outcome.SUPPORTS, f"{len(self.changes)} changes, each with a notice before delivery"


class ReadBack(Shape, frozen=True, kw_only=True):
    """What was read back from, or measured on, an installed device."""

    serial: Text
    method: Text
    measured: Digest
    expected: Digest

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """It is the evaluated image or it is not."""
        if self.measured != self.expected:
            return Outcome.CONTRADICTS, f"the device {self.serial} holds {self.measured}, evaluated was {self.expected}"
        return Outcome.SUPPORTS, f"the device {self.serial} holds what was evaluated"


class Campaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One protocol that was fuzzed."""

    protocol: Text
    cpu_hours: Count
    crashes: Count
    open_crashes: Count


class Fuzzing(Shape, frozen=True, kw_only=True):
    """Fuzzing of the exposed protocols (3GPP TS 33.117 4.4.4)."""

    campaigns: Annotated[list[Campaign], Meta(min_length=1, max_length=1000)]
    all_exposed: bool

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """An open crash contradicts."""
        crashing = [one for one in self.campaigns if one.open_crashes]
        if crashing:
            return Outcome.CONTRADICTS, f"{crashing[0].open_crashes} open crashes in {crashing[0].protocol}"
        if not self.all_exposed or any(one.cpu_hours == 0 for one in self.campaigns):
            return Outcome.INCOMPLETE, "not every exposed protocol was fuzzed with a stated effort"
        return Outcome.SUPPORTS, f"{len(self.campaigns)} protocols fuzzed, no crash open"


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place in source code and what is wrong there."""

    file: Text
    line: Count
    what: Text


class CodeReview(Shape, frozen=True, kw_only=True):
    """Source code that a person read."""

    source_sha256: Digest
    scope: Annotated[list[Text], Meta(min_length=1, max_length=1000)]
    all_in_scope_read: bool
    findings: Annotated[list[Place], Meta(max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """A finding contradicts."""
        if self.findings:
            first = self.findings[0]
            return Outcome.CONTRADICTS, f"{first.file}:{first.line}: {first.what}"
        if not self.all_in_scope_read:
            return Outcome.INCOMPLETE, "not all of the scope was read"
        return Outcome.SUPPORTS, f"read without a finding: {', '.join(self.scope)}"[:2000]


class Finding(Shape, frozen=True, kw_only=True):
    """Something found by hand that breaks a clause, so described that another can see it too."""

    what: Text
    steps: Annotated[list[Text], Meta(min_length=1, max_length=100)]
    seen: Text

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """It contradicts, whatever the clause."""
        return Outcome.CONTRADICTS, f"{self.what}; seen: {self.seen}"

"""What a record says of things that were tried, measured or captured, as msgspec structures, and what follows from it.

The outcome is worked out here from the single things that were seen, so that nobody can write "passed" over a failed trial.
Each shape has `outcome`: whether it supports the clause, contradicts it or shows too little, and one sentence. What was
read rather than tried is in `record_papers`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

from aboveboard.agreement.schema import Digest, Port, Text
from aboveboard.model.facts import Fact, Standing, Where
from aboveboard.model.record import Outcome

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_ALL_PORTS = 65_535
Concluded = tuple[Outcome, str]


class Shape(Protocol):
    """The result of one kind of record."""

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """Return what follows, with one sentence; `wanted` are the names of what must be in it."""
        ...


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A closed form: an unknown field is an error."""


class Trial(Form, frozen=True, kw_only=True):
    """One thing that was tried: how, what was seen, and whether that is what the clause asks for."""

    case: Name
    tried: Text
    seen: Text
    as_required: bool


class Trials(Form, frozen=True, kw_only=True):
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


class Ports(Form, frozen=True, kw_only=True):
    """The ports of one protocol that were tried (`1-65535`, or ranges with commas), and those that answered."""

    tried: Text
    answered: Annotated[list[Port], Meta(max_length=65_535)]


class Interface(Form, frozen=True, kw_only=True):
    """One interface, by the name that the declaration gives it."""

    name: Text
    tcp: Ports | None = None
    udp: Ports | None = None
    sctp: Ports | None = None


class PortScan(Form, frozen=True, kw_only=True):
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


class Capture(Form, frozen=True, kw_only=True):
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


class Unit(Form, frozen=True, kw_only=True):
    """One device: its serial number, and each secret by name with its digest."""

    serial: Text
    secrets: Annotated[dict[str, Digest], Meta(min_length=1, max_length=1000)]


class Units(Form, frozen=True, kw_only=True):
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


class ReadBack(Form, frozen=True, kw_only=True):
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


class Campaign(Form, frozen=True, kw_only=True):
    """One protocol that was fuzzed."""

    protocol: Text
    cpu_hours: Count
    crashes: Count
    open_crashes: Count


class Fuzzing(Form, frozen=True, kw_only=True):
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


class Finding(Form, frozen=True, kw_only=True):
    """Something found by hand that breaks a clause, so described that another can see it too."""

    what: Text
    steps: Annotated[list[Text], Meta(min_length=1, max_length=100)]
    seen: Text

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """It contradicts, whatever the clause."""
        return Outcome.CONTRADICTS, f"{self.what}; seen: {self.seen}"

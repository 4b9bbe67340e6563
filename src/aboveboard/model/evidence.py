"""Evidence: what one collector says of one subject, sealed together with what it was made with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from aboveboard.model.canonical import JSON, canonical, digest, digest_of
from aboveboard.model.facts import Fact, Gap

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How many planted known facts the collector had to find on this machine, and how many it found."""

    planted: int
    found: int

    @property
    def passed(self) -> bool:
        """Tell whether there were known answers and all were found."""
        return self.planted > 0 and self.found == self.planted


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts and gaps of one collector on one subject. `seal` is the digest of everything else in it."""

    collector: str
    version: int
    subject: str
    facts: tuple[Fact, ...]
    gaps: tuple[Gap, ...]
    calibration: Calibration | None = None
    made_with: Mapping[str, JSON] = field(default_factory=dict)
    seal: str = ""

    def body(self) -> dict[str, JSON]:
        """Return what the seal covers."""
        calibration: JSON = None
        if self.calibration is not None:
            calibration = {"planted": self.calibration.planted, "found": self.calibration.found}
        return {
            "collector": self.collector,
            "version": self.version,
            "subject": self.subject,
            "facts": [fact.to_json() for fact in self.facts],
            "gaps": [gap.to_json() for gap in self.gaps],
            "calibration": calibration,
            "made_with": dict(self.made_with),
        }

    def intact(self) -> bool:
        """Tell whether the seal holds."""
        return self.seal == digest_of(self.body())

    def to_json(self) -> dict[str, JSON]:
        """Return the evidence as JSON."""
        return {**self.body(), "seal": self.seal}

    @classmethod
    def sealed(
        cls,
        collector: str,
        version: int,
        subject: str,
        facts: Iterable[Fact],
        gaps: Iterable[Gap],
        calibration: Calibration | None = None,
        made_with: Mapping[str, JSON] | None = None,
    ) -> Self:
        """Make evidence with its seal; facts and gaps are put in order so that equal findings give equal bytes."""
        body = cls(
            collector,
            version,
            subject,
            tuple(sorted(set_of(facts), key=lambda fact: digest_key(fact.to_json()))),
            tuple(sorted(set_of(gaps), key=lambda gap: digest_key(gap.to_json()))),
            calibration,
            dict(made_with or {}),
        ).body()
        # read back, so that what was just made and what comes from a cache are the same down to the order of their keys
        data = canonical(body)
        return cls.from_json({**json.loads(data), "seal": digest(data)})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError, KeyError or ValueError on anything else. Check `intact` next."""
        calibration = value["calibration"]
        return cls(
            collector=str(value["collector"]),
            version=int(value["version"]),
            subject=str(value["subject"]),
            facts=tuple(Fact.from_json(fact) for fact in value["facts"]),
            gaps=tuple(Gap.from_json(gap) for gap in value["gaps"]),
            calibration=None
            if calibration is None
            else Calibration(int(calibration["planted"]), int(calibration["found"])),
            made_with=dict(value["made_with"]),
            seal=str(value["seal"]),
        )


def set_of(items: Iterable[_T]) -> list[_T]:
    """Return the items without repetitions; they hold mappings and so cannot go into a set."""
    seen: dict[str, _T] = {}
    for item in items:
        seen.setdefault(repr(item), item)
    return list(seen.values())


def digest_key(value: dict[str, JSON]) -> tuple[str, str, int, str]:
    """Return a sort key: by place first, for people read it so, then by content."""
    where = value["where"]
    place = where if isinstance(where, dict) else {}
    line = place.get("line")
    return (
        str(place.get("container", "")),
        str(place.get("path", "")),
        line if isinstance(line, int) else 0,
        digest_of(value),
    )

"""The manifest of a run: every subject and collector that is owed, and everything that was handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aboveboard.model.canonical import JSON


@dataclass(frozen=True, slots=True, order=True)
class Owed:
    """One piece of evidence that the run owes: a collector on a subject, and the collectors whose facts it needs."""

    collector: str
    version: int
    subject: str
    needs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {
            "collector": self.collector,
            "version": self.version,
            "subject": self.subject,
            "needs": list(self.needs),
        }


@dataclass(frozen=True, slots=True, order=True)
class HandedIn:
    """A record that the run was given: the clause that it is on, and the digest of its signed payload."""

    clause: str
    digest: str

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {"clause": self.clause, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was given and what it owes. `confined` is False when a parser ran outside the jail on request.

    `by` is the role of whoever answers for the evidence, empty until the run is sealed.
    """

    name: str
    digest: str
    size: int
    owed: tuple[Owed, ...]
    confined: bool = True
    records: tuple[HandedIn, ...] = ()
    by: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON, the owed in order."""
        return {
            "name": self.name,
            "digest": self.digest,
            "size": self.size,
            "confined": self.confined,
            "by": self.by,
            "owed": [owed.to_json() for owed in sorted(self.owed)],
            "records": [record.to_json() for record in sorted(self.records)],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError, KeyError or ValueError on anything else."""
        if set(value) != {"name", "digest", "size", "confined", "by", "owed", "records"}:
            raise ValueError("not a manifest")
        owed = tuple(
            Owed(str(one["collector"]), int(one["version"]), str(one["subject"]), tuple(map(str, one["needs"])))
            for one in value["owed"]
        )
        return cls(
            name=str(value["name"]),
            digest=str(value["digest"]),
            size=int(value["size"]),
            owed=owed,
            confined=value["confined"] is True,
            records=tuple(HandedIn(str(one["clause"]), str(one["digest"])) for one in value["records"]),
            by=str(value["by"]),
        )

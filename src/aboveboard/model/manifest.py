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
    """A record that the run was given: the clause that it is on, and the digest of its signed payload.

    `proven` is False where its key had expired and nothing showed that it was signed before.
    """

    clause: str
    digest: str
    proven: bool = True

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {"clause": self.clause, "digest": self.digest, "proven": self.proven}


@dataclass(frozen=True, slots=True, order=True)
class SetAside:
    """A record that the run was given and that does not hold: nobody hears it, and it is named here.

    Clause and kind are what it says of itself, empty where it says none that there is; `digest` is that of its envelope,
    and `code` the stable reason.
    """

    clause: str
    kind: str
    digest: str
    code: str

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {"clause": self.clause, "kind": self.kind, "digest": self.digest, "code": self.code}

    def line(self) -> str:
        """Return it as one line."""
        what = f"record {self.kind} on {self.clause}" if self.clause and self.kind else "record"
        return f"the {what}, {self.digest}, is set aside: {self.code}"


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
    set_aside: tuple[SetAside, ...] = ()

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
            "set_aside": [one.to_json() for one in sorted(self.set_aside)],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError, KeyError or ValueError on anything else."""
        if set(value) != {"name", "digest", "size", "confined", "by", "owed", "records", "set_aside"}:
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
            records=tuple(
                HandedIn(str(one["clause"]), str(one["digest"]), one["proven"] is True) for one in value["records"]
            ),
            by=str(value["by"]),
            set_aside=tuple(
                SetAside(str(one["clause"]), str(one["kind"]), str(one["digest"]), str(one["code"]))
                for one in value["set_aside"]
            ),
        )

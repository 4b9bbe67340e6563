"""The manifest of a run: every subject and collector that is owed, and everything that was handed in."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was given and what it owes. `confined` is False when a parser ran outside the jail on request."""

    name: str
    digest: str
    size: int
    owed: tuple[Owed, ...]
    confined: bool = True

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON, the owed in order."""
        return {
            "name": self.name,
            "digest": self.digest,
            "size": self.size,
            "confined": self.confined,
            "owed": [owed.to_json() for owed in sorted(self.owed)],
        }

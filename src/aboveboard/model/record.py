"""Records as the judge sees them: what a named person or laboratory found; signature and form were checked elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Standing, Where

FACT = "record"  # the kind of the fact that stands for a record in a ruling
# The role of what the product works out itself from signed things: an undertaking, a canary, a proof. Nobody has to be
# accepted for it, and nobody can sign in it.
DERIVED = "derived"
UNPROVEN = "; its key has expired, and no log shows that it was signed before"
# Whose records count where no agreement says so: not the supplier's, who would rule on itself.
INDEPENDENT = ("laboratory", "operator", "auditor", "customer")


class Outcome(StrEnum):
    """What a record shows. It follows from the result that is recorded, not from what its author says of it."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    INCOMPLETE = "incomplete"  # it shows something, and less than the clause wants of such a record


@dataclass(frozen=True, slots=True)
class Record:
    """One record on one clause. Times are RFC 3339 text in UTC.

    `images` are the digests that it speaks of; where there are none it speaks of the supplier as a whole. `facts` are what
    it saw in a form that is compared with the declaration, such as the ports that answered.
    """

    clause: str
    kind: str
    digest: str  # of the signed payload
    role: str
    signers: tuple[str, ...]
    images: tuple[str, ...]
    supplier: str
    who: str
    found: str
    until: str
    outcome: Outcome
    explanation: str
    facts: tuple[Fact, ...] = ()
    proven: bool = True  # False: its key has expired, and nothing shows that it was signed before that

    def speaks_of(self, image: str, supplier: str | None) -> bool:
        """Tell whether it speaks of this image, or as a whole of its supplier."""
        return image in self.images if self.images else self.supplier == supplier

    @property
    def doubt(self) -> str:
        """Return why nothing shows when it was signed; empty where something does."""
        return "" if self.proven else UNPROVEN

    def as_fact(self) -> Fact:
        """Return the record as a fact of a ruling."""
        data: Mapping[str, JSON] = {
            "what": self.explanation,
            "record": self.kind,
            "who": self.who,
            "role": self.role,
            "found": self.found[:10],
            "digest": self.digest,
        }
        return Fact(FACT, Where(), data, Standing.CONFIRMED)

    def line(self) -> str:
        """Return the record as one line."""
        return (
            f"{self.kind} of {self.found[:10]} by {self.who} ({self.role}), {self.digest}: {self.explanation}{self.doubt}"
        )

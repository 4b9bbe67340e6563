"""The agreement as the judge sees it: what supplier and customer signed, after every signature was checked elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANY_CLAUSE = "*"  # in `accepts`: every clause that is not named


@dataclass(frozen=True, slots=True)
class Product:
    """A product in one version, by the digests of its images (`sha256:` and 64 hexadecimal digits)."""

    name: str
    version: str
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holders:
    """So many of these keys speak for a role; a key is named by the SHA-256 of its 32 bytes, in hexadecimal."""

    threshold: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Limits and tolerances: shares in parts per thousand, ages in days."""

    bytes_explained: int
    programs_identified: int
    evidence_days: int  # how old a record may be
    verdict_days: int  # how long a verdict may be relied on
    canary_days: int  # the longest period between two statements
    canary_grace_days: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement or amendment. Times are RFC 3339 text in UTC, so that they compare as text."""

    digest: str  # of the exact bytes of its JSON
    sequence: int  # 1 for the agreement, more for its amendments
    amends: str | None  # digest of the one before
    standard: str  # version of the standard
    profile: str
    supplier: str
    customer: str
    products: tuple[Product, ...]
    required: tuple[str, ...]  # clauses, in the order of the standard
    waived: Mapping[str, str]  # clause of the profile that is not asked -> why
    terms: Terms
    roles: Mapping[str, Holders]
    accepts: Mapping[str, tuple[str, ...]]  # clause or ANY_CLAUSE -> roles whose evidence counts
    since: str
    until: str
    remedies: tuple[str, ...]
    logs: Mapping[str, str]  # "verdicts", "releases", "canary" -> verifier key of the log that has to hold them

    def accepted(self, clause: str) -> tuple[str, ...]:
        """Return the roles whose evidence counts for a clause."""
        return self.accepts.get(clause, self.accepts.get(ANY_CLAUSE, ()))

    def product_of(self, image: str) -> Product | None:
        """Return the product that an image belongs to, None where the agreement does not speak of it."""
        return next((product for product in self.products if image in product.images), None)

    def in_force(self, at: str) -> bool:
        """Tell whether the time lies within the term."""
        return self.since <= at < self.until

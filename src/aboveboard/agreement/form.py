"""The closed form of an agreement's JSON, as msgspec structures. What the fields mean together is in `rules`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

ROLES = ("supplier", "customer", "laboratory", "operator", "auditor")

Line = Annotated[str, Meta(min_length=1, max_length=500)]
Lines = Annotated[str, Meta(max_length=200_000)]
Digest = Annotated[
    str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z", description="a SHA-256 digest: sha256: and 64 hexadecimal digits")
]
KeyId = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="a key id: the SHA-256 of the key, 64 hexadecimal digits")
]
Time = Annotated[
    str,
    Meta(
        pattern=r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z",
        description="a time in UTC such as 2026-12-01T00:00:00Z",
    ),
]
VerifierKey = Annotated[
    str,
    Meta(
        pattern=r"^[!-*,-_a-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{1,200}\Z",
        description="a verifier key NAME+NUMBER+KEY (C2SP signed-note)",
    ),
]
Share = Annotated[int, Meta(ge=0, le=1000, description="a share in parts per thousand, 0 to 1000")]
Days = Annotated[int, Meta(ge=1, le=365)]
Number = Annotated[int, Meta(ge=1, le=10_000)]
RoleName = Literal["supplier", "customer", "laboratory", "operator", "auditor"]
Roles = Annotated[list[RoleName], Meta(min_length=1, max_length=5)]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A closed form: an unknown field is an error, so that no slip of the pen is signed."""


class StandardForm(_Form, frozen=True, kw_only=True):
    """The standard that the clauses are of."""

    version: Line
    digest: Digest


class ProfileForm(_Form, frozen=True, kw_only=True):
    """The profile that the clauses start from."""

    name: Line
    digest: Digest


class PartyForm(_Form, frozen=True, kw_only=True):
    """A party, as its register knows it."""

    name: Line
    address: Line | UnsetType = UNSET
    registration: Line | UnsetType = UNSET  # register and number
    contact: Line | UnsetType = UNSET


class ProductForm(_Form, frozen=True, kw_only=True):
    """A product in one version, and its images."""

    name: Line
    version: Line
    images: Annotated[list[Digest], Meta(min_length=1, max_length=1000)]


class WaiverForm(_Form, frozen=True, kw_only=True):
    """A clause of the profile that is not asked, and why. It is public (GV-11)."""

    clause: Line
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class ClausesForm(_Form, frozen=True, kw_only=True):
    """The clauses that are required, and those of the profile that are not."""

    required: Annotated[list[Line], Meta(min_length=1, max_length=1000)]
    waived: Annotated[list[WaiverForm], Meta(max_length=1000)]


class LimitsForm(_Form, frozen=True, kw_only=True):
    """How much of an image must be explained, never less than the profile asks."""

    bytes_explained: Share
    programs_identified: Share


class TolerancesForm(_Form, frozen=True, kw_only=True):
    """Ages in days."""

    evidence_days: Days
    verdict_days: Days
    canary_days: Days
    canary_grace_days: Annotated[int, Meta(ge=0, le=92)]


class HoldersForm(_Form, frozen=True, kw_only=True):
    """So many of these keys speak for a role."""

    threshold: Annotated[int, Meta(ge=1, le=16)]
    keys: Annotated[list[KeyId], Meta(min_length=1, max_length=16)]


class RolesForm(_Form, frozen=True, kw_only=True):
    """Who speaks as what."""

    supplier: HoldersForm
    customer: HoldersForm
    laboratory: HoldersForm | UnsetType = UNSET
    operator: HoldersForm | UnsetType = UNSET
    auditor: HoldersForm | UnsetType = UNSET


class EvidenceForm(_Form, frozen=True, kw_only=True):
    """Whose evidence counts: for a clause that is named, and for every other."""

    default: Roles
    clauses: dict[str, Roles]


class TermForm(_Form, frozen=True, kw_only=True):
    """From when, and until when; the end is not included."""

    since: Time = msgspec.field(name="from")
    until: Time


class LogsForm(_Form, frozen=True, kw_only=True):
    """The verifier keys of the logs that have to hold things."""

    verdicts: VerifierKey | UnsetType = UNSET
    releases: VerifierKey | UnsetType = UNSET
    canary: VerifierKey | UnsetType = UNSET


class AgreementForm(_Form, frozen=True, kw_only=True):
    """The whole agreement. Every field is there: what is signed leaves nothing to a default."""

    aboveboard: Literal["agreement/1"]
    sequence: Number
    amends: Digest | None
    standard: StandardForm
    profile: ProfileForm
    supplier: PartyForm
    customer: PartyForm
    products: Annotated[list[ProductForm], Meta(min_length=1, max_length=1000)]
    clauses: ClausesForm
    limits: LimitsForm
    tolerances: TolerancesForm
    roles: RolesForm
    evidence: EvidenceForm
    term: TermForm
    remedies: Annotated[list[Annotated[str, Meta(min_length=1, max_length=2000)]], Meta(max_length=100)]
    logs: LogsForm
    text: Lines

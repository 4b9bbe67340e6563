"""The papers of a case: everything signed that a verdict rests on beside the evidence, opened and put before the judge.

`inspect`, `seal` and `verify` open the same papers in the same way, so that whoever checks a verdict later asks of each
signature what was asked when it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aboveboard.agreement.declaration import from_value
from aboveboard.model.agreement import Agreement
from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.declaration import Declaration
from aboveboard.model.errors import InputError
from aboveboard.model.manifest import HandedIn, SetAside
from aboveboard.model.record import DERIVED, Outcome, Record
from aboveboard.model.standard import Profile, Standard
from aboveboard.pipelines import agreements, canaries, declarations, releases
from aboveboard.pipelines.hearing import Heard, heard
from aboveboard.pipelines.log import LogView
from aboveboard.standard import reader
from aboveboard.trust import dsse
from aboveboard.trust.canary import Expected
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time

USUAL_PROFILE = "outsider"
GIVE_LOG = "give the log that held it before (--log, --policy), or have it signed again"
_KIND = {"canary": "canary", "releases": "release"}  # the use of a log -> the kind of its entries


@dataclass(frozen=True)
class Papers:
    """What was handed in, unopened: envelopes as they came, and what was read of the logs."""

    profile: str | None = None
    agreement: tuple[bytes, ...] = ()  # the agreement and its amendments, one envelope each
    declaration: bytes | None = None  # in an envelope
    unsigned: Mapping[str, JSON] | None = None  # a declaration that nobody signed
    records: tuple[bytes, ...] = ()
    canary: tuple[bytes, ...] = ()
    logs: tuple[LogView, ...] = ()

    @property
    def signed(self) -> bool:
        """Tell whether anything has to be held against a ring of keys."""
        return bool(self.agreement or self.declaration is not None or self.records or self.canary)


@dataclass(frozen=True)
class Opened:
    """The papers as the judge takes them."""

    profile: Profile
    agreement: Agreement | None
    declaration: Declaration | None
    records: tuple[Record, ...]
    chain: tuple[Agreement, ...] = ()  # the agreement and its amendments, whichever is in force
    hearing: Heard = field(default_factory=Heard)
    # the envelopes whose signatures count, each with the time at which a log shows it, where one does
    envelopes: tuple[tuple[bytes, datetime | None], ...] = ()

    @property
    def handed_in(self) -> tuple[HandedIn, ...]:
        """Return what the manifest says of the records."""
        return tuple(sorted(HandedIn(record.clause, record.digest, record.proven) for record in self.records))

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Return what the manifest says of records that do not hold."""
        return tuple(one for one, _ in self.hearing.aside)


def opened(papers: Papers, ring: Ring | None, standard: Standard, at: datetime, image: str | None = None) -> Opened:
    """Open all papers at a time; raises RefusedError, UndecidedError or InputError.

    Without `image` only what does not hang on it is asked, so that a run of minutes is not begun in vain. Steps: 1 there
    are keys to hold signatures against; 2 the agreement in force, signed by both sides and about this image; 3 the profile
    is its own; 4 the declaration, signed by its supplier; 5 each record, in a role, with keys that the agreement names: one
    that does not hold is set aside; 6 what follows from the papers themselves: the undertaking, the canary, the place in a
    log of releases.
    """
    if papers.signed and ring is None:  # 1
        raise InputError("whose signatures count?", hint="give the ring of keys with --keys")
    keys = ring or Ring(1, {}, {})
    agreement, chain = None, []
    if papers.agreement:  # 2
        chain = agreements.opened(papers.agreement, keys, at, papers.logs)
        agreement = agreements.in_force(chain, at, image)
        not_amended(papers.logs, [signed.agreement for signed in chain], at)
        agreement = _until_the_next(agreement, [signed.agreement for signed in chain])
    profile = _profile(papers, agreement, standard)  # 3
    declaration = _declaration(papers, agreement, keys, at)  # 4
    hearing = heard(papers.records, keys, agreement, standard.clauses, at, papers.logs)  # 5
    given = [record for _, record in hearing.records]
    derived = [] if image is None else _derived(papers, keys, agreement, declaration, image, at)  # 6
    ordered = tuple(sorted((*given, *derived), key=lambda one: one.digest))
    whole = tuple(signed.agreement for signed in chain)
    return Opened(profile, agreement, declaration, ordered, whole, hearing, _counting(papers, chain, hearing))


def _counting(
    papers: Papers, chain: Sequence[agreements.Signed], hearing: Heard
) -> tuple[tuple[bytes, datetime | None], ...]:
    declared = [] if papers.declaration is None else [papers.declaration]
    shown = [(data, signed.seen) for data, signed in zip(papers.agreement, chain, strict=True)]
    shown += [(data, None) for data in (*declared, *papers.canary)]
    return (*shown, *((data, (hearing.seen or {}).get(data)) for data, _ in hearing.records))


def _until_the_next(agreement: Agreement, chain: Sequence[Agreement]) -> Agreement:
    """Return an agreement that ends where the next one begins: no verdict under it holds for longer (GV-10)."""
    later = [one.since for one in chain if one.sequence > agreement.sequence]
    return replace(agreement, until=min([agreement.until, *later]))


def not_amended(logs: Sequence[LogView], chain: Sequence[Agreement], at: datetime) -> None:
    """Raise UndecidedError where a log holds an amendment of one of these that is none of these.

    The log knows its digest alone: who signed it, and from when it is in force, shows when it is given.
    """
    known = {agreement.digest for agreement in chain}
    for view in logs:
        for index, entry in view.entries("agreement"):
            seen = view.seen_at(index)
            if (
                entry.about.get("amends") in known
                and entry.about.get("agreement") not in known
                and (seen is None or seen <= at)
            ):
                raise UndecidedError(
                    "superseded",
                    f"{view.origin} holds number {entry.about.get('sequence')}, which amends it and was not given",
                    hint="give the file with all amendments",
                )


def _profile(papers: Papers, agreement: Agreement | None, standard: Standard) -> Profile:
    agreed = None if agreement is None else agreement.profile
    if papers.profile is not None and agreed is not None and papers.profile != agreed:
        raise InputError(
            f"the agreement is made under the profile {agreed}, not {papers.profile}", hint="leave --profile out"
        )
    return reader.find_profile(standard, papers.profile or agreed or USUAL_PROFILE)


def _declaration(papers: Papers, agreement: Agreement | None, ring: Ring, at: datetime) -> Declaration | None:
    if papers.unsigned is not None:
        if agreement is not None:
            raise InputError(
                "under an agreement a declaration is signed, and this one is not",
                hint="ask the supplier for it as `aboveboard declaration sign` makes it",
            )
        return from_value(papers.unsigned)
    if papers.declaration is None:
        return None
    declaration = declarations.opened(papers.declaration, ring, at)
    if agreement is not None:
        agreements.signed_as(dsse.parse(papers.declaration), "supplier", agreement.roles["supplier"], ring, at)
        if declaration.supplier != agreement.supplier:
            raise RefusedError(
                "other-supplier", f"{declaration.supplier} declares, and the agreement is with {agreement.supplier}"
            )
    return declaration


def _derived(
    papers: Papers, ring: Ring, agreement: Agreement | None, declaration: Declaration | None, image: str, at: datetime
) -> list[Record]:
    time = format_time(at)
    found: list[Record] = []
    if agreement is not None:
        found.append(_undertaking(agreement))
    supplier, product = _subject(agreement, declaration, image)
    if papers.canary:
        view = _log_for("canary", papers, agreement)
        expected = Expected(supplier, product, None if declaration is None else declaration.names("jurisdictions"))
        found.append(canaries.record(papers.canary, ring, view, agreement, expected, image, time))
    releasing = _log_for("releases", papers, agreement)
    if releasing is not None:  # it was looked up, and what came of it is told
        found.append(releases.record(releasing, agreement, image, time))
    return found


def _subject(agreement: Agreement | None, declaration: Declaration | None, image: str) -> tuple[str, str]:
    """Return the supplier and the product that a canary has to speak of."""
    if agreement is not None:
        product = agreement.product_of(image)
        return agreement.supplier, "" if product is None else product.name
    return ("", "") if declaration is None else (declaration.supplier, declaration.product)


def _log_for(use: str, papers: Papers, agreement: Agreement | None) -> LogView | None:
    """Return the log that the agreement names for a use; without a word on it one that holds something of the kind."""
    agreed = None if agreement is None else agreement.logs.get(use)
    fitting = [view for view in papers.logs if agreed is None or view.key == agreed]
    return max(fitting, key=lambda view: len(view.entries(_KIND[use])), default=None)


def _undertaking(agreement: Agreement) -> Record:
    """Return the agreement itself as the undertaking of GV-01: signed by the supplier, for named products and images."""
    body: dict[str, JSON] = {"agreement": agreement.digest, "undertaking": agreement.supplier}
    return Record(
        clause="GV-01",
        kind="undertaking",
        digest=digest_of(body),
        role=DERIVED,
        signers=(),
        images=tuple(image for product in agreement.products for image in product.images),
        supplier=agreement.supplier,
        who=agreement.supplier,
        found=agreement.since,
        until=agreement.until,
        outcome=Outcome.SUPPORTS,
        explanation=f"agreement number {agreement.sequence}, signed by {agreement.supplier} and {agreement.customer}",
    )


def not_counted(found: Opened, image: str) -> list[str]:
    """Return a sentence for each record that cannot count here: people who hand one in want to know."""
    lines = [f"{one.line().removesuffix(one.code)}{why.message}; {why.hint}" for one, why in found.hearing.aside]
    supplier = found.agreement.supplier if found.agreement else found.declaration.supplier if found.declaration else None
    for record in found.records:
        if not record.speaks_of(image, supplier):
            lines.append(f"the record {record.kind} on {record.clause} speaks of other images or another supplier")
        elif found.agreement is not None and record.role not in (DERIVED, *found.agreement.accepted(record.clause)):
            lines.append(f"the record {record.kind} on {record.clause}: the role {record.role} is not accepted for it")
        elif not record.proven:
            lines.append(
                f"the record {record.kind} on {record.clause} neither supports nor breaks it{record.doubt}; {GIVE_LOG}"
            )
    return lines

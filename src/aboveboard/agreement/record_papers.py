"""What a record says of documents, dates, law and source code that a person read, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from aboveboard.agreement.record_shapes import Concluded, Count, Form
from aboveboard.agreement.schema import Digest, Text
from aboveboard.model.record import Outcome

Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]


class Source(Form, frozen=True, kw_only=True):
    """A document that was read, by its digest, and where in it the thing stands."""

    title: Text
    sha256: Digest
    place: Text
    date: Day | None = None


class Document(Form, frozen=True, kw_only=True):
    """A document read by a named person."""

    documents: Annotated[list[Source], Meta(min_length=1, max_length=1000)]
    finding: Literal["confirmed", "contradicted", "not-found"]
    statement: Text

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """What the reader found."""
        found = {"confirmed": Outcome.SUPPORTS, "contradicted": Outcome.CONTRADICTS, "not-found": Outcome.INCOMPLETE}
        return found[self.finding], self.statement


class Endpoint(Form, frozen=True, kw_only=True):
    """Who is behind an address, each with where that was read."""

    host: Text
    operator: Text
    country: Country
    controller: Text
    source: Text
    allowed: bool


class Endpoints(Form, frozen=True, kw_only=True):
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


class Law(Form, frozen=True, kw_only=True):
    """A law of a country that can compel the supplier, and the legal opinion on it."""

    country: Country
    statute: Text
    compels: Text
    secrecy: Text
    conduct: Text
    opinion_date: Day
    opinion_sha256: Digest
    denied_against_its_text: bool = False


class CompulsionMap(Form, frozen=True, kw_only=True):
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


class Disclosure(Form, frozen=True, kw_only=True):
    """When a vulnerability reached an authority and when all customers."""

    vulnerability: Text
    customers_on: Day
    authority_on: Day | None = None
    earlier_duty_declared: bool = False


class DisclosureDates(Form, frozen=True, kw_only=True):
    """The dates of disclosure."""

    disclosures: Annotated[list[Disclosure], Meta(min_length=1, max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """An authority that was served earlier, without a declared duty, contradicts."""
        for one in self.disclosures:
            if one.authority_on is not None and one.authority_on < one.customers_on and not one.earlier_duty_declared:
                text = f"{one.vulnerability}: an authority had it on {one.authority_on}, customers on {one.customers_on}"
                return Outcome.CONTRADICTS, text
        return Outcome.SUPPORTS, f"{len(self.disclosures)} disclosures at the same time for all"


class Request(Form, frozen=True, kw_only=True):
    """Access that an evaluator asked for."""

    asked_on: Day
    wanted: Text
    given_on: Day | None = None
    refused: bool = False


class AccessLog(Form, frozen=True, kw_only=True):
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


class Change(Form, frozen=True, kw_only=True):
    """A difference between two releases, its notice and its delivery."""

    difference: Text
    delivered_on: Day
    notice_on: Day | None = None


class ChangeNotices(Form, frozen=True, kw_only=True):
    """Notices of change between releases."""

    changes: Annotated[list[Change], Meta(min_length=1, max_length=10_000)]

    def outcome(self, wanted: Sequence[str]) -> Concluded:
        """Delivered without a notice before it contradicts."""
        for one in self.changes:
            if one.notice_on is None or one.notice_on > one.delivered_on:
                return Outcome.CONTRADICTS, f"delivered on {one.delivered_on} without notice before: {one.difference}"
        return Outcome.SUPPORTS, f"{len(self.changes)} changes, each with a notice before delivery"


class Place(Form, frozen=True, kw_only=True):
    """A place in source code and what is wrong there."""

    file: Text
    line: Count
    what: Text


class CodeReview(Form, frozen=True, kw_only=True):
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

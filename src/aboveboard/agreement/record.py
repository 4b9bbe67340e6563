"""Reads records (YAML or JSON): a closed schema for each kind, errors with their place, the outcome worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aboveboard.agreement.record_kinds import KINDS, kinds_of
from aboveboard.agreement.record_papers import Day
from aboveboard.agreement.record_shapes import PortScan, ReadBack, Shape
from aboveboard.agreement.schema import Digest, Text
from aboveboard.agreement.yaml_text import load
from aboveboard.jail.inside import Inside
from aboveboard.model.canonical import JSON
from aboveboard.model.dates import days_after, is_day, midnight
from aboveboard.model.declaration import OPEN
from aboveboard.model.errors import InputError
from aboveboard.model.record import Record
from aboveboard.model.standard import Clause

ZEROS = "sha256:" + "0" * 64  # in a template, where a digest belongs
HINT = "`aboveboard attest CLAUSE --template` writes one to start from"
VALID_DAYS = 365  # of a record that says nothing else
OLDEST_YEARS = 20  # nobody signs today what was found before that


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file that belongs to the record, by its digest."""

    name: Text
    sha256: Digest


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What every record says."""

    aboveboard: Literal["record/1"]
    clause: Text
    kind: Text
    who: Text
    found: Day
    method: Text
    result: dict[str, Any]
    supplier: Text
    images: Annotated[list[Digest], Meta(max_length=1000)] = []
    until: Day | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=1000)] = []


def document(value: Any, clauses: Sequence[Clause], until: str | None = None, at: str | None = None) -> dict[str, JSON]:
    """Return the record in its one form, with its end; raises InputError that names the field.

    What was found is found by `at` (RFC 3339 in UTC; None asks nothing), and not in another age: a slip in the year would
    make a record that counts for too long, or never.
    """
    still_open = unfinished(value)
    if still_open:
        raise InputError(still_open, hint="complete it, or leave out what may be left out: what is not known is not signed")
    recorded, _ = _checked(value, clauses)
    if at is not None:
        _found_by(recorded.found, at)
    ends = until or recorded.until or days_after(midnight(recorded.found), VALID_DAYS)[:10]
    if not is_day(ends) or not recorded.found < ends <= days_after(midnight(recorded.found), VALID_DAYS)[:10]:
        raise InputError(
            f"the record cannot be valid until {ends}", hint=f"a day after {recorded.found}, at most {VALID_DAYS} days"
        )
    body: dict[str, JSON] = msgspec.to_builtins(msgspec.structs.replace(recorded, until=ends))
    return body


def _found_by(found: str, at: str) -> None:
    """Raise InputError for a day that has not come, anywhere on earth, or that lies too far back."""
    if found > days_after(at, 1)[:10]:
        hint = "give the day on which it was found; set the clock, or give --at"
        raise InputError(f"found on {found}, which has not come yet on {at[:10]}", hint=hint)
    if found < f"{int(at[:4]) - OLDEST_YEARS:04}{at[4:10]}":
        text = f"found on {found}, more than {OLDEST_YEARS} years before {at[:10]}"
        raise InputError(text, hint="give the day on which it was found")


def record(value: Any, clauses: Sequence[Clause], *, digest: str, role: str, signers: Sequence[str]) -> Record:
    """Return a signed record as the judge takes it; raises InputError."""
    recorded, result = _checked(value, clauses)
    if recorded.until is None:
        raise InputError("the record has no end", hint=HINT)
    outcome, explanation = result.outcome(KINDS[recorded.kind].wanted)
    seen = result.facts() if isinstance(result, PortScan) else []
    return Record(
        clause=recorded.clause,
        kind=recorded.kind,
        digest=digest,
        role=role,
        signers=tuple(sorted(signers)),
        images=tuple(recorded.images),
        supplier=recorded.supplier,
        who=recorded.who,
        found=midnight(recorded.found),
        until=midnight(recorded.until),
        outcome=outcome,
        explanation=explanation,
        facts=tuple(replace(fact, data={**fact.data, "record": digest}) for fact in seen),
    )


def _checked(value: Any, clauses: Sequence[Clause]) -> tuple[Recorded, Shape]:
    try:
        recorded = msgspec.convert(value, Recorded)
        clause = next((one for one in clauses if one.id == recorded.clause), None)
        if clause is None:
            raise InputError(f"there is no clause {recorded.clause[:40]!r}", hint="`aboveboard standard` lists them")
        if recorded.kind not in kinds_of(clause):
            raise InputError(
                f"{clause.id} takes no record {recorded.kind[:40]!r}", hint=f"one of: {', '.join(kinds_of(clause))}"
            )
        kind = KINDS[recorded.kind]
        result = msgspec.convert(recorded.result, kind.shape)
    except msgspec.ValidationError as error:
        raise InputError(f"the record is not in form: {error}", hint=HINT) from error
    if not recorded.images and not kind.of_supplier:
        raise InputError(f"a record {recorded.kind} names the images that it speaks of", hint="fill in images")
    if (
        recorded.kind in ("read-back", "rebuild")
        and isinstance(result, ReadBack)
        and result.expected not in recorded.images
    ):
        raise InputError("what was expected is none of the images that the record names", hint="fill in images")
    days = [recorded.found, *([recorded.until] if recorded.until is not None else [])]
    wrong = next((day for day in days if not is_day(day)), None)
    if wrong is not None:
        raise InputError(f"{wrong} is no day of the calendar", hint="write it as 2026-12-01")
    return recorded, result


def unfinished(value: Any) -> str:
    """Return which fields still hold what a template put there; empty where none does."""
    places = _open_places(value, "")
    more = f", and {len(places) - 5} more" if len(places) > 5 else ""
    return f"still to be completed: {', '.join(places[:5])}{more}" if places else ""


def _open_places(value: Any, place: str) -> list[str]:
    """Return the fields that still hold what a template put there, wherever in their text, and in whatever letters."""
    if isinstance(value, dict):
        named = [f"{place}.{key}".lstrip(".") for key in value if isinstance(key, str) and OPEN in key.casefold()]
        below = [found for key, item in value.items() for found in _open_places(item, f"{place}.{key}".lstrip("."))]
        return [*named, *below]
    if isinstance(value, list):
        return [found for number, item in enumerate(value, 1) for found in _open_places(item, f"{place}[{number}]")]
    return [place] if isinstance(value, str) and (OPEN in " ".join(value.casefold().split()) or value == ZEROS) else []


def read_confined(inside: Inside, digest: str) -> None:
    """Read YAML in the jail and emit it as it is; the schema is checked by who takes it."""
    try:
        inside.emit({"value": load(inside.read(digest), "the record", HINT).value})
    except InputError as error:
        inside.emit({"error": error.message, "hint": error.hint})

"""Which of the records that were handed in a judge hears, and which are set aside by name because they do not hold."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aboveboard.agreement.record_kinds import kinds_of
from aboveboard.model.agreement import Agreement
from aboveboard.model.errors import InputError
from aboveboard.model.manifest import HandedIn, Manifest, SetAside
from aboveboard.model.record import Record
from aboveboard.model.standard import Clause
from aboveboard.pipelines import agreements, paper_times, records
from aboveboard.pipelines.log import LogView
from aboveboard.trust import dsse, statement
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError, UndecidedError

_ENDLESS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Heard:
    """The records that hold, with their envelopes, the times that logs show for those, and what is set aside with why."""

    records: tuple[tuple[bytes, Record], ...] = ()
    seen: Mapping[bytes, datetime | None] | None = None
    aside: tuple[tuple[SetAside, RefusedError], ...] = ()


def heard(
    given: Sequence[bytes],
    ring: Ring,
    agreement: Agreement | None,
    clauses: Sequence[Clause],
    at: datetime,
    logs: Sequence[LogView],
) -> Heard:
    """Open records; raises RefusedError for what is no envelope at all, and InputError for one that is given twice.

    Each stands for itself: one that does not hold is set aside, and takes no other with it. Under an agreement only a log
    counts that it names.
    """
    if len(set(given)) != len(given):
        raise InputError("one record is given twice", hint="give each once")
    named = None if agreement is None else set(agreement.logs.values())
    times = paper_times.seen(logs, "record", given, at)
    seen = {data: paper_times.first(times[data], named) for data in given}
    hold: list[tuple[bytes, Record]] = []
    aside: list[tuple[SetAside, RefusedError]] = []
    for data in given:
        envelope = dsse.parse(data)
        try:
            hold.append((data, _record(data, ring, agreement, clauses, at, seen[data])))
        except RefusedError as error:
            aside.append((_named(data, envelope, clauses, error), error))
    if len({record.digest for _, record in hold}) != len(hold):
        raise InputError("one record is given twice", hint="give each once")
    return Heard(tuple(hold), seen, tuple(sorted(aside, key=lambda one: one[0])))


def _record(
    data: bytes,
    ring: Ring,
    agreement: Agreement | None,
    clauses: Sequence[Clause],
    at: datetime,
    seen: datetime | None,
) -> Record:
    """Return a record that holds; raises RefusedError or UndecidedError.

    Steps: 1 its keys are good at the time of evaluation; 2 or were when a quorum had first seen it; 3 or have ended since,
    and are not revoked: then it is heard as one of which nothing shows when it was signed.
    """
    try:
        return _signed(data, ring, agreement, clauses, at)  # 1
    except UndecidedError as error:
        if error.code != "key-not-valid":
            raise
        if seen is not None:
            with contextlib.suppress(UndecidedError):
                return _signed(data, ring, agreement, clauses, seen)  # 2
        with contextlib.suppress(UndecidedError):
            return replace(_signed(data, _unended(ring), agreement, clauses, at), proven=False)  # 3
        raise


def _signed(data: bytes, ring: Ring, agreement: Agreement | None, clauses: Sequence[Clause], at: datetime) -> Record:
    record = records.opened(data, ring, at, clauses)
    if agreement is not None and record.role in agreement.roles:
        agreements.signed_as(dsse.parse(data), record.role, agreement.roles[record.role], ring, at)
    return record


def _unended(ring: Ring) -> Ring:
    """Return the ring as if no key had an end: one that has not begun, or is revoked, still does not count."""
    return replace(ring, keys={name: replace(key, until=_ENDLESS) for name, key in ring.keys.items()})


def _named(data: bytes, envelope: dsse.Envelope, clauses: Sequence[Clause], error: RefusedError) -> SetAside:
    """Return the name of a record that is set aside; what it says of itself is taken only where there is such a thing."""
    said: Mapping[str, object] = {}
    with contextlib.suppress(RefusedError):
        body = statement.Statement.parse(envelope.payload, statement.RECORD).predicate.get("record")
        said = body if isinstance(body, dict) else said
    clause = next((one for one in clauses if one.id == said.get("clause")), None)
    kind = next((one for one in kinds_of(clause) if one == said.get("kind")), "") if clause is not None else ""
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return SetAside("" if clause is None else clause.id, kind, digest, error.code)


def same(handed_in: Sequence[HandedIn], found: Heard, manifest: Manifest, given: Sequence[bytes]) -> None:
    """Raise where other records are heard than the manifest of the run says.

    A run names each record: as handed in, or as set aside with the reason. Steps: 1 what does not hold here was set aside
    for the same reason, else its own reason is given; 2 what was set aside is still there, and does not hold; 3 what holds
    here was handed in, and its time was shown there as it is here. So nobody sets a good record aside, or passes over one,
    and a record that no longer holds with the keys at hand leaves it undecided and not forged.
    """
    before = {one.digest: one for one in manifest.set_aside}
    for one, why in found.aside:  # 1
        was = before.get(one.digest)
        if was is None:
            raise why
        if was != one:
            raise _other(f"{one.line()}, and the run says {was.code}")
    there = {"sha256:" + hashlib.sha256(data).hexdigest() for data in given}
    lost = sorted(before.keys() - there)
    if lost:  # 2
        raise RefusedError("differs", f"a record that was set aside is not there: {lost[0]}")
    hold = sorted(before.keys() - {one.digest for one, _ in found.aside})
    if hold:
        raise _other(f"it holds here, and {before[hold[0]].line()} in the run")
    for item in sorted(set(handed_in) - set(manifest.records)):  # 3
        if replace(item, proven=not item.proven) not in manifest.records:
            text = f"a record on {item.clause} holds, and the run does not name it: {item.digest}"
            raise RefusedError("differs", text)
        if item.proven:
            raise _other(f"{item.digest} counts here, and in the run nothing showed that it was signed with a good key")
        text = f"the key of {item.digest} has expired here, and in the run it was good"
        raise UndecidedError("key-not-valid", text, hint="let a log show when it was signed, or have it signed again")


def _other(text: str) -> UndecidedError:
    hint = "ask whoever sealed it with which keys and logs, or have the image inspected again with yours"
    return UndecidedError("set-aside", text, hint=hint)

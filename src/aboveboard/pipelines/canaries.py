"""Canaries: the next one is issued, and a chain of them is held against its keys, its log, the agreement and the time.

A canary shows nothing but that it was said, in time and in the same words. So a statement that is late, that lacks an
answer or bears the sign of duress leaves its clause (GV-06) not shown. None of these breaks it: the standard calls it
broken only where a signed statement is shown false, and no canary can show that of itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from aboveboard.model.agreement import Agreement
from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.errors import InputError
from aboveboard.model.record import DERIVED, Outcome, Record
from aboveboard.pipelines.keys import lines_of
from aboveboard.pipelines.log import LogView
from aboveboard.pipelines.log_extracts import CANARY, extract, to_json
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.store.exchange import exchange, one_more
from aboveboard.trust import canary, dsse, statement
from aboveboard.trust.canary import CODES, Canary, Expected, Finding, Seen, State
from aboveboard.trust.checkpoint import Checkpoint
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time, parse_time

CLAUSE, KIND = "GV-06", "canary"
NO_LOG = "no-log"  # the code of a state that hangs on a log which is not there
# What a statement is held to where nothing was agreed: what an agreement says unless its parties change it.
USUAL_DAYS, USUAL_GRACE = 90, 14
CAVEAT = "a canary is a sign by its absence only; whether it has any effect in law is untested"


def seen_of(view: LogView, supplier: str) -> Seen:
    """Return what the log says of a supplier's canaries.

    The log began with a state where its history holds it, and a quorum had seen it by then. A policy that asks nobody
    (`quorum none`) knows no time: there a state that is in the history counts whenever it was.
    """

    def began_with(cited: Checkpoint, time: datetime) -> bool:
        return cited.origin == view.origin and any(
            (state.size, state.root) == (cited.size, cited.root)
            and (not view.witnessed if state.seen_at is None else state.seen_at <= time)
            for state in view.states
        )

    return Seen(max((number for number, _ in _numbered(view, supplier)), default=0), began_with)


def _numbered(view: LogView, supplier: str) -> Iterator[tuple[int, str]]:
    """Yield number and digest of each canary that the log names for a supplier."""
    for _, entry in view.entries(CANARY):
        number = entry.about.get("sequence")
        if entry.about.get("supplier") == supplier and type(number) is int:
            yield number, str(entry.about.get("canary", ""))


def stated(chain: Sequence[bytes]) -> list[Canary]:
    """Return what the statements of a chain say; nobody has checked their signatures. Raises RefusedError."""
    found: list[Canary] = []
    for line in chain:
        said = statement.Statement.parse(dsse.parse(line).payload, statement.CANARY)
        one = canary.read(said.predicate)
        if said.subjects != {"canary": one.digest}:
            raise RefusedError("digest", "the canary is not the one that its statement names")
        found.append(one)
    return found


def chain_of(path: Path) -> list[bytes]:
    """Return the statements of a file, unread: one a line. Raises InputError."""
    return lines_of(read_signed(path, "file of canaries"))


@dataclass(frozen=True)
class Plan:
    """The next statement as it is asked for; `begin` is when its period begins, None for the end of the last one's."""

    supplier: str
    products: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    at: datetime
    begin: datetime | None = None
    days: int = USUAL_DAYS  # until the next one is due
    grace: int = USUAL_GRACE
    without: tuple[str, ...] = ()  # codes that are not stated
    panic: bool = False


def following(chain: Sequence[Canary], plan: Plan, view: LogView) -> Canary:
    """Return the statement that comes next; raises InputError, RefusedError or UndecidedError.

    Steps: 1 the chain is whole, and this supplier's; 2 the log knows no newer statement, and no time later than now; 3 the
    period joins the last one.
    """
    unknown = sorted(set(plan.without) - set(CODES))
    if unknown:
        raise InputError(f"{unknown[0][:40]!r} is no code", hint=f"codes are {', '.join(CODES)}")
    _check_chain(chain, plan.supplier)  # 1
    newest = seen_of(view, plan.supplier).newest
    if newest > len(chain):  # 2
        hint = "take the newest file: two statements of one number would contradict each other"
        raise RefusedError("not-newest", f"the log knows statement {newest}, the file ends with {len(chain)}", hint=hint)
    if view.latest is not None and view.latest > plan.at:
        raise UndecidedError("clock-behind", "a witness saw the log later than now", hint="set the clock, or give --at")
    begin, due = _dates(chain[-1] if chain else None, plan)  # 3
    return Canary(
        supplier=plan.supplier,
        products=plan.products,
        jurisdictions=plan.jurisdictions,
        period=(begin, plan.at),
        issued=plan.at,
        next_due=due,
        grace=timedelta(days=plan.grace),
        statements={code: True for code in CODES if code not in plan.without},
        sequence=len(chain) + 1,
        previous=chain[-1].digest if chain else "",
        checkpoint=Checkpoint(view.origin, view.size, view.root),
        panic=plan.panic,
    )


def _dates(last: Canary | None, plan: Plan) -> tuple[datetime, datetime]:
    """Return when the period begins and when the next statement is due; raises InputError."""
    begin = plan.begin if plan.begin is not None else (None if last is None else last.period[1])
    if begin is None:
        raise InputError("since when does the first statement speak?", hint="give --from 2026-01-01T00:00:00Z")
    if last is not None and (begin > last.period[1] or plan.at <= last.issued):
        hint = f"the one before was issued on {format_time(last.issued)} and speaks until {format_time(last.period[1])}"
        raise InputError("the statement must follow the one before, and leave no time between them", hint=hint)
    try:
        return begin, plan.at + timedelta(days=plan.days)
    except OverflowError as error:
        raise InputError(f"{plan.days} days are too many", hint="give fewer --days") from error


def _check_chain(chain: Sequence[Canary], supplier: str) -> None:
    previous = ""
    for number, one in enumerate(chain, 1):
        if one.supplier != supplier:
            raise RefusedError(
                "other-subject", f"statement {number} is one of {one.supplier[:80]}", hint="name another file"
            )
        later = number == 1 or one.issued > chain[number - 2].issued
        if one.sequence != number or one.previous != previous or not later:
            raise RefusedError("sequence-gap", f"statement {number} does not follow the one before it")
        previous = one.digest


@dataclass(frozen=True)
class Issued:
    """The statement that was added, and the one before it, None where it is the first."""

    statement: Canary
    before: Canary | None

    @property
    def dropped(self) -> dict[str, list[str]]:
        """Return which products and jurisdictions the one before named, and this one does not."""
        return canary.dropped(self.before or self.statement, self.statement)


def issue(path: Path, plan: Plan, view: LogView, keys: Sequence[PrivateKey]) -> Issued:
    """Sign the next statement and add it to the file, which may not be there yet; durable on return.

    The lines before stay as they are, byte for byte. Raises what `following` and `stated` do, and InputError where the file
    is a link, or changed meanwhile.
    """
    before = _content(path)
    chain = stated(lines_of(before or b""))
    new = following(chain, plan, view)
    line = canary.issue(new, keys)
    exchange(path, before, one_more(before, line))
    return Issued(new, chain[-1] if chain else None)


def _content(path: Path) -> bytes | None:
    """Return the file, None where there is none; raises InputError for a link, which is not replaced."""
    if path.is_symlink():
        raise InputError(f"{path} is a link", hint="name the file itself: it is replaced as a whole")
    return read_signed(path, "file of canaries") if path.exists() else None


def finding(chain: Sequence[bytes], ring: Ring, view: LogView | None, expected: Expected, at: datetime) -> Finding:
    """Return the state of a chain at a time; raises RefusedError for what is forged, or not the supplier's.

    Steps: 1 the signatures; 2 what the chain says by itself (`canary.state_at`); 3 there is a log, and no witness of it has
    seen a later time than this; 4 the log names no other statement of the same number, and holds each of these, seen by
    the quorum by now; 5 the periods leave no time between them.
    """
    return _judged(chain, ring, view, expected, at)[1]


def _judged(
    chain: Sequence[bytes], ring: Ring, view: LogView | None, expected: Expected, at: datetime
) -> tuple[list[Canary], Finding]:
    said, undecided = _opened(chain, ring, view, expected.supplier, at)  # 1
    if undecided is not None:
        return said, Finding(State.UNKNOWN, undecided.code, undecided.message)
    seen = Seen(0, lambda _cited, _time: True) if view is None else seen_of(view, expected.supplier)
    found = canary.state_at(said, expected, seen, at)  # 2
    if view is None:  # 3: what is late may have been followed by another; what was triggered stays so
        text = "without the log nobody can tell whether it is the newest, or when it was made"
        lost = found.state.good or found.state is State.EXPIRED
        return said, Finding(State.UNKNOWN, NO_LOG, text) if lost else found
    if not found.state.good:
        return said, found
    return said, _unlogged(chain, said, view, at) or _uncovered(said) or found


def _opened(
    chain: Sequence[bytes], ring: Ring, view: LogView | None, supplier: str, at: datetime
) -> tuple[list[Canary], UndecidedError | None]:
    """Read a chain whose keys were good when the quorum saw each statement; without such a time they must be good now.

    So what was signed before a key was rotated goes on to count, and what a stolen key signs after it was revoked does not,
    whatever date it bears. All are read even where one is undecided: one that is forged must not hide behind it.
    """
    found: list[Canary] = []
    undecided: UndecidedError | None = None
    places = _places(view, supplier)
    for line in chain:
        index = places.get(hashlib.sha256(line).hexdigest())
        seen = None if view is None or index is None else view.seen_at(index)
        try:
            found += canary.opened([line], ring, at if seen is None else min(seen, at))
        except UndecidedError as error:
            found += stated([line])
            undecided = undecided or error
    return found, undecided


def _places(view: LogView | None, supplier: str) -> dict[str, int]:
    """Return where the log first holds each canary of a supplier, by the SHA-256 of its line."""
    found: dict[str, int] = {}
    for index, entry in view.entries(CANARY) if view is not None else ():
        if entry.about.get("supplier") == supplier:
            found.setdefault(entry.digest, index)
    return found


def _unlogged(chain: Sequence[bytes], said: Sequence[Canary], view: LogView, at: datetime) -> Finding | None:
    if view.latest is not None and view.latest > at:  # 3
        return Finding(
            State.UNKNOWN, "clock-behind", f"a witness saw the log on {format_time(view.latest)}, later than now"
        )
    digests = {one.sequence: one.digest for one in said}
    for number, digest in _numbered(view, said[0].supplier):  # 4
        if digests.get(number) != digest:
            return Finding(State.UNKNOWN, "equivocation", f"the log holds another statement {number}")
    places = _places(view, said[0].supplier)
    for line, one in zip(chain, said, strict=True):
        index = places.get(hashlib.sha256(line).hexdigest())
        if index is None:
            return Finding(State.UNKNOWN, "not-in-log", f"statement {one.sequence} is not in the log")
        seen = view.seen_at(index)
        if view.witnessed and (seen is None or seen > at):
            return Finding(State.UNKNOWN, "not-in-log", f"no quorum had seen statement {one.sequence} in the log")
    return None


def _uncovered(said: Sequence[Canary]) -> Finding | None:
    """Say of what time nothing was stated: a statement that begins anew after a silence could step over what happened."""
    for one, other in pairwise(said):  # 5
        if other.period[0] > one.period[1]:
            gap = f"{format_time(one.period[1])} to {format_time(other.period[0])}"
            return Finding(State.UNKNOWN, "period-gap", f"no statement speaks of the time from {gap}")
    return None


def record(
    chain: Sequence[bytes],
    ring: Ring,
    view: LogView | None,
    agreement: Agreement | None,
    expected: Expected,
    image: str,
    at: str,
) -> Record:
    """Return what a chain of canaries shows on GV-06, as a derived record; raises RefusedError for what is forged.

    It supports the clause where the newest statement is fresh or due, leaves no declared jurisdiction out, and keeps to
    what was agreed. All else is incomplete: late, triggered, unknown, too far apart, in another log than the one that was
    agreed, or held against no list of jurisdictions, since its maker would choose them then.
    """
    time, supplier = parse_time(at), expected.supplier
    said, found = _judged(chain, ring, view, expected, time)
    newest = said[-1] if said else None
    wanting = next(_against(newest, view, agreement, expected, image), "") if newest is not None else ""
    signers = () if not chain else sorted(dsse.signers(dsse.parse(chain[-1]), dsse.STATEMENT, ring.publics()))
    if agreement is not None and not wanting:  # the ring cannot put others in the place of those that were agreed
        held = agreement.roles["supplier"]
        if len({ring.keys[name].public.id for name in signers} & set(held.keys)) < held.threshold:
            wanting = "the newest statement is not signed by the keys that the agreement names"
    shown = found.state.good and newest is not None and not wanting
    what = wanting if found.state.good and wanting else f"the canary is {found.state.value}: {found.text}"
    return Record(
        clause=CLAUSE,
        kind=KIND,
        digest=_digest(chain, said, view, supplier),
        role=DERIVED,
        signers=tuple(signers),
        images=(image,),
        supplier=supplier,
        who=supplier,
        found=at if newest is None else min(at, format_time(newest.issued)),
        until=at if newest is None else format_time(newest.next_due + newest.grace),
        outcome=Outcome.SUPPORTS if shown else Outcome.INCOMPLETE,
        explanation=what,
    )


def _against(
    newest: Canary, view: LogView | None, agreement: Agreement | None, expected: Expected, image: str
) -> Iterator[str]:
    """Yield what in a good canary is not as it was agreed."""
    if expected.jurisdictions is None:
        yield "no declaration says which jurisdictions there are, so nobody can tell whether it leaves one out"
    days = USUAL_DAYS if agreement is None else agreement.terms.canary_days
    grace = USUAL_GRACE if agreement is None else agreement.terms.canary_grace_days
    apart = newest.next_due - newest.period[1]
    if apart > timedelta(days=days):
        yield f"the next statement is due {apart.days} days after the end of what this one speaks of; at most {days} count"
    if newest.grace > timedelta(days=grace):
        yield f"the canary allows itself {newest.grace.days} days of grace; at most {grace} count"
    if agreement is None:
        return
    agreed = agreement.product_of(image)
    if agreement.supplier != expected.supplier or agreed is None or agreed.name != expected.product:
        yield "the agreement does not call this image a product of this name by this supplier"
    if CANARY not in agreement.logs:
        yield "the agreement names no log of canaries"
    elif view is None or view.key != agreement.logs[CANARY]:
        yield "the canary stands in another log than the one that was agreed"


def _digest(chain: Sequence[bytes], said: Sequence[Canary], view: LogView | None, supplier: str) -> str:
    """Return the digest of what the record was derived from: the same for a whole log and for an extract of it."""
    cited = {(one.checkpoint.size, one.checkpoint.root) for one in said}
    log: JSON = None if view is None else to_json(extract(view, [supplier], [], cited))
    lines: list[JSON] = [hashlib.sha256(line).hexdigest() for line in chain]
    return digest_of({"derived": KIND, "chain": lines, "log": log})

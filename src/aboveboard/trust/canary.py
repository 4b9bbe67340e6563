"""The canary: the dated statement of never having been asked, under one signature over all of its fields.

It is a sign by its absence only, and whether it has any effect in law is untested. So nothing here is "fine" by default: a
statement that is late, missing, unreadable or without a known time is *expired* or *unknown*. Its codes are those of
CanaryTail; its container is not used, for there each field has a signature of its own and old answers fit new dates.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aboveboard.model.canonical import JSON, canonical
from aboveboard.trust import dsse, statement
from aboveboard.trust.checkpoint import Checkpoint
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Ring, speaks
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import decode_base64, encode_base64, format_time, parse_time

# What must be answered: each is the statement that the thing has not happened (CanaryTail, Codes).
CODES: Mapping[str, str] = {
    "WAR": "no warrant that cannot be spoken of",
    "GAG": "no order of silence",
    "SUBP": "no subpoena that cannot be spoken of",
    "TRAP": "no order to trap or trace",
    "CEASE": "no order to cease or to change a service",
    "DURESS": "no statement made under duress",
    "RAID": "no raid",
    "SEIZE": "no seizure of equipment or data",
    "XCRED": "no credentials or keys handed over",
    "XOPERS": "no change of who operates the service by order",
}
MAX_GRACE = timedelta(days=92)
MAX_TEXTS = 64
_FIELDS = frozenset(
    """supplier products jurisdictions period_start period_end issued next_due grace_days statements sequence previous
    log checkpoint panic""".split()
)


class State(enum.Enum):
    """What a canary says at a time. Only `fresh` and `due` are good."""

    FRESH = "fresh"
    DUE = "due"  # the next one is expected, and within its grace
    EXPIRED = "expired"
    TRIGGERED = "triggered"
    UNKNOWN = "unknown"

    @property
    def good(self) -> bool:
        """Tell whether the statement stands."""
        return self in (State.FRESH, State.DUE)


@dataclass(frozen=True)
class Canary:
    """One statement. `statements` maps each code to True where the thing has not happened."""

    supplier: str
    products: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    period: tuple[datetime, datetime]
    issued: datetime
    next_due: datetime
    grace: timedelta
    statements: Mapping[str, bool]
    sequence: int
    previous: str  # SHA-256 of the statement before, empty for the first
    checkpoint: Checkpoint  # the log as it stood when it was issued: it cannot have been made before that
    panic: bool = False

    def to_json(self) -> dict[str, JSON]:
        """Return the predicate."""
        return {
            "supplier": self.supplier,
            "products": list(self.products),
            "jurisdictions": list(self.jurisdictions),
            "period_start": format_time(self.period[0]),
            "period_end": format_time(self.period[1]),
            "issued": format_time(self.issued),
            "next_due": format_time(self.next_due),
            "grace_days": self.grace.days,
            "statements": dict(self.statements),
            "sequence": self.sequence,
            "previous": self.previous,
            "log": self.checkpoint.origin,
            "checkpoint": {"size": self.checkpoint.size, "root": encode_base64(self.checkpoint.root)},
            "panic": self.panic,
        }

    @property
    def digest(self) -> str:
        """Return the SHA-256 that the next one names."""
        return hashlib.sha256(canonical(self.to_json())).hexdigest()


def issue(canary: Canary, keys: Sequence[PrivateKey]) -> bytes:
    """Return the statement, signed."""
    read(canary.to_json())  # what would not be read is not signed
    body = statement.Statement(statement.CANARY, {"canary": canary.digest}, canary.to_json()).to_bytes()
    return dsse.seal(dsse.STATEMENT, body, keys).to_bytes()


def read(body: Mapping[str, JSON]) -> Canary:
    """Read a predicate against its closed shape; raises RefusedError."""
    if set(body) != _FIELDS:
        raise RefusedError("canary-form", f"fields missing or unknown: {', '.join(sorted(set(body) ^ _FIELDS))}"[:200])
    answers, place = body["statements"], body["checkpoint"]
    sequence, grace, panic = body["sequence"], body["grace_days"], body["panic"]
    if not isinstance(answers, dict) or not all(type(answer) is bool for answer in answers.values()):
        raise RefusedError("canary-form", "statements maps codes to true or false")
    if type(sequence) is not int or type(grace) is not int or type(panic) is not bool or sequence < 1:
        raise RefusedError("canary-form", "sequence counts from 1, grace_days is a number, panic is true or false")
    if not 0 <= grace <= MAX_GRACE.days:
        raise RefusedError("canary-form", f"a grace of at most {MAX_GRACE.days} days")
    if not isinstance(place, dict) or set(place) != {"size", "root"} or type(place["size"]) is not int:
        raise RefusedError("canary-form", "checkpoint has size and root")
    found = Canary(
        supplier=_text(body["supplier"]),
        products=_texts(body["products"]),
        jurisdictions=_texts(body["jurisdictions"]),
        period=(parse_time(body["period_start"]), parse_time(body["period_end"])),
        issued=parse_time(body["issued"]),
        next_due=parse_time(body["next_due"]),
        grace=timedelta(days=grace),
        statements={str(code): bool(answer) for code, answer in answers.items()},
        sequence=sequence,
        previous=_text(body["previous"], empty=True),
        checkpoint=Checkpoint(_text(body["log"]), place["size"], decode_base64(_text(place["root"]))),
        panic=panic,
    )
    if not found.period[0] <= found.period[1] <= found.issued < found.next_due:
        raise RefusedError("canary-form", "the times are not in their order: period, issued, next_due")
    return found


def _text(value: JSON, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty) or len(value) > 1000:
        raise RefusedError("canary-form", "a text is missing or too long")
    return value


def _texts(value: JSON) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_TEXTS:
        raise RefusedError("canary-form", f"a list of 1 to {MAX_TEXTS} texts is wanted")
    return tuple(_text(one) for one in value)


def dropped(before: Canary, new: Canary) -> dict[str, list[str]]:
    """Return which products and jurisdictions a statement does not name that the one before it named."""
    return {
        "products": sorted(set(before.products) - set(new.products)),
        "jurisdictions": sorted(set(before.jurisdictions) - set(new.jurisdictions)),
    }


@dataclass(frozen=True)
class Expected:
    """Whom and what the canary must speak of; `jurisdictions` is None where nobody has said which there are."""

    supplier: str
    product: str
    jurisdictions: tuple[str, ...] | None


@dataclass(frozen=True)
class Finding:
    """The state at a time, with a stable code and a sentence."""

    state: State
    code: str
    text: str


def opened(envelopes: Sequence[bytes], ring: Ring, at: datetime) -> list[Canary]:
    """Read signed canaries; raises RefusedError or UndecidedError for the first that is not the supplier's."""
    found: list[Canary] = []
    for data in envelopes:
        envelope = dsse.parse(data)
        speaks(ring, envelope, "supplier", at)
        stated = statement.Statement.parse(envelope.payload, statement.CANARY)
        canary = read(stated.predicate)
        if stated.subjects != {"canary": canary.digest}:
            raise RefusedError("digest", "the canary is not the one that its statement names")
        found.append(canary)
    return found


@dataclass(frozen=True)
class Seen:
    """What the log says: how many canaries it holds of this supplier, and which cited checkpoints it began with."""

    newest: int
    began_with: Callable[[Checkpoint, datetime], bool]  # such a state, not later than a time


def state_at(chain: Sequence[Canary], expected: Expected, seen: Seen, at: datetime | None) -> Finding:
    """Return the state at a time (None: no clock that is believed).

    Steps: 1 there is a time, and a statement; 2 all are this supplier's, and the newest speaks of this product and of each
    jurisdiction; 3 the sequence has no gap and no fork; 4 nothing is missing or answered otherwise, now or before; 5 the
    log knows no newer one, and began with what is cited; 6 since each was first named, no time was left out; 7 the dates.
    """
    if at is None:  # 1
        return Finding(State.UNKNOWN, "no-time", "without a time that is believed nothing can be said")
    if not chain:
        return Finding(State.EXPIRED, "never-issued", "no statement was given")
    return (
        _other_subject(chain, expected)  # 2
        or _broken_chain(chain)  # 3
        or _triggered(chain)  # 4
        or _not_in_log(chain, seen, at)  # 5
        or _left_out(chain, expected)  # 6
        or _dated(chain[-1], at)  # 7
    )


def _other_subject(chain: Sequence[Canary], expected: Expected) -> Finding | None:
    """A product or jurisdiction that came later counts from the statement on that first names it."""
    other = next((one for one in chain if one.supplier != expected.supplier), None)
    if other is not None:
        return Finding(State.UNKNOWN, "other-subject", f"statement {other.sequence} is one of another supplier")
    if expected.product not in chain[-1].products:
        text = f"statement {chain[-1].sequence} speaks of another product: it does not name {expected.product[:80]!r}"
        return Finding(State.UNKNOWN, "other-subject", text)
    wanting = sorted(set(expected.jurisdictions or ()) - set(chain[-1].jurisdictions))
    if wanting:
        text = f"statement {chain[-1].sequence} leaves out the jurisdiction {wanting[0][:80]!r}"
        return Finding(State.UNKNOWN, "other-subject", text)
    return None


def _left_out(chain: Sequence[Canary], expected: Expected) -> Finding | None:
    """What was named, left out and named again was passed over, unless a later period speaks of that time too."""
    naming = [(expected.product, [one for one in chain if expected.product in one.products])]
    naming += [(name, [one for one in chain if name in one.jurisdictions]) for name in expected.jurisdictions or ()]
    for name, named in naming:
        for number, one in enumerate(named[:-1], 1):
            begin = min(later.period[0] for later in named[number:])
            if begin > one.period[1]:
                gap = f"{format_time(one.period[1])} to {format_time(begin)}"
                return Finding(State.UNKNOWN, "period-gap", f"of the time from {gap} nothing is stated on {name[:80]!r}")
    return None


def _broken_chain(chain: Sequence[Canary]) -> Finding | None:
    if len({canary.digest for canary in chain}) != len(chain) or len({one.sequence for one in chain}) != len(chain):
        return Finding(State.UNKNOWN, "equivocation", "one number stands twice in the sequence")
    previous = ""
    for number, canary in enumerate(chain, 1):
        if canary.sequence != number or canary.previous != previous:
            return Finding(State.UNKNOWN, "sequence-gap", f"statement {canary.sequence} does not follow the one before it")
        if number > 1 and canary.issued <= chain[number - 2].issued:
            return Finding(State.UNKNOWN, "sequence-gap", f"statement {number} is dated before the one that it follows")
        previous = canary.digest
    return None


def _triggered(chain: Sequence[Canary]) -> Finding | None:
    """What was once not said any more is not mended by saying it again: that too could be compelled."""
    for canary in chain:
        missing = [code for code in CODES if not canary.statements.get(code, False)]
        if canary.panic or missing:
            what = "the sign of duress was given" if canary.panic else f"not stated: {', '.join(missing)}"
            return Finding(State.TRIGGERED, "triggered", f"statement {canary.sequence}: {what}")
    return None


def _not_in_log(chain: Sequence[Canary], seen: Seen, at: datetime) -> Finding | None:
    if chain[-1].issued > at:
        return Finding(State.UNKNOWN, "future", "issued later than the time of evaluation")
    if chain[-1].sequence < seen.newest:
        return Finding(State.UNKNOWN, "not-newest", f"the log knows statement {seen.newest}")
    for canary in chain:
        if not seen.began_with(canary.checkpoint, canary.issued):
            text = f"statement {canary.sequence} cites a state that the log did not have when it was issued"
            return Finding(State.UNKNOWN, "checkpoint", text)
    return None


def _dated(canary: Canary, at: datetime) -> Finding:
    if at < canary.next_due:
        return Finding(State.FRESH, "fresh", f"the next one is due on {format_time(canary.next_due)}")
    if at < canary.next_due + canary.grace:
        return Finding(State.DUE, "due", f"due since {format_time(canary.next_due)}, and within {canary.grace.days} days")
    return Finding(State.EXPIRED, "late", f"due since {format_time(canary.next_due)}, and its grace is over")

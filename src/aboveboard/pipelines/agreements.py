"""Opens a signed agreement and its amendments: who signed what, whether the chain holds, and which one is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aboveboard.agreement.agreement import read_json, render
from aboveboard.model.agreement import Agreement, Holders
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError
from aboveboard.pipelines import paper_times
from aboveboard.pipelines.log import LogView
from aboveboard.standard import reader
from aboveboard.trust import dsse, note, statement
from aboveboard.trust.keyring import Key, Ring
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time, parse_time

JSON_NAME, TEXT_NAME = "agreement.json", "agreement.md"
PARTIES = ("supplier", "customer")
MAX_CHAIN = 1000


@dataclass(frozen=True)
class Signed:
    """One agreement or amendment, as it was signed."""

    agreement: Agreement
    document: Mapping[str, JSON]
    text: str
    envelope: dsse.Envelope
    seen: datetime | None = None  # when a quorum had seen an amendment, in a log that counts for it

    @property
    def text_digest(self) -> str:
        """Return the digest of the text as `sha256:` and 64 hexadecimal digits."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class When:
    """The time for which keys are asked: that of evaluation, and what else may speak for a signature.

    `since` is when an agreement begins to count, for the keys that may have ended after that; None where they may not.
    `seen` is when a quorum had seen the very envelope; None where no log shows it.
    """

    at: datetime
    since: datetime | None = None
    seen: datetime | None = None

    def counts(self, key: Key) -> bool:
        """Tell whether a key's signature counts."""
        if key.good_at(self.at) or (self.seen is not None and key.good_at(self.seen)):
            return True
        if self.since is None:
            return False
        begun = key.since <= self.at and min(self.since, self.at) < key.until
        return begun and (key.revoked is None or self.at < key.revoked)


def opened(
    chain: Sequence[bytes], ring: Ring, at: datetime, logs: Sequence[LogView] = (), *, followed: bool = False
) -> list[Signed]:
    """Return the agreement and its amendments, every signature checked; raises RefusedError or UndecidedError.

    Steps for each: 1 the form of the envelope and of the statement; 2 the closed form of the agreement; 3 the digests are
    those of the JSON and of the text, and the text is the one that the JSON makes; 4 both parties signed, an amendment as
    the one before it says and as it says itself; 5 it follows the one before it; 6 the last one, where it is an amendment,
    is signed, as it says itself, with keys that are good at the time, or a log shows that they were when it was signed.

    In step 4 a key counts that was good at some time of the term so far, or is good now where it has not begun: one that
    expires later takes no agreement with it, and a term may begin before its keys. One that is revoked counts no more: for
    nothing here shows when its signature was made, but for a log that shows an amendment before that. For the same reason
    step 6 is asked: who stole a key that has expired could date an amendment back. The last one speaks for those before it,
    whose digests lead to it; with `followed` the next one, which is being signed, speaks for it.

    A log counts that the first agreement names, or an amendment that is shown good itself; never one that the amendment in
    question names, or whoever forges it would choose the log.
    """
    if not 0 < len(chain) <= MAX_CHAIN:
        raise RefusedError("chain", f"1 to {MAX_CHAIN} agreements are wanted, not {len(chain)}")
    times = paper_times.seen(logs, "agreement", chain, at)
    found: list[Signed] = []
    known: set[str] = set()
    wanting: RefusedError | None = None
    for data in chain:
        signed = unsigned(data)  # 1 to 3
        agreement = signed.agreement
        known |= set() if found else set(agreement.logs.values())
        seen = paper_times.first(times[data], known) if found else None  # the first one would name the log itself
        when = When(at, parse_time(agreement.since), seen)
        both_signed(signed.envelope, agreement.roles, ring, when)  # 4
        if found:
            both_signed(signed.envelope, found[-1].agreement.roles, ring, when)
        follows(found[-1].agreement if found else None, agreement)  # 5
        wanting = _dated(signed, ring, When(at, None, seen)) if found else None  # 6
        known |= set() if wanting is not None else set(agreement.logs.values())
        found.append(replace(signed, seen=seen))
    if wanting is not None and not followed:
        raise wanting
    return found


def _dated(signed: Signed, ring: Ring, when: When) -> RefusedError | None:
    """Return why nothing shows when an amendment was signed, None where something does."""
    try:
        both_signed(signed.envelope, signed.agreement.roles, ring, when)
    except UndecidedError as error:
        return UndecidedError(
            "key-not-valid",
            f"number {signed.agreement.sequence} may be dated back: {error.message.partition(': ')[2]}",
            hint="have it countersigned with keys that it names and that are good now, or amend it once more; or give a "
            "log that the agreement names and that held it before (--log, --policy)",
        )
    except RefusedError as error:
        return error
    return None


def unsigned(data: bytes) -> Signed:
    """Return what an envelope holds, without a look at its signatures: steps 1 to 3 of `opened`."""
    envelope = dsse.parse(data)  # 1
    if envelope.type != dsse.STATEMENT:
        raise RefusedError("payload-type", f"signed as {envelope.type[:80]!r}, wanted as {dsse.STATEMENT!r}")
    stated = statement.Statement.parse(envelope.payload, statement.AGREEMENT)
    document, text = stated.predicate.get("agreement"), stated.predicate.get("text")
    if set(stated.predicate) != {"agreement", "text"} or not isinstance(document, dict) or not isinstance(text, str):
        raise RefusedError("agreement-form", "the statement holds an agreement and its text, and nothing else")
    agreement = read(document)  # 2
    wanted = subjects(document, text)  # 3
    if set(stated.subjects) != set(wanted):
        raise RefusedError("subjects", f"the statement is about {JSON_NAME} and {TEXT_NAME}, and nothing else")
    for name, digest in wanted.items():
        if stated.subjects[name] != digest:
            raise RefusedError("digest", f"the digest that is signed is not that of {name}")
    if text != render(document):
        raise RefusedError("text-differs", "the text that people signed is not the one that the JSON makes")
    return Signed(agreement, document, text, envelope)


def read(document: Mapping[str, JSON]) -> Agreement:
    """Return the agreement of a JSON from outside; raises RefusedError, or UndecidedError for another standard."""
    standard = reader.load()
    part = document.get("standard")
    if isinstance(part, dict) and isinstance(part.get("digest"), str) and part["digest"] != standard.digest:
        version = str(part.get("version"))[:40]
        raise UndecidedError(
            "other-standard",
            f"it is made for another edition of the standard ({version}), and this is {standard.version}",
            hint="use the Aboveboard that has that edition, or amend the agreement",
        )
    try:
        agreement = read_json(document, [clause.id for clause in standard.clauses], {p.name: p for p in standard.profiles})
    except InputError as error:
        raise RefusedError("agreement-form", error.message, hint=error.hint) from error
    for key in agreement.logs.values():
        note.parse_key(key)
    if agreement.standard != standard.version:
        raise RefusedError("agreement-form", "the version of the standard is not the one of its digest")
    return agreement


def subjects(document: Mapping[str, JSON], text: str) -> dict[str, str]:
    """Return what is signed: the digests of the exact JSON and of the exact text."""
    return {
        JSON_NAME: hashlib.sha256(canonical(document)).hexdigest(),
        TEXT_NAME: hashlib.sha256(text.encode()).hexdigest(),
    }


def both_signed(envelope: dsse.Envelope, roles: Mapping[str, Holders], ring: Ring, when: When) -> None:
    """Raise where not both parties signed.

    A party signed where enough keys did that speak for it in the agreement and in the ring, as both count: the agreement
    cannot enrol keys, and the ring cannot put others in the place of those that were agreed.
    """
    signers = dsse.signers(envelope, dsse.STATEMENT, ring.publics())
    lacking: dict[str, RefusedError] = {}
    for role in PARTIES:
        reason = _lacks(role, roles[role], signers, ring, when)
        if reason is not None:
            lacking[role] = reason
    if not lacking:
        return
    role, reason = next(iter(lacking.items()))
    if len(lacking) == 1 and reason.code == "role":
        other = next(one for one in PARTIES if one != role)
        raise RefusedError(
            "one-sided", f"signed for the {other} and not for the {role}", hint=f"have the {role} countersign"
        )
    raise reason


def signed_as(envelope: dsse.Envelope, role: str, held: Holders, ring: Ring, at: datetime) -> None:
    """Raise where not enough keys signed that speak for a role in the agreement and in the ring."""
    reason = _lacks(role, held, dsse.signers(envelope, dsse.STATEMENT, ring.publics()), ring, When(at))
    if reason is not None:
        raise reason


def _lacks(role: str, held: Holders, signers: frozenset[str], ring: Ring, when: When) -> RefusedError | None:
    """Return why the signatures do not speak for a role, None where they do."""
    named = set(ring.roles[role].keys) if role in ring.roles else set()
    signed = {name for name in signers & named if ring.keys[name].public.id in held.keys}
    if not signed:
        return RefusedError("role", f"no key that speaks for the {role} signed", hint=f"have the {role} sign")
    counting = {name for name in signers & named if when.counts(ring.keys[name])}
    good = signed & counting
    if _number(ring, good) >= held.threshold and _number(ring, counting) >= ring.roles[role].threshold:
        return None
    if good != signed:
        bad = min(signed - good)
        return UndecidedError("key-not-valid", f"the key {bad} was not valid at that time", hint="have it signed again")
    hint = f"have more keys of the {role} countersign: {held.threshold} are wanted"
    return RefusedError("threshold", f"too few keys signed for the {role}: {', '.join(sorted(good))}", hint=hint)


def _number(ring: Ring, names: set[str]) -> int:
    return len({ring.keys[name].public.raw for name in names})


def follows(before: Agreement | None, agreement: Agreement) -> None:
    """Raise where an agreement cannot stand behind the one before it."""
    number = 1 if before is None else before.sequence + 1
    if agreement.sequence != number:
        raise RefusedError("chain", f"number {agreement.sequence} stands where number {number} belongs")
    if before is None:
        return
    if agreement.amends != before.digest:
        raise RefusedError("chain", f"number {number} amends another agreement than the one before it")
    if (agreement.supplier, agreement.customer) != (before.supplier, before.customer):
        raise RefusedError("chain", f"number {number} is between other parties")
    if agreement.since < before.since:
        raise RefusedError("rollback", f"number {number} would be in force before the one that it amends")


def in_force(chain: Sequence[Signed], at: datetime, image: str | None = None, pinned: str | None = None) -> Agreement:
    """Return the one that is in force at a time: the last whose term has begun.

    With `image` it must speak of that image, with `pinned` its digest must be that. Raises UndecidedError
    (`superseded`, `not-yet`, `expired`) and RefusedError (`other-agreement`, `other-product`).
    """
    time = format_time(at)
    begun = [signed.agreement for signed in chain if signed.agreement.since <= time]
    if not begun:
        first = chain[0].agreement.since
        raise UndecidedError("not-yet", f"the agreement is in force from {first}", hint="wait, or give another --at")
    current = begun[-1]
    if pinned is not None and pinned != current.digest:
        _not_the_pinned(chain, current, pinned)
    if not current.in_force(time):
        raise UndecidedError("expired", f"the agreement ended on {current.until}", hint="ask for the one that follows it")
    if image is not None and current.product_of(image) is None:
        raise RefusedError("other-product", f"the agreement does not speak of {image}", hint="ask for one that does")
    return current


def _not_the_pinned(chain: Sequence[Signed], current: Agreement, pinned: str) -> None:
    numbers = {signed.agreement.digest: signed.agreement.sequence for signed in chain}
    if pinned not in numbers:
        raise RefusedError("other-agreement", f"{pinned[:80]} is none of these agreements")
    if numbers[pinned] < current.sequence:
        text = f"number {numbers[pinned]} was replaced by number {current.sequence} on {current.since}"
        raise UndecidedError("superseded", text, hint="ask for what was made under the newer one")
    text = f"number {numbers[pinned]} is not in force yet"
    raise UndecidedError("not-yet", text, hint="wait, or give another --at")

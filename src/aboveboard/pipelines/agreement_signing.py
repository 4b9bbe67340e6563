"""Signs agreements: the first signature, those of the other side, and the chain file that holds one envelope a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from aboveboard.agreement.agreement import open_places, render
from aboveboard.model.agreement import ANY_CLAUSE, Agreement
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError
from aboveboard.pipelines import agreements
from aboveboard.pipelines.agreements import JSON_NAME, PARTIES, TEXT_NAME, Signed
from aboveboard.pipelines.keys import lines_of, read_file
from aboveboard.pipelines.log import LogView
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.store.exchange import one_more
from aboveboard.trust import dsse, statement
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time, parse_json


@dataclass(frozen=True)
class Chain:
    """A chain file: its bytes, and what its lines say."""

    data: bytes
    lines: tuple[bytes, ...]
    signed: tuple[Signed, ...]

    @property
    def newest(self) -> Signed:
        """Return the last one."""
        return self.signed[-1]

    @property
    def before(self) -> Signed | None:
        """Return the one that the last one amends."""
        return self.signed[-2] if len(self.signed) > 1 else None


def read_chain(
    path: Path,
    ring: Ring | None = None,
    at: datetime | None = None,
    logs: Sequence[LogView] = (),
    *,
    followed: bool = False,
) -> Chain:
    """Return a chain, every signature checked where there is a ring; raises as `agreements.opened` does.

    Without a ring it is read as it says itself: forms, digests, texts and that each follows the one before it. `logs`
    may show when an amendment was there. With `followed` the next one is being made, and will speak for these.
    """
    data = read_signed(path, "agreement")
    lines = lines_of(data)
    if ring is not None and at is not None:
        return Chain(data, tuple(lines), tuple(agreements.opened(lines, ring, at, logs, followed=followed)))
    if not 0 < len(lines) <= agreements.MAX_CHAIN:
        raise RefusedError("chain", f"1 to {agreements.MAX_CHAIN} agreements are wanted, not {len(lines)}")
    found: list[Signed] = []
    for line in lines:
        signed = agreements.unsigned(line)
        agreements.follows(found[-1].agreement if found else None, signed.agreement)
        found.append(signed)
    return Chain(data, tuple(lines), tuple(found))


def read_document(path: Path) -> Mapping[str, JSON]:
    """Return the JSON of an agreement; raises RefusedError for what is none, or is not in canonical bytes."""
    data = read_file(path, "agreement")
    value = parse_json(data)
    if not isinstance(value, dict):
        raise RefusedError("agreement-form", f"{path} holds no agreement", hint="`aboveboard agreement check` makes one")
    if canonical(value) != data:
        hint = "sign the file as `aboveboard agreement check` wrote it, not as an editor saved it"
        raise RefusedError("not-canonical", f"{path} is not in canonical bytes", hint=hint)
    return value


def signable(path: Path, text_path: Path) -> tuple[Mapping[str, JSON], Agreement, str]:
    """Return the document, the agreement and the text that can be signed; raises RefusedError or UndecidedError.

    Steps: 1 the JSON is in its canonical bytes; 2 nothing is left to be completed; 3 it is in form; 4 the text is the one
    that it makes, byte for byte.
    """
    document = read_document(path)  # 1
    opens = open_places(document)
    if opens:  # 2
        raise UndecidedError(
            "open-places", f"still to be completed: {', '.join(opens[:10])}", hint="complete it, and check"
        )
    agreement = agreements.read(document)  # 3
    text = render(document)
    if read_file(text_path, "text of an agreement") != text.encode():  # 4
        hint = f"`aboveboard agreement check` writes {TEXT_NAME} anew; read it again before you sign"
        raise RefusedError("text-differs", f"{text_path} is not the text that {path} makes", hint=hint)
    return document, agreement, text


def authorised(key: PrivateKey, role: str, agreement: Agreement, before: Agreement | None) -> None:
    """Raise RefusedError where a key is not named for a role.

    An amendment is signed as it says itself and as the one before it says (`agreements.opened`), so either may name it.
    """
    if role not in PARTIES:
        raise InputError(f"{role[:40]!r} signs no agreement", hint=f"--role is one of: {', '.join(PARTIES)}")
    if any(key.public.id in one.roles[role].keys for one in (agreement, before) if one is not None):
        return
    other = next((name for name, held in agreement.roles.items() if key.public.id in held.keys), None)
    known = f"it is named for the {other}" if other else "it is named for nothing"
    raise RefusedError(
        "role",
        f"the agreement does not name the key {key.public.id} for the {role}: {known}",
        hint=f"sign with a key of the {role}, or have the agreement name this one",
    )


def sign(document: Mapping[str, JSON], text: str, key: PrivateKey) -> bytes:
    """Return the envelope over the JSON and the text, with one signature."""
    predicate: dict[str, JSON] = {"agreement": document, "text": text}
    body = statement.Statement(statement.AGREEMENT, agreements.subjects(document, text), predicate).to_bytes()
    return dsse.seal(dsse.STATEMENT, body, [key]).to_bytes()


def follows(chain: Chain | None, agreement: Agreement) -> None:
    """Raise where an agreement cannot be the next one of a chain, or needs one and there is none."""
    if chain is None and agreement.sequence > 1:
        raise InputError(
            f"number {agreement.sequence} is an amendment, and stands behind what it amends",
            hint="give the signed agreement with --append A.dsse",
        )
    agreements.follows(None if chain is None else chain.newest.agreement, agreement)


def beside(chain: Path | None, document: Path, number: int) -> Path:
    """Return where a signed agreement is written by default: an amendment beside its chain, which stays in force."""
    return document.with_suffix(".dsse") if chain is None else chain.with_name(f"{chain.stem}-{number}{chain.suffix}")


def appended(chain: Chain | None, envelope: bytes) -> bytes:
    """Return a chain file with one more line; those before it stay as they are, byte for byte."""
    return one_more(None if chain is None else chain.data, envelope)


def countersigned(chain: Chain, key: PrivateKey) -> bytes:
    """Return a chain file whose last envelope has one more signature; the lines before it stay as they are."""
    envelope = dsse.countersign(chain.newest.envelope, key).to_bytes()
    dsse.parse(envelope)  # one signature too many makes an envelope that nobody reads
    start = chain.data.rindex(chain.lines[-1])
    return chain.data[:start] + envelope + b"\n"


def joined(ours: Chain, theirs: Chain) -> tuple[bytes, int]:
    """Return a chain file with the signatures of two copies that were signed apart, and how many came from the second one.

    Raises RefusedError where they are not copies of one thing. A line with nothing new stays as it is, byte for byte.
    """
    if len(ours.lines) != len(theirs.lines):
        raise RefusedError(
            "chain", f"{len(ours.lines)} agreements here, {len(theirs.lines)} there", hint="give copies of one"
        )
    made, added = [], 0
    for line, one, other in zip(ours.lines, ours.signed, theirs.signed, strict=True):
        if one.envelope.signed_bytes != other.envelope.signed_bytes:
            raise RefusedError("other-agreement", f"number {one.agreement.sequence} says something else in the other copy")
        known = {signature.bytes for signature in one.envelope.signatures}
        new = [signature for signature in other.envelope.signatures if signature.bytes not in known]
        both = replace(one.envelope, signatures=(*one.envelope.signatures, *new)).to_bytes()
        dsse.parse(both)  # too many signatures make an envelope that nobody reads
        made.append(both if new else line)
        added += len(new)
    return b"".join(line + b"\n" for line in made), added


def check_before(chain: Chain, ring: Ring, at: datetime) -> list[str]:
    """Check what is signed before one countersigns, and return who signed the newest one; raises as `opened` does."""
    if chain.before is not None:
        agreements.opened(chain.lines[:-1], ring, at, followed=True)
    return [f"{name} ({role})" for name, role in signers(chain.newest, ring)]


def signers(signed: Signed, ring: Ring) -> list[tuple[str, str | None]]:
    """Return who signed, by the names and roles of a ring; raises RefusedError where nobody that it knows did."""
    found = dsse.signers(signed.envelope, dsse.STATEMENT, ring.publics())
    return [(name, ring.role_of(name)) for name in sorted(found)]


def claims(signed: Signed) -> list[str]:
    """Return the keys that an envelope names itself; nothing was checked, and each may be any text."""
    return [signature.keyid[:64] for signature in signed.envelope.signatures]


def described(signed: Signed, who: Sequence[tuple[str, str | None]] | None) -> dict[str, JSON]:
    """Return what is shown of an agreement; `who` is None where no signature was checked."""
    one = signed.agreement
    shown: dict[str, JSON] = summary(one, signed.text_digest)
    if who is None:
        claimed: list[JSON] = list(claims(signed))
        return {**shown, "claimed_keys": claimed}
    return {**shown, "signers": [{"name": name, "role": role} for name, role in who]}


def summary(one: Agreement, text_digest: str) -> dict[str, JSON]:
    """Return the head of an agreement: its parties, number, term, and the digests of what is signed."""
    return {
        "number": one.sequence,
        "amends": one.amends,
        "supplier": one.supplier,
        "customer": one.customer,
        "from": one.since,
        "until": one.until,
        "profile": one.profile,
        "required": len(one.required),
        "waived": sorted(one.waived),
        "accepts": {clause: list(roles) for clause, roles in sorted(one.accepts.items())},
        "products": [{"name": p.name, "version": p.version, "images": list(p.images)} for p in one.products],
        JSON_NAME: one.digest,
        TEXT_NAME: text_digest,
    }


def whose_evidence(accepts: Mapping[str, Sequence[str]]) -> str:
    """Return whose evidence counts: for all clauses, and for which ones it is otherwise."""
    by_roles: dict[str, list[str]] = {}
    for clause, roles in sorted(accepts.items()):
        if clause != ANY_CLAUSE:
            by_roles.setdefault(", ".join(roles) or "nobody", []).append(clause)
    usual = ", ".join(accepts.get(ANY_CLAUSE, ())) or "nobody"
    return "; ".join([usual, *(f"for {', '.join(clauses)}: {roles}" for roles, clauses in sorted(by_roles.items()))])


def state_of(one: Agreement, chain: Chain, current: Agreement | None, at: datetime) -> str:
    """Return in words whether an agreement is in force at a time, and what took its place."""
    time = format_time(at)
    if one == current:
        return "in force"
    if time < one.since:
        return f"not yet: its term begins on {one.since}"
    later = [other.agreement for other in chain.signed if other.agreement.since <= time]
    if later[-1].sequence > one.sequence:
        return f"replaced by number {later[-1].sequence} on {later[-1].since}"
    return f"ended on {one.until}" if one.until <= time else "not decided"

"""Signs a declaration, and opens one that is signed."""

from __future__ import annotations

import hashlib
from datetime import datetime

from aboveboard.agreement.declaration import document, from_value
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.declaration import Declaration
from aboveboard.model.errors import InputError
from aboveboard.trust import dsse, statement
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Ring, speaks
from aboveboard.trust.refusal import RefusedError

JSON_NAME = "declaration.json"
ROLE = "supplier"


def opened(data: bytes, ring: Ring, at: datetime) -> Declaration:
    """Return a declaration that the supplier signed; raises RefusedError or UndecidedError.

    Steps: 1 the form of the envelope; 2 enough keys of the supplier, good at the time, signed it; 3 the statement and the
    closed form; 4 its JSON is written in the one way, and the digest is that of its bytes.
    """
    envelope = dsse.parse(data)  # 1
    speaks(ring, envelope, ROLE, at)  # 2
    return stated(envelope)  # 3, 4


def stated(envelope: dsse.Envelope) -> Declaration:
    """Return what an envelope declares, without a look at its signatures: steps 3 and 4 of `opened`."""
    if envelope.type != dsse.STATEMENT:
        raise RefusedError("payload-type", f"signed as {envelope.type[:80]!r}, wanted as {dsse.STATEMENT!r}")
    found = statement.Statement.parse(envelope.payload, statement.DECLARATION)
    value = found.predicate.get("declaration")
    if set(found.predicate) != {"declaration"}:
        raise RefusedError("declaration-form", "the statement holds a declaration, and nothing else")
    try:
        declaration = from_value(value)
    except InputError as error:
        raise RefusedError("declaration-form", error.message, hint=error.hint) from error
    if canonical(value) != canonical(document(declaration)):
        raise RefusedError("not-canonical", "the declaration says something in more words than its form has")
    if set(found.subjects) != {JSON_NAME}:
        raise RefusedError("subjects", f"the statement is about {JSON_NAME}, and nothing else")
    if found.subjects[JSON_NAME] != _digest(value):
        raise RefusedError("digest", f"the digest that is signed is not that of {JSON_NAME}")
    return declaration


def _digest(value: JSON) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def signed(declaration: Declaration, key: PrivateKey) -> dsse.Envelope:
    """Return the declaration in an envelope with one signature; more are added with `dsse.countersign`."""
    value = document(declaration)
    body = statement.Statement(statement.DECLARATION, {JSON_NAME: _digest(value)}, {"declaration": value}).to_bytes()
    return dsse.seal(dsse.STATEMENT, body, [key])


def unsigned(data: bytes) -> Declaration:
    """Return what a signed file declares, without a look at its signatures; raises RefusedError."""
    return stated(dsse.parse(data))


def countersigned(data: bytes, key: PrivateKey) -> bytes:
    """Return the file with one more signature over the same bytes; raises RefusedError for what is no declaration."""
    envelope = dsse.parse(data)
    stated(envelope)
    made = dsse.countersign(envelope, key).to_bytes()
    dsse.parse(made)  # one signature too many makes an envelope that nobody reads
    return made + b"\n"


def signers(data: bytes, ring: Ring) -> list[str]:
    """Return the names in the ring of those who signed; raises RefusedError where nobody that it knows did."""
    return sorted(dsse.signers(dsse.parse(data), dsse.STATEMENT, ring.publics()))

"""Records: brought into their form, signed, and opened again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from aboveboard.agreement import record as reading
from aboveboard.agreement.yaml_text import MAX_BYTES
from aboveboard.jail import Jail
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError
from aboveboard.model.record import Outcome, Record
from aboveboard.model.standard import Clause
from aboveboard.pipelines.confined import emitted
from aboveboard.pipelines.workbench import room
from aboveboard.store.blobs import BlobStore
from aboveboard.trust import dsse, statement
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import ROOT, Ring, speaks
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time


def attest(
    path: Path, clause: Clause, until: str | None, keys: Sequence[PrivateKey], at: datetime
) -> tuple[dict[str, JSON], bytes]:
    """Return a record on a clause in its one form, and signed; raises InputError for what is not in form."""
    with room(None) as root, Jail() as jail:
        blobs = BlobStore(root / "blobs")
        read = emitted(path, "aboveboard.agreement.record:read_confined", "record", MAX_BYTES, jail, blobs)
    body = reading.document(read.get("value"), [clause], until, format_time(at))
    payload = statement.Statement(statement.RECORD, subjects(body), {"record": body}).to_bytes()
    return body, dsse.seal(dsse.STATEMENT, payload, keys).to_bytes()


def digests(envelope: bytes) -> dict[str, str]:
    """Return the SHA-256 of a signed file, and the digest of what is signed in it, by which verdicts cite the record."""
    payload = dsse.parse(envelope).payload
    cited = "sha256:" + hashlib.sha256(payload).hexdigest()
    return {"sha256": hashlib.sha256(envelope).hexdigest(), "cited_as": cited}


def outcome(body: Mapping[str, JSON], clause: Clause) -> tuple[Outcome, str]:
    """Return what a record in its form shows, and one sentence."""
    found = reading.record(body, [clause], digest="", role="", signers=())
    return found.outcome, found.explanation


def opened(data: bytes, ring: Ring, at: datetime, clauses: Sequence[Clause]) -> Record:
    """Return a signed record as the judge takes it; raises RefusedError or UndecidedError.

    Steps: 1 envelope and signatures; 2 the statement; 3 its subjects are the record's digest and images; 4 nothing in it is
    still to be completed: who signed it elsewhere forgot that, and forged nothing; 5 one role has signed with enough keys
    that are good at the time; 6 the closed schema of its kind.
    """
    envelope = dsse.parse(data)
    signers = dsse.signers(envelope, dsse.STATEMENT, ring.publics())  # 1
    stated = statement.Statement.parse(envelope.payload, statement.RECORD)  # 2
    body = stated.predicate.get("record")
    if set(stated.predicate) != {"record"} or not isinstance(body, dict):
        raise RefusedError("record-form", "the statement holds no record")
    if stated.subjects != subjects(body):  # 3
        raise RefusedError("digest", "the record is not the one that its statement names")
    still_open = reading.unfinished(body)  # 4
    if still_open:
        raise UndecidedError("unfinished", still_open[:300], hint="have it completed, and signed anew with `attest`")
    role = role_of(ring, envelope, signers, at)  # 5
    digest = "sha256:" + hashlib.sha256(envelope.payload).hexdigest()
    try:  # 6
        return reading.record(body, clauses, digest=digest, role=role, signers=sorted(signers))
    except InputError as error:
        raise RefusedError("record-form", error.message, hint=error.hint) from error


def role_of(ring: Ring, envelope: dsse.Envelope, signers: frozenset[str], at: datetime) -> str:
    """Return the one role that signed, with enough keys that are good at the time; raises as `speaks` does."""
    roles = sorted({role for name in signers if (role := ring.role_of(name)) is not None} - {ROOT})
    if len(roles) > 1:
        raise RefusedError("two-roles", f"signed in the roles {' and '.join(roles)}: one has to answer for it")
    if not roles:
        raise RefusedError("role", f"nobody signed it in a role that records; signed by: {', '.join(sorted(signers))}")
    speaks(ring, envelope, roles[0], at)
    return roles[0]


def subjects(body: Mapping[str, JSON]) -> dict[str, str]:
    """Return what a record is signed about: the digest of its JSON, and the images that it speaks of."""
    images = body.get("images")
    named = images if isinstance(images, list | tuple) else []
    found = {f"image {number}": str(image).removeprefix("sha256:") for number, image in enumerate(named, 1)}
    return {"record.json": hashlib.sha256(canonical(dict(body))).hexdigest(), **found}

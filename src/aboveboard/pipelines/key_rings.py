"""Makes and follows rings of keys in a file: one ring a line, the first one is the anchor, and no line is ever changed.

People who sign a ring need not share a machine: a proposal is a file that goes from hand to hand, each adds a signature,
and it is taken into the file of rings once enough have signed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines.keys import MAX_KEY_FILE, lines_of, read_file
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.store.exchange import exchange, one_more
from aboveboard.trust import dsse, keyring
from aboveboard.trust.ed25519 import PrivateKey, PublicKey
from aboveboard.trust.keyring import Key, Ring, Role
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import format_time, parse_json

SUFFIX = ".pub"  # of the public key beside a private one


@dataclass(frozen=True)
class Added:
    """A key that a ring is to hold, and the role that it speaks for."""

    role: str
    name: str
    key: Key


@dataclass(frozen=True)
class Change:
    """What the next ring has otherwise: keys added, keys put in another's place, keys revoked, thresholds."""

    add: tuple[Added, ...] = ()
    rotate: tuple[tuple[str, Added], ...] = ()  # the name of the old key, and the new one; its role is the old one's
    revoke: tuple[str, ...] = ()
    thresholds: tuple[tuple[str, int], ...] = ()


def new_key(out: Path, passphrase: bytes) -> PublicKey:
    """Write a new private key, readable by its owner alone, and its public key beside it; raises for what is there."""
    public = out.with_name(out.name + SUFFIX)
    for path in (out, public):
        if path.exists() or path.is_symlink():
            raise InputError(f"{path} is there already", hint="a key is never overwritten: name another file")
    key = PrivateKey.generate()
    pem = key.to_pem(passphrase)
    _create(out, pem, 0o600)
    _create(public, key.public.to_pem(), 0o644)
    return key.public


def _create(path: Path, data: bytes, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", hint="name another place") from error


def public_key(path: Path) -> PublicKey:
    """Return a public key from its PEM file; raises RefusedError for a key that must not be enrolled."""
    return PublicKey.from_pem(read_file(path, "public key", MAX_KEY_FILE))


def added(text: str, since: datetime, until: datetime) -> Added:
    """Read `ROLE:NAME:FILE`; raises InputError or RefusedError."""
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise InputError(f"{text[:80]!r} is not ROLE:NAME:FILE", hint="write it as supplier:acme-1:acme-1.pub")
    if parts[0] not in keyring.ROLES:
        raise InputError(f"{parts[0][:40]!r} is no role", hint=f"roles are {', '.join(keyring.ROLES)}")
    return Added(parts[0], _name(parts[1]), _key(Path(parts[2]), since, until))


def rotated(text: str, since: datetime, until: datetime) -> tuple[str, Added]:
    """Read `OLD:NEW:FILE`; raises InputError or RefusedError."""
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise InputError(f"{text[:80]!r} is not OLD:NEW:FILE", hint="write it as acme-1:acme-2:acme-2.pub")
    return parts[0], Added("", _name(parts[1]), _key(Path(parts[2]), since, until))


def _name(text: str) -> str:
    if keyring.NAME.fullmatch(text) is None:
        raise InputError(f"{text[:64]!r} is no name for a key", hint="small letters, digits, dot, dash, underscore")
    return text


def _key(path: Path, since: datetime, until: datetime) -> Key:
    if not since < until:
        raise InputError("a key is good from a time until a later one", hint="give --since and --until in this order")
    return Key(public_key(path), since, until)


def thresholds(texts: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Read `ROLE=NUMBER` words; raises InputError."""
    found = []
    for text in texts:
        role, _, number = text.partition("=")
        if role not in keyring.ROLES or not (number.isascii() and number.isdigit()) or len(number) > 4:
            raise InputError(f"{text[:80]!r} is not ROLE=NUMBER", hint="write it as supplier=2")
        found.append((role, int(number)))
    return tuple(found)


def changed(ring: Ring | None, change: Change, at: datetime) -> Ring:
    """Return the ring that follows (the first one where there is none); raises InputError for names that do not fit."""
    now = ring or Ring(0, {}, {})
    keys, roles = dict(now.keys), dict(now.roles)
    for one in change.add:
        _take(keys, roles, one)
    for name, one in change.rotate:
        role = now.role_of(name)
        if role is None:
            raise InputError(f"{name[:64]!r} speaks for no role", hint="`keys show` lists the keys")
        _take(keys, roles, replace(one, role=role))
        if role == keyring.ROOT:  # who holds the old one must not go on changing the ring
            roles[role] = replace(roles[role], keys=tuple(held for held in roles[role].keys if held != name))
            del keys[name]
        else:  # what it signed in its time still counts
            keys[name] = replace(keys[name], until=max(keys[name].since, min(keys[name].until, at)))
    for name in change.revoke:
        if name not in keys:
            raise InputError(f"there is no key {name[:64]!r}", hint="`keys show` lists the keys")
        if keys[name].revoked is not None:
            raise InputError(f"{name} is revoked already", hint="a revocation is not moved")
        keys[name] = replace(keys[name], revoked=at)
    for role, number in change.thresholds:
        if role not in roles:
            raise InputError(f"nobody speaks for {role}", hint="add a key for it first")
        roles[role] = replace(roles[role], threshold=number)
    return Ring(now.version + 1, keys, roles)


def _take(keys: dict[str, Key], roles: dict[str, Role], one: Added) -> None:
    if one.name in keys:
        raise InputError(f"there is a key {one.name[:64]!r} already", hint="give the new one a name of its own")
    keys[one.name] = one.key
    held = roles.get(one.role, Role(1, ()))
    roles[one.role] = replace(held, keys=(*held.keys, one.name))


def chain_of(path: Path) -> list[bytes]:
    """Return the rings of a file, unread."""
    return lines_of(read_signed(path, "file of keys"))


def fingerprint(chain: Sequence[bytes]) -> str:
    """Return the SHA-256 of the anchor, in hexadecimal: what two people read to each other before they trust a file."""
    return hashlib.sha256(chain[0]).hexdigest()


def proposal(ring: Ring, keys: Sequence[PrivateKey]) -> bytes:
    """Return a ring that is to be signed by others too: its bare statement where nobody signed yet; raises RefusedError."""
    keyring.check(ring)
    return keyring.make(ring, keys) if keys else ring.to_statement()


def open_proposal(data: bytes) -> tuple[Ring, dsse.Envelope | None]:
    """Return the ring that is proposed, and its envelope where somebody signed it; raises RefusedError."""
    data = data.strip()
    value = parse_json(data)
    if isinstance(value, dict) and "payload" not in value:
        return keyring.stated(data), None
    envelope = dsse.parse(data)
    return keyring.stated(envelope.payload), envelope


def countersigned(data: bytes, key: PrivateKey) -> bytes:
    """Return a proposal with one more signature; raises RefusedError for what is no ring."""
    ring, envelope = open_proposal(data)
    return keyring.make(ring, [key]) if envelope is None else dsse.countersign(envelope, key).to_bytes()


def accept(path: Path, envelope: bytes, at: datetime) -> Ring:
    """Add a ring to the file, which may not be there yet, where the chain then holds; raises RefusedError.

    The lines before stay as they are, byte for byte; the file is written whole and is durable on return.
    """
    before = read_file(path, "file of keys") if path.exists() else None
    line = envelope.strip()
    if b"\n" in line:
        raise RefusedError("envelope-form", "a ring is one line")
    if open_proposal(line)[1] is None:
        raise RefusedError("unsigned", "nobody has signed this ring", hint="sign it with `keys sign-ring`")
    ring = keyring.follow([*lines_of(before or b""), line], at)
    exchange(path, before, one_more(before, line))
    return ring


def described(ring: Ring, at: datetime) -> list[dict[str, JSON]]:
    """Return the keys of a ring as rows."""
    return [
        {
            "name": name,
            "role": ring.role_of(name),
            "id": key.public.id,
            "since": format_time(key.since),
            "until": format_time(key.until),
            "revoked": format_time(key.revoked) if key.revoked is not None else None,
            "good": key.good_at(at),
        }
        for name, key in ring.keys.items()
    ]

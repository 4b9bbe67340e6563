"""Who may sign as what: keys by name, roles with thresholds, and the chain in which one ring of keys follows another.

The ring that is passed in is the anchor: nothing that lies beside a document (a key in a bundle or in the folder of a log)
is ever taken for one. Each later ring must be signed by enough root keys of the one before it and by enough of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aboveboard.model.canonical import JSON, canonical
from aboveboard.trust import dsse, statement
from aboveboard.trust.ed25519 import PrivateKey, PublicKey
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import decode_base64, encode_base64, format_time, parse_time

ROOT = "root"
ROLES = (ROOT, "supplier", "customer", "laboratory", "operator", "auditor")
MAX_KEYS, MAX_RINGS = 1000, 1000
SUBJECT = "keyring"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Key:
    """An enrolled key, from when until when it signs, and since when it is revoked."""

    public: PublicKey
    since: datetime
    until: datetime
    revoked: datetime | None = None

    def good_at(self, time: datetime) -> bool:
        """Tell whether what this key signed at a time counts."""
        return self.since <= time < self.until and (self.revoked is None or time < self.revoked)


@dataclass(frozen=True)
class Role:
    """So many of these keys speak for the role."""

    threshold: int
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Ring:
    """One version of the keys and roles."""

    version: int
    keys: Mapping[str, Key]
    roles: Mapping[str, Role]

    def to_json(self) -> dict[str, JSON]:
        """Return the ring as the predicate of its statement."""
        return {
            "version": self.version,
            "keys": {
                name: {
                    "public": encode_base64(key.public.raw),
                    "since": format_time(key.since),
                    "until": format_time(key.until),
                    "revoked": format_time(key.revoked) if key.revoked is not None else None,
                }
                for name, key in self.keys.items()
            },
            "roles": {name: {"threshold": role.threshold, "keys": list(role.keys)} for name, role in self.roles.items()},
        }

    def to_statement(self) -> bytes:
        """Return the statement that is signed."""
        body = self.to_json()
        digest = _digest(body)
        return statement.Statement(statement.KEYS, {SUBJECT: digest}, body).to_bytes()

    def publics(self) -> dict[str, PublicKey]:
        """Return the public keys by name."""
        return {name: key.public for name, key in self.keys.items()}

    def fulfilled(self, signers: Iterable[str], at: datetime | None) -> frozenset[str]:
        """Return the roles for which enough of the signers' keys are good at a time; a key counts once.

        Without a time a key counts that was ever good: its term may be over, but a key that is revoked counts for nothing,
        or else who stole it could go on for ever.
        """
        known = {name: self.keys[name] for name in signers if name in self.keys}
        good = {name for name, key in known.items() if (key.revoked is None if at is None else key.good_at(at))}
        return frozenset(
            role
            for role, held in self.roles.items()
            if len({self.keys[name].public.raw for name in good & set(held.keys)}) >= held.threshold
        )

    def role_of(self, name: str) -> str | None:
        """Return the role that a key speaks for: it is in one at most."""
        return next((role for role, held in self.roles.items() if name in held.keys), None)


def _digest(body: Mapping[str, JSON]) -> str:
    return hashlib.sha256(canonical(body)).hexdigest()


def _read(body: Mapping[str, JSON]) -> Ring:
    """Read a ring against its closed shape; raises RefusedError."""
    version, keys, roles = body.get("version"), body.get("keys"), body.get("roles")
    if set(body) != {"version", "keys", "roles"} or not isinstance(keys, dict) or not isinstance(roles, dict):
        raise RefusedError("keyring", "a ring of keys has version, keys and roles")
    if type(version) is not int or version < 1 or not 0 < len(keys) <= MAX_KEYS:
        raise RefusedError("keyring", "versions count from 1, and there is at least one key")
    ring = Ring(
        version, {name: _key(name, value) for name, value in keys.items()}, {n: _role(n, v) for n, v in roles.items()}
    )
    check(ring)
    return ring


def _key(name: str, value: JSON) -> Key:
    if NAME.fullmatch(name) is None or not isinstance(value, dict) or set(value) != {"public", "since", "until", "revoked"}:
        raise RefusedError("keyring", f"{name[:40]!r} is no key: public, since, until and revoked are wanted")
    public = value["public"]
    if not isinstance(public, str):
        raise RefusedError("keyring", f"{name} has no public key")
    revoked = None if value["revoked"] is None else parse_time(value["revoked"])
    return Key(PublicKey.enrol(decode_base64(public)), parse_time(value["since"]), parse_time(value["until"]), revoked)


def _role(name: str, value: JSON) -> Role:
    if name not in ROLES or not isinstance(value, dict) or set(value) != {"threshold", "keys"}:
        raise RefusedError("keyring", f"{name[:40]!r} is no role: {', '.join(ROLES)} are, with threshold and keys")
    threshold, keys = value["threshold"], value["keys"]
    if type(threshold) is not int or not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RefusedError("keyring", f"the role {name} has a number and names of keys")
    return Role(threshold, tuple(str(key) for key in keys))


def check(ring: Ring) -> None:
    """Raise RefusedError for a ring that nobody could keep: a key twice, a key in two roles, a threshold out of reach."""
    raw = [key.public.raw for key in ring.keys.values()]
    if len(set(raw)) != len(raw):
        raise RefusedError("duplicate-key", "one key under two names is one key")
    if ROOT not in ring.roles:
        raise RefusedError("keyring", "nobody may change the ring: there is no role root")
    held: set[str] = set()
    for name, role in ring.roles.items():
        if not set(role.keys) <= set(ring.keys) or len(set(role.keys)) != len(role.keys):
            raise RefusedError("keyring", f"the role {name} names a key that is not there, or one twice")
        if not 0 < role.threshold <= len(role.keys):
            raise RefusedError("threshold", f"{role.threshold} of {len(role.keys)} keys cannot speak for {name}")
        if held & set(role.keys):
            raise RefusedError("two-roles", f"{min(held & set(role.keys))} would speak for two roles")
        held |= set(role.keys)


def make(ring: Ring, keys: Sequence[PrivateKey]) -> bytes:
    """Return the ring, signed: the first one by its own root keys, a later one by those of the ring before as well."""
    check(ring)
    return dsse.seal(dsse.STATEMENT, ring.to_statement(), keys).to_bytes()


def follow(chain: Sequence[bytes], at: datetime, *, known: int = 0) -> Ring:
    """Return the newest ring of a chain, which begins with the one that is trusted; raises RefusedError.

    `known` is the version that was seen before: an older chain is a rollback. Steps for each ring: 1 the envelope's form;
    2 the statement and the closed shape; 3 its number follows; 4 enough root keys of the ring before that it does not
    revoke, whose own term does not matter any more; 5 enough root keys of its own, good at the time where it is the newest.
    """
    if not 0 < len(chain) <= MAX_RINGS:
        raise RefusedError("keyring", f"a chain of 1 to {MAX_RINGS} rings is wanted")
    current: Ring | None = None
    for number, data in enumerate(chain, 1):
        envelope = dsse.parse(data)  # 1
        ring = stated(envelope.payload)  # 2
        if current is not None:
            if ring.version != current.version + 1:  # 3
                raise RefusedError("rollback", f"ring {ring.version} cannot follow ring {current.version}")
            _rooted(envelope, current, ring.version, None)  # 4
        _rooted(envelope, ring, ring.version, at if number == len(chain) else None)  # 5
        current = ring
    assert current is not None  # there is at least one
    if current.version < known:
        raise RefusedError("rollback", f"ring {current.version}, and ring {known} was seen before")
    return current


def stated(payload: bytes) -> Ring:
    """Return the ring that a statement holds, which nobody need have signed; raises RefusedError."""
    found = statement.Statement.parse(payload, statement.KEYS)
    if found.subjects != {SUBJECT: _digest(found.predicate)}:
        raise RefusedError("digest", "the ring is not the one that its statement names")
    return _read(found.predicate)


def _rooted(envelope: dsse.Envelope, trusted: Ring, version: int, at: datetime | None) -> None:
    signers = dsse.signers(envelope, dsse.STATEMENT, trusted.publics())
    if ROOT not in trusted.fulfilled(signers, at):
        if at is not None and ROOT in trusted.fulfilled(signers, None):
            raise UndecidedError(
                "key-not-valid",
                f"the root keys of ring {version} are not good at {format_time(at)}",
                hint="set the clock, or give --at; where their time is over, ask for the ring that follows",
            )
        raise RefusedError("threshold", f"ring {version} lacks signatures of the root of ring {trusted.version}")


def speaks(ring: Ring, envelope: dsse.Envelope, role: str, at: datetime) -> frozenset[str]:
    """Return who signed the envelope, where enough keys of the role did; raises RefusedError or UndecidedError."""
    signers = dsse.signers(envelope, dsse.STATEMENT, ring.publics())
    if role in ring.fulfilled(signers, at):
        return signers
    held = set(ring.roles[role].keys) if role in ring.roles else set()
    if signers & held:
        bad = sorted(name for name in signers & held if not ring.keys[name].good_at(at))
        if bad:
            revoked = ring.keys[bad[0]].revoked
            if revoked is not None and revoked <= at:
                text = f"the key {bad[0]} is revoked since {format_time(revoked)}"
                raise UndecidedError("key-not-valid", text, hint="have it signed again, or let a log show that it is older")
            raise UndecidedError("key-not-valid", f"{bad[0]} was not valid at that time", hint="have it signed again")
        raise RefusedError("threshold", f"too few keys of the role {role} signed: {', '.join(sorted(signers & held))}")
    raise RefusedError("role", f"nobody signed it as {role}; signed by: {', '.join(sorted(signers))}")

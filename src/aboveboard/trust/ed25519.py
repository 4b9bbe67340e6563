"""Ed25519 (RFC 8032) through `cryptography`, and the keys that must not be enrolled.

A public key of small order accepts one signature for every message, or for one in eight; OpenSSL loads such keys. A key
that is not in the subgroup of prime order, or is not written in its one form, is refused here as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aboveboard.trust import key_file
from aboveboard.trust.refusal import RefusedError

SIZE, SIGNATURE = 32, 64  # bytes
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1

_Point = tuple[int, int, int, int]  # extended coordinates (RFC 8032 section 5.1.4)
_NEUTRAL: _Point = (0, 1, 1, 0)


@dataclass(frozen=True)
class PublicKey:
    """A public key that may be enrolled: `raw` are its 32 bytes (RFC 8032 section 5.1.5)."""

    raw: bytes

    @classmethod
    def enrol(cls, raw: bytes) -> PublicKey:
        """Return the key; raises RefusedError for one that is no point, of small order, or outside the main subgroup."""
        if len(raw) != SIZE:
            raise RefusedError("key-form", f"an Ed25519 public key has {SIZE} bytes, not {len(raw)}")
        point = _decompress(raw)
        if point is None:
            raise RefusedError("key-form", "the bytes are no point of the curve in its one form")
        if _is_neutral(_times(8, point)):
            raise RefusedError("key-small-order", "a key of small order: it would accept signatures that nobody made")
        if not _is_neutral(_times(_ORDER, point)):
            raise RefusedError("key-form", "the key is outside the subgroup of prime order")
        return cls(raw)

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Read SubjectPublicKeyInfo in PEM (RFC 8410); raises RefusedError for any other kind of key."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise RefusedError("key-form", f"not a public key in PEM: {error}"[:200]) from error
        if not isinstance(key, Ed25519PublicKey):
            raise RefusedError("key-type", "only Ed25519 keys are taken")
        return cls.enrol(key.public_bytes_raw())

    def to_pem(self) -> bytes:
        """Return SubjectPublicKeyInfo in PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_bytes(serialization.Encoding.PEM, form)

    @cached_property
    def id(self) -> str:
        """Return the SHA-256 of the 32 bytes in hexadecimal: a name that two keys do not share."""
        return hashlib.sha256(self.raw).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the signature is this key's over the message. S must be below the order, as RFC 8032 has it."""
        if len(signature) != SIGNATURE or int.from_bytes(signature[32:], "little") >= _ORDER:
            return False
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)


class PrivateKey:
    """A private key. It is shown to nobody: it signs, and it can be written to a file under a passphrase."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> PrivateKey:
        """Return a new key from the system's random numbers."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """Return the key of a 32-byte seed (RFC 8032 section 5.1.5): for tests and for keys kept elsewhere."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes) -> PrivateKey:
        """Read PKCS #8 in PEM, encrypted (`key_file`); raises RefusedError.

        So for another type, a wrong passphrase, no encryption, or an encryption that asks for too much work.
        """
        if b"ENCRYPTED" not in pem[:64]:
            raise RefusedError(
                "key-unprotected", "a private key without a passphrase is not used", hint="make one with `keys new`"
            )
        key_file.bounded(pem)
        try:
            key = serialization.load_pem_private_key(pem, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:  # the last for what OpenSSL refuses
            raise RefusedError(
                "key-locked", "the passphrase does not open the key, or the file is damaged", hint="type it again"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise RefusedError("key-type", "only Ed25519 keys are taken")
        return cls(key)

    def to_pem(self, passphrase: bytes) -> bytes:
        """Return PKCS #8 in PEM (RFC 5958), encrypted under the passphrase (`key_file`)."""
        if not passphrase:
            raise RefusedError("key-unprotected", "a passphrase is needed", hint="give one that nobody guesses")
        plain = serialization.NoEncryption()
        inner = self._key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)
        return key_file.wrap(inner, passphrase)

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self._key.sign(message)


def _decompress(raw: bytes) -> _Point | None:
    """Return the point (RFC 8032 section 5.1.3), None for what is no point or not written in its one form."""
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _add(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    result = _NEUTRAL
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _is_neutral(point: _Point) -> bool:
    return point[0] % _P == 0 and (point[1] - point[2]) % _P == 0

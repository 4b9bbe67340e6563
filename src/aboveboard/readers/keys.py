"""Finds key material in bytes: private keys that parse, certificates, OpenSSH public keys.

Sources: RFC 7468 (PEM), RFC 5208 and RFC 5958 (PKCS #8), RFC 8017 (PKCS #1), RFC 5915 (EC), OpenSSH PROTOCOL.key,
RFC 4253 section 6.6 and RFC 4251 section 5 (SSH wire forms; dropbear stores its host keys in them).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519

MAX_BLOCK = 1 << 16  # bytes between the lines of a PEM block; larger than any key in use
MAX_BLOCKS = 4096
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.{0,65536}?)-----END \1-----", re.DOTALL)
_SSH_TYPES = (
    b"ssh-rsa",
    b"ssh-dss",
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)


@dataclass(frozen=True)
class PrivateKey:
    """A private key that parsed. `public` is the SHA-256 of the public key (SubjectPublicKeyInfo), if it could be had."""

    offset: int
    form: str
    algorithm: str
    bits: int
    encrypted: bool
    public: str


@dataclass(frozen=True)
class Certificate:
    """A certificate that parsed; `public` as in PrivateKey."""

    offset: int
    subject: str
    self_signed: bool
    public: str


@dataclass(frozen=True)
class AuthorisedKey:
    """One line of an authorized_keys file; `fingerprint` as ssh-keygen -l prints it."""

    line: int
    algorithm: str
    fingerprint: str
    comment: str


def find(data: bytes) -> Iterator[PrivateKey | Certificate]:
    """Yield what parses, in the order of the bytes; text that only looks like a key is passed over."""
    for number, match in enumerate(_PEM.finditer(data)):
        if number >= MAX_BLOCKS:
            return
        label = match[1].decode("ascii")
        if label.endswith("PRIVATE KEY"):
            found: PrivateKey | Certificate | None = _private_pem(match[0], label, match.start())
        elif label in ("CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"):
            found = _certificate(match[0], match.start())
        else:
            found = None
        if found is not None:
            yield found
    whole = _private_der(data) or _dropbear(data)
    if whole is not None:
        yield whole


def authorised_keys(text: str) -> Iterator[AuthorisedKey]:
    """Yield the keys of an authorized_keys file (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        for at, word in enumerate(words[:-1]):
            if word.encode("utf-8", "replace") not in _SSH_TYPES:
                continue
            try:
                blob = base64.b64decode(words[at + 1], validate=True)
            except (binascii.Error, ValueError):
                break
            if blob[4 : 4 + len(word)] != word.encode("ascii"):
                break
            digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")
            yield AuthorisedKey(number, word, f"SHA256:{digest}", " ".join(words[at + 2 :])[:200])
            break


def _private_pem(block: bytes, label: str, offset: int) -> PrivateKey | None:
    block = block.replace(b"\\n", b"\n")  # as a string constant of a program or script holds it
    if label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block:
        return PrivateKey(offset, label, "unknown", 0, encrypted=True, public="") if _has_body(block) else None
    load = serialization.load_ssh_private_key if label.startswith("OPENSSH") else serialization.load_pem_private_key
    try:
        key = load(block, password=None)
    except TypeError:  # the library's word for "a password is needed"
        return PrivateKey(offset, label, "unknown", 0, encrypted=True, public="")
    except (ValueError, UnsupportedAlgorithm):
        return None
    return _described(key, label, offset)


def _private_der(data: bytes) -> PrivateKey | None:
    if not data.startswith(b"\x30") or len(data) > MAX_BLOCK:
        return None
    try:
        return _described(serialization.load_der_private_key(data, password=None), "DER", 0)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _described(key: object, form: str, offset: int) -> PrivateKey | None:
    kinds: tuple[tuple[type, str], ...] = (
        (rsa.RSAPrivateKey, "rsa"),
        (dsa.DSAPrivateKey, "dsa"),
        (ec.EllipticCurvePrivateKey, "ec"),
        (ed25519.Ed25519PrivateKey, "ed25519"),
        (ed448.Ed448PrivateKey, "ed448"),
        (x25519.X25519PrivateKey, "x25519"),
        (x448.X448PrivateKey, "x448"),
    )
    for kind, name in kinds:
        if isinstance(key, kind):
            bits = int(getattr(key, "key_size", 256))
            return PrivateKey(offset, form, name, bits, encrypted=False, public=_public(key.public_key()))  # type: ignore[attr-defined]  # all of these have it
    return None


def _certificate(block: bytes, offset: int) -> Certificate | None:
    try:
        found = x509.load_pem_x509_certificate(block.replace(b"\\n", b"\n"))
        return Certificate(
            offset,
            found.subject.rfc4514_string()[:300],
            found.subject == found.issuer,
            _public(found.public_key()),
        )
    except (ValueError, UnsupportedAlgorithm):
        return None


def _public(key: object) -> str:
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]  # a public key of the library
    return "sha256:" + hashlib.sha256(info).hexdigest()


def _dropbear(data: bytes) -> PrivateKey | None:
    """Read a dropbear host key: the SSH name, then the numbers, the private ones among them."""
    if len(data) > MAX_BLOCK or len(data) < 64:
        return None
    fields: list[bytes] = []
    at = 0
    while at + 4 <= len(data) and len(fields) < 9:
        (size,) = struct.unpack_from(">I", data, at)
        if size > len(data) - at - 4:
            return None
        fields.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data) or not fields or fields[0] not in _SSH_TYPES:
        return None
    name = fields[0].decode("ascii")
    numbers = {"ssh-rsa": 4, "ssh-dss": 6, "ssh-ed25519": 2}.get(name, 4)
    if len(fields) < numbers:
        return None  # the public part alone
    if name == "ssh-rsa":
        exponent, modulus = (int.from_bytes(field, "big") for field in fields[1:3])
        try:
            public = _public(rsa.RSAPublicNumbers(exponent, modulus).public_key())
        except ValueError:
            return None
        return PrivateKey(0, "dropbear", "rsa", modulus.bit_length(), encrypted=False, public=public)
    return PrivateKey(0, "dropbear", name.partition("-")[2] or name, 0, encrypted=False, public="")


def _has_body(block: bytes) -> bool:
    body = b"".join(line for line in block.splitlines()[1:-1] if b":" not in line)
    try:
        return len(base64.b64decode(body, validate=False)) > 64
    except (binascii.Error, ValueError):
        return False

"""Private keys in files: PKCS #8 in PEM under a passphrase, with a cost for whoever guesses and a bound for whoever reads.

Written is PBES2 (RFC 8018 section 6.2) with scrypt (RFC 7914 section 7) and AES-256-CBC, as `openssl pkcs8 -topk8 -scrypt`
writes it too. Of what is read the costs are looked at first: a file that asks for more memory or time than any honest one
is refused before anything is computed.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from aboveboard.trust.refusal import RefusedError

# OpenSSL opens scrypt up to 32 MiB (128 * N * r bytes) and no further; so time comes from p, as OWASP's table has it.
N, R, P = 1 << 14, 8, 5
SALT, BLOCK, KEY = 16, 16, 32  # bytes
# What is read at most. Files of older versions and of other programs ask for less.
MAX_ROUNDS = 10_000_000  # PBKDF2: a few seconds
MAX_MEMORY = 1 << 28  # bytes, 128 * N * r
MAX_WORK = 1 << 24  # N * r * p: some seconds
MAX_KEY = 64  # bytes
_LABEL = "ENCRYPTED PRIVATE KEY"
_PEM = re.compile(rf"\s*-----BEGIN {_LABEL}-----([A-Za-z0-9+/=\s]+)-----END {_LABEL}-----\s*".encode())
_SEQUENCE, _INTEGER, _OCTETS, _OID = 0x30, 0x02, 0x04, 0x06
_PBES2 = bytes.fromhex("2a864886f70d01050d")  # 1.2.840.113549.1.5.13
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")  # 1.2.840.113549.1.5.12
_SCRYPT = bytes.fromhex("2b06010401da47040b")  # 1.3.6.1.4.1.11591.4.11
_AES256_CBC = bytes.fromhex("60864801650304012a")  # 2.16.840.1.101.3.4.1.42


def wrap(inner: bytes, passphrase: bytes) -> bytes:
    """Return a PrivateKeyInfo in DER (RFC 5958) as an EncryptedPrivateKeyInfo in PEM."""
    salt, start = secrets.token_bytes(SALT), secrets.token_bytes(BLOCK)
    key = Scrypt(salt=salt, length=KEY, n=N, r=R, p=P).derive(passphrase)
    padder, encryptor = PKCS7(8 * BLOCK).padder(), Cipher(AES256(key), CBC(start)).encryptor()
    body = encryptor.update(padder.update(inner) + padder.finalize()) + encryptor.finalize()
    costs = _put(_OCTETS, salt) + b"".join(map(_number, (N, R, P, KEY)))
    kdf = _put(_SEQUENCE, _put(_OID, _SCRYPT) + _put(_SEQUENCE, costs))
    cipher = _put(_SEQUENCE, _put(_OID, _AES256_CBC) + _put(_OCTETS, start))
    scheme = _put(_SEQUENCE, _put(_OID, _PBES2) + _put(_SEQUENCE, kdf + cipher))
    text = base64.encodebytes(_put(_SEQUENCE, scheme + _put(_OCTETS, body))).replace(b"\n", b"")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([f"-----BEGIN {_LABEL}-----".encode(), *lines, f"-----END {_LABEL}-----".encode(), b""])


def bounded(pem: bytes) -> None:
    """Raise RefusedError for a key file that is not in the form that is read here, or asks for too much work.

    Steps: 1 one PEM block of an encrypted key, in DER; 2 it is PBES2, with scrypt or PBKDF2; 3 its costs.
    """
    found = _PEM.fullmatch(pem)  # 1
    if found is None:
        raise _locked()
    try:
        whole = _only(base64.b64decode(b"".join(found[1].split()), validate=True), _SEQUENCE)
        scheme, _ = _take(whole, _SEQUENCE)
        name, parameters = _take(scheme, _OID)
        kdf, _ = _take(_only(parameters, _SEQUENCE) if name == _PBES2 else b"", _SEQUENCE)  # 2
        name, parameters = _take(kdf, _OID)
        _, costs = _take(_only(parameters, _SEQUENCE), _OCTETS)
        numbers = _numbers(costs)
    except (ValueError, binascii.Error) as error:
        raise _locked() from error
    if not numbers or min(numbers) < 1:  # 3
        raise _locked()
    if name == _PBKDF2:
        heavy = numbers[0] > MAX_ROUNDS or max(numbers[1:], default=0) > MAX_KEY
    elif name == _SCRYPT and len(numbers) >= 3 and numbers[0] > 1 and numbers[0].bit_count() == 1:
        n, r, p = numbers[:3]
        heavy = 128 * r * max(n, p) > MAX_MEMORY or n * r * p > MAX_WORK or max(numbers[3:], default=0) > MAX_KEY
    else:
        raise _locked()
    if heavy:
        raise RefusedError(
            "key-cost", "the key file asks for more time or memory than any honest one", hint="make a key with `keys new`"
        )


def _locked() -> RefusedError:
    text = "the file is damaged, or is encrypted in another way than PBES2 with scrypt or PBKDF2"
    return RefusedError("key-locked", text, hint="bring it into this form with `openssl pkcs8 -topk8 -scrypt`")


def _put(tag: int, content: bytes) -> bytes:
    """Return one element in DER (X.690 section 8.1)."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _number(value: int) -> bytes:
    return _put(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _take(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first element, and what stands behind it; raises ValueError for another kind."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("another element is wanted")
    size, start = data[1], 2
    if size >= 0x80:
        count = size & 0x7F
        start, size = 2 + count, int.from_bytes(data[2 : 2 + count])
        if not 0 < count <= 3:
            raise ValueError("no length of ours")
    if len(data) < start + size:
        raise ValueError("cut")
    return data[start : start + size], data[start + size :]


def _only(data: bytes, tag: int) -> bytes:
    content, behind = _take(data, tag)
    if behind:
        raise ValueError("something stands behind")
    return content


def _numbers(data: bytes) -> list[int]:
    """Return the integers with which a list of elements begins."""
    found = []
    while data[:1] == bytes([_INTEGER]):
        content, data = _take(data, _INTEGER)
        if len(content) > 8 or not content or content[0] & 0x80:
            raise ValueError("no such cost")
        found.append(int.from_bytes(content))
    return found

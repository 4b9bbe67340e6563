"""Password hashes against a short list of passwords that everyone tries first.

Only md5-crypt and sha-crypt are computed here (Python's own crypt module is gone from 3.13 on); it is a look at the hash of
the image, no attack on a device. Sources: P.-H. Kamp's md5crypt as in glibc's crypt(3); U. Drepper, "Unix crypt using
SHA-256 and SHA-512", version 0.6, 2020.
"""

from __future__ import annotations

import hashlib

WORDS = tuple(
    "admin root password 1234 12345 123456 12345678 user support toor default public private guest changeme".split()
)
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MAX_ROUNDS = 20_000  # a hash that asks for more is not tried
_SHA256_ORDER = (
    (0, 10, 20), (21, 1, 11), (12, 22, 2), (3, 13, 23), (24, 4, 14),
    (15, 25, 5), (6, 16, 26), (27, 7, 17), (18, 28, 8), (9, 19, 29),
)  # fmt: skip


def well_known(field: str, name: str) -> str:
    """Return the well-known password, or the account's own name, that has this hash; empty where none has."""
    parts = field.split("$")
    if len(parts) < 4 or parts[1] not in ("1", "5", "6"):
        return ""
    for word in dict.fromkeys((name, *WORDS)):
        if hashed(word, field) == field:
            return word
    return ""


def hashed(word: str, field: str) -> str:
    """Return the hash of a word under the salt and rounds of a field; empty where its form is not known here."""
    parts = field.split("$")
    if parts[1] == "1":
        return _md5(word.encode(), parts[2][:8].encode())
    rounds, explicit, salt = 5000, False, parts[2]
    if salt.startswith("rounds=") and salt[7:].isdigit() and len(parts) > 4:
        rounds, explicit, salt = max(1000, int(salt[7:][:9])), True, parts[3]
    if rounds > MAX_ROUNDS:
        return ""
    return _sha(word.encode(), salt[:16].encode(), rounds, explicit=explicit, wide=parts[1] == "6")


def _encode(value: int, length: int) -> str:
    out = ""
    for _ in range(length):
        out += _ALPHABET[value & 0x3F]
        value >>= 6
    return out


def _md5(word: bytes, salt: bytes) -> str:
    inner = hashlib.md5(word + salt + word, usedforsecurity=False).digest()
    mixed = word + b"$1$" + salt
    mixed += (inner * (len(word) // 16 + 1))[: len(word)]
    count = len(word)
    while count:
        mixed += b"\0" if count & 1 else word[:1]
        count >>= 1
    final = hashlib.md5(mixed, usedforsecurity=False).digest()
    for turn in range(1000):
        text = word if turn & 1 else final
        text += salt if turn % 3 else b""
        text += word if turn % 7 else b""
        text += final if turn & 1 else word
        final = hashlib.md5(text, usedforsecurity=False).digest()
    out = "".join(
        _encode(final[a] << 16 | final[b] << 8 | final[c], 4)
        for a, b, c in ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
    )
    return f"$1${salt.decode()}${out}{_encode(final[11], 2)}"


def _sha(word: bytes, salt: bytes, rounds: int, *, explicit: bool, wide: bool) -> str:
    make = hashlib.sha512 if wide else hashlib.sha256
    size = 64 if wide else 32
    inner = make(word + salt + word).digest()
    mixed = word + salt + (inner * (len(word) // size + 1))[: len(word)]
    count = len(word)
    while count:
        mixed += inner if count & 1 else word
        count >>= 1
    final = make(mixed).digest()
    words = (make(word * len(word)).digest() * (len(word) // size + 1))[: len(word)]
    salts = (make(salt * (16 + final[0])).digest() * (len(salt) // size + 1))[: len(salt)]
    for turn in range(rounds):
        text = words if turn & 1 else final
        text += salts if turn % 3 else b""
        text += words if turn % 7 else b""
        text += final if turn & 1 else words
        final = make(text).digest()
    prefix = f"${'6' if wide else '5'}$" + (f"rounds={rounds}$" if explicit else "") + salt.decode() + "$"
    return prefix + (_order_wide(final) if wide else _order(final))


def _order(final: bytes) -> str:
    out = "".join(_encode(final[a] << 16 | final[b] << 8 | final[c], 4) for a, b, c in _SHA256_ORDER)
    return out + _encode(final[31] << 8 | final[30], 3)


def _order_wide(final: bytes) -> str:
    out, a, b, c = "", 0, 21, 42
    for _ in range(21):
        out += _encode(final[a] << 16 | final[b] << 8 | final[c], 4)
        a, b, c = b + 1, c + 1, a + 1
    return out + _encode(final[63], 2)

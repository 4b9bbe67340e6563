"""Private key files: what guessing costs, what opening may cost, and that files of older versions open."""

from __future__ import annotations

import base64
import random
import resource

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aboveboard.trust import key_file
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.refusal import RefusedError
from tests.attacks.keys import SUPPLIER, refused

WORDS = b"for a test"
PEM = SUPPLIER.to_pem(WORDS)
SALT = bytes(16)


def number(value: int) -> bytes:
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def element(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size]) + content if size < 128 else bytes([tag, 0x82]) + size.to_bytes(2) + content


def made(kdf: bytes, costs: bytes) -> bytes:
    """Return a key file of any cost."""
    aes = element(0x30, element(0x06, bytes.fromhex("60864801650304012a")) + element(0x04, bytes(16)))
    derived = element(0x30, element(0x06, kdf) + element(0x30, element(0x04, SALT) + costs))
    scheme = element(0x30, element(0x06, bytes.fromhex("2a864886f70d01050d")) + element(0x30, derived + aes))
    return pem(element(0x30, scheme + element(0x04, bytes(64))))


def pem(data: bytes) -> bytes:
    label = b"ENCRYPTED PRIVATE KEY"
    return b"-----BEGIN " + label + b"-----\n" + base64.encodebytes(data) + b"-----END " + label + b"-----\n"


def scrypt(*costs: int) -> bytes:
    return made(bytes.fromhex("2b06010401da47040b"), b"".join(map(number, costs)))


def pbkdf2(rounds: int, *more: int) -> bytes:
    digest = element(0x30, element(0x06, bytes.fromhex("2a864886f70d0209")) + b"\x05\x00")
    return made(bytes.fromhex("2a864886f70d01050c"), b"".join(map(number, (rounds, *more))) + digest)


def test_a_key_file_costs_what_a_password_should() -> None:
    body = base64.b64decode(b"".join(PEM.splitlines()[1:-1]))
    costs = number(key_file.N) + number(key_file.R) + number(key_file.P)
    assert bytes.fromhex("2b06010401da47040b") in body
    assert costs in body
    assert 128 * key_file.N * key_file.R >= 16 << 20
    assert PrivateKey.from_pem(PEM, WORDS).public == SUPPLIER.public
    refused("key-locked", lambda: PrivateKey.from_pem(PEM, b"another"))
    assert SUPPLIER.to_pem(WORDS) != PEM  # a salt of its own


def test_a_file_of_an_older_version_opens() -> None:
    seed = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    weak = serialization.BestAvailableEncryption(WORDS)
    old = seed.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, weak)
    assert PrivateKey.from_pem(old, WORDS).public.raw == seed.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "costs",
    [
        (1 << 40, 8, 1),
        (1 << 20, 1024, 1),
        (1 << 14, 1 << 30, 1),
        (1 << 14, 8, 1 << 30),
        (2, 1 << 22, 1),
        (1 << 14, 8, 5, 1 << 31),
        (2**62, 2**63 - 1, 2**63 - 1),
    ],
)
def test_costs_that_would_take_the_memory_or_the_day_are_refused_before(costs: tuple[int, ...]) -> None:
    assert refused("key-cost", lambda: PrivateKey.from_pem(scrypt(*costs), WORDS)).exit_code == 3


@pytest.mark.parametrize("costs", [(2**31 - 1,), (2**60,), (2048, 1 << 31)])
def test_rounds_that_would_take_the_day_are_refused_before(costs: tuple[int, ...]) -> None:
    refused("key-cost", lambda: PrivateKey.from_pem(pbkdf2(*costs), WORDS))


@pytest.mark.parametrize(
    "data", [scrypt(0, 8, 1), scrypt(3, 8, 1), scrypt(1 << 14, 0, 0), scrypt(1), pbkdf2(0), pbkdf2(2048)]
)
def test_costs_that_are_none_are_a_damaged_file(data: bytes) -> None:
    refused("key-locked", lambda: PrivateKey.from_pem(data, WORDS))


def test_what_hides_its_costs_is_not_opened() -> None:
    body = base64.b64decode(b"".join(PEM.splitlines()[1:-1]))
    twice = PEM + scrypt(1 << 40, 8, 1)
    headed = PEM.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1)
    spaces = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" + b"\n " * 30_000
    behind, endless = pem(body + b"\0"), pem(b"\x30\x80" + body[2:] + b"\0\0")
    for data in (twice, headed, spaces, behind, endless, b"ENCRYPTED", pem(b"")):
        assert opened(data) == "key-locked"


def opened(data: bytes) -> str:
    """Return how a file is refused, or that it opens."""
    try:
        PrivateKey.from_pem(data, WORDS)
    except RefusedError as error:
        return error.code
    return "opens"


def test_any_changed_byte_is_refused_or_another_key_and_takes_no_memory() -> None:
    body, chance = base64.b64decode(b"".join(PEM.splitlines()[1:-1])), random.Random(7)
    seen: set[str] = set()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= 1 << chance.randrange(8)
        seen.add(opened(pem(bytes(changed))))
    assert {"key-locked"} <= seen <= {"key-locked", "key-cost", "opens"}  # PKCS #8 has no sum over the seed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 * key_file.MAX_MEMORY >> 10

"""Private keys and certificates in any file, from its bytes alone.

A private key counts only when it parses as one: text of a library that speaks of keys, templates and empty frames do
not. Encrypted keys are named as such. What a key is used for is the tree's business (`keys`).
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.evidence.collector import FileSubject, Needs, Planted
from aboveboard.model.facts import Fact, Gap, Where
from aboveboard.readers import keys

NAME = "key_material"
VERSION = 1
SUBJECT = "file"
NEEDS: tuple[str, ...] = ()
EMITS = {
    "private-key": "form, algorithm, bits, encrypted, public (SHA-256 of the public key)",
    "certificate": "subject, self_signed, public (SHA-256 of the public key)",
}
CLAUSES = ("NB-02", "NB-13")

_ED25519 = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""
PLANTED = (
    Planted({"/key": b"# a planted key\n" + _ED25519}, (("private-key", {"algorithm": "ed25519", "encrypted": False}),)),
)


def wants(head: bytes, size: int) -> bool:
    """Take every file that could hold a key."""
    return size >= 64 and not head.startswith((b"\x89PNG", b"GIF8", b"\xff\xd8\xff"))


def collect(subject: FileSubject, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the keys and certificates of one file."""
    del needs
    for found in keys.find(subject.data):
        line = subject.data.count(b"\n", 0, found.offset) + 1
        where = Where(offset=found.offset, line=None if b"\0" in subject.data[:1024] else line)
        if isinstance(found, keys.PrivateKey):
            yield Fact(
                "private-key",
                where,
                {
                    "form": found.form,
                    "algorithm": found.algorithm,
                    "bits": found.bits,
                    "encrypted": found.encrypted,
                    "public": found.public,
                },
            )
        else:
            yield Fact(
                "certificate",
                where,
                {"subject": found.subject, "self_signed": found.self_signed, "public": found.public},
            )

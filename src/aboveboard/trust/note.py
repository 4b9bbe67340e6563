"""Signed notes: C2SP signed-note v1.0.0. Used for checkpoints of the log alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aboveboard.trust.ed25519 import SIZE, PrivateKey, PublicKey
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import decode_base64, encode_base64

ED25519, COSIGNATURE = 0x01, 0x04  # types of signature
MAX_NOTE = 1 << 20  # bytes
MAX_SIGNATURES = 100
_LINE = re.compile("— ([^ +\\s]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class Line:
    """One signature line: the name of its key, the key's number, and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    def to_text(self) -> str:
        """Return the line with its newline."""
        return f"— {self.name} {encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """A note in its form: a text that ends in a newline, and signatures that nobody has checked yet."""

    text: str
    lines: tuple[Line, ...]

    def to_bytes(self) -> bytes:
        """Return the note as it is written."""
        return (self.text + "\n" + "".join(line.to_text() for line in self.lines)).encode()

    def signed_by(self, *lines: Line) -> Note:
        """Return the note with these signatures; a line of the same key that stood there before gives way."""
        new = {(line.name, line.key_id) for line in lines}
        kept = (line for line in self.lines if (line.name, line.key_id) not in new)
        return Note(self.text, tuple(dict.fromkeys((*kept, *lines))))


class Verifier(Protocol):
    """Something that can tell whether a signature line is a key's over a text."""

    @property
    def name(self) -> str:
        """Return the name of the key."""
        ...

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that say which key of this name it is."""
        ...

    def verifies(self, text: str, signature: bytes) -> bool:
        """Tell whether the signature holds."""
        ...


def key_id(name: str, kind: int, raw: bytes) -> bytes:
    """Return the number of a key (C2SP signed-note, Signatures)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + raw).digest()[:4]


def parse(data: bytes) -> Note:
    """Read a note; raises RefusedError. The signatures begin after the last empty line."""
    if len(data) > MAX_NOTE:
        raise RefusedError("too-large", f"a note of {len(data)} bytes, at most {MAX_NOTE} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError("note-form", "a note that is not UTF-8") from error
    if any(character < " " and character != "\n" for character in text):
        raise RefusedError("note-form", "a control character in a note")
    split = text.rfind("\n\n")
    if split < 0 or not text.endswith("\n"):
        raise RefusedError("note-form", "no empty line before the signatures, or no newline at the end")
    body, rest = text[: split + 1], text[split + 2 :]
    listed = rest.split("\n")[:-1]
    if not listed:
        raise RefusedError("unsigned", "a note without signatures")
    if len(listed) > MAX_SIGNATURES:
        raise RefusedError("too-large", f"more than {MAX_SIGNATURES} signatures under a note")
    return Note(body, tuple(_line(one) for one in listed))


def _line(text: str) -> Line:
    match = _LINE.fullmatch(text)
    if match is None:
        raise RefusedError("note-form", "a line under the note that is no signature")
    packed = decode_base64(match[2])
    if len(packed) < 5:
        raise RefusedError("note-form", "a signature that is too short")
    return Line(match[1], packed[:4], packed[4:])


def verified(note: Note, verifiers: Sequence[Verifier]) -> tuple[Verifier, ...]:
    """Return those whose signature the note bears; raises RefusedError where a known key's line does not hold.

    A line of an unknown key is passed over. The key's number is short, so a line counts for a key by name, number and
    signature together.
    """
    found: list[Verifier] = []
    for line in note.lines:
        known = [one for one in verifiers if (one.name, one.key_id) == (line.name, line.key_id)]
        if not known:
            continue
        holds = [one for one in known if one.verifies(note.text, line.signature)]
        if not holds:
            raise RefusedError("signature", f"a signature in the name of {line.name} does not hold")
        found += [one for one in holds if one not in found]
    return tuple(found)


@dataclass(frozen=True)
class LogKey:
    """A key that signs notes plainly (type 0x01)."""

    name: str
    public: PublicKey

    @property
    def key_id(self) -> bytes:
        """Return the key's number."""
        return key_id(self.name, ED25519, self.public.raw)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Tell whether the signature holds."""
        return self.public.verifies(signature, text.encode())

    def to_text(self) -> str:
        """Return the verifier key as others read it: name, number, and type with key."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([ED25519]) + self.public.raw)}"


def parse_key(text: str) -> tuple[str, int, PublicKey]:
    """Read a verifier key: name, type and public key; raises RefusedError."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise RefusedError("key-form", "a verifier key is NAME+NUMBER+KEY")
    check_name(parts[0])
    packed = decode_base64(parts[2])
    if packed and packed[0] not in (ED25519, COSIGNATURE):
        raise RefusedError(
            "unsupported", f"a key of type {packed[0]}; only Ed25519 is taken, for logs (1) and witnesses (4)"
        )
    if len(packed) != 1 + SIZE:
        raise RefusedError("key-form", f"an Ed25519 key has {SIZE} bytes after its type")
    if key_id(parts[0], packed[0], packed[1:]).hex() != parts[1]:
        raise RefusedError("key-form", "the number of the key is not this key's")
    return parts[0], packed[0], PublicKey.enrol(packed[1:])


def check_name(name: str) -> None:
    """Raise RefusedError where a name cannot be a key's: empty, or with blanks, plus signs or control characters."""
    if not name or "+" in name or any(one.isspace() or not one.isprintable() for one in name):
        raise RefusedError("key-form", f"{name[:40]!r} is no name for a key")


def sign(text: str, name: str, key: PrivateKey) -> Line:
    """Return the plain signature of a text that ends in a newline."""
    return Line(name, key_id(name, ED25519, key.public.raw), key.sign(text.encode()))

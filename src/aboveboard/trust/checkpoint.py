"""Checkpoints of a log (C2SP tlog-checkpoint v1.0.0) and their cosignatures by witnesses (C2SP tlog-cosignature v1.0.1)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aboveboard.trust.ed25519 import SIGNATURE, PrivateKey, PublicKey
from aboveboard.trust.merkle import EMPTY, HASH
from aboveboard.trust.note import COSIGNATURE, Line, LogKey, Note, key_id, parse, verified
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import decode_base64, encode_base64, parse_decimal

_LATEST = 253402300799  # seconds: the end of the year 9999


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: its name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint; raises RefusedError. Extension lines are not used here, and so not taken."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise RefusedError("checkpoint-form", "a checkpoint has three lines: origin, size, root")
        size, root = parse_decimal(lines[1]), decode_base64(lines[2])
        if len(root) != HASH:
            raise RefusedError("checkpoint-form", f"a root of {len(root)} bytes")
        if size == 0 and root != EMPTY:
            raise RefusedError("checkpoint-form", "a log without entries has the hash of nothing for its root")
        return cls(lines[0], size, root)


@dataclass(frozen=True)
class WitnessKey:
    """A key that cosigns (type 0x04). `when` reads the time out of a signature that holds."""

    name: str
    public: PublicKey

    @property
    def key_id(self) -> bytes:
        """Return the key's number."""
        return key_id(self.name, COSIGNATURE, self.public.raw)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Tell whether the cosignature holds, over its time and the text."""
        if len(signature) != 8 + SIGNATURE:
            return False
        (seconds,) = struct.unpack(">Q", signature[:8])
        return seconds <= _LATEST and self.public.verifies(signature[8:], _message(seconds, text))

    def to_text(self) -> str:
        """Return the verifier key as others read it."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([COSIGNATURE]) + self.public.raw)}"


def _message(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def cosign(text: str, name: str, key: PrivateKey, at: datetime) -> Line:
    """Return the cosignature of a checkpoint's text, made at a time (whole seconds)."""
    seconds = int(at.timestamp())
    return Line(
        name, key_id(name, COSIGNATURE, key.public.raw), struct.pack(">Q", seconds) + key.sign(_message(seconds, text))
    )


@dataclass(frozen=True)
class Witnessed:
    """A checkpoint whose log signed it, and the witnesses that cosigned it, each with its time."""

    checkpoint: Checkpoint
    times: dict[str, datetime]  # by the witness's name


def check(data: bytes, log: LogKey, witnesses: Sequence[WitnessKey]) -> Witnessed:
    """Check a checkpoint; raises RefusedError.

    Steps: 1 the form of the note; 2 the log's own signature, by the key that the caller pins; 3 the origin is the name
    of that key; 4 the cosignatures of known witnesses, each key once, the log's own key never.
    """
    note = parse(data)  # 1
    if not verified(note, [log]):  # 2
        raise RefusedError("signature", f"the checkpoint is not signed by the log {log.name}")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.name:  # 3
        raise RefusedError("origin", f"a checkpoint of {checkpoint.origin[:80]!r}, wanted is {log.name!r}")
    return Witnessed(checkpoint, _times(note, log, witnesses))


def _times(note: Note, log: LogKey, witnesses: Sequence[WitnessKey]) -> dict[str, datetime]:
    verified(note, witnesses)  # 4
    counted: set[bytes] = {log.public.raw}
    times: dict[str, datetime] = {}
    for witness in witnesses:
        if witness.public.raw in counted:
            continue
        lines = [one for one in note.lines if (one.name, one.key_id) == (witness.name, witness.key_id)]
        found = [struct.unpack(">Q", one.signature[:8])[0] for one in lines]
        if found:
            counted.add(witness.public.raw)
            times[witness.name] = datetime.fromtimestamp(max(found), UTC)
    return times

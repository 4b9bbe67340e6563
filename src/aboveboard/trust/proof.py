"""Proof files: C2SP tlog-proof v1. One file says that an entry is in a log; it is checked without the log."""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.trust.checkpoint import Witnessed
from aboveboard.trust.merkle import HASH, check_inclusion, leaf_hash
from aboveboard.trust.policy import Policy
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import decode_base64, encode_base64, parse_decimal

FIRST = "c2sp.org/tlog-proof@v1"
MAX_BYTES = 1 << 20
MAX_HASHES = 63  # of a tree of at most 2^63 - 1 entries


@dataclass(frozen=True)
class Proof:
    """Where the entry stands, the hashes that lead from it to the root, and the signed checkpoint with that root.

    `extra` may hold the entry itself, so that the file needs nothing beside it; it is nobody's word before `check`.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the proof file."""
        extra = [f"extra {encode_base64(self.extra)}"] if self.extra else []
        lines = [FIRST, *extra, f"index {self.index}", *map(encode_base64, self.hashes)]
        return ("\n".join(lines) + "\n\n").encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Read a proof file; raises RefusedError."""
        if data[:1] == b"\x30":
            raise RefusedError(
                "unsupported",
                "this looks like a time stamp of RFC 3161 (DER), and no such authority is believed here",
                hint="the time comes from witnesses: give a proof that `log prove` made",
            )
        head, found, checkpoint = data.partition(b"\n\n")
        if not found or len(data) > MAX_BYTES:
            raise RefusedError("proof-form", "a proof has an empty line before its checkpoint, and is small")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise RefusedError("proof-form", "a proof is ASCII") from error
        if lines[0] != FIRST:
            raise RefusedError("proof-form", f"a proof begins with {FIRST}")
        extra = lines[1].removeprefix("extra ") if lines[1:] and lines[1].startswith("extra ") else ""
        rest = lines[2:] if extra else lines[1:]
        if not rest or not rest[0].startswith("index "):
            raise RefusedError("proof-form", "no index")
        hashes = tuple(decode_base64(line) for line in rest[1:])
        if len(hashes) > MAX_HASHES or any(len(one) != HASH for one in hashes):
            raise RefusedError("proof-form", "a proof holds hashes of 32 bytes, 63 at most")
        return cls(parse_decimal(rest[0].removeprefix("index ")), hashes, checkpoint, decode_base64(extra))

    def check(self, entry: bytes, policy: Policy) -> Witnessed:
        """Check that this very entry is in the pinned log and the quorum saw it; raises RefusedError.

        Steps: 1 the checkpoint, by the pinned keys; 2 the quorum; 3 the entry, hashed here, at the index under its root.
        """
        witnessed = policy.check(self.checkpoint)  # 1, 2
        tree = witnessed.checkpoint
        check_inclusion(self.index, tree.size, leaf_hash(entry), self.hashes, tree.root)  # 3
        return witnessed

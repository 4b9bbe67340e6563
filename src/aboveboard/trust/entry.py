"""What stands in our log: not the thing itself but a small record with its digest (an entry has 65,535 bytes at most)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aboveboard.model.canonical import JSON, canonical
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import parse_json

FORM = "log-entry/1"
KINDS = ("agreement", "declaration", "record", "verdict", "bundle", "canary", "keyring", "release", "other")
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
MAX_TEXT = 1000  # characters of a value in `about`


@dataclass(frozen=True)
class Entry:
    """One entry: its kind, the SHA-256 of the exact bytes of the thing in hexadecimal, and what it is about.

    `about` holds short texts by which entries are found again, such as the supplier and the number of a canary. Nobody but
    the log vouches for it: whoever needs it to be true opens the thing and compares the digest.
    """

    kind: str
    digest: str
    about: Mapping[str, str | int]

    @classmethod
    def of(cls, kind: str, thing: bytes, about: Mapping[str, str | int] | None = None) -> Entry:
        """Return the entry of a thing."""
        return cls(kind, hashlib.sha256(thing).hexdigest(), dict(about or {}))

    def to_bytes(self) -> bytes:
        """Return the bytes that the log holds."""
        about: dict[str, JSON] = dict(self.about)
        return canonical({"aboveboard": FORM, "kind": self.kind, "sha256": self.digest, "about": about})

    @classmethod
    def parse(cls, data: bytes) -> Entry:
        """Read an entry; raises RefusedError."""
        value = parse_json(data, limit=65_535)
        if not isinstance(value, dict) or set(value) != {"aboveboard", "kind", "sha256", "about"}:
            raise RefusedError("entry-form", "not an entry of ours")
        kind, digest, about = value["kind"], value["sha256"], value["about"]
        if value["aboveboard"] != FORM or kind not in KINDS or not isinstance(digest, str) or not isinstance(about, dict):
            raise RefusedError("entry-form", "not an entry of this form")
        if _DIGEST.fullmatch(digest) is None:
            raise RefusedError("weak-digest", "an entry names its thing by SHA-256")
        found: dict[str, str | int] = {}
        for name, said in about.items():
            if not isinstance(said, str | int) or isinstance(said, bool) or len(str(said)) > MAX_TEXT:
                raise RefusedError("entry-form", f"{name[:40]!r} is no short text or number")
            found[name] = said
        entry = cls(str(kind), digest, found)
        if entry.to_bytes() != data:
            raise RefusedError("not-canonical", "an entry in another form than its own")
        return entry

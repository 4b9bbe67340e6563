"""Statements: in-toto Attestation Framework, Statement v1. What is signed about which bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aboveboard.model.canonical import JSON, canonical
from aboveboard.trust import dsse
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import parse_json

TYPE = "https://in-toto.io/Statement/v1"
PREDICATES = "https://aboveboard.example/predicate/"
AGREEMENT, DECLARATION, RECORD, VERDICT, CANARY, KEYS = (
    f"{PREDICATES}{name}/v1" for name in ("agreement", "declaration", "record", "verdict", "canary", "keyring")
)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
MAX_SUBJECTS = 10_000


@dataclass(frozen=True)
class Statement:
    """A statement of one kind about subjects: name -> SHA-256 in hexadecimal."""

    predicate_type: str
    subjects: Mapping[str, str]
    predicate: Mapping[str, JSON]

    def to_bytes(self) -> bytes:
        """Return the statement as canonical JSON."""
        return canonical(
            {
                "_type": TYPE,
                "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(self.subjects.items())],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )

    @classmethod
    def parse(cls, payload: bytes, predicate_type: str) -> Statement:
        """Read a statement of the expected kind; raises RefusedError for another kind, form, or weaker digests alone."""
        value = parse_json(payload, limit=dsse.MAX_PAYLOAD)
        if not isinstance(value, dict) or set(value) != {"_type", "subject", "predicateType", "predicate"}:
            raise RefusedError("statement-form", "not an in-toto statement")
        if value["_type"] != TYPE:
            raise RefusedError("statement-type", f"a statement of {str(value['_type'])[:80]!r}, wanted is {TYPE}")
        if value["predicateType"] != predicate_type:
            stated = str(value["predicateType"])[:80]
            raise RefusedError("predicate-type", f"it states {stated!r}, wanted is {predicate_type}")
        subjects, predicate = value["subject"], value["predicate"]
        if not isinstance(subjects, list) or not isinstance(predicate, dict) or not 0 < len(subjects) <= MAX_SUBJECTS:
            raise RefusedError("statement-form", "subject is a list that is not empty, predicate an object")
        found: dict[str, str] = {}
        for subject in subjects:
            name, digest = _subject(subject)
            if name in found:
                raise RefusedError("statement-form", f"two subjects are called {name[:80]!r}")
            found[name] = digest
        return cls(predicate_type, found, predicate)


def _subject(value: object) -> tuple[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not isinstance(value.get("digest"), dict):
        raise RefusedError("statement-form", "a subject has a name and digests")
    digest = value["digest"].get("sha256")
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise RefusedError("weak-digest", f"{value['name'][:80]!r} has no SHA-256; weaker digests count for nothing")
    return value["name"], digest

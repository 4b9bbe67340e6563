"""Files of envelopes, read for people: a file of another kind is named, and is no forgery (exit 2 and not 3)."""

from __future__ import annotations

import json
from pathlib import Path

from aboveboard.model.errors import InputError
from aboveboard.pipelines.keys import read_file

_PARTS = frozenset({"payload", "payloadType", "signatures"})  # of an envelope (DSSE 1.0.2)
_STARTS = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a file compressed with gzip"),
    (b"\x7fELF", "a program"),
    (b"-----BEGIN", "a key or certificate in PEM"),
    (b"<", "HTML or XML"),
    (b"# No-spy, no-backdoors agreement", "the text of an agreement"),
)
SIGN = {
    "agreement": "`aboveboard agreement sign` makes one of the JSON that `agreement check` wrote",
    "declaration": "`aboveboard declaration sign` makes one of the YAML",
    "record": "`aboveboard attest CLAUSE --record FILE --by KEY` makes one of the YAML",
    "canary": "`aboveboard canary issue` makes one",
    "file of canaries": "`aboveboard canary issue` makes one",
    "file of keys": "`aboveboard keys init` makes one; a single public key is none",
}


def read_signed(path: Path, what: str) -> bytes:
    """Return a file of envelopes, one a line; raises InputError for one that holds no envelope at all.

    An envelope that is damaged or forged is returned: whoever opens it refuses it.
    """
    data = read_file(path, what)
    kind = other_kind(data)
    if kind is not None:
        raise InputError(f"{path} is no signed {what}: it looks like {kind}", hint=SIGN.get(what, "give a signed file"))
    return data


def other_kind(data: bytes) -> str | None:
    """Return what a file looks like that holds no envelope, None for one that may hold one, and for an empty one."""
    text = data.lstrip()
    if not text:
        return None
    if text[:1] != b"{":
        return next((name for start, name in _STARTS if text.startswith(start)), None) or _plain(text[:4096])
    for part in (text.split(b"\n", 1)[0], text):  # one a line, or one that an editor wrote over many lines
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            continue
        return None if not isinstance(value, dict) or value.keys() & _PARTS else "JSON that nobody signed"
    return None


def _plain(start: bytes) -> str:
    if start.startswith(b"aboveboard:") or b"\naboveboard:" in start:
        return "YAML that nobody signed"
    control = bytes(byte for byte in range(32) if byte not in b"\t\n\r")
    return "data of another kind" if start.translate(None, control) != start else "text that nobody signed"

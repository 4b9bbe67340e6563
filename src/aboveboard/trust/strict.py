"""Reads what is signed, or carries signatures, without any of the freedoms that parsers take.

Python's `json` keeps the last of two equal keys and takes NaN; `base64` skips what it does not know and lets padding bits
be anything; `int` reads digits of other scripts, underscores and blanks; `fromisoformat` reads week dates and local times.
Each has let two readers see two things in one signed text, so here they are all refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime

from aboveboard.model.canonical import JSON, MAX_INTEGER
from aboveboard.trust.refusal import RefusedError

MAX_BYTES = 32 << 20
MAX_DEPTH = 32
MAX_ITEMS = 2_000_000  # brackets, commas and colons: what the values of a document cost
_TIME = re.compile(r"(2\d{3})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
# One without an end reaches to the end of the text, so that nothing is ever read twice: JSON it is not, which shows later.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
LAST_SIZE = (1 << 63) - 1


def parse_json(data: bytes, *, limit: int = MAX_BYTES) -> JSON:
    """Return the JSON in `data` (RFC 8259, as narrowed by RFC 7493); raises RefusedError.

    Steps: 1 size; 2 UTF-8 without mark or NUL; 3 depth and number of values, counted before anything is built; 4 no key
    twice, no fraction, exponent, NaN or integer beyond 2^53 - 1; 5 no text that has no UTF-8 form.
    """
    if len(data) > limit:  # 1
        raise RefusedError("too-large", f"{len(data)} bytes of JSON, at most {limit} are read")
    try:  # 2
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError("not-utf-8", f"byte {error.start} is not UTF-8") from error
    if text.startswith("\ufeff") or "\0" in text:
        raise RefusedError("not-json", "a byte order mark or a NUL")
    _count(data)  # 3
    try:  # 4
        value: JSON = json.loads(
            text, object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number, parse_int=_integer
        )
    except (ValueError, RecursionError) as error:
        raise RefusedError("not-json", f"not JSON: {error}"[:200]) from error
    try:  # 5
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise RefusedError("not-utf-8", "a text with half a surrogate pair") from error
    return value


def _count(data: bytes) -> None:
    bare = _STRING.sub(b"", data)
    if sum(map(bare.count, (b",", b":", b"[", b"{"))) > MAX_ITEMS:
        raise RefusedError("too-large", f"more than {MAX_ITEMS} values")
    depth = 0
    for mark in re.finditer(rb"[\[\]{}]", bare):
        depth += 1 if mark[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise RefusedError("too-deep", f"nested deeper than {MAX_DEPTH}")


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusedError("duplicate-key", "an object holds a key twice")
    return found


def _no_number(text: str) -> JSON:
    raise RefusedError("number", f"{text[:40]} is no integer")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise RefusedError("number", f"{text[:40]} is beyond 2^53 - 1")
    return int(text)


def decode_base64(text: str, *, url_safe: bool = False) -> bytes:
    """Return the bytes of padded base64 (RFC 4648 section 4, with `url_safe` also section 5) in its one canonical form."""
    plain = text.replace("-", "+").replace("_", "/") if url_safe and not set("+/") & set(text) else text
    try:
        data = base64.b64decode(plain.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise RefusedError("base64", f"not base64: {error}") from error
    if base64.b64encode(data).decode() != plain:
        raise RefusedError("base64", "base64 with padding bits that are not zero")
    return data


def encode_base64(data: bytes) -> str:
    """Return canonical base64 (RFC 4648 section 4)."""
    return base64.b64encode(data).decode()


def parse_time(text: object) -> datetime:
    """Return a time written as `2026-12-01T00:00:00Z` (RFC 3339 in UTC, whole seconds, years 2000 to 2999)."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise RefusedError("time", f"{str(text)[:40]!r} is not a time such as 2026-12-01T00:00:00Z")
    try:
        year, month, day, hour, minute, second = map(int, match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:  # also a leap second: no clock that is compared here shows one
        raise RefusedError("time", f"{text}: {error}") from error


def format_time(time: datetime) -> str:
    """Return a time as `parse_time` reads it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_decimal(text: str, most: int = LAST_SIZE) -> int:
    """Return a number in ASCII digits without sign, blank or leading zero."""
    if _DECIMAL.fullmatch(text) is None or int(text) > most:
        raise RefusedError("number", f"{text[:40]!r} is not a decimal number of at most {most}")
    return int(text)

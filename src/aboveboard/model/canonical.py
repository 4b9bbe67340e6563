"""Canonical JSON and digests: the same value gives the same bytes on any machine.

The form is RFC 8785 (JSON Canonicalization Scheme) restricted to what the model needs: no floating-point numbers, and
integers within the range that every JSON reader holds exactly (RFC 8259 section 6).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from aboveboard.model.errors import InputError

JSON: TypeAlias = "str | int | bool | Sequence[JSON] | Mapping[str, JSON] | None"

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64


def canonical(value: JSON) -> bytes:
    """Return the canonical JSON of `value` as UTF-8 bytes; raise `InputError` for what has no canonical form."""
    try:
        if _is_plain(value, 0):  # keys in ASCII sort by their characters as by their UTF-16 code units
            return _PLAIN.encode(value).encode("utf-8")
        return json.dumps(
            _ordered(value, 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
        ).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("a text holds a lone surrogate", hint="show bytes with model.paths.show first") from error


def parse(data: bytes) -> JSON:
    """Read JSON that must be in canonical form; raise `InputError` when its bytes are not the canonical ones."""
    value = load(data)
    if canonical(value) != data:
        raise InputError("not canonical JSON", hint="the file was re-formatted; use the bytes as they were written")
    return value


def load(data: bytes) -> JSON:
    """Read JSON in any form that holds no fraction; raise `InputError` for what is none."""
    try:
        value: JSON = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", hint="the file was cut or changed") from error
    return value


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: JSON) -> str:
    """Return the digest of the canonical form of `value`."""
    return digest(canonical(value))


_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False, sort_keys=True)


def _is_plain(value: JSON, depth: int) -> bool:
    """Tell whether the value is made of JSON's own types alone, with keys in ASCII; anything else is looked at closely."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator]  # an int by its type
    if depth >= MAX_DEPTH:
        return False
    if kind is dict:
        for key, item in value.items():  # type: ignore[union-attr]  # a dict by its type
            if type(key) is not str or not key.isascii() or not (type(item) is str or _is_plain(item, depth + 1)):
                return False
        return True
    if kind is list or kind is tuple:
        return all(type(item) is str or _is_plain(item, depth + 1) for item in value)  # type: ignore[union-attr]  # a sequence by its type
    return False


def _ordered(value: JSON, depth: int) -> JSON:
    if depth > MAX_DEPTH:
        raise InputError("nested too deep for canonical JSON", hint=f"at most {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise InputError(f"integer {value} is too large for JSON", hint="write it as a string")
        return int(value)
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise InputError("a key is not a string", hint="JSON objects have string keys")
        # RFC 8785 section 3.2.3: keys sort by their UTF-16 code units
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _ordered(value[key], depth + 1) for key in keys}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_ordered(item, depth + 1) for item in value]
    raise InputError(f"{type(value).__name__} has no canonical JSON", hint="use text, integers, lists and objects")


def _no_float(text: str) -> JSON:
    raise ValueError(f"the number {text} is not an integer")

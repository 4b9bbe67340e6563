"""Holds a value against a closed shape (msgspec structures) and says everything that is wrong, not only the first thing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect as kinds

from aboveboard.model.declaration import OPEN

Path = tuple[str | int, ...]
MAX_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    path: Path
    text: str

    @property
    def place(self) -> str:
        """Return the path as `$.products[0].name`."""
        return place(self.path)


def place(path: Path) -> str:
    """Return a path as text."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def problems(value: Any, form: type) -> list[Problem]:
    """Return where the value is not in the form; a placeholder that is still open is no problem here."""
    return list(_look(value, _kind(form), (), ""))


@cache
def _kind(form: type) -> kinds.Type:
    return kinds.type_info(form)


def is_open(value: Any) -> bool:
    """Tell whether a text still is the placeholder of a draft."""
    return isinstance(value, str) and value.startswith(OPEN)


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every text in the value with its path; a key counts as a text at the path of what it names."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, str(key)), str(key)
            yield from texts(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from texts(item, (*path, number))


def _look(value: Any, kind: kinds.Type, path: Path, meant: str) -> Iterator[Problem]:
    if isinstance(kind, kinds.Metadata):
        schema: dict[str, Any] = kind.extra_json_schema or {}
        yield from _look(value, kind.type, path, schema.get("description", meant))
    elif isinstance(kind, kinds.UnionType):
        if value is None and any(isinstance(one, kinds.NoneType) for one in kind.types):
            return
        rest = [one for one in kind.types if not isinstance(one, kinds.NoneType)]
        yield from _look(value, rest[0], path, meant)
    elif isinstance(kind, kinds.StructType):
        yield from _struct(value, kind, path)
    elif isinstance(kind, kinds.ListType):
        yield from _list(value, kind, path)
    elif isinstance(kind, kinds.DictType):
        if not isinstance(value, dict):
            yield Problem(path, f"{_shown(value)} is no mapping")
            return
        for key, item in value.items():
            yield from _look(item, kind.value_type, (*path, str(key)), "")
    elif not is_open(value):
        wanted = _leaf(value, kind)
        if wanted:
            yield Problem(path, f"{_shown(value)} is not {meant or wanted}")


def _struct(value: Any, kind: kinds.StructType, path: Path) -> Iterator[Problem]:
    if not isinstance(value, dict):
        names = ", ".join(field.encode_name for field in kind.fields)
        yield Problem(path, f"{_shown(value)} is no mapping with: {names}")
        return
    fields = {field.encode_name: field for field in kind.fields}
    for key in value:
        if key not in fields:
            yield Problem((*path, str(key)), f"there is no field {_shown(key)}; there are: {', '.join(fields)}")
    for name, field in fields.items():
        if name in value:
            yield from _look(value[name], field.type, (*path, name), "")
        elif field.required:
            yield Problem(path, f"{name} is missing")


def _list(value: Any, kind: kinds.ListType, path: Path) -> Iterator[Problem]:
    if not isinstance(value, list):
        if not is_open(value):
            yield Problem(path, f"{_shown(value)} is no list")
        return
    if len(value) < (kind.min_length or 0):
        yield Problem(path, f"at least {kind.min_length} is wanted")
    if kind.max_length is not None and len(value) > kind.max_length:
        yield Problem(path, f"{len(value)} of them, at most {kind.max_length} are taken")
        return
    for number, item in enumerate(value):
        yield from _look(item, kind.item_type, (*path, number), "")


def _leaf(value: Any, kind: kinds.Type) -> str:
    """Return what is wanted where the value is not of the kind, else nothing."""
    if isinstance(kind, kinds.StrType):
        return _text(value, kind)
    if isinstance(kind, kinds.IntType):
        wrong = type(value) is not int or (kind.ge is not None and value < kind.ge)
        wrong = wrong or (kind.le is not None and value > kind.le)
        return f"a number from {kind.ge} to {kind.le}" if wrong else ""
    if isinstance(kind, kinds.BoolType):
        return "" if type(value) is bool else "true or false"
    if isinstance(kind, kinds.LiteralType):
        known = isinstance(value, str) and value in kind.values
        return "" if known else "one of: " + ", ".join(map(str, kind.values))
    raise TypeError(f"no check of {kind}")  # a form of ours that this page cannot read is a fault of ours


def _text(value: Any, kind: kinds.StrType) -> str:
    if not isinstance(value, str):
        return 'a text (put it in "quotes" where it looks like a number)'
    if len(value) < (kind.min_length or 0):
        return "a text with something in it"
    if kind.max_length is not None and len(value) > kind.max_length:
        return f"a text of at most {kind.max_length} characters"
    if kind.pattern is not None and re.search(kind.pattern, value) is None:
        return f"a text like {kind.pattern}"
    return ""


def _shown(value: Any) -> str:
    """Return a value for a message: short, and with what only looks like ASCII written out."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        short = value if len(value) <= 80 else value[:80] + "..."
        return ascii(short)
    return msgspec.json.encode(value).decode()[:80] if isinstance(value, int) else f"a {type(value).__name__}"

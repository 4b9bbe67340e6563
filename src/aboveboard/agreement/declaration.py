"""Reads and checks a declaration (YAML or JSON): bounded, a closed schema, errors with their place."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from aboveboard.agreement.schema import Declared
from aboveboard.jail.inside import Inside
from aboveboard.model.canonical import JSON, canonical, digest
from aboveboard.model.declaration import SECTIONS, Declaration
from aboveboard.model.errors import InputError

MAX_BYTES = 1 << 20
MAX_EVENTS = 100_000
MAX_DEPTH = 16
HINT = "`aboveboard declaration draft IMAGE` writes one to start from"


class _Loader(yaml.SafeLoader):
    """YAML's safe subset, with dates and `on`, `off`, `yes`, `no` left as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def read(data: bytes) -> Declaration:
    """Read a declaration; raises InputError that names the line or the field."""
    value = load_yaml(data)
    try:
        declared = msgspec.convert(value, Declared)
    except msgspec.ValidationError as error:
        raise InputError(f"the declaration is not in form: {error}", hint=HINT) from error
    sections: dict[str, tuple[dict[str, JSON], ...]] = {}
    for name in SECTIONS:
        items = getattr(declared.declares, name)
        if items is not msgspec.UNSET:
            sections[name] = tuple(msgspec.to_builtins(item) for item in items)
    return Declaration(
        product=declared.product,
        version=declared.version,
        supplier=declared.supplier,
        images=tuple(declared.images),
        date=declared.date,
        digest=digest(canonical(msgspec.to_builtins(declared))),
        sections=sections,
    )


def load_yaml(data: bytes) -> Any:
    """Load YAML within bounds: no anchors, aliases, tags or repeated keys, which can hide or multiply things."""
    if len(data) > MAX_BYTES:
        raise InputError(f"the declaration has {len(data)} bytes", hint=f"at most {MAX_BYTES}")
    try:
        text = data.decode("utf-8")
        _bounded(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"the declaration is not YAML: {error}", hint=HINT) from error


def _bounded(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if number > MAX_EVENTS:
            raise InputError("the declaration is too long", hint=f"at most {MAX_EVENTS} parts")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise InputError(f"line {line}: anchors, aliases and tags are not allowed", hint="write it out")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(f"line {line}: nested too deep", hint=f"at most {MAX_DEPTH} levels")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
    _no_repeats(yaml.compose(text, Loader=yaml.SafeLoader))


def _no_repeats(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                raise InputError(f"line {key.start_mark.line + 1}: {key.value} is there twice", hint="keep one of them")
            seen.add(str(key.value))
            _no_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _no_repeats(item)


def read_confined(inside: Inside, digest: str) -> None:
    """Read a declaration in the jail; emit it, or what is wrong with it."""
    try:
        found = read(inside.read(digest))
    except InputError as error:
        inside.emit({"error": error.message, "hint": error.hint})
        return
    inside.emit(
        {
            "product": found.product,
            "version": found.version,
            "supplier": found.supplier,
            "images": list(found.images),
            "date": found.date,
            "digest": found.digest,
            "sections": {name: [dict(item) for item in items] for name, items in found.sections.items()},
        }
    )


def from_confined(value: Any) -> Declaration:
    """Take what `read_confined` emitted; raises InputError with the reason that it gave."""
    if not isinstance(value, dict) or "error" in value:
        given = value if isinstance(value, dict) else {}
        raise InputError(str(given.get("error", "the declaration could not be read")), hint=str(given.get("hint", HINT)))
    sections = {name: tuple(items) for name, items in value["sections"].items() if name in SECTIONS}
    return Declaration(
        product=str(value["product"]),
        version=str(value["version"]),
        supplier=str(value["supplier"]),
        images=tuple(map(str, value["images"])),
        date=str(value["date"]),
        digest=str(value["digest"]),
        sections=sections,
    )

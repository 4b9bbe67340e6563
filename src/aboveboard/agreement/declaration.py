"""Reads and checks a declaration (YAML or JSON): bounded, a closed schema, errors with their place."""

from __future__ import annotations

from typing import Any

import msgspec

from aboveboard.agreement import yaml_text
from aboveboard.agreement.schema import Declared
from aboveboard.agreement.yaml_text import MAX_BYTES
from aboveboard.jail.inside import Inside
from aboveboard.model.canonical import JSON, canonical, digest
from aboveboard.model.declaration import SECTIONS, Declaration
from aboveboard.model.errors import InputError

__all__ = ["MAX_BYTES", "document", "from_confined", "from_value", "read", "read_confined"]

HINT = "`aboveboard declaration draft IMAGE` writes one to start from"


def read(data: bytes) -> Declaration:
    """Read a declaration; raises InputError that names the line or the field."""
    return from_value(yaml_text.load(data, "the declaration", HINT).value)


def from_value(value: Any) -> Declaration:
    """Return the declaration that a plain value states; raises InputError that names the field."""
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


def document(declaration: Declaration) -> dict[str, JSON]:
    """Return the declaration as the JSON whose canonical bytes have its digest: what is signed."""
    return {
        "aboveboard": "declaration/1",
        "supplier": declaration.supplier,
        "product": declaration.product,
        "version": declaration.version,
        "date": declaration.date,
        "images": list(declaration.images),
        "declares": {name: [dict(item) for item in items] for name, items in declaration.sections.items()},
    }


def read_confined(inside: Inside, digest: str) -> None:
    """Read a declaration in the jail; emit it, or what is wrong with it."""
    try:
        found = read(inside.read(digest))
    except InputError as error:
        inside.emit({"error": error.message, "hint": error.hint})
        return
    inside.emit({"declaration": document(found)})


def from_confined(value: Any) -> Declaration:
    """Take what `read_confined` emitted; raises InputError with the reason that it gave."""
    if not isinstance(value, dict) or "declaration" not in value:
        given = value if isinstance(value, dict) else {}
        raise InputError(str(given.get("error", "the declaration could not be read")), hint=str(given.get("hint", HINT)))
    return from_value(value["declaration"])

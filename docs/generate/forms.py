"""Closed forms (msgspec structures) in words: a row for each field, by the JSON Schema that validators are given."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping

import msgspec
from docs.generate.source import comments

Named = Callable[[str], str]  # from the name of another form to how a page points to it
Schema = Mapping[str, typing.Any]


def struct_rows(struct: type[msgspec.Struct], named: Named) -> list[tuple[str, str]]:
    """Return the fields of a structure, with the comments behind them in the source."""
    return rows(msgspec.json.schema(struct)["$defs"][struct.__name__], named, comments(struct))


def rows(body: Schema, named: Named, said: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the fields of an object of a schema: the name, then form, whether it must be there, and what is said of it."""
    found = []
    for name, value in body["properties"].items():
        must = "must be there" if name in body.get("required", ()) else _optional(value)
        words = "; ".join(part for part in (form(value, named), must, said.get(name, "")) if part)
        found.append((f"`{name}`", words))
    return found


def structs(defs: Schema) -> list[str]:
    """Return the names of the objects of a schema, in the order in which they are first needed."""
    return [name for name, body in defs.items() if body.get("type") == "object"]


def _optional(value: Schema) -> str:
    default = value.get("default")
    shown = "" if default is None else f", default `{str(default).lower() if isinstance(default, bool) else default}`"
    return f"optional{shown}"


def form(value: Schema, named: Named) -> str:
    """Return a JSON Schema of one field in words."""
    if "anyOf" in value:
        return " or ".join("nothing" if part == {"type": "null"} else form(part, named) for part in _given(value))
    if "enum" in value:
        return ("one of " if len(value["enum"]) > 1 else "") + ", ".join(f"`{one}`" for one in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "$ref" in value:
        return named(value["$ref"].rpartition("/")[2])
    if value.get("type") == "array":
        return f"list of: {form(value['items'], named)}" if value.get("items") else "list"
    if value.get("type") == "object":
        values = value.get("additionalProperties")
        return f"names, each with: {form(values, named)}" if isinstance(values, dict) else "object"
    return _leaf(value)


def _given(value: Schema) -> list[Schema]:
    """Return the choices; that a field which may be left out may also be null is no news."""
    return [part for part in value["anyOf"] if part != {"type": "null"} or "default" not in value]


def _leaf(value: Schema) -> str:
    kind = value.get("type")
    if "pattern" in value:
        meant = f"{value['description']}, " if "description" in value else "text "
        return f"{meant}like `{value['pattern']}`"
    if kind == "integer":
        return f"number from {value['minimum']} to {value['maximum']}" if "minimum" in value else "whole number"
    if kind == "boolean":
        return "`true` or `false`"
    return (
        f"text of at most {value['maxLength']} characters"
        if "maxLength" in value
        else "text"
        if kind == "string"
        else "any value"
    )

"""Writes a record to start from: every field of its kind, with what may stand there."""

from __future__ import annotations

import json

import msgspec
from msgspec import inspect as shapes_of

from aboveboard.agreement.record import ZEROS
from aboveboard.agreement.record_kinds import KINDS
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import OPEN
from aboveboard.model.standard import Clause

# A date or a country that looks like one would be signed by whoever forgets it.
_DAY, _COUNTRY = f"{OPEN}: a day, as 2026-12-01", f"{OPEN}: two letters, as CH"
_BY_PATTERN = {r"^sha256": ZEROS, r"^\d{4}": _DAY, "^[A-Z]{2}": _COUNTRY, "^[a-z0-9]": "case"}


def template(clause: Clause, kind: str) -> str:
    """Return YAML; every text is a JSON string, which YAML reads as it stands (YAML 1.2.2 section 1.3)."""
    wanted = next((one.text for one in clause.decision.records if one.kind == kind), "what was found")
    cases = f"\n# At least these: {', '.join(KINDS[kind].wanted)}." if KINDS[kind].wanted else ""
    head: dict[str, JSON] = {
        "aboveboard": "record/1",
        "clause": clause.id,
        "kind": kind,
        "who": f"{OPEN}: name of the person and laboratory",
        "supplier": f"{OPEN}: as in the agreement",
        "images": [ZEROS],
        "found": _DAY,
        "method": f"{OPEN}: how, and with what",
        "attachments": [],
    }
    result = _example(shapes_of.type_info(KINDS[kind].shape))
    if isinstance(result, dict) and isinstance(result.get("trials"), list) and KINDS[kind].wanted:
        result["trials"] = [
            {"case": case, "tried": OPEN, "seen": OPEN, "as_required": False} for case in KINDS[kind].wanted
        ]
    lines = _lines({**head, "result": result}, 0)
    return f"# {clause.id} {clause.name}: {wanted}.{cases}\n" + "\n".join(lines) + "\n"


def _lines(value: dict[str, JSON], indent: int) -> list[str]:
    lines: list[str] = []
    pad = "  " * indent
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{pad}{key}:", *_lines(item, indent + 1)]
        elif isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
            lines.append(f"{pad}{key}:")
            for one in item:
                assert isinstance(one, dict)  # said by all() above
                below = _lines(one, indent + 2)
                lines += [f"{pad}  - {below[0].strip()}", *below[1:]]
        else:
            lines.append(f"{pad}{key}: {json.dumps(item)}")
    return lines


def _example(info: shapes_of.Type) -> JSON:  # one line for each type that a shape has
    if isinstance(info, shapes_of.StructType):
        return {field.encode_name: _example(field.type) for field in info.fields}
    if isinstance(info, shapes_of.ListType):
        return [_example(info.item_type) for _ in range(max(1, info.min_length or 0))]
    if isinstance(info, shapes_of.DictType):
        return {"name": _example(info.value_type)}
    if isinstance(info, shapes_of.UnionType):
        return _example(next(one for one in info.types if not isinstance(one, shapes_of.NoneType)))
    if isinstance(info, shapes_of.LiteralType):
        return str(info.values[-1])
    if isinstance(info, shapes_of.BoolType):
        return False
    if isinstance(info, shapes_of.IntType):
        return info.ge or 0
    pattern = info.pattern if isinstance(info, shapes_of.StrType) else None
    return next((text for start, text in _BY_PATTERN.items() if pattern and pattern.startswith(start)), OPEN)


def schema(kind: str) -> dict[str, JSON]:
    """Return the JSON Schema of a kind's result (JSON Schema 2020-12)."""
    found: dict[str, JSON] = msgspec.json.schema(KINDS[kind].shape)
    return found

"""Drafts a declaration from what was observed, for the supplier to complete: each entry says where it was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import OPEN
from aboveboard.model.facts import Fact, Standing

# What no file of an image tells: left out of the draft, so that it stays undeclared until the supplier says something.
NOT_OBSERVABLE = (
    "data_categories",
    "update",
    "processors",
    "components",
    "variants",
    "interception",
    "storage",
    "jurisdictions",
    "ownership",
    "support",
)
_REMOTE = ("remote-management", "remote-access")


@dataclass(frozen=True, slots=True)
class Drafted:
    """One entry of a section: its fields in order, and where it was seen."""

    fields: Mapping[str, JSON]
    seen: str


def _service(data: Mapping[str, JSON]) -> dict[str, JSON] | None:
    if data.get("proto") not in ("tcp", "udp", "sctp") or not data.get("port"):
        return None
    return {
        "name": data.get("name") or "unnamed",
        "proto": data["proto"],
        "port": data["port"],
        "program": data.get("program") or "unknown",
        "purpose": OPEN,
    }


def _account(data: Mapping[str, JSON]) -> dict[str, JSON] | None:
    return {"name": data.get("name") or "unnamed", "purpose": OPEN}


def _destination(data: Mapping[str, JSON]) -> dict[str, JSON] | None:
    fields: dict[str, JSON] = {"host": data["host"]}
    if data.get("port"):
        fields["port"] = data["port"]
    known = data.get("purpose")
    return fields | {"purpose": f"{OPEN} (it looks like: {known})" if known not in (None, "other") else OPEN}


def _debug(data: Mapping[str, JSON]) -> dict[str, JSON] | None:
    return {"what": data["what"], "purpose": OPEN}


def _traffic(data: Mapping[str, JSON]) -> dict[str, JSON] | None:
    if data.get("what") in _REMOTE:
        return None
    return {"name": data.get("name") or "unnamed", "what": data["what"], "purpose": OPEN}


def _remote(data: Mapping[str, JSON]) -> dict[str, JSON] | None:
    return {"name": data.get("name") or "unnamed", "purpose": OPEN} if data.get("what") in _REMOTE else None


_SECTIONS: tuple[tuple[str, tuple[str, ...], Callable[[Mapping[str, JSON]], dict[str, JSON] | None]], ...] = (
    ("services", ("listener",), _service),
    ("accounts", ("account", "default-login", "authorised-key", "snmp-community", "token"), _account),
    ("destinations", ("destination",), _destination),
    ("debug", ("debug-access",), _debug),
    ("traffic", ("carried-traffic",), _traffic),
    ("remote_support", ("carried-traffic",), _remote),
)


def draft(facts: Iterable[Fact]) -> dict[str, list[Drafted]]:
    """Return the entries of each section that the facts speak for; what is only observed (off, unused) is left out."""
    seen = [fact for fact in facts if fact.standing is not Standing.OBSERVED]
    sections: dict[str, list[Drafted]] = {}
    for section, kinds, make in _SECTIONS:
        entries: dict[str, Drafted] = {}
        for fact in seen:
            fields = make(fact.data) if fact.kind in kinds else None
            if fields is not None:
                candidate = " (a candidate: strike it out if it never runs)" if fact.standing is Standing.CANDIDATE else ""
                key = json.dumps({name: value for name, value in fields.items() if name != "program"}, sort_keys=True)
                entries.setdefault(key, Drafted(fields, f"{fact.kind} at {fact.where}{candidate}"))
        sections[section] = [entries[key] for key in sorted(entries)]
    return sections


def as_yaml(sections: Mapping[str, list[Drafted]], *, image: str, name: str, date: str) -> str:
    """Return the draft as YAML. Every text is a JSON string, which YAML reads as it stands (YAML 1.2.2 section 1.3)."""
    lines = [
        f"# A draft from what was observed in {json.dumps(name)}.",
        f"# To complete: every {OPEN!r}, and the sections at the end.",
        "# An entry permits what it names; strike out what should not be there and mend the image instead.",
        "aboveboard: declaration/1",
        f"supplier: {json.dumps(OPEN)}",
        f"product: {json.dumps(OPEN)}",
        f"version: {json.dumps(OPEN)}",
        f"date: {json.dumps(date)}",
        "images:",
        f"  - {image}",
        "declares:",
    ]
    for section, entries in sections.items():
        lines.append(f"  {section}:" + ("" if entries else " []"))
        for entry in entries:
            pairs = [f"{key}: {json.dumps(value)}" for key, value in entry.fields.items()]
            lines.append(f"    - {pairs[0]}  # seen: {_comment(entry.seen)}")
            lines += [f"      {pair}" for pair in pairs[1:]]
    lines.append("  # Not to be seen in an image. Uncomment each; [] says that there is none.")
    lines += [f"  # {section}: []" for section in NOT_OBSERVABLE]
    return "\n".join(lines) + "\n"


def as_document(sections: Mapping[str, list[Drafted]], *, image: str, date: str) -> dict[str, JSON]:
    """Return the draft as JSON, without the comments."""
    declares: dict[str, JSON] = {name: [dict(entry.fields) for entry in entries] for name, entries in sections.items()}
    return {
        "aboveboard": "declaration/1",
        "supplier": OPEN,
        "product": OPEN,
        "version": OPEN,
        "date": date,
        "images": [image],
        "declares": declares,
    }


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:200]

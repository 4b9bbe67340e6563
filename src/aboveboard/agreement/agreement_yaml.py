"""Writes an agreement as YAML that people read and edit: a comment for each section, and the same value when it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aboveboard.agreement.yaml_text import quoted
from aboveboard.model.declaration import OPEN

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_NOT_PLAIN = ("true", "false", "null")  # words that are no texts to `yaml_text`
_PARTY = ("address", "registration", "contact")
_COMMENTS: Mapping[str, Sequence[str]] = {
    "sequence": (
        "The agreement itself is number 1 and amends nothing (null). An amendment has the next number, and names the",
        "digest of what it amends; `agreement amend` fills both in.",
    ),
    "standard": ("The edition of the standard that the clauses are of. Leave it as it is.",),
    "profile": ("The profile that the clauses and limits start from: outsider, operator or evaluator.",),
    "supplier": ("The parties, as their registers know them.",),
    "products": ("What the agreement speaks of: these images, by their SHA-256, and no other.",),
    "clauses": (
        "What is required of the equipment. A clause of the profile is required, or waived with a reason:",
        "  waived:",
        '    - clause: "PL-05"',
        '      reason: "why it is not asked"',
        "Waivers are public.",
    ),
    "limits": (
        "How much of an image must be explained, and how many of its programs identified: in parts per thousand, and",
        "never less than the profile asks.",
    ),
    "tolerances": (
        "In days: how old evidence may be, how long a verdict may be relied on, how far apart the statements of the",
        "supplier's canary may be, and how late one of them.",
    ),
    "roles": (
        "Who speaks as what: so many (threshold) of these keys. A key is named by the SHA-256 of its public half, as",
        "`keys show` lists it. Supplier and customer sign; laboratory, operator and auditor bring evidence.",
    ),
    "evidence": (
        "Whose evidence counts: by default, and for clauses that are to be decided by others, such as",
        "  clauses:",
        '    "NB-04": ["laboratory"]',
    ),
    "term": ("From when until when, in UTC such as 2026-12-01T00:00:00Z; the end is not included. At most ten years.",),
    "remedies": ("What happens where a clause is broken, each in one sentence; no machine acts on it. [] for none.",),
    "logs": ("Verifier keys (NAME+NUMBER+KEY) of the logs that must hold the verdicts, releases, canary. {} for none.",),
    "text": (
        "What the parties add in their own words; it binds them, and no machine checks it. For several lines write",
        "`text: |` and the lines below it, each two blanks in.",
    ),
}
# The order that people read in; what is not named stands as it is, behind.
_ORDER = (
    "aboveboard sequence amends standard profile supplier customer laboratory operator auditor products default clauses "
    "required waived limits tolerances roles evidence term remedies logs text name version digest address registration "
    "contact images clause reason threshold keys from until bytes_explained programs_identified evidence_days "
    "verdict_days canary_days canary_grace_days verdicts releases canary"
).split()
_PLACES = {name: number for number, name in enumerate(_ORDER)}
_HEAD = (
    "A no-spy, no-backdoors agreement, for both parties to read and edit.",
    f"To complete: every {OPEN!r}. Then `aboveboard agreement check` says what is wrong, line by line,",
    "and makes the JSON and the text that both parties sign. This file itself is never signed.",
)


def as_yaml(document: Mapping[str, Any], names: Mapping[str, str], families: Mapping[str, str]) -> str:
    """Return the YAML of an agreement; `yaml_text.load` gives the same document again.

    `names` are what stands as a comment behind an item of a list: the names of clauses and of keys by their ids; `families`
    are those of the families of clauses, by the letters before the dash.
    """
    lines = [*_comment(_HEAD)]
    for key, value in _ordered(document):
        if key in _COMMENTS:
            lines += ["", *_comment(_COMMENTS[key])]
        if key == "clauses":
            lines += _clauses(value, names, families)
        else:
            lines += _entry(key, value, 0, names)
        if key in ("supplier", "customer"):
            lines += [f"  # {field}: {quoted('')}" for field in _PARTY if field not in value]
    return "\n".join(lines) + "\n"


def _ordered(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(value.items(), key=lambda pair: _PLACES.get(pair[0], len(_PLACES)))


def _comment(texts: Iterable[str]) -> list[str]:
    return [f"# {text}" for text in texts]


def _clauses(value: Mapping[str, Any], names: Mapping[str, str], families: Mapping[str, str]) -> list[str]:
    lines = ["clauses:", "  required:" + ("" if value["required"] else " []")]
    family = ""
    for clause in value["required"]:
        if clause.partition("-")[0] != family:
            family = clause.partition("-")[0]
            lines += [f"    # {_shown(families.get(family, ''))}"] if family in families else []
        lines += _item(clause, 2, names)
    return [*lines, *_entry("waived", value["waived"], 1, {})]


def _shown(text: str) -> str:
    """Return a text for a comment, which ends with its line."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _entry(key: str, value: Any, depth: int, names: Mapping[str, str]) -> list[str]:
    pad = "  " * depth
    name = key if _PLAIN.fullmatch(key) and key not in _NOT_PLAIN else quoted(key)
    if isinstance(value, Mapping) and value:
        return [
            f"{pad}{name}:",
            *(line for inner, item in _ordered(value) for line in _entry(inner, item, depth + 1, names)),
        ]
    if isinstance(value, list | tuple) and value:
        return [f"{pad}{name}:", *(line for item in value for line in _item(item, depth + 1, names))]
    return [f"{pad}{name}: {_leaf(value)}"]


def _item(value: Any, depth: int, names: Mapping[str, str]) -> list[str]:
    pad = "  " * depth
    if not isinstance(value, Mapping) or not value:
        known = f"  # {_shown(names[value])}" if isinstance(value, str) and value in names else ""
        return [f"{pad}- {_leaf(value)}{known}"]
    below = [line for key, item in _ordered(value) for line in _entry(key, item, depth + 1, names)]
    return [f"{pad}- {below[0].lstrip(' ')}", *below[1:]]


def _leaf(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    return "{}" if isinstance(value, Mapping) else "[]"

"""Reads YAML as a form that people fill in: plain texts, whole numbers, lists and mappings, each with its line.

YAML 1.1 guesses what a word means: `no` is false, `010` is eight, `12:30` is 750, `2026-12-01` is a date. Nobody who signs
means that, so a number is a plain decimal number here, `true`, `false` and `null` are themselves, and all else is text.
Anchors, aliases, tags and repeated keys, which can hide or multiply things, are refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from aboveboard.model.errors import InputError

MAX_BYTES = 1 << 20
MAX_EVENTS = 100_000
MAX_DEPTH = 16

_PREFIX = "tag:yaml.org,2002:"
_UNWRITABLE = re.compile(
    r"[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]|[\U000e0000-\U000e0fff]"
)


class _Loader(yaml.SafeLoader):
    """YAML's safe subset without its guesses: not even `<<`, which merges one mapping into another."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - the name that PyYAML reads


_Loader.add_implicit_resolver(f"{_PREFIX}int", re.compile(r"(?:0|-?[1-9][0-9]{0,14})\Z", re.ASCII), list("-0123456789"))
_Loader.add_implicit_resolver(f"{_PREFIX}bool", re.compile(r"(?:true|false)\Z"), list("tf"))
_Loader.add_implicit_resolver(f"{_PREFIX}null", re.compile(r"(?:null|~|)\Z"), ["n", "~", ""])


@dataclass(frozen=True)
class Filled:
    """What a YAML text says, and the line of each of its parts by path (`$.products[0].name`)."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)


def load(data: bytes, what: str, hint: str) -> Filled:
    """Read YAML within bounds; raises InputError that names the line. `what` is the document: "the declaration"."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{what} has {len(data)} bytes", hint=f"at most {MAX_BYTES}")
    try:
        text = data.decode("utf-8")
        _bounded(text, what)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines: dict[str, int] = {}
            _look(node, "$", lines)
            return Filled(None if node is None else loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{what} is not YAML: {error}", hint=hint) from error


def _bounded(text: str, what: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if number > MAX_EVENTS:
            raise InputError(f"{what} is too long", hint=f"at most {MAX_EVENTS} parts")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise InputError(f"line {line}: anchors, aliases and tags are not allowed", hint="write it out")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(f"line {line}: nested too deep", hint=f"at most {MAX_DEPTH} levels")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1


def _look(node: yaml.Node | None, path: str, lines: dict[str, int]) -> None:
    """Note the line of every part, and refuse keys that are there twice or are no plain words."""
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"line {line}: a key that is no plain word", hint="write `name: value`")
            if key.value in seen:
                raise InputError(f"line {line}: {_short(key.value)} is there twice", hint="keep one of them")
            seen.add(key.value)
            lines[f"{path}.{key.value}"] = line
            _look(key, path, lines)
            _look(value, f"{path}.{key.value}", lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _look(item, f"{path}[{number}]", lines)
    elif any("\ud800" <= character <= "\udfff" for character in node.value):
        raise InputError(f"line {node.start_mark.line + 1}: half a surrogate pair", hint="write the character itself")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."


def quoted(text: str) -> str:
    """Return the text as YAML reads it back, on one line, whatever it holds (YAML 1.2.2 section 7.3.1)."""
    written = json.dumps(text, ensure_ascii=False)
    return _UNWRITABLE.sub(lambda found: f"\\U{ord(found[0]):08x}", written)

"""Compares two versions: what was added, removed and changed, by the names that things have and not by where they stand.

A change `loosens` where the newer version permits, or no longer asks, something that the older one did not permit or did
ask; where a program cannot tell (a text in the parties' own words, another purpose), it counts as if it did.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aboveboard.model.canonical import JSON

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `old` and `new` are values, or for an item that changed the fields that differ; None for nothing."""

    section: str
    what: str
    name: str  # the item of the section in words, empty where the section is one value
    old: JSON
    new: JSON
    loosens: bool = False

    def to_json(self) -> dict[str, JSON]:
        """Return the change as an object."""
        return {
            "section": self.section,
            "what": self.what,
            "name": self.name,
            "old": self.old,
            "new": self.new,
            "loosens": self.loosens,
        }

    @property
    def line(self) -> str:
        """Return the change on one line: `+`, `-` or `~`, the place, and what it was and is; `!` where it loosens."""
        head = f"{'!' if self.loosens else ' '} {_SIGNS[self.what]} {self.section}"
        head += f" {self.name}" if self.name else ""
        if self.what != CHANGED:
            value = self.new if self.what == ADDED else self.old
            return head if value in (None, {}, []) or value == self.name else f"{head}: {_words(value)}"
        if isinstance(self.old, Mapping) and isinstance(self.new, Mapping):
            old, new = self.old, self.new
            fields = [f"{key} {_words(old.get(key))} -> {_words(new.get(key))}" for key in dict.fromkeys([*old, *new])]
            return f"{head}: {', '.join(fields)}"
        return f"{head}: {_words(self.old)} -> {_words(self.new)}"


def _words(value: JSON) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def scalar(section: str, old: JSON, new: JSON, *, loosens: bool = False) -> Iterator[Change]:
    """Yield the change of one value, where it changed."""
    if old != new or type(old) is not type(new):
        what = ADDED if old is None else REMOVED if new is None else CHANGED
        yield Change(section, what, "", old, new, loosens)


def names(section: str, old: Iterable[str], new: Iterable[str], *, added: bool, removed: bool) -> Iterator[Change]:
    """Yield what is in one list of texts alone; `added` and `removed` say whether that loosens."""
    before, after = list(dict.fromkeys(old)), list(dict.fromkeys(new))
    yield from (Change(section, REMOVED, one, one, None, removed) for one in before if one not in set(after))
    yield from (Change(section, ADDED, one, None, one, added) for one in after if one not in set(before))


def paired(
    old: Sequence[Mapping[str, JSON]], new: Sequence[Mapping[str, JSON]], keys: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, JSON] | None, Mapping[str, JSON] | None]]:
    """Yield the items of two lists by their natural key: both, or the one there is; what is the same is passed over.

    Two items may have one key; those that are the same are paired first, the others in their order.
    """
    before, after = _by_key(old, keys), _by_key(new, keys)
    for key in dict.fromkeys([*before, *after]):
        left, right = before.get(key, []), after.get(key, [])
        same = Counter(map(_text, left)) & Counter(map(_text, right))  # counted, for there may be very many of one key
        first, rest = _without(left, same), _without(right, same)
        for number in range(max(len(first), len(rest))):
            yield (
                key,
                first[number] if number < len(first) else None,
                rest[number] if number < len(rest) else None,
            )


def _text(item: Mapping[str, JSON]) -> str:
    return json.dumps(item, sort_keys=True)


def _without(items: Sequence[Mapping[str, JSON]], some: Counter[str]) -> list[Mapping[str, JSON]]:
    left, found = Counter(some), []
    for item in items:
        text = _text(item)
        if left[text] > 0:
            left[text] -= 1
        else:
            found.append(item)
    return found


def _by_key(items: Sequence[Mapping[str, JSON]], keys: Sequence[str]) -> dict[str, list[Mapping[str, JSON]]]:
    found: dict[str, list[Mapping[str, JSON]]] = {}
    for item in items:
        found.setdefault(" ".join(str(item[key]) for key in keys if item.get(key) is not None), []).append(item)
    return found


def fields(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """Return the fields of two items that differ, as they were and as they are; None for one that is not there."""
    differ = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    return {key: old.get(key) for key in differ}, {key: new.get(key) for key in differ}


def loosening(changes: Iterable[Change]) -> list[Change]:
    """Return the changes that loosen."""
    return [change for change in changes if change.loosens]


def part(document: Mapping[str, Any], *path: str) -> Any:
    """Return a part of a document, None where there is none."""
    found: Any = document
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found

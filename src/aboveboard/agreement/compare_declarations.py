"""What one declaration says otherwise than another, and what it permits that the other did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aboveboard.agreement.compare import ADDED, CHANGED, REMOVED, Change, fields, names, paired, scalar
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import SECTIONS

# What an entry is known by. Every other section is a list of entries with a name.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "services": ("proto", "port"),
    "destinations": ("host", "port"),
    "debug": ("what",),
    "traffic": ("what", "name"),
}
# What a field is worth where it is not written (`schema`).
_USUAL: Mapping[str, Mapping[str, JSON]] = {
    "accounts": {"login": True},
    "destinations": {"phase": "any", "default": "on"},
}
# A field that, with this value or without any, permits all of its other values.
_WIDEST: Mapping[str, JSON] = {
    "login": True,
    "default": "on",
    "phase": "any",
    "program": None,
    "interface": None,
    "protocol": None,
}


def declarations(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what changed between two declarations, as `declaration.document` gives them."""
    changes: list[Change] = []
    for name in ("supplier", "product", "version", "date"):
        changes += scalar(name, old[name], new[name], loosens=name in ("supplier", "product"))
    changes += names("images", old["images"], new["images"], added=True, removed=False)
    for section in SECTIONS:
        changes += _section(section, old["declares"].get(section), new["declares"].get(section))
    return changes


def _section(
    section: str, old: Sequence[Mapping[str, JSON]] | None, new: Sequence[Mapping[str, JSON]] | None
) -> Iterator[Change]:
    if old is None and new is not None:
        yield Change(section, ADDED, "(the section)", None, [])
    elif old is not None and new is None:
        yield Change(section, REMOVED, "(the section)", [], None)
    usual = _USUAL.get(section, {})
    before, after = ([{**usual, **item} for item in items or ()] for items in (old, new))
    for name, was, now in paired(before, after, _KEYS.get(section, ("name",))):
        if was is None:
            yield Change(section, ADDED, name, None, now, loosens=True)
        elif now is None:
            yield Change(section, REMOVED, name, was, None)
        else:
            left, right = fields(was, now)
            yield Change(section, CHANGED, name, left, right, loosens=not _narrower(left, right))


def _narrower(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> bool:
    """Tell whether every changed field only says more closely what it said before."""
    return all(key in _WIDEST and old[key] == _WIDEST[key] for key in new)

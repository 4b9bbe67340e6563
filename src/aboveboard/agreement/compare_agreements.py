"""What one agreement says otherwise than another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aboveboard.agreement.compare import ADDED, CHANGED, REMOVED, Change, fields, names, part, scalar
from aboveboard.agreement.form import ROLES


def agreements(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what changed between two agreements in form; placeholders of a draft are texts like others."""
    parts = (_head, _parties, _products, _clauses, _limits, _roles, _evidence, _term, _rest)
    return [change for look in parts for change in look(old, new)]


def _texts(value: Any) -> list[str]:
    """Return a list of texts; where a draft has a placeholder in its place, that alone."""
    return list(value) if isinstance(value, list | tuple) else [str(value)]


def _items(value: Any) -> list[Mapping[str, Any]]:
    """Return the items of a list that are more than placeholders of a draft."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _left_open(value: Any) -> list[str]:
    """Return the placeholders that stand in the place of a list, or of its items."""
    return [value] if isinstance(value, str) else [one for one in value if isinstance(one, str)]


def _head(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    yield from scalar("aboveboard", old["aboveboard"], new["aboveboard"], loosens=True)
    yield from scalar("sequence", old["sequence"], new["sequence"])
    yield from scalar("amends", old["amends"], new["amends"])
    for path in (("standard", "version"), ("standard", "digest"), ("profile", "name"), ("profile", "digest")):
        yield from scalar(".".join(path), part(old, *path), part(new, *path), loosens=True)


def _parties(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for role in ("supplier", "customer"):
        for name in ("name", "address", "registration", "contact"):
            yield from scalar(f"{role}.{name}", part(old, role, name), part(new, role, name), loosens=name == "name")


def _products(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield products by name and version, and their images; what the agreement no longer speaks of is no longer bound."""
    yield from names("products", _left_open(old["products"]), _left_open(new["products"]), added=True, removed=False)
    before, after = ({f"{one['name']} {one['version']}": one for one in _items(all_["products"])} for all_ in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield Change("products", REMOVED, name, {"images": _texts(before[name]["images"])}, None, loosens=True)
        elif name not in before:
            yield Change("products", ADDED, name, None, {"images": _texts(after[name]["images"])})
        else:
            images = _texts(before[name]["images"]), _texts(after[name]["images"])
            yield from names(f"products {name} images", *images, added=False, removed=True)


def _clauses(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    required = _texts(old["clauses"]["required"]), _texts(new["clauses"]["required"])
    yield from names("clauses.required", *required, added=False, removed=True)
    waived = old["clauses"]["waived"], new["clauses"]["waived"]
    yield from names("clauses.waived", *map(_left_open, waived), added=True, removed=False)
    before, after = ({one["clause"]: one["reason"] for one in _items(all_)} for all_ in waived)
    for clause in dict.fromkeys([*before, *after]):
        was, now = before.get(clause), after.get(clause)
        if was != now:
            what = ADDED if was is None else REMOVED if now is None else CHANGED
            yield Change("clauses.waived", what, clause, was, now, loosens=what == ADDED)


def _limits(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for section, weaker in (("limits", -1), ("tolerances", 1)):  # a lower limit is weaker, a longer time as well
        for name in dict.fromkeys([*old[section], *new[section]]):
            was, now = old[section].get(name), new[section].get(name)
            numbers = type(was) is int and type(now) is int
            yield from scalar(f"{section}.{name}", was, now, loosens=not numbers or (now - was) * weaker > 0)


def _roles(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for role in ROLES:
        before, after = old["roles"].get(role), new["roles"].get(role)
        if before is None or after is None:
            if before is not after:
                what = REMOVED if after is None else ADDED
                yield Change("roles", what, role, before, after, loosens=what == ADDED)
            continue
        was, now = before["threshold"], after["threshold"]
        numbers = type(was) is int and type(now) is int
        yield from scalar(f"roles.{role}.threshold", was, now, loosens=not numbers or now < was)
        yield from names(f"roles.{role}.keys", _texts(before["keys"]), _texts(after["keys"]), added=True, removed=False)


def _evidence(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = old["evidence"], new["evidence"]
    yield from names("evidence.default", _texts(before["default"]), _texts(after["default"]), added=True, removed=False)
    for clause in sorted({*before["clauses"], *after["clauses"]}):
        was, now = before["clauses"].get(clause), after["clauses"].get(clause)
        if was != now:
            what = ADDED if was is None else REMOVED if now is None else CHANGED
            # not named means the default: what counts is whose evidence did not count before
            counted = set(_texts(after["default"] if now is None else now))
            counted -= set(_texts(before["default"] if was is None else was))
            yield Change("evidence.clauses", what, clause, was, now, loosens=bool(counted))


def _term(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the term; one that begins later or ends earlier leaves time to which nothing applies."""
    before, after = old["term"], new["term"]
    yield from scalar("term.from", before["from"], after["from"], loosens=after["from"] > before["from"])
    yield from scalar("term.until", before["until"], after["until"], loosens=after["until"] < before["until"])


def _rest(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    yield from names("remedies", _texts(old["remedies"]), _texts(new["remedies"]), added=False, removed=True)
    was, now = fields(old["logs"], new["logs"])
    for name in was:
        yield from scalar(f"logs.{name}", was[name], now[name], loosens=was[name] is not None)
    yield from scalar("text", old["text"], new["text"], loosens=True)

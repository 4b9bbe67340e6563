"""Declared against observed: the unit of truth (law 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was observed and not declared, and what was declared and not observed."""

    undeclared: tuple[Fact, ...]
    not_observed: tuple[str, ...]


def reconcile(facts: Sequence[Fact], items: Sequence[Mapping[str, JSON]], keys: tuple[str, ...]) -> Reconciled:
    """Hold the facts against the items of the section that permits them; `keys` are what must agree."""
    undeclared = tuple(fact for fact in facts if not any(_permits(item, fact, keys) for item in items))
    unseen = tuple(_name(item, keys) for item in items if not any(_permits(item, fact, keys) for fact in facts))
    return Reconciled(undeclared, unseen)


def knows(fact: Fact, keys: tuple[str, ...]) -> bool:
    """Tell whether the fact knows everything that is to be compared; 0 and the empty text mean "not known"."""
    return all(fact.data.get(key) not in (None, 0, "") or fact.data.get(key) is False for key in keys)


def _permits(item: Mapping[str, JSON], fact: Fact, keys: tuple[str, ...]) -> bool:
    """Tell whether a declared item permits a fact: every key agrees, and nothing else that it states is contradicted.

    A fact that does not know what is to be compared agrees with nothing, so ignorance is never permitted by accident.
    """
    return (
        knows(fact, keys)
        and all(_agrees(key, item.get(key), fact.data.get(key)) for key in keys)
        and not _contradicts(item, fact)
    )


def _contradicts(item: Mapping[str, JSON], fact: Fact) -> bool:
    """Tell whether an item says something else of what the fact knows: another program, kind, interface, or no log-in."""
    program, held = item.get("program"), fact.data.get("program")
    if isinstance(program, str) and isinstance(held, str) and held and _file_name(program) != _file_name(held):
        return True
    what, seen = item.get("what"), fact.data.get("what")
    if isinstance(what, str) and isinstance(seen, str) and what != seen:
        return True
    declared_on, seen_on = item.get("interface"), fact.data.get("interface")
    if isinstance(declared_on, str) and isinstance(seen_on, str) and seen_on and declared_on.lower() != seen_on.lower():
        return True
    return item.get("login") is False and fact.data.get("active") == "yes"


def _agrees(key: str, declared: JSON, observed: JSON) -> bool:
    if key == "host" and isinstance(declared, str) and isinstance(observed, str):
        return _same_host(declared, observed)
    # all else is taken as it is written: on Unix, root and Root are two accounts; and in Python, True == 1
    return type(declared) is type(observed) and declared == observed


def _same_host(declared: str, observed: str) -> bool:
    """Compare hosts without case (RFC 4343); `*.` in front stands for any labels below a name, no other wildcard."""
    declared, observed = declared.lower().rstrip("."), observed.lower().rstrip(".")
    if declared.startswith("*."):
        return observed.endswith(declared[1:])
    return declared == observed


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _name(item: Mapping[str, JSON], keys: tuple[str, ...]) -> str:
    return " ".join(str(item.get(key, "?")) for key in keys)

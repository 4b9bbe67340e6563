"""Declared against observed: the unit of truth (law 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import Declaration
from aboveboard.model.facts import Fact
from aboveboard.model.standard import Clause


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was observed and not declared, and what was declared and not observed; `declared` False without a section."""

    declared: bool
    undeclared: tuple[Fact, ...] = ()
    not_observed: tuple[str, ...] = ()


def reconcile(clause: Clause, facts: list[Fact], declaration: Declaration | None) -> Reconciled:
    """Hold the facts against the section of the declaration that permits them."""
    section = clause.decision.section
    if declaration is None or section not in declaration.sections:
        return Reconciled(declared=False)
    items = declaration.sections[section]
    undeclared = tuple(fact for fact in facts if not any(_permits(item, fact, clause.decision.match) for item in items))
    unseen = tuple(
        _name(item, clause.decision.match)
        for item in items
        if not any(_permits(item, fact, clause.decision.match) for fact in facts)
    )
    return Reconciled(declared=True, undeclared=undeclared, not_observed=unseen)


def knows(fact: Fact, keys: tuple[str, ...]) -> bool:
    """Tell whether the fact knows everything that is to be compared; 0 and the empty text mean "not known"."""
    return all(fact.data.get(key) not in (None, 0, "") or fact.data.get(key) is False for key in keys)


def _permits(item: Mapping[str, JSON], fact: Fact, keys: tuple[str, ...]) -> bool:
    """Tell whether a declared item permits a fact: every key agrees, and nothing else that it states is contradicted.

    A key that the fact does not know agrees with nothing, so ignorance is never permitted by accident.
    """
    return all(_agrees(item.get(key), fact.data.get(key)) for key in keys) and not _contradicts(item, fact)


def _contradicts(item: Mapping[str, JSON], fact: Fact) -> bool:
    """Tell whether an item says something else of what the fact knows: another program, another kind, no log-in."""
    program, held = item.get("program"), fact.data.get("program")
    if (
        isinstance(program, str)
        and isinstance(held, str)
        and held
        and program.rpartition("/")[2] != held.rpartition("/")[2]
    ):
        return True
    what, seen = item.get("what"), fact.data.get("what")
    if isinstance(what, str) and isinstance(seen, str) and what != seen:
        return True
    return item.get("login") is False and fact.data.get("active") == "yes"


def _agrees(declared: JSON, observed: JSON) -> bool:
    if declared is None or observed is None:
        return False
    if isinstance(declared, str) and isinstance(observed, str):
        return _pattern(declared, observed)
    return type(declared) is type(observed) and declared == observed


def _pattern(declared: str, observed: str) -> bool:
    """Compare names without case; `*.` in front stands for any labels below a name, and nothing else is a wildcard."""
    declared, observed = declared.lower().rstrip("."), observed.lower().rstrip(".")
    if declared.startswith("*.") and "*" not in declared[1:]:
        literal = declared[2:].replace("[", "[[]").replace("?", "[?]")
        return fnmatchcase(observed, f"*.{literal}")
    return declared == observed


def _name(item: Mapping[str, JSON], keys: tuple[str, ...]) -> str:
    return " ".join(str(item.get(key, "?")) for key in keys)

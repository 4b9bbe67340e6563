"""Finds the collectors by a folder scan and puts them in the order of their needs."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from types import ModuleType

from aboveboard.evidence import collectors
from aboveboard.model.errors import AboveboardError


@dataclass(frozen=True)
class Listed:
    """A collector as the runner sees it."""

    name: str
    version: int
    subject: str
    needs: tuple[str, ...]
    emits: tuple[str, ...]
    clauses: tuple[str, ...]
    feeds_on: tuple[str, ...]  # names of the collectors that give what it needs
    module: ModuleType


@cache
def listed() -> tuple[Listed, ...]:
    """Return all collectors, each after those whose facts it needs; raises AboveboardError on a cycle."""
    modules = [
        importlib.import_module(f"{collectors.__name__}.{info.name}")
        for info in sorted(pkgutil.iter_modules(collectors.__path__), key=lambda info: info.name)
        if not info.name.startswith("_")
    ]
    givers: dict[str, set[str]] = {}
    for module in modules:
        for kind in module.EMITS:
            givers.setdefault(kind, set()).add(module.NAME)
    found = {module.NAME: _listed(module, givers) for module in modules}
    try:
        order = list(TopologicalSorter({name: item.feeds_on for name, item in found.items()}).static_order())
    except CycleError as error:
        raise AboveboardError(f"collectors need each other: {error.args[1]}", hint="look at their NEEDS") from error
    return tuple(found[name] for name in order)


def _listed(module: ModuleType, givers: dict[str, set[str]]) -> Listed:
    feeds = {name for kind in module.NEEDS for name in givers.get(kind, ())} - {module.NAME}
    return Listed(
        name=module.NAME,
        version=module.VERSION,
        subject=module.SUBJECT,
        needs=tuple(module.NEEDS),
        emits=tuple(module.EMITS),
        clauses=tuple(module.CLAUSES),
        feeds_on=tuple(sorted(feeds)),
        module=module,
    )

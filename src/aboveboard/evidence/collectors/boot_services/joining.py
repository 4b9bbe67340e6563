"""Joins the ways in which one command comes to run."""

from __future__ import annotations

from dataclasses import replace

from aboveboard.readers.shell import Command
from aboveboard.readers.shell.state import contrary

MAX_SAME = 64  # ways in which one command comes to run


def merged(commands: list[Command]) -> list[Command]:
    """Join what runs under a condition and under its contrary: it runs either way."""
    found: dict[tuple[tuple[str, ...], str, int], list[Command]] = {}
    for command in commands:
        found.setdefault((command.argv, command.path, command.line), []).append(command)
    return [command for group in found.values() for command in _joined(group)]


def _joined(group: list[Command]) -> list[Command]:
    sets = {frozenset(command.conditions): command for command in reversed(group[:MAX_SAME])}
    changed = True
    while changed:
        changed = False
        for one in sorted(sets, key=lambda item: (len(item), sorted(item))):
            for condition in sorted(one):
                other = (one - {condition}) | {contrary(condition)}
                if one in sets and other in sets:
                    command = sets.pop(one)
                    sets.pop(other, None)
                    rest = tuple(item for item in command.conditions if item != condition)
                    sets.setdefault(one - {condition}, replace(command, conditions=rest))
                    changed = True
    # what runs under fewer conditions runs under more
    return [command for key, command in sets.items() if not any(other < key for other in sets)]

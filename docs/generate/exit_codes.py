"""The exit codes of every command: which commands there are and which of them choose a code comes from the source.

The sentences stand here. A command that chooses a code and has no sentence, or a sentence without such a command, is an
error, so that the page cannot lack one.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from docs.generate.source import table

from aboveboard.cli.inspect_command import EXIT_CODES
from aboveboard.cli.main import app

SAID: Mapping[str, tuple[tuple[int, str], ...]] = {
    "inspect": tuple((code, f"the result is {result.value}") for result, code in EXIT_CODES.items()),
    "verify": (
        (0, "every step that was done holds; with `--as-verdict` also: the verdict is met"),
        (
            3,
            "something differs, is forged, replaced, or broken and not stated so; with `--as-verdict`: broken",
        ),
        (4, "nothing is shown to be false, and something stays open; with `--as-verdict` also: not shown"),
    ),
    "doctor": ((0, "the jail holds"), (4, "the jail does not hold on this machine")),
    "agreement check": (
        (0, "in form and complete: the JSON and the text are written"),
        (2, "something is wrong, each with its line"),
        (4, "something is still to be completed"),
    ),
    "agreement show": (
        (0, "signed by both sides, and in force"),
        (3, "one-sided, or not what it claims to be"),
        (4, "not in force at that time, not decided, or nothing was checked for want of `--keys`"),
    ),
    "declaration check": ((0, "in form and complete"), (4, "something is still to be completed or missing")),
    "declaration show": ((0, "signed by the supplier"), (4, "nothing was checked for want of `--keys`")),
    "canary check": (
        (0, "fresh, or due and within its grace"),
        (3, "forged, or not the supplier's"),
        (4, "expired, triggered or unknown"),
    ),
    "triggers": (
        (0, "no alert; that is not the same as no trigger"),
        (3, "with `--confirm`: a trigger is confirmed, the program was run and did it"),
        (4, "an alert: a candidate for a hidden trigger; or no code could be followed"),
    ),
    "release check": ((0, "the image is in the log, as asked"), (4, "it is not shown to be")),
}


def rows() -> list[tuple[str, str, str]]:
    """Return command, code and sentence; raises ValueError where a sentence or a command is missing."""
    root: Any = typer.main.get_command(app)
    found = dict(_leaves(root, ""))
    choosing = {path for path, command in found.items() if _chooses(command.callback)}
    if choosing != set(SAID):
        raise ValueError(f"exit codes without a sentence, or the other way round: {sorted(choosing ^ set(SAID))}")
    made: list[tuple[str, str, str]] = []
    for path in found:
        given = SAID.get(path, ((0, "it did what was asked"),))
        made += [(f"`{path}`" if not number else "", str(code), text) for number, (code, text) in enumerate(given)]
    return made


def section() -> list[str]:
    """Return the lines of the page."""
    return [
        "## What each command says with its code",
        "",
        "What is refused ends as the errors below say, also where it has no row here.",
        "",
        *table(("command", "code", "when"), rows()),
    ]


def _chooses(command: Any) -> bool:
    source = inspect.getsource(command)
    return "typer.Exit(" in source or " _end(" in source  # where the last lines of a command are a function of their own


def _leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    children: dict[str, Any] = getattr(command, "commands", {})
    if not children or (getattr(command, "invoke_without_command", False) and path):
        yield path, command
    for name, child in children.items():
        yield from _leaves(child, f"{path} {name}".strip())

"""The state of an interpretation: variables, files written, conditions; how it forks and joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Stands in a text for what is not known. A private-use character: sources that hold it are cleaned first.
UNKNOWN = "\uf8ff"

MACHINE = "\0machine "  # before the name of a variable that holds a setting of the machine, not of the shell

STDIN = "\0stdin"  # the name of the variable that holds what stands in the input

Status = bool | None  # success, failure, not known


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one interpretation: steps (statements and expansions), nesting, sizes of texts and of the result."""

    steps: int = 200_000
    total: int = 2_000_000  # steps of all interpretations of one tree together
    depth: int = 12
    calls: int = 32
    text: int = 65_536
    commands: int = 20_000
    fields: int = 4_096
    rounds: int = 64  # of one loop over constants


@dataclass(frozen=True, slots=True)
class Command:
    """A command that would run: its words (UNKNOWN marks what is not known) and how the boot comes to it."""

    argv: tuple[str, ...]
    path: str
    line: int
    text: str
    conditions: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    background: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    stdin: str = ""  # what a pipe or a here-document gives it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an interpretation gave. `limited` says that a bound was reached and something may be missing."""

    commands: tuple[Command, ...]
    written: Mapping[str, str]
    limited: bool
    damaged: Mapping[str, int]  # scripts that do not parse, with the line of the first place


@dataclass(slots=True)
class State:
    """Variables and the rest of what changes. `flow` is `return`, `exit`, `break` or `continue` while leaving."""

    variables: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    conditions: tuple[str, ...] = ()
    sticky: tuple[str, ...] = ()  # conditions that hold to the end of the script: elsewhere it has exited
    flow: str = ""
    directory: str = "/"
    last: Status = True
    exported: set[str] = field(default_factory=set)

    def child(self) -> State:
        """Return the state that another script starts in: what is exported, and what the machine remembers."""
        passed = {
            name: value for name, value in self.variables.items() if name in self.exported or name.startswith(MACHINE)
        }
        return State(
            passed, written=self.written, removed=self.removed, conditions=self.conditions, exported=set(self.exported)
        )

    def after(self, child: State) -> None:
        """Take what another script left behind: files, and what the machine remembers."""
        self.written, self.removed = child.written, child.removed
        self.variables |= {name: value for name, value in child.variables.items() if name.startswith(MACHINE)}

    def fork(self, condition: str) -> State:
        """Return a copy that holds under one more condition."""
        added = () if condition in self.conditions else (condition,)
        return State(
            dict(self.variables),
            list(self.arguments),
            dict(self.written),
            set(self.removed),
            self.conditions + added,
            self.sticky,
            self.flow,
            self.directory,
            self.last,
            set(self.exported),
        )

    def join(self, one: State, other: State) -> None:
        """Become what holds after two branches; a branch that left leaves the other one's condition behind."""
        before = self.conditions
        if one.flow and not other.flow:
            self._become(other, one.flow)
        elif other.flow and not one.flow:
            self._become(one, other.flow)
        else:
            self.variables = _merge(one.variables, other.variables)
            self.written = _merge_files(one.written, other.written)
            self.removed = one.removed & other.removed
            self.arguments = one.arguments if one.arguments == other.arguments else [UNKNOWN]
            self.directory = one.directory if one.directory == other.directory else UNKNOWN
            self.flow = one.flow if one.flow == other.flow else "exit"
            self.sticky = one.sticky if one.sticky == other.sticky else self.sticky
            self.conditions = before
            self.last = one.last if one.last == other.last else None

    def _become(self, survivor: State, left_by: str) -> None:
        added = tuple(condition for condition in survivor.conditions if condition not in self.conditions)
        sticky = survivor.sticky
        if left_by == "exit":
            sticky += tuple(condition for condition in added if condition not in sticky)
        self.variables, self.arguments = survivor.variables, survivor.arguments
        self.written, self.removed = survivor.written, survivor.removed
        self.conditions, self.sticky = survivor.conditions, sticky
        self.flow, self.directory, self.last = survivor.flow, survivor.directory, survivor.last


def known(text: str) -> bool:
    """Tell whether the whole text is known."""
    return UNKNOWN not in text


def _merge(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    if one == other:
        return one
    return {name: _either(one.get(name, ""), other.get(name, "")) for name in one.keys() | other.keys()}


def _merge_files(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Join what two branches wrote; a file that one of them left alone is as it was, or as the other wrote it."""
    if one == other:
        return one
    found = {}
    for path in one.keys() | other.keys():
        first, second = one.get(path), other.get(path)
        if first is None or second is None:
            found[path] = (first if second is None else second) or ""
            found[path] = found[path].rstrip(UNKNOWN) + UNKNOWN
        else:
            found[path] = _either(first, second)
    return found


def _either(one: str, other: str) -> str:
    """Return a text that stands for both: what they begin with alike, then something unknown."""
    if one == other:
        return one
    alike = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        alike += 1
    return one[:alike].rstrip(UNKNOWN) + UNKNOWN


def contrary(condition: str) -> str:
    """Return the contrary of a condition as text."""
    if condition.startswith("not (") and condition.endswith(")"):
        return condition[5:-1]
    return f"not ({condition})"


def readable(text: str) -> str:
    """Return text for evidence: what is not known is shown as U+FFFD."""
    return text.replace(UNKNOWN, "\N{REPLACEMENT CHARACTER}")

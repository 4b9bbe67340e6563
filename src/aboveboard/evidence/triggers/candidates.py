"""What a candidate for a hidden trigger is."""

from __future__ import annotations

from dataclasses import dataclass, field

from aboveboard.evidence.triggers.effects import Effect
from aboveboard.evidence.triggers.matches import Match
from aboveboard.readers.flow.trace import Edge


@dataclass
class Candidate:
    """One constant, the test that decides, and what only the match side reaches."""

    function: int
    edge: Edge
    group: tuple[Match, ...]
    effects: list[Effect] = field(default_factory=list)
    checked: bool = False  # the way to it passes a check as well
    guard: int = 0  # how much of a check is passed before it is asked, see `decisions`
    skips: bool = False
    kept: bool = False  # what is compared comes from a file, in a program that others talk to
    sole: bool = False  # none of many others in its place opens as much
    exempt: bool = False  # no check lies before it, and one lies before what others in its place open
    early: bool = False  # it runs before `main`, or while the file is loaded
    state: bool = False  # the match sets a state that a later input uses
    row: tuple[int, int] | None = None  # address of the row and of the table
    gate: bool = False  # all that the function is for lies behind it
    rivals: tuple[str, ...] = ()  # other texts with which the same thing is compared
    siblings: int = 0  # other constants with which the same thing is compared
    origins: frozenset[str] = frozenset()

    @property
    def address(self) -> int:
        """The address of the deciding comparison."""
        return self.group[0].address

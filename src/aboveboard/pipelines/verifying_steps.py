"""A verification as values: what is asked, the steps and how each went, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from aboveboard.model.canonical import JSON
from aboveboard.model.errors import AboveboardError
from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import Owed
from aboveboard.pipelines.bundle_log import Seen
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.papers import Opened
from aboveboard.trust.attestation import Attested
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError, UndecidedError


class State(StrEnum):
    """How a step went."""

    HOLDS = "holds"
    OPEN = "open"  # neither shown good nor shown false
    FAILED = "failed"
    NOT_DONE = "not-done"  # what it needs is missing: the step before says why


@dataclass
class Step:
    """One step: its number and name, how it went, and what there is to say."""

    number: int
    name: str
    state: State = State.HOLDS
    code: str = ""
    lines: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, JSON]:
        """Return the step as JSON."""
        found: dict[str, JSON] = {"step": self.number, "name": self.name, "state": self.state.value}
        return {**found, "code": self.code, "lines": list(self.lines)}


@dataclass(frozen=True)
class Again:
    """How evidence that was collected again compares with what was sealed, what there is to say, and the evidence."""

    state: State
    lines: list[str]
    evidence: tuple[Evidence, ...] = ()
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What whoever verifies brings: the ring that is trusted, the time, and what else they hold the bundle against."""

    ring: Ring
    at: datetime
    withheld: Path | None = None
    newer: tuple[bytes, ...] = ()  # the agreement and its amendments as the verifier knows them
    seen: Callable[[bytes], Seen] | None = None  # holds the manifest against a log; None where no policy is given
    again: Callable[[CaseFiles], Again] | None = None  # collects again; None where no image is given
    captures: bool = False
    log_keys: tuple[str, ...] = ()  # of the logs that are trusted, and may hold it
    told: Callable[[CaseFiles, Opened], list[str]] | None = None  # holds what it tells of logs against a log or a policy


@dataclass
class Verified:
    """What came out."""

    steps: list[Step] = field(default_factory=list)
    attested: Attested | None = None
    not_rederived: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 3 where something is forged or differs, 4 where something stays open, 0 where all holds."""
        states = {step.state for step in self.steps}
        if State.FAILED in states:
            return 3
        return 4 if states & {State.OPEN, State.NOT_DONE} else 0


class _Missing(Exception):  # noqa: N818 - no error: what a step needs was not there
    """A step cannot be done."""


@contextmanager
def told(step: Step) -> Iterator[None]:
    """Write down how a step went, whatever it raises of ours."""
    try:
        yield
    except _Missing:
        step.state, step.code = State.NOT_DONE, "not-done"
        step.lines.append("not done: something before it is wanting")
    except UndecidedError as error:
        step.state, step.code = State.OPEN, error.code
        step.lines += [error.message, f"what to do: {error.hint}"]
    except RefusedError as error:
        step.state, step.code = State.FAILED, error.code
        step.lines += [error.message, f"what to do: {error.hint}"]
    except AboveboardError as error:  # what is wrong here, with a file or the jail, is no fault of the bundle's
        step.state, step.code = State.OPEN, "input"
        step.lines += [error.message, f"what to do: {error.hint}"]


_T = TypeVar("_T")


def needed(value: _T | None) -> _T:
    """Return what a step needs; without it the step cannot be done."""
    if value is None:
        raise _Missing
    return value

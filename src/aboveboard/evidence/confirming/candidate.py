"""What is to be confirmed, and what came of it: values alone, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause
from aboveboard.model.paths import show

MAX_CALLS = 12  # differing calls that a confirmation lists
Constant = bytes | int


class Effect(StrEnum):
    """What a match can open. The first row is seen as system calls, the second in what comes back."""

    RUN = "run"
    PRIVILEGE = "privilege"
    LISTEN = "listen"
    CONNECT = "connect"
    WRITE = "write"
    REMOVE = "remove"
    SYSTEM = "system"
    SECRET = "read-secret"  # noqa: S105 - the name of an effect
    MEMORY = "memory"
    EVALUATE = "evaluate"
    SETTING = "setting"
    CHECK = "passes-check"


class Outcome(StrEnum):
    """What came of a candidate. Only the first accuses; all others leave it a candidate, or less."""

    CONFIRMED = "confirmed"
    DOCUMENTED = "documented"  # it works, and the image's own pages or help name it: a command
    COMMAND = "command"  # it works as others beside it do: one command of a dispatcher that nothing documents
    SILENT = "silent"  # no privileged effect was seen with it
    UNSTEADY = "unsteady"  # an effect was seen, not each time or also without it
    NOT_RUN = "not-run"  # the program could not be run or fed; `gaps` says why


@dataclass(frozen=True, slots=True)
class Candidate:
    """A comparison with a constant that guards something.

    `constant` is what input must hold: bytes, or an integer with its `width` in bytes (0: not known). `kind` is how it is
    kept; `effects` what static analysis expects. All else are hints that only order or extend what is tried:

    - `origin`: where the compared input comes from: `header:NAME`, `query:NAME`, `env:NAME`, `path`, `cookie`, `user`,
      `password`, `stdin`, `file`, `argv`, `udp`, `tcp`, or empty,
    - `names`: names of fields, headers or verbs near it, `prefixes`: magic bytes that come before it in the same check,
    - `siblings`: other constants of the same switch or table,
    - `after`: messages that a state which it sets waits for,
    - `offset`: where in the message it stands, `lengths`: lengths of the message that the code asks for.
    """

    constant: Constant
    kind: str = ""
    effects: tuple[Effect, ...] = ()
    width: int = 0
    origin: str = ""
    names: tuple[str, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    siblings: tuple[Constant, ...] = ()
    after: tuple[bytes, ...] = ()
    offset: int | None = None
    lengths: tuple[int, ...] = ()

    def shown(self) -> str:
        """Return the constant as text."""
        return show(self.constant) if isinstance(self.constant, bytes) else f"0x{self.constant:x}"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was not possible, and why: it becomes a gap."""

    cause: Cause
    detail: str

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {"cause": self.cause.value, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that came with the constant and with nothing near it: `{constant}` stands for what was sent."""

    effect: Effect
    call: str
    arguments: tuple[str, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {"effect": self.effect.value, "call": self.call, "arguments": list(self.arguments)}


@dataclass(frozen=True)
class Confirmation:
    """What came of one candidate: no times and no process numbers in it, so that two runs give the same."""

    outcome: Outcome
    constant: str
    started: tuple[str, ...] = ()  # the command line
    fed: str = ""  # how: `tcp 80`, `udp 9999`, `cgi`, `inetd`, `stdin`, `file`, `argv`
    template: str = ""  # the position that worked
    message: str = ""  # what was sent last, `{constant}` in it, escaped and bounded
    calls: tuple[Call, ...] = ()
    replies: tuple[str, ...] = ()  # the first lines without and with it, where they decide
    tried: int = 0  # templates
    why: str = ""
    gaps: tuple[Missing, ...] = ()
    standing_in: Mapping[str, JSON] = field(default_factory=dict)  # what of the surroundings was ours, not the image's

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {
            "outcome": self.outcome.value,
            "constant": self.constant,
            "started": list(self.started),
            "fed": self.fed,
            "template": self.template,
            "message": self.message,
            "calls": [call.to_json() for call in self.calls],
            "replies": list(self.replies),
            "tried": self.tried,
            "why": self.why,
            "gaps": [gap.to_json() for gap in self.gaps],
            "standing_in": dict(self.standing_in),
        }

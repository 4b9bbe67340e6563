"""Who must have seen a checkpoint: C2SP tlog-policy, as far as Ed25519 keys go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aboveboard.trust.checkpoint import Witnessed, WitnessKey, check
from aboveboard.trust.note import COSIGNATURE, ED25519, LogKey, parse_key
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import parse_decimal

MAX_LINES = 1000
NOBODY = "none"


@dataclass(frozen=True)
class Group:
    """So many of these names, each a witness or a group that stands before."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The pinned log, the known witnesses, and the name of the witness or group that decides (`none`: nobody)."""

    log: LogKey
    witnesses: tuple[WitnessKey, ...]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read a policy; raises RefusedError with the line."""
        return _Parser().read(text)

    def check(self, data: bytes) -> Witnessed:
        """Check a checkpoint, and that the quorum saw it; raises RefusedError, or UndecidedError without a quorum."""
        witnessed = check(data, self.log, self.witnesses)
        if self.quorum != NOBODY and self.seen_at(witnessed) is None:
            raise UndecidedError(
                "quorum", f"too few witnesses saw it: {sorted(witnessed.times) or 'none'}", hint="let witnesses cosign it"
            )
        return witnessed

    def seen_at(self, witnessed: Witnessed) -> datetime | None:
        """Return when the quorum had seen the checkpoint; None where it has not, or nobody is asked."""
        return None if self.quorum == NOBODY else self._time(self.quorum, witnessed.times)

    def timely(self, witnessed: Witnessed, at: datetime, most: timedelta | None = None) -> datetime | None:
        """Return when the quorum saw it; raises UndecidedError where a time lies after `at`, or the quorum's is too old.

        A cosignature from the future need not be the witness's fault: the clock here may be behind. Nothing is shown.
        """
        late = [name for name, time in witnessed.times.items() if time > at]
        if late:
            raise UndecidedError(
                "clock-behind", f"{late[0]} saw it later than the time of evaluation", hint="set the clock, or give --at"
            )
        seen = self.seen_at(witnessed)
        if most is not None and (seen is None or at - seen > most):
            raise UndecidedError(
                "stale", f"no quorum saw it in the last {most.days} days", hint="get a newer copy of the log"
            )
        return seen

    def _time(self, name: str, times: Mapping[str, datetime]) -> datetime | None:
        group = self.groups.get(name)
        if group is None:
            return times.get(name)
        found = sorted(time for member in group.members if (time := self._time(member, times)) is not None)
        return found[group.least - 1] if len(found) >= group.least else None


class _Parser:
    def __init__(self) -> None:
        self.log: LogKey | None = None
        self.witnesses: dict[str, WitnessKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum = ""

    def read(self, text: str) -> Policy:
        lines = text.split("\n")  # and at nothing else: a comment must not end at a mark that nobody sees
        if len(lines) > MAX_LINES:
            raise RefusedError("too-large", f"a policy of more than {MAX_LINES} lines")
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if words:
                try:
                    self._line(words)
                except RefusedError as error:
                    raise RefusedError(error.code, f"policy, line {number}: {error.message}") from error
        if self.log is None or not self.quorum:
            raise RefusedError("policy", "a policy names one log and one quorum")
        names = {key.name: key for key in self.witnesses.values()}
        return Policy(self.log, tuple(names.values()), self.groups, self.quorum)

    def _line(self, words: list[str]) -> None:
        match words:
            case ["log", key, *_] if self.log is None:
                name, kind, public = parse_key(key)
                if kind != ED25519:
                    raise RefusedError("key-type", "a log's key has type 1")
                self.log = LogKey(name, public)
            case ["witness", name, key, *_]:
                self._witness(name, key)
            case ["group", name, least, *members] if members:
                self._group(name, least, members)
            case ["quorum", name] if not self.quorum:
                if name != NOBODY and name not in self.witnesses and name not in self.groups:
                    raise RefusedError("policy", f"{name[:40]!r} stands nowhere above")
                self.quorum = name
            case _:
                raise RefusedError("policy", f"not a line of a policy: {' '.join(words)[:80]!r}")

    def _witness(self, name: str, key: str) -> None:
        known_as, kind, public = parse_key(key)
        if kind != COSIGNATURE:
            raise RefusedError("key-type", "a witness's key has type 4")
        if any(public.raw == one.public.raw for one in self.witnesses.values()):
            raise RefusedError("duplicate-key", "one key under two names is one witness")
        if self.log is not None and public.raw == self.log.public.raw:
            raise RefusedError("duplicate-key", "a log is no witness of its own")
        self._free(name)
        if known_as != name:
            raise RefusedError("policy", f"the key of {name[:40]!r} is called {known_as[:40]!r}")
        self.witnesses[name] = WitnessKey(known_as, public)

    def _group(self, name: str, least: str, members: list[str]) -> None:
        self._free(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise RefusedError("policy", f"{member[:40]!r} stands nowhere above")
        if len(set(members)) != len(members):
            raise RefusedError("policy", "a member stands twice in its group")
        number = {"any": 1, "all": len(members)}.get(least) or parse_decimal(least)
        if not 0 < number <= len(members):
            raise RefusedError("policy", f"{number} of {len(members)} cannot be asked for")
        self.groups[name] = Group(number, tuple(members))

    def _free(self, name: str) -> None:
        if name == NOBODY or name in self.witnesses or name in self.groups:
            raise RefusedError("policy", f"the name {name[:40]!r} is taken")

"""What this machine can confine, and which tools are there."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass

from aboveboard.jail import Ending, Jail, Limits, Sinks
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import JailError
from aboveboard.pipelines.tools import EXTRACTORS


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    good: bool
    detail: str
    needed: bool  # without it nothing can be inspected

    def to_json(self) -> dict[str, JSON]:
        """Return the check as JSON."""
        return {"name": self.name, "good": self.good, "detail": self.detail, "needed": self.needed}


def doctor() -> list[Check]:
    """Try the jail from inside and look for the extractors."""
    return [*_jail(tools=False), *_jail(tools=True), *(_tool(name, package) for name, package in EXTRACTORS.items())]


def _jail(*, tools: bool) -> list[Check]:
    which = "extractors' jail" if tools else "parsers' jail"
    given: list[JSON] = []
    sinks = Sinks(given.append, lambda _: None)
    try:
        with Jail() as jail:
            ending = jail.run("aboveboard.jail.probes:look_around", {}, sinks, limits=Limits(wall_seconds=60), tools=tools)
    except JailError as error:
        return [Check(which, good=False, detail=f"{error.message} ({error.hint})", needed=True)]
    if ending != Ending() or len(given) != 1 or not isinstance(given[0], dict):
        hint = "allow unprivileged user namespaces, or run as root"
        return [Check(which, good=False, detail=f"{ending.detail} on Linux {platform.release()}; {hint}", needed=True)]
    seen = given[0]
    allowed = {"fork"} if tools else set()
    leaks = sorted(name for name, got in seen.items() if isinstance(got, str) and got != "refused" and name not in allowed)
    detail = f"lets through: {', '.join(leaks)}" if leaks else "no network, empty root, own user, filtered system calls"
    return [Check(which, good=not leaks, detail=detail, needed=True)]


def _tool(name: str, package: str) -> Check:
    path = shutil.which(name)
    return Check(name, good=path is not None, detail=path or f"Debian package {package}", needed=False)

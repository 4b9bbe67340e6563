"""What this machine can confine, and which tools are there."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass

from aboveboard.jail import Ending, Jail, Limits, Sinks
from aboveboard.jail.cell import Cell
from aboveboard.jail.cell_limits import CellLimits
from aboveboard.jail.cell_tree import PACKAGE, RootTree, find_emulator
from aboveboard.jail.launcher import stand_in
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import JailError
from aboveboard.pipelines.tools import EXTRACTORS

EMULATED = ("mips", "mipsel", "arm", "aarch64", "i386")  # the machines of routers; this one's own needs none


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
    tools = (_tool(name, package) for name, package in EXTRACTORS.items())
    return [*_jail(tools=False), *_jail(tools=True), _cell(), *tools, *map(_emulator, EMULATED)]


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


def _cell() -> Check:
    """Run a program of a few bytes in a cell, as programs of an image are: it must end well and have been seen."""
    name, path = "programs' cell", "/bin/probe"
    try:
        tree = RootTree({path: stand_in(platform.machine())})
        with Cell(tree, CellLimits(wall_seconds=20)) as cell, cell.run() as run:
            program = run.start([path])
            ended = run.until(lambda: program.code is not None, 10)
            seen = any(event.call == "exec" for event in run.events)
    except (JailError, KeyError) as error:
        why = f"{error.message} ({error.hint})" if isinstance(error, JailError) else f"not for {platform.machine()}"
        return Check(name, good=False, detail=f"programs of an image cannot be run here: {why}", needed=False)
    if not ended or program.code != 0 or not seen:
        return Check(name, good=False, detail="a program ran there and was not seen to its end", needed=False)
    detail = "programs of an image can be run: own namespaces, no rights, every call that changes something is seen"
    return Check(name, good=True, detail=detail, needed=False)


def _emulator(machine: str) -> Check:
    path = find_emulator(machine)
    return Check(f"qemu-{machine}", good=path is not None, detail=str(path or f"Debian package {PACKAGE}"), needed=False)


def _tool(name: str, package: str) -> Check:
    path = shutil.which(name)
    return Check(name, good=path is not None, detail=path or f"Debian package {package}", needed=False)

"""What boots, as other collectors read it from the facts of `boot_services`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aboveboard.evidence.collector import Needs
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Standing, Where

# The kinds to name in NEEDS for this module.
KINDS = ("boot-service", "boot-command", "boot-script", "boot-file", "listener")
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service or command of the boot: its basename, its program's path and file, its words, and whether it runs."""

    name: str
    program: str
    file: str
    argv: tuple[str, ...]
    active: str
    where: Where
    via: tuple[str, ...]
    conditions: tuple[str, ...]
    stdin: str
    user: str

    @property
    def standing(self) -> Standing:
        """Confirmed where it runs, a candidate under a condition, else only observed."""
        return standing_of(self.active)

    def step(self) -> str:
        """Return the line that starts it, for a chain."""
        return f"{self.where} {' '.join(self.argv)}"[:300]


def standing_of(active: str) -> Standing:
    """Return the standing of what is active `yes`, `conditional` or `no`; anything else is not decided."""
    return {"yes": Standing.CONFIRMED, "no": Standing.OBSERVED}.get(active, Standing.CANDIDATE)


def strongest(actives: Iterable[str]) -> str:
    """Return the strongest of several answers to whether something is active: yes, conditional, unknown, no."""
    order = ("yes", "conditional", "unknown", "no")
    return min(actives, key=lambda active: order.index(active) if active in order else len(order), default="no")


@dataclass(frozen=True)
class Boot:
    """The boot of one tree."""

    services: tuple[Service, ...]
    commands: tuple[Service, ...]
    files: dict[str, Fact]  # by path: what boot scripts write
    entered: tuple[tuple[str, str], ...] = ()  # scripts that the boot goes through, and whether it does

    @classmethod
    def of(cls, needs: Needs) -> Boot:
        """Read it from the facts that a collector asked for."""
        files = {str(fact.data.get("path")): fact for fact in needs.of("boot-file")}
        return cls(
            tuple(_service(fact) for fact in needs.of("boot-service")),
            tuple(_service(fact) for fact in needs.of("boot-command")),
            files,
            tuple((str(fact.data.get("path")), str(fact.data.get("active"))) for fact in needs.of("boot-script")),
        )

    def all(self) -> tuple[Service, ...]:
        """Return services and commands together."""
        return self.services + self.commands

    def named(self, *names: str) -> list[Service]:
        """Return the services and commands that are called by one of these names."""
        return [item for item in self.all() if item.name in names or posixpath.basename(item.program) in names]

    def content(self, path: str) -> str | None:
        """Return what a boot script wrote into a file, where all of it is known."""
        fact = self.files.get(path)
        text = str(fact.data.get("content")) if fact is not None else UNKNOWN
        return None if UNKNOWN in text else text

    def known_lines(self, path: str, shipped: str) -> str | None:
        """Return what a file holds after the boot where scripts only add to it; lines that are not known are left empty.

        None where nothing is added, or all of it is known.
        """
        fact = self.files.get(path)
        if fact is None or self.content(path) is not None or self.overwritten(path, shipped):
            return None
        lines = str(fact.data.get("content")).split("\n")
        return "\n".join("" if UNKNOWN in line else line for line in lines)

    def overwritten(self, path: str, shipped: str) -> bool:
        """Tell whether boot scripts replace a file by something that is not known here, and do not only add to it."""
        fact = self.files.get(path)
        if fact is None or self.content(path) is not None:
            return False
        kept = str(fact.data.get("content")).partition(UNKNOWN)[0]
        return not (kept and (kept.startswith(shipped) or shipped.startswith(kept)))

    def writers(self, path: str) -> tuple[str, ...]:
        """Return the lines of boot scripts that write a file, as `script:line`."""
        fact = self.files.get(path)
        return _texts(fact.data.get("by")) if fact is not None else ()

    def scripts(self) -> dict[str, str]:
        """Return the scripts that run, with whether they do."""
        found = dict(self.entered)
        for item in self.all():
            found[item.where.path] = strongest((found.get(item.where.path, "no"), item.active))
        return found


def _service(fact: Fact) -> Service:
    argv = _texts(fact.data.get("argv"))
    return Service(
        name=posixpath.basename(argv[0]) if argv else "",
        program=str(fact.data.get("program") or (argv[0] if argv else "")),
        file=str(fact.data.get("file") or ""),
        argv=argv,
        active=str(fact.data.get("active")),
        where=fact.where,
        via=_texts(fact.data.get("via")),
        conditions=_texts(fact.data.get("conditions")),
        stdin=str(fact.data.get("stdin") or ""),
        user=str(fact.data.get("user") or ""),
    )


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()

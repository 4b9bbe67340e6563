"""What must run before a program: the service behind a socket that it looks for, the command that makes a file it lacks."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aboveboard.evidence.services import Service
from aboveboard.jail.cell import Cell, Run
from aboveboard.jail.cell_events import Event
from aboveboard.jail.cell_tree import OWN
from aboveboard.readers import elf

PATIENCE = 6.0  # seconds for a program to come to rest after its start; it waits less where nothing happens
MAX_BEFORE = 3
_MAX_PROGRAM = 4 << 20
_LOG = b"unix:/dev/log"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Before:
    """A command line that runs first, and why."""

    argv: tuple[str, ...]
    path: str
    why: str


def start_before(run: Run, before: Sequence[Before]) -> None:
    """Start what must run first, one after the other, each until it rests or ends."""
    for one in before:
        run.start(one.argv, path=one.path)
        run.settle(PATIENCE)


def lacking(cell: Cell, events: Sequence[Event], services: Sequence[Service], own: str) -> list[Before]:
    """Return what may make the run go on: it looked for sockets that nobody serves, and for files that the boot makes."""
    found: dict[str, Before] = {}
    for event in events:
        first = event.arguments[0] if event.arguments else b""
        if not isinstance(first, bytes):
            continue
        if event.call == "connect" and first.startswith(b"unix:/") and first != _LOG:
            server = _server_of(cell, first[5:].decode("utf-8", "surrogateescape"), own)
            if server is not None:
                found.setdefault(server.path, server)
        elif event.call == "read":
            name = first.decode("utf-8", "surrogateescape")
            maker = _maker_of(cell, name, services, own)
            if maker is not None:
                found.setdefault(name, maker)
        if len(found) >= MAX_BEFORE:
            break
    return list(found.values())


def _maker_of(cell: Cell, name: str, services: Sequence[Service], own: str) -> Before | None:
    """Return the command of the boot that names a file which is not in the tree."""
    if cell.tree.content(name) is not None or not name.startswith(("/etc/", "/var/", "/tmp/")):  # noqa: S108
        return None
    for service in services:
        if name in service.argv[1:] and service.file not in ("", own) and _UNKNOWN not in "".join(service.argv):
            return Before(service.argv, service.file, f"it makes {name}")
    return None


def _server_of(cell: Cell, name: str, own: str) -> Before | None:
    """Return the program of the tree that holds the path of a socket, listens, and does bind it when it is run."""
    for path in _holders(cell, name):
        if path == own or cell.can_run(path):
            continue
        with cell.run() as run:
            run.start([path])
            run.settle(PATIENCE)
            binds = any(event.call == "bind" and event.arguments[0] == b"unix:" + name.encode() for event in run.events)
        if binds:
            return Before((path,), path, f"it serves {name}")
    return None


def _holders(cell: Cell, name: str) -> Iterator[str]:
    """Yield programs that hold the path as a text and are no library, a few of them."""
    count = 0
    for path, data in sorted(cell.tree.files.items()):
        real = path.startswith(f"{OWN}/real/")
        shown = path[len(OWN) + 5 :] if real else path
        if (
            len(data) > _MAX_PROGRAM
            or data[:4] != b"\x7fELF"
            or name.encode() not in data
            or ".so" in posixpath.basename(path)
        ):
            continue
        try:
            program = elf.read(data)
        except elf.ElfError:
            continue
        if {"listen", "bind", "usock"} & set(program.imports) and count < MAX_BEFORE:
            count += 1
            yield shown

"""What each started service listens on: by its socket, its rule, its code, or a plain port argument."""

from __future__ import annotations

import ipaddress
import posixpath
from collections.abc import Iterator
from dataclasses import replace

from aboveboard.evidence.collector import Needs
from aboveboard.evidence.collectors.boot_services import daemons
from aboveboard.evidence.collectors.boot_services.boot import MULTICALL, Boot, Started
from aboveboard.evidence.collectors.boot_services.daemons import Port
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.readers.shell.state import known, readable
from aboveboard.readers.tree import TreeView

ANY = ("0.0.0.0", "::", "0", "*")  # noqa: S104 - addresses that a program of an image binds
_PORT_OPTIONS = ("-p", "--port", "--listen-port", "--listen")


class Listening:
    """Joins what starts with what is known of programs."""

    def __init__(self, tree: TreeView, needs: Needs, boot: Boot) -> None:
        self._tree = tree
        self._boot = boot
        self._programs: dict[str, list[Fact]] = {}
        self._listens: dict[str, list[Fact]] = {}
        for fact in needs.of("program"):
            self._programs.setdefault(fact.where.path, []).append(fact)
        for fact in needs.of("listens"):
            self._listens.setdefault(fact.where.path, []).append(fact)
        self._unshown: dict[str, str] = {}

    def of(self, started: Started) -> Iterator[Fact]:
        """Yield the listeners of one service."""
        ports = [replace(port, address="") if port.address in ANY else port for port in self._ports(started)]
        for port in dict.fromkeys(ports):
            yield self._fact(started, port)

    def gaps(self) -> Iterator[Gap]:
        """Yield the programs that bind a port which nothing here shows."""
        for path, called in sorted(self._unshown.items()):
            yield Gap(Cause.UNRESOLVED, Where(path=path), f"{called} starts and binds a port that its code does not show")

    def _ports(self, started: Started) -> list[Port]:
        if started.socket is not None:
            proto, number, address = started.socket
            return [Port(proto, number, "setting", address)] if number else []
        argv = started.command.argv
        name = posixpath.basename(argv[0])
        ruled = daemons.ports(argv, name, self._read)
        if ruled is not None:
            return ruled
        if posixpath.basename(started.file) in MULTICALL:
            return []  # what its code binds belongs to one of its applets, and nothing says to which
        code = self._from_code(started.file)
        arguments = self._from_arguments(argv, started.file)
        # a port on the command line is what the code's own default would have been
        if arguments and not any(port.proto == "raw" for port in code):
            return arguments
        if not code and self._binds(started.file):
            self._unshown[started.file] = started.name
        return arguments or code

    def _from_code(self, file: str) -> list[Port]:
        found = []
        for fact in self._listens.get(file, ()):
            number, proto = fact.data.get("port"), fact.data.get("proto")
            if isinstance(number, int) and isinstance(proto, str) and (number or proto == "raw"):
                found.append(Port(proto, number, "code", str(fact.data.get("address") or "")))
        return found

    def _from_arguments(self, argv: tuple[str, ...], file: str) -> list[Port]:
        if not self._binds(file):
            return []
        proto = "udp" if self._only_datagrams(file) else "tcp"
        return [
            port
            for option in _PORT_OPTIONS
            for value in daemons.option_values(argv, option)
            if known(value) and (port := daemons.split(value, proto, "argument")) is not None
        ]

    def _calls(self, file: str) -> set[str]:
        return {
            str(name)
            for fact in self._programs.get(file, ())
            for name in (fact.data.get("calls") or ())  # type: ignore[union-attr]  # a list in this kind
        }

    def _binds(self, file: str) -> bool:
        return "bind" in self._calls(file)

    def _only_datagrams(self, file: str) -> bool:
        calls = self._calls(file)
        return not calls & {"listen", "accept", "accept4"} and bool(calls & {"recvfrom", "recvmsg"})

    def _read(self, path: str) -> str:
        if not known(path):
            return ""
        text = self._boot.interpreter.files.read(path, self._boot.state)
        return (text or "")[:65536]

    def _fact(self, started: Started, port: Port) -> Fact:
        command = started.command
        loopback = is_loopback(port.address)
        active = started.active
        standing = {"yes": Standing.CONFIRMED, "conditional": Standing.CANDIDATE}.get(active, Standing.OBSERVED)
        if loopback:
            standing = Standing.OBSERVED
        if port.proto in ("raw", "unknown"):
            standing = Standing.CANDIDATE if standing is Standing.CONFIRMED else standing
        data: dict[str, JSON] = {
            "proto": port.proto,
            "port": port.port,
            "program": readable(started.program),
            "file": started.file,
            "name": readable(started.name),
            "interface": "loopback" if loopback else readable(port.address),
            "by": port.by,
            "active": active,
            "conditions": [readable(condition) for condition in command.conditions[:16]],
            "via": [
                *(readable(step) for step in command.via[-15:]),
                readable(f"{command.path}:{command.line} {command.text}")[:300],
            ],
        }
        return Fact("listener", Where(path=command.path, line=command.line), data, standing)


def is_loopback(address: str) -> bool:
    """Tell whether an address is reached from the device alone (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3)."""
    if address in ("localhost", "lo"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False

"""What starts at boot, and what of it listens on which port.

Follows the start from the init program on: inittab, SysV links, `rcS`, OpenWrt's `rc.d` with procd and UCI, systemd
units and sockets, inetd and xinetd, cron. Scripts are interpreted as far as constants, settings, NVRAM defaults and the
files of the image decide; what they do not decide makes both branches run, each under its condition. Nothing is
executed.

A service that starts without an undecided condition is `confirmed`; one under a condition is a candidate; one whose
program is not in the image is only observed. A port is known from the arguments, from a settings file, from the
program's documented default, or from a constant in its code (`programs`). Services on loopback alone are observed. A
program that binds a port which nothing here shows is a gap, for a port scan to fill.
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.collectors.boot_services.boot import Boot, Started
from aboveboard.evidence.collectors.boot_services.daemons import RULES
from aboveboard.evidence.collectors.boot_services.listening import Listening
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.readers.shell import Command
from aboveboard.readers.shell.state import readable
from aboveboard.readers.tree import TreeView

NAME = "boot_services"
VERSION = 1
SUBJECT = "tree"
NEEDS = ("program", "listens")
EMITS = {
    "boot-service": "name, program, file, argv, user, source, active (yes, conditional, no), conditions, via",
    "boot-command": "argv, environment, stdin, active, conditions, via: what a boot script runs beside services",
    "boot-script": "path, active: a script that the boot goes through",
    "boot-file": "path, content, by, active: a file that boot scripts write, as far as it is known",
    "listener": "proto, port, program, file, interface, by (argument, setting, default, code), active, conditions, via",
}
CLAUSES = ("NB-04", "NB-05")

_INIT = {"/bin/busybox": b"\x7fELF busybox", "/usr/sbin/telnetd": b"\x7fELF", "/usr/sbin/mgmtd": b"\x7fELF"}
_LISTENS = Fact("listens", Where(path="/usr/sbin/mgmtd"), {"proto": "tcp", "port": 40123, "address": ""})
PLANTED = (
    Planted(
        {
            **_INIT,
            "/etc/inittab": b"::sysinit:/etc/init.d/rcS\n",
            "/etc/init.d/rcS": b"#!/bin/sh\nPORT=2323\nif [ -f /etc/inittab ]; then telnetd -p $PORT & fi\nmgmtd\n",
        },
        (
            ("boot-service", {"program": "/usr/sbin/telnetd", "active": "yes"}),
            ("listener", {"proto": "tcp", "port": 2323, "by": "argument", "active": "yes"}),
            ("listener", {"proto": "tcp", "port": 40123, "by": "code", "active": "yes"}),
        ),
        needs=(_LISTENS,),
        links={"/sbin/init": "/bin/busybox"},
    ),
    Planted(
        {
            **_INIT,
            "/sbin/procd": b"\x7fELF",
            "/etc/rc.common": b'#!/bin/sh\n. "$1"\nstart() { start_service; }\nboot() { start; }\n$2\n',
            "/etc/config/web": b"config web main\n\toption port 8088\n",
            "/etc/init.d/web": b"#!/bin/sh /etc/rc.common\nUSE_PROCD=1\none() { config_get P $1 port; procd_open_instance;"
            b" procd_set_param command /usr/sbin/uhttpd -p $P; procd_close_instance; }\n"
            b"start_service() { config_load web; config_foreach one web; }\n",
            "/usr/sbin/uhttpd": b"\x7fELF",
        },
        (("listener", {"proto": "tcp", "port": 8088, "program": "/usr/sbin/uhttpd", "active": "yes"}),),
        links={"/etc/rc.d/S50web": "../init.d/web"},
    ),
)

MAX_FILE = 16_384  # characters of a written file that are kept


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield what starts in one tree, what it listens on, and what its scripts run and write."""
    boot = Boot(tree)
    boot.run()
    listening = Listening(tree, needs, boot)
    for started in boot.started:
        if started.active == "no" and "/" not in started.command.argv[0] and started.name not in RULES:
            continue  # a shell function whose library is not read, or a tool that is not there
        yield _service(started)
        yield from listening.of(started)
    for command, active in boot.commands:
        yield Fact("boot-command", Where(path=command.path, line=command.line), _of_command(command, active))
    for path, always in sorted(boot.interpreter.entered.items()):
        active = "yes" if always else "conditional"
        yield Fact("boot-script", Where(path=readable(path)), {"path": readable(path), "active": active})
    for path, content in sorted(boot.written.items()):
        writers = [f"{script}:{line}" for script, line in dict.fromkeys(boot.interpreter.writers.get(path, ()))]
        data: dict[str, JSON] = {
            "path": readable(path),
            "content": readable(content[:MAX_FILE]),
            "by": [readable(place) for place in writers[-8:]],
            "active": "yes",
        }
        yield Fact("boot-file", Where(path=readable(path)), data)
    for cause, path, detail in boot.gaps:
        yield Gap(cause, Where(path=path), detail)
    yield from listening.gaps()


def _service(started: Started) -> Fact:
    command = started.command
    standing = {"yes": Standing.CONFIRMED, "conditional": Standing.CANDIDATE}.get(started.active, Standing.OBSERVED)
    data = _of_command(command, started.active)
    data |= {
        "name": readable(started.name),
        "program": readable(started.program),
        "file": started.file,
        "user": started.user,
        "source": started.source,
    }
    return Fact("boot-service", Where(path=command.path, line=command.line), data, standing)


def _of_command(command: Command, active: str) -> dict[str, JSON]:
    return {
        "argv": [readable(word)[:1000] for word in command.argv[:64]],
        "environment": [f"{name}={readable(value)[:200]}" for name, value in command.environment[:16]],
        "stdin": readable(command.stdin[:2000]),
        "active": active,
        "conditions": [readable(condition) for condition in command.conditions[:16]],
        "via": [readable(step) for step in command.via[-16:]],
    }


__all__ = ["CLAUSES", "EMITS", "NAME", "NEEDS", "PLANTED", "SUBJECT", "VERSION", "Cause", "collect"]

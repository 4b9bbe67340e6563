"""Files that say what starts: inittab(5), inetd.conf(5), xinetd.conf(5), crontab(5), and units (systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# busybox init, when there is no inittab (init/init.c, "default inittab"), as far as it starts anything at boot
BUSYBOX_DEFAULT = "::sysinit:/etc/init.d/rcS\n::askfirst:/bin/sh\n"
AT_BOOT = frozenset(
    "sysinit boot bootwait wait once respawn askfirst askconsole askconsolelate respawnlate initdefault".split()
)
# From the service names that inetd.conf uses without a number (IANA Service Name and Port Number Registry).
SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "domain": 53, "bootps": 67, "tftp": 69, "finger": 79,
    "http": 80, "www": 80, "pop3": 110, "sunrpc": 111, "auth": 113, "ntp": 123, "imap": 143, "imap2": 143, "snmp": 161,
    "https": 443, "exec": 512, "login": 513, "shell": 514, "syslog": 514, "printer": 515, "rsync": 873, "nfs": 2049,
    "echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "swat": 901, "netbios-ssn": 139, "netbios-ns": 137,
    "microsoft-ds": 445, "vnc": 5900, "x11": 6000, "git": 9418, "mysql": 3306, "postgresql": 5432,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InitLine:
    """A line of an inittab: where it is asked for (`id` is the terminal in busybox), when, and what runs."""

    line: int
    id: str
    runlevels: str
    action: str
    process: str


def read_inittab(text: str) -> Iterator[InitLine]:
    """Yield the lines in form; what has no known action is not there for init either."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.strip().split(":", 3)
        if len(parts) == 4:
            yield InitLine(number, parts[0], parts[1], parts[2].strip(), parts[3].strip())


def initdefault(lines: list[InitLine]) -> str:
    """Return the run level that sysvinit enters (inittab(5)); busybox has none."""
    return next((line.runlevels[:1] for line in lines if line.action == "initdefault"), "")


def runs_at_boot(line: InitLine, level: str) -> bool:
    """Tell whether a line runs on the way to a run level; without one every level counts."""
    if line.action not in AT_BOOT or line.action == "initdefault":
        return False
    return not level or not line.runlevels or line.action in ("sysinit", "boot", "bootwait") or level in line.runlevels


@dataclass(frozen=True, slots=True)
class InetService:
    """A service of inetd or xinetd: the port (0 where its name has none here) and the program with its arguments."""

    line: int
    name: str
    proto: str
    port: int
    user: str
    argv: tuple[str, ...]
    address: str = ""


def read_inetd(text: str, services: dict[str, int]) -> Iterator[InetService]:
    """Yield the services that are on: `service type proto wait user program arguments`."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if len(words) < 6 or words[0].startswith("#") or words[1] not in ("stream", "dgram", "raw", "rdm", "seqpacket"):
            continue
        address, _, name = words[0].rpartition(":")
        proto = "udp" if words[2].startswith("udp") else "tcp"
        program = words[5]
        argv = (program, *words[7:]) if len(words) > 6 else (program,)
        yield InetService(number, name, proto, port_of(name, services), words[4], argv, address.strip("[]*"))


def read_xinetd(text: str, services: dict[str, int]) -> Iterator[InetService]:
    """Yield the services of an xinetd file that are not disabled."""
    for block in re.finditer(r"^\s*service\s+(\S+)\s*\{(.*?)^\s*\}", text[: 1 << 20], re.MULTILINE | re.DOTALL):
        pairs = dict(re.findall(r"^\s*(\w+)\s*\+?=\s*(.*?)\s*$", block[2], re.MULTILINE))
        if pairs.get("disable", "no").lower() in ("yes", "true", "1"):
            continue
        port = pairs.get("port", "")
        argv = (pairs.get("server", block[1]), *pairs.get("server_args", "").split())
        yield InetService(
            text.count("\n", 0, block.start(1)) + 1,
            block[1],
            "udp" if "dgram" in pairs.get("socket_type", "") or pairs.get("protocol") == "udp" else "tcp",
            int(port) if port.isdigit() and len(port) < 6 else port_of(block[1], services),
            pairs.get("user", "root"),
            argv,
            pairs.get("bind", ""),
        )


def port_of(name: str, services: dict[str, int]) -> int:
    """Return the port that a service name stands for, 0 where it is not known."""
    if name.isdigit() and len(name) < 6:
        return int(name)
    return services.get(name, SERVICES.get(name, 0))


def read_services(text: str) -> dict[str, int]:
    """Return the names of services(5), aliases included."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        number = words[1].partition("/")[0] if len(words) > 1 else ""
        if number.isdigit() and len(number) < 6:
            for name in (words[0], *words[2:]):
                found.setdefault(name, int(number))
    return found


@dataclass(frozen=True, slots=True)
class CronLine:
    """A command of a crontab, when it runs, and as whom."""

    line: int
    when: str
    user: str
    command: str


def read_crontab(text: str, *, with_user: bool) -> Iterator[CronLine]:
    """Yield the commands; a system crontab has a column for the user (crontab(5))."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(None, 1)
        if not words or words[0].startswith("#") or re.match(r"^\s*\w+\s*=", line):
            continue
        columns = 1 if words[0].startswith("@") else 5
        parts = line.split(None, columns + with_user)
        if len(parts) > columns + with_user:
            yield CronLine(number, " ".join(parts[:columns]), parts[columns] if with_user else "", parts[-1])


@dataclass(frozen=True, slots=True)
class Setting:
    """`Key=Value` in a section of a unit."""

    section: str
    key: str
    value: str
    line: int


def read_unit(text: str) -> list[Setting]:
    """Return the settings of a unit, continued lines joined (systemd.syntax(7))."""
    settings: list[Setting] = []
    section, pending, first = "", "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith(("#", ";")):
            continue
        first = first if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        line, pending = pending + line, ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line:
            key, _, value = line.partition("=")
            settings.append(Setting(section, key.strip(), value.strip(), first))
    return settings

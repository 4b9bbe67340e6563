"""Debug access as shipped: telnet, adb, gdbserver, shells on a port or the console, and what a message opens.

A debug service that boots, or a console that gives a shell without a log-in, is `confirmed`; under an undecided
condition it is a candidate; a console that asks for a log-in is only observed. `unlock` is access that a message from
outside opens: confirmed where a boot script waits for the message and starts the access in the same breath, a candidate
where a program's code does (`programs`). JTAG, test points and boot loaders are not in the file tree; a physical look
has to settle them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.logins import SHELLS, logins, option
from aboveboard.evidence.services import KINDS, Boot, Service, standing_of
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Gap, Standing, Where
from aboveboard.readers import strings
from aboveboard.readers.tree import TreeView

NAME = "debug_access"
VERSION = 1
SUBJECT = "tree"
NEEDS = (*KINDS, "program", "runs", "reads-network")
EMITS = {
    "debug-access": "what (telnet, adb, gdbserver, serial, shell, unlock), name, program, port, protection, active, via",
}
CLAUSES = ("NB-07", "NB-08")

TELNET = frozenset({"telnetd", "utelnetd", "in.telnetd", "telnetd-ssl"})
DEBUGGERS = {"gdbserver": "gdbserver", "lldb-server": "gdbserver", "frida-server": "gdbserver", "adbd": "adb", "adb": "adb"}
# A command that opens access: a debug service, a remote shell, a way past the firewall.
_OPENS = re.compile(
    r"(?:^|[\s;&|/(])(?P<what>telnetd|utelnetd|adbd|gdbserver|dropbear|sshd)\b"
    r"|(?:^|[\s;&|/(])(?:nc|ncat|netcat)\b[^;|&]*\s-[a-z]*e\s*\S*sh\b"
    r"|(?:^|[\s;&|/(])(?:ba|a|da)?sh\s+-i\b"
    r"|\biptables\b[^;|&]*\s-(?:I|A|F|P)\s+INPUT\b(?:[^;|&]*ACCEPT)?"
)
MAX_SCRIPT = 1 << 18
MAX_PROGRAM = 16 << 20
_WAITS = re.compile(r"(?:^|[\s;&|(/$`])(?:nc|ncat|netcat|socat|tcpdump|udpsvd|recv\w*|listen\w*)\b")

_BOOTS: dict[str, JSON] = {"file": "/bin/busybox", "active": "yes"}
PLANTED = (
    Planted(
        {"/etc/inittab": b"::respawn:-/bin/sh\n", "/bin/sh": b"\x7fELF"},
        (
            ("debug-access", {"what": "serial", "protection": "none", "active": "yes"}),
            ("debug-access", {"what": "telnet", "protection": "none", "active": "yes"}),
            ("debug-access", {"what": "unlock", "program": "/usr/sbin/helper"}),
        ),
        needs=(
            Fact(
                "boot-command",
                Where(path="/etc/inittab", line=1),
                {"argv": ["/bin/sh"], **_BOOTS, "via": ["/etc/inittab:1 respawn"]},
            ),
            Fact("boot-service", Where(path="/etc/rc", line=2), {"argv": ["telnetd", "-l", "/bin/sh"], **_BOOTS}),
            Fact(
                "boot-service",
                Where(path="/etc/rc", line=3),
                {"argv": ["helper"], "program": "/usr/sbin/helper", "file": "/usr/sbin/helper", "active": "yes"},
            ),
            Fact(
                "reads-network",
                Where(path="/usr/sbin/helper", function="0x400"),
                {"calls": ["recvfrom"], "commands": ["telnetd -p 99"]},
            ),
        ),
    ),
)

# Scripts that a web server runs for a request, and that OpenWrt runs for a button or a device.
_EVENT_SCRIPT = re.compile(r"(?P<cgi>/cgi(?:-bin)?/[^/]+$|\.cgi$)|^/etc/(?:rc\.button|hotplug\.d/(?!iface/)[^/]+)/[^/]+$")
_WEB_SERVERS = ("uhttpd", "httpd", "lighttpd", "boa", "mini_httpd", "thttpd", "nginx", "goahead", "webs")


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the debug access of one tree."""
    boot = Boot.of(needs)
    ports = _ports(needs)
    yield from _services(boot, tree, ports)
    yield from _consoles(boot)
    yield from _messages(boot)
    yield from _code(boot, needs)
    yield from _static(boot, tree, needs)
    yield from _on_events(boot, tree)


def _ports(needs: Needs) -> dict[tuple[str, int | None], list[int]]:
    found: dict[tuple[str, int | None], list[int]] = {}
    for fact in needs.of("listener"):
        port = fact.data.get("port")
        if isinstance(port, int):
            found.setdefault((fact.where.path, fact.where.line), []).append(port)
    return found


def _port_of(service: Service, ports: list[int]) -> int:
    """Return which of the ports of a place this command listens on: a loop may start several there."""
    return next((port for port in ports for word in service.argv if str(port) in re.findall(r"\d+", word)), ports[0])


def _services(boot: Boot, tree: TreeView, ports: dict[tuple[str, int | None], list[int]]) -> Iterator[Fact]:
    ways = {way.service: way for way in logins(boot, tree)}
    for service in boot.all():
        waits = _waits_for_message(service)
        port = _port_of(service, ports.get((service.where.path, service.where.line), [0]))
        if service.name in TELNET:
            way = ways.get(service)
            protection = "none" if way is not None and way.shell else "login"
            what = "unlock" if waits else "telnet"
            yield _fact(what, service, protection, port, shell=way.shell if way is not None else "")
        elif service.name in DEBUGGERS and not (service.name == "adb" and "-L" not in service.argv):
            yield _fact("unlock" if waits else DEBUGGERS[service.name], service, "none", port)
        elif _is_remote_shell(service):
            yield _fact("unlock" if waits else "shell", service, "none", port)
        elif waits and service.name in ("dropbear", "sshd"):
            yield _fact("unlock", service, "login", port)


def _is_remote_shell(service: Service) -> bool:
    """Tell whether a command hands a shell to whoever connects: nc -e, socat EXEC, tcpsvd, or inetd with a shell."""
    argv = service.argv
    if service.name in ("nc", "ncat", "netcat"):
        return any(_is_shell(argv[at + 1]) for at, word in enumerate(argv[:-1]) if re.fullmatch(r"-\w*[ec]", word))
    if service.name in SHELLS and any("/dev/tcp/" in word for word in argv):
        return True
    if service.name == "socat":
        listens = any(re.match(r"(?i)(?:tcp|udp|sctp|openssl)[46]?-(?:l|listen|recvfrom)\b", word) for word in argv[1:])
        return listens and any(re.match(r"(?i)(?:exec|system):[\"']?\S*(?:sh|login)\b", word) for word in argv[1:])
    if service.name in ("tcpsvd", "udpsvd"):
        return any(_is_shell(word) for word in argv[1:])
    return bool(
        service.conditions == () and _is_shell(argv[0]) and service.where.path.startswith(("/etc/inetd", "/etc/xinetd"))
    )


def _is_shell(word: str) -> bool:
    return posixpath.basename(word.partition(" ")[0]) in SHELLS


# -- consoles ----------------------------------------------------------------------------------------------------------


def _consoles(boot: Boot) -> Iterator[Fact]:
    for item in boot.all():
        if not _is_from_init(item):
            continue
        if _is_shell(item.argv[0]) and not {"-c"} & set(item.argv):
            scripts = [word for word in item.argv[1:] if not word.startswith("-")]
            if not scripts:
                yield _fact("serial", item, "none", 0)
        elif item.name in ("getty", "agetty", "mgetty", "mingetty"):
            login = option(item.argv, "-l")
            automatic = any(word.startswith(("--autologin", "-a")) for word in item.argv[1:])
            protection = "none" if _is_shell(login) and login else ("none" if automatic else "login")
            yield _fact("serial", item, protection, 0)
        elif item.name == "login":
            yield _fact("serial", item, "none" if "-f" in item.argv else "login", 0)


def _is_from_init(item: Service) -> bool:
    """Tell whether init itself starts it: an inittab line, or a script that such a line names as the console's log-in."""
    first = item.via[0] if item.via else ""
    console = item.name in ("getty", "agetty", "mgetty", "mingetty") and item.where.path.endswith(".service")
    return (
        console
        or item.where.path == "/etc/inittab"
        or bool(re.match(r"^/etc/inittab:\d+ (?:respawn|askfirst|askconsole\w*|respawnlate)", first))
    )


# -- access that a message opens ---------------------------------------------------------------------------------------


def _waits_for_message(service: Service) -> bool:
    """Tell whether a command stands under a condition that is a message from the network."""
    return any(_WAITS.search(condition) for condition in service.conditions)


def _messages(boot: Boot) -> Iterator[Fact]:
    """Yield what knocking daemons open (knockd(1)): that they run is enough."""
    for service in boot.named("knockd", "fwknopd"):
        yield _fact("unlock", service, "none", 0)


def _code(boot: Boot, needs: Needs) -> Iterator[Fact]:
    """Yield what the code of programs would open: candidates where they boot, observed where nothing starts them."""
    boots: dict[str, list[Service]] = {}
    for service in boot.all():
        boots.setdefault(service.file or service.program, []).append(service)
    told: set[tuple[str, str]] = set()
    for fact in needs.of("reads-network"):
        for command in _texts(fact.data.get("commands")):
            if _OPENS.search(command):
                told.add((fact.where.path, command))
                yield _of_code("unlock", fact, command, boots)
    for fact in needs.of("runs"):
        command = str(fact.data.get("command"))
        match = _OPENS.search(command)
        if match is not None and (fact.where.path, command) not in told:
            what = {"adbd": "adb", "gdbserver": "gdbserver"}.get(
                match["what"] or "", "telnet" if match["what"] else "shell"
            )
            if match["what"] not in ("dropbear", "sshd"):
                yield _of_code(what, fact, command, boots)


def _on_events(boot: Boot, tree: TreeView) -> Iterator[Fact]:
    """Yield the commands in scripts that only a request, button or device starts: candidates, for none is followed."""
    served = any(service.active != "no" for service in boot.named(*_WEB_SERVERS))
    for entry in tree.files():
        match = _EVENT_SCRIPT.search(entry.path)
        if match is None or (match["cgi"] and not served) or tree.head(entry.path, 2) != b"#!":
            continue
        lines = (tree.text(entry.path, limit=MAX_SCRIPT) or "").splitlines()
        for number, line in enumerate(lines, 1):
            if not line.lstrip().startswith("#") and _OPENS.search(line):
                where = Where(path=entry.path, line=number)
                yield _possible("unlock", where, line.strip()[:300], "unknown", [f"{where} {line.strip()}"[:300]])


def _static(boot: Boot, tree: TreeView, needs: Needs) -> Iterator[Fact]:
    """Yield the commands among the strings of statically linked programs: their calls have no names to follow."""
    for fact in needs.of("program"):
        path = fact.where.path
        starters = [item for item in boot.services if path in (item.file, item.program) and item.active != "no"]
        if fact.data.get("linking") != "static" or not starters or posixpath.basename(path) in ("busybox", "toybox"):
            continue
        for offset, text in strings.terminated(tree.read(path, limit=MAX_PROGRAM) or b"", least=6, most=300):
            command = text.decode("ascii").strip()
            if _OPENS.search(command) and " " in command:
                yield _of_code("unlock", replace(fact, where=Where(path=path, offset=offset)), command, {path: starters})


def _of_code(what: str, fact: Fact, command: str, boots: dict[str, list[Service]]) -> Fact:
    starters = [item for item in boots.get(fact.where.path, ()) if item.active != "no"]
    via = [*(item.step() for item in starters[:4]), f"{fact.where} runs {command}"[:300]]
    return _possible(what, fact.where, command, "unknown" if starters else "no", via)


def _possible(what: str, where: Where, command: str, active: str, via: list[str]) -> Fact:
    """Return what code or an unfollowed script would open: a candidate, or observed where nothing starts it."""
    data: dict[str, JSON] = {
        "what": what,
        "name": posixpath.basename(where.path),
        "program": where.path,
        "command": command,
        "protection": "unknown",
        "active": active,
        "via": list(via),
    }
    return Fact("debug-access", where, data, Standing.OBSERVED if active == "no" else Standing.CANDIDATE)


def _fact(what: str, service: Service, protection: str, port: int, *, shell: str = "") -> Fact:
    active = service.active
    waits = [_WAITS.search(condition) is not None for condition in service.conditions]
    if what == "unlock" and active == "conditional" and any(waits):
        decided = (waiting or _is_text_test(text) for waiting, text in zip(waits, service.conditions, strict=True))
        active = "yes" if all(decided) else active  # the message is the only condition
    standing = standing_of(active)
    if what == "serial" and protection == "login":
        standing = Standing.OBSERVED
    data: dict[str, JSON] = {
        "what": what,
        "name": service.name,
        "program": service.program,
        "port": port,
        "protection": protection,
        "shell": shell,
        "active": active,
        "conditions": list(service.conditions),
        "via": [*service.via, service.step()],
    }
    return Fact("debug-access", service.where, data, standing)


def _is_text_test(condition: str) -> bool:
    """Tell whether a condition compares a text, as what a message says is compared."""
    return re.match(r"^(?:not \()?(?:grep|echo|printf)\b", condition) is not None


def _texts(value: JSON) -> Sequence[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []

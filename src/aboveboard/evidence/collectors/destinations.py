"""Destinations: outside hosts that the equipment contacts, or is coded to contact, with who uses them.

`confirmed` where it is active as shipped: a command that boots or runs from cron names the host, a setting that a
booting service reads names it, or the code of a booting program resolves or connects to that constant (`programs`). A
host that merely stands among the strings of a booting program is a candidate; what nothing uses, or what is switched
off, is only observed. Hosts in web pages, comments, namespaces and certificates are not there at all (`addresses`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.services import KINDS, UNKNOWN, Boot, Service, standing_of
from aboveboard.evidence.usage import Usage
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Gap, Standing, Where
from aboveboard.readers import addresses, nvram, uci
from aboveboard.readers.tree import TreeView

NAME = "destinations"
VERSION = 1
SUBJECT = "tree"
NEEDS = (*KINDS, "text-address", "calls-out", "program")
EMITS = {
    "destination": "host, port, url, purpose, program, by (command, setting, code, string), active, via",
}
CLAUSES = ("NS-01", "NS-02", "NS-04")

# Programs whose arguments are hosts, even without a scheme before them.
CLIENTS = frozenset(
    """
    wget curl nc ncat netcat telnet ssh dbclient scp sftp ftp ftpget ftpput tftp ntpd ntpdate sntp rdate htpdate chronyd
    openvpn socat mosquitto_pub mosquitto_sub stunnel autossh syslogd logread rsyslogd nslookup ping ping6 traceroute
    rsync xl2tpd pppd wg ip dnsmasq ez-ipupdate inadyn ddclient snmptrap logger uclient-fetch aria2c http mount
    mount.nfs tr069 cwmpd
    """.split()
)
SETTINGS = tuple(
    "/etc/ /etc_ro/ /usr/etc/ /config/ /defaults/ /usr/local/etc/ /var/ /opt/ /usr/share/ /root/ /home/".split()
)
CALLING = frozenset(
    {"connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "SSL_connect", "curl_easy_setopt", "res_query"}
)
_SWITCH = re.compile(r"(?:^|[_.-])(?:enabled?|active|on|status|switch)$|^(?:enabled?|disabled?)$", re.IGNORECASE)
_OFF = re.compile(r"^\s*[\"']?([\w.-]+)[\"']?\s*[=:\s]\s*[\"']?(?:0|no|off|false|disabled?)\b", re.IGNORECASE)
# Lines that name an address to keep it out, to let it in, or as the equipment's own.
_KEEPS = re.compile(
    r"\b(?:src_ip|dest_ip|ipaddr|ip6addr|netmask|broadcast|deny|allow|bogus-nxdomain|reject|blackhole|unreachable|prohibit)\b"
    r"|^\s*address=/|^\s*(?:0\.0\.0\.0|127\.\S+|::1?)\s",
    re.IGNORECASE,
)
_FEEDS = ("/etc/opkg/", "/etc/apt/", "/etc/opkg.conf", "/etc/apk/", "/etc/yum")  # asked on demand, by a person's command
_NOT_SETTINGS = re.compile(
    r"\.(?:js|css|html?|svg|lua|py|pl|rb|php|md|txt|po|lmo|map|c|h|json5|crt|pem|cer)$|/LICEN[CS]E|/doc/|/man/",
    re.IGNORECASE,
)

PLANTED = (
    Planted(
        {"/etc/agent.conf": b"server=https://c.acme-router.net/up\n", "/usr/sbin/agent": b"\x7fELF /etc/agent.conf\0"},
        (
            ("destination", {"host": "c.acme-router.net", "by": "setting", "active": "yes", "purpose": "telemetry"}),
            ("destination", {"host": "192.88.99.9", "by": "code", "active": "yes"}),
            ("destination", {"host": "t.acme-router.net", "by": "command", "purpose": "time", "active": "yes"}),
        ),
        needs=(
            Fact(
                "boot-service",
                Where(path="/etc/rc", line=2),
                {"argv": ["agent"], "program": "/usr/sbin/agent", "file": "/usr/sbin/agent", "active": "yes"},
            ),
            Fact("boot-service", Where(path="/etc/rc"), {"argv": ["ntpd", "-p", "t.acme-router.net"], "active": "yes"}),
            Fact(
                "text-address",
                Where(path="/etc/agent.conf", line=1),
                {"host": "c.acme-router.net", "port": 0, "url": "https://c.acme-router.net/up", "in": "text",
                 "text": "server=... telemetry"},
            ),
            Fact(
                "calls-out",
                Where(path="/usr/sbin/agent", address="0x400"),
                {"host": "192.88.99.9", "port": 80, "call": "connect"},
            ),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """A host, as one source names it."""

    host: str
    port: int
    url: str
    by: str
    where: Where
    program: str
    words: str  # what is around it, for its purpose
    active: str
    via: tuple[str, ...]


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the destinations of one tree: one fact for each host and place."""
    boot = Boot.of(needs)
    usage = Usage(tree, boot)
    found = [*_commands(boot), *_code(needs, usage), *_files(tree, needs, usage), *_defaults(tree, usage)]
    found += _written(boot, usage)
    called = {(item.host, item.where.path) for item in found if item.by == "code"}
    for item in found:
        if item.by == "string" and (item.host, item.where.path) in called:
            continue  # the code that uses the string says more
        yield _fact(item)


# -- command lines -----------------------------------------------------------------------------------------------------


def _commands(boot: Boot) -> Iterator[_Seen]:
    for item in boot.all():
        client = item.name in CLIENTS or posixpath.basename(item.program) in CLIENTS
        if item.name == "ip" and "remote" not in item.argv:
            client = False  # routes and rules keep traffic in or out; a tunnel's other end is a destination
        for word in item.argv[1:]:
            for address in _of_word(word, client=client):
                yield _Seen(
                    address.host, address.port, address.url, "command", item.where, item.program,
                    f"{item.name} {word} {item.where.path}", item.active, (*item.via, item.step()),
                )  # fmt: skip
        yield from _of_input(item)


def _of_word(word: str, *, client: bool) -> Iterator[addresses.Address]:
    urls = [item for item in addresses.find(word) if UNKNOWN not in item.host]
    yield from (item for item in urls if item.form == "url" or client)
    if urls or not client:
        return
    for part in re.split(r"[=,@\s]+", word.removesuffix(UNKNOWN)):
        for piece in (part, re.sub(r"^(?:TCP|UDP|OPENSSL)[46]?(?:-CONNECT)?:", "", part, flags=re.IGNORECASE)):
            named = addresses.as_host(piece) if UNKNOWN not in piece else None
            if named is not None and not re.search(r"\.(?:sh|conf|pid|log|txt|lua|py|so)$", named[0]):
                yield addresses.Address(named[0], named[1], piece, "name", 0)
                break


def _of_input(item: Service) -> Iterator[_Seen]:
    """Yield hosts that a pipe or here-document hands to a client: `Host:` lines and URLs."""
    for address in addresses.find(item.stdin):
        if address.form == "url" and item.name in CLIENTS:
            yield _Seen(
                address.host, address.port, address.url, "command", item.where, item.program, item.stdin[:300], item.active,
                (*item.via, item.step()),
            )  # fmt: skip


# -- code --------------------------------------------------------------------------------------------------------------


def _code(needs: Needs, usage: Usage) -> Iterator[_Seen]:
    for fact in needs.of("calls-out"):
        host = str(fact.data.get("host", "")).lower()
        if not addresses.is_outside(host):
            continue
        active, via = usage.of_program(fact.where.path)
        port = fact.data.get("port")
        yield _Seen(
            host, port if isinstance(port, int) else 0, "", "code", fact.where, fact.where.path,
            f"{host} {fact.where.path}", active, (*via, f"{fact.where} {fact.data.get('call')}"),
        )  # fmt: skip


# -- files -------------------------------------------------------------------------------------------------------------


def _files(tree: TreeView, needs: Needs, usage: Usage) -> Iterator[_Seen]:
    calling = {
        fact.where.path
        for fact in needs.of("program")
        if CALLING & set(map(str, fact.data.get("calls") or ()))  # type: ignore[arg-type]  # a list in this kind
    }
    key_by_key = {item.path for item in nvram.read(tree)}  # `_defaults` reads these
    settings = _Settings(tree, usage)
    for fact in needs.of("text-address"):
        path, data = fact.where.path, fact.data
        words = f"{data.get('host')} {data.get('url')} {data.get('text')} {posixpath.basename(path)}"
        noise = bool(data.get("reserved") or data.get("documentation"))
        if data.get("in") == "program":
            active, via = usage.of_program(path)
            active = "unknown" if active != "no" and path in calling else "no"
            seen = None if noise else ("string", active, via)
            words = f"{data.get('host')} {data.get('url')}"
        elif path in usage.scripts() or _is_script(tree, path):
            # what a script says; what it runs comes as a command
            seen = None if path in usage.scripts() or data.get("reserved") else ("string", "no", [])
        elif path in key_by_key or _KEEPS.search(str(data.get("text"))) is not None:
            seen = None
        else:
            active, via = settings.of(path, fact.where.line or 0)
            seen = None if noise and active == "no" else ("setting", active, via)
        if seen is not None:
            yield _seen(fact, words, *seen)


def _seen(fact: Fact, words: str, by: str, active: str, via: list[str]) -> _Seen:
    data, port = fact.data, fact.data.get("port")
    host, url = str(data.get("host")), str(data.get("url") or "")
    number = port if isinstance(port, int) else 0
    return _Seen(host, number, url, by, fact.where, fact.where.path, words, active, tuple(via))


class _Settings:
    """Whether a line of a settings file is in use: something that boots reads the file, and no switch turns it off."""

    def __init__(self, tree: TreeView, usage: Usage) -> None:
        self._tree = tree
        self._usage = usage
        self._off: dict[str, dict[int, str]] = {}

    def of(self, path: str, line: int) -> tuple[str, list[str]]:
        if path.startswith(_FEEDS) or not path.startswith(SETTINGS) or _NOT_SETTINGS.search(path):
            return "no", []
        active, via = self._usage.of_file(path)
        if active != "no" and path not in self._off:
            self._off[path] = _switched_off(self._tree, path)
        if line in self._off.get(path, {}):
            return "no", [*via, self._off[path][line]]
        return active, via


def _is_script(tree: TreeView, path: str) -> bool:
    return tree.head(path, 2) == b"#!"


def _switched_off(tree: TreeView, path: str) -> dict[int, str]:
    """Return the lines of a settings file that are switched off, each with the line that says so."""
    text = tree.text(path, limit=1 << 18) or ""
    if posixpath.dirname(path) == "/etc/config":
        return _off_sections(path, text)
    lines = text.splitlines()
    starts = [0, *(at for at, line in enumerate(lines) if re.match(r"^\s*\[", line)), len(lines)]
    found: dict[int, str] = {}
    for start, end in pairwise(starts):
        for at in range(start, end):
            match = _OFF.match(lines[at])
            if match is None or not _SWITCH.search(match[1]):
                continue
            stem = _SWITCH.sub("", match[1])  # `cloud_enable=0` is about `cloud_url`; a plain `enable=0` about its section
            said = f"{path}:{at + 1} {lines[at].strip()}"[:200]
            found |= {n + 1: said for n in range(start, end) if not stem or lines[n].lstrip(" \"'").startswith(stem)}
    return found


def _off_sections(path: str, text: str) -> dict[int, str]:
    found: dict[int, str] = {}
    sections = uci.read(text)
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        last = following.line if following is not None else text.count("\n") + 2
        positive: list[str] = [name for name in ("enabled", "enable", "active") if name in section.options]
        off = [name for name in positive if not section.on(name, default=True)]
        off += [str(name) for name in ("disabled", "disable") if section.on(name, default=False)]
        if off:
            said = f"{path}:{section.line_of(off[0])} {off[0]} {section.get(off[0])}"
            found |= dict.fromkeys(range(section.line, last), said)
    return found


def _defaults(tree: TreeView, usage: Usage) -> Iterator[_Seen]:
    """Yield hosts among NVRAM defaults: in use where something that boots names the key, and its switch is not off."""
    items = list(nvram.read(tree))
    values = {item.key: item.value for item in reversed(items)}
    for item in items:
        named = addresses.as_host(item.value)
        hosts = list(addresses.find(item.value))
        if named is not None and not hosts:
            hosts = [addresses.Address(named[0], named[1], item.value, "name", 0)]
        for host in hosts:
            active, via = usage.of_key(item.key)
            off = _off_switch(item.key, values)
            if off:
                active, via = "no", [*via, f"{item.path} {off}={values[off]}"]
            where = Where(path=item.path, line=item.line)
            words = f"{item.key} {item.value}"
            yield _Seen(host.host, host.port, host.url, "setting", where, item.path, words, active, tuple(via))


def _off_switch(key: str, values: dict[str, str]) -> str:
    """Return the key that switches a setting off: `cloud_enable` for `cloud_url`, by the longest common beginning."""
    parts = re.split(r"(?<=[_.-])", key)
    for length in range(len(parts) - 1, 0, -1):
        stem = "".join(parts[:length])
        for ending in ("enable", "enabled", "active", "on", "mode"):
            if values.get(stem + ending, "").lower() in ("0", "no", "off", "false", "disabled", "disable"):
                return stem + ending
    return ""


def _written(boot: Boot, usage: Usage) -> Iterator[_Seen]:
    """Yield hosts in settings files that boot scripts write, where a service that boots reads the file."""
    for path, fact in boot.files.items():
        active, via = usage.of_file(path)
        if active == "no" or path.startswith("/etc/config/"):
            continue
        for line in str(fact.data.get("content")).splitlines():
            for address in addresses.find(line) if not line.lstrip().startswith(("#", ";")) else ():
                if UNKNOWN not in address.host:
                    yield _Seen(
                        address.host, address.port, address.url, "setting", fact.where, path, f"{line} {path}", active,
                        (*via, f"{fact.where} writes {path}"),
                    )  # fmt: skip


def _fact(item: _Seen) -> Fact:
    standing = Standing.CANDIDATE if item.active == "unknown" else standing_of(item.active)
    data: dict[str, JSON] = {
        "host": item.host,
        "port": item.port,
        "url": item.url[:300],
        "purpose": addresses.purpose(item.words),
        "program": item.program,
        "by": item.by,
        "active": item.active,
        "via": list(item.via[-16:]),
    }
    return Fact("destination", item.where, data, standing)


__all__ = ["CLAUSES", "EMITS", "NAME", "NEEDS", "PLANTED", "SUBJECT", "VERSION", "collect"]

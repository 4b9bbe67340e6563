"""SNMP communities and tokens that are the same on every unit.

Communities come from snmpd.conf(5), UCI settings and command lines, and are `confirmed` where an SNMP agent boots.
Tokens are settings named as keys, tokens or secrets with a value that looks like one; `confirmed` where what boots
names the file or the key.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.services import KINDS, UNKNOWN, Boot, Service, standing_of, strongest
from aboveboard.evidence.usage import Usage
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Gap, Where
from aboveboard.readers import nvram, uci
from aboveboard.readers.tree import TreeView

NAME = "tokens"
VERSION = 1
SUBJECT = "tree"
NEEDS = KINDS
EMITS = {
    "snmp-community": "name (the community), access (ro, rw), active, via",
    "token": "name (of the setting), length, active, via",
}
CLAUSES = ("NB-02", "NB-03")

MAX_FILE = 1 << 18
AGENTS = ("snmpd", "mini_snmpd", "snmp-agent", "snmpagent", "snmpa", "net-snmpd", "bsnmpd")
_CONF = re.compile(r"/snmpd?(?:\.local)?\.conf$|/mini_snmpd\.conf$|/snmp/\w+\.conf$")
_TOKEN = re.compile(
    r"(?:^|[_.\-])(?:api_?key|apikey|app_?key|app_?secret|access_?key|secret_?key|access_?token|auth_?token|bearer|client_?secret|api_?secret|api_?token|token|shared_?secret|hmac_?key|device_?secret)$",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"""^\s*(?:export\s+|option\s+)?["'<]?([A-Za-z_][\w.-]{2,63})["'>]?\s*[=:\s>]\s*["']?([A-Za-z0-9+/=_.\-]{16,200})["'<,;]?"""
)
_FOLDERS = (
    "/etc/",
    "/etc_ro/",
    "/usr/etc/",
    "/config/",
    "/usr/local/etc/",
    "/opt/",
    "/usr/share/",
    "/root/",
    "/home/",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/lib/",
)

PLANTED = (
    Planted(
        {"/etc/snmp/snmpd.conf": b"rwcommunity planted default\n", "/etc/a.conf": b"api_key=Zk3vR8pQ1xT6mB9sLw2c\n"},
        (
            ("snmp-community", {"name": "planted", "access": "rw", "active": "yes"}),
            ("token", {"name": "api_key", "active": "yes"}),
        ),
        needs=(
            Fact("boot-service", Where(path="/etc/rc", line=1), {"argv": ["snmpd"], "active": "yes"}),
            Fact("boot-command", Where(path="/etc/rc", line=2), {"argv": [".", "/etc/a.conf"], "active": "yes"}),
        ),
    ),
)


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the communities and tokens of one tree."""
    boot = Boot.of(needs)
    usage = Usage(tree, boot)
    agents = boot.named(*AGENTS)
    yield from _communities(tree, boot, agents)
    for item in agents:
        yield from _of_command(item)
    yield from _tokens(tree, boot, usage)


def _communities(tree: TreeView, boot: Boot, agents: list[Service]) -> Iterator[Fact]:
    active = strongest(item.active for item in agents) if agents else "unknown"
    via = [item.step() for item in agents[:4]]
    paths = {entry.path for entry in tree.files() if _CONF.search(entry.path) and entry.size <= MAX_FILE}
    paths |= {path for path in boot.files if _CONF.search(path)}
    told = {word for item in agents for word in item.argv[1:] if word.startswith("/") and word.endswith(".conf")}
    for path in sorted(paths):
        text = boot.content(path) or tree.text(path, limit=MAX_FILE) or ""
        read = path in told if told else "/doc/" not in path and "/examples/" not in path
        for number, name, access in _of_conf(text):
            local = re.search(r"\b(?:127\.0\.0\.1|localhost|::1)\b", text.splitlines()[number - 1]) is not None
            answer = "no" if local else (active if read else ("no" if "/doc/" in path else "unknown"))
            yield _community(name, access, Where(path=path, line=number), answer, via if read else [])
    for package in ("snmpd", "mini_snmpd", "snmp"):
        path = f"/etc/config/{package}"
        for section in uci.read(boot.content(path) or tree.text(path, limit=MAX_FILE) or ""):
            name = section.get("community")
            if name and not section.on("disabled", default=False):
                access = "rw" if "private" in section.name or "write" in section.get("mode") else "ro"
                yield _community(name, access, Where(path=path, line=section.line_of("community") or None), active, via)
    for item in nvram.read(tree):
        match = re.search(
            r"snmp\w*?_?(?:(get|ro|rd|read)|(set|rw|wr|write))?_?(?:community|comm)$", item.key, re.IGNORECASE
        )
        if match is not None and item.value:
            yield _community(item.value, "rw" if match[2] else "ro", Where(path=item.path, line=item.line), active, via)


def _of_conf(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, community and access of snmpd.conf(5): rocommunity, rwcommunity, com2sec, and `community` of others."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if len(words) > 1 and words[0].lower() in ("rocommunity", "rocommunity6", "rwcommunity", "rwcommunity6"):
            yield number, words[1].strip("\"'"), "rw" if words[0].lower().startswith("rw") else "ro"
        elif len(words) > 3 and words[0].lower() in ("com2sec", "com2sec6"):
            at = 3 if words[1] != "-Cn" else 5
            if len(words) > at:
                yield number, words[at].strip("\"'"), "rw" if "rw" in words[at - 2].lower() else "ro"
        elif len(words) > 1 and words[0].lower().rstrip("=:") in ("community", "read_community", "write_community"):
            yield number, words[-1].strip("\"'="), "rw" if "write" in words[0].lower() else "ro"


def _of_command(item: Service) -> Iterator[Fact]:
    """Yield the community of a command line: `mini_snmpd -c NAME`, and the like."""
    for at, word in enumerate(item.argv[:-1]):
        value = item.argv[at + 1]
        plain = item.name == "mini_snmpd" and word == "-c"
        if (
            (plain or word in ("--community", "--rocommunity", "--rwcommunity"))
            and UNKNOWN not in value
            and "/" not in value
        ):
            yield _community(value, "rw" if "rw" in word else "ro", item.where, item.active, [item.step()])


def _community(name: str, access: str, where: Where, active: str, via: list[str]) -> Fact:
    data: dict[str, JSON] = {"name": name[:100], "access": access, "active": active, "via": list(via)}
    return Fact("snmp-community", where, data, standing_of(active))


# -- tokens ------------------------------------------------------------------------------------------------------------


def _tokens(tree: TreeView, boot: Boot, usage: Usage) -> Iterator[Fact]:
    named = usage.named_files()
    for entry in tree.files():
        if not (entry.path.startswith(_FOLDERS) or entry.path in named) or b"\0" in tree.head(entry.path, 1024):
            continue
        data = tree.read(entry.path, limit=MAX_FILE) or b""
        if re.search(rb"(?i)key|token|secret|bearer", data) is None:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            match = _PAIR.match(line)
            if match is None or not _TOKEN.search(match[1]) or not looks_random(match[2]):
                continue
            active, via = usage.of_file(entry.path)
            if entry.path in usage.scripts():
                active, via = usage.scripts()[entry.path][1], [f"{entry.path} runs"]
            active = active if active != "no" else "unknown"
            yield _token(match[1], match[2], Where(path=entry.path, line=number), active, via)
    for item in boot.all():
        for at, word in enumerate(item.argv):
            following = item.argv[at + 1] if at + 1 < len(item.argv) else ""
            name, sign, value = word.lstrip("-").partition("=")
            value = value if sign else following
            if word.startswith("--") and _TOKEN.search(name) and looks_random(value):
                yield _token(name, value, item.where, item.active, [item.step()])


def looks_random(value: str) -> bool:
    """Tell whether a value may be a secret: 16 characters or more, letters and digits, over 3 bits of entropy each."""
    if re.search(r"(?i)your|enter|replace|placeholder|change|example|sample|dummy|xxxx", value):
        return False
    if len(value) < 16 or UNKNOWN in value or not (re.search(r"[A-Za-z]", value) and re.search(r"\d", value)):
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return bits > 3 and "/" not in value[:1] and ".." not in value


def _token(name: str, value: str, where: Where, active: str, via: list[str]) -> Fact:
    data: dict[str, JSON] = {"name": name, "length": len(value), "active": active, "via": list(via[:6])}
    return Fact("token", where, data, standing_of(active))

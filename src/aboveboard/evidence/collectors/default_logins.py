"""Default logins: a user and a password that the image ships for a web page, a service or its settings.

Looks at NVRAM defaults, UCI settings, the password files of web servers, settings in INI, XML and JSON, and command
lines. A password that is empty, a placeholder or locked is none. `confirmed` where what boots names the setting or
the file, a candidate where nothing shows that it is read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.services import KINDS, UNKNOWN, Boot, Service, standing_of
from aboveboard.evidence.usage import Usage
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Fact, Gap, Where
from aboveboard.readers import nvram, uci
from aboveboard.readers.crypt import WORDS
from aboveboard.readers.tree import TreeView

NAME = "default_logins"
VERSION = 1
SUBJECT = "tree"
NEEDS = KINDS
EMITS = {
    "default-login": "name (user), setting, form (plain, hash), well_known, active, via",
}
CLAUSES = ("NB-02", "NB-03")

MAX_FILE = 1 << 18
MAX_FOUND = 500
_PASSWORD = re.compile(
    r"(?:^|[_.\-:/])(?:[a-z0-9]*(?:pass(?:wd|word|wort|code|phrase)?|pwd|psw|passwrd))(?:[_.\-]?(?:default|plain|hash|1|0))?$",
    re.IGNORECASE,
)
# Secrets that the owner enters for a service elsewhere, or that guard the radio: empty as shipped, or somebody else's.
_NOT_A_LOGIN = re.compile(
    r"pppo?e|pptp|l2tp|ddns|dyndns|smtp|mail|proxy|wan_|radius|samba_?share|apn|_len|length|file|path|expire|hint|prompt|policy|min_|max_",
    re.IGNORECASE,
)
_RADIO = re.compile(
    r"(?:wpa_?psk|wpa_?passphrase|psk_?key|presharedkey|pre_?shared|sae_password)\d*$|^(?:wl|ath|ra|wlan)\d*_(?:wpa_psk|key1)$",
    re.IGNORECASE,
)
_USER = ("user", "username", "usr", "login", "account", "name", "admin_name", "uname", "id")
_PLACEHOLDER = re.compile(
    r"^(?:\*+|x+|!+|none|null|\(null\)|nil|-|\?+|%\w+%?|\$\{?\w+\}?|<[^>]*>|@\w+@|0|1|yes|no|true|false|on|off|enable[d]?|disable[d]?|plain|md5|required|/\S*)$",
    re.IGNORECASE,
)
_HASH = re.compile(
    r"^(?:\$(?:1|2[aby]|5|6|apr1|y)\$\S{8,}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|\{SHA\}\S{20,})$", re.IGNORECASE
)
_COMMENT = re.compile(r"^\s*(?:#|;|//|<!--|\*)")
_PASSWORD_FILE = re.compile(
    r"/(?:\.?htpasswd|\.?htdigest|httpd\.conf|boa\.passwd|lighttpd\.user|webpasswd|\w*\.htpasswd|users?\.(?:pwd|passwd))$"
)
_SETTING_FILE = re.compile(
    r"\.(?:conf|cfg|ini|xml|json|cnf|config|properties|yaml|yml|default|defaults|dat|txt)$", re.IGNORECASE
)
# Hold words about passwords, and none: name services, log-in rules, translations.
_OTHER_FILE = re.compile(
    r"/doc/|/man/|/i18n/|/lang|/locale|/(?:nsswitch\.conf|openssl\.cnf|login\.defs|pam\.conf|pwquality\.conf)$|/pam\.d/"
)
_FOLDERS = (
    "/etc/",
    "/etc_ro/",
    "/usr/etc/",
    "/config/",
    "/defaults/",
    "/usr/local/etc/",
    "/opt/",
    "/www/",
    "/webs/",
    "/var/",
    "/home/",
    "/usr/share/",
    "/default/",
)

PLANTED = (
    Planted(
        {
            "/etc/nvram.default": b"http_user=admin\nhttp_passwd=admin\nwan_pppoe_passwd=x\n",
            "/usr/sbin/webd": b"\x7fELF\0http_passwd\0",
            "/etc/users.xml": b'<User Name="support" Password="S3rv1ce"/>\n',
        },
        (
            ("default-login", {"name": "admin", "setting": "http_passwd", "active": "yes"}),
            ("default-login", {"name": "support", "active": "unknown"}),
        ),
        needs=(
            Fact(
                "boot-service",
                Where(path="/etc/rc", line=1),
                {"argv": ["webd"], "program": "/usr/sbin/webd", "file": "/usr/sbin/webd", "active": "yes"},
            ),
        ),
    ),
)


@dataclass(frozen=True)
class _Seen:
    user: str
    setting: str
    password: str
    where: Where
    active: str
    via: tuple[str, ...]


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the default logins of one tree."""
    boot = Boot.of(needs)
    usage = Usage(tree, boot)
    found = [*_defaults(tree, usage), *_uci(tree, boot, usage), *_files(tree, usage), *_commands(boot)]
    if len(found) > MAX_FOUND:
        yield Gap(Cause.LIMIT, Where(), f"more than {MAX_FOUND} default logins")
    for item in sorted(found, key=lambda item: item.active != "yes")[:MAX_FOUND]:
        hashed = _HASH.match(item.password) is not None
        data: dict[str, JSON] = {
            "name": item.user or "unknown",
            "setting": item.setting,
            "form": "hash" if hashed else "plain",
            "well_known": item.password if item.password.lower() in WORDS or item.password == item.user else "",
            "active": item.active,
            "via": list(item.via[-8:]),
        }
        yield Fact("default-login", item.where, data, standing_of(item.active))


def is_password(key: str, value: str) -> bool:
    """Tell whether a setting is a password of a login, with a value that is one."""
    if re.search(r"(?i)(?:your|enter|replace|placeholder|change_?me_?)[_ -]|_here$", value):
        return False  # somebody is to put something there
    if re.match(r"(?i)(?:show|require|use|allow|force|need|ask|no|has|is)_?pass", key):
        return False  # a rule about passwords
    if not value or len(value) > 200 or UNKNOWN in value or _PLACEHOLDER.match(value) or _NOT_A_LOGIN.search(key):
        return False
    return _PASSWORD.search(key) is not None or _RADIO.search(key) is not None


def user_of(key: str, values: dict[str, str]) -> str:
    """Return the user that belongs to a password's key: the value of `http_user` for `http_passwd`."""
    if _RADIO.search(key):
        return "wireless"
    stem = _PASSWORD.sub("", key)
    tail = re.sub(r"(?i)pass(?:wd|word|code)?|pwd|psw", "", key[len(stem) :]).strip("_.-:/")
    stems = [f"{stem}_{tail}_", f"{stem}_{tail}", f"{stem}_", stem, f"{tail}_", tail, ""]
    lower = {name.lower(): value for name, value in values.items()}
    for start in dict.fromkeys(part.lower().lstrip("_") for part in stems):
        for name in _USER:
            value = lower.get(start + name, "")
            if value and not _PLACEHOLDER.match(value):
                return value
    return tail or stem.strip("_.-") or ""


def _used(active: str) -> str:
    return active if active != "no" else "unknown"


def _defaults(tree: TreeView, usage: Usage) -> Iterator[_Seen]:
    items = list(nvram.read(tree))
    values = {item.key: item.value for item in reversed(items)}
    for item in items:
        if is_password(item.key, item.value):
            active, via = usage.of_key(item.key)
            user = user_of(item.key, values)
            yield _Seen(user, item.key, item.value, Where(path=item.path, line=item.line), _used(active), tuple(via))


def _uci(tree: TreeView, boot: Boot, usage: Usage) -> Iterator[_Seen]:
    for name in tree.listdir("/etc/config"):
        path = f"/etc/config/{name}"
        text = boot.content(path) or tree.text(path, limit=MAX_FILE) or ""
        used: tuple[str, list[str]] | None = None
        sections = uci.read(text)
        dark = {
            section.name for section in sections if section.type == "wifi-device" and section.on("disabled", default=False)
        }
        for section in sections:
            if _is_sent(name, section):
                continue
            off = section.on("disabled", default=False) or not section.on("enabled", default=True)
            off = off or section.get("device") in dark
            for option, value in section.options.items():
                radio = name == "wireless" and option == "key" and section.type == "wifi-iface"
                # `$p$root` in rpcd's settings stands for the system account, which `accounts` reads
                if value.startswith("$p$") or not (is_password(option, value) or (radio and len(value) > 7)):
                    continue
                used = used or usage.of_file(path)
                user = "wireless" if radio else user_of(option, section.options)
                where = Where(path=path, line=section.line_of(option) or None)
                yield _Seen(user, option, value, where, "no" if off else _used(used[0]), tuple(used[1]))


def _is_sent(package: str, section: uci.Section) -> bool:
    """Tell whether a section's log-in is one that the equipment shows elsewhere, and lets nobody in with."""
    return package in ("network", "ddns", "msmtp", "ssmtp") or section.type == "acs"


# -- files -------------------------------------------------------------------------------------------------------------


def _files(tree: TreeView, usage: Usage) -> Iterator[_Seen]:
    named = usage.named_files()
    for entry in tree.files():
        path = entry.path
        if not (path.startswith(_FOLDERS) or path in named) or path.startswith("/etc/config/"):
            continue
        if _PASSWORD_FILE.search(path):
            found = list(_password_lines(tree.text(path, limit=MAX_FILE) or "", path))
        elif (_SETTING_FILE.search(path) or path in named) and not _is_other(tree, path):
            found = list(_settings(tree.text(path, limit=MAX_FILE) or ""))
        else:
            continue
        if not found or "nvram" in posixpath.basename(path):
            continue
        active, via = usage.of_file(path)
        if active == "no":
            active, via = usage.of_mention(path)
        for user, setting, password, line in found:
            yield _Seen(user, setting, password, Where(path=path, line=line), _used(active), tuple(via))


def _is_other(tree: TreeView, path: str) -> bool:
    """Tell whether a file holds no settings: words about passwords, a program, a script."""
    head = tree.head(path, 1024)
    return _OTHER_FILE.search(path) is not None or b"\0" in head or head.startswith(b"#!")


def _password_lines(text: str, path: str) -> Iterator[tuple[str, str, str, int]]:
    """Yield the logins of a web server's password file: `user:hash`, `user:realm:hash`, or `/path:user:password`."""
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.strip().split(":")
        if _COMMENT.match(line) or len(parts) < 2:
            continue
        if parts[0].startswith("/") and len(parts) == 3:  # busybox httpd.conf
            user, password = parts[1], parts[2]
        elif path.endswith("httpd.conf"):
            continue
        else:
            user, password = parts[0], parts[-1]
        if user and password and not password.startswith("$p$") and not _PLACEHOLDER.match(password):
            yield user, posixpath.basename(path), password, number


_PAIRS = re.compile(
    r"""["']?(?P<key>[A-Za-z_][\w.:-]{0,63})["']?\s*(?:=|:)\s*(?:"(?P<double>[^"\n]{0,200})"|'(?P<single>[^'\n]{0,200})'|(?P<plain>[^\s"'<>,;{}\[\]]{1,200}))"""
)
_ELEMENT = re.compile(r"<(?P<key>[A-Za-z_][\w.:-]{0,63})(?:\s[^<>]*)?>(?P<value>[^<>\n]{1,200})</(?P=key)>")


def _settings(text: str) -> Iterator[tuple[str, str, str, int]]:
    """Yield the logins of a settings file: pairs in a line or close by, elements and attributes of XML, members of JSON."""
    seen: list[tuple[str, str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _COMMENT.match(line) or len(line) > 20_000:
            continue
        for match in _PAIRS.finditer(line):
            value = next((part for part in (match["double"], match["single"], match["plain"]) if part is not None), "")
            seen.append((match["key"], value, number))
        seen += [(match["key"], match["value"], number) for match in _ELEMENT.finditer(line)]
    for at, (key, value, number) in enumerate(seen):
        if is_password(key, value):
            near = {name: other for name, other, line in seen[max(0, at - 4) : at + 5] if abs(line - number) <= 4}
            yield user_of(key, near), key, value, number


# -- command lines -----------------------------------------------------------------------------------------------------


def _commands(boot: Boot) -> Iterator[_Seen]:
    for item in boot.services:
        for user, option, password in _of_command(item):
            yield _Seen(user, option, password, item.where, item.active, (*item.via, item.step()))


def _of_command(item: Service) -> Iterator[tuple[str, str, str]]:
    argv = item.argv
    if item.name in ("openvpn", "pppd", "wpa_supplicant", "hostapd", "xl2tpd", "curl", "wget", "mosquitto_pub"):
        return  # what these are given is for somebody else's service
    user = ""
    for at, word in enumerate(argv[:-1]):
        option, value = word.lstrip("-"), argv[at + 1]
        if (
            word.startswith("-")
            and option in ("u", "user", "username", "U", "login", "a", "auth")
            and not value.startswith("-")
        ):
            user, _, password = value.partition(":")
            if password and "/" not in user and not _PLACEHOLDER.match(password) and UNKNOWN not in password:
                yield user, word, password
        elif word.startswith("--") and is_password(option, value):
            yield user, word, value
    for word in argv[1:]:
        option, sign, value = word.partition("=")
        if sign and option.startswith("--") and is_password(option.lstrip("-"), value):
            yield user, option, value

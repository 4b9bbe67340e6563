"""Accounts of the operating system, and whether a password that is the same on every unit opens them.

Reads passwd and shadow files wherever vendors keep them, and what boot scripts add to them or set in them. An account whose
password is locked, or whose shell refuses, is only observed. One that a fixed hash or an empty password opens is
`confirmed` where a service that boots accepts it: telnet and the console ask for a password or none, SSH by its options
and settings. Without such a service, or where a boot script sets a password that is not known, it is a candidate.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.logins import Login, logins
from aboveboard.evidence.services import KINDS, UNKNOWN, Boot, Service, standing_of, strongest
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Fact, Gap, Where
from aboveboard.readers import crypt
from aboveboard.readers.accounts import NO_LOGIN_SHELLS, Account, Password, classify, read_passwd, read_shadow
from aboveboard.readers.tree import TreeView

NAME = "accounts"
VERSION = 2
SUBJECT = "tree"
NEEDS = KINDS
EMITS = {
    "account": "name, uid, shell, password (empty, hash, known, locked), hash_type, shared_secret, active, via",
}
CLAUSES = ("NB-02", "NB-03")

MAX_FILE = 1 << 20
# Where vendors keep the files that become /etc/passwd at boot.
FOLDERS = (
    "/etc", "/etc_ro", "/usr/etc", "/config", "/etc/config", "/etc/default", "/usr/local/etc", "/defaults", "/var/etc",
    "/tmp/etc", "/tmp", "/var", "/var/tmp", "/var/config", "/usr/share/etc", "/rom/etc",  # noqa: S108 - names in an image
)  # fmt: skip

_TELNET = Fact(
    "boot-service",
    Where(path="/etc/inittab", line=1),
    {"argv": ["telnetd"], "program": "/usr/sbin/telnetd", "file": "/bin/busybox", "active": "yes"},
)
PLANTED = (
    Planted(
        {
            "/etc/passwd": b"root:x:0:0::/root:/bin/sh\nftp:*:55:55::/:/bin/false\n",
            "/etc/shadow": b"root:$1$abcdefgh$0123456789012345678901:0:0:99999:7:::\n",
        },
        (
            ("account", {"name": "root", "password": "hash", "hash_type": "md5-crypt", "active": "yes"}),
            ("account", {"name": "ftp", "password": "locked", "shared_secret": False, "active": "no"}),
        ),
        needs=(_TELNET,),
    ),
    Planted(
        {"/etc/passwd": b"root:x:0:0::/root:/bin/sh\n", "/etc/shadow": b"root:*:0:0:99999:7:::\n"},
        (("account", {"name": "root", "password": "known", "shared_secret": True, "active": "yes"}),),
        needs=(
            _TELNET,
            Fact(
                "boot-command",
                Where(path="/etc/rc", line=2),
                {"argv": ["chpasswd"], "stdin": "root:x1y2\n", "active": "yes"},
            ),
        ),
    ),
)


@dataclass(frozen=True)
class _Found:
    """An account with its password, and where that stands; `steps` say how a boot script changed it."""

    account: Account
    password: Password
    hash_type: str
    where: Where
    word: str = ""  # the password itself, where it is one of the well-known ones
    active: str = "yes"
    steps: tuple[str, ...] = ()
    replaced: bool = False  # a boot script sets a password that is not known here
    known: bool = False  # a boot script sets this very password


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the accounts of one tree, each passwd file with the shadow file beside it, then as boot scripts change them."""
    boot = Boot.of(needs)
    ways = logins(boot, tree)
    found: list[_Found] = []
    for folder in FOLDERS:
        text, path, text_partly = _text(tree, boot, posixpath.join(folder, "passwd"))
        if text is None:
            yield from _missing(tree, posixpath.join(folder, "passwd"))
            continue
        shadow_text, shadow_path, shadow_partly = _text(tree, boot, posixpath.join(folder, "shadow"))
        shadow = read_shadow(shadow_text or "")
        for place, partly in ((path, text_partly), (shadow_path, shadow_partly)):
            if partly:
                yield Gap(Cause.UNRESOLVED, Where(path=place), "boot scripts may add accounts that are not known")
        shipped = tree.text(path, limit=MAX_FILE) or ""
        for account in read_passwd(text):
            item = _read(account, path, shadow_path, shadow)
            covered = next((item for item in boot.commands if _covers(item, folder)), None)
            if covered is not None:
                item = replace(item, replaced=True, steps=(covered.step(),))
            elif boot.overwritten(path, shipped) or boot.overwritten(item.where.path, shadow_text or ""):
                item = replace(item, replaced=True, steps=(f"boot scripts write {item.where.path} anew",))
            added = text != shipped and f"{account.name}:" not in shipped
            found.append(_from_script(item, tree, boot) if added else item)
    for item in _changed(found, boot):
        yield _fact(item, ways)


def _text(tree: TreeView, boot: Boot, path: str) -> tuple[str | None, str, bool]:
    """Return an account file as it stands after the boot, where it is written, and whether lines of it are not known."""
    written = boot.content(path)
    image = tree.text(path, limit=MAX_FILE)
    if written is not None and written != image:
        return written, path, False
    known = boot.known_lines(path, image or "")
    return (image, path, False) if known is None else (known, path, True)


def _missing(tree: TreeView, path: str) -> Iterator[Gap]:
    entry = tree.entries.get(path)
    if entry is not None:
        target = f" (a link to {entry.target})" if entry.target else ""
        yield Gap(Cause.UNRESOLVED, Where(path=path), f"the account file is not in the image{target}")


def _read(account: Account, path: str, shadow_path: str, shadow: dict[str, tuple[int, str]]) -> _Found:
    password, hash_type = classify(account.password)
    where, field = Where(path=path, line=account.line), account.password
    if password is Password.ELSEWHERE:
        # a name that the shadow file does not hold cannot log in
        line, field = shadow.get(account.name, (0, "!"))
        password, hash_type = classify(field)
        if password is Password.ELSEWHERE:  # there is nowhere further to look: no hash is "x"
            password = Password.LOCKED
        if line:
            where = Where(path=shadow_path, line=line)
    word = crypt.well_known(field, account.name) if password is Password.HASH else ""
    return _Found(account, password, hash_type, where, word)


def _covers(command: Service, folder: str) -> bool:
    """Tell whether a boot script mounts something over a folder or its files; an overlay keeps what lies below it."""
    words = command.argv
    places = {folder, *(posixpath.join(folder, name) for name in ("passwd", "shadow"))}
    return command.name == "mount" and words[-1] in places and not {"overlay", "overlayfs"} & set(words)


def _from_script(item: _Found, tree: TreeView, boot: Boot) -> _Found:
    """Place an account that a boot script adds at the line that writes it."""
    path, name = item.where.path, item.account.name
    for place in boot.writers(path):
        script, _, number = place.rpartition(":")
        lines = (tree.text(script, limit=MAX_FILE) or "").splitlines()
        line = int(number) if number.isdigit() else 0
        if 0 < line <= len(lines) and f"{name}:" in lines[line - 1]:
            return replace(item, where=Where(path=script, line=line), steps=(*item.steps, f"{place} adds {name} to {path}"))
    return replace(item, steps=(*item.steps, f"boot scripts write {path}"))


# -- what boot scripts change ------------------------------------------------------------------------------------------


def _changed(found: list[_Found], boot: Boot) -> list[_Found]:
    by_name = {(item.account.name, item.where.path): item for item in found}
    for command in boot.commands:
        if command.active == "no":
            continue
        for name, password in _settings(command):
            for key, item in list(by_name.items()):
                if name in (None, item.account.name):
                    by_name[key] = _with(item, password, command)
        if command.name in ("adduser", "useradd"):
            made = _made(command)
            if made is not None:
                by_name.setdefault((made.account.name, ""), made)
    return list(by_name.values())


def _settings(command: Service) -> Iterator[tuple[str | None, str | None]]:
    """Yield the user (None: any) and the password (None: not known) that a command sets."""
    users = [word for word in command.argv[1:] if not word.startswith("-")]
    if command.name == "chpasswd":
        lines = [line for line in command.stdin.splitlines() if line.strip()]
        if not lines:
            yield None, None
        for line in lines:
            user, _, password = line.partition(":")
            known_user = user if UNKNOWN not in user and user else None
            yield known_user, None if UNKNOWN in password or not password else password
    elif command.name == "passwd" and "-S" not in command.argv:
        user = users[-1] if users and UNKNOWN not in users[-1] else "root"
        if "-l" in command.argv:
            yield user, None
            return
        if "-d" in command.argv or "-u" in command.argv:
            yield user, "" if "-d" in command.argv else None
            return
        lines = [line for line in command.stdin.splitlines() if line]
        yield user, lines[0] if lines and UNKNOWN not in lines[0] else None
    elif command.name == "sed" and command.active == "yes" and command.argv[-1].endswith(("passwd", "shadow")):
        text = " ".join(command.argv[1:-1])
        if "-i" in command.argv:  # what is put there is not worked out: open or shut, it is another than the image's
            for user in re.findall(r"\^(\w+)\\?:", text) or [None]:
                yield user, None
    elif command.name == "usermod":
        for at, word in enumerate(command.argv[:-1]):
            if word in ("-p", "--password"):
                yield (users[-1] if users else None), command.argv[at + 1] if UNKNOWN not in command.argv[at + 1] else None


def _with(item: _Found, password: str | None, command: Service) -> _Found:
    steps = (*item.steps, command.step())
    if password is None:
        return replace(item, replaced=True, steps=steps)
    kind = Password.EMPTY if password == "" else Password.HASH
    return replace(
        item,
        password=kind,
        hash_type="",
        where=command.where,
        word=password if password in crypt.WORDS else "",
        active=command.active,
        steps=steps,
        replaced=False,
        known=password != "",
    )


def _made(command: Service) -> _Found | None:
    """Return the account that `adduser` or `useradd` makes (adduser(8), useradd(8))."""
    uid, shell, field, name = 1000, "/bin/sh", "!", ""
    words = list(command.argv[1:])
    valued = {"-u": "uid", "-s": "shell", "-p": "field", "-h": "", "-g": "", "-G": "", "-d": "", "-c": "", "-k": ""}
    while words:
        word = words.pop(0)
        if word in valued and words:
            value = words.pop(0)
            if valued[word] == "uid" and value.isdigit():
                uid = int(value[:9])
            elif valued[word] == "shell":
                shell = value
            elif valued[word] == "field":
                field = value
        elif not word.startswith("-"):
            name = name or word
    if not name or UNKNOWN in name:
        return None
    password, hash_type = classify(field)
    account = Account(0, name, field, uid, shell)
    return _Found(account, password, hash_type, command.where, active=command.active, steps=(command.step(),))


# -- whether it opens --------------------------------------------------------------------------------------------------


def _fact(item: _Found, ways: list[Login]) -> Fact:
    account = item.account
    opens = item.password in (Password.EMPTY, Password.HASH) and account.shell not in NO_LOGIN_SHELLS
    active, steps = _active(item, ways) if opens else ("no", [])
    data: dict[str, JSON] = {
        "name": account.name,
        "uid": account.uid,
        "shell": account.shell,
        "password": "known" if item.known else item.password.value,
        "hash_type": item.hash_type,
        "well_known": item.word,
        "shared_secret": opens,
        "active": active,
        "via": [*item.steps, *steps],
    }
    return Fact("account", item.where, data, standing_of(active))


def _active(item: _Found, ways: list[Login]) -> tuple[str, list[str]]:
    """Return whether a way in accepts the account, and the lines that show it."""
    answers: list[tuple[str, str]] = []
    for way in ways:
        answer = _accepts(item, way)
        if answer != "no":
            answers.append((answer, f"{way.kind} log-in: {way.service.step()}"))
    active = strongest(answer for answer, _ in answers) if answers else "unknown"
    if item.replaced and active == "yes":
        active = "conditional"
    if item.active == "conditional" and active == "yes":
        active = "conditional"
    return active, [step for answer, step in answers if active in (answer, "conditional")][:8]


def _accepts(item: _Found, way: Login) -> str:
    name = item.account.name
    if not way.passwords or name in way.denied or (way.allowed is not None and name not in way.allowed):
        return "no"
    taken: bool | None = way.empty if item.password is Password.EMPTY else True
    if way.kind in ("ftp", "web"):  # which accounts these let in is in settings that are not followed
        taken = None
    if item.account.uid == 0 and way.root is not True:
        taken = None if way.root is None and taken is not False else False
    if taken is None:
        return "unknown" if way.active == "yes" else way.active
    return way.active if taken else "no"

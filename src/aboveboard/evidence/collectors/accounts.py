"""Accounts of the operating system, and whether a password that is the same on every unit opens them.

Reads passwd and shadow files wherever vendors keep them. An account whose password is locked, or whose shell refuses, is
only observed. One that a fixed hash or an empty password opens is a candidate: this version does not yet decide whether a
login path of the image accepts it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.readers.accounts import NO_LOGIN_SHELLS, Account, Password, classify, read_passwd, read_shadow
from aboveboard.readers.tree import TreeView

NAME = "accounts"
VERSION = 1
SUBJECT = "tree"
NEEDS: tuple[str, ...] = ()
EMITS = {
    "account": "name, uid, shell, password (empty, hash, locked), hash_type, shared_secret, active",
}
CLAUSES = ("NB-02", "NB-03")

MAX_FILE = 1 << 20
# Where vendors keep the files that become /etc/passwd at boot.
FOLDERS = ("/etc", "/etc_ro", "/usr/etc", "/config", "/etc/config", "/etc/default", "/usr/local/etc", "/defaults")

PLANTED = (
    Planted(
        {
            "/etc/passwd": b"root:x:0:0::/root:/bin/sh\nftp:*:55:55::/:/bin/false\n",
            "/etc/shadow": b"root:$1$abcdefgh$0123456789012345678901:0:0:99999:7:::\n",
        },
        (
            ("account", {"name": "root", "password": "hash", "hash_type": "md5-crypt", "shared_secret": True}),
            ("account", {"name": "ftp", "password": "locked", "shared_secret": False, "active": "no"}),
        ),
    ),
)


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the accounts of one tree, each passwd file with the shadow file beside it."""
    del needs
    for folder in FOLDERS:
        path = posixpath.join(folder, "passwd")
        entry = tree.entries.get(path)
        if entry is None:
            continue
        text = tree.text(path, limit=MAX_FILE)
        if text is None:
            target = f" (a link to {entry.target})" if entry.target else ""
            yield Gap(Cause.UNRESOLVED, Where(path=path), f"the account file is not in the image{target}")
            continue
        shadow_path = posixpath.join(folder, "shadow")
        shadow = read_shadow(tree.text(shadow_path, limit=MAX_FILE) or "")
        for account in read_passwd(text):
            yield _fact(account, path, shadow_path, shadow)


def _fact(account: Account, path: str, shadow_path: str, shadow: dict[str, tuple[int, str]]) -> Fact:
    password, hash_type = classify(account.password)
    where = Where(path=path, line=account.line)
    if password is Password.ELSEWHERE:
        # a name that the shadow file does not hold cannot log in
        line, field = shadow.get(account.name, (0, "!"))
        password, hash_type = classify(field)
        if password is Password.ELSEWHERE:  # there is nowhere further to look: no hash is "x"
            password = Password.LOCKED
        if line:
            where = Where(path=shadow_path, line=line)
    opens = password in (Password.EMPTY, Password.HASH) and account.shell not in NO_LOGIN_SHELLS
    data: dict[str, JSON] = {
        "name": account.name,
        "uid": account.uid,
        "shell": account.shell,
        "password": password.value,
        "hash_type": hash_type,
        "shared_secret": opens,
        "active": "unknown" if opens else "no",
    }
    return Fact("account", where, data, Standing.CANDIDATE if opens else Standing.OBSERVED)

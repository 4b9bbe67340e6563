"""Account files: passwd(5), shadow(5), and what kind of password a field holds (crypt(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

NO_LOGIN_SHELLS = frozenset({"/bin/false", "/sbin/nologin", "/usr/sbin/nologin", "/usr/bin/false", "/bin/sync", "nologin"})

_PREFIXES = (
    ("$1$", "md5-crypt"),
    ("$2a$", "bcrypt"),
    ("$2b$", "bcrypt"),
    ("$2y$", "bcrypt"),
    ("$5$", "sha256-crypt"),
    ("$6$", "sha512-crypt"),
    ("$7$", "scrypt"),
    ("$y$", "yescrypt"),
    ("$gy$", "gost-yescrypt"),
    ("$md5", "sun-md5"),
    ("$sha1$", "sha1-crypt"),
    ("$3$", "nt-hash"),
)
_DES = re.compile(r"^[./0-9A-Za-z]{13}$")
_BSDI = re.compile(r"^_[./0-9A-Za-z]{19}$")


class Password(StrEnum):
    """What a password field lets in."""

    EMPTY = "empty"  # nothing is asked for
    HASH = "hash"
    LOCKED = "locked"  # no password matches: `*`, `!` and what is no hash at all
    ELSEWHERE = "elsewhere"  # `x`: in the shadow file


@dataclass(frozen=True)
class Account:
    """One line of a passwd file."""

    line: int
    name: str
    password: str
    uid: int
    shell: str


def classify(field: str) -> tuple[Password, str]:
    """Return what a password field is, and the type of its hash; glibc and musl take what is no hash as locked."""
    if field == "":
        return Password.EMPTY, ""
    if field == "x":
        return Password.ELSEWHERE, ""
    for prefix, name in _PREFIXES:
        if field.startswith(prefix):
            return (Password.HASH, name) if len(field) >= len(prefix) + 8 else (Password.LOCKED, "")
    if _DES.match(field):
        return Password.HASH, "descrypt"
    return (Password.HASH, "bsdi-crypt") if _BSDI.match(field) else (Password.LOCKED, "")


def read_passwd(text: str) -> Iterator[Account]:
    """Yield the accounts; a line that is not in form is passed over, as getpwent(3) does."""
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split(":")
        if len(fields) != 7 or not fields[0] or fields[0].startswith(("#", "+", "-")) or not fields[2].isdigit():
            continue
        # an empty shell field means /bin/sh (passwd(5))
        yield Account(number, fields[0], fields[1], int(fields[2][:10]), fields[6].strip() or "/bin/sh")


def read_shadow(text: str) -> dict[str, tuple[int, str]]:
    """Return line and password field by name; the first line of a name counts."""
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split(":")
        if len(fields) >= 2 and fields[0] and not fields[0].startswith("#"):
            found.setdefault(fields[0], (number, fields[1]))
    return found

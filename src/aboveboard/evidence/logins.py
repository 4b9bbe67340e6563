"""Ways to log in that boot: which services ask for a system account, and what they accept."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.evidence.services import Boot, Service
from aboveboard.readers.tree import TreeView

SHELLS = frozenset({"sh", "ash", "bash", "dash", "hush", "zsh", "cli", "clish"})
GETTYS = frozenset({"getty", "agetty", "mgetty", "mingetty", "sulogin", "login"})


@dataclass(frozen=True, slots=True)
class Login:
    """A way in: whether passwords, empty passwords and root are accepted (None: not decided here)."""

    kind: str  # telnet, ssh, console, ftp, web
    service: Service
    passwords: bool = True
    empty: bool | None = None
    root: bool | None = True
    keys: bool = True  # whether keys may log in, and root with one
    root_keys: bool = True
    allowed: frozenset[str] | None = None  # the only users that may (sshd_config(5) AllowUsers)
    denied: frozenset[str] = frozenset()
    shell: str = ""  # a program that is started without asking for anything

    @property
    def active(self) -> str:
        """Whether it runs."""
        return self.service.active


def logins(boot: Boot, tree: TreeView) -> list[Login]:
    """Return the ways in, in the order of the services."""
    return [login for service in boot.all() for login in _of(service, boot, tree)]


def _of(service: Service, boot: Boot, tree: TreeView) -> Iterator[Login]:
    name, argv = service.name, service.argv
    if name in ("telnetd", "utelnetd", "in.telnetd", "telnetd-ssl"):
        program = option(argv, "-l") or option(argv, "-L") or "/bin/login"
        asks = posixpath.basename(program.split(" ")[0]) not in SHELLS and not _skips_login(program, tree)
        # login asks for nothing where the field is empty (login(1), busybox loginutils/login.c)
        local = option(argv, "-b").startswith(("127.", "localhost", "::1", "[::1]"))
        if not local:
            # root logs in on the terminals that securetty(5) names, where there is such a file
            terminals = tree.text("/etc/securetty", limit=1 << 16)
            root = None if terminals is not None and "pts" not in terminals else True
            yield Login("telnet", service, passwords=asks, empty=asks, root=root, shell="" if asks else program)
    elif name == "dropbear":
        yield _dropbear(service)
    elif name == "sshd":
        yield _sshd(service, boot, tree)
    elif name in GETTYS:
        # getty [-l program] [-n]: `-n` asks for no name, `-l` names what asks (getty(8))
        program = option(argv, "-l")
        shell = program if posixpath.basename(program) in SHELLS or (program and _skips_login(program, tree)) else ""
        yield Login("console", service, passwords=not shell, empty=not shell, shell=shell)
    elif name in ("vsftpd", "proftpd", "pure-ftpd", "bftpd", "ftpd", "stupid-ftpd"):
        yield Login("ftp", service, empty=None, root=None)
    elif name == "rpcd":
        yield Login("web", service, empty=None)


def _dropbear(service: Service) -> Login:
    """Read dropbear's options (dropbear(8)): -s no passwords, -g no root passwords, -w no root, -B empty passwords."""
    flags = letters(service.argv)
    refuses_root = "w" in flags or "g" in flags
    return Login(
        "ssh",
        service,
        passwords="s" not in flags,
        empty=True if "B" in flags else None,
        root=not refuses_root,
        root_keys="w" not in flags,
    )


def _sshd(service: Service, boot: Boot, tree: TreeView) -> Login:
    """Read sshd_config(5); the first value of a keyword counts, and what is not set has its documented default."""
    path = option(service.argv, "-f") or "/etc/ssh/sshd_config"
    text = boot.content(path) or tree.text(path, limit=1 << 18) or ""
    values: dict[str, str] = {}
    users: dict[str, set[str]] = {"allowusers": set(), "denyusers": set()}
    for line in text.splitlines():
        if line.strip().lower().startswith("match "):
            break  # what follows holds for some connections alone
        match = re.match(r"^\s*(\w+)[\s=]+\"?([^\s\"#]+)", line)
        if match is not None and match[1].lower() in users:
            users[match[1].lower()] |= {word.partition("@")[0] for word in line.split()[1:]}
        elif match is not None:
            values.setdefault(match[1].lower(), match[2].lower())
    for word in service.argv:
        match = re.match(r"^-?o?(\w+)=(\w[\w-]*)$", word)
        if match is not None:
            values[match[1].lower()] = match[2].lower()
    return Login(
        "ssh",
        service,
        passwords=values.get("passwordauthentication", "yes") == "yes",
        empty=values.get("permitemptypasswords", "no") == "yes",
        root=values.get("permitrootlogin", "prohibit-password") == "yes",
        keys=values.get("pubkeyauthentication", "yes") == "yes",
        root_keys=values.get("permitrootlogin", "prohibit-password") != "no",
        allowed=frozenset(users["allowusers"]) or None,
        denied=frozenset(users["denyusers"]),
    )


def _skips_login(program: str, tree: TreeView) -> bool:
    """Tell whether a login program is a script of the image that only starts a shell."""
    text = tree.head(program.split(" ", maxsplit=1)[0], 4096).decode("utf-8", "replace")
    if not text.startswith("#!"):
        return False
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return bool(lines) and all(re.match(r"^(?:exec\s+)?/bin/(?:ba|a|da)?sh\b(?!\s+-c)", line) for line in lines)


def option(argv: tuple[str, ...], name: str) -> str:
    """Return the value of an option: `-l x` or `-lx`."""
    for at, word in enumerate(argv[1:], 1):
        if word == name:
            return argv[at + 1] if at + 1 < len(argv) else ""
        if word.startswith(name) and len(word) > len(name) and not name.startswith("--"):
            return word[len(name) :].lstrip("=")
    return ""


def letters(argv: tuple[str, ...]) -> set[str]:
    """Return the letters of the options without values, `-sg` being two."""
    return {letter for word in argv[1:] if re.fullmatch(r"-[A-Za-z]+", word) for letter in word[1:]}

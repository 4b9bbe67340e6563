"""What is known of each program: its seed's kind, how it is started, spoken to, and what shows the effect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = {
    "string-call": "a string passed to a compare function",
    "inline": "a string compared inline",
    "bytes": "two or three single bytes, tested one by one",
    "integer": "one integer: a magic word, an offset, a count",
    "table-row": "a row of a dispatch table",
    "decoded": "a string built or decoded at run time",
    "state": "a state set by one input and used by a later one",
    "opcode": "an opcode of a switch behind a magic word",
    "override": "a match that skips a check, or overrides its result",
    "file-secret": "a password hash or key in a file, enabled by a service",
    "second-secret": "a second secret, read from a settings key or file that no page sets",
    "field-number": "the number of an option, tag, type or field",
    "before-main": "code run before main, or through an indirect-function resolver",
}
SERVICES = ("http", "cgi", "ftp", "udp", "login", "parser", "interpreter", "daemon")
Talk = list[list[bytes]]  # connections, each a list of what is sent; an answer is awaited after each


@dataclass(frozen=True)
class Case:
    """One program. `constant` is the text (or the number) that must be sent, `seen` what its effect leaves behind.

    `way` says how it is fed: `tcp` and `udp` (a daemon on `port`), `cgi` and `upload` (through the web server of the
    root: requests, and the bodies of posts to /upload), `inetd` (through the root's inetd), `stdin` (a run for each).
    """

    name: str
    kind: str
    service: str
    path: str
    way: str
    constant: str | int
    effect: str
    ordinary: Talk
    reply: bytes
    trigger: Talk
    near: list[Talk]
    seen: bytes
    port: int = 0
    argv: tuple[str, ...] = ()
    handler: str = ""  # the functions that a table row names, or that run before main
    row: str = ""  # the table's symbol
    static: bool = False
    hard: bool = False
    known: tuple[str, ...] = ()  # other spellings of the constant, such as the stored form of a decoded one

    @property
    def server(self) -> str:
        """Return the name of the small server in front of it, if there is one."""
        return {"cgi": "minihttpd", "upload": "minihttpd", "inetd": "inetd"}.get(self.way, "")

    @property
    def source(self) -> Path:
        return HERE / "programs" / f"{self.name}.c"

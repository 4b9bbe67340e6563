"""How a program is started and fed: from the boot, where it lies, its words, and what it does when it runs."""

from __future__ import annotations

import posixpath
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from aboveboard.evidence.confirming.candidate import Candidate, Missing
from aboveboard.evidence.confirming.preparing import PATIENCE, Before, lacking, start_before
from aboveboard.evidence.confirming.words import Words
from aboveboard.evidence.services import UNKNOWN, Service
from aboveboard.jail.cell import Cell, Program, Run
from aboveboard.jail.cell_events import Event
from aboveboard.model.facts import Cause

FILE, VALUE = "{file}", "{value}"
INPUT = "/tmp/input"  # noqa: S108 - inside the cell
MAX_LINES = 14  # command lines that are tried
MAX_WAYS = 6
TRIED_PORT = 8099
_NOT_LOADED = re.compile(
    rb"error while loading shared|can't load library|can't resolve symbol|symbol lookup error|relocation error|"
    rb"symbol not found|Could not open '/lib|^not started:|Invalid ELF image|version `[\w.]+' not found"
)
_SETTINGS = re.compile(r"/etc/[\w./-]+\.(?:conf|cfg|ini)|/etc/[\w.-]+/[\w.-]+\.conf")


@dataclass(frozen=True)
class Way:
    """One way to start a program and to feed it.

    `kind` is `tcp`, `udp`, `cgi`, `inetd`, `stdin`, `file` or `argv`; `service` what answers on a stream: `http`, `ftp`,
    `telnet`, `ssh`, `line` or `raw`. `{file}` and `{value}` in `argv` stand for what is fed.
    """

    kind: str
    argv: tuple[str, ...]
    path: str
    port: int = 0
    service: str = ""
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    before: tuple[Before, ...] = ()  # what runs first
    why: str = ""

    def fed(self) -> str:
        """Return how it is fed, as a text."""
        return f"{self.kind} {self.port}" if self.port else self.kind


@dataclass
class Found:
    """The ways, in the order in which they are tried, and why some were none."""

    ways: list[Way]
    gaps: list[Missing]
    broken: str = ""  # why the program does not do here what it is for: then silence says nothing


def find_ways(cell: Cell, path: str, words: Words, services: Sequence[Service]) -> Found:
    """Return the ways for the program at `path`. Runs it: raises JailError where no cell can be set up."""
    why = cell.can_run(path)
    if why:
        return Found([], [Missing(Cause.NO_TOOL, f"the program cannot be run here: {why}")])
    found = Found([], [])
    if _is_cgi(path, words):
        found.ways.append(Way("cgi", (path,), path, cwd=posixpath.dirname(path), why="it asks for the variables of CGI"))
    lines = list(_lines(path, words, services, cell))
    if words.imports or words.static:
        _by_running(cell, path, lines, words, services, found)
    if not any(way.kind in ("tcp", "udp") for way in found.ways):
        found.ways += _local_ways(cell, path, words)
    found.ways = _once(found.ways)[:MAX_WAYS]
    return found


def in_order(ways: Sequence[Way], candidate: Candidate) -> list[Way]:
    """Return the ways, those first that fit where the candidate's input comes from."""
    return sorted(ways, key=lambda way: _rank(way, candidate))


def _rank(way: Way, candidate: Candidate) -> int:
    origin = candidate.origin.partition(":")[0]
    kinds = {
        "header": ("cgi", "tcp"), "query": ("cgi", "tcp"), "cookie": ("cgi", "tcp"), "path": ("cgi", "tcp"),
        "env": ("cgi", "argv"), "stdin": ("stdin", "inetd"), "file": ("file",), "argv": ("argv",), "udp": ("udp",),
        "tcp": ("tcp", "inetd"),
    }.get(origin, ())  # fmt: skip
    return kinds.index(way.kind) if way.kind in kinds else len(kinds)


def _once(ways: list[Way]) -> list[Way]:
    return list({(way.kind, way.argv, way.port): way for way in ways}.values())


def _is_cgi(path: str, words: Words) -> bool:
    named = {b"QUERY_STRING", b"REQUEST_METHOD", b"CONTENT_LENGTH", b"HTTP_COOKIE", b"HTTP_USER_AGENT", b"PATH_INFO"}
    network = words.imports.intersection({"listen", "accept", "bind"})
    return "/cgi-bin/" in path or path.endswith(".cgi") or (bool(named & words.whole) and not network)


def _lines(path: str, words: Words, services: Sequence[Service], cell: Cell) -> Iterator[tuple[str, ...]]:
    """Yield command lines: those of the boot first, then guesses from the program's own words."""
    seen: set[tuple[str, ...]] = set()
    guesses: list[tuple[str, ...]] = [
        service.argv
        for service in services
        if path in (service.file, service.program) and service.argv and UNKNOWN not in "".join(service.argv)
    ]
    guesses.append((path,))
    settings = [text.decode() for text in words.texts if text.isascii() and _SETTINGS.fullmatch(text.decode())]
    guesses += [(path, "-f", one) for one in settings if cell.tree.content(one) is not None][:2]
    help_text = b" ".join(text for text in words.texts if b"sage" in text or b"-p" in text or b"port" in text.lower())
    guesses += [(path, str(TRIED_PORT)), (path, "-p", str(TRIED_PORT))]
    for letter in ("f", "F", "D", "d", "n"):
        if b"-" + letter.encode() in help_text or letter in "fF":
            guesses.append((path, f"-{letter}"))
    guesses += [(path, "-p", str(TRIED_PORT), "-f"), (path, "127.0.0.1", str(TRIED_PORT)), (path, "-l", str(TRIED_PORT))]
    for guess in guesses:
        if guess not in seen:
            seen.add(guess)
            yield guess
        if len(seen) >= MAX_LINES:
            return


def _by_running(
    cell: Cell, path: str, lines: Sequence[tuple[str, ...]], words: Words, services: Sequence[Service], found: Found
) -> None:
    """Start it by one command line after the other until it opens a port; note what it does otherwise."""
    network = words.has("bind", "listen", "accept", "recvfrom", "socket") or words.static
    first = b""
    for argv in lines if network else lines[:1]:
        tried = _try(cell, path, argv, ())
        before = lacking(cell, tried.events, services, path) if network and not tried.ports and not tried.rests else []
        if before:
            tried = _try(cell, path, argv, tuple(before))
        first = first or tried.said
        if tried.ended:
            found.gaps.append(Missing(Cause.LIMIT, f"{' '.join(argv)}: stopped at a limit of the cell ({tried.ended})"))
        if tried.ports:
            found.ways += tried.ports
            return
        if _NOT_LOADED.search(tried.said) and not tried.rests:
            found.broken = "the program is not loaded: " + _plain(tried.said)
            found.gaps.append(Missing(Cause.NO_TOOL, found.broken))
            return
        if tried.rests and not any(way.kind == "stdin" for way in found.ways):
            found.ways.append(Way("stdin", argv, path, before=tuple(before), why="it waits for its input"))
            if words.has("getpeername", "getsockname", "send", "recv"):
                found.ways.append(Way("inetd", argv, path, service="line", why="it waits on what it is given"))
    listens = {"listen", "bind", "accept", "recvfrom"} & words.imports
    if listens and not found.ways:
        found.broken = f"no command line that was tried makes it listen; by the first it says: {_plain(first)!r}"
        found.gaps.append(Missing(Cause.UNRESOLVED, found.broken))


@dataclass(frozen=True)
class _Tried:
    """What a program does when it is started by one command line."""

    ports: list[Way]
    rests: bool  # it runs on and waits
    said: bytes
    ended: str
    events: tuple[Event, ...]


def _try(cell: Cell, path: str, argv: tuple[str, ...], before: tuple[Before, ...]) -> _Tried:
    with cell.run() as run:
        start_before(run, before)
        others = run.ports("tcp") | run.ports("udp")
        start = len(run.events)
        program = run.start(argv, path=path, talk=True)
        rested = run.settle(PATIENCE)
        ways = [_way_of_port(run, path, argv, port) for port in sorted(run.ports("tcp") - others)[:3]]
        why = "it binds the port"
        ways += [Way("udp", argv, path, port=port, why=why) for port in sorted(run.ports("udp") - others)[:3]]
        ways = [replace(way, before=before) for way in ways]
        rests = program.code is None and rested
        said = bytes(program.complaints or program.written)
        return _Tried(ways, rests, said, run.ended, tuple(run.events[start:]))


def _plain(said: bytes) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", said[:160].decode("latin-1")).strip()


def _way_of_port(run: Run, path: str, argv: tuple[str, ...], port: int) -> Way:
    """Return the way over a port that listens; what it says first tells what it is."""
    way = Way("tcp", argv, path, port=port, service="raw", why="it listens there")
    greeting = talk(run, port, [], 0.5) or b""
    if greeting.startswith((b"220", b"+OK", b"* OK")):
        return replace(way, service="ftp")
    if greeting.startswith(b"SSH-"):
        return replace(way, service="ssh")
    if greeting.startswith(b"\xff") or re.search(rb"(?i)login|user ?name|password", greeting):
        return replace(way, service="telnet")
    if greeting:
        return replace(way, service="line")
    answer = talk(run, port, [b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"], 2.0) or b""
    return replace(way, service="http" if answer.startswith((b"HTTP/", b"<")) else "line" if answer else "raw")


def talk(run: Run, port: int, messages: Sequence[bytes], seconds: float) -> bytes | None:
    """Send messages over one new connection, waiting for rest after each; return what came back, None without a server."""
    stream = run.socket("tcp")
    stream.connect_ex(("127.0.0.1", port))
    got = bytearray()
    if not run.until(lambda: _is_connected(stream), 0.5):
        stream.close()
        return None
    run.settle(seconds)
    over = receive(stream, got)
    for message in messages:
        if over:
            break
        try:
            stream.sendall(message)
        except OSError:
            break
        run.settle(seconds)
        over = receive(stream, got)
    stream.close()
    return bytes(got)


def receive(stream: socket.socket, got: bytearray, limit: int = 1 << 16) -> bool:
    """Take what has come over a socket that does not block; tell whether the other side has closed."""
    while len(got) < limit:
        try:
            part = stream.recv(1 << 14)
        except BlockingIOError:
            return False
        except OSError:
            return True
        if not part:
            return True
        got += part
    return False


def _is_connected(stream: socket.socket) -> bool:
    try:
        stream.getpeername()
    except OSError:
        return False
    return True


def _local_ways(cell: Cell, path: str, words: Words) -> list[Way]:
    """Return the ways of a program that opens no port: a file that it is given and opens, its arguments."""
    ways = []
    if words.has("fopen", "open", "fopen64", "open64", "mmap", "__open_2", "__open64_2") or words.static:
        for argv in ((path, FILE), *((path, option, FILE) for option in ("-f", "-i", "-d", "-c"))):
            with cell.run() as run:
                run.write_file(INPUT, b"probe probe probe\n")
                run.start([INPUT if part == FILE else part for part in argv], path=path)
                run.settle(PATIENCE)
                if any(event.call in ("read", "write") and event.arguments == (INPUT.encode(),) for event in run.events):
                    ways.append(Way("file", argv, path, why="it opens what it is given"))
            if len(ways) == 2:
                break
    return [*ways, Way("argv", (path, VALUE), path, why="its arguments")]


def wait_ready(run: Run, program: Program, way: Way) -> bool:
    """Wait until the port of a way is open, or, where there is none, until the program rests."""
    if way.kind in ("tcp", "udp"):
        ready = run.until(lambda: run.listens(way.kind, way.port), PATIENCE)
        return ready and run.settle(PATIENCE)
    del program
    return run.settle(PATIENCE)

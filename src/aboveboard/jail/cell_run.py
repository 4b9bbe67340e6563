"""One run in a cell, seen from outside: starts programs, answers their calls, lets time pass, ends it all."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aboveboard.jail.cell_events import Event
from aboveboard.jail.cell_limits import CellLimits
from aboveboard.jail.cell_watch import Watch
from aboveboard.jail.nursery import MESSAGE
from aboveboard.model.errors import JailError

HINT = "run `aboveboard doctor`; programs of an image run only as root or with user namespaces, on Linux 5.11 or later"
_ENVIRONMENT = {"PATH": "/sbin:/usr/sbin:/bin:/usr/bin", "HOME": "/root", "LC_ALL": "C", "TERM": "dumb"}
_LOOK = 0.002  # seconds between two looks at whether all are idle
_QUIET_LOOKS = 3
_PART = 1 << 16


@dataclass
class Program:
    """A program that was started: its PID in the cell, what it wrote, and how it ended (None while it runs)."""

    pid: int
    output: int
    errors: int
    input: socket.socket | None = None
    written: bytearray = field(default_factory=bytearray)
    complaints: bytearray = field(default_factory=bytearray)
    code: int | None = None


class Run:
    """One cell under way. Only what calls `until`, `settle` or `start` lets time pass: calls are answered there."""

    def __init__(self, link: socket.socket, status: int, limits: CellLimits) -> None:
        self.limits = limits
        self.ended = ""  # why the run was stopped: `time`, `memory`, `processes`, or empty
        self._deadline = time.monotonic() + limits.wall_seconds
        self._link, self._status = link, status
        self._watch = Watch(limits.events)
        self._poll = select.poll()
        self._poll.register(link, select.POLLIN)
        self._listeners: set[int] = set()
        self._programs: dict[int, Program] = {}  # by the descriptors that are still open
        self._started: list[Program] = []
        self._codes: dict[int, int] = {}
        self._said: list[dict[str, Any]] = []
        self._sockets: list[socket.socket] = []
        self._proc = -1
        self._first = 0  # the number of the cell's first process outside
        self._next_look = 0.0
        try:
            self._wait_for("ready")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        return self._watch.events

    @property
    def overflow(self) -> bool:
        """Whether events were left out."""
        return self._watch.overflow

    def start(
        self,
        argv: Sequence[str],
        *,
        path: str = "",
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        stdin: bytes | socket.socket | None = None,
        talk: bool = False,
    ) -> Program:
        """Start a program; `stdin` is a text to read, or a socket that becomes input and output (as under inetd).

        With `talk` its input is a stream that `Program.input` writes to. Raises JailError where it cannot be confined.
        """
        output, output_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        errors, errors_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        for descriptor in (output_write, errors_write):
            os.set_blocking(descriptor, True)
        mine: socket.socket | None = None
        given = output_write
        if isinstance(stdin, socket.socket):
            source = os.dup(stdin.fileno())
            given = source
        elif talk:
            mine, other = socket.socketpair()
            mine.setblocking(False)
            source = other.detach()
        else:
            source = _memory_file(stdin or b"")
        request = {
            "do": "start",
            "argv0": path or argv[0],
            "argv": list(argv),
            "env": {**_ENVIRONMENT, **(env or {})},
            "cwd": cwd,
        }
        try:
            socket.send_fds(self._link, [json.dumps(request).encode()], [source, given, errors_write])
        except OSError as error:
            raise JailError(f"the cell ended: {error}", hint=HINT) from error
        finally:
            for descriptor in {source, output_write, errors_write}:
                os.close(descriptor)
        made = Program(0, output, errors, mine)
        self._started.append(made)
        for descriptor in (output, errors):
            self._programs[descriptor] = made
            self._poll.register(descriptor, select.POLLIN)
        made.pid = int(self._wait_for("started")["started"])
        made.code = self._codes.get(made.pid)
        return made

    def stop(self) -> None:
        """End all programs of the cell, so that the next one starts alone."""
        self._link.send(b'{"do": "stop"}')
        self._wait_for("stopped")

    def write_file(self, path: str, content: bytes) -> bool:
        """Put a file into a writable place of the cell; tell whether that was possible."""
        source = _memory_file(content)
        try:
            socket.send_fds(self._link, [json.dumps({"do": "write", "path": path}).encode()], [source])
        finally:
            os.close(source)
        return bool(self._wait_for("written")["written"])

    def socket(self, kind: str) -> socket.socket:
        """Return a new socket in the cell's network: `tcp`, `udp`, `tcp6` or `udp6`; it closes with the run."""
        self._link.send(json.dumps({"do": "socket", "kind": kind}).encode())
        found = self._wait_for("socket")["descriptors"]
        made = socket.socket(fileno=found[0])
        made.setblocking(False)
        self._sockets.append(made)
        return made

    def listens(self, kind: str, port: int) -> bool:
        """Tell whether a port is open in the cell's network; asks the kernel only once a program has asked for it."""
        calls = {event.call for event in self.events if event.call == "listen" or event.arguments[1:] == (port,)}
        wanted = {"bind", "listen"} if kind == "tcp" else {"bind"}
        return wanted <= calls and port in self.ports(kind)

    def ports(self, kind: str) -> set[int]:
        """Return the ports that are open: `tcp` listens, `udp` is bound (proc(5), /proc/net/tcp)."""
        found = set()
        for name, state in ((kind, b"0A" if kind == "tcp" else b"07"), (kind + "6", b"0A" if kind == "tcp" else b"07")):
            for line in self._file(f"1/net/{name}").splitlines()[1:]:
                words = line.split()
                if len(words) > 3 and words[3] == state:
                    found.add(int(words[1].rpartition(b":")[2], 16))
        return found

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Let the cell run until `done`, and tell whether it came to that within so many seconds."""
        end = min(time.monotonic() + seconds, self._deadline)
        while not done():
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                self._late()
                return False
            self._step(min(left, 0.02))
        return True

    def settle(self, seconds: float) -> bool:
        """Let the cell run until all its processes wait for something outside, and tell whether that was so in time."""
        quiet, before, calls = 0, -1, -1
        end = min(time.monotonic() + seconds, self._deadline)
        while quiet < _QUIET_LOOKS:
            if time.monotonic() > end or self.ended:
                self._late()
                return False
            if self._step(_LOOK):
                quiet = 0
                continue
            idle, used = self._look()
            same = idle and used == before and calls == self._watch.calls
            quiet = quiet + 1 if same else 0
            before, calls = used, self._watch.calls
        return True

    def output(self, program: Program) -> bytes:
        """Return what a program wrote on standard output so far."""
        return bytes(program.written)

    def memory(self, pid: int, address: int, size: int) -> bytes:
        """Return memory of a process of the cell; nothing where it cannot be read."""
        try:
            descriptor = os.open(f"{pid}/mem", os.O_RDONLY, dir_fd=self._proc)
        except OSError:
            return b""
        try:
            return os.pread(descriptor, size, address)
        except (OSError, OverflowError):
            return b""
        finally:
            os.close(descriptor)

    def proc_file(self, name: str) -> bytes:
        """Return a file of the cell's /proc, its first MiB (proc(5)); nothing where it cannot be read."""
        return self._file(name)

    def pids(self) -> list[int]:
        """Return the processes of the cell but its first, which is ours."""
        names = os.listdir(self._proc) if self._proc >= 0 else []  # noqa: PTH208 - a descriptor has no path
        return [int(name) for name in names if name.isdigit() and name != "1"]

    def close(self) -> None:
        """End the cell and wait until nothing of it is left."""
        self._link.close()  # the first process ends at that, and all others with it
        if not self._gone(10) and self._first:  # it still waits to be reaped, so the number is its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._first, signal.SIGKILL)
            self._gone(20)
        for made in self._sockets:
            made.close()
        for descriptor in {*self._programs, *self._listeners, self._status, *([self._proc] if self._proc >= 0 else [])}:
            os.close(descriptor)
        for program in self._started:
            if program.input is not None:
                program.input.close()
        self._programs, self._listeners, self._sockets, self._proc = {}, set(), [], -1

    def _gone(self, seconds: float) -> bool:
        """Wait until the outer process has reaped the first one and ended: then nothing of the cell is left."""
        end = time.monotonic() + seconds
        while select.select([self._status], [], [], max(end - time.monotonic(), 0))[0]:
            said = os.read(self._status, 64)
            if not said:
                return True
            self._first = int(said)
        return False

    def _late(self) -> None:
        if time.monotonic() >= self._deadline and not self.ended:
            self.ended = "time"

    def _wait_for(self, word: str) -> dict[str, Any]:
        """Return the next message of the cell's first process that holds `word`."""
        end = time.monotonic() + 30
        while True:
            for number, message in enumerate(self._said):
                if "failed" in message:
                    raise JailError(str(message["failed"]), hint=HINT)
                if word in message:
                    return self._said.pop(number)
            if time.monotonic() > end:
                raise JailError("the cell does not answer", hint=HINT)
            self._step(0.1)

    def _step(self, seconds: float) -> bool:
        """Handle what is there, waiting so long for it at most; tell whether there was anything."""
        found = self._poll.poll(max(int(seconds * 1000), 1))
        for descriptor, event in found:
            if descriptor == self._link.fileno():
                self._hear()
            elif descriptor in self._listeners:
                if event & select.POLLIN:
                    self._watch.take(descriptor)
                else:  # nobody has this filter any more
                    self._poll.unregister(descriptor)
                    self._listeners.discard(descriptor)
                    os.close(descriptor)
            elif descriptor in self._programs:
                self._read(descriptor)
        if self._watch.blind:
            raise JailError("what programs ask for cannot be read", hint=HINT)
        if time.monotonic() >= self._next_look:
            self._guard()
        return bool(found)

    def _hear(self) -> None:
        message, descriptors, _flags, _address = socket.recv_fds(self._link, MESSAGE, 4)
        if not message:
            raise JailError("the cell ended before it was ready" if self._proc < 0 else "the cell ended", hint=HINT)
        said = json.loads(message)
        if "watch" in said:
            self._listeners.add(descriptors[0])
            self._poll.register(descriptors[0], select.POLLIN)
        elif "ended" in said:
            self._end(int(said["ended"]), int(said["code"]))
        else:
            if "ready" in said:
                self._proc = descriptors[0]
            self._said.append({**said, "descriptors": descriptors})

    def _end(self, pid: int, code: int) -> None:
        self._codes[pid] = code
        if code < 0 and code not in (-signal.SIGTERM, -signal.SIGHUP, -signal.SIGPIPE):
            self._watch.note(0, "died", (-code,))
        for program in self._started:
            if program.pid == pid:
                program.code = code

    def _read(self, descriptor: int) -> None:
        program = self._programs[descriptor]
        try:
            part = os.read(descriptor, _PART)
        except BlockingIOError:
            return
        kept = program.written if descriptor == program.output else program.complaints
        kept += part[: max(self.limits.output - len(kept), 0)]
        if not part:
            self._poll.unregister(descriptor)
            self._programs.pop(descriptor)
            os.close(descriptor)

    def _look(self) -> tuple[bool, int]:
        """Return whether all processes of the cell wait, and the CPU time that they have used (proc(5), stat)."""
        idle, used = True, 0
        for pid in self.pids():
            stat = self._file(f"{pid}/stat").rpartition(b")")[2].split()
            if len(stat) > 12:
                idle = idle and stat[0] in (b"S", b"Z", b"T", b"X", b"I")
                used += int(stat[11]) + int(stat[12]) + int(pid) * 1_000_003
        return idle, used

    def _guard(self) -> None:
        """Stop the run where its processes together hold too much memory."""
        self._next_look = time.monotonic() + 0.1
        page, resident = os.sysconf("SC_PAGE_SIZE"), 0
        for pid in self.pids():
            words = self._file(f"{pid}/statm").split()
            resident += (int(words[1]) - int(words[2])) * page if len(words) > 2 else 0
        if resident > self.limits.memory:
            self.ended = "memory"

    def _file(self, name: str) -> bytes:
        try:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self._proc)
        except OSError:
            return b""
        try:
            return os.read(descriptor, 1 << 20)
        except OSError:
            return b""
        finally:
            os.close(descriptor)


def _memory_file(data: bytes) -> int:
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor

"""The nursery of cells: a process that makes one tree ready and forks a cell for each run.

    watcher (outside) -- nursery -- outer process of a run -- first process of the cell -- the image's program

The nursery and the first process of a cell read messages of the watcher alone, never a foreign byte but the names and
contents of files, which they only write. The watcher's end of the control socket is what keeps a cell alive: when it
closes, the first process ends, and with it the kernel ends everything in its PID namespace (pid_namespaces(7)).
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any, NoReturn

from aboveboard.jail import cell_rules, kernel
from aboveboard.jail.cell_limits import CellLimits
from aboveboard.jail.cell_root import CELL_UID, As, make_root, make_stage

_ALL = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
MESSAGE = 1 << 20
_SOCKETS = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM),
    "udp6": (socket.AF_INET6, socket.SOCK_DGRAM),
}


def serve(control: socket.socket, tree: int) -> None:
    """Make the tree ready, say so, and fork a run for each request until the watcher closes the control socket."""
    rules = cell_rules.compiled()
    try:
        _leave_mounts()
        maker = make_stage(tree)
    except (OSError, ValueError) as error:
        control.send(json.dumps({"failed": f"the tree could not be made: {error}"}).encode())
        return
    control.send(b'{"ready": true}')
    gc.freeze()
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, MESSAGE, 2)
        _reap()
        if not message:
            return
        link, status = descriptors
        if os.fork() == 0:
            control.close()
            _outer(CellLimits(**json.loads(message)), maker, rules, socket.socket(fileno=link), status)
        os.close(link)
        os.close(status)


def _leave_mounts() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        kernel.unshare(kernel.CLONE_NEWNS)
        return
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as out:  # noqa: PTH123
            out.write(text)


def _reap() -> None:
    """Wait for runs that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _outer(limits: CellLimits, maker: As, rules: bytes, link: socket.socket, status: int) -> NoReturn:
    """Make the namespaces, fork the first process, wait for it; the status pipe closes when all of the cell is gone."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        kernel.unshare(_ALL)
        first = os.fork()
        if first == 0:
            os.close(status)
            _First(limits, maker, rules, link).run()
    except OSError as error:
        link.send(json.dumps({"failed": f"the cell could not be set up: {error}"}).encode())
        os._exit(1)
    os.write(status, b"%d" % first)
    link.close()
    os.waitpid(first, 0)
    os._exit(0)


class _First:
    """The first process of a cell: makes its root, starts programs, makes sockets, reaps, and reads no foreign byte."""

    def __init__(self, limits: CellLimits, maker: As, rules: bytes, link: socket.socket) -> None:
        self._limits, self._maker, self._rules, self._link = limits, maker, rules, link
        self._proc = -1

    def run(self) -> NoReturn:
        """Set up and answer the watcher until it closes the socket. Never returns."""
        try:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # its memory and files are no business of what runs here
            socket.sethostname("router")
            _loopback_up()
            self._proc = make_root(self._limits, self._maker)
            self._low_ports()
        except (OSError, ValueError) as error:
            self._say({"failed": f"the cell could not be set up: {error}"})
            os._exit(1)
        woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        socket.send_fds(self._link, [b'{"ready": true}'], [self._proc])
        with contextlib.suppress(OSError):  # the watcher has gone
            while True:
                self._wait(woken)
        os._exit(0)

    def _wait(self, woken: int) -> None:
        ready, _, _ = select.select([self._link.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            self._report_ends()
        if self._link.fileno() in ready:
            message, descriptors, _flags, _address = socket.recv_fds(self._link, MESSAGE, 3)
            if not message:
                os._exit(0)
            request = json.loads(message)
            if request["do"] == "start":
                self._start(request, descriptors)
            elif request["do"] == "stop":
                self._stop()
            elif request["do"] == "write":
                self._say({"written": self._write(request["path"], descriptors[0])})
            elif request["do"] == "socket":
                family, kind = _SOCKETS[request["kind"]]
                with socket.socket(family, kind) as made:
                    socket.send_fds(self._link, [b'{"socket": true}'], [made.fileno()])
            for descriptor in descriptors:
                os.close(descriptor)

    def _stop(self) -> None:
        """End everything in the cell but this process (kill(2): -1 spares the first process when it calls)."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        self._say({"stopped": True})

    def _write(self, path: str, source: int) -> bool:
        """Make a file anew; what a program has put there is not followed."""
        try:
            with self._maker:
                if os.path.lexists(path):
                    os.unlink(path)  # noqa: PTH108
                out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with os.fdopen(os.dup(source), "rb") as given, os.fdopen(out, "wb") as file:
                file.write(given.read())
        except OSError:
            return False
        return True

    def _report_ends(self) -> None:
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})
        except ChildProcessError:
            return

    def _start(self, request: dict[str, Any], descriptors: list[int]) -> None:
        apart, mapped = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.fork()
            if pid == 0:
                _Program(self._limits, self._rules, self._link, self._maker, apart[1], mapped[0]).become(
                    request, descriptors
                )
            os.close(apart[1])
            if os.read(apart[0], 1) == b"n":  # its user namespace is there
                for name in ("uid_map", "gid_map"):
                    there = os.open(f"{pid}/{name}", os.O_WRONLY, dir_fd=self._proc)
                    os.write(there, f"0 {CELL_UID} 1".encode())
                    os.close(there)
            os.write(mapped[1], b"m")
            self._say({"started": pid})
        except OSError as error:
            self._say({"failed": f"the program could not be confined: {error}"})
        finally:
            for descriptor in (apart[0], *mapped):
                os.close(descriptor)

    def _low_ports(self) -> None:
        """Let a program without capabilities bind port 80: the network is its own (Linux, ip-sysctl)."""
        there = os.open("sys/net/ipv4/ip_unprivileged_port_start", os.O_WRONLY, dir_fd=self._proc)
        os.write(there, b"0")
        os.close(there)

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._link.send(json.dumps(message).encode())
        except OSError:
            os._exit(1)  # nobody listens any more


class _Program:
    """The child that becomes the image's program: gives up everything for good, hands the watcher its ear, and execs."""

    def __init__(self, limits: CellLimits, rules: bytes, link: socket.socket, maker: As, apart: int, mapped: int) -> None:
        self._limits, self._rules, self._link, self._maker = limits, rules, link, maker
        self._apart, self._mapped = apart, mapped

    def become(self, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
        """Confine this process and run the program. Never returns."""
        try:
            signal.set_wakeup_fd(-1)
            for caught in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
                signal.signal(caught, signal.SIG_DFL)
            os.setsid()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            self._own_user()
            self._limit()
            os.chdir(request["cwd"])
            os.umask(0o022)
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or a watcher that is not root could not read what it asks for
            listener = kernel.filter_with_listener(self._rules)
            socket.send_fds(self._link, [b'{"watch": true}'], [listener])
            os.closerange(3, 1 << 16)  # descriptors that came over a socket do not close on exec by themselves
            os.execve(request["argv0"], request["argv"], request["env"])  # noqa: S606 - that is what a cell is for
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing ran
            os.write(2, f"not started: {error}\n".encode()[:500])
        os._exit(127)

    def _own_user(self) -> None:
        if self._maker.root:
            os.setgroups([])
            kernel.unshare(kernel.CLONE_NEWUSER)
            os.write(self._apart, b"n")
        else:
            os.write(self._apart, b"o")
        if os.read(self._mapped, 1) != b"m":
            raise OSError("the user namespace was not mapped")
        if self._maker.root:
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        kernel.drop_bounding_set()
        kernel.drop_capabilities()

    def _limit(self) -> None:
        for what, bound in (
            (resource.RLIMIT_DATA, self._limits.data),
            (resource.RLIMIT_CPU, self._limits.cpu_seconds),
            (resource.RLIMIT_FSIZE, self._limits.file),
            (resource.RLIMIT_NOFILE, self._limits.open_files),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NPROC, self._limits.processes),
        ):
            resource.setrlimit(what, (bound, bound))


def _loopback_up() -> None:
    """Switch the loopback interface on (netdevice(7), SIOCSIFFLAGS)."""
    up_running, set_flags = 0x1 | 0x40, 0x8914
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        fcntl.ioctl(made, set_flags, struct.pack("16sH14s", b"lo", up_running, b""))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))

"""A cell: one program of an image runs here, in a world of its own, and everything it asks for is seen from outside.

    with Cell(tree) as cell, cell.run() as run:
        program = run.start(["/usr/sbin/httpd"])
        run.until(lambda: run.listens("tcp", 80))
        ...
    run.events

Every run is a fresh cell: new user, PID, mount, network, IPC, UTS and cgroup namespaces, no capabilities, no new
privileges, a filter of system calls that this process answers. A cell that cannot be set up raises JailError; nothing of an
image ever runs without one.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from aboveboard.jail.cell_limits import CellLimits
from aboveboard.jail.cell_run import HINT, Program, Run
from aboveboard.jail.cell_tree import RootTree, emulator_of, made_runnable, packed
from aboveboard.jail.nursery import MESSAGE
from aboveboard.model.errors import JailError

__all__ = ["Cell", "Program", "Run"]


class Cell:
    """One tree, made ready once for any number of runs. `missing` says which programs of it cannot be run here."""

    def __init__(self, tree: RootTree, limits: CellLimits | None = None) -> None:
        self.limits = limits or CellLimits()
        if platform.machine() not in ("x86_64", "aarch64"):
            raise JailError(f"programs are not run on {platform.machine()}", hint=HINT)
        self.tree, self.missing = made_runnable(tree)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        descriptor = packed(self.tree)
        package = str(Path(__file__).resolve().parents[2])
        try:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "aboveboard.jail.nursery", str(theirs.fileno()), str(descriptor)],
                pass_fds=[theirs.fileno(), descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if not os.environ.get("ABOVEBOARD_DEBUG") else None,
                env={"PYTHONPATH": package, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"},
            )
        finally:
            theirs.close()
            os.close(descriptor)
        try:
            self._ready()
        except BaseException:
            self.close()
            raise

    def _ready(self) -> None:
        self._control.settimeout(120)
        try:
            said = self._control.recv(MESSAGE)
        except OSError as error:
            raise JailError(f"the tree could not be made: {error}", hint=HINT) from error
        answer = json.loads(said) if said else {"failed": "the helper process ended"}
        if "failed" in answer:
            raise JailError(str(answer["failed"]), hint=HINT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the nursery; runs under way die with their control sockets."""
        self._control.close()
        try:
            self._nursery.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._nursery.kill()
            self._nursery.wait()

    def can_run(self, path: str) -> str:
        """Return why the program at `path` cannot be started here, or an empty text."""
        data = self.tree.content(path)
        if data is None:
            return "it is not in the tree"
        if data[:2] == b"#!":
            return ""
        name = emulator_of(data)
        if name is None:
            return "no emulator is known for it"
        return self.missing.get(name, "")

    def run(self) -> Run:
        """Return a new cell; raises JailError where it cannot be set up."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        status, status_write = os.pipe2(os.O_CLOEXEC)
        try:
            request = json.dumps(self.limits.to_json()).encode()
            socket.send_fds(self._control, [request], [theirs.fileno(), status_write])
        except OSError as error:
            ours.close()
            os.close(status)
            raise JailError(f"the cell's helper process ended: {error}", hint=HINT) from error
        finally:
            theirs.close()
            os.close(status_write)
        return Run(ours, status, self.limits)

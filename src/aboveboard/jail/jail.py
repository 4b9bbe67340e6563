"""The parent's side of the jail: start a confined run, feed it blobs, take what it gives, say how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from aboveboard.jail.channel import HEADER, MAX_VALUE, receive_exactly, send_descriptor
from aboveboard.jail.limits import OUT_OF_MEMORY, RAISED, Ending, Limits
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError, JailError
from aboveboard.model.facts import Cause

PART = 1 << 20  # bytes of a blob that are held at once


class BlobSink(Protocol):
    """Takes the blobs of a run one after the other, each in parts of at most PART bytes."""

    def write(self, part: bytes) -> None:
        """Take the next part of the blob under way."""
        ...

    def commit(self) -> None:
        """The blob is whole."""
        ...

    def drop(self) -> None:
        """Forget the parts of the blob under way, if there are any; also called when the run ends."""
        ...


class NoBlobs:
    """For a run that gives values alone: a blob breaks its form."""

    def write(self, part: bytes) -> None:
        """Refuse the part."""
        raise ValueError(f"gave a blob ({len(part)} bytes) where only values are taken")

    def commit(self) -> None:
        """Refuse the blob."""
        raise ValueError("gave a blob where only values are taken")

    def drop(self) -> None:
        """There is nothing to forget."""


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where a run's output goes, and which blobs it may read (`open_blob` returns a descriptor or None for no)."""

    value: Callable[[JSON], None]
    open_blob: Callable[[str], int | None]
    blob: BlobSink = field(default_factory=NoBlobs)


class Jail:
    """Confined runs on this machine. Threads may share one; each run has a process of its own."""

    def __init__(self, *, confined: bool = True) -> None:
        self.confined = confined
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the zygote; runs under way die with it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._zygote is not None:
            self._zygote.wait(timeout=30)
            self._zygote = None

    def stop(self) -> None:
        """End all runs under way, and begin no other: for the user who does not want to wait for them."""
        self._stopped = True
        if self._zygote is not None:
            self._zygote.kill()

    def run(
        self,
        function: str,
        parameters: Mapping[str, JSON],
        sinks: Sinks,
        *,
        limits: Limits | None = None,
        tools: bool = False,
    ) -> Ending:
        """Run `function` (`module:name`) confined; return how it ended. `tools` lets it run the system's extractors.

        Raises JailError where the function cannot be imported: that is our own fault, not the subject's; InputError where
        a sink cannot keep what comes; and whatever else a sink raises. The process is killed first.
        """
        bounds = limits or Limits()
        ours, theirs = socket.socketpair()
        status_read, status_write = os.pipe()
        with ours, os.fdopen(status_read, "rb"):
            request = {
                "function": function,
                "parameters": dict(parameters),
                "limits": bounds.to_json(),
                "tools": tools,
                "confined": self.confined,
            }
            try:
                with self._lock:
                    socket.send_fds(self._start(), [json.dumps(request).encode()], [theirs.fileno(), status_write])
            except OSError as error:
                raise JailError(f"the jail's helper process ended: {error}", hint="run `aboveboard doctor`") from error
            finally:
                theirs.close()
                os.close(status_write)
            return _Run(ours, status_read, sinks, bounds).finish()

    def _start(self) -> socket.socket:
        if self._stopped:
            raise JailError("the run was stopped", hint="start it again")
        if self._control is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._zygote = subprocess.Popen(
                [sys.executable, "-m", "aboveboard.jail.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if not os.environ.get("ABOVEBOARD_DEBUG") else None,
                env=_environment(),
            )
            theirs.close()
            self._control = ours
        return self._control


def _environment() -> dict[str, str]:
    """Return the zygote's environment: this very package, and none of the caller's secrets."""
    package = str(Path(__file__).resolve().parents[2])
    return {"PYTHONPATH": package, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"}


class _LateError(Exception):
    """The deadline of the run has passed."""


class _Run:
    """One run, seen from the parent."""

    def __init__(self, channel: socket.socket, status: int, sinks: Sinks, limits: Limits) -> None:
        self._channel = channel
        self._status = status
        self._sinks = sinks
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_seconds
        self._said = b""  # on the status pipe, and not read as a line yet
        self._pid: int | None = None  # of the outer process, while it may be alive

    def finish(self) -> Ending:
        """Take what the run gives. However this ends, the process is gone and nothing half-taken stays."""
        try:
            first = self._line()
            if first.startswith("import "):
                raise JailError(f"cannot load what should run in the jail: {first[7:]}", hint="run `./run setup` again")
            self._pid = int(first[4:]) if first.startswith("pid ") else None
            return self._pump() or self._ending()
        except _LateError:
            return Ending(Cause.TIME, f"stopped after {self._limits.wall_seconds} s")
        finally:
            if self._pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
            self._sinks.blob.drop()  # what was not ended

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _LateError
        return left

    def _line(self) -> str:
        """Return the next line of the status pipe, or what there is of it where the other side has gone."""
        while b"\n" not in self._said:
            if select.select([self._status], [], [], self._left())[0]:
                part = os.read(self._status, 4096)
                if not part:
                    break
                self._said += part
        line, _, self._said = self._said.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    def _ending(self) -> Ending:
        said = self._line()
        self._pid = None  # it has ended, and its number may soon be another's
        if said.startswith("jail "):
            return Ending(Cause.UNCONFINED, f"the jail could not be set up: {said[5:]}")
        if not said.startswith("exit "):
            return Ending(Cause.CRASHED, "the process was killed from outside")
        code = int(said[5:])
        if code == 0:
            return Ending()
        if code == OUT_OF_MEMORY:
            return Ending(Cause.MEMORY, "out of memory")
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return Ending(Cause.TIME, "killed: the limit on CPU time or memory was reached, or someone killed it")
        return Ending(Cause.CRASHED, "an error in the analysis" if code == RAISED else f"crashed (code {code})")

    def _pump(self) -> Ending | None:
        """Take frames until the child closes the channel; an Ending where it must be killed.

        Only the socket's own errors mean that the child has gone. A sink that fails, for a disk that is full, would leave
        the child blocked on the channel and this side waiting for its end: it ends the whole command instead.
        """
        taken = 0
        while True:
            header = self._receive(HEADER.size)
            if len(header) < HEADER.size:
                return None
            kind, size = HEADER.unpack(header)
            taken += size
            if taken > self._limits.output or (kind not in b"BP" and size > MAX_VALUE):
                return Ending(Cause.LIMIT, f"gave more than {self._limits.output} bytes")
            try:
                whole = self._blob(kind, size) if kind in b"BP" else self._frame(kind, size)
            except (ValueError, RecursionError, KeyError, TypeError) as error:
                return Ending(Cause.CRASHED, f"broke the form of the channel: {error}"[:200])
            except OSError as error:
                hint = "make room there, or name another folder in ABOVEBOARD_CACHE"
                raise InputError(f"cannot keep what came out of the jail: {error.strerror}", hint=hint) from error
            if not whole:
                return None

    def _receive(self, size: int) -> bytes:
        """Return `size` bytes of the channel, or fewer where the child has gone."""
        self._channel.settimeout(self._left())
        try:
            return receive_exactly(self._channel, size)
        except TimeoutError as error:
            raise _LateError from error
        except OSError:
            return b""

    def _blob(self, kind: bytes, size: int) -> bool:
        """Hand a part of a blob on without holding it; return False where the other side has gone in the middle."""
        while size:
            part = self._receive(min(size, PART))
            if len(part) < min(size, PART):
                return False
            self._sinks.blob.write(part)
            size -= len(part)
        if kind == b"B":
            self._sinks.blob.commit()
        return True

    def _frame(self, kind: bytes, size: int) -> bool:
        payload = self._receive(size)
        if len(payload) < size:
            return False
        if kind == b"V":
            self._sinks.value(json.loads(payload))
        elif kind == b"X":
            self._sinks.blob.drop()
        elif kind == b"R":
            return self._answer(self._sinks.open_blob(payload.decode("ascii")))
        else:
            raise ValueError(f"unknown frame {kind!r}")
        return True

    def _answer(self, descriptor: int | None) -> bool:
        try:
            send_descriptor(self._channel, descriptor)
        except TimeoutError as error:
            raise _LateError from error
        except OSError:
            return False
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return True

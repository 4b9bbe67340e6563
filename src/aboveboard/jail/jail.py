"""The parent's side of the jail: start a confined run, feed it blobs, take what it gives, say how it ended."""

from __future__ import annotations

import contextlib
import json
import os
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
from aboveboard.model.errors import JailError
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

        Raises JailError where the function cannot be imported: that is our own fault, not the subject's.
        """
        bounds = limits or Limits()
        ours, theirs = socket.socketpair()
        status_read, status_write = os.pipe()
        with ours, os.fdopen(status_read, "rb") as status:
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
            return _Run(ours, status, sinks, bounds).finish()

    def _start(self) -> socket.socket:
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


class _Run:
    """One run, seen from the parent."""

    def __init__(self, channel: socket.socket, status: object, sinks: Sinks, limits: Limits) -> None:
        self._channel = channel
        self._status = status
        self._sinks = sinks
        self._limits = limits
        self._deadline = time.monotonic() + limits.wall_seconds

    def finish(self) -> Ending:
        first = self._line()
        if first.startswith("import "):
            raise JailError(f"cannot load what should run in the jail: {first[7:]}", hint="run `./run setup` again")
        pid = int(first[4:]) if first.startswith("pid ") else None
        broken = self._pump()
        self._sinks.blob.drop()  # what was not ended
        if broken is not None and pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return broken or self._ending()

    def _line(self) -> str:
        line: bytes = self._status.readline(4096)  # type: ignore[attr-defined]  # a BufferedReader; typeshed names it IO
        return line.decode("utf-8", "replace").strip()

    def _ending(self) -> Ending:
        said = self._line()
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
        """Take frames until the child closes the channel; an Ending where it must be killed."""
        taken = 0
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return Ending(Cause.TIME, f"stopped after {self._limits.wall_seconds} s")
            self._channel.settimeout(left)
            try:
                header = receive_exactly(self._channel, HEADER.size)
                if len(header) < HEADER.size:
                    return None
                kind, size = HEADER.unpack(header)
                taken += size
                if taken > self._limits.output or (kind not in b"BP" and size > MAX_VALUE):
                    return Ending(Cause.LIMIT, f"gave more than {self._limits.output} bytes")
                if kind in b"BP":
                    if not self._blob(kind, size):
                        return None
                    continue
                payload = receive_exactly(self._channel, size)
                if len(payload) < size:
                    return None
                self._take(kind, payload)
            except TimeoutError:
                return Ending(Cause.TIME, f"stopped after {self._limits.wall_seconds} s")
            except OSError:
                return None
            except (ValueError, RecursionError, KeyError, TypeError) as error:
                return Ending(Cause.CRASHED, f"broke the form of the channel: {error}"[:200])

    def _blob(self, kind: bytes, size: int) -> bool:
        """Hand a part of a blob on without holding it; return False where the other side has gone in the middle."""
        while size:
            part = receive_exactly(self._channel, min(size, PART))
            if len(part) < min(size, PART):
                return False
            self._sinks.blob.write(part)
            size -= len(part)
        if kind == b"B":
            self._sinks.blob.commit()
        return True

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == b"V":
            self._sinks.value(json.loads(payload))
        elif kind == b"X":
            self._sinks.blob.drop()
        elif kind == b"R":
            descriptor = self._sinks.open_blob(payload.decode("ascii"))
            try:
                send_descriptor(self._channel, descriptor)
            finally:
                if descriptor is not None:
                    os.close(descriptor)
        else:
            raise ValueError(f"unknown frame {kind!r}")

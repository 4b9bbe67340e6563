"""The zygote: a process that imports the parsers once and forks a confined child for each run.

It reads no foreign byte itself. A request is one datagram with JSON and two descriptors: the channel of the run, and a
pipe on which the outer process of the run writes its PID and how the inner one ended. Runs cost a fork, not a start of
Python; what a child needs is imported before it is confined, for inside there is no file to import from.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from aboveboard.jail import kernel
from aboveboard.jail.channel import ChildChannel
from aboveboard.jail.confine import confine, leave_namespaces
from aboveboard.jail.limits import NOT_CONFINED, OUT_OF_MEMORY, RAISED, RETURNED, Limits

REQUEST_LIMIT = 1 << 20
# Python loads these on first use, which is too late inside an empty root.
_LATE = (
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_16",
    "encodings.utf_16_le",
    "encodings.utf_16_be",
    "encodings.cp437",
    "encodings.idna",
    "traceback",
    "linecache",
)


def serve(control: socket.socket) -> None:
    """Answer requests until the parent closes the control socket."""
    for module in _LATE:
        importlib.import_module(module)
    gc.set_threshold(50_000, 20, 20)  # runs make many small values and hardly any cycles
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when a run ends
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, REQUEST_LIMIT, 2)
        _reap(0 if not message else os.WNOHANG)
        if not message:
            return
        channel, status = descriptors
        try:
            request = json.loads(message)
            module, _, name = request["function"].partition(":")
            function = getattr(importlib.import_module(module), name)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is told to the parent, which decides
            os.write(status, f"import {type(error).__name__}: {error}\n".encode())
        else:
            gc.freeze()  # a run need not look for garbage in what all share, nor copy the pages for it
            if os.fork() == 0:
                control.close()
                _outer(request, function, channel, status)
        os.close(channel)
        os.close(status)


def _reap(options: int) -> None:
    """Wait for runs that have ended. They report through their own pipe; waiting is for their CPU time to be counted."""
    while True:
        try:
            pid, _status = os.waitpid(-1, options)
        except ChildProcessError:
            return
        if pid == 0:
            return


def _outer(request: dict[str, Any], function: Callable[..., None], channel: int, status: int) -> NoReturn:
    """Make the namespaces, fork the inner process, wait for it and report."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.write(status, f"pid {os.getpid()}\n".encode())
    try:
        if request["confined"]:
            leave_namespaces()
        inner = os.fork()
    except OSError as error:
        os.write(status, f"jail {error}\n".encode())
        os._exit(NOT_CONFINED)
    if inner == 0:
        _inner(request, function, channel, status)
    os.close(channel)
    _, ended = os.waitpid(inner, 0)
    code = os.waitstatus_to_exitcode(ended)
    os.write(status, f"exit {code}\n".encode())
    os._exit(0)


def _inner(request: dict[str, Any], function: Callable[..., None], channel: int, status: int) -> NoReturn:
    """Confine this process and run the function."""
    code = RETURNED
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # also for a run that is not confined
    try:
        _keep_only(channel, status)
        if request["confined"]:
            confine(Limits(**request["limits"]), tools=request["tools"])
    except Exception as error:  # noqa: BLE001 - any failure to confine ends here, before a foreign byte is read
        os.write(status, f"jail {error}\n".encode())
        os._exit(NOT_CONFINED)
    os.close(status)
    try:
        # family and type given: finding them out would ask the kernel more than the filter allows
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=channel) as stream:
            function(ChildChannel(stream), **request["parameters"])
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 - the runner's broad except, on the confined side
        code = RAISED
        sys.stderr.write(f"{type(error).__name__}: {error}\n"[:2000])
    os._exit(code)


def _keep_only(*descriptors: int) -> None:
    """Close every descriptor but the named ones and standard error."""
    keep = sorted({2, *descriptors})
    low = 0
    for descriptor in keep:
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 4096)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

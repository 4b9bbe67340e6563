"""What a program in a cell asked the kernel for, as values: no text is parsed, so no text in it can forge anything."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from aboveboard.jail.cell_tree import OWN
from aboveboard.model.canonical import JSON
from aboveboard.model.paths import show

MAX_TEXT = 4096  # bytes of a path
MAX_ARGUMENT = 1024
MAX_ARGUMENTS = 32
_PAGE = 4096
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_AT_FDCWD = -100
_CREATED = 0o100
_FAULTS = frozenset({signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV})


@dataclass(frozen=True, slots=True)
class Event:
    """One watched call: its place in the order, the number of its process in the cell (1, 2 ...), and what it asked for.

    `call` is one of `exec`, `read`, `write` (opened for it), `remove`, `rename`, `make`, `mode`, `bind`, `listen`,
    `connect`, `kill`, `exit`, or the name of a system call (`setuid`, `reboot`, `mount` ...). Arguments are texts and
    numbers; texts are the bytes as they were asked for. `answer` is `let`, `faked` or `refused`.
    """

    order: int
    process: int
    call: str
    arguments: tuple[bytes | int, ...]
    answer: str = "let"

    def to_json(self) -> dict[str, JSON]:
        """Return the event as JSON, texts escaped."""
        arguments: list[JSON] = [show(one) if isinstance(one, bytes) else one for one in self.arguments]
        return {"call": self.call, "process": self.process, "arguments": arguments, "answer": self.answer}


class Memory:
    """The memory of a process that waits for an answer (proc(5), /proc/pid/mem)."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.denied = False  # the kernel does not let this process look

    def read(self, address: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer where memory ends, none where it cannot be read."""
        if not 0 < address < 1 << 63:
            return b""
        try:
            descriptor = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY)
        except PermissionError:
            self.denied = True
            return b""
        except OSError:
            return b""
        parts = []
        try:
            while size > 0:
                step = min(size, _PAGE - address % _PAGE)
                part = os.pread(descriptor, step, address)
                parts.append(part)
                if len(part) < step:
                    break
                address, size = address + step, size - step
        except (OSError, OverflowError):
            pass
        finally:
            os.close(descriptor)
        return b"".join(parts)

    def text(self, address: int, limit: int = MAX_TEXT) -> bytes:
        """Return the text that ends with NUL, cut at `limit`."""
        found = b""
        while len(found) < limit:
            part = self.read(address + len(found), min(limit - len(found), _PAGE - (address + len(found)) % _PAGE, 256))
            head, nul, _ = part.partition(b"\0")
            found += head
            if nul or not part:
                break
        return found

    def texts(self, address: int) -> tuple[bytes, ...]:
        """Return a vector of texts that ends with NULL (execve(2))."""
        raw = self.read(address, 8 * MAX_ARGUMENTS)
        found = []
        for (pointer,) in struct.iter_unpack("=Q", raw[: len(raw) // 8 * 8]):
            if pointer == 0:
                break
            found.append(self.text(pointer, MAX_ARGUMENT))
        return tuple(found)

    def address(self, place: int, size: int) -> tuple[bytes, int]:
        """Return a socket address as text and port (ip(7), ipv6(7), unix(7)); the family's number where it is another."""
        raw = self.read(place, min(size & 0xFFFFFFFF, 128))
        if len(raw) < 2:
            return b"", 0
        (family,) = struct.unpack_from("=H", raw)
        if family == socket.AF_INET and len(raw) >= 8:
            return socket.inet_ntop(family, raw[4:8]).encode(), int.from_bytes(raw[2:4], "big")
        if family == socket.AF_INET6 and len(raw) >= 24:
            return socket.inet_ntop(family, raw[8:24]).encode(), int.from_bytes(raw[2:4], "big")
        if family == socket.AF_UNIX:
            return b"unix:" + raw[2:].rstrip(b"\0").partition(b"\0")[0], 0
        return b"family:%d" % family, 0


# Of calls whose arguments are numbers: how many there are. The others are kept by their name alone.
_COUNTS = {"setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setresuid": 3, "setresgid": 3, "setfsuid": 1,
           "setfsgid": 1, "setpriority": 3, "iopl": 1, "ptrace": 1, "setns": 2, "unshare": 1}  # fmt: skip
Decoded = tuple[str, tuple[bytes | int, ...]] | None
_Arguments = tuple[int, int, int, int, int, int]


def decode(name: str, arguments: _Arguments, memory: Memory) -> Decoded:
    """Return what a watched call means, or None where it is nothing to keep."""
    special = _DECODERS.get(name)
    if special is not None:
        return special(arguments, memory)
    if name in ("mount", "umount2", "chroot", "swapon", "delete_module"):
        return name, (memory.text(arguments[0]), *((memory.text(arguments[1]),) if name == "mount" else ()))
    if name == "reboot":
        return name, (arguments[2] & 0xFFFFFFFF,)
    return name, tuple(_signed(one) for one in arguments[: _COUNTS.get(name, 0)])


def _signed(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def _path(memory: Memory, folder: int, place: int) -> bytes:
    """Return a path as the program named it, from the root where its folder is known."""
    text = memory.text(place)
    if text.startswith(b"/"):
        return text
    try:
        at = "cwd" if _signed(folder) == _AT_FDCWD else f"fd/{folder & 0xFFFFFFFF}"
        base = os.readlink(f"/proc/{memory.pid}/{at}")  # noqa: PTH115 - of another process
    except OSError:
        return text
    return os.fsencode(base.rstrip("/")) + b"/" + text if base.startswith("/") else text


def _exec(path: bytes, vector: tuple[bytes, ...]) -> Decoded:
    return None if path.startswith(OWN.encode() + b"/") else ("exec", (path, *vector))


def _kill(number: int) -> Decoded:
    """Return a signal, not whom it means: two runs do not share that. Of a fault it is the emulator that dies of it."""
    return ("died" if number in _FAULTS else "kill"), (number,)


def _open(path: bytes, flags: int) -> Decoded:
    if path.startswith((OWN.encode() + b"/", b"/proc/self/", b"/sys/")) or not path:
        return None
    return ("write" if flags & _WRITES else "read"), (path,)


def _one(call: str, folder: int | None, place: int) -> Callable[[_Arguments, Memory], Decoded]:
    def decoder(arguments: _Arguments, memory: Memory) -> Decoded:
        base = _AT_FDCWD if folder is None else arguments[folder]
        return call, (_path(memory, base, arguments[place]),)

    return decoder


def _two(call: str, places: tuple[int | None, int, int | None, int]) -> Callable[[_Arguments, Memory], Decoded]:
    def decoder(arguments: _Arguments, memory: Memory) -> Decoded:
        first, second = (_AT_FDCWD if place is None else arguments[place] for place in (places[0], places[2]))
        return call, (_path(memory, first, arguments[places[1]]), _path(memory, second, arguments[places[3]]))

    return decoder


def _address(call: str) -> Callable[[_Arguments, Memory], Decoded]:
    return lambda arguments, memory: (call, memory.address(arguments[1], arguments[2]))


_DECODERS: dict[str, Callable[[_Arguments, Memory], Decoded]] = {
    "execve": lambda a, m: _exec(_path(m, _AT_FDCWD, a[0]), m.texts(a[1])),
    "execveat": lambda a, m: _exec(_path(m, a[0], a[1]), m.texts(a[2])),
    "open": lambda a, m: _open(_path(m, _AT_FDCWD, a[0]), a[1]),
    "openat": lambda a, m: _open(_path(m, a[0], a[1]), a[2]),
    "creat": lambda a, m: _open(_path(m, _AT_FDCWD, a[0]), _CREATED),
    "truncate": _one("write", None, 0),
    "unlink": _one("remove", None, 0),
    "unlinkat": _one("remove", 0, 1),
    "rmdir": _one("remove", None, 0),
    "mkdir": _one("make", None, 0),
    "mkdirat": _one("make", 0, 1),
    "mknod": _one("make", None, 0),
    "mknodat": _one("make", 0, 1),
    "chmod": _one("mode", None, 0),
    "fchmodat": _one("mode", 0, 1),
    "rename": _two("rename", (None, 0, None, 1)),
    "renameat": _two("rename", (0, 1, 2, 3)),
    "renameat2": _two("rename", (0, 1, 2, 3)),
    "link": _two("make", (None, 0, None, 1)),
    "linkat": _two("make", (0, 1, 2, 3)),
    "symlink": _two("make", (None, 0, None, 1)),
    "symlinkat": _two("make", (None, 0, 1, 2)),
    "bind": _address("bind"),
    "connect": _address("connect"),
    "listen": lambda a, m: ("listen", (a[1] & 0xFFFF,)),
    "kill": lambda a, m: _kill(_signed(a[1])),
    "tkill": lambda a, m: None,
}

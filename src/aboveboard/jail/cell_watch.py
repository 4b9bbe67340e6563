"""The watcher's side of a cell's filter: takes each stopped call, notes it, answers it (seccomp_unotify(2)).

Structures (linux/seccomp.h): seccomp_notif is id u64, pid u32, flags u32, then nr i32, arch u32, instruction u64 and six
arguments u64; seccomp_notif_resp is id u64, value s64, error s32, flags u32.
"""

from __future__ import annotations

import errno
import fcntl
import struct
from pathlib import Path

from aboveboard.jail import cell_rules
from aboveboard.jail.cell_events import Event, Memory, decode

_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_RECEIVE = 0xC0000000 | _NOTIFICATION.size << 16 | ord("!") << 8
_SEND = 0xC0000000 | _RESPONSE.size << 16 | ord("!") << 8 | 1
_CONTINUE = 1
_SKIPPED_SLEEPS = 8  # of one process: a wait after a failed login need not be waited for
_FAMILIES = frozenset({1, 2, 10, 16})  # unix, ip, ipv6, netlink; all others are refused and seen
_CREATED_CALLS = frozenset({"mknod", "mknodat"})
_FIFO, _SOCKET, _FORMAT = 0o010000, 0o140000, 0o170000


class Watch:
    """Notes the calls of all processes of a cell and answers them."""

    def __init__(self, limit: int) -> None:
        self.events: list[Event] = []
        self.overflow = False
        self.blind = False  # calls are seen, and not what they are about
        self.calls = 0  # answered, also those that are not kept
        self._limit = limit
        self._names = cell_rules.numbers()
        self._numbers: dict[int, int] = {}  # thread group -> number in the cell
        self._groups: dict[int, int] = {}  # thread -> thread group
        self._told: dict[int, dict[str, int]] = {}  # thread group -> who it was told it is
        self._slept: dict[int, int] = {}

    def take(self, descriptor: int) -> bool:
        """Take and answer one stopped call; return False where there was none after all."""
        raw = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(descriptor, _RECEIVE, raw)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # it was killed while it waited
                return False
            raise
        self.calls += 1
        identity, thread, _, number, _, _, *arguments = _NOTIFICATION.unpack(raw)
        value, refused, let = self._answer(self._names.get(number, "unknown"), thread, tuple(arguments))
        response = _RESPONSE.pack(identity, value, -refused, _CONTINUE if let else 0)
        try:
            fcntl.ioctl(descriptor, _SEND, response)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINPROGRESS):
                raise
        return True

    def note(self, process: int, call: str, arguments: tuple[bytes | int, ...], answer: str = "let") -> None:
        """Keep an event, up to the limit."""
        if len(self.events) >= self._limit:
            self.overflow = True
            return
        self.events.append(Event(len(self.events), process, call, arguments, answer))

    def _answer(self, name: str, thread: int, arguments: tuple[int, ...]) -> tuple[int, int, bool]:
        """Return value, error and whether the kernel does the call itself."""
        group = self._group(thread)
        memory = Memory(thread)
        if name in cell_rules.ANSWERED:
            return self._told_before(name, group, arguments, memory)
        found = decode(name, arguments, memory)  # type: ignore[arg-type] # six of them
        self.blind = self.blind or memory.denied
        answer = "faked" if name in cell_rules.FAKED else "refused" if name in cell_rules.REFUSED else "let"
        if name in _CREATED_CALLS and arguments[2 if name == "mknodat" else 1] & _FORMAT not in (
            0,
            _FIFO,
            _SOCKET,
            0o100000,
        ):
            answer = "refused"
        if found is not None:
            self.note(self._number(group), *found, answer)
        if answer == "faked":
            self._tell(name, group, arguments)
            return 0, 0, False
        return (0, errno.EPERM, False) if answer == "refused" else (0, 0, True)

    def _group(self, thread: int) -> int:
        """Return the thread group of a thread (proc(5), status); a new group takes over who its parent was told it is."""
        group = self._groups.get(thread)
        if group is None:
            parent = 0
            group = thread
            try:
                for line in Path(f"/proc/{thread}/status").read_text(encoding="ascii", errors="replace").splitlines():
                    if line.startswith("Tgid:"):
                        group = int(line.split()[1])
                    elif line.startswith("PPid:"):
                        parent = int(line.split()[1])
                        break
            except (OSError, ValueError):
                pass
            self._groups[thread] = group
            if group not in self._told and parent in self._told:
                self._told[group] = dict(self._told[parent])
        return group

    def _number(self, group: int) -> int:
        return self._numbers.setdefault(group, len(self._numbers) + 1)

    def _tell(self, name: str, group: int, arguments: tuple[int, ...]) -> None:
        """Remember who the program believes to be from now on (credentials(7))."""
        kinds = {
            "setuid": "uuu",
            "setgid": "ggg",
            "setreuid": "uu",
            "setregid": "gg",
            "setresuid": "uuu",
            "setresgid": "ggg",
        }
        which = kinds.get(name)
        if which is None:
            return
        told = self._told.setdefault(group, {})
        for place, part in enumerate(("r", "e", "s")[: len(which)]):
            value = arguments[0 if name in ("setuid", "setgid") else place] & 0xFFFFFFFF
            if value != 0xFFFFFFFF:
                told[part + which[0]] = value

    def _told_before(self, name: str, group: int, arguments: tuple[int, ...], memory: Memory) -> tuple[int, int, bool]:
        told = self._told.get(group, {})
        if name in ("getuid", "geteuid", "getgid", "getegid"):
            return told.get(("e" if name[3] == "e" else "r") + name[-3], 0), 0, False
        if name in ("getresuid", "getresgid"):
            return self._three(memory, arguments, [told.get(part + name[-3], 0) for part in "res"])
        if name in ("nanosleep", "clock_nanosleep"):
            self._slept[group] = self._slept.get(group, 0) + 1
            return 0, 0, self._slept[group] > _SKIPPED_SLEEPS
        family = arguments[0] & 0xFFFF
        if family not in _FAMILIES or (arguments[1] & 0xF == 3 and family != 16):
            self.note(self._number(group), "socket", (family, arguments[1] & 0xF), "refused")
            return 0, errno.EPERM if family == 17 or family in _FAMILIES else errno.EAFNOSUPPORT, False
        return 0, 0, True

    @staticmethod
    def _three(memory: Memory, places: tuple[int, ...], values: list[int]) -> tuple[int, int, bool]:
        try:
            with open(f"/proc/{memory.pid}/mem", "r+b", buffering=0) as there:  # noqa: PTH123 - memory, no file
                for place, value in zip(places, values, strict=False):
                    there.seek(place)
                    there.write(struct.pack("=I", value))
        except (OSError, OverflowError, ValueError):
            return 0, errno.EFAULT, False
        return 0, 0, False

"""Processes that are killed at their n-th call to the disk, disks that fail, and a drive that loses what was not flushed.

What a log must keep through all of it stands in `Seen`: everything that anybody could have read is remembered here,
and compared with the log as it goes on.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from aboveboard.pipelines import log, log_writing
from aboveboard.store.folder import FolderStore
from aboveboard.trust import journal, note
from aboveboard.trust.checkpoint import Checkpoint, check
from aboveboard.trust.entry import Entry
from aboveboard.trust.log import BEGUN, CHECKPOINT, HISTORY, bundles
from aboveboard.trust.merkle import check_consistency
from aboveboard.trust.note import LogKey
from aboveboard.trust.policy import Policy
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Tree
from tests.attacks.keys import LOG, NOW, ORIGIN, WITNESS

VERIFIER = LogKey(ORIGIN, LOG.public)
NOBODY = Policy(VERIFIER, (), {}, "none")
WHO = ("w.example/one", WITNESS)
_CALLS = ("open", "write", "fsync", "fdatasync", "replace", "mkdir", "unlink")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Call = Callable[..., Any]
Report = Callable[[int], object]  # told how many entries are durable
Work = Callable[[Report], object]


@contextmanager
def intercepted(do: Callable[[str, Call, tuple[Any, ...]], Any]) -> Iterator[None]:
    """Hand every call that changes a disk to `do`, with the real function; reading goes by."""
    kept: dict[str, Call] = {name: getattr(os, name) for name in _CALLS}

    def instead(name: str) -> Call:
        def called(*args: Any, **named: Any) -> Any:
            if name == "open" and not args[1] & _WRITING:
                return kept[name](*args, **named)
            return do(name, lambda *given: kept[name](*given, **named), args)

        return called

    for name in _CALLS:
        setattr(os, name, instead(name))
    try:
        yield
    finally:
        for name, call in kept.items():
            setattr(os, name, call)


def killed_at(number: int, *, torn: bool = False) -> Any:
    """Kill this process with SIGKILL at so many calls; a write that is torn has put half of its bytes down."""
    count = 0

    def do(name: str, call: Call, args: tuple[Any, ...]) -> Any:
        nonlocal count
        count += 1
        if count == number:
            if torn and name == "write":
                call(args[0], args[1][: len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args)

    return intercepted(do)


def failing_at(number: int, error: int, *, torn: bool = False) -> Any:
    """Let every call from this one on fail, as on a full disk; a write that is torn has put half of its bytes down."""
    count = 0

    def do(name: str, call: Call, args: tuple[Any, ...]) -> Any:
        nonlocal count
        count += 1
        if count < number or name == "unlink":
            return call(*args)
        if torn and count == number and name == "write":
            return call(args[0], args[1][: max(1, len(args[1]) // 2)])
        raise OSError(error, os.strerror(error))

    return intercepted(do)


def short_writes() -> Any:
    """Let each write put down a part of its bytes alone, as it may."""
    return intercepted(
        lambda name, call, args: call(args[0], args[1][: 1 + len(args[1]) // 3]) if name == "write" else call(*args)
    )


def in_child(work: Work, kill: Callable[[int], None] | None = None) -> tuple[list[int], int]:
    """Run work in a child; return what it reported and its exit code (below 0: the signal that ended it).

    `kill` is given the child's number to end it at a moment of its choice.
    """
    reader, writer = os.pipe()
    tell = os.write
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            work(lambda number: tell(writer, b"%d\n" % number))
            code = 0
        except BaseException:  # noqa: BLE001 - a child must not go on as a second test run
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    try:
        if kill is not None:
            kill(pid)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
    finally:
        _, status = os.waitpid(pid, 0)
    return [int(line) for line in said.split()], os.waitstatus_to_exitcode(status)


def entry(number: int) -> Entry:
    """Return the entry of a number."""
    return Entry("other", hashlib.sha256(b"%d" % number).hexdigest(), {"number": number})


def place(folder: Path, first: int, count: int = 1, *, batch: bool = False) -> int:
    """Add entries; return how many the log has then."""
    found = [(folder, entry(number)) for number in range(first, first + count)]
    return log_writing.place(folder, found, LOG, batch=batch)[-1].size


def add_until_killed(folder: Path, first: int, batch: int) -> Work:
    """Return work that adds entries by turns alone and in batches, and reports each."""

    def work(report: Report) -> None:
        number = first
        while True:
            report(place(folder, number))
            report(place(folder, number + 1, batch, batch=True))
            number += 1 + batch

    return work


class Seen:
    """Every checkpoint of a log that was on the disk at any time, in the journal or published, and who cosigned it."""

    def __init__(self) -> None:
        self.roots: dict[int, bytes] = {}
        self.lines: dict[int, set[note.Line]] = {}
        self.entries: dict[int, bytes] = {}  # of published states
        self.durable = 0

    def look(self, folder: Path, *, power_may_fail: bool = False) -> None:
        """Take what is there; two roots of one size are the end of trust.

        A power cut may take from the journal what nobody was shown yet, and from the history cosignatures that are not in
        the published checkpoint yet: these count where the machine alone went on.
        """
        store = FolderStore(folder)
        self._take(store.read(CHECKPOINT))
        for name in store.names(HISTORY):
            if name.isdigit():
                self._take(store.read(f"{HISTORY}/{name}"), lines=not power_may_fail)
        for record in journal.read(store.read(BEGUN) or b"") if not power_may_fail else ():
            self._take(record.note)

    def _take(self, data: bytes | None, *, lines: bool = True) -> None:
        try:
            state = check(data or b"", VERIFIER, ()).checkpoint
        except RefusedError:
            return  # not there, or cut
        assert self.roots.setdefault(state.size, state.root) == state.root, f"two trees of {state.size} entries"
        mine = {line for line in note.parse(data or b"").lines if line.name != ORIGIN and lines}
        self.lines.setdefault(state.size, set()).update(mine)

    def goes_on(self, folder: Path, state: Path | None = None) -> int:
        """Let the log go on, and hold it against all that was seen; return its size.

        Steps: 1 nothing signed is contradicted; 2 the next entry is added behind all that was reported durable; 3 the whole
        log is audited, and each state of its history; 4 all that was ever seen is a beginning of it; 5 each entry is there
        once it was published; 6 each published state is in the history with the cosignatures that it ever had; 7 a witness
        that cosigned before cosigns again.
        """
        self.look(folder)  # 1
        shown = self._published(folder)
        before = self.durable
        size = place(folder, 10**6 + before)  # 2
        assert size > before, f"{size} entries, and {before} were durable"
        self.look(folder)
        view = log.log_view(folder, NOBODY)  # 3
        assert (view.size, view.root) == (size, self.roots[size])
        tree = Tree(FolderStore(folder).read, size)
        for old, root in self.roots.items():  # 4
            assert old <= size
            check_consistency(old, size, root, view.root, tree.consistency(old))
        there = [one for bundle in bundles(FolderStore(folder).read, size) for one in bundle]
        for index, data in self.entries.items():  # 5
            assert there[index] == data
        self.entries = dict(enumerate(there))
        for old in {*shown, size}:  # 6
            state_then = FolderStore(folder).read(f"{HISTORY}/{old}")
            assert state_then is not None, f"the state of {old} entries was published, and is not in the history"
            kept = {(line.name, line.key_id) for line in note.parse(state_then).lines}
            assert {(line.name, line.key_id) for line in self.lines[old]} <= kept, f"a cosignature of {old} is lost"
        if state is not None:  # 7
            done = log_writing.witness(folder, VERIFIER, WHO, state, NOW + timedelta(days=1))
            assert done.state.size == size
            self.look(folder)
        self.durable = size
        return size

    @staticmethod
    def _published(folder: Path) -> set[int]:
        """Return the size that everybody can read, as far as there is one."""
        data = FolderStore(folder).read(CHECKPOINT)
        try:
            return {Checkpoint.parse(note.parse(data or b"").text).size}
        except RefusedError:
            return set()


class File:
    """The content of a file as processes see it, and what of it the drive has."""

    def __init__(self) -> None:
        self.data = self.durable = b""

    def sync(self) -> None:
        """Flush the content."""
        self.durable = self.data


class Folder:
    """The names in a folder as processes see them, and those that the drive has."""

    def __init__(self) -> None:
        self.names: dict[str, File | Folder] = {}
        self.durable: dict[str, File | Folder] = {}

    def sync(self) -> None:
        """Flush the names."""
        self.durable = dict(self.names)


class Stopped(BaseException):
    """The process is gone."""


class Drive:
    """Follows what is written below a folder, call by call, and knows what a power cut would leave.

    POSIX promises: a name that was not flushed by fsync of its folder may be the old one, the new one or none, and content
    that was not flushed by fsync of its file may be cut or absent under either.
    """

    def __init__(self, root: Path) -> None:
        self.root = root  # what lies above it is durable
        self._top = Folder()
        self._open: dict[int, File | Folder] = {}
        self._count = 0
        self._stops_at = 0

    def stops_at(self, number: int) -> None:
        """Let the process end before so many more calls are made; 0 for never."""
        self._count, self._stops_at = 0, number

    @contextmanager
    def on(self) -> Iterator[None]:
        """Follow the calls of this process."""
        opening = os.open

        def opened(path: Any, flags: int, mode: int = 0o777) -> int:
            if flags & _WRITING:
                self._step()
            descriptor = opening(path, flags, mode)
            self._opened(descriptor, Path(path), flags)
            return descriptor

        with intercepted(self._do):
            inner = os.open
            os.open = opened  # type: ignore[assignment]  # also what is opened to be flushed
            try:
                yield
            finally:
                os.open = inner

    def _opened(self, descriptor: int, path: Path, flags: int) -> None:
        if not path.is_relative_to(self.root):
            self._open.pop(descriptor, None)
            return
        if flags & _WRITING:
            folder = self._at(path.parent)
            assert isinstance(folder, Folder)
            file = folder.names.setdefault(path.name, File())
            assert isinstance(file, File)
            if flags & os.O_TRUNC:
                file.data = b""
            self._open[descriptor] = file
        elif flags & ~os.O_CLOEXEC == os.O_RDONLY:  # to be flushed
            self._open[descriptor] = self._at(path)

    def _at(self, path: Path) -> File | Folder:
        found: File | Folder = self._top
        for name in path.relative_to(self.root).parts:
            assert isinstance(found, Folder)
            found = found.names[name]
        return found

    def _step(self) -> None:
        self._count += 1
        if self._count == self._stops_at:
            raise Stopped

    def _do(self, name: str, call: Call, args: tuple[Any, ...]) -> Any:
        self._step()
        done = call(*args)
        if name == "write" and isinstance(file := self._open.get(args[0]), File):
            file.data += bytes(args[1][:done])
        elif name in ("fsync", "fdatasync") and args[0] in self._open:
            self._open[args[0]].sync()
        elif name == "replace":
            source, target = Path(args[0]), Path(args[1])
            moved, into = self._at(source.parent), self._at(target.parent)
            assert isinstance(moved, Folder)
            assert isinstance(into, Folder)
            into.names[target.name] = moved.names.pop(source.name)
        elif name in ("mkdir", "unlink"):
            path = Path(args[0])
            folder = self._at(path.parent)
            assert isinstance(folder, Folder)
            if name == "mkdir":
                folder.names[path.name] = Folder()
            else:
                del folder.names[path.name]
        return done

    def cut(self, into: Path, fate: Callable[[str], str]) -> None:
        """Write what a power cut leaves. `fate` is asked for each name and content: `new`, `old`, or `cut` for content."""
        self._left(self._top, into, fate)

    def _left(self, folder: Folder, into: Path, fate: Callable[[str], str]) -> None:
        into.mkdir(parents=True, exist_ok=True)
        for name in sorted({*folder.names, *folder.durable}):
            new, old = folder.names.get(name), folder.durable.get(name)
            node = new if new is old or fate("name") == "new" else old
            if isinstance(node, Folder):
                self._left(node, into / name, fate)
            elif node is not None:
                (into / name).write_bytes(_content(node, fate))


def _content(file: File, fate: Callable[[str], str]) -> bytes:
    if file.data == file.durable:
        return file.data
    chosen = fate("content")
    if chosen == "cut" and file.data.startswith(file.durable):  # what was added may have arrived in part
        return file.data[: (len(file.durable) + len(file.data)) // 2]
    return file.data if chosen == "new" else file.durable


def by_chance(seed: int) -> Callable[[str], str]:
    """Return a fate that is another for each name and content."""
    chance = random.Random(seed)
    return lambda what: chance.choice(("new", "old") if what == "name" else ("new", "old", "cut"))

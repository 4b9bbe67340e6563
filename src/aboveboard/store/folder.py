"""A folder as a store: files replaced whole or not at all, durable after `settle`, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from aboveboard.model.errors import InputError

MAX_FILE = 64 << 20  # bytes: more than a file of a log or a bundle has
_LOCK = ".lock"
_NEW = ".new"  # what a file is called until it is whole
_NAMED = os.O_CLOEXEC | os.O_NOFOLLOW


class FolderStore:
    """The files below a folder, by relative paths. Links are not followed at the last step."""

    def __init__(self, root: Path, *, limit: int = MAX_FILE) -> None:
        self.root = root
        self._limit = limit
        self._folders: set[str] = set()  # whose names are not durable yet
        self._above: set[str] = set()  # the same of what the folder itself stands in
        self._looked_above = False
        self._named: set[str] = set()  # folders that this store wrote into before
        self._lazy: dict[str, None] = {}  # files whose content is not durable yet

    def read(self, path: str) -> bytes | None:
        """Return the file, None where there is none; raises InputError for what is no file, or too large."""
        place = self._place(path)
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | _NAMED)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InputError(f"{place} cannot be read: {error.strerror}", hint="look at its kind and its owner") from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{place} is no file", hint="it is none of ours")
            data = _read(descriptor, self._limit + 1)
        except OSError as error:
            raise InputError(f"{place} cannot be read: {error.strerror}", hint="look at the disk") from error
        finally:
            os.close(descriptor)
        if len(data) > self._limit:
            raise InputError(f"{place} is larger than {self._limit} bytes", hint="it is none of ours")
        return data

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, in order; none where there is no such folder."""
        try:
            return sorted(os.listdir(self._place(folder)))  # noqa: PTH208 - names, and the place may be text
        except (FileNotFoundError, NotADirectoryError):
            return []

    def write(self, path: str, data: bytes, *, lazy: bool = False) -> None:
        """Replace the file, whole or not at all; a lazy one may be cut where the power goes before `settle`."""
        place = self._place(path)
        new = place + _NEW
        try:
            descriptor = self._open_new(new)
            try:
                _write(descriptor, data)
                if not lazy:  # before the name: else a power cut may leave the name with nothing behind it
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(new, place)  # noqa: PTH105 - text is quicker than paths, and a log writes much
        except OSError as error:
            with suppress(OSError):  # a full disk has better use for it
                os.unlink(new)  # noqa: PTH108
            raise _unwritten(place, error) from error
        self._name(os.path.dirname(place))  # noqa: PTH120
        if lazy:
            self._lazy[place] = None
        else:
            self._lazy.pop(place, None)

    def record(self, path: str, data: bytes) -> None:
        """Add to the end of a file, durable on return; a failure may leave a part of it, or all."""
        place = self._place(path)
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | _NAMED)
            try:
                _write(descriptor, data)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unwritten(place, error) from error

    def settle(self) -> None:
        """Return once all that was written outlives a power cut: first the content of files, then their names."""
        try:
            for place in [*self._lazy, *sorted(self._folders)]:
                _flush(place)
            for place in sorted(self._above):
                with suppress(PermissionError):  # a folder that may not be read is none that was made just now
                    _flush(place)
        except OSError as error:
            raise _unwritten(str(self.root), error) from error
        self._lazy.clear()
        self._folders.clear()
        self._above.clear()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other writer out; raises InputError where one is at work. A lock dies with its process."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if not self._looked_above:  # once: another process may have made the folder and died
                self._above, self._looked_above = _standing_in(self.root), True
            descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | _NAMED, 0o600)
        except OSError as error:
            raise _unwritten(str(self.root), error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(f"{self.root} is in use by another writer", hint="wait until it has ended") from error
            yield
        finally:
            os.close(descriptor)

    def _open_new(self, new: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NAMED
        try:
            return os.open(new, flags, 0o644)
        except FileNotFoundError:  # the first file in a folder
            Path(new).parent.mkdir(parents=True, exist_ok=True)
            return os.open(new, flags, 0o644)

    def _name(self, folder: str) -> None:
        """Note that a folder has names to settle; where this store is new to it, so have those above it.

        Another process may have made the folder and died, and its own name is not durable by that of a file in it.
        """
        self._folders.add(folder)
        while folder not in self._named and folder != str(self.root):
            self._named.add(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
            self._folders.add(folder)

    def _place(self, path: str) -> str:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\0" in path or not pure.parts:
            raise InputError(f"{path[:80]!r} leads out of its folder", hint="a path is relative and has no ..")
        return f"{self.root}/{pure}"


def _read(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(descriptor, min(limit, 1 << 20))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush(place: str) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _standing_in(folder: Path) -> set[str]:
    """Return the folders of the same file system that a folder stands in."""
    device = folder.stat().st_dev
    found: set[str] = set()
    for one in folder.resolve().parents:
        if one.stat().st_dev != device:
            break
        found.add(str(one))
    return found


def _unwritten(place: str, error: OSError) -> InputError:
    return InputError(f"{place} cannot be written: {error.strerror}", hint="make room, and run it again")

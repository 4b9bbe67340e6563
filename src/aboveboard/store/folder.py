"""A folder as a store: files replaced whole or not at all, durable after `settle`, one writer at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from aboveboard.model.errors import InputError

MAX_FILE = 64 << 20  # bytes: more than a file of a log or a bundle has
_LOCK = ".lock"
_NEW = ".new"  # what a file is called until it is whole


class FolderStore:
    """The files below a folder, by relative paths. Links are not followed at the last step."""

    def __init__(self, root: Path, *, limit: int = MAX_FILE) -> None:
        self.root = root
        self._limit = limit
        self._written: set[Path] = set()

    def read(self, path: str) -> bytes | None:
        """Return the file, None where there is none; raises InputError for what is no file, or too large."""
        place = self._place(path)
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InputError(f"{place} cannot be read: {error.strerror}", hint="look at its kind and its owner") from error
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(self._limit + 1)
        if len(data) > self._limit:
            raise InputError(f"{place} is larger than {self._limit} bytes", hint="it is none of ours")
        return data

    def write(self, path: str, data: bytes) -> None:
        """Replace the file, whole or not at all."""
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(place.name + _NEW)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # before the name: else a power cut may leave the name with nothing behind it
            new.replace(place)
        except OSError as error:
            raise InputError(f"{place} cannot be written: {error.strerror}", hint="make room, and run it again") from error
        # the folders above as well: the first file in a folder makes its name
        self._written |= {folder for folder in place.parents if folder.is_relative_to(self.root)}

    def settle(self) -> None:
        """Return once the names of all files that were written outlive a power cut; their content did before."""
        for folder in sorted(self._written):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._written.clear()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other writer out; raises InputError where one is at work. A lock dies with its process."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(f"{self.root} is in use by another writer", hint="wait until it has ended") from error
            yield
        finally:
            os.close(descriptor)

    def _place(self, path: str) -> Path:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\0" in path or not pure.parts:
            raise InputError(f"{path[:80]!r} leads out of its folder", hint="a path is relative and has no ..")
        return self.root.joinpath(*pure.parts)

"""Blobs by digest, in a plain folder; written whole or not at all, checked when they come from a shared cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from aboveboard.model.errors import InputError
from aboveboard.store.files import open_regular, put_in_place, read_regular, scratch, whole

_HELD = 1 << 20  # bytes of a blob under way that stay in memory


class BlobStore:
    """A folder of blobs, each named by its SHA-256. Writing is atomic, so two runs may share one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: set[str] = set()

    def put(self, data: bytes) -> str:
        """Keep `data` and return its digest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if digest not in self._known:
            self._write(self._path(digest), data)
            self._known.add(digest)
        return digest

    def writer(self) -> BlobWriter:
        """Return something that takes blobs in parts."""
        return BlobWriter(self)

    def put_file(self, path: Path, *, limit: int) -> tuple[str, int]:
        """Keep the content of a file without holding it in memory; return its digest and size.

        Raises InputError where the file cannot be read, and OSError where the store cannot be written.
        """
        with _reading(path):
            size, source = path.stat().st_size, path.open("rb")
        hasher, copied = hashlib.sha256(), 0
        with source, whole(self.root) as target:
            if size > limit:
                raise InputError(f"{path} has {size} bytes", hint=f"at most {limit} are taken")
            while True:
                with _reading(path):
                    part = source.read(1 << 20)
                if not part or copied + len(part) > limit:
                    break  # it may grow while it is read: the digest below is of what was taken
                copied += len(part)
                hasher.update(part)
                target.write(part)
        digest = "sha256:" + hasher.hexdigest()
        self._adopt(target.name, digest)
        return digest, copied

    def get(self, digest: str) -> bytes:
        """Return the blob; raises KeyError where it is not there or is not what its name says."""
        data = read_regular(self._path(digest))
        if data is None or "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise KeyError(digest)
        return data

    def has(self, digest: str) -> bool:
        """Tell whether the blob is there, whole; one that is not what its name says is replaced when it is written."""
        if digest in self._known:
            return True
        descriptor = self.open(digest)
        if descriptor is None:
            return False
        try:
            with os.fdopen(descriptor, "rb") as file:
                found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return False
        if found == digest:
            self._known.add(digest)
        return found == digest

    def open(self, digest: str) -> int | None:
        """Return a read-only descriptor of the blob, or None."""
        try:
            return open_regular(self._path(digest))
        except KeyError:
            return None

    def size(self, digest: str) -> int:
        """Return how many bytes the blob has; 0 where it is not there."""
        try:
            return max(0, _size(self._path(digest)))
        except KeyError:
            return 0

    def head(self, digest: str, size: int) -> bytes:
        """Return the first bytes of the blob."""
        descriptor = self.open(digest)
        if descriptor is None:
            return b""
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)

    def _path(self, digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        if algorithm != "sha256" or len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise KeyError(digest)
        return self.root / name[:2] / name[2:]

    def _write(self, path: Path, data: bytes) -> None:
        """Write the blob, unless it is there already: by its content, not its name and size alone."""
        if _size(path) == len(data) and read_regular(path) == data:
            return
        with whole(path.parent) as target:
            target.write(data)
        put_in_place(target.name, path)

    def _adopt(self, name: str, digest: str) -> None:
        """Give a file that was written in this folder its name."""
        put_in_place(name, self._path(digest))
        self._known.add(digest)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", hint="see that it is there and yours to read"
        ) from error


def _size(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


class BlobWriter:
    """Takes blobs one after the other, each in parts; a large one goes to the disk as it comes."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._held = bytearray()
        self._file: IO[bytes] | None = None
        self._hasher = hashlib.sha256()

    def write(self, part: bytes) -> None:
        """Take the next part."""
        self._held += part
        if len(self._held) > _HELD:
            self._flush()

    def commit(self) -> None:
        """Keep the blob."""
        if self._file is None:
            self._store.put(bytes(self._held))
        else:
            self._flush()
            self._file.close()  # where this fails, `drop` removes it
            file, self._file = self._file, None
            self._store._adopt(file.name, "sha256:" + self._hasher.hexdigest())
        self._reset()

    def drop(self) -> None:
        """Forget what came of a blob."""
        file, self._file = self._file, None
        self._reset()
        if file is not None:
            with contextlib.suppress(OSError):  # what could not be written is not wanted any more
                file.close()
            Path(file.name).unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._file is None:
            self._file = scratch(self._store.root)  # closed by commit or drop
        self._hasher.update(self._held)
        self._file.write(self._held)
        self._held.clear()

    def _reset(self) -> None:
        self._held.clear()
        self._hasher = hashlib.sha256()

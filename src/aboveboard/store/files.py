"""Files of a cache: written whole or not at all, and read only where they are files. A cache may be foreign.

Nothing is flushed to the disk with fsync: a power loss may leave files that are cut, and so whoever reads one checks its
content, against a digest or a seal, as it must for a foreign cache anyway.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PREFIX = "tmp-aboveboard-"
_STALE = 24 * 3600  # seconds: no run takes that long
_LEVELS = 3  # folders below the root of a cache: kind, first digits of the name


def open_regular(path: Path) -> int | None:
    """Return a read-only descriptor of a regular file, or None: no link is followed, and no pipe waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def read_regular(path: Path) -> bytes | None:
    """Return the content of a regular file, or None."""
    descriptor = open_regular(path)
    if descriptor is None:
        return None
    try:
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
    except OSError:
        return None


def scratch(folder: Path) -> IO[bytes]:
    """Return a new file below `folder` for the caller to write, close, and then `put_in_place` or remove."""
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX, delete=False)


@contextmanager
def whole(folder: Path) -> Iterator[IO[bytes]]:
    """Give a new file below `folder`; it is closed afterwards, and removed where anything is raised."""
    file = scratch(folder)
    try:
        with file:
            yield file
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise


def put_in_place(name: str, final: Path) -> None:
    """Give a file that was written in the cache its name, whatever stands there; removed where that fails."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.is_dir() and not final.is_symlink():  # a file cannot replace it
            shutil.rmtree(final)
        Path(name).replace(final)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def remove_stale(root: Path) -> None:
    """Remove what runs that were killed left half-written below `root`, more than a day ago. No link is followed."""
    before = time.time() - _STALE
    level = [root]
    for _ in range(_LEVELS):
        below: list[Path] = []
        for folder in level:
            with contextlib.suppress(OSError), os.scandir(folder) as items:
                for item in items:
                    with contextlib.suppress(OSError):
                        if item.is_dir(follow_symlinks=False):
                            below.append(Path(item.path))
                        elif item.name.startswith("tmp") and item.stat(follow_symlinks=False).st_mtime < before:
                            Path(item.path).unlink()
        level = below

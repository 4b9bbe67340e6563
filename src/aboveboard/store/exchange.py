"""Replaces single files that several commands may change at once: whole or not at all, and no change is lost.

Whoever changes a file says what it read before. Where another command has been quicker, nothing is written: two canaries
of one number, or one signature in the place of two, would be worse than an error. What is written is durable on return.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aboveboard.model.errors import InputError

_NAMED = os.O_CLOEXEC | os.O_NOFOLLOW
_TRIES, _PAUSE = 200, 0.05  # seconds: a lock is held for one write


def exchange(path: Path, before: bytes | None, data: bytes) -> None:
    """Put a file in the place of the one that was read before, None where there was none.

    Raises InputError where another one stands there by now, where the file is a link, or cannot be written.
    """
    with _alone(path):
        if _content(path, None if before is None else len(before)) != before:
            if before is None:
                raise InputError(f"{path} is there already", hint="name another file, or remove it first")
            raise InputError(f"{path} changed meanwhile", hint="see what was added, then run it again")
        _put(path, data)


def put(path: Path, data: bytes) -> None:
    """Write a file whole, whatever stands there; raises InputError."""
    with _alone(path):
        _put(path, data)


def one_more(before: bytes | None, line: bytes) -> bytes:
    """Return a file of lines with one more; those before it stay as they are, byte for byte."""
    kept = before or b""
    return kept + (b"" if not kept or kept.endswith(b"\n") else b"\n") + line + b"\n"


def _content(path: Path, size: int | None) -> bytes | None:
    """Return the file as far as it can be the same, None where there is none; a link is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NAMED)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise InputError(f"{path} is a link", hint="name the file itself: it is replaced as a whole") from error
        raise _unwritten(path, error) from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{path} is no file", hint="name another one")
        return file.read(1 if size is None else size + 1)


def _put(path: Path, data: bytes) -> None:
    """Write under a name of its own, which nobody else can have made, and then give it the name."""
    new = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NAMED, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with suppress(FileNotFoundError):  # what only its owner may read stays so
                    os.fchmod(descriptor, stat.S_IMODE(path.lstat().st_mode) & 0o666)
                file.write(data)
                file.flush()
                os.fsync(descriptor)  # before the name: else a power cut may leave the name with nothing behind it
            new.replace(path)
        except BaseException:
            with suppress(OSError):  # a full disk has better use for it
                new.unlink()
            raise
        _flush(path.parent)
    except OSError as error:
        raise _unwritten(path, error) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep every other command out for one write, by a lock beside the file that is gone afterwards and dies with us."""
    lock = path.with_name(f".{path.name[:100]}.lock")
    descriptor = -1
    try:
        _make_folder(path.parent)
        for _ in range(_TRIES):
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | _NAMED, 0o600)
            if _locked(descriptor, lock):
                break
            os.close(descriptor)
            descriptor = -1
            time.sleep(_PAUSE)
        else:
            raise InputError(f"{path} is in use by another command", hint="wait until it has ended")
    except OSError as error:
        raise _unwritten(path, error) from error
    try:
        yield
    finally:
        with suppress(OSError):  # while it is held, so that nobody waits for a lock that has no name any more
            lock.unlink()
        os.close(descriptor)


def _locked(descriptor: int, lock: Path) -> bool:
    """Tell whether the lock is ours, and still the one that others find by its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here, named = os.fstat(descriptor), lock.lstat()
    except (BlockingIOError, FileNotFoundError):
        return False
    return (here.st_dev, here.st_ino) == (named.st_dev, named.st_ino)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        _flush(one.parent)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritten(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror}", hint="make room, or name another place")

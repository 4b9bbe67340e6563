"""Reads and writes a bundle: a folder, or a tar file, of plain files under plain names. What is read may be hostile."""

from __future__ import annotations

import io
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO

from aboveboard.model.errors import InputError
from aboveboard.store.files import open_regular
from aboveboard.trust.refusal import RefusedError

MAX_FILES = 1000
MAX_FILE = 256 << 20  # bytes
MAX_TOTAL = 1 << 29  # bytes of all files: they are held in memory
MAX_DEPTH = 4
BLOCK, MAGIC = 512, 257  # bytes of a header, and where in it "ustar" stands (POSIX ustar)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}(?:/[a-z0-9][a-z0-9_.-]{0,99}){0,3}", re.ASCII)


Named = tuple[str, int, Callable[[], bytes]]  # a file: its name, its size, and how it is read


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or a tar file by their names; raises InputError or RefusedError.

    No link is followed, nothing is written, and a name has no part that leads elsewhere: what has another form is
    refused before anything of it is looked at.
    """
    if path.is_dir():  # all sizes first: files of holes take no room on the disk, and all of it in memory
        return {name: content() for name, _, content in list(_bounded(_folder(path)))}
    if path.is_file():
        return {name: content() for name, _, content in _bounded(_tar(path))}
    raise InputError(f"there is no bundle {path}", hint="give the folder or the tar file that `seal` wrote")


def _bounded(listed: Iterable[Named]) -> Iterator[Named]:
    """Yield what is there, as long as it is neither too much nor there twice; raises RefusedError."""
    seen: set[str] = set()
    total = 0
    for name, size, content in listed:
        if name in seen:
            raise RefusedError("bundle-path", f"{name} is there twice")
        seen.add(name)
        total += size
        if size > MAX_FILE:
            raise RefusedError("too-large", f"{name} has more than {MAX_FILE} bytes")
        if len(seen) > MAX_FILES or total > MAX_TOTAL:
            raise RefusedError("too-large", f"more than {MAX_FILES} files or {MAX_TOTAL} bytes")
        yield name, size, content


def checked(name: str) -> str:
    """Return a name; raises RefusedError for one that a bundle does not have."""
    if _NAME.fullmatch(name) is None or ".." in name:
        raise RefusedError("bundle-path", f"{name[:120]!r} is no name of a file in a bundle")
    return name


def _folder(root: Path) -> Iterator[Named]:
    pending = [(root, "")]
    seen = 0
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as listed:
                items = sorted(listed, key=lambda item: item.name)
        except OSError as error:
            raise InputError(f"{folder} cannot be read: {error.strerror}", hint="look at its owner and mode") from error
        for item in items:
            seen += 1
            if seen > 2 * MAX_FILES:
                raise RefusedError("too-large", f"more than {MAX_FILES} files")
            name = f"{prefix}{item.name}"
            if item.is_symlink():
                raise RefusedError("bundle-path", f"{name[:120]!r} is a link: a bundle holds plain files")
            if item.is_dir(follow_symlinks=False):
                if prefix.count("/") >= MAX_DEPTH:
                    raise RefusedError("bundle-path", f"{name[:120]!r} lies too deep")
                pending.append((Path(item.path), f"{name}/"))
            else:
                yield checked(name), item.stat(follow_symlinks=False).st_size, partial(_content, Path(item.path), name)


def _content(path: Path, name: str) -> bytes:
    """Return a file; raises RefusedError for one that is no file, or changes while it is read."""
    descriptor = open_regular(path)
    if descriptor is None:
        raise RefusedError("bundle-path", f"{name[:120]!r} is no plain file, or cannot be read")
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        data = file.read(min(size, MAX_FILE) + 1)
    if len(data) > min(size, MAX_FILE):
        raise RefusedError("too-large", f"{name} grows, or has more than {MAX_FILE} bytes")
    return data


def _tar(path: Path) -> Iterator[Named]:
    """Read a tar file that is not compressed (POSIX ustar). Nothing is extracted; only plain files are taken."""
    descriptor = open_regular(path)
    if descriptor is None:
        raise InputError(f"{path} cannot be read", hint="give the tar file that `seal` wrote")
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_TOTAL + (MAX_FILES << 10):
            raise RefusedError("too-large", f"a tar file of more than {MAX_TOTAL} bytes")
        if file.read(BLOCK)[MAGIC:][:5] != b"ustar":
            raise InputError(
                f"{path} is no tar file, and no folder", hint="give the folder or the tar file that `seal` wrote"
            )
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                while (member := archive.next()) is not None:
                    archive.members = []  # type: ignore[attr-defined]  # each is read once, and hostile ones are many
                    yield _member(archive, member)
                _nothing_behind(archive, file)
        except (tarfile.TarError, ValueError, EOFError, OSError, OverflowError, RecursionError) as error:
            raise RefusedError("not-tar", f"{path.name} is no tar file of a bundle: {error}"[:200]) from error


def _nothing_behind(archive: tarfile.TarFile, file: IO[bytes]) -> None:
    """Raise RefusedError where something stands behind the end: other readers may go on there."""
    file.seek(archive.offset)  # where the header was sought that ends it
    while part := file.read(1 << 20):
        if part.strip(b"\0"):
            raise RefusedError("not-tar", "something stands behind the end of the tar file")


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Named:
    if member.type != tarfile.REGTYPE or member.pax_headers or member.issparse():
        raise RefusedError("bundle-path", f"{member.name[:120]!r} is no plain file")
    return checked(member.name), member.size, partial(_part, archive, member)


def _part(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        opened = archive.extractfile(member)
        data = b"" if opened is None else opened.read(MAX_FILE + 1)
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        raise RefusedError("not-tar", f"{member.name[:120]!r} cannot be read: {error}"[:200]) from error
    if len(data) != member.size:
        raise RefusedError("not-tar", f"{member.name[:120]!r} is cut")
    return data


def write(files: Mapping[str, bytes], out: Path, *, tar: bool = False) -> None:
    """Write a bundle under a name that is free, whole or not at all; the same files give the same tar file."""
    for name in files:
        checked(name)
    if out.exists() or out.is_symlink():
        raise InputError(f"{out} is there already", hint="a sealed bundle is never overwritten: name another place")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
            made = Path(scratch) / "made"
            if tar:
                _durable(made, _archive(files))
            else:
                made.mkdir(mode=0o755)
                for name, data in files.items():
                    place = made / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _durable(place, data)
            made.rename(out)
        inside = set() if tar else {out, *((out / name).parent for name in files)}
        for folder in (*sorted(inside), out.parent):  # the names, which outlive a power cut only so
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}", hint="make room, or name another place") from error


def _durable(place: Path, data: bytes) -> None:
    with place.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _archive(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()

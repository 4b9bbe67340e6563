"""Opens one chunk: readers of our own where there are (they keep modes, owners, devices), unblob's extractors else."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from unblob.models import ExtractError

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import cpio, streams
from aboveboard.readers.jffs2 import Jffs2
from aboveboard.readers.squashfs import SquashFs
from aboveboard.readers.squashfs_codec import BlockError
from aboveboard.readers.streams import StreamError, StreamTooLargeError
from aboveboard.readers.ubi import volumes
from aboveboard.readers.ubifs import UbiFs
from aboveboard.subjects.bounds import MAX_ENTRIES, MAX_STREAM
from aboveboard.subjects.chunks import Bytes, Chunk

_PART = 1 << 20  # bytes of a part of a member
_SQUASHFS = frozenset({"squashfs_v4_le", "squashfs_v4_be"})
_JFFS2 = frozenset({"jffs2_new", "jffs2_old"})
_CPIO = frozenset({"cpio_portable_ascii", "cpio_portable_ascii_crc"})

# An entry without digest, and its content where it has one: whole, or in parts that raise StreamError where it is damaged.
Content = tuple[Entry, bytes | Iterator[bytes] | None]


class _Budget:
    """Counts the bytes that come out of one chunk."""

    def __init__(self, name: str) -> None:
        self.left = MAX_STREAM
        self._name = name

    def count(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """Hand the parts on while they are within the bound."""
        for part in parts:
            self.left -= len(part)
            if self.left < 0:
                raise StreamTooLargeError(f"{self._name}: holds more than {MAX_STREAM} bytes")
            yield part


def open_chunk(chunk: Chunk, data: Bytes, gaps: list[Gap]) -> Iterator[Content]:
    """Yield what the chunk holds, up to a bound; what cannot be opened goes into `gaps`."""
    budget = _Budget(chunk.name)
    for count, (entry, content) in enumerate(_open(chunk, data, gaps)):
        if isinstance(content, bytes | bytearray):
            budget.left -= len(content)
        if budget.left < 0 or count >= MAX_ENTRIES:
            text = f"{chunk.name}: holds more than {MAX_STREAM} bytes or {MAX_ENTRIES} entries; the rest was not opened"
            gaps.append(Gap(Cause.LIMIT, Where(path=entry.path), text))
            return
        yield entry, budget.count(content) if isinstance(content, Iterator) else content


def _open(chunk: Chunk, data: Bytes, gaps: list[Gap]) -> Iterator[Content]:
    if chunk.encrypted:
        gaps.append(Gap(Cause.ENCRYPTED, Where(offset=chunk.start), f"{chunk.name}: encrypted"))
        return
    piece = memoryview(data)[chunk.start : chunk.end]
    if chunk.name in _SQUASHFS:
        yield from _squashfs(piece, gaps)
    elif chunk.name in _JFFS2:
        jffs2 = Jffs2(bytes(piece))
        yield from jffs2.walk()
        gaps += jffs2.gaps
    elif chunk.name == "ubifs":
        ubifs = UbiFs(bytes(piece))
        yield from ubifs.walk()
        gaps += ubifs.gaps
    elif chunk.name == "ubi":
        for volume in volumes(bytes(piece), gaps):
            yield Entry(f"/{volume.number}.{volume.name}", EntryType.FILE, size=len(volume.content)), volume.content
    elif chunk.name in _CPIO:
        for member in cpio.members(piece, gaps, limit=MAX_ENTRIES):
            yield member.entry, member.content if member.entry.type is EntryType.FILE else None
    elif chunk.name in streams.KINDS:
        yield Entry("/", EntryType.FILE), streams.parts(chunk.name, piece, MAX_STREAM)
    elif chunk.name == "tar":
        yield from _guarded(_tar, piece, "tar", gaps)
    elif chunk.name == "zip":
        yield from _guarded(_zip, piece, "zip", gaps)
    else:
        yield from _extracted(chunk, piece, gaps)


def _squashfs(piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    try:
        system = SquashFs(piece)
    except BlockError as error:
        gaps.append(Gap(Cause.DAMAGED, Where(), f"squashfs: {error}"))
        return
    yield from system.walk()
    gaps += system.gaps


class _View(io.RawIOBase):
    """A piece of an image as a file, not copied."""

    def __init__(self, view: memoryview) -> None:
        super().__init__()
        self._view = view
        self._at = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read as much as there is room for."""
        part = self._view[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def _parts(handle: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        while part := handle.read(_PART):
            yield part
    except Exception as error:  # the libraries raise whatever they meet on a damaged archive
        raise StreamError(f"{name}: {type(error).__name__}: {error}"[:200]) from error


def _content(handle: IO[bytes], size: int, name: str) -> bytes | Iterator[bytes]:
    """Return the content of a member: at once where it is said to be small, for it may lie."""
    return handle.read(_PART) if size < _PART else _parts(handle, name)


def _guarded(
    reader: Callable[[memoryview, list[Gap]], Iterator[Content]], piece: memoryview, name: str, gaps: list[Gap]
) -> Iterator[Content]:
    """Keep what a library gave before it stumbled."""
    try:
        yield from reader(piece, gaps)
    except Exception as error:  # noqa: BLE001 - the libraries raise whatever they meet on a damaged archive
        gaps.append(Gap(Cause.DAMAGED, Where(), f"{name}: {type(error).__name__}: {error}"[:200]))


_TAR_TYPES = {
    tarfile.REGTYPE: EntryType.FILE,
    tarfile.AREGTYPE: EntryType.FILE,
    tarfile.CONTTYPE: EntryType.FILE,
    tarfile.GNUTYPE_SPARSE: EntryType.FILE,
    tarfile.DIRTYPE: EntryType.DIRECTORY,
    tarfile.SYMTYPE: EntryType.SYMLINK,
    tarfile.CHRTYPE: EntryType.CHARACTER,
    tarfile.BLKTYPE: EntryType.BLOCK,
    tarfile.FIFOTYPE: EntryType.FIFO,
}


def _tar(piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    kept: dict[str, tuple[Entry, tarfile.TarInfo]] = {}
    with tarfile.open(fileobj=io.BufferedReader(_View(piece)), mode="r:", errors="surrogateescape") as archive:
        for member in archive:
            path, left = cpio.normal_path(member.name.encode("utf-8", "surrogateescape"))
            if left:
                gaps.append(Gap(Cause.DAMAGED, Where(path=path), "tar: the name leaves the tree"))
            if member.islnk():
                source, _ = cpio.normal_path(member.linkname.encode("utf-8", "surrogateescape"))
                if source in kept:
                    entry, first = kept[source]
                    yield replace(entry, path=path), _member(archive, first)
                continue
            kind = _TAR_TYPES.get(member.type)
            if kind is None or path == "/":
                continue
            entry = Entry(
                path=path,
                type=kind,
                mode=member.mode & 0o7777,
                uid=member.uid,
                gid=member.gid,
                size=member.size if kind is EntryType.FILE else 0,
                target=show(member.linkname.encode("utf-8", "surrogateescape")) if kind is EntryType.SYMLINK else "",
                device=(member.devmajor, member.devminor) if member.isdev() and not member.isfifo() else None,
            )
            if kind is EntryType.FILE:
                kept[path] = (entry, member)
            yield entry, _member(archive, member) if kind is EntryType.FILE else None


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | Iterator[bytes]:
    handle = archive.extractfile(member)
    assert handle is not None  # it is a regular file
    return _content(handle, member.size, "tar")


def _zip(piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    with zipfile.ZipFile(io.BufferedReader(_View(piece))) as archive:
        for member in archive.infolist():
            path, left = cpio.normal_path(member.filename.encode("utf-8", "surrogateescape"))
            if left:
                gaps.append(Gap(Cause.DAMAGED, Where(path=path), "zip: the name leaves the tree"))
            mode = member.external_attr >> 16
            if path == "/":
                continue
            if member.is_dir():
                yield Entry(path, EntryType.DIRECTORY, mode=stat.S_IMODE(mode) if mode else None), None
                continue
            if member.flag_bits & 1:
                gaps.append(Gap(Cause.ENCRYPTED, Where(path=path), "zip: the member is encrypted"))
                yield Entry(path, EntryType.FILE, size=member.file_size), None
                continue
            if stat.S_ISLNK(mode):
                with archive.open(member) as handle:
                    yield Entry(path, EntryType.SYMLINK, target=show(handle.read(4096))), None
                continue
            entry = Entry(path, EntryType.FILE, mode=stat.S_IMODE(mode) if mode else None, size=member.file_size)
            yield entry, _content(archive.open(member), member.file_size, "zip")


def _extracted(chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    """Let unblob's extractor fill a folder of the jail, and read it back without following anything."""
    handler = chunk.handler
    if handler.EXTRACTOR is None:
        gaps.append(Gap(Cause.UNSUPPORTED, Where(offset=chunk.start), f"{chunk.name}: nothing opens it here"))
        return
    wanting = [tool for tool in handler.EXTRACTOR.get_dependencies() if shutil.which(tool) is None]
    if wanting:
        gaps.append(Gap(Cause.NO_TOOL, Where(offset=chunk.start), f"{chunk.name}: needs {', '.join(wanting)}"))
        return
    source, folder = Path("chunk"), Path("extracted")
    source.write_bytes(piece)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        handler.extract(source.absolute(), folder.absolute())
    except ExtractError as error:
        said = "; ".join(str(getattr(report, "stderr", report)) for report in error.reports)
        gaps.append(Gap(Cause.DAMAGED, Where(offset=chunk.start), f"{chunk.name}: the extractor failed: {said}"[:300]))
    except Exception as error:  # noqa: BLE001 - extractors raise what they like; what they wrote before is kept
        text = f"{chunk.name}: {type(error).__name__}: {error}"[:300]
        gaps.append(Gap(Cause.DAMAGED, Where(offset=chunk.start), text))
    finally:
        source.unlink(missing_ok=True)
    yield from _read_back(folder, chunk.name, gaps)
    shutil.rmtree(folder, ignore_errors=True)


def _read_back(folder: Path, chunk_name: str, gaps: list[Gap]) -> Iterator[Content]:
    if not folder.is_dir():
        return
    pending, count = [os.fsencode(folder)], 0
    root = len(os.fsencode(folder))
    while pending:
        here = pending.pop()
        for item in sorted(os.scandir(here), key=lambda entry: entry.name):
            count += 1
            if count > MAX_ENTRIES:
                gaps.append(Gap(Cause.LIMIT, Where(), f"more than {MAX_ENTRIES} entries"))
                return
            path, status = show(item.path[root:]), item.stat(follow_symlinks=False)
            mode = stat.S_IMODE(status.st_mode)
            if item.is_symlink():
                yield Entry(path, EntryType.SYMLINK, target=show(os.readlink(item.path))), None  # noqa: PTH115 - names are bytes
            elif item.is_dir(follow_symlinks=False):
                pending.append(item.path)
                yield Entry(path, EntryType.DIRECTORY, mode=mode), None
            elif item.is_file(follow_symlinks=False):
                entry = Entry(path, EntryType.FILE, mode=mode, size=status.st_size)
                with Path(os.fsdecode(item.path)).open("rb") as handle:
                    yield entry, _content(handle, status.st_size, chunk_name)

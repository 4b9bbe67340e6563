"""Tar and zip, read where they lie by the standard library; large members come in parts."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import cpio
from aboveboard.readers.streams import StreamError

PART = 1 << 20  # bytes of a part of a member

# An entry without digest, and its content where it has one: whole, or in parts that raise StreamError where it is damaged.
Content = tuple[Entry, bytes | Iterator[bytes] | None]


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
        while part := handle.read(PART):
            yield part
    except Exception as error:  # the libraries raise whatever they meet on a damaged archive
        raise StreamError(f"{name}: {type(error).__name__}: {error}"[:200]) from error


def content(handle: IO[bytes], size: int, name: str) -> bytes | Iterator[bytes]:
    """Return the content of a member: at once where it is said to be small, for it may lie."""
    return handle.read(PART) if size < PART else _parts(handle, name)


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


def tar(piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    """Yield the members of a tar archive (POSIX.1-2017, pax, and GNU's forms); raises what the library raises."""
    kept: dict[str, tuple[Entry, tarfile.TarInfo]] = {}
    early: list[tuple[str, str]] = []  # hard links to what has not come yet
    with tarfile.open(fileobj=io.BufferedReader(_View(piece)), mode="r:", errors="surrogateescape") as archive:
        for member in archive:
            path, left = cpio.normal_path(member.name.encode("utf-8", "surrogateescape"))
            if left:
                gaps.append(Gap(Cause.DAMAGED, Where(path=path), "tar: the name leaves the tree"))
            if path == "/":
                if not member.isdir():
                    gaps.append(Gap(Cause.DAMAGED, Where(path=path), "tar: a member that has no name"))
                continue
            if member.islnk():
                source, _ = cpio.normal_path(member.linkname.encode("utf-8", "surrogateescape"))
                if source not in kept:
                    early.append((path, source))
                    continue
                kept[path] = (replace(kept[source][0], path=path), kept[source][1])
            else:
                kept[path] = (_tar_entry(member, path), member)
            entry, first = kept[path]
            yield entry, _member(archive, first) if entry.type is EntryType.FILE else None
        for path, source in early:
            if path in kept:  # it was written over
                gaps.append(Gap(Cause.DAMAGED, Where(path=path), "tar: a hard link to what is not there"))
                continue
            yield _linked_late(archive, path, kept.get(source), gaps)
        if any(piece[archive.offset : archive.offset + tarfile.BLOCKSIZE]):  # the library ends without a word
            raise tarfile.ReadError(f"no header at byte {archive.offset}")


def _linked_late(
    archive: tarfile.TarFile, path: str, source: tuple[Entry, tarfile.TarInfo] | None, gaps: list[Gap]
) -> Content:
    """Return a hard link whose target stands behind it: no tool makes such a one, and what it holds is told apart."""
    text = "tar: a hard link to what comes later" if source else "tar: a hard link to what is not there"
    gaps.append(Gap(Cause.DAMAGED, Where(path=path), text))
    if source is None:
        return Entry(path, EntryType.FILE), None
    entry, member = source
    return replace(entry, path=path), _member(archive, member) if entry.type is EntryType.FILE else None


def _tar_entry(member: tarfile.TarInfo, path: str) -> Entry:
    kind = _TAR_TYPES.get(member.type, EntryType.FILE)  # what is not known is a regular file (POSIX.1-2017, pax)
    return Entry(
        path=path,
        type=kind,
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        size=member.size if kind is EntryType.FILE else 0,
        target=show(member.linkname.encode("utf-8", "surrogateescape")) if kind is EntryType.SYMLINK else "",
        device=(member.devmajor, member.devminor) if member.isdev() and not member.isfifo() else None,
    )


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | Iterator[bytes]:
    handle = archive.extractfile(member)
    assert handle is not None  # it is a regular file
    return content(handle, member.size, "tar")


def zipped(piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    """Yield the members of a zip archive (PKWARE APPNOTE 6.3.10); raises what the library raises of the archive."""
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
            yield _zip_member(archive, member, path, gaps)


def _zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, gaps: list[Gap]) -> Content:
    """Return one member: where it cannot be read, the entry without its content, for those behind it may be sound."""
    mode = member.external_attr >> 16
    entry = Entry(path, EntryType.FILE, mode=stat.S_IMODE(mode) if mode else None, size=member.file_size)
    try:
        if stat.S_ISLNK(mode):
            with archive.open(member) as handle:
                return Entry(path, EntryType.SYMLINK, target=show(handle.read(4096))), None
        return entry, content(archive.open(member), member.file_size, "zip")
    except Exception as error:  # noqa: BLE001 - the library raises whatever it meets on a damaged member
        cause = Cause.UNSUPPORTED if isinstance(error, NotImplementedError) else Cause.DAMAGED
        gaps.append(Gap(cause, Where(path=path), f"zip: {type(error).__name__}: {error}"[:200]))
        return entry, None

"""Romfs, in memory (format: Linux, Documentation/filesystems/romfs.rst; all numbers big endian).

It keeps no owners, and of the mode only whether a file may be executed: the modes here are those that Linux shows.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import names

MAGIC = b"-rom1fs-"
HARD_LINK, EXECUTABLE = 0, 8
MAX_FILE = 1 << 28
MAX_TOTAL = 512 << 20
MAX_ENTRIES = 200_000
MAX_DEPTH = 64
MAX_NAME = 256  # bytes; Linux takes 128

_TYPES = {
    1: (EntryType.DIRECTORY, 0o644),
    2: (EntryType.FILE, 0o644),
    3: (EntryType.SYMLINK, 0o777),
    4: (EntryType.BLOCK, 0o600),
    5: (EntryType.CHARACTER, 0o600),
    6: (EntryType.SOCKET, 0o644),
    7: (EntryType.FIFO, 0o644),
}


class RomfsError(ValueError):
    """A part that contradicts itself or lies outside."""


@dataclass(frozen=True)
class _File:
    """One file header: where the next lies, its type and bits, what `special` says of it, and where its data begins."""

    at: int
    next: int
    kind: int
    executable: bool
    special: int
    size: int
    name: bytes
    data: int
    sound: bool


def length(data: bytes, start: int) -> int:
    """Return the bytes of the file system at `start`, filled up to 1 KiB where zeros follow; 0 for none."""
    head = data[start : start + 512]
    size = int.from_bytes(head[8:12], "big")
    if not head.startswith(MAGIC) or not 32 <= size <= len(data) - start or _sum(head[: min(size, 512)]):
        return 0
    end = -(-size // 1024) * 1024
    return end if data[start + size : start + end] == bytes(end - size) else size


class Romfs:
    """One file system. `walk` yields every entry with its content (None for what is not a readable file)."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MAGIC):
            raise RomfsError("no superblock")
        self._data = data
        self._size = min(int.from_bytes(data[8:12], "big"), len(data))
        self.gaps: list[Gap] = []
        self._total = 0

    def walk(self) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield the entries from the root down; a directory that stands twice or in itself is read once and told."""
        try:
            _, first = self._string(16)
            root = self._file(first)
        except RomfsError as error:
            self._gap(Cause.DAMAGED, "/", str(error))
            return
        pending: list[tuple[str, _File, int]] = [("/", root, 0)]
        seen, count = {root.at}, 0
        while pending:
            base, directory, depth = pending.pop()
            for listed in self._listing(base, directory):
                count += 1
                path = posixpath.join(base, show(listed.name))
                if count > MAX_ENTRIES:
                    self._gap(Cause.LIMIT, path, f"more than {MAX_ENTRIES} entries")
                    return
                if listed.name in (b".", b".."):
                    continue
                if not names.stays(listed.name):
                    self._gap(Cause.DAMAGED, path, "a name that would leave its directory")
                    continue
                if not listed.sound:  # Linux does not look at it, so it is read all the same
                    self._gap(Cause.DAMAGED, path, "its header does not hold its checksum")
                found = self._linked(path, listed)
                if found is None:
                    continue
                yield self._entry(path, found)
                if found.kind != 1:
                    continue
                if found.at in seen or depth >= MAX_DEPTH:
                    self._gap(Cause.DAMAGED, path, "a directory that stands twice or inside itself, or too deep")
                    continue
                seen.add(found.at)
                pending.append((path, found, depth + 1))

    def _listing(self, base: str, directory: _File) -> Iterator[_File]:
        """Yield the files of a directory, each of which names the next; a chain that comes back is cut."""
        at, seen = directory.special & ~15, set[int]()
        while at:
            try:
                if at in seen:
                    raise RomfsError("the list of files comes back to itself")
                seen.add(at)
                file = self._file(at)
            except RomfsError as error:
                self._gap(Cause.DAMAGED, base, str(error))
                return
            yield file
            at = file.next

    def _linked(self, path: str, file: _File) -> _File | None:
        """Return what a hard link stands for; the name stays that of the link."""
        try:
            for _ in range(8):
                if file.kind != HARD_LINK:
                    return file
                file = self._file(file.special & ~15)
            raise RomfsError("a hard link to hard links")
        except RomfsError as error:
            self._gap(Cause.DAMAGED, path, str(error))
            return None

    def _file(self, at: int) -> _File:
        if at % 16 or not 0 < at <= self._size - 16:
            raise RomfsError(f"a file header at {at} lies outside")
        following, special, size, _check = struct.unpack_from(">4I", self._data, at)
        name, data = self._string(at + 16)
        sound = _sum(self._data[at:data]) == 0
        return _File(at, following & ~15, following & 7, bool(following & EXECUTABLE), special, size, name, data, sound)

    def _string(self, at: int) -> tuple[bytes, int]:
        """Return a text that ends in NUL, and where what follows begins: at the next 16 bytes."""
        end = self._data.find(b"\0", at, min(self._size, at + MAX_NAME))
        if end < 0:
            raise RomfsError(f"a name at {at} has no end")
        return self._data[at:end], -(-(end + 1) // 16) * 16

    def _entry(self, path: str, file: _File) -> tuple[Entry, bytes | None]:
        kind, mode = _TYPES[file.kind]
        content = None
        if kind in (EntryType.FILE, EntryType.SYMLINK):
            content = self._content(path, file)
        entry = Entry(
            path=path,
            type=kind,
            mode=mode | 0o111 if file.executable else mode,
            size=file.size if kind is EntryType.FILE else 0,
            target=show(content or b"") if kind is EntryType.SYMLINK else "",
            device=(file.special >> 16, file.special & 0xFFFF) if kind in (EntryType.BLOCK, EntryType.CHARACTER) else None,
        )
        return entry, content if kind is EntryType.FILE else None

    def _content(self, path: str, file: _File) -> bytes | None:
        if file.data + file.size > self._size:
            self._gap(Cause.DAMAGED, path, f"its {file.size} bytes at {file.data} lie outside")
            return None
        if file.size > MAX_FILE or self._total + file.size > MAX_TOTAL:
            self._gap(Cause.LIMIT, path, f"{file.size} bytes are over the limit")
            return None
        self._total += file.size
        return self._data[file.data : file.data + file.size]

    def _gap(self, cause: Cause, path: str, text: str) -> None:
        self.gaps.append(Gap(cause, Where(path=path), f"romfs: {text}"))


def _sum(data: bytes) -> int:
    """Return the sum of the 32-bit words, which is 0 over what holds its checksum."""
    words: tuple[int, ...] = struct.unpack_from(f">{len(data) // 4}I", data)
    return sum(words) & 0xFFFFFFFF

"""Ext2, ext3 and ext4, in memory (format: Linux, Documentation/filesystems/ext4/).

Directories are read as the lists that they are, with or without an index. The journal is not replayed and the checksums of
the metadata are not checked. What is damaged costs what it holds and is told as a gap.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Generator, Iterator

from aboveboard.model.canonical import MAX_INTEGER
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import names
from aboveboard.readers.ext_layout import (
    ENCRYPTED,
    EXTENTS,
    FILETYPE,
    INLINE,
    RECOVER,
    ExtError,
    ExtLimitError,
    Inode,
    Layout,
)
from aboveboard.readers.modes import type_of

ROOT = 2
MAX_FILE = 1 << 28
MAX_TOTAL = 512 << 20
MAX_DIRECTORY = 1 << 26
MAX_TARGET = 1 << 16
MAX_ENTRIES = 200_000
MAX_DEPTH = 64


class Ext:
    """One file system. `walk` yields every entry with its content (None for what is not a readable file)."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._layout = Layout(memoryview(data))
        self._names_have_types = bool(self._layout.superblock.incompatible & FILETYPE)
        self.gaps: list[Gap] = []
        self._total = 0
        if self._layout.superblock.incompatible & RECOVER:
            text = "what its journal still holds was not replayed: files may be older here than on the device"
            self._gap(Cause.UNSUPPORTED, "/", text)

    def walk(self) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield the entries from the root down; a directory that stands twice or in itself is read once and told."""
        pending: list[tuple[str, int, int]] = [("/", ROOT, 0)]
        seen, count = {ROOT}, 0
        while pending:
            base, directory, depth = pending.pop()
            try:
                for name, number in self._names(base, directory):
                    path = posixpath.join(base, show(name))
                    count += 1
                    if count > MAX_ENTRIES:
                        self._gap(Cause.LIMIT, path, f"more than {MAX_ENTRIES} entries")
                        return
                    entry, content = self._entry(path, number)
                    if entry is None:
                        continue
                    yield entry, content
                    if entry.type is not EntryType.DIRECTORY:
                        continue
                    if number in seen or depth >= MAX_DEPTH:
                        self._gap(Cause.DAMAGED, path, "a directory that stands twice or inside itself, or too deep")
                        continue
                    seen.add(number)
                    pending.append((path, number, depth + 1))
            except ExtLimitError as error:
                self._gap(Cause.LIMIT, base, str(error))
                return

    def _names(self, base: str, number: int) -> Iterator[tuple[bytes, int]]:
        """Yield the names in a directory with their inodes; what cannot be read goes into the gaps."""
        damaged = 0
        try:
            inode = self._layout.inode(number)
            if type_of(inode.mode) is not EntryType.DIRECTORY:
                raise ExtError("not a directory")
            if inode.flags & ENCRYPTED:
                self._gap(Cause.ENCRYPTED, base, "the names and files in this directory are encrypted")
                return
            for block in self._listing(inode):
                damaged += yield from self._records(base, block)
        except ExtLimitError:
            raise
        except (ExtError, struct.error) as error:
            self._gap(Cause.DAMAGED, base, f"the directory cannot be read: {error}")
        if damaged:
            self._gap(Cause.DAMAGED, base, f"{damaged} blocks of the directory could not be read to their end")

    def _listing(self, inode: Inode) -> Iterator[memoryview]:
        """Yield the parts of a directory that are lists of their own; a hole in it is told as an error at its end."""
        if inode.flags & INLINE:
            block, rest = self._layout.inline(inode)
            yield memoryview(block)[4 : max(4, min(60, inode.size))]  # the first four bytes name the directory above
            yield memoryview(rest)
            return
        size = self._layout.superblock.block_size
        if inode.size > MAX_DIRECTORY:
            raise ExtError(f"a directory of {inode.size} bytes")
        blocks, found = -(-inode.size // size), 0
        for _, first, length in self._layout.runs(inode, blocks):
            for number in range(first, first + length):
                self._layout.step()
                yield self._layout.block(number)
                found += 1
        if found < blocks or not blocks:
            raise ExtError(f"{found} of {blocks} blocks are there")

    def _records(self, base: str, block: memoryview) -> Generator[tuple[bytes, int], None, bool]:
        """Yield the names in one block (directory, "Linear (Classic) Directories"); return whether it is damaged."""
        at = 0
        while at + 8 <= len(block):
            self._layout.step()
            number, length, size = struct.unpack_from("<IHH", block, at)
            size = size & 0xFF if self._names_have_types else size
            if length in (0, 0xFFFF) and len(block) == 1 << 16:
                length = 1 << 16
            if length < 8 or length % 4 or at + length > len(block) or (number and 8 + size > length):
                return True
            name = bytes(block[at + 8 : at + 8 + size])
            at += length
            if number == 0 or name in (b".", b".."):
                continue
            if not names.stays(name):
                self._gap(Cause.DAMAGED, posixpath.join(base, show(name)), "a name that would leave its directory")
                continue
            yield name, number
        return False

    def _entry(self, path: str, number: int) -> tuple[Entry | None, bytes | None]:
        try:
            inode = self._layout.inode(number)
        except (ExtError, struct.error) as error:
            self._gap(Cause.DAMAGED, path, f"its inode cannot be read: {error}")
            return None, None
        kind = type_of(inode.mode)
        if kind is None:
            self._gap(Cause.DAMAGED, path, f"mode {inode.mode:o}")
            return None, None
        content = None
        if kind in (EntryType.FILE, EntryType.SYMLINK):
            content = self._content(path, inode, MAX_FILE if kind is EntryType.FILE else MAX_TARGET)
        entry = Entry(
            path=path,
            type=kind,
            mode=inode.mode & 0o7777,
            uid=inode.uid,
            gid=inode.gid,
            size=min(inode.size, MAX_INTEGER) if kind is EntryType.FILE else 0,
            target=show(content or b"") if kind is EntryType.SYMLINK else "",
            device=_device(inode) if kind in (EntryType.CHARACTER, EntryType.BLOCK) else None,
        )
        return entry, content if kind is EntryType.FILE else None

    def _content(self, path: str, inode: Inode, most: int) -> bytes | None:
        """Return the content of a file or the target of a link; None, and a gap, where it cannot be had."""
        if inode.flags & ENCRYPTED:
            self._gap(Cause.ENCRYPTED, path, "its content is encrypted")
            return None
        if inode.size > most or self._total + inode.size > MAX_TOTAL:
            self._gap(Cause.LIMIT, path, f"{inode.size} bytes are over the limit")
            return None
        try:
            if inode.flags & INLINE or self._is_fast_link(inode):
                content = b"".join(self._layout.inline(inode)) if inode.flags & INLINE else inode.block
                if inode.size > len(content):
                    raise ExtError(f"{len(content)} of {inode.size} bytes are there")
                content = content[: inode.size]
            else:
                content = self._blocks(inode)
        except ExtLimitError:
            raise
        except (ExtError, struct.error) as error:
            self._gap(Cause.DAMAGED, path, f"its content cannot be read: {error}")
            return None
        self._total += len(content)
        return content

    def _blocks(self, inode: Inode) -> bytes:
        size = self._layout.superblock.block_size
        runs = list(self._layout.runs(inode, -(-inode.size // size)))
        for _, first, count in runs:  # all of it is there before memory is taken
            self._layout.block(first, count)
        out = bytearray(inode.size)
        for at, first, count in runs:
            end = min((at + count) * size, inode.size)
            out[at * size : end] = self._layout.block(first, count)[: end - at * size]
        return bytes(out)

    def _is_fast_link(self, inode: Inode) -> bool:
        """Tell whether a symlink's target lies in the inode itself (ifork, "Symbolic Links"): it then has no blocks."""
        own = self._layout.superblock.block_size // 512 if inode.attributes else 0
        link = type_of(inode.mode) is EntryType.SYMLINK and inode.size < 60
        return link and not inode.flags & EXTENTS and inode.sectors <= own

    def _gap(self, cause: Cause, path: str, text: str) -> None:
        self.gaps.append(Gap(cause, Where(path=path), f"ext: {text}"))


def _device(inode: Inode) -> tuple[int, int]:
    """Return the major and minor number: 8 and 8 bits in the first word, or 12 and 20 bits in the second."""
    old, new = struct.unpack_from("<II", inode.block)
    if old:
        return old >> 8 & 0xFF, old & 0xFF
    return new >> 8 & 0xFFF, new & 0xFF | new >> 12 & 0xFFF00

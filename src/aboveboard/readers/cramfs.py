"""Cramfs, both byte orders, in memory (format: Linux, fs/cramfs/README and include/uapi/linux/cramfs_fs.h).

Pages of 4 KiB, each compressed with zlib, stored as it is, or a hole. Owners have 16 bits and groups 8.
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import names
from aboveboard.readers.modes import type_of

MAGIC, SIGNATURE = 0x28CD3D45, b"Compressed ROMFS"
SUPERBLOCK, INODE, PAGE = 76, 12, 4096
BOOT = 512  # bytes of boot code that may stand before the superblock
POINTERS = 0x800  # pointers have flags of their own: what is stored, and where, is said for each page
KNOWN = 0xFF | 0x100 | 0x200 | 0x400 | POINTERS
STORED, DIRECT = 1 << 31, 1 << 30
MAX_TOTAL = 512 << 20
MAX_ENTRIES = 200_000
MAX_DEPTH = 64


class CramfsError(ValueError):
    """A part that contradicts itself or lies outside."""


class CramfsUnsupportedError(CramfsError):
    """A file system with a feature that is not known here."""


@dataclass(frozen=True)
class _Inode:
    mode: int
    uid: int
    size: int
    gid: int
    name_size: int
    offset: int


def padded(data: bytes, start: int) -> int:
    """Return the bytes of a file system whose superblock stands 512 bytes after `start`; 0 for none.

    That they belong to it is known from its root, whose list begins after both. The checksum is not looked at: many
    superblocks that each claim everything would cost too much.
    """
    head = data[start : start + BOOT + SUPERBLOCK]
    try:
        order, base = _superblock(head)
    except CramfsError:
        return 0
    (size,) = struct.unpack_from(order + "I", head, base + 4)
    sound = base == BOOT and len(head) <= size <= len(data) - start
    return size if sound and _inode(head, order, base + 64).offset == len(head) else 0


class Cramfs:
    """One file system. `walk` yields every entry with its content (None for what is not a readable file)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order, base = _superblock(data)
        (self._flags,) = struct.unpack_from(self._order + "I", data, base + 8)
        if self._flags & ~KNOWN:
            raise CramfsUnsupportedError(f"flags 0x{self._flags & ~KNOWN:x} are not supported")
        self._root = _inode(data, self._order, base + 64)
        self.gaps: list[Gap] = []
        self._total = 0

    def walk(self) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield the entries from the root down; a directory that stands twice or in itself is read once and told."""
        pending: list[tuple[str, _Inode, int]] = [("/", self._root, 0)]
        seen, count = {self._root.offset}, 0
        while pending:
            base, directory, depth = pending.pop()
            for name, inode in self._listing(base, directory):
                count += 1
                path = posixpath.join(base, show(name))
                if count > MAX_ENTRIES:
                    self._gap(Cause.LIMIT, path, f"more than {MAX_ENTRIES} entries")
                    return
                if not names.stays(name):
                    self._gap(Cause.DAMAGED, path, "a name that would leave its directory")
                    continue
                kind = type_of(inode.mode)
                if kind is None:
                    self._gap(Cause.DAMAGED, path, f"mode {inode.mode:o}")
                    continue
                yield self._entry(path, kind, inode)
                if kind is not EntryType.DIRECTORY or not inode.size:
                    continue
                if inode.offset in seen or depth >= MAX_DEPTH:
                    self._gap(Cause.DAMAGED, path, "a directory that stands twice or inside itself, or too deep")
                    continue
                seen.add(inode.offset)
                pending.append((path, inode, depth + 1))

    def _listing(self, base: str, directory: _Inode) -> Iterator[tuple[bytes, _Inode]]:
        at, end = directory.offset, directory.offset + directory.size
        try:
            while at < end:
                inode = _inode(self._data, self._order, at)
                at += INODE + inode.name_size
                if at > min(end, len(self._data)):
                    raise CramfsError(f"the listing at {directory.offset} is cut")
                yield self._data[at - inode.name_size : at].rstrip(b"\0"), inode
        except CramfsError as error:
            self._gap(Cause.DAMAGED, base, str(error))

    def _entry(self, path: str, kind: EntryType, inode: _Inode) -> tuple[Entry, bytes | None]:
        content = None
        if kind in (EntryType.FILE, EntryType.SYMLINK):
            content = self._content(path, inode)
        entry = Entry(
            path=path,
            type=kind,
            mode=inode.mode & 0o7777,
            uid=inode.uid,
            gid=inode.gid,
            size=inode.size if kind is EntryType.FILE else 0,
            target=show(content or b"") if kind is EntryType.SYMLINK else "",
            device=(inode.size >> 8, inode.size & 0xFF) if kind in (EntryType.BLOCK, EntryType.CHARACTER) else None,
        )
        return entry, content if kind is EntryType.FILE else None

    def _content(self, path: str, inode: _Inode) -> bytes | None:
        if self._total + inode.size > MAX_TOTAL:
            self._gap(Cause.LIMIT, path, f"{inode.size} bytes are over the limit")
            return None
        self._total += inode.size  # also of what is damaged: the work was done
        pages = -(-inode.size // PAGE)
        out = bytearray()
        try:
            if inode.offset + 4 * pages > len(self._data):
                raise CramfsError("its pointers lie outside")
            after = inode.offset + 4 * pages
            for pointer in struct.unpack_from(f"{self._order}{pages}I", self._data, inode.offset):
                wanted = min(PAGE, inode.size - len(out))
                page, after = self._page(pointer, after, wanted)
                out += page
        except (CramfsError, zlib.error) as error:
            self._gap(Cause.DAMAGED, path, f"its content cannot be read: {error}")
            return None
        return bytes(out)

    def _page(self, pointer: int, start: int, wanted: int) -> tuple[bytes, int]:
        """Return one page of `wanted` bytes, and where the next begins: a pointer says where its page ends."""
        end, stored = pointer, False
        if self._flags & POINTERS:
            stored = bool(pointer & STORED)
            end = pointer & ~(STORED | DIRECT)
            if pointer & DIRECT:  # it says, in words of 4 bytes, where its page begins
                start = end << 2
                end = start + wanted
                if not stored:
                    end = (
                        start + 2 + int.from_bytes(self._data[start : start + 2], "little" if self._order == "<" else "big")
                    )
                    start += 2
        packed = self._data[start:end]
        if not start <= end <= len(self._data) or len(packed) > 2 * PAGE:
            raise CramfsError(f"a page from {start} to {end}")
        plain = packed if stored else zlib.decompressobj().decompress(packed, PAGE) if packed else bytes(wanted)
        if len(plain) < wanted:
            raise CramfsError(f"a page gives {len(plain)} of {wanted} bytes")
        return plain[:wanted], end

    def _gap(self, cause: Cause, path: str, text: str) -> None:
        self.gaps.append(Gap(cause, Where(path=path), f"cramfs: {text}"))


def _superblock(data: bytes) -> tuple[str, int]:
    """Return the byte order, and where the superblock stands: offsets count from what comes before it."""
    for base in (0, BOOT):
        for order in "<>":
            magic = struct.pack(order + "I", MAGIC)
            if data.startswith(magic, base) and data.startswith(SIGNATURE, base + 16) and len(data) >= base + SUPERBLOCK:
                return order, base
    raise CramfsError("no superblock")


def _inode(data: bytes, order: str, at: int) -> _Inode:
    """Read 12 bytes of bit fields; in big-endian images each word is filled from its upper end."""
    if at + INODE > len(data):
        raise CramfsError(f"an inode at {at} lies outside")
    first, second, third = struct.unpack_from(order + "3I", data, at)
    if order == "<":
        return _Inode(first & 0xFFFF, first >> 16, second & 0xFFFFFF, second >> 24, (third & 63) * 4, third >> 6 << 2)
    return _Inode(first >> 16, first & 0xFFFF, second >> 8, second & 255, (third >> 26) * 4, (third & 0x3FFFFFF) << 2)

"""Squashfs 4, both byte orders, in memory (format: Linux, Documentation/filesystems/squashfs.rst; vendors' LZMA).

Entries keep mode, owner, device numbers and link targets; contents come one file at a time. A damaged part costs what it
holds and is told as a gap.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import names
from aboveboard.readers.squashfs_codec import BlockError, Codec, little_or_big

SUPERBLOCK = 96
METADATA = 8192
NO_FRAGMENT = 0xFFFFFFFF
NO_TABLE = 0xFFFFFFFFFFFFFFFF
STORED_METADATA = 1 << 15
STORED_DATA = 1 << 24
MAX_DEPTH = 64

_TYPES = {
    1: EntryType.DIRECTORY,
    2: EntryType.FILE,
    3: EntryType.SYMLINK,
    4: EntryType.BLOCK,
    5: EntryType.CHARACTER,
    6: EntryType.FIFO,
    7: EntryType.SOCKET,
}


@dataclass(frozen=True)
class Bounds:
    """Limits on one file system."""

    entries: int = 200_000
    file_bytes: int = 1 << 28  # held in memory, twice for a moment
    total_bytes: int = 2 << 30


@dataclass(frozen=True)
class Superblock:
    """What the first 96 bytes say."""

    order: str
    inodes: int
    block_size: int
    fragments: int
    compression: int
    ids: int
    root: int
    bytes_used: int
    id_table: int
    inode_table: int
    directory_table: int
    fragment_table: int
    export_table: int

    @property
    def length(self) -> int:
        """Return the bytes of the image, padded to 4 KiB as mksquashfs does."""
        return -(-self.bytes_used // 4096) * 4096


def read_superblock(data: bytes | memoryview) -> Superblock:
    """Read and check the superblock; raises BlockError."""
    head = bytes(data[:SUPERBLOCK])
    order = little_or_big(head[:4])
    if len(head) < SUPERBLOCK:
        raise BlockError("cut in the superblock")
    fields = struct.unpack(order + "4I6H8Q", head[4:])
    inodes, _mtime, block_size, fragments, compression, block_log, _flags, ids, major, minor = fields[:10]
    root, used, id_table, _xattr, inode_table, directory_table, fragment_table, export = fields[10:]
    if (major, minor) != (4, 0) or not 12 <= block_log <= 20 or block_size != 1 << block_log:
        raise BlockError(f"not squashfs 4.0 with a sound block size: {major}.{minor}, {block_size}")
    if not SUPERBLOCK <= inode_table <= directory_table <= used:
        raise BlockError("tables out of order")
    return Superblock(
        order,
        inodes,
        block_size,
        fragments,
        compression,
        ids,
        root,
        used,
        id_table,
        inode_table,
        directory_table,
        fragment_table,
        export,
    )


@dataclass
class _Inode:
    type: EntryType
    mode: int
    uid: int
    gid: int
    size: int = 0
    start: int = 0
    fragment: int = NO_FRAGMENT
    fragment_offset: int = 0
    blocks: tuple[int, ...] = ()
    target: bytes = b""
    device: tuple[int, int] | None = None
    listing: tuple[int, int] = (0, 0)  # block and offset in the directory table


class SquashFs:
    """One file system. `walk` yields every entry with its content (None for what is not a readable file)."""

    def __init__(self, data: bytes | memoryview, bounds: Bounds | None = None) -> None:
        self._data = memoryview(data)
        self.superblock = read_superblock(self._data)
        self._bounds = bounds or Bounds()
        self._codec = Codec(self.superblock.compression)
        self.gaps: list[Gap] = []
        block = self.superblock
        self._inodes = self._table(block.inode_table, block.directory_table)
        following = (block.fragment_table if block.fragments else NO_TABLE, block.export_table, block.id_table)
        ends = [end for end in following if block.directory_table < end <= block.bytes_used]
        self._listings = self._table(block.directory_table, self._end_of_listings(ends))
        self._ids = self._index(block.id_table, block.ids, 4, "I")
        self._fragments = self._index(block.fragment_table, block.fragments, 16, "QII")
        self._fragment_blocks: dict[int, bytes] = {}
        self._inode_numbers: dict[int, str] = {}

    @property
    def compression(self) -> str:
        """Return the name of the compression that was met, vendors' layouts told apart."""
        return self._codec.name

    def walk(self) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield the entries in the order of the directories."""
        total = 0
        for count, (path, inode) in enumerate(self._directories(), 1):
            if count > self._bounds.entries:
                self._gap(Cause.LIMIT, path, f"more than {self._bounds.entries} entries")
                return
            content: bytes | None = None
            if inode.type is EntryType.FILE:
                if total + inode.size > self._bounds.total_bytes or inode.size > self._bounds.file_bytes:
                    self._gap(Cause.LIMIT, path, f"a file of {inode.size} bytes is over the limit")
                else:
                    content = self._content(path, inode)
                    total += inode.size if content is not None else 0
            yield _entry(path, inode), content

    def _directories(self) -> Iterator[tuple[str, _Inode]]:
        root = self._inode("/", self.superblock.root)
        if root is None or root.type is not EntryType.DIRECTORY:
            self._gap(Cause.DAMAGED, "/", "the root directory cannot be read")
            return
        pending: list[tuple[str, _Inode, int]] = [("", root, 0)]
        seen: set[tuple[int, int]] = set()
        while pending:
            base, directory, depth = pending.pop()
            if directory.listing in seen and directory.size > 3:
                self._gap(Cause.DAMAGED, base or "/", "a directory that is its own child or stands twice")
                continue
            seen.add(directory.listing)
            for name, reference in self._names(base, directory):
                path = f"{base}/{name}"
                inode = self._inode(path, reference)
                if inode is None:
                    continue
                yield path, inode
                if inode.type is EntryType.DIRECTORY:
                    if depth >= MAX_DEPTH:
                        self._gap(Cause.LIMIT, path, f"deeper than {MAX_DEPTH} directories")
                    else:
                        pending.append((path, inode, depth + 1))

    def _names(self, base: str, directory: _Inode) -> Iterator[tuple[str, int]]:
        """Read a directory listing: headers of (count - 1, inode block, number), each followed by its entries."""
        buffer, index = self._listings
        at = index.get(directory.listing[0])
        left = directory.size - 3  # the size counts "." and ".." as 3 bytes
        if left <= 0:
            return
        if at is None:
            self._gap(Cause.DAMAGED, base or "/", "its listing is not in the directory table")
            return
        position = at + directory.listing[1]
        end = min(position + left, len(buffer))
        order = self.superblock.order
        while position + 12 <= end:
            count, block, _number = struct.unpack_from(order + "IIi", buffer, position)
            position += 12
            for _ in range(min(count + 1, 256)):
                if position + 8 > end:
                    break
                offset, _delta, _kind, length = struct.unpack_from(order + "HhHH", buffer, position)
                name = bytes(buffer[position + 8 : position + 9 + length])
                position += 9 + length
                if not names.stays(name):
                    self._gap(Cause.DAMAGED, f"{base}/{show(name)}", "a name that would leave its directory")
                    continue
                yield show(name), block << 16 | offset
        if position < end:
            self._gap(Cause.DAMAGED, base or "/", "its listing is cut")

    def _inode(self, path: str, reference: int) -> _Inode | None:
        buffer, index = self._inodes
        at = index.get(reference >> 16)
        try:
            if at is None:
                raise BlockError("no such inode block")
            return self._parse_inode(buffer, at + (reference & 0xFFFF))
        except (struct.error, OverflowError, BlockError) as error:
            self._gap(Cause.DAMAGED, path, f"its inode cannot be read: {error}")
            return None

    def _parse_inode(self, buffer: bytes, at: int) -> _Inode:
        order = self.superblock.order
        kind, mode, uid, gid, _mtime, _number = struct.unpack_from(order + "HHHHII", buffer, at)
        basic = kind - 7 if kind > 7 else kind
        if basic not in _TYPES:
            raise BlockError(f"inode type {kind}")
        inode = _Inode(_TYPES[basic], mode & 0o7777, self._id(uid), self._id(gid))
        body = at + 16
        if kind == 1:
            start, _links, size, offset, _parent = struct.unpack_from(order + "IIHHI", buffer, body)
            inode.size, inode.listing = size, (start, offset)
        elif kind == 8:
            _links, size, start, _parent, _indexes, offset, _xattr = struct.unpack_from(order + "IIIIHHI", buffer, body)
            inode.size, inode.listing = size, (start, offset)
        elif basic == 2:
            self._parse_file(inode, buffer, body, extended=kind == 9)
        elif basic == 3:
            _links, length = struct.unpack_from(order + "II", buffer, body)
            inode.target = bytes(buffer[body + 8 : body + 8 + min(length, 65535)])
        elif basic in (4, 5):
            _links, device = struct.unpack_from(order + "II", buffer, body)
            inode.device = ((device & 0xFFF00) >> 8, (device & 0xFF) | ((device >> 12) & 0xFFF00))
        return inode

    def _parse_file(self, inode: _Inode, buffer: bytes, body: int, *, extended: bool) -> None:
        order = self.superblock.order
        if extended:
            start, size, _sparse, _links, fragment, offset, _xattr = struct.unpack_from(order + "QQQIIII", buffer, body)
            body += 40
        else:
            start, fragment, offset, size = struct.unpack_from(order + "IIII", buffer, body)
            body += 16
        block = self.superblock.block_size
        count = size // block if fragment != NO_FRAGMENT else -(-size // block)
        if body + 4 * count > len(buffer):
            raise BlockError("its block list is cut")
        inode.size, inode.start, inode.fragment, inode.fragment_offset = size, start, fragment, offset
        inode.blocks = struct.unpack_from(f"{order}{count}I", buffer, body)

    def _content(self, path: str, inode: _Inode) -> bytes | None:
        block, at = self.superblock.block_size, inode.start
        parts = bytearray()
        try:
            for word in inode.blocks:
                size = word & ~STORED_DATA
                wanted = min(block, inode.size - len(parts))
                if size == 0:
                    parts += bytes(wanted)  # a hole
                    continue
                parts += self._block(at, size, stored=bool(word & STORED_DATA), limit=block)
                at += size
            if inode.fragment != NO_FRAGMENT:
                tail = self._fragment(inode.fragment)
                parts += tail[inode.fragment_offset : inode.fragment_offset + inode.size % block]
        except (BlockError, struct.error) as error:
            self._gap(Cause.DAMAGED, path, f"its content cannot be read: {error}")
            return None
        if len(parts) != inode.size:
            self._gap(Cause.DAMAGED, path, f"{len(parts)} of {inode.size} bytes could be read")
            return None
        return bytes(parts)

    def _fragment(self, number: int) -> bytes:
        if number not in self._fragment_blocks:
            if number * 16 + 16 > len(self._fragments):
                raise BlockError(f"no fragment {number}")
            start, word, _unused = struct.unpack_from(self.superblock.order + "QII", self._fragments, number * 16)
            limit = self.superblock.block_size
            block = self._block(start, word & ~STORED_DATA, stored=bool(word & STORED_DATA), limit=limit)
            if len(self._fragment_blocks) > 64:
                self._fragment_blocks.clear()
            self._fragment_blocks[number] = block
        return self._fragment_blocks[number]

    def _block(self, at: int, size: int, *, stored: bool, limit: int) -> bytes:
        raw = bytes(self._data[at : at + size])
        if len(raw) != size:
            raise BlockError(f"a block at {at} lies beyond the image")
        return raw if stored else self._codec(raw, limit)

    def _table(self, start: int, end: int) -> tuple[bytes, dict[int, int]]:
        """Decompress the metadata blocks from `start` to `end`; return them and where each begins, by its offset."""
        out, index, at = bytearray(), dict[int, int](), start
        while at + 2 <= min(end, len(self._data)):
            (word,) = struct.unpack_from(self.superblock.order + "H", self._data, at)
            size = word & ~STORED_METADATA
            index[at - start] = len(out)
            try:
                out += self._block(at + 2, size, stored=bool(word & STORED_METADATA), limit=METADATA)
            except BlockError as error:
                self._gap(Cause.DAMAGED, "/", f"a metadata block at {at}: {error}")
                out += bytes(METADATA)  # keeps what follows in place
            at += 2 + size
        return bytes(out), index

    def _index(self, table: int, count: int, width: int, form: str) -> bytes:
        """Read a table that is kept as a list of pointers to metadata blocks."""
        if count == 0 or table == NO_TABLE:
            return b""
        blocks = -(-count * width // METADATA)
        out = bytearray()
        for number in range(blocks):
            try:
                (at,) = struct.unpack_from(self.superblock.order + "Q", self._data, table + 8 * number)
                (word,) = struct.unpack_from(self.superblock.order + "H", self._data, at)
                out += self._block(at + 2, word & ~STORED_METADATA, stored=bool(word & STORED_METADATA), limit=METADATA)
            except (struct.error, OverflowError, BlockError) as error:
                self._gap(Cause.DAMAGED, "/", f"the table of {form} at {table}: {error}")
                break
        return bytes(out)

    def _end_of_listings(self, ends: list[int]) -> int:
        """The directory table ends where the first block of the next table begins, which only its index says."""
        firsts = [self.superblock.bytes_used]
        for table in ends:
            try:
                (first,) = struct.unpack_from(self.superblock.order + "Q", self._data, table)
            except (struct.error, OverflowError):  # a pointer past what an index can be
                continue
            if first > self.superblock.directory_table:
                firsts.append(first)
        return min(firsts)

    def _id(self, number: int) -> int:
        if number * 4 + 4 > len(self._ids):
            return number
        return int(struct.unpack_from(self.superblock.order + "I", self._ids, number * 4)[0])

    def _gap(self, cause: Cause, path: str, detail: str) -> None:
        if len(self.gaps) < 1000:
            self.gaps.append(Gap(cause, Where(path=path), f"squashfs: {detail}"))


def _entry(path: str, inode: _Inode) -> Entry:
    return Entry(
        path=path,
        type=inode.type,
        mode=inode.mode,
        uid=inode.uid,
        gid=inode.gid,
        size=inode.size if inode.type is EntryType.FILE else 0,
        target=show(inode.target) if inode.type is EntryType.SYMLINK else "",
        device=inode.device,
    )

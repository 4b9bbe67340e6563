"""JFFS2, both byte orders, in memory (format: Linux, include/uapi/linux/jffs2.h and fs/jffs2/).

A log of nodes: the newest directory entry of a name and the newest data of a range count. Nodes whose checksum does not
hold are passed over and told as one gap; what they held is lost, the rest is kept.
"""

from __future__ import annotations

import lzma
import posixpath
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import lzallright

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import names
from aboveboard.readers.codec_errors import DAMAGED
from aboveboard.readers.modes import type_of

MAGIC = 0x1985
DIRENT, INODE = 0xE001, 0xE002
HEADER, DIRENT_SIZE, INODE_SIZE = 12, 40, 68
ROOT = 1
MAX_NODE = 1 << 18  # bytes, packed or not: nodes hold a page, and the LZO library bounds no output
MAX_FILE = 1 << 28
MAX_TOTAL = 1 << 31
MAX_ENTRIES = 200_000
MAX_DEPTH = 64


class NodeError(ValueError):
    """A node whose content does not decompress."""


@dataclass(frozen=True)
class _Data:
    """One data node: where its content lies, and what it is of."""

    version: int
    mode: int
    uid: int
    gid: int
    size: int
    offset: int
    plain: int
    compression: int
    at: int
    packed: int


@dataclass
class _Log:
    names: dict[tuple[int, bytes], tuple[int, int]] = field(default_factory=dict)  # (parent, name) -> (version, inode)
    data: dict[int, list[_Data]] = field(default_factory=dict)
    damaged: int = 0


class Jffs2:
    """One file system. `walk` yields every entry with its content (None for what is not a readable file)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data[:2] == b"\x85\x19" else ">"
        self.gaps: list[Gap] = []
        self._log = self._scan()
        if self._log.damaged:
            text = f"jffs2: {self._log.damaged} nodes with a wrong checksum were passed over"
            self.gaps.append(Gap(Cause.DAMAGED, Where(), text))

    def walk(self) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield the entries from the root down; a directory loop is cut and told."""
        below: dict[int, list[tuple[bytes, int]]] = {}
        for (parent, name), (_, inode) in sorted(self._log.names.items()):
            if inode:
                below.setdefault(parent, []).append((name, inode))
        pending: list[tuple[str, int, tuple[int, ...]]] = [("/", ROOT, (ROOT,))]
        count, total = 0, 0
        while pending:
            base, directory, above = pending.pop()
            for name, inode in below.get(directory, ()):
                path = posixpath.join(base, show(name))
                count += 1
                if count > MAX_ENTRIES or total > MAX_TOTAL:
                    self.gaps.append(Gap(Cause.LIMIT, Where(path=path), "jffs2: too many entries or bytes"))
                    return
                if not names.stays(name):
                    self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), "jffs2: a name that would leave its directory"))
                    continue
                entry, content = self._entry(path, inode)
                if entry is None:
                    continue
                total += len(content or b"")
                yield entry, content
                if entry.type is EntryType.DIRECTORY:
                    if inode in above or len(above) > MAX_DEPTH:
                        self.gaps.append(
                            Gap(Cause.DAMAGED, Where(path=path), "jffs2: a directory inside itself, or too deep")
                        )
                    else:
                        pending.append((path, inode, (*above, inode)))

    def _scan(self) -> _Log:
        log = _Log()
        mark = struct.pack(self._order + "H", MAGIC)
        at = self._data.find(mark)
        while 0 <= at <= len(self._data) - HEADER:
            if at % 4:
                at = self._data.find(mark, at + 1)
                continue
            _, kind, length, check = struct.unpack_from(self._order + "HHII", self._data, at)
            sound = length >= HEADER and _crc(self._data[at : at + 8]) == check and at + length <= len(self._data)
            if not sound:
                at = self._data.find(mark, at + 1)
                continue
            try:
                if kind == DIRENT:
                    self._dirent(log, at, length)
                elif kind == INODE:
                    self._inode(log, at, length)
            except (NodeError, struct.error):
                log.damaged += 1
            at = self._data.find(mark, at + max(length, HEADER))
        return log

    def _dirent(self, log: _Log, at: int, length: int) -> None:
        parent, version, inode, _ctime, size, _type = struct.unpack_from(self._order + "IIIIBB", self._data, at + HEADER)
        node_check, name_check = struct.unpack_from(self._order + "II", self._data, at + 32)
        name = self._data[at + DIRENT_SIZE : at + DIRENT_SIZE + size]
        if _crc(self._data[at : at + 32]) != node_check or _crc(name) != name_check or DIRENT_SIZE + size > length:
            raise NodeError("wrong checksum")
        known = log.names.get((parent, name))
        if known is None or known[0] < version:
            log.names[parent, name] = (version, inode)

    def _inode(self, log: _Log, at: int, length: int) -> None:
        fields = struct.unpack_from(self._order + "IIIHHIIIIIIIBBHII", self._data, at + HEADER)
        inode, version, mode, uid, gid, size, _atime, _mtime, _ctime, offset, packed, plain, compression = fields[:13]
        data_check, node_check = fields[15:]
        if _crc(self._data[at : at + 60]) != node_check or INODE_SIZE + packed > length:
            raise NodeError("wrong checksum")
        if _crc(self._data[at + INODE_SIZE : at + INODE_SIZE + packed]) != data_check:
            raise NodeError("wrong checksum")
        piece = _Data(version, mode, uid, gid, size, offset, plain, compression, at + INODE_SIZE, packed)
        log.data.setdefault(inode, []).append(piece)

    def _entry(self, path: str, inode: int) -> tuple[Entry | None, bytes | None]:
        pieces = sorted(self._log.data.get(inode, ()), key=lambda piece: piece.version)
        if not pieces:
            self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), "jffs2: its inode is not there"))
            return None, None
        newest = pieces[-1]
        kind = type_of(newest.mode)
        if kind is None:
            self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), f"jffs2: mode {newest.mode:o}"))
            return None, None
        content = None if kind is EntryType.DIRECTORY else self._content(path, pieces)
        raw = content or b""
        device = None
        if kind in (EntryType.CHARACTER, EntryType.BLOCK) and len(raw) in (2, 4):
            number = int.from_bytes(raw, "little" if self._order == "<" else "big")
            device = (number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00)
        entry = Entry(
            path=path,
            type=kind,
            mode=newest.mode & 0o7777,
            uid=newest.uid,
            gid=newest.gid,
            size=len(raw) if kind is EntryType.FILE else 0,
            target=show(raw) if kind is EntryType.SYMLINK else "",
            device=device,
        )
        return entry, content if kind is EntryType.FILE else None

    def _content(self, path: str, pieces: list[_Data]) -> bytes | None:
        size = pieces[-1].size
        if stat.S_ISREG(pieces[-1].mode) and size > MAX_FILE:
            self.gaps.append(Gap(Cause.LIMIT, Where(path=path), f"jffs2: a file of {size} bytes"))
            return None
        out = bytearray()
        for piece in pieces:
            if piece.offset + piece.plain > MAX_FILE:
                continue
            try:
                plain = _decompress(self._data[piece.at : piece.at + piece.packed], piece.compression, piece.plain)
            except NodeError as error:
                self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), f"jffs2: {error}"))
                return None
            if len(out) < piece.offset:
                out += bytes(piece.offset - len(out))
            out[piece.offset : piece.offset + len(plain)] = plain
            if stat.S_ISREG(piece.mode):  # a node may cut the file short
                del out[piece.size :]
        if stat.S_ISREG(pieces[-1].mode) and len(out) < size:
            out += bytes(size - len(out))
        return bytes(out)


def _crc(data: bytes) -> int:
    """Return the checksum as the kernel's crc32(0, ...): no inversion before or after."""
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def _decompress(data: bytes, compression: int, size: int) -> bytes:
    if compression != 1 and max(len(data), size) > MAX_NODE:  # a hole may be long
        raise NodeError(f"a node of {len(data)} bytes for {size}")
    try:
        if compression == 0:
            out = data
        elif compression == 1:
            out = bytes(size)
        elif compression == 2:
            out = _rtime(data, size)
        elif compression == 6:
            out = zlib.decompressobj().decompress(data, size)
        elif compression == 7:
            out = bytes(lzallright.LZOCompressor.decompress(data, output_size_hint=size))
        elif compression == 8:  # OpenWrt's: raw LZMA with these parameters and no header
            filters = [{"id": lzma.FILTER_LZMA1, "lc": 0, "lp": 0, "pb": 0, "dict_size": 0x2000}]
            out = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(data, size)
        else:
            raise NodeError(f"compression {compression} is not supported")
    except NodeError:
        raise
    except DAMAGED as error:
        raise NodeError(f"a node does not decompress: {error}"[:200]) from error
    if len(out) != size:
        raise NodeError(f"a node gives {len(out)} of {size} bytes")
    return out


def _rtime(data: bytes, size: int) -> bytes:
    """Decompress JFFS2's run-length scheme (fs/jffs2/compr_rtime.c): a byte, then how much repeats since its last place."""
    last = [0] * 256
    out = bytearray()
    at = 0
    while len(out) < size:
        if at + 2 > len(data):
            raise NodeError("an rtime node is cut")
        value, repeat = data[at], data[at + 1]
        at += 2
        out.append(value)
        source, last[value] = last[value], len(out)
        for number in range(min(repeat, size - len(out))):
            out.append(out[source + number])
    return bytes(out)

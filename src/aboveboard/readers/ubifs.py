"""UBIFS, in memory (format: Linux, fs/ubifs/ubifs-media.h; all numbers little endian).

Nodes are found by scanning, as recovery does, and for each key the one with the highest sequence number counts; the index
on flash is not trusted. A node whose checksum does not hold is passed over and told.
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import lzallright
import zstandard

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import names
from aboveboard.readers.codec_errors import DAMAGED
from aboveboard.readers.modes import type_of

MAGIC = b"\x31\x18\x10\x06"
HEADER, BLOCK = 24, 4096
INODE, DATA, DENTRY, TRUNCATION = 0, 1, 2, 4
ROOT = 1
MAX_FILE = 1 << 28
MAX_TOTAL = 1 << 31
MAX_ENTRIES = 200_000
MAX_DEPTH = 64


class NodeError(ValueError):
    """A node that is not in form, or does not decompress."""


@dataclass(frozen=True)
class _Inode:
    sequence: int
    size: int
    links: int
    uid: int
    gid: int
    mode: int
    data: bytes


@dataclass
class _Log:
    inodes: dict[int, _Inode] = field(default_factory=dict)
    names: dict[tuple[int, bytes], tuple[int, int]] = field(default_factory=dict)  # (parent, name) -> (sequence, inode)
    blocks: dict[tuple[int, int], tuple[int, int, int]] = field(
        default_factory=dict
    )  # (inode, number) -> (seq, at, length)
    cuts: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # inode -> (sequence, new size)
    damaged: int = 0


class UbiFs:
    """One file system. `walk` yields every entry with its content (None for what is not a readable file)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.gaps: list[Gap] = []
        self._log = self._scan()
        if self._log.damaged:
            self.gaps.append(Gap(Cause.DAMAGED, Where(), f"ubifs: {self._log.damaged} damaged nodes were passed over"))

    def walk(self) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield the entries from the root down; a directory loop is cut and told."""
        below: dict[int, list[tuple[bytes, int]]] = {}
        for (parent, name), (_, inode) in sorted(self._log.names.items()):
            if inode:
                below.setdefault(parent, []).append((name, inode))
        numbers: dict[int, list[int]] = {}
        for inode, number in sorted(self._log.blocks):
            numbers.setdefault(inode, []).append(number)
        pending: list[tuple[str, int, tuple[int, ...]]] = [("/", ROOT, (ROOT,))]
        count, total = 0, 0
        while pending:
            base, directory, above = pending.pop()
            for name, number in below.get(directory, ()):
                path = posixpath.join(base, show(name))
                count += 1
                if count > MAX_ENTRIES or total > MAX_TOTAL:
                    self.gaps.append(Gap(Cause.LIMIT, Where(path=path), "ubifs: too many entries or bytes"))
                    return
                if not names.stays(name):
                    self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), "ubifs: a name that would leave its directory"))
                    continue
                entry, content = self._entry(path, number, numbers.get(number, []))
                if entry is None:
                    continue
                total += len(content or b"")
                yield entry, content
                if entry.type is EntryType.DIRECTORY:
                    if number in above or len(above) > MAX_DEPTH:
                        self.gaps.append(
                            Gap(Cause.DAMAGED, Where(path=path), "ubifs: a directory inside itself, or too deep")
                        )
                    else:
                        pending.append((path, number, (*above, number)))

    def _scan(self) -> _Log:
        log = _Log()
        at = self._data.find(MAGIC)
        while 0 <= at <= len(self._data) - HEADER:
            step = 4
            if at % 8 == 0:
                check, sequence, length, kind = struct.unpack_from("<IQIB", self._data, at + 4)
                if HEADER <= length <= len(self._data) - at:
                    if zlib.crc32(self._data[at + 8 : at + length]) ^ 0xFFFFFFFF == check:
                        self._take(log, kind, sequence, at, length)
                        step = length
                    else:
                        log.damaged += kind in (INODE, DATA, DENTRY)
            at = self._data.find(MAGIC, at + step)
        return log

    def _take(self, log: _Log, kind: int, sequence: int, at: int, length: int) -> None:
        inode, second = struct.unpack_from("<II", self._data, at + HEADER) if length >= HEADER + 8 else (0, 0)
        if kind == INODE and length >= 160:
            (size,) = struct.unpack_from("<Q", self._data, at + 48)
            links, uid, gid, mode, _flags, carried = struct.unpack_from("<6I", self._data, at + 92)
            known = log.inodes.get(inode)
            if known is None or known.sequence < sequence:
                data = self._data[at + 160 : at + min(160 + carried, length)]
                log.inodes[inode] = _Inode(sequence, size, links, uid, gid, mode, data)
        elif kind == DENTRY and length >= 56:
            target, _, _, size = struct.unpack_from("<QBBH", self._data, at + 40)
            name = self._data[at + 56 : at + min(56 + size, length)]
            if log.names.get((inode, name), (-1, 0))[0] < sequence:
                log.names[inode, name] = (sequence, target)
        elif kind == DATA and length >= 48:
            key = (inode, second & 0x1FFFFFFF)
            if log.blocks.get(key, (-1, 0, 0))[0] < sequence:
                log.blocks[key] = (sequence, at, length)
        elif kind == TRUNCATION and length >= 56:
            cut, _, _, new = struct.unpack_from("<I12sQQ", self._data, at + HEADER)
            log.cuts.setdefault(cut, []).append((sequence, new))

    def _entry(self, path: str, number: int, blocks: list[int]) -> tuple[Entry | None, bytes | None]:
        inode = self._log.inodes.get(number)
        kind = None if inode is None else type_of(inode.mode)
        if inode is None or kind is None:
            self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), "ubifs: its inode is not there or not in form"))
            return None, None
        content = self._content(path, number, inode, blocks) if kind is EntryType.FILE else None
        device = None
        if kind in (EntryType.CHARACTER, EntryType.BLOCK) and len(inode.data) in (4, 8):
            raw = int.from_bytes(inode.data, "little")
            device = (raw >> 8 & 0xFFF, raw & 0xFF | raw >> 12 & 0xFFF00)
        return Entry(
            path=path,
            type=kind,
            mode=inode.mode & 0o7777,
            uid=inode.uid,
            gid=inode.gid,
            size=inode.size if kind is EntryType.FILE else 0,
            target=show(inode.data) if kind is EntryType.SYMLINK else "",
            device=device,
        ), content

    def _content(self, path: str, number: int, inode: _Inode, blocks: list[int]) -> bytes | None:
        if inode.size > MAX_FILE:
            self.gaps.append(Gap(Cause.LIMIT, Where(path=path), f"ubifs: a file of {inode.size} bytes"))
            return None
        out = bytearray(inode.size)
        for block in blocks:
            sequence, at, length = self._log.blocks[number, block]
            start = block * BLOCK
            cut = any(later > sequence and new <= start for later, new in self._log.cuts.get(number, ()))
            if cut or start >= inode.size:
                continue
            try:
                plain = self._block(at, length)
            except NodeError as error:
                self.gaps.append(Gap(Cause.DAMAGED, Where(path=path), f"ubifs: {error}"))
                return None
            end = min(start + len(plain), inode.size)
            out[start:end] = plain[: end - start]
        return bytes(out)

    def _block(self, at: int, length: int) -> bytes:
        size, compression = struct.unpack_from("<IH", self._data, at + 40)
        packed = self._data[at + 48 : at + length]
        if size > BLOCK:
            raise NodeError(f"a block of {size} bytes")
        try:
            if compression == 0:
                plain = packed[:size]
            elif compression == 1:
                plain = bytes(lzallright.LZOCompressor.decompress(packed, output_size_hint=size))
            elif compression == 2:
                plain = zlib.decompressobj(wbits=-15).decompress(packed, size)
            elif compression == 3:
                plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
            else:
                raise NodeError(f"compression {compression} is not supported")
        except DAMAGED as error:
            raise NodeError(f"a block does not decompress: {error}"[:200]) from error
        if len(plain) != size:
            raise NodeError(f"a block gives {len(plain)} of {size} bytes")
        return plain

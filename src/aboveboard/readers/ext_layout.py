"""What ext2, ext3 and ext4 keep where: superblock, group descriptors, inodes, block maps and extents.

Source: Linux, Documentation/filesystems/ext4/ (superblock, group_descr, inodes, ifork, blockmap, inlinedata), and
Documentation/filesystems/ext2.rst. All numbers are little endian; block numbers count from the start of the image.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

SUPERBLOCK = 1024  # where it lies, and its size
MAGIC = 0xEF53
EXTENT_MAGIC = 0xF30A
XATTR_MAGIC = 0xEA020000
MAX_EXTENT_DEPTH = 5
MAX_STEPS = 4_000_000  # pointers, extents and directory entries that are looked at in one file system

COMPAT_SPARSE_SUPER2 = 0x200
RO_COMPAT_SPARSE_SUPER = 0x1
FILETYPE, RECOVER, META_BG, BITS_64, LARGE_DIR = 0x2, 0x4, 0x10, 0x80, 0x4000
# filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt, casefold
KNOWN = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000

ENCRYPTED, EXTENTS, INLINE = 0x800, 0x80000, 0x10000000  # flags of an inode


class ExtError(ValueError):
    """A part that contradicts itself or lies outside the image."""


class ExtUnsupportedError(ExtError):
    """A file system with a feature without which it must not be read, and that is not known here."""


class ExtLimitError(ExtError):
    """More work than one file system may cost."""


@dataclass(frozen=True)
class Superblock:
    """What the superblock says, as far as reading needs it; sizes in bytes."""

    inodes: int
    blocks: int
    first_block: int
    block_size: int
    blocks_per_group: int
    inodes_per_group: int
    inode_size: int
    descriptor_size: int
    compatible: int
    incompatible: int
    read_only: int
    first_meta_group: int
    backups: tuple[int, int]


def read_superblock(data: memoryview, at: int = SUPERBLOCK) -> Superblock:
    """Read and check the superblock; raises ExtError, and its subclass for features that are not known."""
    head = bytes(data[at : at + SUPERBLOCK])
    if len(head) < SUPERBLOCK or head[0x38:0x3A] != MAGIC.to_bytes(2, "little"):
        raise ExtError("no superblock")
    inodes, blocks = struct.unpack_from("<II", head)
    first_block, log_block = struct.unpack_from("<II", head, 0x14)
    (blocks_per_group,) = struct.unpack_from("<I", head, 0x20)
    (inodes_per_group,) = struct.unpack_from("<I", head, 0x28)
    (revision,) = struct.unpack_from("<I", head, 0x4C)
    # revision 0 has neither features nor a size of inodes
    inode_size, compatible, incompatible, read_only = 128, 0, 0, 0
    if revision:
        (inode_size,) = struct.unpack_from("<H", head, 0x58)
        compatible, incompatible, read_only = struct.unpack_from("<III", head, 0x5C)
    if incompatible & ~KNOWN:
        raise ExtUnsupportedError(f"features 0x{incompatible & ~KNOWN:x} are not supported")
    descriptor_size = 32
    if incompatible & BITS_64:
        (descriptor_size,) = struct.unpack_from("<H", head, 0xFE)
        blocks |= int.from_bytes(head[0x150:0x154], "little") << 32
    (first_meta_group,) = struct.unpack_from("<I", head, 0x104)
    backups = struct.unpack_from("<II", head, 0x24C)
    block = Superblock(
        inodes,
        blocks,
        first_block,
        1024 << min(log_block, 7),
        blocks_per_group,
        inodes_per_group,
        inode_size,
        descriptor_size,
        compatible,
        incompatible,
        read_only,
        first_meta_group,
        (backups[0], backups[1]),
    )
    _check(block)
    return block


def _check(block: Superblock) -> None:
    """Refuse sizes with which nothing could be found; raises ExtError."""
    if block.block_size > 1 << 16:
        raise ExtError("blocks of more than 64 KiB")
    if not 128 <= block.inode_size <= block.block_size or block.inode_size & (block.inode_size - 1):
        raise ExtError(f"inodes of {block.inode_size} bytes")
    size, least = block.descriptor_size, 64 if block.incompatible & BITS_64 else 32
    if not least <= size <= 1024 or size & (size - 1):
        raise ExtError(f"group descriptors of {size} bytes")
    if not block.blocks_per_group or not block.inodes_per_group:
        raise ExtError("groups without blocks or inodes")


def cut_length(data: bytes, start: int) -> int:
    """Return the bytes that are left of a file system at `start` whose end is missing; 0 where it is whole or is none.

    Two bytes of magic are found in anything: it is one where the superblock is sound and the root is a directory.
    """
    left = len(data) - start
    head = data[start + SUPERBLOCK : start + 2 * SUPERBLOCK]
    copy = int.from_bytes(head[0x5A:0x5C], "little")  # the group of a copy of the superblock
    try:
        block = read_superblock(memoryview(head), at=0)
        if copy or block.blocks * block.block_size <= left:
            return 0
        root = Layout(memoryview(data)[start:]).inode(2)
    except (ExtError, struct.error):
        return 0
    return left if root.mode >> 12 == 4 else 0


@dataclass(frozen=True)
class Inode:
    """One inode; `block` are the 60 bytes that hold its map, its extents, its device or its content."""

    number: int
    mode: int
    uid: int
    gid: int
    size: int
    sectors: int
    flags: int
    attributes: int  # the block of extended attributes, 0 for none
    block: bytes
    extra: bytes = field(repr=False)  # what the inode keeps behind its first 128 bytes


class Layout:
    """Finds inodes and blocks in one image. Raises ExtError for what is damaged, ExtLimitError when it is too much."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.superblock = read_superblock(data)
        self._steps = MAX_STEPS

    def step(self, count: int = 1) -> None:
        """Count work done; raises ExtLimitError when there was too much."""
        self._steps -= count
        if self._steps < 0:
            raise ExtLimitError(f"more than {MAX_STEPS} block pointers and directory entries")

    def block(self, number: int, count: int = 1) -> memoryview:
        """Return `count` blocks from `number` on; raises ExtError outside the file system or the image."""
        size = self.superblock.block_size
        piece = self._data[number * size : (number + count) * size]
        if not 0 < number <= self.superblock.blocks - count or len(piece) < count * size:
            raise ExtError(f"block {number} lies outside")
        return piece

    def inode(self, number: int) -> Inode:
        """Read an inode by its number, from 1 on; raises ExtError."""
        if not 0 < number <= self.superblock.inodes:
            raise ExtError(f"there is no inode {number}")
        group, index = divmod(number - 1, self.superblock.inodes_per_group)
        block, size = self.superblock.block_size, self.superblock.inode_size
        within = index * size
        raw = bytes(self.block(self._inode_table(group) + within // block)[within % block :][:size])
        mode, uid, low = struct.unpack_from("<HHI", raw)
        (gid,) = struct.unpack_from("<H", raw, 0x18)
        sectors, flags = struct.unpack_from("<II", raw, 0x1C)
        acl, high = struct.unpack_from("<II", raw, 0x68)
        sectors_high, acl_high, uid_high, gid_high = struct.unpack_from("<HHHH", raw, 0x74)
        # directories kept an access list where files keep the upper half of their size
        wide = mode >> 12 == 8 or bool(self.superblock.incompatible & LARGE_DIR)
        return Inode(
            number=number,
            mode=mode,
            uid=uid | uid_high << 16,
            gid=gid | gid_high << 16,
            size=low | high << 32 if wide else low,
            sectors=sectors | sectors_high << 32,
            flags=flags,
            attributes=acl | acl_high << 32,
            block=raw[0x28:0x64],
            extra=raw[128:],
        )

    def _inode_table(self, group: int) -> int:
        """Return the first block of a group's inode table (group_descr; blockgroup, "Meta Block Groups")."""
        block = self.superblock
        per_block = block.block_size // block.descriptor_size
        meta, index = divmod(group, per_block)
        at = SUPERBLOCK // block.block_size + 1 + meta
        if block.incompatible & META_BG and meta >= block.first_meta_group:
            first = meta * per_block  # a block of descriptors lies in the first group that it describes
            at = block.first_block + first * block.blocks_per_group + self._has_superblock(first)
            if first == 0:
                at = SUPERBLOCK // block.block_size + 1
        raw = self.block(at)[index * block.descriptor_size :][: block.descriptor_size]
        low = int.from_bytes(raw[8:12], "little")
        return low | int.from_bytes(raw[0x28:0x2C], "little") << 32 if block.descriptor_size >= 64 else low

    def _has_superblock(self, group: int) -> bool:
        """Tell whether a copy of the superblock comes first in a group (blockgroup, "sparse_super")."""
        if self.superblock.compatible & COMPAT_SPARSE_SUPER2:
            return group == 0 or group in self.superblock.backups
        if not self.superblock.read_only & RO_COMPAT_SPARSE_SUPER or group <= 1:
            return True
        return any(_is_power(group, base) for base in (3, 5, 7))

    def runs(self, inode: Inode, blocks: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first block in the file, first block in the image, count) of what is written, up to `blocks`, in order.

        What is missing is a hole, or was set aside and never written: both read as zeros. Raises ExtError.
        """
        if inode.flags & EXTENTS:
            (depth,) = struct.unpack_from("<H", inode.block, 6)
            if depth > MAX_EXTENT_DEPTH:
                raise ExtError(f"extents {depth} levels deep")
            yield from self._extents(inode.block, depth, (0, blocks))
            return
        pointers = struct.unpack_from("<15I", inode.block)
        per_block = self.superblock.block_size // 4
        at = 0
        for number, pointer in enumerate(pointers):
            level = max(0, number - 11)
            if at >= blocks:
                return
            yield from self._mapped(pointer, level, at, blocks)
            at += per_block**level

    def _mapped(self, pointer: int, level: int, at: int, blocks: int) -> Iterator[tuple[int, int, int]]:
        """Follow one pointer of a block map through `level` blocks of pointers (blockmap)."""
        self.step()
        if pointer == 0:
            return
        if level == 0:
            yield at, pointer, 1
            return
        per_block = self.superblock.block_size // 4
        span = per_block ** (level - 1)
        for below in struct.unpack(f"<{per_block}I", self.block(pointer)):
            if at >= blocks:
                return
            yield from self._mapped(below, level - 1, at, blocks)
            at += span

    def _extents(self, node: bytes | memoryview, depth: int, bounds: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
        """Yield what a node of the extent tree and the nodes below it map within `bounds` (ifork, "Extent Tree")."""
        magic, count, _most, level = struct.unpack_from("<4H", node)
        if magic != EXTENT_MAGIC or level != depth or 12 + 12 * count > len(node):
            raise ExtError("a damaged extent node")
        lowest, end = bounds
        for number in range(count):
            self.step()
            if depth:
                first, low, high = struct.unpack_from("<IIH", node, 12 + 12 * number)
                after = end
                if number + 1 < count:
                    (after,) = struct.unpack_from("<I", node, 24 + 12 * number)
                if first >= end:
                    return
                if not lowest <= first < after:
                    raise ExtError("extents out of order")
                yield from self._extents(self.block(low | high << 32), depth - 1, (first, min(after, end)))
                lowest = after
                continue
            first, length, high, low = struct.unpack_from("<IHHI", node, 12 + 12 * number)
            if first >= end:
                return
            if first < lowest or not length:
                raise ExtError("extents out of order")
            written = length <= 1 << 15
            length = length if written else length - (1 << 15)
            lowest = first + length
            if written:
                yield first, low | high << 32, min(length, end - first)

    def inline(self, inode: Inode) -> tuple[bytes, bytes]:
        """Return the content that an inode keeps in itself: 60 bytes, and the rest from its attribute `system.data`.

        Raises ExtError where the attributes contradict themselves (inlinedata, attributes).
        """
        if len(inode.extra) < 4:
            return inode.block, b""
        start = int.from_bytes(inode.extra[:2], "little")
        if inode.extra[start : start + 4] != XATTR_MAGIC.to_bytes(4, "little"):
            return inode.block, b""
        entries = inode.extra[start + 4 :]
        at = 0
        while at + 16 <= len(entries) and entries[at : at + 4] != bytes(4):
            length, index, offset, outside, size = struct.unpack_from("<BBHII", entries, at)
            if index == 7 and entries[at + 16 : at + 16 + length] == b"data":
                if outside or offset + size > len(entries):
                    raise ExtError("its attribute with the content is cut")
                return inode.block, entries[offset : offset + size]
            at += -(-(16 + length) // 4) * 4
        return inode.block, b""


def _is_power(number: int, base: int) -> bool:
    while number > 1 and number % base == 0:
        number //= base
    return number == 1

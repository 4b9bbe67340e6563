"""The file type in a mode (inode(7), S_IFMT), as every file system that Linux writes keeps it."""

from __future__ import annotations

import stat

from aboveboard.model.tree import EntryType

_TYPES = {
    stat.S_IFREG: EntryType.FILE,
    stat.S_IFDIR: EntryType.DIRECTORY,
    stat.S_IFLNK: EntryType.SYMLINK,
    stat.S_IFCHR: EntryType.CHARACTER,
    stat.S_IFBLK: EntryType.BLOCK,
    stat.S_IFIFO: EntryType.FIFO,
    stat.S_IFSOCK: EntryType.SOCKET,
}


def type_of(mode: int) -> EntryType | None:
    """Return what a mode says an entry is, or None where it says nothing that there is."""
    return _TYPES.get(stat.S_IFMT(mode))

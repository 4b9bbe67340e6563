"""A tree made in memory from plain files: for planted known answers and for tests."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from aboveboard.model.canonical import digest
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers.tree import TreeView


def memory_tree(
    files: Mapping[str, bytes],
    *,
    modes: Mapping[str, int] | None = None,
    links: Mapping[str, str] | None = None,
    container: str = "",
) -> TreeView:
    """Return a tree of `files` (absolute path -> content) and `links` (path -> target), directories included."""
    contents = {digest(data): data for data in files.values()}
    entries: dict[str, Entry] = {}
    for path, data in files.items():
        mode = (modes or {}).get(path, 0o755 if data.startswith((b"#!", b"\x7fELF")) else 0o644)
        entries[path] = Entry(path, EntryType.FILE, mode=mode, uid=0, gid=0, size=len(data), digest=digest(data))
    for path, target in (links or {}).items():
        entries[path] = Entry(path, EntryType.SYMLINK, mode=0o777, uid=0, gid=0, target=target)
    for path in list(entries):
        parent = posixpath.dirname(path)
        while parent != "/" and parent not in entries:
            entries[parent] = Entry(parent, EntryType.DIRECTORY, mode=0o755, uid=0, gid=0)
            parent = posixpath.dirname(parent)
    return TreeView(entries.values(), lambda digest, limit: contents[digest][:limit], container=container)

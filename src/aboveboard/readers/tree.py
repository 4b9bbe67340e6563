"""A read-only view of a file tree: path look-up, links followed inside the tree alone, contents by digest."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from aboveboard.model.tree import Entry, EntryType

MAX_LINKS = 40  # as path_resolution(7): more is a loop
MAX_GLOB = 4096  # paths that one pattern gives; a pattern over links that lead upwards could give any number
DEFAULT_READ_LIMIT = 16 * 1024 * 1024


class TreeView:
    """Entries by absolute path, and their contents through `fetch` (digest and how many bytes at most in, bytes out).

    Every path in and out is text as `model.paths.show` writes it. Links never lead out of the tree: `..` stops at the
    root, as in chroot(2).
    """

    def __init__(self, entries: Iterable[Entry], fetch: Callable[[str, int], bytes], *, container: str = "") -> None:
        self.entries: dict[str, Entry] = {entry.path: entry for entry in entries}
        self.container = container
        self.left: set[str] = set()  # files that were not read to their end
        self._fetch = fetch
        self._children: dict[str, list[str]] = {"/": []}
        for path in sorted(self.entries):
            self._add_to_parent(path)

    def _add_to_parent(self, path: str) -> None:
        while path != "/":
            parent = posixpath.dirname(path)
            known = parent in self._children
            self._children.setdefault(parent, []).append(path)
            if known:
                return
            path = parent

    def resolve(self, path: str, *, follow_last: bool = True) -> str | None:
        """Return the path that `path` leads to after links, or None where nothing is there or the links loop."""
        pending = [part for part in path.split("/") if part not in ("", ".")]
        pending.reverse()
        here = "/"
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                here = posixpath.dirname(here)
                continue
            step = posixpath.join(here, part)
            entry = self.entries.get(step)
            if entry is not None and entry.type is EntryType.SYMLINK and (pending or follow_last):
                links += 1
                if links > MAX_LINKS:
                    return None
                if entry.target.startswith("/"):
                    here = "/"
                pending.extend(reversed([p for p in entry.target.split("/") if p not in ("", ".")]))
                continue
            if entry is None and step not in self._children:
                return None
            here = step
        return here

    def entry(self, path: str) -> Entry | None:
        """Return the entry that `path` leads to after links, or None."""
        resolved = self.resolve(path)
        return None if resolved is None else self.entries.get(resolved)

    def exists(self, path: str) -> bool:
        """Tell whether `path` leads to anything."""
        return self.resolve(path) is not None

    def is_file(self, path: str) -> bool:
        """Tell whether `path` leads to a regular file."""
        entry = self.entry(path)
        return entry is not None and entry.type is EntryType.FILE

    def is_directory(self, path: str) -> bool:
        """Tell whether `path` leads to a directory."""
        resolved = self.resolve(path)
        return resolved is not None and (resolved in self._children or self._type(resolved) is EntryType.DIRECTORY)

    def _type(self, resolved: str) -> EntryType | None:
        entry = self.entries.get(resolved)
        return None if entry is None else entry.type

    def listdir(self, path: str) -> list[str]:
        """Return the names in the directory that `path` leads to, sorted; empty where there is none."""
        resolved = self.resolve(path)
        if resolved is None:
            return []
        return sorted(posixpath.basename(child) for child in self._children.get(resolved, ()))

    def head(self, path: str, size: int) -> bytes:
        """Return the first bytes of a file, to see what it is; empty where it cannot be read."""
        entry = self.entry(path)
        if entry is None or entry.type is not EntryType.FILE or not entry.digest or not entry.size:
            return b""
        return self._fetch(entry.digest, size)

    def leave(self, path: str) -> None:
        """Note a file that was not looked at, or not to its end: whoever runs the collector makes a gap of it."""
        self.left.add(self.resolve(path) or path)

    def read(self, path: str, *, limit: int = DEFAULT_READ_LIMIT) -> bytes | None:
        """Return the regular file that `path` leads to, or None where it cannot be read.

        A file of more than `limit` bytes is cut, and noted in `left`.
        """
        entry = self.entry(path)
        if entry is None or entry.type is not EntryType.FILE or not (entry.digest or entry.size == 0):
            return None
        if entry.size > limit:
            self.leave(path)
        return self._fetch(entry.digest, limit) if entry.size else b""

    def text(self, path: str, *, limit: int = DEFAULT_READ_LIMIT) -> str | None:
        """Return the file as text; bytes that are not UTF-8 become U+FFFD (places are lines, never offsets)."""
        data = self.read(path, limit=limit)
        return None if data is None else data.decode("utf-8", "replace")

    def files(self) -> Iterator[Entry]:
        """Yield the regular files in the order of their paths."""
        for path in sorted(self.entries):
            if self.entries[path].type is EntryType.FILE:
                yield self.entries[path]

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match `pattern` as the shell would, one directory at a time, links followed.

        At most `MAX_GLOB` are followed from one directory to the next.
        """
        found = ["/"]
        for part in [p for p in pattern.split("/") if p][:MAX_LINKS]:
            matching = (posixpath.join(base, name) for base in found for name in self._matching(base, part))
            found = list(islice(matching, MAX_GLOB))
        return [path for path in found if path != "/"]

    def _matching(self, base: str, part: str) -> list[str]:
        if not any(character in part for character in "*?["):
            path = posixpath.join(base, part)
            there = path in self.entries or self.exists(path)
            return [part] if there else []
        return [
            name
            for name in self.listdir(base)
            if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
        ]

"""The files that a script sees: what was written before it, else the tree."""

from __future__ import annotations

import fnmatch
import posixpath

from aboveboard.readers.shell.state import Limits, State, Status, known
from aboveboard.readers.tree import TreeView

# What is here at run time and not in the image: the tree cannot say that a path below is absent.
VOLATILE = ("/tmp", "/var", "/proc", "/sys", "/dev", "/run", "/mnt", "/overlay", "/media")  # noqa: S108 - names in an image


class Files:
    """Reads, matches and tests paths in one state."""

    def __init__(self, tree: TreeView, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self._matched: dict[str, list[str]] = {}  # what patterns match in the tree, which does not change

    def absolute(self, path: str, state: State) -> str:
        """Return the path from the root."""
        return path if path.startswith("/") else posixpath.normpath(posixpath.join(state.directory, path))

    def read(self, path: str, state: State) -> str | None:
        """Return a file as the script would see it: what was written before, else the tree."""
        path = self.absolute(path, state)
        if path in state.written:
            return state.written[path]
        resolved = self.tree.resolve(path)
        if resolved is not None and resolved in state.written:
            return state.written[resolved]
        return self.tree.text(path, limit=self.limits.text) if path not in state.removed else None

    def head(self, path: str, state: State) -> str:
        """Return the first characters of a file, to see whether it is a script."""
        path = self.absolute(path, state)
        if path in state.written:
            return state.written[path][:80]
        return self.tree.head(path, 80).decode("utf-8", "replace") if path not in state.removed else ""

    def glob(self, pattern: str, state: State) -> list[str]:
        """Return what a pattern matches in the tree and among the files written."""
        if pattern not in self._matched:
            self._matched[pattern] = self.tree.glob(pattern)
        found = set(self._matched[pattern])
        found |= {
            path for path in state.written if fnmatch.fnmatchcase(path, pattern) and path.count("/") == pattern.count("/")
        }
        return sorted(found)

    def file_test(self, operator: str, path: str, state: State) -> Status:
        """Answer a file test from what was written and from the tree; what lives in memory at run time is not known."""
        if not path:
            return False
        if not known(path):
            return None
        path = self.absolute(path, state)
        if path in state.written:
            return {"-d": False, "-L": False, "-h": False}.get(
                operator, True if operator in ("-e", "-f", "-r", "-s", "-w", "-a") else None
            )
        there = self.tree.exists(path) or path in self.tree.entries
        if not there:
            return None if path.startswith(VOLATILE) or self._below_unknown(path) else False
        return self._of_entry(operator, path)

    def _below_unknown(self, path: str) -> bool:
        """Tell whether the path leads through a link to where memory file systems are mounted."""
        parts = path.split("/")
        for end in range(2, len(parts) + 1):
            entry = self.tree.entries.get("/".join(parts[:end]))
            if entry is not None and entry.target.startswith(VOLATILE):
                return True
        return False

    def _of_entry(self, operator: str, path: str) -> Status:
        entry = self.tree.entry(path)
        if operator == "-d":
            return self.tree.is_directory(path)
        if operator in ("-L", "-h"):
            literal = self.tree.entries.get(path)
            return literal is not None and bool(literal.target)
        if operator == "-f":
            return self.tree.is_file(path)
        if operator == "-x":
            return self.tree.is_directory(path) or (entry is not None and (entry.mode is None or bool(entry.mode & 0o111)))
        if operator == "-s":
            return entry is not None and entry.size > 0
        if operator in ("-c", "-b", "-p", "-S"):
            wanted = {"-c": "character", "-b": "block", "-p": "fifo", "-S": "socket"}[operator]
            return entry is not None and entry.type.value == wanted
        return True if operator in ("-e", "-a", "-r", "-w") else None

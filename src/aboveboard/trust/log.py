"""The log: entries that are only ever added, in C2SP tlog-tiles, under checkpoints that this log's key signs.

What must never happen is that two different trees of one size are signed, or that something signed is lost: so tiles are
on the disk before a checkpoint over them is made, the signed checkpoint is on the disk before anybody can read it, and a
log that is opened again ends what was begun or refuses to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

from aboveboard.trust import tiles
from aboveboard.trust.checkpoint import Checkpoint, check
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.merkle import EMPTY, leaf_hash, root_of
from aboveboard.trust.note import LogKey, Note, check_name, sign
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Read, Tree

CHECKPOINT, BEGUN = "checkpoint", "private/begun"  # what everybody reads; what is signed and not yet published
MAX_BATCH = 1 << 16  # entries


class Store(Protocol):
    """A folder as the log sees it. Paths are relative, with `/`."""

    def read(self, path: str) -> bytes | None:
        """Return the file, None where there is none."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Replace the file, whole or not at all; it need not be durable before `settle`."""
        ...

    def settle(self) -> None:
        """Return once all that was written outlives a power cut."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other writer out meanwhile; raises RefusedError where one is at work."""
        ...


class Log:
    """A log that can be written to: the store, its name and its key."""

    def __init__(self, store: Store, origin: str, key: PrivateKey) -> None:
        check_name(origin)
        self._store = store
        self._key = key
        self.verifier = LogKey(origin, key.public)

    def create(self) -> Checkpoint:
        """Begin an empty log; raises RefusedError where something stands already."""
        with self._store.alone():
            traces = (CHECKPOINT, BEGUN, tiles.path(0, 0, 1), tiles.path(0, 0))
            if any(self._store.read(path) is not None for path in traces):
                raise RefusedError("log-exists", "a log stands here already", hint="take an empty folder")
            return self._publish(Checkpoint(self.verifier.name, 0, EMPTY))

    def append(self, entries: Sequence[bytes]) -> tuple[int, Checkpoint]:
        """Add entries under one new checkpoint; return the index of the first one and the checkpoint.

        Steps: 1 no other writer; 2 what was begun is ended; 3 the tree on the disk is the one that was signed; 4 bundles
        and tiles, durable; 5 the signed checkpoint, durable, for nobody yet; 6 the same one for everybody.
        """
        if not 0 < len(entries) <= MAX_BATCH or any(not 0 < len(entry) <= tiles.MAX_ENTRY for entry in entries):
            raise RefusedError(
                "entry", f"1 to {MAX_BATCH} entries of 1 to {tiles.MAX_ENTRY} bytes", hint="log the digest of what is large"
            )
        with self._store.alone():  # 1
            current = self._recovered()  # 2, 3
            tree = Tree(self._store.read, current.size)
            self._extend(tree, entries)  # 4
            self._store.settle()
            grown = Tree(self._store.read, current.size + len(entries))
            new = Checkpoint(self.verifier.name, grown.size, grown.root())
            return current.size, self._publish(new)  # 5, 6

    def current(self) -> Checkpoint:
        """Return the state that is published; raises RefusedError where it does not hold."""
        data = self._store.read(CHECKPOINT)
        if data is None:
            raise RefusedError("no-log", "there is no checkpoint here", hint="make a log with `log init`")
        return check(data, self.verifier, ()).checkpoint

    def _recovered(self) -> Checkpoint:
        """Return the state to go on from: what was signed and perhaps never shown comes first."""
        current, begun = self.current(), self._store.read(BEGUN)
        if begun is not None:
            signed = check(begun, self.verifier, ()).checkpoint
            if signed.size < current.size or (signed.size == current.size and signed.root != current.root):
                raise RefusedError("rollback", f"{signed.size} entries were begun and {current.size} are published")
            if signed.size > current.size:
                self._agrees(signed)
                self._store.write(CHECKPOINT, begun)
                self._store.settle()
                current = signed
        self._agrees(current)
        return current

    def _agrees(self, checkpoint: Checkpoint) -> None:
        if Tree(self._store.read, checkpoint.size).root() != checkpoint.root:
            raise RefusedError(
                "log-damaged",
                f"the tiles are not those of the {checkpoint.size} entries that were signed",
                hint="restore the folder from a copy; nothing is signed over a tree that changed",
            )

    def _extend(self, tree: Tree, entries: Sequence[bytes]) -> None:
        """Write the bundles and tiles that the new entries touch."""
        full, width = tiles.widths(tree.size, 0)
        kept = tiles.unpack(self._need(tiles.bundle_path(full, width)), width) if width else []
        self._write_rows([*kept, *entries], full, tiles.bundle_path, tiles.pack)
        level, added = 0, [leaf_hash(entry) for entry in entries]
        while added:
            full, width = tiles.widths(tree.size, level)
            row = [*(tree.tile(level, full) if width else ()), *added]
            self._write_rows(row, full, partial(tiles.path, level), b"".join)
            whole = len(row) // tiles.WIDTH
            added = [root_of(row[at * tiles.WIDTH : (at + 1) * tiles.WIDTH]) for at in range(whole)]
            level += 1

    def _write_rows(
        self,
        row: Sequence[bytes],
        first: int,
        name: Callable[[int, int], str],
        form: Callable[[Sequence[bytes]], bytes],
    ) -> None:
        for at in range(0, len(row), tiles.WIDTH):
            part = row[at : at + tiles.WIDTH]
            self._store.write(name(first + at // tiles.WIDTH, len(part)), form(part))

    def _need(self, path: str) -> bytes:
        data = self._store.read(path)
        if data is None:
            raise RefusedError("log-damaged", f"{path} is missing", hint="restore the folder from a copy")
        return data

    def _publish(self, checkpoint: Checkpoint) -> Checkpoint:
        text = checkpoint.to_text()
        data = Note(text, (sign(text, self.verifier.name, self._key),)).to_bytes()
        self._store.write(BEGUN, data)
        self._store.settle()
        self._store.write(CHECKPOINT, data)
        self._store.settle()
        return checkpoint


def bundles(read: Read, size: int) -> Iterator[list[bytes]]:
    """Yield the entries of a log of this size, a bundle at a time; raises RefusedError where one is missing or wrong."""
    full, width = tiles.widths(size, 0)
    for index in range(full + bool(width)):
        wanted = tiles.WIDTH if index < full else width
        data = read(tiles.bundle_path(index, wanted))
        if data is None:
            raise RefusedError("log-damaged", f"{tiles.bundle_path(index, wanted)} is missing")
        yield tiles.unpack(data, wanted)

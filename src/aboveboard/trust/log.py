"""The log: entries that are only ever added, in C2SP tlog-tiles, under checkpoints that this log's key signs.

What must never happen is that two different trees of one size are signed, or that something signed is lost. So the order:

1. journal: the entries and the checkpoint signed over them go into one record of `private/begun`, which is durable before
   anything else happens. Nobody else reads it, so nothing was shown where this fails.
2. tiles: bundles and tiles are put in their places, each whole or not at all, and the checkpoint into the history.
3. checkpoint: only then it is put where everybody reads it.

Steps 2 and 3 need not be durable one by one, for the journal can make them again: after a crash or a power cut the next
writer does just that before it signs anything (`_recovered`), and a log whose files are not those that were signed refuses
to go on. That is one flush to the disk for an entry where tiles, signed state and checkpoint would need three in turn. The
journal forgets its entries only after all that they gave is durable (`settle`): every `FULL` bytes, or when a command ends.
Until then a power cut can leave readers with tiles that are cut; they see an error, never another tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

from aboveboard.trust import journal, tiles
from aboveboard.trust.checkpoint import Checkpoint, check
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.journal import Record
from aboveboard.trust.merkle import EMPTY, leaf_hash, root_of
from aboveboard.trust.note import LogKey, Note, check_name, parse, sign
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Read, Tree

CHECKPOINT, BEGUN = "checkpoint", "private/begun"  # what everybody reads; what is signed and perhaps not whole yet
HISTORY = "checkpoints"  # one file for each size that was published: the signed checkpoint, and who cosigned it first
MAX_BATCH = 1 << 16  # entries
MAX_BATCH_BYTES = 32 << 20
FULL = 1 << 16  # bytes of a journal that is settled


class Store(Protocol):
    """A folder as the log sees it. Paths are relative, with `/`."""

    def read(self, path: str) -> bytes | None:
        """Return the file, None where there is none."""
        ...

    def write(self, path: str, data: bytes, *, lazy: bool = False) -> None:
        """Replace the file, whole or not at all, durable after `settle`; a `lazy` one may be cut by a power cut before."""
        ...

    def record(self, path: str, data: bytes) -> None:
        """Add to the end of a file, durable on return; a failure may leave a part of it, or all."""
        ...

    def settle(self) -> None:
        """Return once all that was written outlives a power cut."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other writer out meanwhile; raises an error where one is at work."""
        ...


class Log:
    """A log that can be written to: the store, its name and its key."""

    def __init__(self, store: Store, origin: str, key: PrivateKey) -> None:
        check_name(origin)
        self._store = store
        self._key = key
        self._journal: bytes | None = None  # as this process left it; None where it does not know
        self._signed = Checkpoint(origin, 0, EMPTY)
        self.verifier = LogKey(origin, key.public)

    def create(self) -> Checkpoint:
        """Begin an empty log; raises RefusedError where something stands already, but for a beginning that was cut off."""
        with self._store.alone():
            new = Checkpoint(self.verifier.name, 0, EMPTY)
            note = self._sign(new)
            traces = (CHECKPOINT, tiles.path(0, 0, 1), tiles.path(0, 0))
            begun = self._store.read(BEGUN) in (None, Record(0, note).to_bytes())
            if not begun or any(self._store.read(path) is not None for path in traces):
                raise RefusedError("log-exists", "a log stands here already", hint="take an empty folder")
            self._begin(new, note)
            return new

    def append(self, entries: Sequence[bytes]) -> tuple[int, Checkpoint]:
        """Add entries under one new checkpoint; return the index of the first one and the checkpoint.

        Steps: 1 no other writer; 2 what was begun is ended, and the tree on the disk is the one that was signed; 3 the new
        state is signed, where no other of its size ever was, and in the journal, durable; 4 bundles, tiles and history; 5
        the checkpoint for everybody. What was added outlives a power cut once this returns.
        """
        sized = 0 < len(entries) <= MAX_BATCH and all(0 < len(entry) <= tiles.MAX_ENTRY for entry in entries)
        if not sized or sum(map(len, entries)) > MAX_BATCH_BYTES:
            raise RefusedError(
                "entry", f"1 to {MAX_BATCH} entries of 1 to {tiles.MAX_ENTRY} bytes", hint="log the digest of what is large"
            )
        with self._store.alone():  # 1
            current = self._recovered()  # 2
            before, self._journal = self._journal or b"", None  # not known again before all has gone well
            files = self._extended(current.size, entries)
            new = self._grown(current.size + len(entries), files)
            self._is_first(new)
            record = Record(current.size, self._sign(new), entries)
            packed = record.to_bytes()
            self._store.record(BEGUN, packed)  # 3
            for path, data in files.items():  # 4
                self._store.write(path, data, lazy=True)
            self._keep(new, record.note, lazy=True)
            self._store.write(CHECKPOINT, record.note, lazy=True)  # 5
            self._journal, self._signed = before + packed, new
            if len(self._journal) > FULL:
                self._settle(record.note)
            return current.size, new

    def settle(self) -> Checkpoint:
        """Return once every file is as durable as the journal; for the end of a command, or before a copy is made."""
        with self._store.alone():
            current = self._recovered()
            if any(record.entries for record in journal.read(self._journal or b"")):
                self._settle(self._newest())
            return current

    def current(self) -> Checkpoint:
        """Return the state that is published; raises RefusedError where it does not hold."""
        data = self._store.read(CHECKPOINT)
        if data is None:
            raise RefusedError("no-log", "there is no checkpoint here", hint="make a log with `log init`")
        return check(data, self.verifier, ()).checkpoint

    def _recovered(self) -> Checkpoint:
        """Return the state to go on from: what was signed and perhaps never shown comes first."""
        begun = self._store.read(BEGUN)
        published = self._store.read(CHECKPOINT)
        if self._journal is None or begun != self._journal or not _says(published, self._signed):
            self._replay(journal.read(begun or b""), published)
        self._agrees(self._signed)
        return self._signed

    def _replay(self, records: list[Record], published: bytes | None) -> None:
        """End what was begun: all that the journal holds is written again, for a power cut may have left it cut.

        The journal first: a process that was killed may have written to it what is not on the disk yet, and nothing may be
        published that a power cut could take out of it.
        """
        self._journal = None
        if not records:
            current = self.current()
            self._agrees(current)
            self._begin(current, published or b"")
            return
        signed = self._state(records[-1].note)
        self._not_behind(published, signed)
        if any(record.entries for record in records):
            self._store.write(BEGUN, b"".join(record.to_bytes() for record in records))
            self._store.settle()
        for record in records:
            if record.entries:
                for path, data in self._extended(record.base, record.entries).items():
                    self._store.write(path, data)
            self._keep(self._state(record.note), record.note)
        self._agrees(signed)
        if not _says(published, signed):
            self._store.settle()
            self._store.write(CHECKPOINT, records[-1].note)
        self._signed = signed
        self._settle(records[-1].note)

    def _state(self, note: bytes) -> Checkpoint:
        return check(note, self.verifier, ()).checkpoint

    def _is_first(self, new: Checkpoint) -> None:
        """Refuse where the history has another tree of this size: the rest of the folder is older than it."""
        try:
            old = self._state(self._store.read(f"{HISTORY}/{new.size}") or b"")
        except RefusedError:
            return  # none, cut by a power cut, or not this log's word
        if (old.size, old.root) != (new.size, new.root):
            raise RefusedError(
                "split-view",
                f"another tree of {new.size} entries was signed before",
                hint="restore the whole folder from its newest copy; nothing is signed that contradicts it",
            )

    def _keep(self, state: Checkpoint, note: bytes, *, lazy: bool = False) -> None:
        """Put a checkpoint into the history; where it stands there already, it bears the first cosignatures."""
        self._is_first(state)
        path = f"{HISTORY}/{state.size}"
        if not _says(self._store.read(path), state):
            self._store.write(path, note, lazy=lazy)

    def _not_behind(self, published: bytes | None, signed: Checkpoint) -> None:
        try:
            shown = self._state(published or b"")
        except RefusedError:
            return  # cut by a power cut; the journal holds what was signed
        if signed.size < shown.size or (signed.size == shown.size and signed.root != shown.root):
            raise RefusedError(
                "rollback",
                f"{signed.size} entries were signed by the journal and {shown.size} are published",
                hint="restore the whole folder from one copy",
            )

    def _agrees(self, checkpoint: Checkpoint) -> None:
        if Tree(self._store.read, checkpoint.size).root() != checkpoint.root:
            raise RefusedError(
                "log-damaged",
                f"the tiles are not those of the {checkpoint.size} entries that were signed",
                hint="restore the folder from a copy; nothing is signed over a tree that changed",
            )

    def _settle(self, note: bytes) -> None:
        """Make all files durable, and only then let the journal forget; the state that was signed last stays in it."""
        self._journal = None
        self._store.settle()
        kept = Record(self._signed.size, note).to_bytes()
        self._store.write(BEGUN, kept)
        self._store.settle()
        self._journal = kept

    def _newest(self) -> bytes:
        return journal.read(self._journal or b"")[-1].note

    def _begin(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Write a journal that holds a state alone, and publish that state."""
        kept = Record(checkpoint.size, note).to_bytes()
        self._store.write(BEGUN, kept)
        self._store.settle()
        self._keep(checkpoint, note)
        self._store.write(CHECKPOINT, note)
        self._store.settle()
        self._journal, self._signed = kept, checkpoint

    def _extended(self, size: int, entries: Sequence[bytes]) -> dict[str, bytes]:
        """Return the bundles and tiles that entries touch which follow the first `size` ones."""
        files: dict[str, bytes] = {}
        tree = Tree(self._store.read, size)
        full, width = tiles.widths(size, 0)
        kept = bundle(self._store.read, full, width) if width else []
        _rows(files, [*kept, *entries], full, tiles.bundle_path, tiles.pack)
        level, added = 0, [leaf_hash(entry) for entry in entries]
        while added:
            full, width = tiles.widths(size, level)
            row = [*(tree.tile(level, full) if width else ()), *added]
            _rows(files, row, full, partial(tiles.path, level), b"".join)
            whole = len(row) // tiles.WIDTH
            added = [root_of(row[at * tiles.WIDTH : (at + 1) * tiles.WIDTH]) for at in range(whole)]
            level += 1
        return files

    def _grown(self, size: int, files: dict[str, bytes]) -> Checkpoint:
        """Return the state over the tiles on the disk and those that are to come."""

        def read(path: str) -> bytes | None:
            return files[path] if path in files else self._store.read(path)

        return Checkpoint(self.verifier.name, size, Tree(read, size).root())

    def _sign(self, checkpoint: Checkpoint) -> bytes:
        text = checkpoint.to_text()
        return Note(text, (sign(text, self.verifier.name, self._key),)).to_bytes()


def origin(store: Store) -> str:
    """Return the name of the log in a folder, which nobody vouches for; of a checkpoint that is cut the journal has it.

    Raises RefusedError where there is no log.
    """
    notes = [record.note for record in journal.read(store.read(BEGUN) or b"")[-1:]]
    published = store.read(CHECKPOINT)
    if not notes and published is None:
        raise RefusedError("no-log", "there is no checkpoint here", hint="make a log with `log init`")
    return Checkpoint.parse(parse((notes or [published or b""])[0]).text).origin


def _says(published: bytes | None, checkpoint: Checkpoint) -> bool:
    """Tell whether the published note has this state for its text; witnesses may have added their lines."""
    try:
        return published is not None and parse(published).text == checkpoint.to_text()
    except RefusedError:
        return False


def _rows(
    files: dict[str, bytes],
    row: Sequence[bytes],
    first: int,
    name: Callable[[int, int], str],
    form: Callable[[Sequence[bytes]], bytes],
) -> None:
    for at in range(0, len(row), tiles.WIDTH):
        part = row[at : at + tiles.WIDTH]
        files[name(first + at // tiles.WIDTH, len(part))] = form(part)


def bundle(read: Read, index: int, width: int) -> list[bytes]:
    """Return the first `width` entries of a bundle; raises RefusedError where it is missing or wrong."""
    path = tiles.bundle_path(index, width)
    data = read(path)
    if data is not None:
        return tiles.unpack(data, width)
    data = read(tiles.bundle_path(index)) if width < tiles.WIDTH else None
    if data is None:
        raise RefusedError("log-damaged", f"{path} is missing", hint="restore the folder from a copy")
    return tiles.unpack(data, tiles.WIDTH)[:width]


def bundles(read: Read, size: int) -> Iterator[list[bytes]]:
    """Yield the entries of a log of this size, a bundle at a time; raises RefusedError where one is missing or wrong."""
    full, width = tiles.widths(size, 0)
    for index in range(full + bool(width)):
        yield bundle(read, index, tiles.WIDTH if index < full else width)

"""A witness: it cosigns a checkpoint only where the log grew out of what it cosigned before (C2SP tlog-witness v1.0.0)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from aboveboard.trust.checkpoint import Checkpoint, WitnessKey, check, cosign
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.merkle import EMPTY, check_consistency
from aboveboard.trust.note import LogKey, check_name, parse
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Tree

if TYPE_CHECKING:
    from aboveboard.trust.log import Store

Growth = Sequence[bytes] | Tree  # a proof, or the tree to make it from


class SplitViewError(RefusedError):
    """Two checkpoints of one log that cannot both be true; both are here, signed, for anyone to see."""

    def __init__(self, code: str, message: str, evidence: tuple[bytes, bytes]) -> None:
        super().__init__(code, message, hint="keep both checkpoints: together they show what the log did")
        self.evidence = evidence


class Memory:
    """Remembers the last checkpoint of each log that was taken, and takes only what grew out of it."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder

    def last(self, log: LogKey) -> Checkpoint:
        """Return the checkpoint of this log that was taken last; of size 0 where there is none."""
        data = self._store.read(self._place(log))
        return Checkpoint(log.name, 0, EMPTY) if data is None else check(data, log, ()).checkpoint

    def compare(self, data: bytes, log: LogKey) -> None:
        """Raise SplitViewError where a checkpoint contradicts the one that was taken last, as far as sizes show it."""
        before, new = self._store.read(self._place(log)), check(data, log, ()).checkpoint
        if before is None:
            return
        old = check(before, log, ()).checkpoint
        if new.size < old.size:
            raise SplitViewError("rollback", f"{new.size} entries, and {old.size} were seen before", (before, data))
        if new.size == old.size and new.root != old.root:
            raise SplitViewError("split-view", f"two trees of {new.size} entries", (before, data))

    def take(self, data: bytes, log: LogKey, growth: Growth) -> None:
        """Remember a checkpoint, durable; raises RefusedError or SplitViewError.

        Steps: 1 the log's signature; 2 not smaller than before, and not another of the same size; 3 `growth` proves that it
        begins with what was taken before; where it is made here, from tiles that lead to the new root and not to the old
        one, both are evidence; 4 remembered.
        """
        new = check(data, log, ()).checkpoint  # 1
        with self._store.alone():
            self.compare(data, log)  # 2
            old = self.last(log)
            proof = self._proof(growth, old, data, new, log) if isinstance(growth, Tree) else growth
            try:  # 3
                check_consistency(old.size, new.size, old.root, new.root, proof)
            except RefusedError as error:
                raise RefusedError("growth", f"it is not shown that the log only grew: {error.message}") from error
            self._store.write(self._place(log), data)  # 4
            self._store.settle()

    def _proof(self, tree: Tree, old: Checkpoint, data: bytes, new: Checkpoint, log: LogKey) -> list[bytes]:
        if tree.size != new.size or tree.root() != new.root:
            raise RefusedError("log-damaged", f"the tiles are not those of the {new.size} entries that were signed")
        if tree.root(old.size) != old.root:
            text = f"the {old.size} entries that were seen before are not the beginning of these {new.size}"
            raise SplitViewError("split-view", text, (self._store.read(self._place(log)) or b"", data))
        return tree.consistency(old.size)

    def _place(self, log: LogKey) -> str:
        return f"{self._folder}/{hashlib.sha256(log.name.encode() + log.public.raw).hexdigest()}"


class Witness:
    """Cosigns what it remembers; it remembers before it signs."""

    def __init__(self, store: Store, name: str, key: PrivateKey) -> None:
        check_name(name)
        self._memory = Memory(store, "witness")
        self._key = key
        self.verifier = WitnessKey(name, key.public)

    def last(self, log: LogKey) -> Checkpoint:
        """Return the checkpoint of this log that was cosigned last; of size 0 where there is none."""
        return self._memory.last(log)

    def cosign(self, data: bytes, log: LogKey, growth: Growth, at: datetime) -> bytes:
        """Return the checkpoint with this witness's cosignature; raises RefusedError or SplitViewError.

        Steps: 1 no key of the log's own; 2 it grew out of what was cosigned before, and is remembered; 3 it is signed.
        """
        if log.public.raw == self._key.public.raw:  # 1
            raise RefusedError("duplicate-key", "a log is no witness of its own")
        self._memory.take(data, log, growth)  # 2
        note = parse(data)  # 3
        return note.signed_by(cosign(note.text, self.verifier.name, self._key, at)).to_bytes()

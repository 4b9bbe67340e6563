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

if TYPE_CHECKING:
    from aboveboard.trust.log import Store


class SplitViewError(RefusedError):
    """Two checkpoints of one log that cannot both be true; both are here, signed, for anyone to see."""

    def __init__(self, code: str, message: str, evidence: tuple[bytes, bytes]) -> None:
        super().__init__(code, message, hint="keep both checkpoints: together they show what the log did")
        self.evidence = evidence


class Witness:
    """Remembers the last checkpoint of each log that it cosigned."""

    def __init__(self, store: Store, name: str, key: PrivateKey) -> None:
        check_name(name)
        self._store = store
        self._key = key
        self.verifier = WitnessKey(name, key.public)

    def last(self, log: LogKey) -> Checkpoint:
        """Return the checkpoint of this log that was cosigned last; of size 0 where there is none."""
        data = self._store.read(_place(log))
        return Checkpoint(log.name, 0, EMPTY) if data is None else check(data, log, ()).checkpoint

    def cosign(self, data: bytes, log: LogKey, growth: Sequence[bytes], at: datetime) -> bytes:
        """Return the checkpoint with this witness's cosignature; raises RefusedError or SplitViewError.

        Steps: 1 the log's signature, and no key of its own; 2 not smaller than before, and not another of the same size;
        3 `growth` proves that it begins with what was cosigned before; 4 remembered, durable, before it is signed.
        """
        if log.public.raw == self._key.public.raw:  # 1
            raise RefusedError("duplicate-key", "a log is no witness of its own")
        new = check(data, log, ()).checkpoint
        with self._store.alone():
            before, old = self._store.read(_place(log)), self.last(log)
            if before is not None and new.size < old.size:  # 2
                raise SplitViewError("rollback", f"{new.size} entries, and {old.size} were seen before", (before, data))
            if before is not None and new.size == old.size and new.root != old.root:
                raise SplitViewError("split-view", f"two trees of {new.size} entries", (before, data))
            try:  # 3
                check_consistency(old.size, new.size, old.root, new.root, growth)
            except RefusedError as error:
                raise RefusedError("growth", f"it is not shown that the log only grew: {error.message}") from error
            self._store.write(_place(log), data)  # 4
            self._store.settle()
        note = parse(data)
        return note.signed_by(cosign(note.text, self.verifier.name, self._key, at)).to_bytes()


def _place(log: LogKey) -> str:
    return f"witness/{hashlib.sha256(log.name.encode() + log.public.raw).hexdigest()}"

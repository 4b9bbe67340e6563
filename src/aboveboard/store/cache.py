"""Results by key, in a plain folder. What comes out is foreign: the caller checks seals and shapes."""

from __future__ import annotations

from pathlib import Path

from aboveboard.model.canonical import JSON, digest, digest_of
from aboveboard.store.files import put_in_place, read_regular, whole


class Cache:
    """Small values by a key that names everything they depend on. A root of None keeps nothing."""

    def __init__(self, root: Path | None) -> None:
        self.root = root

    def get(self, key: JSON) -> bytes | None:
        """Return what was kept under `key`, or None."""
        path = self._path(key)
        return None if path is None else read_regular(path)

    def put(self, key: JSON, value: bytes) -> None:
        """Keep `value` under `key`, whole or not at all."""
        path = self._path(key)
        if path is None:
            return
        with whole(path.parent) as target:
            target.write(value)
        put_in_place(target.name, path)

    def _path(self, key: JSON) -> Path | None:
        if self.root is None:
            return None
        # a text is hashed as it is: for keys that are asked for once for each file
        name = (digest(key.encode()) if isinstance(key, str) else digest_of(key)).partition(":")[2]
        return self.root / name[:2] / name[2:]

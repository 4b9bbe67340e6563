"""Results by key, in a plain folder. What comes out is foreign: the caller checks seals and shapes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aboveboard.model.canonical import JSON, canonical, digest, digest_of, load
from aboveboard.model.errors import InputError
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

    def get_sealed(self, key: JSON) -> JSON:
        """Return the value that `put_sealed` kept under `key`; None where there is none or it was cut or changed.

        The seal keeps nobody from writing a false one: it tells a file that was cut, or written by another hand, from ours.
        """
        seal, _, data = (self.get(key) or b"").partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() != seal:
            return None
        try:
            value = load(data)
            # an escape is how a lone surrogate would come in; most values hold none, and need no second look
            return value if b"\\ud" not in data.lower() or canonical(value) == data else None
        except InputError:
            return None

    def put_sealed(self, key: JSON, value: JSON) -> None:
        """Keep a value under `key` with a seal of its own, for a value that has none in it."""
        data = canonical(value)
        self.put(key, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)

    def _path(self, key: JSON) -> Path | None:
        if self.root is None:
            return None
        # a text is hashed as it is: for keys that are asked for once for each file
        name = (digest(key.encode()) if isinstance(key, str) else digest_of(key)).partition(":")[2]
        return self.root / name[:2] / name[2:]

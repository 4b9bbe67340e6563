"""A store in memory that fails at its n-th step, and that loses in a power cut what was not settled."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator


class Memory:
    """Fails at the step `dies_at`: the step was not made, was made all the same, or was made in part."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.durable: dict[str, bytes] = {}  # what a power cut leaves for certain
        self.lazy: set[str] = set()
        self.named: set[str] = set()
        self.added: set[str] = set()  # what was added to a file, and not flushed
        self.writes = 0
        self.dies_at = -1
        self.how = "failed"

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def write(self, path: str, data: bytes, *, lazy: bool = False) -> None:
        dies = self._step()
        if dies and self.how != "persisted":
            raise OSError(28, "No space left on device")
        self.files[path] = data
        (self.lazy if lazy else self.named).add(path)
        self.added.discard(path)
        if dies:
            raise OSError(28, "No space left on device")

    def record(self, path: str, data: bytes) -> None:
        dies = self._step()
        if dies:
            part = {"failed": b"", "persisted": data, "torn": data[: len(data) // 2]}[self.how]
            self.files[path] += part
            self.added.add(path)
            raise OSError(28, "No space left on device")
        assert path not in self.lazy
        self.files[path] += data
        self.durable[path] = self.files[path]
        self.added.discard(path)

    def settle(self) -> None:
        dies = self._step()
        if not dies or self.how == "persisted":
            self.durable.update({path: self.files[path] for path in self.lazy | self.named})
            self.lazy, self.named = set(), set()
        if dies:
            raise OSError(5, "Input/output error")

    def power_cut(self, chance: random.Random) -> None:
        """Lose, for each file by itself, what was not settled; a lazy one may also be cut."""
        for path in self.lazy | self.named:
            fates = [self.files[path], self.durable.get(path)]
            if path in self.lazy:
                fates += [b"", self.files[path][: chance.randrange(len(self.files[path]) + 1)]]
            kept = chance.choice(fates)
            if kept is None:
                del self.files[path]
            else:
                self.files[path] = kept
        for path in self.added:
            known = len(self.durable[path])
            self.files[path] = self.files[path][: chance.randrange(known, len(self.files[path]) + 1)]
        self.durable = dict(self.files)
        self.lazy, self.named, self.added = set(), set(), set()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        yield

    def _step(self) -> bool:
        self.writes += 1
        return self.writes == self.dies_at

"""An audit: every entry is hashed again, and every tile compared, up to the checkpoint of a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aboveboard.trust import tiles
from aboveboard.trust.checkpoint import Witnessed
from aboveboard.trust.log import CHECKPOINT, bundles
from aboveboard.trust.merkle import leaf_hash, root_of
from aboveboard.trust.policy import Policy
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Read, Tree


@dataclass(frozen=True)
class Audited:
    """What an audit found in order."""

    witnessed: Witnessed
    entries: int
    tiles: int


def audit(read: Read, policy: Policy, each: Callable[[int, bytes], None] | None = None) -> Audited:
    """Check a whole log; raises RefusedError for the first thing that is not as it was signed.

    `each` is handed every entry with its index as it is read, so that nothing need be read twice; what it was handed counts
    only once the audit has returned.

    Steps: 1 the checkpoint and its quorum; 2 every bundle, entry by entry; 3 every tile of every level; 4 the root.
    """
    data = read(CHECKPOINT)
    if data is None:
        raise RefusedError("no-log", "there is no checkpoint here", hint="give the folder of a log")
    witnessed = policy.check(data)  # 1
    size = witnessed.checkpoint.size
    tree = Tree(read, size)
    row = _Row(tree, 0)
    index = 0
    for entries in bundles(read, size):  # 2
        for entry in entries:
            row.add(leaf_hash(entry))  # 3
            if each is not None:
                each(index, entry)
            index += 1
    count = row.finish()
    if tree.root() != witnessed.checkpoint.root:  # 4
        raise RefusedError("log-damaged", "the entries do not lead to the root that was signed")
    return Audited(witnessed, size, count)


class _Row:
    """One level of tiles, compared as its hashes come; what a full tile gives goes to the level above."""

    def __init__(self, tree: Tree, level: int) -> None:
        self._tree = tree
        self._level = level
        self._held: list[bytes] = []
        self._index = 0
        self._above: _Row | None = None

    def add(self, one: bytes) -> None:
        """Take the next hash."""
        self._held.append(one)
        if len(self._held) == tiles.WIDTH:
            self._compare()
            self._above = self._above or _Row(self._tree, self._level + 1)
            self._above.add(root_of(self._held))
            self._held = []

    def finish(self) -> int:
        """Compare what is left; return how many tiles this level and those above have."""
        if self._held:
            self._compare()
        return self._index + (self._above.finish() if self._above else 0)

    def _compare(self) -> None:
        if self._tree.tile(self._level, self._index) != self._held:
            raise RefusedError("log-damaged", f"tile {self._index} of level {self._level} is not what its entries give")
        self._index += 1

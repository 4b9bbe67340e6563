"""Reads a hash tree from its tiles: the root, and proofs of inclusion and of growth.

Tiles bear no signature. What is read here is only as good as the check of a proof, or of the root, against a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable

from aboveboard.trust import tiles
from aboveboard.trust.merkle import EMPTY, node_hash, root_of
from aboveboard.trust.refusal import RefusedError

Read = Callable[[str], bytes | None]
_KEPT = 4096  # tiles in memory


class Tree:
    """The tree of the first `size` entries."""

    def __init__(self, read: Read, size: int) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def tile(self, level: int, index: int) -> list[bytes]:
        """Return the hashes of a tile, as many as it has in a tree of this size; raises RefusedError."""
        key = (level, index)
        if key not in self._tiles:
            full, partial = tiles.widths(self.size, level)
            width = tiles.WIDTH if index < full else partial
            if index > full or not width:
                raise RefusedError("tile", f"there is no tile {index} of level {level} in a tree of {self.size}")
            if len(self._tiles) >= _KEPT:
                self._tiles.clear()
            self._tiles[key] = self._hashes(level, index, width)
        return self._tiles[key]

    def _hashes(self, level: int, index: int, width: int) -> list[bytes]:
        """Read a tile; a partial one may be gone once the full one is there (tlog-tiles, Partial Tiles)."""
        data = self._read(tiles.path(level, index, width))
        if data is not None:
            return tiles.hashes(data, width)
        data = self._read(tiles.path(level, index)) if width < tiles.WIDTH else None
        if data is None:
            raise RefusedError("tile", f"{tiles.path(level, index, width)} is missing", hint="the log is not whole")
        return tiles.hashes(data, tiles.WIDTH)[:width]

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` entries, all of them by default."""
        size = self.size if size is None else size
        return self._range(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the entry at `index` is among the first `size` (RFC 6962 section 2.1.1)."""
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise RefusedError("proof", f"there is no entry {index} among {size} of {self.size}")
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the first `old` entries are the beginning of the first `size` (RFC 6962 section 2.1.2)."""
        size = self.size if size is None else size
        if not 0 <= old <= size <= self.size:
            raise RefusedError("proof", f"a tree of {size} entries did not grow out of {old}")
        if old in (0, size):
            return []
        proof: list[bytes] = []
        start, end, whole = 0, size, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        return proof[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """Return the root over the entries from `start` to `end`, where a subtree of the tree begins at `start`."""
        length = end - start
        if length & (length - 1) == 0:
            return self._node(length.bit_length() - 1, start)
        middle = start + _split(length)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _node(self, height: int, start: int) -> bytes:
        """Return the root of the full subtree of 2^height entries that begins at `start`."""
        level, above = divmod(height, 8)
        index, offset = divmod(start >> 8 * level, tiles.WIDTH)
        return root_of(self.tile(level, index)[offset : offset + (1 << above)])


def _split(length: int) -> int:
    """Return the largest power of two below `length`."""
    return 1 << (length - 1).bit_length() - 1

"""The hash tree of the log: RFC 6962 section 2.1, proofs checked as RFC 9162 sections 2.1.3.2 and 2.1.4.2 do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from aboveboard.trust.refusal import RefusedError

HASH = 32  # bytes
EMPTY = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry; the 0 before it keeps an entry from passing for a node."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    if not hashes:
        return EMPTY
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` of the tree of `size` leaves with this root; raises RefusedError.

    The number of hashes is fixed by index and size: a longer or shorter proof is refused before anything is computed.
    """
    if not 0 <= index < size:
        raise RefusedError("proof", f"there is no entry {index} among {size}")
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(proof) != inner + border or any(len(one) != HASH for one in (leaf, root, *proof)):
        raise RefusedError("proof", f"a proof of {len(proof)} hashes, entry {index} of {size} has {inner + border}")
    found = leaf
    for level, sibling in enumerate(proof[:inner]):
        found = node_hash(sibling, found) if index >> level & 1 else node_hash(found, sibling)
    for sibling in proof[inner:]:
        found = node_hash(sibling, found)
    if found != root:
        raise RefusedError("proof", "the proof leads to another root: the entry is not in this tree at this place")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `old` leaves is the beginning of the tree of `new` leaves; raises RefusedError."""
    if not 0 <= old <= new:
        raise RefusedError("proof", f"a tree of {new} entries cannot grow out of one of {old}")
    if any(len(one) != HASH for one in (old_root, new_root, *proof)):
        raise RefusedError("proof", "a hash has 32 bytes")
    if old in (0, new):
        _check_nothing_to_prove(old, new, old_root, new_root, proof)
        return
    lowest = (old & -old).bit_length() - 1  # the height of the last full subtree of the old tree
    node, last = old - 1 >> lowest, new - 1 >> lowest
    hashes = list(proof) if node else [old_root, *proof]
    if len(hashes) != 1 + _siblings(node, last):
        raise RefusedError("proof", f"a proof of {len(proof)} hashes from {old} to {new} entries: too long or too short")
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if first != old_root or second != new_root:
        raise RefusedError("proof", "the later tree does not begin with the earlier one")


def _check_nothing_to_prove(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise RefusedError("proof", "nothing grew or there was nothing before, so there is nothing to prove")
    if old == new and old_root != new_root:
        raise RefusedError("split-view", f"two trees of {old} entries with different roots")
    if old == 0 and old_root != EMPTY:
        raise RefusedError("proof", "the root of no entries is the hash of nothing")


def _siblings(node: int, last: int) -> int:
    """Return how many hashes lead from a node to the root of a tree whose last node of this level is `last`."""
    inner = (node ^ last).bit_length()
    return inner + (node >> inner).bit_count()

"""Cases 40 to 51: notes, checkpoints, proofs, tiles, and a log that is cut off in the middle."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.errors import AboveboardError
from aboveboard.store.folder import FolderStore
from aboveboard.trust import journal, note, tiles
from aboveboard.trust.audit import audit
from aboveboard.trust.checkpoint import Checkpoint, check
from aboveboard.trust.log import BEGUN, CHECKPOINT, HISTORY, Log, origin
from aboveboard.trust.merkle import EMPTY, check_consistency, check_inclusion, leaf_hash, node_hash, root_of
from aboveboard.trust.note import LogKey, Note, sign
from aboveboard.trust.policy import Policy
from aboveboard.trust.proof import Proof
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Tree
from tests.attacks.disk import Memory
from tests.attacks.keys import LOG, ORIGIN, OTHER, refused

VERIFIER = LogKey(ORIGIN, LOG.public)
NOBODY = Policy(VERIFIER, (), {}, "none")


def entries(count: int, first: int = 0) -> list[bytes]:
    return [b"entry %d" % number for number in range(first, first + count)]


def made(count: int) -> tuple[Memory, Log]:
    store = Memory()
    log = Log(store, ORIGIN, LOG)
    log.create()
    if count:
        log.append(entries(count))
    return store, log


def signed(text: str) -> bytes:
    return Note(text, (sign(text, ORIGIN, LOG),)).to_bytes()


def checkpoint_text(size: object, root: str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=") -> str:
    return f"{ORIGIN}\n{size}\n{root}\n"


GOOD = signed(Checkpoint(ORIGIN, 3, root_of([leaf_hash(one) for one in entries(3)])).to_text())


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n\n", b"\n\t\n"),
        lambda data: data.replace(b"\n\n", b"\n"),
        lambda data: data.replace("—".encode(), b"-"),
        lambda data: data.replace(b"\n\n", b"\n\n\n"),
        lambda data: data + b"more\n",
        lambda data: b"\xff" + data,
        lambda data: b"",
    ],
)
def test_40_notes_out_of_form(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(RefusedError) as caught:
        check(change(GOOD), VERIFIER, ())
    assert caught.value.code in ("note-form", "unsigned", "signature", "checkpoint-form", "base64")


def test_40_the_signatures_begin_after_the_last_empty_line() -> None:
    text = "a\n\nb\n"
    assert note.parse(Note(text, (sign(text, ORIGIN, LOG),)).to_bytes()).text == text


def test_41_another_origin_under_the_right_key() -> None:
    text = Checkpoint("log.example/other", 0, EMPTY).to_text()
    refused("origin", lambda: check(signed(text), VERIFIER, ()))


def test_41_another_key_under_the_right_name() -> None:
    text = Checkpoint(ORIGIN, 0, EMPTY).to_text()
    refused("signature", lambda: check(Note(text, (sign(text, ORIGIN, OTHER),)).to_bytes(), VERIFIER, ()))


@pytest.mark.parametrize("size", ["070", "+7", " 7", "\N{ARABIC-INDIC DIGIT SEVEN}", "7_0", "-1", 1 << 63])
def test_42_sizes_that_are_no_decimal_number(size: object) -> None:
    refused("number", lambda: check(signed(checkpoint_text(size)), VERIFIER, ()))


@pytest.mark.parametrize(
    ("code", "size", "root"),
    [
        ("checkpoint-form", 3, "YWJj"),
        ("base64", 3, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="),
        ("checkpoint-form", 0, "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="),
    ],
)
def test_43_roots_that_are_none(code: str, size: int, root: str) -> None:
    refused(code, lambda: check(signed(checkpoint_text(size, root)), VERIFIER, ()))


def test_44_inclusion_proofs_of_another_length_index_or_leaf() -> None:
    leaves = [leaf_hash(one) for one in entries(7)]
    root = root_of(leaves)
    store, _ = made(7)
    tree = Tree(store.read, 7)
    for index in range(7):
        proof = tree.inclusion(index)
        check_inclusion(index, 7, leaves[index], proof, root)
        for bad in (proof[:-1], [*proof, proof[-1]], [bytes(32), *proof[1:]], []):
            refused("proof", lambda bad=bad, index=index: check_inclusion(index, 7, leaves[index], bad, root))  # type: ignore[misc]
        for other in (index + 1, index - 1, 7, -1):
            refused("proof", lambda o=other, p=proof, i=index: check_inclusion(o, 7, leaves[i], p, root))  # type: ignore[misc]
    refused("proof", lambda: check_inclusion(0, 1, leaf_hash(b"theirs"), [], leaf_hash(b"mine")))


def test_45_a_node_is_no_entry() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    forged = b"\1" + left + right
    assert leaf_hash(forged) != node_hash(left, right)
    refused("proof", lambda: check_inclusion(0, 1, leaf_hash(forged), [], node_hash(left, right)))


@given(old=st.integers(0, 40), new=st.integers(0, 40), at=st.integers(0, 10))
@settings(max_examples=300, deadline=None)
def test_46_only_the_one_proof_of_growth_is_taken(old: int, new: int, at: int) -> None:
    leaves = [leaf_hash(one) for one in entries(40)]
    store, _ = made(40)
    tree, before, after = Tree(store.read, 40), root_of(leaves[:old]), root_of(leaves[:new])
    if old > new:
        refused("proof", lambda: check_consistency(old, new, before, after, []))
        return
    proof = tree.consistency(old, new)
    check_consistency(old, new, before, after, proof)
    for bad in (proof[:at] + proof[at + 1 :], [*proof[:at], bytes(32), *proof[at:]], proof[::-1]):
        if bad != proof:
            refused("proof", lambda bad=bad: check_consistency(old, new, before, after, bad))  # type: ignore[misc]
    if 0 < old < new:
        refused("proof", lambda: check_consistency(old, new, after, after, proof))
        refused("proof", lambda: check_consistency(old, new, before, before, proof))
        refused("proof", lambda: check_consistency(old, old, before, before, proof))


def test_46_two_roots_of_one_size_are_two_views() -> None:
    refused("split-view", lambda: check_consistency(3, 3, leaf_hash(b"a"), leaf_hash(b"b"), []))


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600])
def test_49_a_tile_or_bundle_that_was_changed(count: int) -> None:
    store, log = made(count)
    assert audit(store.read, NOBODY).entries == count
    for path in [path for path in store.files if path.startswith("tile/")]:
        kept = store.files[path]
        for bad in (kept[:-1], kept + b"\0", bytes([kept[0] ^ 1]) + kept[1:], b""):
            store.files[path] = bad
            with pytest.raises(RefusedError) as caught:
                audit(store.read, NOBODY)
            assert caught.value.code in ("tile", "log-damaged")
            store.files[path] = kept
        del store.files[path]
        with pytest.raises(RefusedError):
            audit(store.read, NOBODY)
        store.files[path] = kept
    assert log.append([b"more"])[0] == count


def test_49_two_tiles_swapped() -> None:
    store, _ = made(600)
    one, two = tiles.path(0, 0), tiles.path(0, 1)
    store.files[one], store.files[two] = store.files[two], store.files[one]
    refused("log-damaged", lambda: audit(store.read, NOBODY))


def test_49_the_paths_of_tiles() -> None:
    assert tiles.path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.path(1, 0, 3) == "tile/1/000.p/3"
    assert tiles.bundle_path(999, 256) == "tile/entries/999"


def test_50_a_proof_is_bound_to_its_entry() -> None:
    store, _ = made(300)
    data = Proof(7, tuple(Tree(store.read, 300).inclusion(7)), store.files[CHECKPOINT]).to_bytes()
    proof = Proof.parse(data)
    assert proof.to_bytes() == data
    proof.check(b"entry 7", NOBODY)
    refused("proof", lambda: proof.check(b"entry 8", NOBODY))
    refused("proof", lambda: replace(proof, index=8).check(b"entry 7", NOBODY))


def test_57_a_time_stamp_of_an_authority_is_refused_as_unsupported() -> None:
    """RFC 3161, section 2.4.2: a TimeStampResp is a SEQUENCE in DER. Whose it is and for which digest is not asked."""
    granted = bytes.fromhex("3082") + (600).to_bytes(2, "big") + bytes.fromhex("3003020100") + bytes(591)
    for data in (granted, granted[:40], b"\x30"):
        refused("unsupported", lambda data=data: Proof.parse(data))  # type: ignore[misc]


@pytest.mark.parametrize("how", ["failed", "persisted", "torn"])
@pytest.mark.parametrize("count", [1, 256, 700])
def test_51_a_log_that_dies_at_any_write_loses_and_contradicts_nothing(count: int, how: str) -> None:
    """Every checkpoint that anybody could have read must be a beginning of the log as it stands in the end."""
    store, log = made(300)
    begun = store.writes
    log.append(entries(count, 1000))
    log.settle()
    needed = store.writes - begun
    for dies_at in range(1, needed + 1):
        store, log = made(300)
        seen = [store.files[CHECKPOINT]]
        store.dies_at, store.how = store.writes + dies_at, how
        with pytest.raises(OSError, match=r"space|Input"):
            settled(log, count)
        seen.append(store.files[CHECKPOINT])
        store.dies_at = -1
        signed = [record.note for record in journal.read(store.files[BEGUN])]
        for again in (log, Log(store, ORIGIN, LOG)):  # the same process goes on, and another one later
            again.append([b"something else"])
            contradicts_nothing(store, [*seen, *signed, store.files[CHECKPOINT]])


@pytest.mark.parametrize("seed", range(60))
def test_51_a_power_cut_at_any_moment_loses_and_contradicts_nothing(seed: int) -> None:
    """What is not settled may be there, be gone or be cut, each file for itself; what an append returned must be there."""
    chance = random.Random(seed)
    store, log = made(chance.choice([0, 1, 200, 255, 256, 511]))
    seen, returned = [store.files[CHECKPOINT]], 0
    for _ in range(4):
        store.dies_at, store.how = store.writes + chance.randrange(1, 40), chance.choice(["failed", "persisted", "torn"])
        with contextlib.suppress(OSError):
            for _ in range(12):
                index, now = log.append(entries(chance.choice([1, 1, 3, 256]), 5000))
                returned = max(returned, now.size)
                assert index < now.size
                seen.append(store.files[CHECKPOINT])
        seen.append(store.files[CHECKPOINT])
        store.dies_at = -1
        store.power_cut(chance)
        log = Log(store, ORIGIN, LOG)
        index, _ = log.append([b"afterwards"])
        assert index >= returned
        contradicts_nothing(store, [*seen, store.files[CHECKPOINT]])


def settled(log: Log, count: int) -> None:
    log.append(entries(count, 1000))
    log.settle()


def contradicts_nothing(store: Memory, seen: list[bytes]) -> None:
    last = audit(store.read, NOBODY).witnessed.checkpoint
    tree = Tree(store.read, last.size)
    for data in seen:
        one = check(data, VERIFIER, ()).checkpoint
        check_consistency(one.size, last.size, one.root, last.root, tree.consistency(one.size))


def test_51_a_log_whose_entries_were_cut_signs_nothing_more() -> None:
    store, log = made(300)
    for path in [path for path in store.files if path.startswith("tile/0/001")]:
        del store.files[path]
    with pytest.raises(RefusedError):
        log.append([b"more"])


def test_51_a_checkpoint_put_back_is_noticed() -> None:
    store, log = made(300)
    old = store.files[CHECKPOINT]
    log.append([b"more"])
    store.files[CHECKPOINT] = old
    index, new = log.append([b"other"])
    assert (index, new.size) == (301, 302)  # what was signed stays


def test_51_an_old_copy_of_all_but_the_history_signs_no_second_tree() -> None:
    store, log = made(300)
    old = dict(store.files)
    log.append([b"more"])
    store.settle()
    newer = {path: data for path, data in store.files.items() if path.startswith(HISTORY)}
    store.files = {**old, **newer}
    refused("split-view", lambda: Log(store, ORIGIN, LOG).append([b"other"]))
    assert store.files[CHECKPOINT] == old[CHECKPOINT]
    assert Log(store, ORIGIN, LOG).append([b"more"])[0] == 300  # what was signed once may be signed again


def test_51_of_a_checkpoint_that_is_cut_the_journal_has_the_name() -> None:
    store, _ = made(3)
    store.files[CHECKPOINT] = store.files[CHECKPOINT][:20]
    assert origin(store) == ORIGIN
    assert Log(store, origin(store), LOG).append([b"more"])[0] == 3
    assert check(store.files[HISTORY + "/3"], VERIFIER, ()).checkpoint.size == 3


def test_51_one_writer_at_a_time(tmp_path: Path) -> None:
    one, two = FolderStore(tmp_path), FolderStore(tmp_path)
    Log(one, ORIGIN, LOG).create()
    with one.alone(), pytest.raises(AboveboardError, match="in use"):
        Log(two, ORIGIN, LOG).append([b"x"])


def test_an_entry_has_a_size() -> None:
    _, log = made(1)
    for bad in ([], [b""], [bytes(65_536)]):
        refused("entry", lambda bad=bad: log.append(bad))  # type: ignore[misc]

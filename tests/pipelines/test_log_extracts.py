"""Extracts of a log: they answer as the whole log does, come back as they were written, and are refused when changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.attacks.disk import Memory
from tests.attacks.keys import LOG, NOW, OTHER, refused

from aboveboard.model.canonical import canonical, digest_of
from aboveboard.pipelines.canaries import seen_of
from aboveboard.pipelines.log import LogView, State
from aboveboard.pipelines.log_extracts import extract, from_json, to_json
from aboveboard.trust.checkpoint import Checkpoint
from aboveboard.trust.entry import Entry
from aboveboard.trust.log import Log
from aboveboard.trust.note import LogKey, Note, sign
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import parse_json
from aboveboard.trust.tree import Tree

ORIGIN = "log.example/canary"
KEY = LogKey(ORIGIN, LOG.public).to_text()
IMAGES = [f"sha256:{number:064x}" for number in range(4)]
FOUND = (
    (0, Entry("canary", "a" * 64, {"supplier": "Acme", "sequence": 1, "canary": "1" * 64})),
    (2, Entry("canary", "b" * 64, {"supplier": "Beta", "sequence": 7, "canary": "2" * 64})),
    (3, Entry("release", IMAGES[0][7:], {"supplier": "Acme", "product": "AR-1", "version": "1"})),
    (4, Entry("release", IMAGES[1][7:], {"supplier": "Acme", "product": "AR-1", "version": "1"})),
    (5, Entry("release", IMAGES[2][7:], {"supplier": "Acme", "product": "AR-1", "version": "2"})),
    (6, Entry("release", IMAGES[3][7:], {"note": "b\u00e9ta \u2014"})),
    (8, Entry("verdict", "c" * 64, {})),
)


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def grown() -> Tree:
    """Return the tree of nine entries; two of them are not ours."""
    store = Memory()
    log = Log(store, ORIGIN, LOG)
    log.create()
    ours = dict(FOUND)
    log.append([ours[index].to_bytes() if index in ours else b"not ours" for index in range(9)])
    return Tree(store.read, 9)


TREE = grown()


def root(size: int) -> bytes:
    return TREE.root(size)


def signed(size: int, origin: str = ORIGIN) -> bytes:
    text = Checkpoint(origin, size, root(size)).to_text()
    return Note(text, (sign(text, origin, LOG),)).to_bytes()


def view(times: tuple[int, ...] = (5, 1, 3, 9), *, witnessed: bool = True) -> LogView:
    sizes = (1, 3, 6, 9)
    states = tuple(
        State(size, root(size), at(hours) if witnessed else None, signed(size))
        for size, hours in zip(sizes, times, strict=True)
    )
    latest = at(max(times)) if witnessed else None
    return LogView(KEY, ORIGIN, 9, root(9), states, witnessed, latest, signed(9), FOUND, tree=TREE)


def all_of(whole: LogView) -> LogView:
    """Return the whole view with its proofs, as if all of it had been asked for."""
    inclusion = {index: tuple(TREE.inclusion(index)) for index, _ in FOUND}
    growth = {state.size: tuple(TREE.consistency(state.size)) for state in whole.states}
    return replace(whole, inclusion=inclusion, growth=growth)


WHOLE = view()
FULL = all_of(WHOLE)
PART = extract(WHOLE, ["Acme"], [IMAGES[0]], [(1, root(1))])
DATA = canonical(to_json(PART))


def test_an_extract_holds_what_was_asked_for_and_other_images_of_the_same_release() -> None:
    assert [index for index, _ in PART.found] == [0, 3, 4]
    assert [state.size for state in PART.states] == [1, 3, 6, 9]
    assert extract(WHOLE, [], [], []).found == ()
    assert [state.size for state in extract(WHOLE, [], [], []).states] == [9]
    assert [state.size for state in extract(WHOLE, [], [], [(3, root(1)), (6, root(6))]).states] == [6, 9]
    assert [index for index, _ in extract(WHOLE, [], [IMAGES[3]], []).found] == [6]  # without a name it has no others


@pytest.mark.parametrize("made", [FULL, PART, all_of(view(witnessed=False)), extract(WHOLE, [], [], [])])
def test_what_was_written_is_read_as_it_was(made: LogView) -> None:
    assert from_json(to_json(made)) == made
    assert from_json(parse_json(canonical(to_json(made)))) == made
    assert from_json(json.loads(json.dumps(to_json(made), indent=1))) == made


@given(
    times=st.tuples(*[st.integers(0, 9)] * 4),
    witnessed=st.booleans(),
    images=st.sets(st.sampled_from(IMAGES)),
    suppliers=st.sets(st.sampled_from(["Acme", "Beta"])),
    cited=st.sets(st.sampled_from([1, 3, 6, 9])),
)
@settings(max_examples=200, deadline=None)
def test_an_extract_answers_as_the_whole_log_does(
    times: tuple[int, ...], *, witnessed: bool, images: set[str], suppliers: set[str], cited: set[int]
) -> None:
    whole = view(times, witnessed=witnessed)
    part = extract(whole, suppliers, images, {(size, root(size)) for size in cited})
    assert from_json(to_json(part)) == part
    assert extract(part, suppliers, images, {(size, root(size)) for size in cited}) == part
    for image in images:  # what is asked of one image alone has one digest, wherever it was taken from
        assert extract(part, [], [image], []) == extract(whole, [], [image], [])
    for index, _ in part.found:
        assert part.seen_at(index) == whole.seen_at(index)
    for supplier in suppliers:
        ours, theirs = seen_of(part, supplier), seen_of(whole, supplier)
        assert ours.newest == theirs.newest
        for size in cited:
            for hours in range(10):
                place = Checkpoint(ORIGIN, size, root(size))
                assert ours.began_with(place, at(hours)) == theirs.began_with(place, at(hours))


@given(place=st.integers(0, len(DATA) - 1), bits=st.integers(1, 255))
@settings(max_examples=1500, deadline=None)
def test_any_flipped_byte_is_refused_or_changes_nothing(place: int, bits: int) -> None:
    changed = DATA[:place] + bytes([DATA[place] ^ bits]) + DATA[place + 1 :]
    try:
        found = from_json(parse_json(changed))
    except RefusedError:
        return
    assert found == PART


def resealed(**changes: Any) -> dict[str, Any]:
    body = {**json.loads(DATA), **changes}
    body.pop("seal")
    return {**body, "seal": digest_of(body)}


def states(*rows: tuple[int, str | None]) -> list[dict[str, Any]]:
    given = to_json(FULL)["states"]
    assert isinstance(given, list)
    known = {one["size"]: one for one in given}
    return [{**known[size], "seen_at": time} for size, time in rows]


ENTRY = json.loads(DATA)["entries"][0]


T1, T9 = "2026-12-01T01:00:00Z", "2026-12-01T09:00:00Z"


def noted(note: bytes) -> list[dict[str, Any]]:
    return [{**states((1, T1))[0], "checkpoint": note.decode()}, *states((9, T9))]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"aboveboard": "log-extract/2"}, "form"),
        ({"more": 1}, "form"),
        ({"key": LogKey(ORIGIN, OTHER.public).to_text()}, "signature"),
        ({"key": LogKey("log.example/other", LOG.public).to_text()}, "signature"),
        ({"key": "log.example"}, "key-form"),
        ({"origin": "log.example/other"}, "checkpoint"),
        ({"size": 8}, "checkpoint"),
        ({"size": True}, "number"),
        ({"size": -1}, "number"),
        ({"root": "AAAA"}, "root"),
        ({"checkpoint": "nothing"}, "note-form"),
        ({"checkpoint": signed(6).decode()}, "checkpoint"),
        ({"checkpoint": ""}, "text"),
        ({"witnessed": 1}, "true or false"),
        ({"witnessed": False}, "quorum"),
        ({"latest": None}, "newest time"),
        ({"latest": T1}, "newest time"),
        ({"latest": "yesterday"}, "time"),
        ({"states": []}, "last state"),
        ({"states": states((1, T1), (3, T1))}, "last state"),
        ({"states": states((3, T1), (1, T1), (9, T9))}, "grow"),
        ({"states": states((1, None), (9, T9))}, "quorum"),
        ({"states": [1]}, "object"),
        ({"states": "x"}, "list"),
        ({"entries": [{}] * 10_001}, "at most"),
        ({"entries": [{"index": 0}]}, "object"),
        ({"entries": [{**ENTRY, "entry": {"kind": "canary"}}]}, "proof"),
        ({"entries": [{**ENTRY, "entry": {**ENTRY["entry"], "sha256": "d" * 64}}]}, "proof"),
        ({"entries": [{**ENTRY, "index": 9}]}, "proof"),
        ({"entries": [{**ENTRY, "index": 1}]}, "proof"),
        ({"entries": [{**ENTRY, "proof": ENTRY["proof"][:-1]}]}, "proof"),
        ({"entries": [{**ENTRY, "proof": ["AAAA"]}]}, "root of 3 bytes"),
        ({"entries": [{**ENTRY, "proof": ENTRY["proof"] * 99}]}, "at most"),
        ({"entries": [ENTRY] * 2}, "order"),
        ({"states": [{**states((1, T1))[0], "size": 2}, *states((9, T9))]}, "proof"),
        ({"states": noted(signed(3))}, "the state of 1"),
        ({"states": noted(signed(1, "log.example/2"))}, "sign"),
        ({"states": noted(signed(1) + b"x" * 70_000)}, "too long"),
        ({"states": noted(b"")}, "missing"),
        ({"states": noted(signed(1).split("\u2014".encode())[0])}, "unsigned"),
        ({"states": [{**states((1, T1))[0], "root": states((3, T1))[0]["root"]}, *states((9, T9))]}, "proof"),
    ],
)
def test_what_is_no_extract_is_refused_even_with_a_seal(changes: dict[str, Any], why: str) -> None:
    assert why in refused("log-extract", lambda: from_json(resealed(**changes))).message


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, {"aboveboard": "log-extract/1"}, b"x", {1: 2}])
def test_what_is_not_even_an_object_of_ours(value: object) -> None:
    refused("log-extract", lambda: from_json(value))


def test_values_that_have_no_canonical_form_are_refused() -> None:
    for odd in (1.5, float("nan"), b"x", {1: 2}, 1 << 60, "\ud800"):
        refused("log-extract", lambda odd=odd: from_json({**json.loads(DATA), "latest": odd}))  # type: ignore[misc]


def change(**fields: Any) -> Callable[[], object]:
    return lambda: to_json(replace(FULL, **fields))


def test_an_extract_is_not_made_without_its_proofs() -> None:
    refused("log-extract", lambda: extract(replace(WHOLE, tree=None), ["Acme"], [], []))
    refused("log-extract", lambda: to_json(WHOLE))


def test_what_would_not_be_read_again_is_not_written() -> None:
    refused("log-extract", change(states=WHOLE.states[:-1]))
    refused("log-extract", change(latest=datetime(1970, 1, 1, tzinfo=UTC)))
    refused("log-extract", change(latest=at(9) + timedelta(microseconds=1)))
    refused("log-extract", change(found=FOUND[:1] * 2))
    refused("log-extract", change(checkpoint=signed(6)))
    refused("log-extract", change(checkpoint=b"\xff"))

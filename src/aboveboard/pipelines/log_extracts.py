"""What the judge needs of a log, small enough to travel with the evidence: a view with a few entries and states.

Its checkpoint is signed by the log, and it brings the proofs that its entries stand under that checkpoint and that its
states are beginnings of it, so that neither hangs on who made the extract. Each state has the checkpoint with the
cosignatures that show when a quorum had seen it: whoever has a policy holds the times against them
(`bundle_log.times_hold`). What hangs on who made it is that there are no other entries of this kind: that is checked by
taking the extract from the log again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from aboveboard.model.canonical import JSON, canonical, digest_of
from aboveboard.model.errors import InputError
from aboveboard.pipelines import paper_times
from aboveboard.pipelines.log import LogView, Proofs, State
from aboveboard.trust.checkpoint import Checkpoint, check
from aboveboard.trust.entry import Entry
from aboveboard.trust.merkle import HASH, check_consistency, check_inclusion, leaf_hash
from aboveboard.trust.note import ED25519, MAX_NOTE, LogKey, parse_key
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import LAST_SIZE, decode_base64, encode_base64, format_time, parse_json, parse_time
from aboveboard.trust.tree import Tree

FORM = "log-extract/1"
MAX_ENTRIES, MAX_STATES, MAX_PROOF = 10_000, 20_000, 2 * 63  # hashes
MAX_STATE_NOTE = 1 << 16  # bytes
CANARY, RELEASE = "canary", "release"
RELEASE_NAME = ("supplier", "product", "version")  # by which two images are called one release
_FIELDS = frozenset("aboveboard key origin size root states witnessed latest checkpoint entries seal".split())
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # what a time in a document can be, see `parse_time`


def extract(
    view: LogView,
    suppliers: Collection[str],
    images: Collection[str],
    cited: Collection[tuple[int, bytes]],
    papers: Collection[str] = (),
) -> LogView:
    """Return the view with what concerns these suppliers' canaries, these images (`sha256:...`) and these papers alone.

    Of the entries those of the canaries, and of the releases: those of the images, and any other image that the log calls
    the same release; of agreements and records those that name one of `papers` (SHA-256 in hexadecimal). Of the states the
    last one, those that are cited (size and root), and for each entry the one by which a quorum had first seen it. What is
    asked of the extract about them has the same answer as of the whole view, and an extract of an extract is the same as
    one of the view. Raises RefusedError where the log is no longer whole.
    """
    ours = [entry for _, entry in view.entries(RELEASE) if f"sha256:{entry.digest}" in images]
    names = {name for entry in ours if (name := release_name(entry)) is not None}
    kept = tuple(
        (index, entry)
        for index, entry in view.found
        if (entry.kind == CANARY and entry.about.get("supplier") in suppliers)
        or (entry.kind in paper_times.KINDS and entry.digest in papers)
        or (entry.kind == RELEASE and (f"sha256:{entry.digest}" in images or release_name(entry) in names))
    )
    needed = {view.size, *_covering(view, (index for index, _ in kept))}
    states = tuple(state for state in view.states if state.size in needed or (state.size, state.root) in cited)
    inclusion = {index: _proof(view, view.inclusion, index, Tree.inclusion) for index, _ in kept}
    growth = {state.size: _proof(view, view.growth, state.size, Tree.consistency) for state in states}
    return replace(view, found=kept, states=states, inclusion=inclusion, growth=growth, tree=None)


def _proof(view: LogView, known: Mapping[int, Proofs], place: int, make: Callable[[Tree, int], list[bytes]]) -> Proofs:
    if place in known:
        return known[place]
    if view.tree is None:
        raise RefusedError("log-extract", f"there is no proof for {place}", hint="take the extract from the log itself")
    return tuple(make(view.tree, place))


def release_name(entry: Entry) -> tuple[str, ...] | None:
    """Return supplier, product and version of an entry of a release; None where it does not say all three."""
    found = [entry.about.get(field) for field in RELEASE_NAME]
    texts = tuple(one for one in found if isinstance(one, str) and one)
    return texts if len(texts) == len(RELEASE_NAME) else None


def _covering(view: LogView, indices: Iterable[int]) -> set[int]:
    """Return the sizes of the states by which each entry was seen first: by their time, then by their size."""
    order = sorted(view.states, key=lambda state: (state.seen_at is None, state.seen_at or _EARLIEST, state.size))
    found = (next((state.size for state in order if state.size > index), None) for index in indices)
    return {size for size in found if size is not None}


def to_json(view: LogView) -> dict[str, JSON]:
    """Return the extract as JSON; raises RefusedError `log-extract` for a view that is too large, or would not be read."""
    body: dict[str, JSON] = {
        "aboveboard": FORM,
        "key": view.key,
        "origin": view.origin,
        "size": view.size,
        "root": encode_base64(view.root),
        "states": [
            {
                "size": one.size,
                "root": encode_base64(one.root),
                "seen_at": _text(one.seen_at),
                "checkpoint": one.note.decode("utf-8", "replace"),
                "proof": _hashes(view.growth, one.size),
            }
            for one in view.states
        ],
        "witnessed": view.witnessed,
        "latest": _text(view.latest),
        "checkpoint": view.checkpoint.decode("utf-8", "replace"),
        "entries": [
            {"index": index, "entry": parse_json(entry.to_bytes()), "proof": _hashes(view.inclusion, index)}
            for index, entry in view.found
        ],
    }
    made: dict[str, JSON] = {**body, "seal": digest_of(body)}
    if from_json(made) != view:
        raise RefusedError("log-extract", "the view would be read as another one")
    return made


def _hashes(proofs: Mapping[int, Proofs], place: int) -> list[JSON]:
    return [encode_base64(one) for one in proofs.get(place, ())]


def _text(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def from_json(value: object) -> LogView:
    """Return the view that `to_json` wrote; raises RefusedError `log-extract` for anything else.

    Steps: 1 the closed shape and its bounds; 2 the seal over all of it, against damage; 3 the checkpoint is signed by the
    key, and has the origin, size and root that are stated; 4 the states grow, each is proven a beginning of the last one,
    which is the checkpoint's, and has its own checkpoint, signed by the key; a time is there where witnesses were asked; 5
    the entries in their order, each in its one form and proven to stand where it is said to.
    """
    try:
        body = _closed(value)  # 1
        return _view(body)
    except (RefusedError, InputError) as error:
        raise RefusedError("log-extract", error.message, hint="take the extract from the log again") from error


def _closed(value: object) -> Mapping[str, JSON]:
    body = _object(value, _FIELDS)
    if body["aboveboard"] != FORM:
        raise RefusedError("form", "not an extract of this form")
    if body["seal"] != digest_of({name: item for name, item in body.items() if name != "seal"}):  # 2
        raise RefusedError("seal", "the extract is not the one that was sealed")
    return body


def _view(body: Mapping[str, JSON]) -> LogView:
    key, witnessed = _string(body["key"]), body["witnessed"]
    if type(witnessed) is not bool:
        raise RefusedError("form", "witnessed is true or false")
    here = Checkpoint(_string(body["origin"]), _size(body["size"]), _root(body["root"]))
    data = _string(body["checkpoint"], MAX_NOTE).encode("utf-8")
    if check(data, _log_key(key), ()).checkpoint != here:  # 3
        raise RefusedError("checkpoint", "the checkpoint is not of the state that is stated")
    states, growth = _states(body["states"], here, _log_key(key))
    latest = _time(body["latest"])
    _check_states(states, here, latest, witnessed=witnessed)  # 4
    found, inclusion = _entries(body["entries"], here)  # 5
    return LogView(key, here.origin, here.size, here.root, states, witnessed, latest, data, found, inclusion, growth)


def _log_key(text: str) -> LogKey:
    name, kind, public = parse_key(text)
    if kind != ED25519 or LogKey(name, public).to_text() != text:
        raise RefusedError("key-type", "not the verifier key of a log")
    return LogKey(name, public)


def _check_states(states: tuple[State, ...], here: Checkpoint, latest: datetime | None, *, witnessed: bool) -> None:
    if not states or (states[-1].size, states[-1].root) != (here.size, here.root):
        raise RefusedError("form", "the last state is not the log's own")
    if not _growing([state.size for state in states]):
        raise RefusedError("form", "the states do not grow")
    times = [state.seen_at for state in states if state.seen_at is not None]
    if len(times) != (len(states) if witnessed else 0):
        raise RefusedError("form", "a state has a time where the policy asks for a quorum, and only there")
    if times and (latest is None or latest < max(times)):
        raise RefusedError("form", "a state was seen after the newest time")


def _growing(numbers: list[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


def _states(value: object, here: Checkpoint, log: LogKey) -> tuple[tuple[State, ...], dict[int, Proofs]]:
    states: list[State] = []
    proofs: dict[int, Proofs] = {}
    for one in _list(value, MAX_STATES):
        body = _object(one, frozenset({"size", "root", "seen_at", "checkpoint", "proof"}))
        note = _string(body["checkpoint"], MAX_STATE_NOTE).encode("utf-8")
        state = State(_size(body["size"]), _root(body["root"]), _time(body["seen_at"]), note)
        proofs[state.size] = _read_proof(body["proof"])
        check_consistency(state.size, here.size, state.root, here.root, proofs[state.size])
        if check(note, log, ()).checkpoint != Checkpoint(here.origin, state.size, state.root):
            raise RefusedError("checkpoint", f"the checkpoint is not of the state of {state.size} entries")
        states.append(state)
    return tuple(states), proofs


def _entries(value: object, here: Checkpoint) -> tuple[tuple[tuple[int, Entry], ...], dict[int, Proofs]]:
    found: list[tuple[int, Entry]] = []
    proofs: dict[int, Proofs] = {}
    for one in _list(value, MAX_ENTRIES):
        body = _object(one, frozenset({"index", "entry", "proof"}))
        index, data = _size(body["index"]), canonical(body["entry"])
        proofs[index] = _read_proof(body["proof"])
        check_inclusion(index, here.size, leaf_hash(data), proofs[index], here.root)
        found.append((index, Entry.parse(data)))
    if not _growing([index for index, _ in found]):
        raise RefusedError("form", "the entries are not in their order")
    return tuple(found), proofs


def _read_proof(value: object) -> Proofs:
    return tuple(_root(one) for one in _list(value, MAX_PROOF))


def _object(value: object, fields: frozenset[str]) -> Mapping[str, JSON]:
    if not isinstance(value, dict) or set(value) != fields:
        raise RefusedError("form", f"an object with {', '.join(sorted(fields))} is wanted")
    return value


def _list(value: object, most: int) -> list[object]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise RefusedError("form", f"a list of at most {most} is wanted")
    return list(value)


def _string(value: object, most: int = 1000) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise RefusedError("form", "a text is missing or too long")
    return value


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LAST_SIZE:
        raise RefusedError("form", "a number is missing, or out of range")
    return value


def _root(value: object) -> bytes:
    root = decode_base64(_string(value))
    if len(root) != HASH:
        raise RefusedError("form", f"a root of {len(root)} bytes")
    return root


def _time(value: object) -> datetime | None:
    return None if value is None else parse_time(value)

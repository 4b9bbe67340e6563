"""What the judge needs of a log, small enough to travel with the evidence: a view with a few entries and states.

An extract holds what was found in the whole log by whoever made it. Its checkpoint is signed by the log and is checked
again on reading; that these entries stand under it, and that no others of their kind do, is the word of whoever seals the
extract with the evidence, and is checked by taking the extract from the log again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from aboveboard.model.canonical import JSON, canonical, digest_of
from aboveboard.model.errors import InputError
from aboveboard.pipelines.log import LogView, State
from aboveboard.trust.checkpoint import Checkpoint, check
from aboveboard.trust.entry import Entry
from aboveboard.trust.merkle import HASH
from aboveboard.trust.note import ED25519, MAX_NOTE, LogKey, parse_key
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import LAST_SIZE, decode_base64, encode_base64, format_time, parse_json, parse_time

FORM = "log-extract/1"
MAX_ENTRIES, MAX_STATES = 10_000, 20_000
CANARY, RELEASE = "canary", "release"
RELEASE_NAME = ("supplier", "product", "version")  # by which two images are called one release
_FIELDS = frozenset("aboveboard key origin size root states witnessed latest checkpoint entries seal".split())
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # what a time in a document can be, see `parse_time`


def extract(
    view: LogView, suppliers: Collection[str], images: Collection[str], cited: Collection[tuple[int, bytes]]
) -> LogView:
    """Return the view with what concerns these suppliers' canaries and these images (`sha256:...`) alone.

    Of the entries those of the canaries, and of the releases: those of the images, and any other image that the log calls
    the same release. Of the states the last one, those that are cited (size and root), and for each entry the one by which
    a quorum had first seen it. What is asked of the extract about them has the same answer as of the whole view, and an
    extract of an extract is the same as one of the view.
    """
    ours = [entry for _, entry in view.entries(RELEASE) if f"sha256:{entry.digest}" in images]
    names = {name for entry in ours if (name := release_name(entry)) is not None}
    kept = tuple(
        (index, entry)
        for index, entry in view.found
        if (entry.kind == CANARY and entry.about.get("supplier") in suppliers)
        or (entry.kind == RELEASE and (f"sha256:{entry.digest}" in images or release_name(entry) in names))
    )
    needed = {view.size, *_covering(view, (index for index, _ in kept))}
    states = tuple(state for state in view.states if state.size in needed or (state.size, state.root) in cited)
    return replace(view, found=kept, states=states)


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
            {"size": state.size, "root": encode_base64(state.root), "seen_at": _text(state.seen_at)}
            for state in view.states
        ],
        "witnessed": view.witnessed,
        "latest": _text(view.latest),
        "checkpoint": view.checkpoint.decode("utf-8", "replace"),
        "entries": [{"index": index, "entry": parse_json(entry.to_bytes())} for index, entry in view.found],
    }
    made: dict[str, JSON] = {**body, "seal": digest_of(body)}
    if from_json(made) != view:
        raise RefusedError("log-extract", "the view would be read as another one")
    return made


def _text(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def from_json(value: object) -> LogView:
    """Return the view that `to_json` wrote; raises RefusedError `log-extract` for anything else.

    Steps: 1 the closed shape and its bounds; 2 the seal over all of it, against damage; 3 the checkpoint is signed by the
    key, and has the origin, size and root that are stated; 4 the states grow, the last one is the checkpoint's, and a time
    is there where witnesses were asked; 5 the entries in their order, each in its one form and within the log.
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
    states = tuple(_state(one) for one in _list(body["states"], MAX_STATES))
    latest = _time(body["latest"])
    _check_states(states, here, latest, witnessed=witnessed)  # 4
    found = tuple(_entry(one) for one in _list(body["entries"], MAX_ENTRIES))  # 5
    if not _growing([index for index, _ in found]) or any(index >= here.size for index, _ in found):
        raise RefusedError("form", "the entries are not in their order, or beyond the log")
    return LogView(key, here.origin, here.size, here.root, states, witnessed, latest, data, found)


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


def _state(value: object) -> State:
    body = _object(value, frozenset({"size", "root", "seen_at"}))
    return State(_size(body["size"]), _root(body["root"]), _time(body["seen_at"]))


def _entry(value: object) -> tuple[int, Entry]:
    body = _object(value, frozenset({"index", "entry"}))
    return _size(body["index"]), Entry.parse(canonical(body["entry"]))


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

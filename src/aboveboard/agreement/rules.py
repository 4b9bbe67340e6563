"""What the fields of an agreement mean together: each rule says everything that breaks it.

The rules take a value that may be out of form in places, so that one reading names all that is wrong; what is out of form
is reported by `shape`, and a rule passes it over.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aboveboard.agreement.shape import Path, Problem, is_open, texts
from aboveboard.model.standard import Profile

MAX_YEARS = 10
# What cannot be seen, or turns the order of what is seen. Ranges, not categories: those differ between versions of Python.
_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_HTML = re.compile(r"<(?=[A-Za-z/!?])")


def broken(value: Any, clauses: Sequence[str], profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Yield every rule that the value breaks."""
    yield from _characters(value)
    yield from _sequence(value)
    yield from _profile(value, profiles)
    yield from _clauses(value, clauses, profiles)
    yield from _limits(value, profiles)
    yield from _products(value)
    yield from _keys(value)
    yield from _evidence(value, clauses)
    yield from _term(value)


def at(value: Any, *path: str | int) -> Any:
    """Return the part of a value at a path, None where there is none."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _items(value: Any, *path: str | int) -> list[tuple[Path, Any]]:
    found = at(value, *path)
    return [((*path, number), item) for number, item in enumerate(found)] if isinstance(found, list) else []


def _words(value: Any, *path: str | int) -> list[tuple[Path, str]]:
    return [(place, item) for place, item in _items(value, *path) if isinstance(item, str) and not is_open(item)]


def _twice(words: Sequence[tuple[Path, str]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, word in words:
        if word in seen:
            yield Problem(path, f"{what} {word!a} is there twice")
        seen.add(word)


def _characters(value: Any) -> Iterator[Problem]:
    for path, text in texts(value):
        free = path == ("text",)
        hidden = _HIDDEN.search(text.replace("\n", "") if free else text)
        if hidden:
            yield Problem(path, f"holds a character that cannot be seen, or that moves others: {hidden[0]!a}")
        if not unicodedata.is_normalized("NFC", text):
            yield Problem(path, f"{text[:60]!a} is not in Unicode's composed form (NFC): type it again")
        if text != text.strip():
            yield Problem(path, "begins or ends with a blank")
        if free and _HTML.search(text):
            yield Problem(path, "holds HTML, which shows something else than it says: use plain Markdown")


def _sequence(value: Any) -> Iterator[Problem]:
    number, amends = at(value, "sequence"), at(value, "amends")
    if type(number) is int and isinstance(value, dict) and "amends" in value and not is_open(amends):
        if number == 1 and amends is not None:
            yield Problem(("amends",), "the agreement itself amends nothing: null")
        if number > 1 and amends is None:
            yield Problem(("amends",), "an amendment names the digest of what it amends")


def _asked(value: Any, profiles: Mapping[str, Profile]) -> Profile | None:
    name = at(value, "profile", "name")
    return profiles.get(name) if isinstance(name, str) else None


def _profile(value: Any, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    name, digest = at(value, "profile", "name"), at(value, "profile", "digest")
    if not isinstance(name, str) or is_open(name):
        return
    if name not in profiles:
        yield Problem(("profile", "name"), f"there is no profile {name[:60]!a}; there are: {', '.join(profiles)}")
    elif isinstance(digest, str) and not is_open(digest) and digest != profiles[name].digest:
        yield Problem(("profile", "digest"), f"is not that of the profile {name}: {profiles[name].digest}")


def _unknown(words: Sequence[tuple[Path, str]], clauses: Sequence[str]) -> Iterator[Problem]:
    for path, word in words:
        if word not in clauses:
            look = "" if word.isascii() else ", though it may look like one"
            yield Problem(path, f"{word[:60]!a} is no clause of the standard{look}")


def _clauses(value: Any, clauses: Sequence[str], profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    required = _words(value, "clauses", "required")
    waivers = [((*path, "clause"), at(item, "clause")) for path, item in _items(value, "clauses", "waived")]
    waived = [(path, word) for path, word in waivers if isinstance(word, str) and not is_open(word)]
    yield from _unknown([*required, *waived], clauses)
    yield from _twice(required, "the clause")
    yield from _twice(waived, "the waiver of")
    for path, word in waived:
        if word in {one for _, one in required}:
            yield Problem(path, f"{word!a} is required and waived")
    profile = _asked(value, profiles)
    if profile is None or at(value, "clauses") is None:
        return
    for path, word in waived:
        if word in clauses and word not in profile.required:
            yield Problem(path, f"{word} is not asked by the profile {profile.name}, so there is nothing to waive")
    named = {word for _, word in [*required, *waived]}
    for missing in (clause for clause in profile.required if clause not in named):
        yield Problem(("clauses",), f"the profile asks {missing}: require it, or waive it with a reason")


def _limits(value: Any, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    profile = _asked(value, profiles)
    if profile is None:
        return
    floors = {"bytes_explained": profile.bytes_explained, "programs_identified": profile.programs_identified}
    for name, floor in floors.items():
        given = at(value, "limits", name)
        if type(given) is int and given < floor:
            yield Problem(("limits", name), f"{given} is weaker than the profile's {floor}")


def _products(value: Any) -> Iterator[Problem]:
    names: list[tuple[Path, str]] = []
    images: dict[str, int] = {}
    for path, item in _items(value, "products"):
        name, version = at(item, "name"), at(item, "version")
        if isinstance(name, str) and isinstance(version, str) and not is_open(name):
            names.append((path, f"{name} {version}"))
        for place, image in _words(value, *path, "images"):
            if image in images:
                other = "another product" if images[image] != path[1] else "this product"
                yield Problem(place, f"the image is in {other} already: {image[:80]!a}")
            images[image] = int(path[1])
    yield from _twice(names, "the product")


def _keys(value: Any) -> Iterator[Problem]:
    held: dict[str, str] = {}
    roles = at(value, "roles")
    for role in roles if isinstance(roles, dict) else ():
        keys = _words(value, "roles", role, "keys")
        for path, key in keys:
            if key in held:
                yield Problem(path, f"the key {key[:64]!a} speaks for {held[key]} already: a key is in one role, once")
            held[key] = role
        threshold, listed = at(roles, role, "threshold"), at(roles, role, "keys")
        if type(threshold) is int and isinstance(listed, list) and threshold > len(listed):
            yield Problem(("roles", role, "threshold"), f"{threshold} of {len(listed)} keys can never sign")


def _evidence(value: Any, clauses: Sequence[str]) -> Iterator[Problem]:
    roles, named = at(value, "roles"), at(value, "evidence", "clauses")
    clauses_named = list(named) if isinstance(named, dict) else []
    yield from _unknown([(("evidence", "clauses", str(clause)), str(clause)) for clause in clauses_named], clauses)
    places: list[Path] = [("evidence", "default"), *(("evidence", "clauses", clause) for clause in clauses_named)]
    for path in places:
        words = _words(value, *path)
        yield from _twice(words, "the role")
        for place, role in words:
            if isinstance(roles, dict) and role not in roles:
                yield Problem(place, f"nobody holds the role {role[:40]!a}: give it keys under roles")


def _term(value: Any) -> Iterator[Problem]:
    times: list[str] = []
    for name in ("from", "until"):
        text = at(value, "term", name)
        if isinstance(text, str) and not is_open(text) and text.isascii():
            try:
                datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            except ValueError:
                yield Problem(("term", name), f"there is no such time: {text[:40]}")
                continue
            times.append(text)
    if len(times) < 2:
        return
    since, until = times
    if until <= since:
        yield Problem(("term", "until"), "the term ends before it begins")
    elif until > f"{int(since[:4]) + MAX_YEARS:04}{since[4:]}":
        yield Problem(("term", "until"), f"the term is longer than {MAX_YEARS} years")

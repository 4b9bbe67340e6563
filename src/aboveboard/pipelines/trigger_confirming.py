"""Confirms candidates for hidden triggers by running the program: in its own tree, or alone with its libraries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from aboveboard.evidence.collector import MAX_FILE, Needs
from aboveboard.evidence.confirming.candidate import Candidate, Confirmation, Constant, Effect, Outcome
from aboveboard.evidence.confirming.confirm import Confirmer
from aboveboard.evidence.confirming.surroundings import alone, of_tree
from aboveboard.evidence.confirming.words import documents
from aboveboard.evidence.runner import tree_of
from aboveboard.evidence.services import Boot, Service
from aboveboard.jail import Sinks
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError, JailError
from aboveboard.model.facts import Fact
from aboveboard.pipelines.triggers import Looked
from aboveboard.pipelines.unpack import open_subject
from aboveboard.pipelines.workbench import Bench
from aboveboard.readers.tree import TreeView

MAX_CONFIRMED = 4  # candidates of one program that are tried by themselves
_ORIGINS = {"stdin": "stdin", "file": "file"}


def confirm(found: Looked, program: Path, root: Path | None, here: Bench, best: int = 0) -> Looked:
    """Return the ranking with what came of running the program; `best` also tries so many that are no alerts.

    Without a jail for programs of an image nothing is run: a gap says so. Raises InputError for a program outside `root`.
    """
    chosen = [one for one in found.ranking if one["alert"]][:MAX_CONFIRMED]
    chosen += [one for one in found.ranking[:best] if one not in chosen]
    if not chosen:
        return found
    unknown: list[str] = []
    try:
        with _confirmer(program, root, here, unknown) as confirmer:
            came = {}
            for one in chosen:
                here.progress(f"trying {one['constant']!r}")
                came[one["rank"]] = confirmer.confirm(_candidate(one))
    except JailError as error:
        return Looked(found.ranking, (*found.gaps, f"not tried: {error.message}"), found.covered, found.code)
    ranking = tuple(_with(one, came.get(one["rank"])) for one in found.ranking)
    missing = [gap.detail for one in came.values() for gap in one.gaps]
    return Looked(ranking, (*found.gaps, *unknown, *dict.fromkeys(missing)), found.covered, found.code)


def _with(one: Mapping[str, JSON], came: Confirmation | None) -> Mapping[str, JSON]:
    if came is None:
        return one
    standing = "confirmed" if came.outcome is Outcome.CONFIRMED else "candidate"
    alert = bool(one["alert"]) and came.outcome is not Outcome.DOCUMENTED
    return {**one, "alert": alert or standing == "confirmed", "standing": standing, "confirmation": came.to_json()}


def _candidate(one: Mapping[str, JSON]) -> Candidate:
    constant, width = _constant(one)
    names = {effect.value for effect in Effect}
    kinds = [str(effect["kind"]) for effect in _rows(one["effects"]) if effect["kind"] in names]
    inputs = one["input"] if isinstance(one["input"], list) else []
    origin = next((_ORIGINS[str(name)] for name in inputs if name in _ORIGINS), "") if len(inputs) == 1 else ""
    return Candidate(constant, str(one["kind"]), tuple(Effect(kind) for kind in dict.fromkeys(kinds)), width, origin)


def _constant(one: Mapping[str, JSON]) -> tuple[Constant, int]:
    """Return the constant as what is sent, and its width in bytes where it is a number."""
    text, kind = str(one["constant"]), str(one["kind"])
    width = one["width"] if isinstance(one["width"], int) else 0
    if text.startswith("0x") and kind in ("integer", "integer-result", "inline-bytes", "single-bytes", "state"):
        digits = text[2:]
        if width == 0 and kind in ("inline-bytes", "single-bytes") and len(digits) % 2 == 0:
            return bytes.fromhex(digits), 0
        return int(digits, 16), width
    return text.encode("latin-1", "replace"), 0


def _rows(value: JSON) -> list[Mapping[str, JSON]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _confirmer(program: Path, root: Path | None, here: Bench, unknown: list[str]) -> Confirmer:
    if root is None:
        return Confirmer(alone(program.read_bytes()[:MAX_FILE], program.name))
    try:
        inside = "/" + program.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise InputError(f"{program} is not in {root}", hint="give the program as it lies in the root tree") from error
    tree = open_subject(root, here.jail, here.blobs, here.cache, here.progress).trees[0]
    view = TreeView(tree.entries, lambda digest, limit: _read(here, digest, limit), container=tree.container)
    digest = tree_of(tree.container, tree.entries, here.blobs).digest
    services = tuple(_services(digest, tree.container, here, unknown))
    return Confirmer(of_tree(view, inside), services=services, documents=documents(view))


def _read(here: Bench, digest: str, limit: int) -> bytes:
    descriptor = here.blobs.open(digest)
    if descriptor is None:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)


def _services(digest: str, container: str, here: Bench, unknown: list[str]) -> Iterator[Service]:
    """Return what boots in a tree, as the collector of boot services finds it, in the jail; `unknown` hears of failure."""
    given: list[JSON] = []
    parameters: dict[str, JSON] = {
        "collector": "boot_services",
        "tree": digest,
        "container": container,
        "needs": here.blobs.put(canonical([])),
    }
    ending = here.jail.run("aboveboard.evidence.confined:collect_tree", parameters, Sinks(given.append, here.blobs.open))
    if ending.cause is not None or len(given) != 1 or not isinstance(given[0], Mapping):
        unknown.append(f"what boots in the tree is not known: {ending.detail}; the program was started by itself")
        return
    facts = [Fact.from_json(one) for one in _rows(given[0]["facts"])]
    yield from Boot.of(Needs(facts)).all()

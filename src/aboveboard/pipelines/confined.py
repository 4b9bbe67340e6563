"""Reads a document that a person wrote (YAML): in the jail, and what comes out is plain JSON or an error with its line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aboveboard.jail import Jail, Sinks
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.store.blobs import BlobStore


def emitted(path: Path, reader: str, what: str, limit: int, jail: Jail, blobs: BlobStore) -> Mapping[str, JSON]:
    """Return the one object that a confined reader (`module:function`) emits; raises InputError, also for its `error`.

    `limit` is in bytes of the file, `what` the document in words: "declaration".
    """
    if not path.is_file():
        raise InputError(f"there is no {what} {path}", hint="give the path of a YAML file")
    digest, _ = blobs.put_file(path, limit=limit)
    given: list[JSON] = []
    sinks = Sinks(given.append, lambda wanted: blobs.open(wanted) if wanted == digest else None)
    ending = jail.run(reader, {"digest": digest}, sinks)
    if ending.cause is not None or len(given) != 1 or not isinstance(given[0], Mapping):
        raise InputError(f"the {what} could not be read: {ending.detail}", hint="see `aboveboard doctor`")
    if "error" in given[0]:
        raise InputError(str(given[0]["error"]), hint=str(given[0].get("hint", "")))
    return given[0]

"""Looks for hidden triggers in one program: in the jail, with the pages and settings of the tree that it belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aboveboard.evidence.collector import HEAD, MAX_FILE
from aboveboard.jail import Sinks
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines.workbench import Bench

MAX_TEXTS, MAX_TEXT, MAX_TEXT_BYTES = 20_000, 1 << 20, 64 << 20  # files, bytes of one, bytes of all
_BINARY = (b"\x7fELF", b"\x1f\x8b", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"BZh", b"\xfd7zXZ", b"PK\x03\x04")


@dataclass(frozen=True)
class Looked:
    """What was found in one program: candidates in their order, sentences on what was not seen, and bytes of code."""

    ranking: tuple[Mapping[str, JSON], ...]
    gaps: tuple[str, ...]
    covered: int
    code: int


def look(program: Path, root: Path | None, here: Bench) -> Looked:
    """Return the comparisons that guard something in a program, the likeliest trigger first; raises InputError."""
    if not program.is_file():
        raise InputError(f"there is no program {program}", hint="give the path of an ELF program or library")
    if root is not None and not root.is_dir():
        raise InputError(f"there is no folder {root}", hint="give the root tree that the program belongs to")
    digest, _ = here.blobs.put_file(program, limit=MAX_FILE)
    here.progress(f"looking at {program.name}")
    texts = [here.blobs.put(data) for data in _texts(root)] if root is not None else []
    given: list[JSON] = []
    known = {digest, *texts}
    sinks = Sinks(given.append, lambda wanted: here.blobs.open(wanted) if wanted in known else None)
    parameters: dict[str, JSON] = {"digest": digest, "texts": [*dict.fromkeys(texts)]}
    ending = here.jail.run("aboveboard.evidence.triggers.confined:look", parameters, sinks)
    if ending.cause is not None or len(given) != 1 or not isinstance(given[0], Mapping):
        raise InputError(f"the program could not be looked at: {ending.detail}", hint="see `aboveboard doctor`")
    found = given[0]
    if "error" in found:
        raise InputError(f"{program} is no ELF program: {found['error']}", hint="give a program or library of the image")
    ranking, gaps = found["ranking"], found["gaps"]
    assert isinstance(ranking, list)
    assert isinstance(gaps, list)
    rows = tuple(one for one in ranking if isinstance(one, Mapping))
    return Looked(rows, tuple(str(one) for one in gaps), _number(found["covered"]), _number(found["code"]))


def _number(value: JSON) -> int:
    return value if isinstance(value, int) else 0


def _texts(root: Path) -> Iterator[bytes]:
    """Return the files of a tree that people or programs read as text, within bounds; links are not followed."""
    left, count = MAX_TEXT_BYTES, 0
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_TEXT:
                continue
            with path.open("rb") as file:
                head = file.read(HEAD)
                if not head or head.startswith(_BINARY) or b"\0" in head:
                    continue
                data = head + file.read(MAX_TEXT)
            left, count = left - len(data), count + 1
            if left < 0 or count > MAX_TEXTS:
                return
            yield data

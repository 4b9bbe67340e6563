"""Writes an agreement for people to edit, reads it again line by line, and makes of it what is signed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aboveboard.agreement.agreement import complete, render, wrong
from aboveboard.agreement.agreement_yaml import as_yaml
from aboveboard.agreement.form import ROLES
from aboveboard.agreement.shape import Problem, is_open, place, texts
from aboveboard.agreement.yaml_text import MAX_BYTES
from aboveboard.jail import Jail
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.declaration import OPEN
from aboveboard.model.errors import InputError
from aboveboard.model.standard import Profile
from aboveboard.pipelines import releases
from aboveboard.pipelines.agreements import JSON_NAME, PARTIES, TEXT_NAME, Signed
from aboveboard.pipelines.confined import emitted
from aboveboard.pipelines.keys import read_file
from aboveboard.pipelines.workbench import room
from aboveboard.standard import reader
from aboveboard.store.blobs import BlobStore
from aboveboard.store.exchange import put
from aboveboard.trust import note
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_OURS = {JSON_NAME: b'{"aboveboard":"agreement/', TEXT_NAME: b"# No-spy, no-backdoors agreement\n"}
_JUDGES = ("laboratory", "auditor", "operator", "customer")  # nobody is the judge of his own goods


@dataclass(frozen=True)
class Wanted:
    """What a new agreement is to say; None and nothing become placeholders."""

    profile: str
    supplier: str
    customer: str
    images: tuple[str, ...] = ()  # digests
    product: str | None = None
    version: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Told:
    """Something about one place of a YAML file, and its line."""

    line: int
    place: str
    text: str

    def to_json(self) -> dict[str, JSON]:
        """Return it as an object."""
        return {"line": self.line, "place": self.place, "what": self.text}

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.text}"


@dataclass(frozen=True)
class Checked:
    """An agreement as its YAML says it: what is wrong, what is still open, and the document where nothing is."""

    value: JSON
    wrong: tuple[Told, ...]
    open: tuple[Told, ...]

    @property
    def document(self) -> Mapping[str, JSON]:
        """Return the document; raises InputError where something is wrong."""
        if self.wrong or not isinstance(self.value, Mapping):
            raise InputError("the agreement is not in form", hint="`aboveboard agreement check` names each line")
        return self.value


def image_digest(text: str) -> str:
    """Return the digest that a text is, or that a file or folder has as it is inspected; raises InputError."""
    if _DIGEST.fullmatch(text):
        return text
    path = Path(text)
    hint = "give a firmware image, a folder with a root tree, or a digest as sha256: and 64 hexadecimal digits"
    try:
        if not path.exists():
            raise InputError(f"there is no image {text[:200]}", hint=hint)
        return releases.image_digest(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{text[:200]} cannot be read: {error}", hint=hint) from error


def begun(wanted: Wanted, ring: Ring | None, at: datetime) -> dict[str, JSON]:
    """Return a new agreement, with placeholders for what nobody said; raises InputError for a profile that is none."""
    standard = reader.load()
    profile = reader.find_profile(standard, wanted.profile)
    roles = _roles(ring, at)
    accepted: list[JSON] = [role for role in _JUDGES if role in roles]
    return {
        "aboveboard": "agreement/1",
        "sequence": 1,
        "amends": None,
        "standard": {"version": standard.version, "digest": standard.digest},
        "profile": {"name": profile.name, "digest": profile.digest},
        "supplier": {"name": wanted.supplier},
        "customer": {"name": wanted.customer},
        "products": [
            {
                "name": wanted.product or OPEN,
                "version": wanted.version or OPEN,
                "images": list(dict.fromkeys(wanted.images)) or [OPEN],
            }
        ],
        "clauses": {"required": list(profile.required), "waived": []},
        "limits": {"bytes_explained": profile.bytes_explained, "programs_identified": profile.programs_identified},
        "tolerances": complete({})["tolerances"],
        "roles": roles,
        "evidence": {"default": accepted, "clauses": {}},
        "term": {"from": wanted.since or OPEN, "until": wanted.until or OPEN},
        "remedies": [],
        "logs": {},
        "text": "",
    }


def _roles(ring: Ring | None, at: datetime) -> dict[str, JSON]:
    """Return the roles of the ring, without the keys that sign no more; both parties are there, with a placeholder."""
    found: dict[str, JSON] = {role: {"threshold": 1, "keys": [OPEN]} for role in PARTIES}
    for role, held in ring.roles.items() if ring is not None else ():
        assert ring is not None  # else there are no roles
        keys = [ring.keys[name] for name in held.keys]
        ids = [key.public.id for key in keys if key.revoked is None and key.until > at]
        found[role] = {"threshold": held.threshold, "keys": ids or [OPEN]}
    return {role: found[role] for role in ROLES if role in found}


def amendment(newest: Signed, since: str | None = None) -> dict[str, JSON]:
    """Return what follows an agreement: the same, one number further, and naming what it amends."""
    follows: dict[str, JSON] = {"sequence": newest.agreement.sequence + 1, "amends": newest.agreement.digest}
    # from the day it begins it stands in the other's place: nobody should date it back by leaving the line as it was
    term = newest.document["term"]
    assert isinstance(term, Mapping)
    return {**newest.document, **follows, "term": {**term, "from": since or OPEN}}


def yaml_of(document: Mapping[str, JSON], ring: Ring | None = None) -> bytes:
    """Return the YAML of an agreement; raises InputError for one that `check` could not read again."""
    names = {clause.id: clause.name for clause in reader.load().clauses}
    names |= {key.public.id: name for name, key in ring.keys.items()} if ring is not None else {}
    data = as_yaml(document, names, reader.FAMILIES).encode()
    if len(data) > MAX_BYTES:
        raise InputError(f"as YAML the agreement has {len(data)} bytes", hint=f"at most {MAX_BYTES} are read")
    return data


def check(path: Path) -> Checked:
    """Read an agreement in the jail and say everything about it; raises InputError for what is no YAML at all."""
    with room(None) as root, Jail() as jail:
        blobs = BlobStore(root / "blobs")
        read = emitted(path, "aboveboard.agreement.agreement:read_confined", "agreement", MAX_BYTES, jail, blobs)
    given = read.get("lines")
    return judged(read.get("value"), given if isinstance(given, Mapping) else {})


def judged(value: JSON, lines: Mapping[str, JSON]) -> Checked:
    """Return what is wrong and what is open in a value; `lines` gives the line of each place. What passes can be signed."""
    standard = reader.load()
    profiles: dict[str, Profile] = {profile.name: profile for profile in standard.profiles}
    found = wrong(value, [clause.id for clause in standard.clauses], profiles)
    found += _foreign(value, found)
    opens = [(spot, text) for spot, text in texts(value) if is_open(text)]
    return Checked(
        value,
        tuple(sorted((_told(one.path, one.text, lines) for one in found), key=lambda told: told.line)),
        tuple(_told(spot, text, lines) for spot, text in opens),
    )


def _told(path: Sequence[str | int], text: str, lines: Mapping[str, JSON]) -> Told:
    """Return a note with the line of its place, or with that of the nearest place around it that is in the file."""
    for end in range(len(path), -1, -1):
        line = lines.get(place(tuple(path[:end])))
        if type(line) is int:
            return Told(line, place(tuple(path)), text)
    return Told(1, place(tuple(path)), text)


def _foreign(value: Any, found: Sequence[Problem]) -> list[Problem]:
    """Return what is wrong with the parts that other rooms know: the edition of the standard, and the keys of logs."""
    told, standard = {problem.path for problem in found}, reader.load()
    problems: list[Problem] = []
    part = value.get("standard") if isinstance(value, Mapping) else None
    for name, right in (("digest", standard.digest), ("version", standard.version)):
        here = part.get(name) if isinstance(part, Mapping) else None
        if isinstance(here, str) and here != right and not is_open(here) and ("standard", name) not in told:
            problems.append(Problem(("standard", name), f"is not that of this edition of the standard: {right}"))
    logs = value.get("logs") if isinstance(value, Mapping) else None
    for name, key in logs.items() if isinstance(logs, Mapping) else ():
        if isinstance(key, str) and not is_open(key) and ("logs", name) not in told:
            try:
                note.parse_key(key)
            except RefusedError as error:
                problems.append(Problem(("logs", str(name)), error.message))
    return problems


def write_derived(document: Mapping[str, JSON], folder: Path, source: Path) -> dict[str, bytes]:
    """Write the JSON and the text of a checked agreement and return them; raises InputError.

    Those of an earlier check are replaced, what is none of ours is not, nor the file that was checked, nor another number
    of the agreement, which somebody may be about to sign.
    """
    made = {JSON_NAME: canonical(document), TEXT_NAME: render(document).encode()}
    for name in made:
        path = folder / name
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"{path} is the file that is checked", hint="name another folder with --out")
        if (path.exists() or path.is_symlink()) and not _is_ours(path, _OURS[name]):
            raise InputError(f"{path} is there already, and no check made it", hint="name another folder with --out")
    there = _number_in(folder / JSON_NAME)
    if there not in (None, document.get("sequence")):
        text = f"{folder / JSON_NAME} is number {there} of the agreement, and {source} is number {document.get('sequence')}"
        raise InputError(text, hint="name another folder with --out")
    for name, data in made.items():
        put(folder / name, data)
    return made


def _number_in(path: Path) -> JSON:
    """Return which number of an agreement a file holds that a check made, None where there is none."""
    if not path.exists():
        return None
    try:
        value = json.loads(read_file(path, "agreement"))
    except (ValueError, RecursionError):
        return None  # cut, or changed by hand: it is written anew
    return value.get("sequence") if isinstance(value, dict) else None


def _is_ours(path: Path, start: bytes) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(start)) == start

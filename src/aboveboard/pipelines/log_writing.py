"""Writes into a log: begins one, adds entries, and lets a witness cosign it.

Beside what C2SP tlog-tiles names there is one folder more, `checkpoints/`: for each size that was published the signed
checkpoint, with the first cosignature of each witness. It is what shows later that the log had a state at a time. The log
puts its checkpoints there, a witness adds its line before it adds it to what everybody reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aboveboard.model.canonical import JSON
from aboveboard.model.canonical import digest_of as digest_of_json
from aboveboard.model.errors import InputError
from aboveboard.pipelines.keys import lines_of, read_file
from aboveboard.pipelines.log import CHAINS, State, digest_of, evidence_kept, read_entries
from aboveboard.store.folder import FolderStore
from aboveboard.trust import attestation, canary, dsse, keyring, note, statement
from aboveboard.trust.checkpoint import Checkpoint, WitnessKey, check
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.entry import KINDS, MAX_TEXT, Entry
from aboveboard.trust.log import CHECKPOINT, HISTORY, Log, origin
from aboveboard.trust.note import LogKey
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.tree import Tree
from aboveboard.trust.witness import SplitViewError, Witness

About = Mapping[str, str | int]


@dataclass(frozen=True)
class Placed:
    """A thing in the log: its file, its entry, where it stands, and the size of the log then."""

    path: Path
    entry: Entry
    index: int
    size: int


def create(folder: Path, name: str, key: PrivateKey) -> Checkpoint:
    """Begin an empty log; raises RefusedError where one stands."""
    return Log(FolderStore(folder), name, key).create()


def opened(folder: Path, key: PrivateKey) -> Log:
    """Return a log that its key can write to, with all that was signed published; raises RefusedError for another key's."""
    store = FolderStore(folder)
    log = Log(store, origin(store), key)
    log.settle()
    return log


def entries_of(path: Path, kind: str, about: About) -> list[Entry]:
    """Return the entries of a file: one, or for a file that grows by lines one for each line; raises RefusedError."""
    if kind not in KINDS:
        raise InputError(f"{kind[:40]!r} is no kind", hint=f"kinds are {', '.join(KINDS)}")
    if kind in CHAINS:
        lines = lines_of(read_file(path, kind))
        return [Entry.of(kind, line, {**about, **_about(kind, line)}) for line in lines]
    if kind == "bundle":
        manifest = read_file(path, "manifest of a bundle")
        return [Entry.of(kind, manifest, {**about, **attestation.read_manifest(dsse.parse(manifest)).about()})]
    return [Entry(kind, digest_of(path), about)]


def _about(kind: str, data: bytes) -> dict[str, str | int]:
    """Return by what a signed thing is found again; nobody has checked its signatures here."""
    payload = dsse.parse(data).payload
    if kind == "canary":
        found = canary.read(statement.Statement.parse(payload, statement.CANARY).predicate)
        return {"supplier": found.supplier, "sequence": found.sequence, "canary": found.digest}
    if kind == "keyring":
        return {"version": keyring.stated(payload).version}
    if kind == "record":
        return _about_record(payload)
    return _about_agreement(statement.Statement.parse(payload, statement.AGREEMENT).predicate)


def _about_record(payload: bytes) -> dict[str, str | int]:
    stated = statement.Statement.parse(payload, statement.RECORD).predicate.get("record")
    named = {name: stated.get(name) for name in ("clause", "kind", "supplier")} if isinstance(stated, dict) else {}
    found: dict[str, str | int] = {name: said[:MAX_TEXT] for name, said in named.items() if isinstance(said, str)}
    if len(found) != len(named) or not named:
        raise RefusedError("record-form", "the statement holds no record on a clause")
    return {**found, "record": "sha256:" + hashlib.sha256(payload).hexdigest()}


def _about_agreement(predicate: Mapping[str, JSON]) -> dict[str, str | int]:
    stated = predicate.get("agreement")
    number = stated.get("sequence") if isinstance(stated, dict) else None
    if not isinstance(stated, dict) or type(number) is not int:
        raise RefusedError("agreement-form", "the statement holds no agreement with a number")
    amends = stated.get("amends")
    follows = {"amends": amends} if isinstance(amends, str) and len(amends) <= MAX_TEXT else {}
    return {"sequence": number, "agreement": digest_of_json(stated), **follows}


def add(folder: Path, things: Sequence[Path], kind: str, key: PrivateKey, about: About, *, batch: bool) -> list[Placed]:
    """Add things, each under a checkpoint of its own or all under one; durable on return; raises RefusedError.

    Lines of a growing file that stand in the log already are passed over.
    """
    found = [(path, entry) for path in things for entry in entries_of(path, kind, about)]
    if kind in CHAINS:
        log = opened(folder, key)
        there = {entry.digest for _, entry in read_entries(folder, log.current().size) if entry.kind == kind}
        found = [(path, entry) for path, entry in found if entry.digest not in there]
    return place(folder, found, key, batch=batch)


def place(folder: Path, found: Sequence[tuple[Path, Entry]], key: PrivateKey, *, batch: bool = False) -> list[Placed]:
    """Add entries that are made already, each with the file it is of; durable on return; raises RefusedError."""
    log = opened(folder, key)
    placed: list[Placed] = []
    for group in [list(found)] if batch and found else [[one] for one in found]:
        first, now = log.append([entry.to_bytes() for _, entry in group])
        placed += [Placed(path, entry, first + at, now.size) for at, (path, entry) in enumerate(group)]
    log.settle()
    return placed


@dataclass(frozen=True)
class Cosigned:
    """What a witness did: the state, the checkpoint with its cosignature, and the size that it cosigned before."""

    state: State
    checkpoint: bytes
    before: int


def witness(
    folder: Path, log: LogKey, who: tuple[str, PrivateKey], state: Path, at: datetime, *, publish: bool = True
) -> Cosigned:
    """Let a witness cosign the published checkpoint, where the log only grew; raises RefusedError or SplitViewError.

    The proof of growth is made here from the tiles. Cosignatures that others add meanwhile stay.
    """
    store = FolderStore(folder)
    data = store.read(CHECKPOINT)
    if data is None:
        raise RefusedError("no-log", f"there is no checkpoint in {folder}", hint="give the folder of a log")
    one = Witness(FolderStore(state), *who)
    here = check(data, log, ()).checkpoint
    with evidence_kept(state):
        before = one.last(log).size
        signed = one.cosign(data, log, Tree(store.read, here.size), at)
        if publish:
            _publish(store, log, signed, one.verifier)
    return Cosigned(State(here.size, here.root, at), signed, before)


def _publish(store: FolderStore, log: LogKey, signed: bytes, who: WitnessKey) -> None:
    mine = note.parse(signed)
    line = next(one for one in mine.lines if (one.name, one.key_id) == (who.name, who.key_id))
    with store.alone():
        now = note.parse(store.read(CHECKPOINT) or b"")
        mine = (
            now.signed_by(line) if now.text == mine.text else mine
        )  # else it grew meanwhile, and the history alone has it
        _remember(store, log, mine.to_bytes())
        store.settle()  # before anything else, for the next checkpoint takes the place of this one
        if now.text == mine.text:
            store.write(CHECKPOINT, mine.to_bytes())
            store.settle()


def _remember(store: FolderStore, log: LogKey, data: bytes) -> None:
    """Keep a checkpoint in the history, with the first cosignature of each key; raises SplitViewError."""
    new, size = note.parse(data), check(data, log, ()).checkpoint.size
    path = f"{HISTORY}/{size}"
    old = store.read(path)
    if old is not None:
        before = note.parse(old)
        if before.text != new.text:
            raise SplitViewError("split-view", f"two trees of {size} entries were signed", (old, data))
        known = {(line.name, line.key_id) for line in before.lines}
        new = before.signed_by(*(line for line in new.lines if (line.name, line.key_id) not in known))
    store.write(path, new.to_bytes())

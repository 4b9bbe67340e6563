"""Reads a log that lies in a folder or behind a web server's copy of it: nothing here writes into the log.

`log_view` is what others build on: the entries by kind, and the states of the log that were seen, audited against the root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from aboveboard.model.errors import InputError
from aboveboard.pipelines.keys import MAX_KEY_FILE, lines_of, read_file
from aboveboard.store.folder import FolderStore
from aboveboard.trust import note, witness
from aboveboard.trust.audit import audit
from aboveboard.trust.checkpoint import Checkpoint, Witnessed, check
from aboveboard.trust.entry import Entry
from aboveboard.trust.log import CHECKPOINT, HISTORY, bundle, bundles
from aboveboard.trust.policy import NOBODY, Policy
from aboveboard.trust.proof import MAX_BYTES, Proof
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.tiles import WIDTH, widths
from aboveboard.trust.tree import Read, Tree

CHAINS = ("agreement", "canary", "keyring", "record")  # kinds whose file may hold lines: each is a thing of its own
_CHUNK = 1 << 20
SPARE = 16_384  # bytes of a checkpoint within which lines of strangers are kept
MAX_HISTORY = 200_000  # states that were published: each costs a signature to check


Proofs = tuple[bytes, ...]  # the hashes that lead from an entry, or an earlier state, to the root


@dataclass(frozen=True)
class State:
    """A state that the log had, when a quorum had seen it (None where the policy asks nobody), and what shows that.

    `note` is the checkpoint of this state with the log's signature and the cosignatures, see `proving`.
    """

    size: int
    root: bytes
    seen_at: datetime | None
    note: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class LogView:
    """A log as a policy sees it: every entry and tile led to the signed root, and every state is its beginning."""

    key: str  # the log's verifier key (C2SP signed-note), as `log key` prints it and an agreement names it
    origin: str
    size: int
    root: bytes
    states: tuple[State, ...]  # smallest first; the last one is the log itself
    witnessed: bool  # the policy asks for a quorum
    latest: datetime | None  # the newest time of any cosignature
    checkpoint: bytes
    found: tuple[tuple[int, Entry], ...]
    inclusion: Mapping[int, Proofs] = field(default_factory=dict)  # by index; an extract brings them, see `log_extracts`
    growth: Mapping[int, Proofs] = field(default_factory=dict)  # by the size of a state
    tree: Tree | None = field(default=None, compare=False, repr=False)  # to make them from, where the log is at hand

    def entries(self, kind: str) -> list[tuple[int, Entry]]:
        """Return the entries of a kind, with their indices."""
        return [(index, entry) for index, entry in self.found if entry.kind == kind]

    def seen_at(self, index: int) -> datetime | None:
        """Return when a quorum had first seen the entry at an index; None where the policy asks nobody."""
        times = [state.seen_at for state in self.states if state.size > index and state.seen_at is not None]
        return min(times, default=None)


def log_view(folder: Path, policy: Policy) -> LogView:
    """Audit a log and return what it holds; raises RefusedError, SplitViewError or UndecidedError.

    Steps: 1 all entries and tiles lead to the root of a checkpoint that the quorum saw; 2 the states of its history that
    the policy believes; one that the log signed and that is not a beginning of this log is evidence against it.
    """
    store = FolderStore(folder)
    found: list[tuple[int, Entry]] = []

    def keep(index: int, data: bytes) -> None:
        try:
            found.append((index, Entry.parse(data)))
        except RefusedError:
            return  # a log may hold what is not ours

    data = store.read(CHECKPOINT) or b""
    audited = audit(_pinned(store, data), policy, keep)  # 1
    here = audited.witnessed.checkpoint
    tree = Tree(store.read, here.size)
    states, times = _states(store, policy, tree, data)  # 2
    states[here.size] = states.get(here.size) or State(
        here.size, here.root, policy.seen_at(audited.witnessed), proving(data, policy)
    )
    return LogView(
        policy.log.to_text(),
        here.origin,
        here.size,
        here.root,
        tuple(states[size] for size in sorted(states)),
        policy.quorum != NOBODY,
        max([*times, *audited.witnessed.times.values()], default=None),
        data,
        tuple(found),
        tree=tree,
    )


def log_views(folders: Sequence[Path], policies: Sequence[Path]) -> tuple[LogView, ...]:
    """Audit logs, each under the policy at the same place in the list; raises as `log_view` does, and InputError."""
    if len(folders) != len(policies):
        raise InputError("each log is read with a policy", hint="give --policy for each --log, in the same order")
    return tuple(log_view(folder, read_policy(policy)) for folder, policy in zip(folders, policies, strict=True))


def _pinned(store: FolderStore, checkpoint: bytes) -> Read:
    """Return a reader that always gives this checkpoint: the log may grow while it is read."""
    return lambda path: (checkpoint or None) if path == CHECKPOINT else store.read(path)


def _states(store: FolderStore, policy: Policy, tree: Tree, data: bytes) -> tuple[dict[int, State], list[datetime]]:
    states: dict[int, State] = {}
    times: list[datetime] = []
    names, history = store.names(HISTORY), FolderStore(store.root, limit=note.MAX_NOTE)
    if len(names) > MAX_HISTORY:
        raise RefusedError("too-large", f"{HISTORY}/ holds {len(names)} files, at most {MAX_HISTORY} are read")
    for name in names:
        old = history.read(f"{HISTORY}/{name}") if name.isdigit() else None
        try:
            signed = check(old or b"", policy.log, ()).checkpoint
        except RefusedError:
            continue  # not the log's word
        if signed.size > tree.size:
            raise witness.SplitViewError("rollback", f"{signed.size} entries were published before", (old or b"", data))
        if tree.root(signed.size) != signed.root:
            raise witness.SplitViewError(
                "split-view", f"its state of {signed.size} entries is no beginning of it", (old or b"", data)
            )
        try:
            witnessed = policy.check(old or b"")
        except RefusedError:
            continue  # too few saw it, or a cosignature is none
        times += witnessed.times.values()
        states[signed.size] = State(signed.size, signed.root, policy.seen_at(witnessed), proving(old or b"", policy))
    return states, times


def proving(data: bytes, policy: Policy) -> bytes:
    """Return a checkpoint with the lines of the log and of the policy's witnesses, and of others as far as they are few.

    Whoever checks it may trust other witnesses than whoever read it; but anybody can write lines into a folder.
    """
    found = note.parse(data)
    trusted: list[note.Verifier] = [policy.log, *policy.witnesses]
    known = {(one.name, one.key_id) for one in trusted}
    room = SPARE - len(found.text.encode())
    kept: list[note.Line] = []
    for line in sorted(found.lines, key=lambda one: (one.name, one.key_id) not in known):  # those first, else as they stand
        room -= len(line.to_text().encode())
        if room >= 0 or (line.name, line.key_id) in known:
            kept.append(line)
    return note.Note(found.text, tuple(kept)).to_bytes()


def read_policy(path: Path) -> Policy:
    """Return the policy of a file; raises RefusedError or InputError."""
    try:
        return Policy.parse(read_file(path, "policy", MAX_KEY_FILE).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8", hint="give a policy as `log policy` prints it") from error


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, however large; raises InputError."""
    summed = hashlib.sha256()
    try:
        if not path.is_file():
            raise InputError(f"there is no file {path}", hint="give the path of a file")
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                summed.update(part)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="look at its owner and mode") from error
    return summed.hexdigest()


def names_thing(entry: Entry, path: Path) -> bool:
    """Tell whether an entry names this file; of one that grows by lines, its last line."""
    if entry.kind in CHAINS:
        lines = lines_of(read_file(path, entry.kind))
        return bool(lines) and hashlib.sha256(lines[-1]).hexdigest() == entry.digest
    return digest_of(path) == entry.digest


@dataclass(frozen=True)
class Proved:
    """What a proof shows: the entry, where it stands, how large the log was, and when a quorum had seen that."""

    index: int
    entry: Entry
    checkpoint: Checkpoint
    seen_at: datetime | None


def prove(folder: Path, thing: Path | None, index: int | None) -> Proof:
    """Return the proof for a thing, or for the entry at an index, from the current checkpoint; raises RefusedError."""
    read = FolderStore(folder).read
    data = read(CHECKPOINT)
    if data is None:
        raise RefusedError("no-log", f"there is no checkpoint in {folder}", hint="give the folder of a log")
    size = Checkpoint.parse(note.parse(data).text).size
    if index is None:
        if thing is None:
            raise InputError("prove what?", hint="give the thing, or --index")
        index = _place_of(read_entries(folder, size), thing)
    return proof_at(folder, data, index)


def proof_at(folder: Path, checkpoint: bytes, index: int) -> Proof:
    """Return the proof for an index under a checkpoint, with the entry in it; raises RefusedError."""
    read = FolderStore(folder).read
    here = Checkpoint.parse(note.parse(checkpoint).text)
    if not 0 <= index < here.size:
        raise InputError(f"there is no entry {index} among {here.size}", hint="count from 0")
    tree = Tree(read, here.size)
    if tree.root() != here.root:
        raise RefusedError("log-damaged", f"the tiles are not those of the {here.size} entries that were signed")
    at, offset = divmod(index, WIDTH)
    full, width = widths(here.size, 0)
    entry = bundle(read, at, WIDTH if at < full else width)[offset]
    return Proof(index, tuple(tree.inclusion(index)), checkpoint, entry)


def read_entries(folder: Path, size: int) -> Iterator[tuple[int, Entry]]:
    """Yield our entries among the first `size`; they are not checked against a root."""
    index = -1
    for entries in bundles(FolderStore(folder).read, size):
        for data in entries:
            index += 1
            try:
                entry = Entry.parse(data)
            except RefusedError:
                continue
            yield index, entry


def _place_of(entries: Iterator[tuple[int, Entry]], thing: Path) -> int:
    whole = digest_of(thing)
    lines = lines_of(read_file(thing, "file")) if thing.stat().st_size <= MAX_BYTES else []
    last = hashlib.sha256(lines[-1]).hexdigest() if lines else whole
    for index, entry in entries:
        if entry.digest == (last if entry.kind in CHAINS else whole):
            return index
    raise UndecidedError("not-in-log", f"{thing.name} is not in this log", hint="add it with `log add`")


def verify(thing: Path, proof: Path, policy: Policy, at: datetime) -> Proved:
    """Check a proof file without the log; raises RefusedError or UndecidedError.

    Steps: 1 the entry that the proof brings names this very file; 2 it is in the pinned log, and the quorum saw it; 3 no
    cosignature is later than the time of evaluation.
    """
    found = Proof.parse(read_file(proof, "proof", MAX_BYTES))
    if not found.extra:
        raise RefusedError("proof-form", "the proof does not bring its entry", hint="make it with `log prove`")
    entry = Entry.parse(found.extra)
    if not names_thing(entry, thing):  # 1
        raise RefusedError("other-entry", f"the proof is not for {thing.name} but for another file ({entry.kind})")
    witnessed = found.check(found.extra, policy)  # 2
    return Proved(found.index, entry, witnessed.checkpoint, policy.timely(witnessed, at))  # 3


@dataclass(frozen=True)
class Report:
    """What an audit found in order."""

    witnessed: Witnessed
    tiles: int
    seen_at: datetime | None
    grew_from: int  # size at the audit before; 0 where there was none


def audit_log(folder: Path, policy: Policy, state: Path | None, at: datetime, most: timedelta | None = None) -> Report:
    """Audit a whole log, and compare it with the last audit; raises RefusedError, SplitViewError or UndecidedError.

    What an audit before this one saw is compared first: a log that shows less, or other things, is evidence against itself
    even where it is whole.
    """
    store = FolderStore(folder)
    data = store.read(CHECKPOINT) or b""
    memory = None if state is None else witness.Memory(FolderStore(state), "audited")
    before = 0
    if memory is not None and state is not None and data:
        before = memory.last(policy.log).size
        with evidence_kept(state):
            memory.compare(data, policy.log)
    audited = audit(_pinned(store, data), policy)
    seen = policy.timely(audited.witnessed, at, most)
    if memory is not None and state is not None:
        with evidence_kept(state):
            memory.take(data, policy.log, Tree(store.read, audited.entries))
    return Report(audited.witnessed, audited.tiles, seen, before)


@contextmanager
def evidence_kept(state: Path) -> Iterator[None]:
    """Where two checkpoints contradict each other, write both into `evidence/`, and say where."""
    try:
        yield
    except witness.SplitViewError as error:
        store = FolderStore(state)
        name = hashlib.sha256(b"\0".join(error.evidence)).hexdigest()[:16]
        for number, data in enumerate(error.evidence, 1):
            store.write(f"evidence/{name}.{number}.checkpoint", data)
        store.settle()
        error.hint = f"both checkpoints are in {state}/evidence/{name}.*: together they show what the log did"
        raise

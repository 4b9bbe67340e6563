"""Runs the collectors, confined, in the order of their needs; turns every death into a gap; seals what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Protocol

from aboveboard.evidence.collector import HEAD
from aboveboard.evidence.registry import Listed, listed
from aboveboard.jail import Ending, Jail, Limits, Sinks
from aboveboard.model.canonical import JSON, MAX_INTEGER, canonical, digest_of, load
from aboveboard.model.errors import OUT_OF_SHAPE, InputError
from aboveboard.model.evidence import Calibration, Evidence
from aboveboard.model.facts import TRANSIENT_CAUSES, Cause, Fact, Gap, Where
from aboveboard.model.manifest import Owed
from aboveboard.model.tree import Entry, EntryType

BATCH = 1000  # files that one process is asked for
MAX_NEEDED = 200_000  # facts that one tree collector is handed, one for each path of a file
MAX_NEEDED_TEXT = 64 << 20  # characters of their paths and data
MAX_DEATHS = 16  # of one file collector in one run; a collector that dies more often is given up, with gaps
_CONFINED = "aboveboard.evidence.confined:"


class Blobs(Protocol):
    """The blob store, as the runner needs it."""

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their digest."""
        ...

    def open(self, digest: str) -> int | None:
        """Return a read-only descriptor, or None."""
        ...

    def head(self, digest: str, size: int) -> bytes:
        """Return the first bytes."""
        ...


class Results(Protocol):
    """The cache, as the runner needs it."""

    def get(self, key: JSON) -> bytes | None:
        """Return what was kept, or None."""
        ...

    def put(self, key: JSON, value: bytes) -> None:
        """Keep the bytes under the key."""
        ...


@dataclass(frozen=True)
class Tree:
    """A tree as a subject: its entries, and the digest of the canonical JSON of both, which is a blob."""

    container: str
    digest: str
    entries: tuple[Entry, ...]


def tree_of(container: str, entries: Sequence[Entry], blobs: Blobs) -> Tree:
    """Make a subject of a tree: its description becomes a blob that the jail can be given."""
    listing: list[JSON] = [entry.to_json() for entry in sorted(entries, key=lambda entry: entry.path)]
    return Tree(container, blobs.put(canonical({"container": container, "entries": listing})), tuple(entries))


@dataclass(frozen=True)
class Collected:
    """What a run of the collectors gave, and what it owed."""

    evidence: tuple[Evidence, ...]
    owed: tuple[Owed, ...]
    reused: int  # pieces that came from the cache


class Runner:
    """One run over the trees of one image."""

    def __init__(
        self,
        jail: Jail,
        blobs: Blobs,
        cache: Results,
        *,
        tools: JSON,
        around: JSON = None,
        limits: Limits | None = None,
        opened: frozenset[str] = frozenset(),
        jobs: int = 1,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._jail = jail
        self._blobs = blobs
        self._cache = cache
        self._tools = tools
        self._around = around  # what a result in the cache depends on beside what evidence names
        self._limits = limits or Limits()
        self._opened = opened  # archives whose contents are subjects themselves
        self._jobs = jobs
        self._progress = progress
        self._reused = 0
        self._heads: dict[str, bytes] = {}
        self._bases: dict[str, str] = {}

    def run(self, trees: Sequence[Tree]) -> Collected:
        """Collect everything that is owed of the trees; evidence comes in a fixed order."""
        owed: list[Owed] = []
        done: dict[tuple[str, str], Evidence] = {}
        for collector in listed():
            self._progress(f"collecting: {collector.name}")
            calibration = self._calibrate(collector)
            subjects = self._subjects(collector, trees)
            owed += [Owed(collector.name, collector.version, subject, collector.feeds_on) for subject in subjects]
            pieces = (
                self._files(collector, calibration, subjects)
                if collector.subject == "file"
                else self._trees(collector, calibration, trees, done)
            )
            done.update({(piece.collector, piece.subject): piece for piece in pieces})
        return Collected(tuple(done[key] for key in sorted(done)), tuple(sorted(set(owed))), self._reused)

    def _subjects(self, collector: Listed, trees: Sequence[Tree]) -> list[str]:
        if collector.subject == "tree":
            return sorted({tree.digest for tree in trees})
        files = {entry.digest: entry.size for tree in trees for entry in tree.entries if _is_content(entry)}
        for digest in files.keys() - self._heads.keys():
            self._heads[digest] = self._blobs.head(digest, HEAD)
        wants = collector.module.wants
        return sorted(
            digest for digest, size in files.items() if digest not in self._opened and wants(self._heads[digest], size)
        )

    def _calibrate(self, collector: Listed) -> Calibration | None:
        """Run the planted known answers; None where that died: not having looked is no miss.

        From the cache only a calibration that passed is taken: a foreign file must not say that ours does not work.
        """
        key: JSON = {"calibration": collector.name, "version": collector.version, "tools": self._tools}
        kept = _calibration(_loaded(self._cache.get(key)))
        if kept is not None and kept.passed:
            return kept
        values: list[JSON] = []
        sinks = Sinks(values.append, lambda _digest: None)
        self._jail.run(_CONFINED + "calibrate", {"collector": collector.name}, sinks, limits=self._limits)
        calibration = _calibration(values[0]) if len(values) == 1 else None
        if calibration is not None and calibration.passed:
            self._cache.put(key, canonical({"planted": calibration.planted, "found": calibration.found}))
        return calibration

    def _key(self, collector: Listed, subject: str, needs: str = "") -> str:
        name = collector.name
        if name not in self._bases:  # what is the same for all subjects is long, and so hashed once
            base: JSON = {
                "collector": name,
                "version": collector.version,
                "tools": self._tools,
                "limits": self._limits.to_json(),
                "confined": self._jail.confined,
                "around": self._around,
            }
            self._bases[name] = digest_of(base)
        return f"{self._bases[name]} {subject} {needs}"

    def _files(self, collector: Listed, calibration: Calibration | None, subjects: Sequence[str]) -> list[Evidence]:
        kept = {subject: self._kept(self._key(collector, subject), collector, subject, calibration) for subject in subjects}
        fresh = [subject for subject in subjects if kept[subject] is None]
        shares = [fresh[start :: self._jobs] for start in range(self._jobs) if fresh[start :: self._jobs]]
        with ThreadPoolExecutor(max_workers=self._jobs) as pool:
            try:
                for share in pool.map(lambda part: self._file_batch(collector, calibration, part), shares):
                    kept.update(share)
            except BaseException:  # the other shares would be waited for
                self._jail.stop()
                raise
        return [piece for piece in kept.values() if piece is not None]

    def _file_batch(
        self, collector: Listed, calibration: Calibration | None, subjects: Sequence[str]
    ) -> dict[str, Evidence | None]:
        """Run one process over many files; when it dies, the file it was at gets a gap and the rest a new process."""
        pending, deaths = list(subjects), 0
        done: dict[str, Evidence | None] = {}
        while pending:
            given: list[Any] = []
            batch = pending[:BATCH]
            allowed = frozenset(batch)
            sinks = Sinks(given.append, lambda digest, allowed=allowed: self._open(digest, allowed))  # type: ignore[misc]  # the default binds this round's set
            parameters: dict[str, JSON] = {"collector": collector.name, "digests": list(batch)}
            ending = self._jail.run(_CONFINED + "collect_files", parameters, sinks, limits=self._limits)
            for value in given:
                if not pending or not isinstance(value, dict) or value.get("subject") != pending[0]:
                    ending = Ending(Cause.CRASHED, "gave results out of order")
                    break
                subject = pending.pop(0)
                done[subject] = self._seal(collector, subject, calibration, value)
            if ending.cause is None and not set(batch) & set(pending[:1]):
                continue
            deaths += 1
            gap = Gap(ending.cause or Cause.CRASHED, Where(), f"{collector.name}: {ending.detail or 'stopped early'}")
            for subject in pending if deaths > MAX_DEATHS or ending.cause is Cause.UNCONFINED else pending[:1]:
                done[subject] = self._seal(collector, subject, calibration, {"facts": [], "gaps": [gap.to_json()]})
            pending = [subject for subject in pending if subject not in done]
        return done

    def _trees(
        self,
        collector: Listed,
        calibration: Calibration | None,
        trees: Sequence[Tree],
        done: dict[tuple[str, str], Evidence],
    ) -> list[Evidence]:
        return [self._tree(collector, calibration, tree, done) for tree in trees]

    def _tree(
        self, collector: Listed, calibration: Calibration | None, tree: Tree, done: dict[tuple[str, str], Evidence]
    ) -> Evidence:
        facts, left = _needed(collector, tree, done)
        needs = self._blobs.put(canonical([fact.to_json() for fact in facts]))
        key = self._key(collector, tree.digest, f"{needs} {'cut' if left else ''}".rstrip())
        kept = self._kept(key, collector, tree.digest, calibration)
        if kept is not None:
            return kept
        given: list[Any] = []
        allowed = frozenset({tree.digest, needs, *(entry.digest for entry in tree.entries)})
        sinks = Sinks(given.append, lambda digest: self._open(digest, allowed))
        parameters: dict[str, JSON] = {
            "collector": collector.name,
            "tree": tree.digest,
            "container": tree.container,
            "needs": needs,
        }
        ending = self._jail.run(_CONFINED + "collect_tree", parameters, sinks, limits=self._limits)
        if ending.cause is not None or len(given) != 1 or not isinstance(given[0], dict):
            detail = f"{collector.name}: {ending.detail or 'gave no result'}"
            gap = Gap(ending.cause or Cause.CRASHED, Where(container=tree.container), detail)
            given = [{"facts": [], "gaps": [gap.to_json()]}]
        detail = (
            f"{collector.name}: more than {MAX_NEEDED} facts or {MAX_NEEDED_TEXT} characters of files under their paths"
        )
        extra = [Gap(Cause.LIMIT, Where(), f"{detail}; the others were left out")] if left else []
        piece = self._seal(collector, tree.digest, calibration, given[0], tree.container, extra)
        self._keep(key, piece)
        return piece

    def _open(self, digest: str, allowed: frozenset[str]) -> int | None:
        return self._blobs.open(digest) if digest in allowed else None

    def _seal(
        self,
        collector: Listed,
        subject: str,
        calibration: Calibration | None,
        value: dict[str, Any],
        container: str = "",
        extra: Sequence[Gap] = (),
    ) -> Evidence:
        """Read what came out of the jail against the closed shape, and seal it; what is out of shape is a gap."""
        try:
            piece = self._sealed(collector, subject, calibration, value, container, extra)
        except OUT_OF_SHAPE as error:
            gap = Gap(Cause.CRASHED, Where(), ascii(f"{collector.name}: result out of shape: {error}")[1:200])
            value = {"facts": [], "gaps": [gap.to_json()]}
            piece = self._sealed(collector, subject, calibration, value, container, extra)
        if collector.subject == "file":
            self._keep(self._key(collector, subject), piece)
        return piece

    def _sealed(
        self,
        collector: Listed,
        subject: str,
        calibration: Calibration | None,
        value: dict[str, Any],
        container: str,
        extra: Sequence[Gap],
    ) -> Evidence:
        facts = [Fact.from_json(fact) for fact in value["facts"]]
        gaps = [*(Gap.from_json(gap) for gap in value["gaps"]), *extra]
        if any(fact.kind not in collector.emits for fact in facts):
            raise ValueError("a kind that it does not emit")
        facts = [replace(fact, where=replace(fact.where, container=container)) for fact in facts]
        gaps = [replace(gap, where=replace(gap.where, container=container)) for gap in gaps]
        if collector.subject == "file":  # it sees bytes alone: the digest says which file, and the report where it stands
            gaps = [replace(gap, data={**gap.data, "file": subject}) for gap in gaps]
            facts = [replace(fact, data={**fact.data, "file": subject}) for fact in facts]
        made_with: dict[str, JSON] = {
            "tools": self._tools,
            "limits": self._limits.to_json(),
            "confined": self._jail.confined,
        }
        return Evidence.sealed(collector.name, collector.version, subject, facts, gaps, calibration, made_with)

    def _keep(self, key: JSON, piece: Evidence) -> None:
        if not any(gap.cause in TRANSIENT_CAUSES for gap in piece.gaps):
            self._cache.put(key, canonical(piece.to_json()))

    def _kept(self, key: JSON, collector: Listed, subject: str, calibration: Calibration | None) -> Evidence | None:
        kept = self._cache.get(key)
        if kept is None:
            return None
        try:
            piece = Evidence.from_json(_loaded(kept))
            sound = piece.intact()
        except OUT_OF_SHAPE:
            return None
        named = (piece.collector, piece.version, piece.subject) == (collector.name, collector.version, subject)
        if not sound or not named or piece.calibration != calibration:
            return None
        self._reused += 1
        return piece


def _needed(collector: Listed, tree: Tree, done: dict[tuple[str, str], Evidence]) -> tuple[list[Fact], bool]:
    """Return the facts that a tree collector asked for: of this tree, and of its files under each of their paths.

    Many facts of a file with many hard links would fill the memory of this process, which nothing confines. So there are
    bounds; where one is passed (the second value), each fact comes under one path before any comes under two.
    """
    paths: dict[str, list[str]] = {}
    for entry in tree.entries:
        if _is_content(entry):
            paths.setdefault(entry.digest, []).append(entry.path)
    rows: list[tuple[Fact, list[str]]] = []
    for (_, subject), piece in sorted(done.items()):
        if piece.collector not in collector.feeds_on:
            continue
        wanted = [fact for fact in piece.facts if fact.kind in collector.needs]
        if subject == tree.digest:
            rows += [(fact, [fact.where.path]) for fact in wanted]
        if subject in paths:
            rows += [(fact, paths[subject]) for fact in wanted]
    placed = list(_within(_pairs(rows, 0, None)))
    left = len(placed) < sum(len(places) for _, places in rows)
    return (list(_within(chain(_pairs(rows, 0, 1), _pairs(rows, 1, None)))) if left else placed), left


def _pairs(rows: list[tuple[Fact, list[str]]], first: int, last: int | None) -> Iterator[tuple[Fact, str]]:
    return ((fact, path) for fact, places in rows for path in islice(places, first, last))


def _within(pairs: Iterator[tuple[Fact, str]]) -> Iterator[Fact]:
    """Yield each fact under its path, up to the bounds."""
    characters = 0
    for fact, path in islice(pairs, MAX_NEEDED):
        characters += len(repr(fact.data)) + len(path)
        if characters > MAX_NEEDED_TEXT:
            return
        yield replace(fact, where=replace(fact.where, path=path))


def _is_content(entry: Entry) -> bool:
    return entry.type is EntryType.FILE and bool(entry.digest) and entry.size > 0


def _loaded(data: bytes | None) -> Any:
    """Read a foreign document; None where there is none."""
    try:
        return None if data is None else load(data)
    except InputError:
        return None


def _calibration(value: Any) -> Calibration | None:
    """Read a foreign calibration; None where it is none."""
    try:
        calibration = Calibration(int(value["planted"]), int(value["found"]))
    except OUT_OF_SHAPE:
        return None
    return calibration if 0 <= calibration.found <= calibration.planted <= MAX_INTEGER else None


def kinds_of(evidence: Iterable[Evidence]) -> dict[str, int]:
    """Return how many facts of each kind there are."""
    counts: dict[str, int] = {}
    for piece in evidence:
        for fact in piece.facts:
            counts[fact.kind] = counts.get(fact.kind, 0) + 1
    return counts

"""Unpacks a subject level by level in the jail, with the cache before it, and seals the account as evidence."""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from aboveboard.jail import Ending, Jail, Limits, Sinks
from aboveboard.model.account import Span, SpanKind, Unpacked
from aboveboard.model.canonical import JSON, canonical, digest_of
from aboveboard.model.errors import OUT_OF_SHAPE, InputError
from aboveboard.model.evidence import Calibration, Evidence
from aboveboard.model.facts import TRANSIENT_CAUSES, Cause, Fact, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.pipelines.tools import surroundings, tools
from aboveboard.readers.modes import type_of
from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache
from aboveboard.subjects.bounds import MAX_STREAM
from aboveboard.subjects.image import ImageTree, assemble, pending_digests

UNPACKING = "unpacking"
VERSION = 1
MAX_IMAGE = 2 << 30
MAX_FILES = 200_000
MAX_UNPACKED = 2 << 30  # bytes that come out of one image, at all levels
BATCH = 500
MAX_VALUES = 256 << 20  # bytes of the accounts themselves, beside the contents
LIMITS = Limits()


@dataclass(frozen=True)
class Opened:
    """A subject unpacked: its trees, and the sealed evidence that carries its gaps and coverage."""

    digest: str
    size: int
    trees: tuple[ImageTree, ...]
    evidence: Evidence
    accounts: dict[str, Unpacked]
    reused: int


def open_subject(target: Path, jail: Jail, blobs: BlobStore, cache: Cache, progress: Callable[[str], None]) -> Opened:
    """Unpack an image file, or take a folder as a root tree; raises InputError for what cannot be read at all."""
    unpacker = _Unpacker(jail, blobs, cache, progress)
    calibration = unpacker.calibrate()
    if target.is_dir():
        entries, gaps = _walk(target, blobs)
        digest = digest_of([entry.to_json() for entry in entries])
        size = sum(entry.size for entry in entries)
        unpacker.run(sorted({entry.digest for entry in entries if entry.digest and entry.size}))
        image = assemble(digest, unpacker.accounts, folder=tuple(entries))
    elif target.is_file():
        digest, size = blobs.put_file(target, limit=MAX_IMAGE)
        if size == 0:
            raise InputError(f"{target} is empty", hint="give a firmware image or a folder with a root tree")
        gaps = []
        unpacker.run([digest])
        image = assemble(digest, unpacker.accounts)
    else:
        raise InputError(f"there is no file or folder {target}", hint="give a firmware image or a folder with a root tree")
    fact = Fact("coverage", Where(), image.coverage.to_json())
    made_with: dict[str, JSON] = {"tools": tools(), "limits": LIMITS.to_json(), "confined": jail.confined}
    evidence = Evidence.sealed(
        UNPACKING, VERSION, digest, [fact], [*gaps, *unpacker.gaps, *image.gaps], calibration, made_with
    )
    return Opened(digest, size, image.trees, evidence, unpacker.accounts, unpacker.reused)


def folder_digest(folder: Path) -> str:
    """Return the digest that a folder has as a subject, without opening what is in it; raises InputError.

    A folder of which something cannot be read has none: it would be the digest of another one.
    """
    with tempfile.TemporaryDirectory(prefix="aboveboard-") as room:
        entries, gaps = _walk(folder, BlobStore(Path(room)))
    if gaps:
        where = f"{gaps[0].where.path or '/'} {gaps[0].detail}"
        raise InputError(f"{folder} cannot be read as a whole: {where}", hint="look at its owner and mode")
    return digest_of([entry.to_json() for entry in entries])


class _Unpacker:
    """Takes blobs apart until nothing new comes out."""

    def __init__(self, jail: Jail, blobs: BlobStore, cache: Cache, progress: Callable[[str], None]) -> None:
        self._jail = jail
        self._blobs = blobs
        self._writer = blobs.writer()
        self._cache = cache
        self._progress = progress
        base: JSON = {
            "tools": tools(),
            "limits": LIMITS.to_json(),
            "confined": jail.confined,
            "around": surroundings(),
        }
        self._base = digest_of(base)  # what is the same for all blobs is hashed once
        self.accounts: dict[str, Unpacked] = {}
        self.gaps: list[Gap] = []
        self.reused = 0
        self._unpacked = 0
        self._given = 0

    def run(self, digests: list[str]) -> None:
        """Take these blobs apart, then what was found in them, and so on; each distinct blob once."""
        level = [digest for digest in digests if digest not in self.accounts]
        while level:
            self._progress(f"unpacking: {len(level)} blobs")
            fresh = [digest for digest in level if not self._from_cache(digest)]
            for start in range(0, len(fresh), BATCH):
                self._batch(fresh[start : start + BATCH])
            self._keep_within(level)
            found = {new for digest in level for new in pending_digests(self.accounts[digest], self.accounts.__contains__)}
            level = sorted(found)
            if len(self.accounts) + len(level) > MAX_FILES:
                self._leave_closed(level, f"more than {MAX_FILES} different files")
                return

    def _keep_within(self, level: list[str]) -> None:
        """Count what came out, in the order of the digests, so that two machines stop at the same blob."""
        over: list[str] = []
        for digest in level:
            account = self.accounts[digest]
            if self._unpacked > MAX_UNPACKED:
                over.append(digest)
            else:
                self._unpacked += sum(entry.size for child in account.children for entry in child.entries)
        closed = [digest for digest in over if self.accounts[digest].children or self.accounts[digest].gaps]
        if closed:
            self._leave_closed(closed, f"more than {MAX_UNPACKED} bytes came out of the image")

    def _leave_closed(self, digests: list[str], reason: str) -> None:
        """Account for blobs that are there and were not opened any further."""
        for digest in digests:
            size = self._blobs.size(digest)
            spans = (Span(0, size, SpanKind.GAP, Cause.LIMIT.value),) if size else ()
            self.accounts[digest] = Unpacked(digest, size, spans)
        self.gaps.append(Gap(Cause.LIMIT, Where(), f"unpacking: {reason}; {len(digests)} files were not opened"))

    def calibrate(self) -> Calibration | None:
        """Unpack planted containers and look for the file that each holds; None where the jail died: that is no miss."""
        key: JSON = {"calibration": UNPACKING, "version": VERSION, "tools": tools()}
        planted = _planted()
        if self._cache.get(key) == canonical(len(planted)):
            return Calibration(len(planted), len(planted))
        wanted = self._blobs.put(_KNOWN)
        before, self.accounts = self.accounts, {}
        self.run([self._blobs.put(container) for container in planted])
        found = sum(
            any(entry.digest == wanted for child in account.children for entry in child.entries)
            for account in (self.accounts[self._blobs.put(container)] for container in planted)
        )
        died = any(gap.cause in TRANSIENT_CAUSES for account in self.accounts.values() for gap in account.gaps)
        self.accounts = before
        if died:
            return None
        if found == len(planted):
            self._cache.put(key, canonical(found))
        return Calibration(len(planted), found)

    def _key(self, digest: str) -> str:
        return f"unpack {self._base} {digest}"

    def _from_cache(self, digest: str) -> bool:
        kept = self._cache.get_sealed(self._key(digest))
        account = None if kept is None else self._read(kept, digest, empty=False)
        if account is None:
            return False
        self.accounts[digest] = account
        self.reused += 1
        return True

    def _batch(self, digests: list[str]) -> None:
        pending = list(digests)
        while pending:
            given: list[JSON] = []
            sinks = Sinks(given.append, self._opener(pending), self)
            self._given, allowed = 0, max(0, MAX_UNPACKED - self._unpacked) + MAX_STREAM
            bounds = replace(LIMITS, output=min(LIMITS.output, allowed + MAX_VALUES))
            ending = self._jail.run(
                "aboveboard.subjects.unpack:unpack", {"digests": list(pending)}, sinks, limits=bounds, tools=True
            )
            for value in given:
                if not pending or not self._accept(value, pending[0]):
                    break
                pending.pop(0)
            if pending:
                spent = ending.cause is Cause.LIMIT and self._given > allowed
                lost = pending if ending.cause is Cause.UNCONFINED or spent else pending[:1]
                for digest in lost:
                    self.accounts[digest] = self._lost(digest, ending)
                pending = pending[len(lost) :]

    def _opener(self, digests: list[str]) -> Callable[[str], int | None]:
        allowed = frozenset(digests)
        return lambda digest: self._blobs.open(digest) if digest in allowed else None

    def write(self, part: bytes) -> None:
        """Take a part of what comes out of the jail."""
        self._given += len(part)
        self._writer.write(part)

    def commit(self) -> None:
        """Keep what came."""
        self._writer.commit()

    def drop(self) -> None:
        """Forget what came and was not ended."""
        self._writer.drop()

    def _accept(self, value: JSON, digest: str) -> bool:
        """Check an account that came out of the jail: it tiles the blob, and its contents have arrived."""
        account = self._read(value, digest, empty=True)
        if account is None:
            return False
        try:
            if not any(gap.cause in TRANSIENT_CAUSES for gap in account.gaps):
                self._cache.put_sealed(self._key(digest), account.to_json())
        except InputError:  # it holds what has no canonical form
            return False
        self.accounts[digest] = account
        return True

    def _read(self, value: JSON, digest: str, *, empty: bool) -> Unpacked | None:
        """Read a foreign account: of this blob, all of it, with all its contents here; `empty` ones included."""
        try:
            account = Unpacked.from_json(value)  # type: ignore[arg-type]  # checked by the except
            if (account.digest, account.size) != (digest, self._blobs.size(digest)):
                return None
            entries = [entry for child in account.children for entry in child.entries if entry.digest]
            contents = {entry.digest for entry in entries if entry.size or empty}
            return account if all(self._blobs.has(content) for content in contents) else None
        except OUT_OF_SHAPE:
            return None

    def _lost(self, digest: str, ending: Ending) -> Unpacked:
        """Account for a blob whose unpacking died: all of it is a gap."""
        size = self._blobs.size(digest)
        cause = ending.cause or Cause.CRASHED
        gap = Gap(cause, Where(), f"unpacking: {ending.detail or 'stopped early'}")
        return Unpacked(digest, size, (Span(0, size, SpanKind.GAP, cause.value),) if size else (), (), (gap,))


_KNOWN = b"A planted known answer of Aboveboard: this file must be found.\n" * 8


def _planted() -> list[bytes]:
    """Return small containers, made by the standard library, that all hold the known file."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(zipfile.ZipInfo("planted"), _KNOWN)
    return [gzip.compress(_KNOWN, mtime=0), lzma.compress(_KNOWN), archive.getvalue(), _cpio(b"planted", _KNOWN)]


def _cpio(name: bytes, content: bytes) -> bytes:
    def member(name: bytes, content: bytes, mode: int) -> bytes:
        fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
        return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)

    return member(name, content, 0o100644) + member(b"TRAILER!!!", b"", 0)


def _walk(folder: Path, blobs: BlobStore) -> tuple[list[Entry], list[Gap]]:
    """List a folder without following links or opening anything but regular files."""
    entries: list[Entry] = []
    gaps: list[Gap] = []
    pending, root = [os.fsencode(folder)], len(os.fsencode(folder).rstrip(b"/"))
    while pending:
        here = pending.pop()
        try:
            items = sorted(os.scandir(here), key=lambda item: item.name)
        except OSError as error:
            gaps.append(Gap(Cause.DAMAGED, Where(path=show(here[root:]) or "/"), f"cannot be listed: {error.strerror}"))
            continue
        for item in items:
            if len(entries) >= MAX_FILES:
                gaps.append(Gap(Cause.LIMIT, Where(), f"more than {MAX_FILES} entries"))
                return entries, gaps
            entry = _entry(item, show(item.path[root:]), blobs, gaps)
            if entry is None:
                continue
            entries.append(entry)
            if entry.type is EntryType.DIRECTORY:
                pending.append(item.path)
    return sorted(entries, key=lambda entry: entry.path), gaps


def _entry(item: os.DirEntry[bytes], path: str, blobs: BlobStore, gaps: list[Gap]) -> Entry | None:
    try:
        status = item.stat(follow_symlinks=False)
        target = show(os.readlink(item.path)) if stat.S_ISLNK(status.st_mode) else ""  # noqa: PTH115 - names are bytes
    except OSError as error:  # gone since it was listed, or not ours to look at
        gaps.append(Gap(Cause.DAMAGED, Where(path=path), f"cannot be looked at: {error.strerror}"))
        return None
    kind = type_of(status.st_mode)
    assert kind is not None  # stat(2) gives no other
    digest, size = "", 0
    if kind is EntryType.FILE:
        try:
            digest, size = blobs.put_file(Path(os.fsdecode(item.path)), limit=MAX_IMAGE)
        except InputError as error:
            size = status.st_size
            gaps.append(Gap(Cause.LIMIT, Where(path=path), f"cannot be read: {show(os.fsencode(error.message))}"[:200]))
    device = (os.major(status.st_rdev), os.minor(status.st_rdev)) if status.st_rdev else None
    return Entry(path, kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, size, digest, target, device)

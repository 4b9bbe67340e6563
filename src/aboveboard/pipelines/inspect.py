"""Inspect an image: unpack, collect, judge. Joins the rooms; decides nothing itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aboveboard.agreement.declaration import MAX_BYTES, from_confined
from aboveboard.evidence.runner import Runner, tree_of
from aboveboard.jail import Jail
from aboveboard.judge.judge import judge
from aboveboard.model.declaration import Declaration
from aboveboard.model.errors import InputError
from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.paths import show
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Verdict
from aboveboard.pipelines.confined import emitted
from aboveboard.pipelines.tools import surroundings, tools
from aboveboard.pipelines.unpack import UNPACKING, Opened, open_subject
from aboveboard.standard import reader
from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache
from aboveboard.store.files import remove_stale
from aboveboard.subjects.image import opened_containers

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What `inspect` was asked for. `at` is RFC 3339 text; `cache` is None for a run that keeps nothing."""

    profile: str
    at: str
    declaration: Path | None = None
    jobs: int = 1
    cache: Path | None = None
    confined: bool = True


@dataclass(frozen=True)
class Inspected:
    """Everything that a run gave: what is printed, and what is written for others to judge again."""

    verdict: Verdict
    standard: Standard
    manifest: Manifest
    evidence: tuple[Evidence, ...]
    opened: Opened
    reused: int


def inspect(target: Path, options: Options, progress: Progress) -> Inspected:
    """Rule on an image or a folder; raises InputError for what cannot be read at all."""
    standard = reader.load()
    profile = reader.find_profile(standard, options.profile)
    with room(options.cache) as root, Jail(confined=options.confined) as jail:
        blobs = BlobStore(root / "blobs")
        cache = Cache(None if options.cache is None else root / "results")
        declaration = None if options.declaration is None else read_declaration(options.declaration, jail, blobs)
        progress("unpacking")
        opened = open_subject(target, jail, blobs, cache, progress)
        containers = opened_containers(opened.accounts)
        runner = Runner(
            jail,
            blobs,
            cache,
            tools=tools(),
            around=surroundings(),
            opened=containers,
            jobs=options.jobs,
            progress=progress,
        )
        collected = runner.run([tree_of(tree.container, tree.entries, blobs) for tree in opened.trees])
        unpacking = Owed(UNPACKING, opened.evidence.version, opened.digest)
        manifest = Manifest(
            name=show(target.name.encode("utf-8", "surrogateescape")),
            digest=opened.digest,
            size=opened.size,
            owed=tuple(sorted((unpacking, *collected.owed))),
            confined=options.confined,
        )
        evidence = (opened.evidence, *collected.evidence)
        progress("judging")
        verdict = judge(manifest, evidence, standard, profile, declaration, options.at)
        return Inspected(verdict, standard, manifest, evidence, opened, collected.reused + opened.reused)


def read_declaration(path: Path, jail: Jail, blobs: BlobStore) -> Declaration:
    """Read a declaration, confined; raises InputError with its line or field."""
    reader_name = "aboveboard.agreement.declaration:read_confined"
    return from_confined(emitted(path, reader_name, "declaration", MAX_BYTES, jail, blobs))


@contextmanager
def room(cache: Path | None) -> Iterator[Path]:
    """Give a folder for blobs and results: the cache, or one that is gone afterwards."""
    if cache is not None:
        try:
            cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=cache):
                pass
        except OSError as error:
            hint = "name another folder in ABOVEBOARD_CACHE, or use --no-cache"
            raise InputError(f"cannot keep results in {cache}: {error.strerror}", hint=hint) from error
        remove_stale(cache)
        yield cache
        return
    with tempfile.TemporaryDirectory(prefix="aboveboard-") as folder:
        yield Path(folder)

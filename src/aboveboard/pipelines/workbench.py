"""What a run works with: the jail, the blobs, the cache, and the folder that they lie in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aboveboard.jail import Jail
from aboveboard.model.errors import InputError
from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache
from aboveboard.store.files import remove_stale

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """What a collection works with."""

    jail: Jail
    blobs: BlobStore
    cache: Cache
    jobs: int
    progress: Progress


@contextmanager
def bench(cache: Path | None, jobs: int, progress: Progress, *, confined: bool = True) -> Iterator[Bench]:
    """Give what a collection works with; without a cache nothing is kept."""
    with room(cache) as root, Jail(confined=confined) as jail:
        yield Bench(jail, BlobStore(root / "blobs"), Cache(None if cache is None else root / "results"), jobs, progress)


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

"""Opens one chunk: readers of our own where there are (they keep modes, owners, devices), unblob's extractors else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from unblob.models import ExtractError

from aboveboard.model.canonical import MAX_INTEGER
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers import cpio, streams
from aboveboard.readers.cramfs import Cramfs, CramfsError, CramfsUnsupportedError
from aboveboard.readers.ext import Ext
from aboveboard.readers.ext_layout import ExtError, ExtUnsupportedError
from aboveboard.readers.jffs2 import Jffs2
from aboveboard.readers.romfs import Romfs, RomfsError
from aboveboard.readers.squashfs import SquashFs
from aboveboard.readers.squashfs_codec import BlockError
from aboveboard.readers.ubi import volumes
from aboveboard.readers.ubifs import UbiFs
from aboveboard.subjects.archives import Content, content, tar, zipped
from aboveboard.subjects.bounds import MAX_ENTRIES, MAX_STREAM, BrokenOffError, Budget, most
from aboveboard.subjects.chunks import Bytes, Chunk


def open_chunk(chunk: Chunk, data: Bytes, gaps: list[Gap], budget: Budget) -> Iterator[Content]:
    """Yield what the chunk holds while the blob's budget lasts; what cannot be opened goes into `gaps`.

    Raises BrokenOffError where the rest of the chunk was not read.
    """
    for entry, held in _open(chunk, data, gaps):
        budget.entry(entry, held)
        if budget.spent:
            text = f"{chunk.name}: the blob holds more than {most()}; the rest was not opened"
            raise BrokenOffError(Gap(Cause.LIMIT, Where(path=entry.path[:1000]), text))
        yield _plain(entry, gaps), budget.count(chunk.name, held) if isinstance(held, Iterator) else held


def _plain(entry: Entry, gaps: list[Gap]) -> Entry:
    """Return the entry without numbers that JSON cannot keep: one lying owner must not cost the whole image."""
    numbers = (entry.size, entry.mode or 0, entry.uid or 0, entry.gid or 0, *(entry.device or ()))
    if all(0 <= number <= MAX_INTEGER for number in numbers):
        return entry
    gaps.append(Gap(Cause.DAMAGED, Where(path=entry.path), f"numbers that no device has: {numbers}"))
    size, uid, gid = (
        number if number is not None and 0 <= number <= MAX_INTEGER else None
        for number in (entry.size, entry.uid, entry.gid)
    )
    return replace(entry, size=size or 0, uid=uid, gid=gid, device=None)


def _open(chunk: Chunk, data: Bytes, gaps: list[Gap]) -> Iterator[Content]:
    if chunk.encrypted:
        gaps.append(Gap(Cause.ENCRYPTED, Where(offset=chunk.start), f"{chunk.name}: encrypted"))
        return
    piece = memoryview(data)[chunk.start : chunk.end]
    yield from _READERS.get(chunk.name, _extracted)(chunk, piece, gaps)


class _System(Protocol):
    """A file system that a reader of ours opened."""

    gaps: list[Gap]

    def walk(self) -> Iterator[Content]:
        """Yield the entries."""
        ...


Reader = Callable[[Chunk, memoryview, list[Gap]], Iterator[Content]]


def _system(make: Callable[[bytes], _System] | Callable[[memoryview], _System], *, held: bool = True) -> Reader:
    """Return how a file system is read whose reader raises an error of its own where it cannot begin.

    `held` readers want the bytes in memory; the others take them where they lie.
    """

    def read(chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
        try:
            system = make(bytes(piece) if held else piece)  # type: ignore[arg-type]  # as `held` says
        except (ExtUnsupportedError, CramfsUnsupportedError) as error:
            gaps.append(Gap(Cause.UNSUPPORTED, Where(offset=chunk.start), f"{chunk.name}: {error}"))
            yield from _extracted(chunk, piece, gaps)
            return
        except (BlockError, ExtError, CramfsError, RomfsError) as error:
            gaps.append(Gap(Cause.DAMAGED, Where(), f"{chunk.name}: {error}"))
            return
        try:
            yield from system.walk()
        finally:  # also where no more is taken from it
            gaps += system.gaps

    return read


def _ubi(_chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    for volume in volumes(bytes(piece), gaps):
        yield Entry(f"/{volume.number}.{volume.name}", EntryType.FILE, size=len(volume.content)), volume.content


def _cpio(_chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    for member in cpio.members(piece, gaps, limit=MAX_ENTRIES):
        yield member.entry, member.content if member.entry.type is EntryType.FILE else None


def _stream(chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    yield Entry("/", EntryType.FILE), _to_its_end(chunk, piece, gaps)


def _to_its_end(chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[bytes]:
    wrong = yield from streams.parts(chunk.name, piece, MAX_STREAM)
    if wrong:
        gaps.append(Gap(Cause.DAMAGED, Where(offset=chunk.start), wrong))


def _guarded(reader: Callable[[memoryview, list[Gap]], Iterator[Content]]) -> Reader:
    """Return a reader that breaks off where a library stumbles; what it gave before is kept."""

    def read(chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
        try:
            yield from reader(piece, gaps)
        except Exception as error:  # the libraries raise whatever they meet on a damaged archive
            text = f"{chunk.name}: {type(error).__name__}: {error}"[:200]
            raise BrokenOffError(Gap(Cause.DAMAGED, Where(), text)) from error

    return read


def _extracted(chunk: Chunk, piece: memoryview, gaps: list[Gap]) -> Iterator[Content]:
    """Let unblob's extractor fill a folder of the jail, and read it back without following anything."""
    handler = chunk.handler
    if handler.EXTRACTOR is None:
        gaps.append(Gap(Cause.UNSUPPORTED, Where(offset=chunk.start), f"{chunk.name}: nothing opens it here"))
        return
    wanting = [tool for tool in handler.EXTRACTOR.get_dependencies() if shutil.which(tool) is None]
    if wanting:
        gaps.append(Gap(Cause.NO_TOOL, Where(offset=chunk.start), f"{chunk.name}: needs {', '.join(wanting)}"))
        return
    source, folder = Path("chunk"), Path("extracted")
    source.write_bytes(piece)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        handler.extract(source.absolute(), folder.absolute())
    except ExtractError as error:
        said = "; ".join(str(getattr(report, "stderr", report)) for report in error.reports)
        gaps.append(Gap(Cause.DAMAGED, Where(offset=chunk.start), f"{chunk.name}: the extractor failed: {said}"[:300]))
    except Exception as error:  # noqa: BLE001 - extractors raise what they like; what they wrote before is kept
        text = f"{chunk.name}: {type(error).__name__}: {error}"[:300]
        gaps.append(Gap(Cause.DAMAGED, Where(offset=chunk.start), text))
    finally:
        source.unlink(missing_ok=True)
    yield from _read_back(folder, chunk.name, gaps)
    shutil.rmtree(folder, ignore_errors=True)


def _read_back(folder: Path, name: str, gaps: list[Gap]) -> Iterator[Content]:
    """Yield what an extractor wrote, without modes: it gives what it likes, and an image of FAT has none."""
    if not folder.is_dir():
        return
    pending, count = [os.fsencode(folder)], 0
    root = len(os.fsencode(folder))
    while pending:
        here = pending.pop()
        for item in sorted(os.scandir(here), key=lambda entry: entry.name):
            count += 1
            if count > MAX_ENTRIES:
                gaps.append(Gap(Cause.LIMIT, Where(), f"more than {MAX_ENTRIES} entries"))
                return
            path, status = show(item.path[root:]), item.stat(follow_symlinks=False)
            if item.is_symlink():
                yield Entry(path, EntryType.SYMLINK, target=show(os.readlink(item.path))), None  # noqa: PTH115 - names are bytes
            elif item.is_dir(follow_symlinks=False):
                pending.append(item.path)
                yield Entry(path, EntryType.DIRECTORY), None
            elif item.is_file(follow_symlinks=False):
                entry = Entry(path, EntryType.FILE, size=status.st_size)
                with Path(os.fsdecode(item.path)).open("rb") as handle:
                    yield entry, content(handle, status.st_size, name)


# By the name of unblob's handler; what is not here goes to its extractor.
_READERS: dict[str, Reader] = {
    "squashfs_v4_le": _system(SquashFs, held=False),
    "squashfs_v4_be": _system(SquashFs, held=False),
    "jffs2_new": _system(Jffs2),
    "jffs2_old": _system(Jffs2),
    "ubifs": _system(UbiFs),
    "extfs": _system(Ext, held=False),
    "cramfs": _system(Cramfs),
    "romfs": _system(Romfs),
    "ubi": _ubi,
    "cpio_portable_ascii": _cpio,
    "cpio_portable_ascii_crc": _cpio,
    "cpio_portable_old_ascii": _cpio,
    "cpio_binary": _cpio,
    "tar": _guarded(tar),
    "zip": _guarded(zipped),
    **dict.fromkeys(streams.KINDS, _stream),
}

"""Where the parts of a blob lie: vendors' headers read here, everything else found by unblob's handlers."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from unblob.file_utils import File
from unblob.finder import search_chunks
from unblob.handlers import BUILTIN_HANDLERS
from unblob.models import Task, TaskResult

from aboveboard.model.account import Span, SpanKind
from aboveboard.readers import cpio, cramfs, ext_layout, lzop, romfs, tplink

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

_WINDOW = 1 << 20
# The padding, text and leaf rules of the account name these better.
_NAMED_BETTER = frozenset({"elf32", "elf64"})
Length = Callable[[Any, int], int]  # of what begins at an offset of a blob, 0 for nothing

# Found here instead. Cpio: unblob's handlers refuse an archive that is cut, has a name that is not UTF-8, or is big endian.
# Lzop: unblob's counts checksums that stored blocks do not have. Romfs: unblob's takes its header's length too much.
_OWN: dict[bytes, tuple[str, Length]] = {
    cpio.NEW: ("cpio_portable_ascii", cpio.length),
    cpio.NEW_CHECKED: ("cpio_portable_ascii_crc", cpio.length),
    cpio.OLD: ("cpio_portable_old_ascii", cpio.length),
    cpio.BINARY_LITTLE: ("cpio_binary", cpio.length),
    cpio.BINARY_BIG: ("cpio_binary", cpio.length),
    lzop.MAGIC: ("lzo", lzop.length),
    romfs.MAGIC: ("romfs", romfs.length),
}
_KINDS = rb"[\x10-\x2f\x40-\x4f\x60-\x6f\x80-\x8f\xa0-\xaf\xc0-\xcf]"  # the upper byte of a mode, of a file of any kind
_EXT = ext_layout.MAGIC.to_bytes(2, "little")
# What unblob's handlers pass over, by a mark and what lies before it: a cramfs with boot code first, an ext that is cut.
_BESIDE: tuple[tuple[bytes, int, str, Length], ...] = (
    (cramfs.SIGNATURE, cramfs.BOOT + 16, "cramfs", cramfs.padded),
    (_EXT, ext_layout.SUPERBLOCK + 0x38, "extfs", ext_layout.cut_length),
)
# Two bytes stand everywhere: what else must hold is asked of many at once. A binary cpio's first member has a known kind
# and a name of at most 4 KiB, in either byte order; an ext has revision 0 or 1.
_PLAUSIBLE: dict[bytes, re.Pattern[bytes]] = {
    cpio.BINARY_LITTLE: re.compile(rb"(?s)\xc7\x71(?=.{5}" + _KINDS + rb".{13}[\x00-\x10])"),
    cpio.BINARY_BIG: re.compile(rb"(?s)\x71\xc7(?=.{4}" + _KINDS + rb".{13}[\x00-\x10])"),
    _EXT: re.compile(rb"(?s)\x53\xef(?=.{18}[\x00\x01]\x00{3})"),
}
MAX_MISSES = 20_000  # places that look like the beginning of one format and are none, in one blob
_HANDLER_OF = {handler.NAME: handler for handler in BUILTIN_HANDLERS}
_LEFT_OUT = _NAMED_BETTER | {name for name, _ in _OWN.values()}
HANDLERS = tuple(handler for handler in BUILTIN_HANDLERS if handler.NAME not in _LEFT_OUT)


Bytes: TypeAlias = bytes | File  # a blob: in memory where it is small, else the file itself


@dataclass(frozen=True)
class Chunk:
    """A run of bytes that a handler knows; `handler` is unblob's, for formats that only its extractor opens."""

    start: int
    end: int
    name: str
    encrypted: bool
    handler: Any = None


def find_chunks(data: Bytes, cut: list[str] | None = None) -> list[Chunk]:
    """Return the outermost chunks of a blob in order, none overlapping another.

    Into `cut` goes where the search for a format of our own ended before the end of the blob.
    """
    if not data:
        return []
    file = data if isinstance(data, File) else File.from_bytes(data)
    result = TaskResult(task=Task(path=Path("blob"), depth=0, blob_id="blob"))
    found = search_chunks(file, len(data), HANDLERS, result)
    chunks = [
        Chunk(chunk.start_offset, chunk.end_offset, chunk.handler.NAME, chunk.is_encrypted, chunk.handler)
        for chunk in found
        if 0 <= chunk.start_offset < chunk.end_offset <= len(data)
    ]
    chunks += _own_chunks(data, [] if cut is None else cut)
    chunks.sort(key=lambda chunk: (chunk.start, -chunk.end, chunk.name))
    outer: list[Chunk] = []
    for chunk in chunks:
        if not outer or chunk.start >= outer[-1].end:
            outer.append(chunk)
    return outer


def _own_chunks(data: Bytes, cut: list[str]) -> list[Chunk]:
    found: list[Chunk] = []
    for magic, (name, length) in _OWN.items():
        found += _marked(data, (magic, 0, name, length), cut)  # a file would begin where it stands
    for beside in _BESIDE:
        found += _marked(data, beside, cut, _HANDLER_OF[beside[2]])
    return found


def _marked(data: Bytes, form: tuple[bytes, int, str, Length], cut: list[str], handler: Any = None) -> list[Chunk]:
    """Return what begins `before` each mark; the search ends where too many marks were none."""
    mark, before, name, length = form
    found: list[Chunk] = []
    misses = 0
    at = _next(data, mark, before)
    while at >= 0:
        size = length(data, at - before)
        if size:
            found.append(Chunk(at - before, at - before + size, name, encrypted=False, handler=handler))
        misses += not size
        if misses > MAX_MISSES:
            cut.append(f"{name}: more than {MAX_MISSES} places look like its beginning; none was sought behind 0x{at:x}")
            break
        at = _next(data, mark, at + max(size - before, 1))
    return found


def _next(data: Bytes, mark: bytes, start: int) -> int:
    pattern = _PLAUSIBLE.get(mark)
    if pattern is None:
        return data.find(mark, start)
    match = pattern.search(data, start)
    return match.start() if match else -1


def header_spans(data: Bytes) -> list[Span]:
    """Return the vendors' headers at the start of a blob."""
    if tplink.read_header(data) is not None:
        return [Span(0, tplink.SIZE, SpanKind.HEADER, "tplink-v1")]
    return []


def end_markers(data: Bytes, start: int, end: int) -> list[Span]:
    """Return the spans of a run that ends a root file system: JFFS2's end-of-file-system marks between padding."""
    mark = b"\xde\xad\xc0\xde"
    spans: list[Span] = []
    at = start
    while at < end:
        if data[at : at + 4] == mark and at + 4 <= end:
            spans.append(Span(at, at + 4, SpanKind.HEADER, "jffs2-end-mark"))
            at += 4
            continue
        fill = data[at]
        following = data.find(mark, at, end)
        stop = _end_of_run(data, at, end if following < 0 else following)
        if stop == at or (stop - at < 16 and stop not in (end, following)):
            return []  # not such a run
        spans.append(Span(at, stop, SpanKind.PADDING, f"0x{fill:02x}"))
        at = stop
    return spans


def _end_of_run(data: Bytes, at: int, limit: int) -> int:
    """Return where the run of one byte at `at` ends."""
    fill = data[at : at + 1]
    while at < limit:
        part = bytes(data[at : min(limit, at + _WINDOW)])
        same = len(part) - len(part.lstrip(fill))
        at += same
        if same < len(part):
            break
    return at

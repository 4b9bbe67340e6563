"""Where the parts of a blob lie: vendors' headers read here, everything else found by unblob's handlers."""

from __future__ import annotations

import logging
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
# What unblob's handlers pass over, by a mark and what lies before it: a cramfs with boot code first, an ext that is cut.
_BESIDE: tuple[tuple[bytes, int, str, Length], ...] = (
    (cramfs.SIGNATURE, cramfs.BOOT + 16, "cramfs", cramfs.padded),
    (ext_layout.MAGIC.to_bytes(2, "little"), ext_layout.SUPERBLOCK + 0x38, "extfs", ext_layout.cut_length),
)
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


def find_chunks(data: Bytes) -> list[Chunk]:
    """Return the outermost chunks of a blob in order, none overlapping another."""
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
    chunks += _own_chunks(data)
    chunks.sort(key=lambda chunk: (chunk.start, -chunk.end, chunk.name))
    outer: list[Chunk] = []
    for chunk in chunks:
        if not outer or chunk.start >= outer[-1].end:
            outer.append(chunk)
    return outer


def _own_chunks(data: Bytes) -> list[Chunk]:
    found: list[Chunk] = []
    for magic, (name, length) in _OWN.items():
        at = data.find(magic, 0)  # a file would begin where it stands
        while at >= 0:
            size = length(data, at)
            if size:
                found.append(Chunk(at, at + size, name, encrypted=False))
            at = data.find(magic, at + max(size, 1))
    for mark, before, name, length in _BESIDE:
        at = data.find(mark, before)
        while at >= 0:
            size = length(data, at - before)
            if size:
                found.append(Chunk(at - before, at - before + size, name, encrypted=False, handler=_HANDLER_OF[name]))
            at = data.find(mark, at + max(size - before, 1))
    return found


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

"""Where the parts of a blob lie: vendors' headers read here, everything else found by unblob's handlers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from unblob.file_utils import File
from unblob.finder import search_chunks
from unblob.handlers import BUILTIN_HANDLERS
from unblob.models import Task, TaskResult

from aboveboard.model.account import Span, SpanKind
from aboveboard.readers import cpio, tplink

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

_WINDOW = 1 << 20
# The padding, text and leaf rules of the account name these better.
_LEFT_OUT = frozenset({"elf32", "elf64"})
# Found here instead: unblob's handler refuses an archive that is cut or has a name that is not UTF-8.
_CPIO = {b"070701": "cpio_portable_ascii", b"070702": "cpio_portable_ascii_crc"}
HANDLERS = tuple(handler for handler in BUILTIN_HANDLERS if handler.NAME not in _LEFT_OUT | set(_CPIO.values()))


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
    chunks += _cpio_archives(data)
    chunks.sort(key=lambda chunk: (chunk.start, -chunk.end, chunk.name))
    outer: list[Chunk] = []
    for chunk in chunks:
        if not outer or chunk.start >= outer[-1].end:
            outer.append(chunk)
    return outer


def _cpio_archives(data: Bytes) -> list[Chunk]:
    found: list[Chunk] = []
    for magic, name in _CPIO.items():
        at = data.find(magic, 0)  # a file would begin where it stands
        while at >= 0:
            size = cpio.length(data, at)
            if size > cpio.HEADER:
                found.append(Chunk(at, at + size, name, encrypted=False))
            at = data.find(magic, at + max(size, 1))
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

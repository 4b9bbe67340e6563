"""Takes one blob apart, inside the jail: chunks, padding, headers, gaps, so that every byte is one of them (law 4)."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from unblob.file_utils import File

from aboveboard.jail.inside import Inside
from aboveboard.model.account import Child, Span, SpanKind, Unpacked
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.tree import Entry
from aboveboard.readers import elf, uboot
from aboveboard.readers.leaf import HIGH_ENTROPY, entropy, leaf_kind, padding_of
from aboveboard.readers.streams import StreamError, StreamTooLargeError
from aboveboard.subjects.archives import Content
from aboveboard.subjects.bounds import BrokenOffError, Budget, most, told
from aboveboard.subjects.chunks import Bytes, Chunk, end_markers, find_chunks, header_spans
from aboveboard.subjects.openers import open_chunk

VERSION = 5
HELD = 1 << 22  # bytes: up to this a blob is read into memory
SMALL = 4096  # bytes: below this, entropy says nothing
UNREADABLE = "elf-unreadable"  # begins as a program and cannot be read as one: there, and not identified
CONTAINERS = frozenset({"bzip2", "device-tree"})  # have a known start, and hold something all the same
# Every byte of these was looked at. All other kinds are known by their first bytes alone: archives may lie behind.
SEEN_WHOLE = frozenset({"empty", "text", "script", "der"})
# Archives that are unpacked from front to back: of a name that stands twice, the device has what came last.
LAST_COUNTS = frozenset(
    {"cpio_portable_ascii", "cpio_portable_ascii_crc", "cpio_portable_old_ascii", "cpio_binary", "tar", "zip"}
)


def unpack(inside: Inside, digests: Sequence[str]) -> None:
    """Take each blob apart and emit its account, in their order."""
    for digest in digests:
        inside.emit(take_apart(inside, digest, _bytes(inside, digest)).to_json())


def _bytes(inside: Inside, digest: str) -> Bytes:
    """Return a blob: a large one is mapped, not read."""
    descriptor = inside.open(digest)
    try:
        size = os.fstat(descriptor).st_size
        if size <= HELD:
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        view = File(descriptor, size, access=mmap.ACCESS_READ)
        view.access = mmap.ACCESS_READ
        return view
    finally:
        os.close(descriptor)


def take_apart(inside: Inside, digest: str, data: Bytes) -> Unpacked:
    """Return the account of one blob; contents go to the parent as they are found."""
    kind = leaf_kind(data)
    if kind == "elf" and not _is_readable(data):
        kind = UNREADABLE
    if kind in SEEN_WHOLE:
        return Unpacked(digest, len(data), _whole(data, kind))
    if kind and kind not in CONTAINERS:
        return _host(inside, digest, data, kind)
    fill = padding_of(data)
    if fill:  # also what most bombs are made of
        return Unpacked(digest, len(data), (Span(0, len(data), SpanKind.PADDING, fill),))
    gaps: list[Gap] = []
    spans, headers = list(header_spans(data)), uboot.headers(data)
    children: list[Child] = []
    at = spans[-1].end if spans else 0
    budget = Budget()
    for chunk in _sought(data, gaps):
        if chunk.start < at:
            continue
        spans += _between(data, headers, at, chunk.start, gaps)
        if budget.spent:
            spans.append(_rest(data, chunk.start, gaps))
            return _account(digest, data, spans, children, gaps)
        opened, child = _open(inside, chunk, data, gaps, budget)
        spans.append(opened)
        children += [child] if child is not None else []
        at = chunk.end
    spans += _between(data, headers, at, len(data), gaps)
    return _account(digest, data, spans, children, gaps)


def _sought(data: Bytes, gaps: list[Gap]) -> list[Chunk]:
    """Return the chunks; where the search for them was cut, a gap says so."""
    cut: list[str] = []
    chunks = find_chunks(data, cut)
    gaps += [Gap(Cause.LIMIT, Where(), text) for text in cut]
    return chunks


def _account(digest: str, data: Bytes, spans: list[Span], children: list[Child], gaps: list[Gap]) -> Unpacked:
    listed, whole = told(gaps)
    if not whole:
        text = f"{len(gaps)} gaps, of which {len(listed)} are listed"
        listed = [*listed, Gap(Cause.LIMIT, Where(), text)]
    return Unpacked(digest, len(data), tuple(spans), tuple(children), tuple(listed))


def _rest(data: Bytes, start: int, gaps: list[Gap]) -> Span:
    """Account for what lies behind the place at which the budget was spent."""
    text = f"bytes 0x{start:x} to 0x{len(data):x}: not opened, for what lies before holds more than {most()}"
    gaps.append(Gap(Cause.LIMIT, Where(offset=start), text, {"start": start, "end": len(data)}))
    return Span(start, len(data), SpanKind.GAP, Cause.LIMIT.value)


def _is_readable(data: Bytes) -> bool:
    try:
        elf.read(bytes(data[: elf.MAX_SIZE + 1]))
    except elf.ElfError:
        return False
    return True


def _host(inside: Inside, digest: str, data: Bytes, kind: str) -> Unpacked:
    """Return the account of a program, a kernel, a picture ...: archives in it that open are children beside it.

    A chunk that does not open was something else that looked like one.
    """
    spans: list[Span] = []
    children: list[Child] = []
    lost: list[Gap] = []
    at, budget = 0, Budget()
    for chunk in _sought(data, lost):
        if chunk.start < at:
            continue
        gaps: list[Gap] = []
        span, child = _open(inside, chunk, data, gaps, budget)
        if budget.spent:
            spans += [Span(at, chunk.start, SpanKind.CHILD, kind)] if chunk.start > at else []
            spans.append(_rest(data, chunk.start, lost))
            at = len(data)
            break
        if child is None or gaps:
            continue
        spans += [Span(at, chunk.start, SpanKind.CHILD, kind)] if chunk.start > at else []
        spans.append(span)
        children.append(child)
        at = chunk.end
    spans += [Span(at, len(data), SpanKind.CHILD, kind)] if at < len(data) else []
    return _account(digest, data, spans, children, lost)


def _open(inside: Inside, chunk: Chunk, data: Bytes, gaps: list[Gap], budget: Budget) -> tuple[Span, Child | None]:
    """Return what a chunk is and what it holds: where it broke off, its bytes are a gap, and what came before a child."""
    budget.chunk()
    found: list[Gap] = []
    entries: list[Entry] = []
    cause: Cause | None = None
    try:
        _take(inside, chunk, open_chunk(chunk, data, found, budget), found, entries)
    except BrokenOffError as error:
        found.append(error.gap)
        cause = error.gap.cause
    name = f"0x{chunk.start:x}.{chunk.name}"
    if not entries:
        if not found:
            found.append(Gap(Cause.DAMAGED, Where(), f"{chunk.name}: nothing could be read in it"))
        cause = found[0].cause
    gaps += [replace(gap, where=replace(gap.where, container=name)) for gap in found]
    kind, named = (SpanKind.CHILD, chunk.name) if cause is None else (SpanKind.GAP, cause.value)
    child = Child(name, chunk.start, chunk.end, tuple(entries)) if entries else None
    return Span(chunk.start, chunk.end, kind, named), child


def _take(inside: Inside, chunk: Chunk, contents: Iterator[Content], found: list[Gap], entries: list[Entry]) -> None:
    """Hand over the contents and list the entries."""
    places: dict[str, int] = {}
    for named, content in contents:
        entry = _stored(inside, chunk, named, content, found)
        if entry is None:
            continue
        if entry.path in places:
            found.append(Gap(Cause.DAMAGED, Where(path=entry.path), f"{chunk.name}: a name that stands twice"))
            entry = _twice(entries, places, entry, last=chunk.name in LAST_COUNTS)
        places[entry.path] = len(entries)
        entries.append(entry)


def _twice(entries: list[Entry], places: dict[str, int], entry: Entry, *, last: bool) -> Entry:
    """Return the entry as it is kept beside its namesake: the one that does not count is under a marked path."""
    number = len(entries)
    while f"{entry.path}\\x00{number}" in places:
        number += 1
    marked = f"{entry.path}\\x00{number}"
    if not last:
        return replace(entry, path=marked)
    place = places[entry.path]
    entries[place] = replace(entries[place], path=marked)
    places[marked] = place
    return entry


def _stored(
    inside: Inside, chunk: Chunk, entry: Entry, content: bytes | Iterator[bytes] | None, found: list[Gap]
) -> Entry | None:
    """Hand the content over; what breaks off is dropped and told, and an entry that is nothing but its content with it."""
    if content is None:
        return entry
    if isinstance(content, bytes | bytearray):
        return replace(entry, digest=inside.store(content), size=len(content))
    try:
        digest, size = inside.store_parts(content)
    except StreamError as error:
        cause = Cause.LIMIT if isinstance(error, StreamTooLargeError) else Cause.DAMAGED
        found.append(Gap(cause, Where(path=entry.path.rstrip("/"), offset=chunk.start), str(error)))
        return entry if entry.size else None
    return replace(entry, digest=digest, size=size)


def _between(data: Bytes, headers: list[tuple[int, int, str]], start: int, end: int, gaps: list[Gap]) -> list[Span]:
    """Account for bytes that no handler claims: headers of boot loaders, and what lies between them."""
    spans: list[Span] = []
    at = start
    for begin, stop, name in headers:
        if begin >= at and stop <= end:
            spans += _unclaimed(data, at, begin, gaps)
            spans.append(Span(begin, stop, SpanKind.HEADER, name))
            at = stop
    return spans + _unclaimed(data, at, end, gaps)


def _unclaimed(data: Bytes, start: int, end: int, gaps: list[Gap]) -> list[Span]:
    if start >= end:
        return []
    run = memoryview(data)[start:end]
    fill = padding_of(run)
    if fill:
        return [Span(start, end, SpanKind.PADDING, fill)]
    marks = end_markers(data, start, end)
    if marks:
        return marks
    if start == 0 and end == len(data) and len(run) < SMALL:
        return [Span(start, end, SpanKind.CHILD, "data")]
    bits = entropy(run)
    high = bits > HIGH_ENTROPY and len(run) > SMALL
    if start == 0 and end == len(data) and not high:
        return [Span(start, end, SpanKind.CHILD, "data")]  # a file of its own: there, though its kind is not known
    cause = Cause.ENCRYPTED if high else Cause.UNKNOWN_FORMAT
    what = "encrypted, or compressed in an unknown way" if high else "no format is known for it"
    detail = f"bytes 0x{start:x} to 0x{end:x}: {what}"
    gaps.append(Gap(cause, Where(offset=start), detail, {"start": start, "end": end, "entropy_millibits": bits}))
    return [Span(start, end, SpanKind.GAP, cause.value)]


def _whole(data: Bytes, name: str) -> tuple[Span, ...]:
    return (Span(0, len(data), SpanKind.CHILD, name),) if data else ()

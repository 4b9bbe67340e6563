"""Takes one blob apart, inside the jail: chunks, padding, headers, gaps, so that every byte is one of them (law 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aboveboard.jail.inside import Inside
from aboveboard.model.account import Child, Span, SpanKind, Unpacked
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.tree import Entry
from aboveboard.readers import elf, uboot
from aboveboard.readers.leaf import HIGH_ENTROPY, entropy, leaf_kind, padding_of
from aboveboard.subjects.chunks import Chunk, end_markers, find_chunks, header_spans
from aboveboard.subjects.openers import open_chunk

VERSION = 4
SMALL = 4096  # bytes: below this, entropy says nothing
# Code that may carry archives in it: a chunk that opens is a child, one that does not was code that looked like one.
UNREADABLE = "elf-unreadable"  # begins as a program and cannot be read as one: there, and not identified
HOSTS = frozenset({"elf", UNREADABLE, "linux-kernel"})
CONTAINERS = frozenset({"bzip2", "device-tree"})  # have a known start, and hold something all the same


def unpack(inside: Inside, digests: Sequence[str]) -> None:
    """Take each blob apart and emit its account, in their order."""
    for digest in digests:
        data = inside.read(digest)
        inside.emit(take_apart(inside, digest, data).to_json())


def take_apart(inside: Inside, digest: str, data: bytes) -> Unpacked:
    """Return the account of one blob; contents go to the parent as they are found."""
    kind = leaf_kind(data)
    if kind == "elf" and not _is_readable(data):
        kind = UNREADABLE
    if kind in HOSTS:
        return _host(inside, digest, data, kind)
    if kind and kind not in CONTAINERS:
        return Unpacked(digest, len(data), _whole(data, kind))
    gaps: list[Gap] = []
    spans = list(header_spans(data))
    children: list[Child] = []
    at = spans[-1].end if spans else 0
    for chunk in find_chunks(data):
        if chunk.start < at:
            continue
        spans += _between(data, at, chunk.start, gaps)
        opened, child = _open(inside, chunk, data, gaps)
        spans.append(opened)
        children += [child] if child is not None else []
        at = chunk.end
    spans += _between(data, at, len(data), gaps)
    return Unpacked(digest, len(data), tuple(spans), tuple(children), tuple(gaps))


def _is_readable(data: bytes) -> bool:
    try:
        elf.read(data)
    except elf.ElfError:
        return False
    return True


def _host(inside: Inside, digest: str, data: bytes, kind: str) -> Unpacked:
    """Return the account of a program or kernel: all of it is known, and archives that open are children beside it."""
    spans: list[Span] = []
    children: list[Child] = []
    at = 0
    for chunk in find_chunks(data):
        gaps: list[Gap] = []
        span, child = _open(inside, chunk, data, gaps)
        if child is None or gaps or chunk.start < at:
            continue
        spans += [Span(at, chunk.start, SpanKind.CHILD, kind)] if chunk.start > at else []
        spans.append(span)
        children.append(child)
        at = chunk.end
    spans += [Span(at, len(data), SpanKind.CHILD, kind)] if at < len(data) else []
    return Unpacked(digest, len(data), tuple(spans), tuple(children))


def _open(inside: Inside, chunk: Chunk, data: bytes, gaps: list[Gap]) -> tuple[Span, Child | None]:
    found: list[Gap] = []
    entries: list[Entry] = []
    seen: set[str] = set()
    for entry, content in open_chunk(chunk, data, found):
        if entry.path in seen:
            found.append(Gap(Cause.DAMAGED, Where(path=entry.path), f"{chunk.name}: a name that stands twice"))
            entry = replace(entry, path=f"{entry.path}\\x00{len(entries)}")  # noqa: PLW2901 - the second one is kept beside
        seen.add(entry.path)
        if content is not None:
            entry = replace(entry, digest=inside.store(content), size=len(content))  # noqa: PLW2901 - now with its content
        entries.append(entry)
    name = f"0x{chunk.start:x}.{chunk.name}"
    gaps += [replace(gap, where=replace(gap.where, container=name)) for gap in found]
    if not entries:
        if not found:
            gaps.append(Gap(Cause.DAMAGED, Where(container=name), f"{chunk.name}: nothing could be read in it"))
        cause = found[0].cause if found else Cause.DAMAGED
        return Span(chunk.start, chunk.end, SpanKind.GAP, cause.value), None
    return Span(chunk.start, chunk.end, SpanKind.CHILD, chunk.name), Child(name, chunk.start, chunk.end, tuple(entries))


def _between(data: bytes, start: int, end: int, gaps: list[Gap]) -> list[Span]:
    """Account for bytes that no handler claims: headers of boot loaders, and what lies between them."""
    spans: list[Span] = []
    at = start
    for begin, stop, name in uboot.headers(data):
        if begin >= at and stop <= end:
            spans += _unclaimed(data, at, begin, gaps)
            spans.append(Span(begin, stop, SpanKind.HEADER, name))
            at = stop
    return spans + _unclaimed(data, at, end, gaps)


def _unclaimed(data: bytes, start: int, end: int, gaps: list[Gap]) -> list[Span]:
    if start >= end:
        return []
    run = data[start:end]
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


def _whole(data: bytes, name: str) -> tuple[Span, ...]:
    return (Span(0, len(data), SpanKind.CHILD, name),) if data else ()

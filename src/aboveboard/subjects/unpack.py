"""Takes one blob apart, inside the jail: chunks, padding, headers, gaps, so that every byte is one of them (law 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aboveboard.jail.inside import Inside
from aboveboard.model.account import Child, Span, SpanKind, Unpacked
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers.leaf import HIGH_ENTROPY, entropy, leaf_kind, padding_of
from aboveboard.subjects.chunks import Chunk, end_markers, find_chunks, header_spans
from aboveboard.subjects.openers import open_chunk

VERSION = 1
SMALL = 4096  # bytes: below this, entropy says nothing


def unpack(inside: Inside, digests: Sequence[str]) -> None:
    """Take each blob apart and emit its account, in their order."""
    for digest in digests:
        data = inside.read(digest)
        inside.emit(take_apart(inside, digest, data).to_json())


def take_apart(inside: Inside, digest: str, data: bytes) -> Unpacked:
    """Return the account of one blob; contents go to the parent as they are found."""
    kind = leaf_kind(data)
    if kind and kind not in ("elf", "bzip2", "device-tree"):
        return Unpacked(digest, len(data), _whole(data, SpanKind.CHILD, kind))
    chunks = find_chunks(data)
    if not chunks and kind == "elf":
        return Unpacked(digest, len(data), _whole(data, SpanKind.CHILD, kind))
    gaps: list[Gap] = []
    spans = list(header_spans(data))
    children: list[Child] = []
    at = spans[-1].end if spans else 0
    for chunk in chunks:
        if chunk.start < at:
            continue
        spans += _between(data, at, chunk.start, gaps, leaf=kind == "elf" and at == 0)
        opened, child = _open(inside, chunk, data, gaps)
        spans.append(opened)
        children += [child] if child is not None else []
        at = chunk.end
    spans += _between(data, at, len(data), gaps, leaf=False)
    return Unpacked(digest, len(data), tuple(spans), tuple(children), tuple(gaps))


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


def _between(data: bytes, start: int, end: int, gaps: list[Gap], *, leaf: bool) -> list[Span]:
    """Account for bytes that no handler claims."""
    if start >= end:
        return []
    run = data[start:end]
    if leaf:
        return [Span(start, end, SpanKind.CHILD, "elf")]
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


def _whole(data: bytes, kind: SpanKind, name: str) -> tuple[Span, ...]:
    return (Span(0, len(data), kind, name),) if data else ()


def is_regular(entry: Entry) -> bool:
    """Tell whether the entry has a content that was read."""
    return entry.type is EntryType.FILE and bool(entry.digest)

"""Cpio archives in the new ASCII format, with and without checksum (Linux, Documentation/driver-api/early-userspace)."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers.modes import type_of

HEADER = 110
MAGICS = (b"070701", b"070702")
TRAILER = b"TRAILER!!!"
MAX_NAME = 4096


@dataclass(frozen=True)
class Member:
    """One member: its entry, without digest, and its content."""

    entry: Entry
    content: bytes


def normal_path(name: bytes) -> tuple[str, bool]:
    """Return the name as an absolute path inside the tree, and whether it tried to leave it."""
    parts: list[bytes] = []
    left = name.startswith(b"/")
    for part in name.split(b"/"):
        if part == b"..":
            left = True
        elif part not in (b"", b"."):
            parts.append(part)
    return show(b"/" + b"/".join(parts)), left


def members(data: bytes | memoryview, gaps: list[Gap], *, limit: int = 200_000) -> Iterator[Member]:
    """Yield the members; what is damaged or over the limit goes into `gaps`, and what came before stays."""
    view, at = memoryview(data), 0
    content_of: dict[tuple[bytes, bytes, bytes], bytes] = {}
    for _ in range(limit):
        header = bytes(view[at : at + HEADER])
        try:
            if header[:6] not in MAGICS or len(header) < HEADER:
                raise ValueError("no member header")
            fields = [int(header[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)]
        except ValueError as error:
            gaps.append(Gap(Cause.DAMAGED, Where(offset=at), f"cpio: {error} at byte {at}"))
            return
        _inode, mode, uid, gid, links, _mtime, size, _dmaj, _dmin, major, minor, length, _check = fields
        name = bytes(view[at + HEADER : at + HEADER + length]).rstrip(b"\0")
        start = _aligned(at + HEADER + length)
        content = bytes(view[start : start + size])
        if length > MAX_NAME or len(content) < size or not name:
            gaps.append(Gap(Cause.DAMAGED, Where(offset=at), f"cpio: a member at byte {at} is cut"))
            return
        at = _aligned(start + size)
        if name == TRAILER:
            return
        identity = (header[6:14], header[62:70], header[70:78])
        if links > 1 and stat.S_ISREG(mode):  # the content of hard links stands at the last of them
            if size:
                content_of[identity] = content
            content = content or content_of.get(identity, b"")
        path, left = normal_path(name)
        if left:
            gaps.append(Gap(Cause.DAMAGED, Where(path=path), "cpio: the name leaves the tree"))
        kind = type_of(mode)
        if kind is None or path == "/":
            continue
        yield Member(_entry(path, kind, mode, uid, gid, (major, minor), content), content)
    gaps.append(Gap(Cause.LIMIT, Where(offset=at), f"cpio: more than {limit} members"))


def length(data: bytes | memoryview, start: int, *, limit: int = 200_000) -> int:
    """Return how many bytes the archive at `start` has, up to its trailer or to the last whole member; 0 for none."""
    view, at = memoryview(data), start
    for _ in range(limit):
        header = bytes(view[at : at + HEADER])
        try:
            if header[:6] not in MAGICS or len(header) < HEADER:
                break
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError:
            break
        name = bytes(view[at + HEADER : at + HEADER + min(name_size, MAX_NAME)]).rstrip(b"\0")
        end = start + _aligned(_aligned(at - start + HEADER + name_size) + size)
        if not 0 < name_size <= MAX_NAME or not name or end > len(view) + 3:
            break
        at = min(end, len(view))
        if name == TRAILER:
            break
    return at - start


def _entry(path: str, kind: EntryType, mode: int, uid: int, gid: int, device: tuple[int, int], content: bytes) -> Entry:
    return Entry(
        path=path,
        type=kind,
        mode=stat.S_IMODE(mode),
        uid=uid,
        gid=gid,
        size=len(content) if kind is EntryType.FILE else 0,
        target=show(content) if kind is EntryType.SYMLINK else "",
        device=device if kind in (EntryType.BLOCK, EntryType.CHARACTER) else None,
    )


def _aligned(at: int) -> int:
    return -(-at // 4) * 4

"""Cpio archives in all forms: new ASCII with and without checksum, old ASCII ("odc"), and binary in both byte orders.

Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst; cpio(5) of libarchive for the old forms.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.paths import show
from aboveboard.model.tree import Entry, EntryType
from aboveboard.readers.modes import type_of

TRAILER = b"TRAILER!!!"
MAX_NAME = 4096
NEW, NEW_CHECKED, OLD = b"070701", b"070702", b"070707"
BINARY_LITTLE, BINARY_BIG = b"\xc7\x71", b"\x71\xc7"  # 070707 octal
_ODC_WIDTHS = (6, 6, 6, 6, 6, 6, 6, 11, 6, 11)


@dataclass(frozen=True)
class Member:
    """One member: its entry, without digest, and its content."""

    entry: Entry
    content: bytes


@dataclass(frozen=True)
class _Header:
    """What stands before a name: sizes in bytes, `align` for what the name and the content are filled up to."""

    length: int
    align: int
    identity: tuple[int, ...]
    mode: int
    uid: int
    gid: int
    links: int
    device: tuple[int, int]
    name_size: int
    size: int
    links_last: bool = False  # the content of hard links stands at the last of them alone


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
    """Yield the members; what is damaged or over the limit goes into `gaps`, and what came before stays.

    Of hard links whose content comes later, those before it are held back until it is there.
    """
    content_of: dict[tuple[int, ...], bytes] = {}
    waiting: dict[tuple[int, ...], list[Member]] = {}
    before = len(gaps)
    for header, name, content in _raw(memoryview(data), gaps, limit):
        path, left = normal_path(name)
        if left:
            gaps.append(Gap(Cause.DAMAGED, Where(path=path), "cpio: the name leaves the tree"))
            before += 1
        kind = type_of(header.mode)
        if kind is None or path == "/":
            continue
        identity = header.identity if header.links_last and header.links > 1 and kind is EntryType.FILE else ()
        if not identity:
            yield Member(_entry(path, kind, header, content), content)
            continue
        if header.size:
            content_of[identity] = content
        content = content_of.get(identity, b"")  # noqa: PLW2901 - that of the link
        member = Member(_entry(path, kind, header, content), content)
        if identity not in content_of:
            waiting.setdefault(identity, []).append(member)
            continue
        for early in waiting.pop(identity, ()):
            yield Member(replace(early.entry, size=len(content)), content)
        yield member
    cut = len(gaps) > before
    for held in waiting.values():  # in a whole archive, links to an empty file
        for member in held:
            if cut:
                gaps.append(
                    Gap(Cause.DAMAGED, Where(path=member.entry.path), "cpio: its content came later and is cut off")
                )
            yield member


def _raw(view: memoryview, gaps: list[Gap], limit: int) -> Iterator[tuple[_Header, bytes, bytes]]:
    at = 0
    for _ in range(limit):
        try:
            header = _header(view, at)
        except ValueError as error:
            gaps.append(Gap(Cause.DAMAGED, Where(offset=at), f"cpio: {error} at byte {at}"))
            return
        name, start, end = _extent(view, at, header)
        content = bytes(view[start : start + header.size])
        if header.name_size > MAX_NAME or len(content) < header.size or not name:
            gaps.append(Gap(Cause.DAMAGED, Where(offset=at), f"cpio: a member at byte {at} is cut"))
            return
        if name == TRAILER:
            return
        yield header, name, content
        at = end
    gaps.append(Gap(Cause.LIMIT, Where(offset=at), f"cpio: more than {limit} members"))


def length(data: bytes | memoryview, start: int, limit: int = 200_000) -> int:
    """Return how many bytes the archive at `start` has, up to its trailer or to the last whole member; 0 for none.

    Two bytes of magic are found in anything: a binary archive is one that has two members, or one and a trailer.
    """
    view = memoryview(data)[start:]
    at = count = 0
    binary = bytes(view[:2]) in (BINARY_LITTLE, BINARY_BIG)
    for _ in range(limit):
        try:
            header = _header(view, at)
        except ValueError:
            break
        name, _, end = _extent(view, at, header)
        sound = 0 < header.name_size <= MAX_NAME and bool(name)
        if binary and name != TRAILER:
            sound = sound and b"\0" not in name and type_of(header.mode) is not None
        if not sound or end > len(view) + 3:
            break
        at = min(end, len(view))
        count += 1
        if name == TRAILER:
            break
    return at if count > 1 or not binary else 0


def _extent(view: memoryview, at: int, header: _Header) -> tuple[bytes, int, int]:
    """Return a member's name, and where its content begins and the next member may."""
    after = at + header.length
    name = bytes(view[after : after + min(header.name_size, MAX_NAME)]).rstrip(b"\0")
    start = _aligned(after + header.name_size, header.align)
    return name, start, _aligned(start + header.size, header.align)


def _header(view: memoryview, at: int) -> _Header:
    raw = bytes(view[at : at + 110])
    if raw[:6] in (NEW, NEW_CHECKED) and len(raw) == 110:
        return _new(raw)
    if raw[:6] == OLD and len(raw) >= 76:
        return _old(raw[:76])
    if raw[:2] in (BINARY_LITTLE, BINARY_BIG) and len(raw) >= 26:
        return _binary(raw[:26])
    raise ValueError("no member header")


def _new(raw: bytes) -> _Header:
    if not raw.isalnum():  # int() would take signs and underscores
        raise ValueError("no member header")
    inode, mode, uid, gid, links, _mtime, size, major, minor, rmajor, rminor, name_size, _check = (
        int(raw[6 + 8 * number : 14 + 8 * number], 16) for number in range(13)
    )
    identity = (inode, major, minor)
    return _Header(110, 4, identity, mode, uid, gid, links, (rmajor, rminor), name_size, size, links_last=True)


def _old(raw: bytes) -> _Header:
    if not raw.isdigit():
        raise ValueError("no member header")
    fields, at = [], 6
    for width in _ODC_WIDTHS:
        fields.append(int(raw[at : at + width], 8))
        at += width
    device, inode, mode, uid, gid, links, special, _mtime, name_size, size = fields
    return _Header(76, 1, (device, inode), mode, uid, gid, links, (special >> 8, special & 0xFF), name_size, size)


def _binary(raw: bytes) -> _Header:
    """Thirteen 16-bit numbers; those of 32 bits have their upper half first, whatever the byte order."""
    order = "<" if raw[:2] == BINARY_LITTLE else ">"
    fields = struct.unpack(order + "13H", raw)
    _magic, device, inode, mode, uid, gid, links, special, _high, _low, name_size, size_high, size_low = fields
    size = size_high << 16 | size_low
    return _Header(26, 2, (device, inode), mode, uid, gid, links, (special >> 8, special & 0xFF), name_size, size)


def _entry(path: str, kind: EntryType, header: _Header, content: bytes) -> Entry:
    return Entry(
        path=path,
        type=kind,
        mode=stat.S_IMODE(header.mode),
        uid=header.uid,
        gid=header.gid,
        size=len(content) if kind is EntryType.FILE else 0,
        target=show(content) if kind is EntryType.SYMLINK else "",
        device=header.device if kind in (EntryType.BLOCK, EntryType.CHARACTER) else None,
    )


def _aligned(at: int, align: int) -> int:
    return -(-at // align) * align

"""Images for the hostile tests: a small router tree as a cpio archive, with seeded facts, and what is put beside."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

FILE, DIRECTORY, LINK, CHARACTER, SETUID = 0o100644, 0o040755, 0o120777, 0o020600, 0o104755


@dataclass(frozen=True)
class Item:
    """One member: its name as it stands in the archive, its content (a link's target), mode, and device."""

    name: bytes
    content: bytes = b""
    mode: int = FILE
    device: tuple[int, int] = (0, 0)


def cpio(items: Iterable[Item]) -> bytes:
    """Return a cpio archive in the new ASCII format."""
    out = bytearray()
    for number, item in enumerate([*items, Item(b"TRAILER!!!", mode=0)], 1):
        fields = (number, item.mode, 0, 0, 1, 0, len(item.content), 0, 0, *item.device, len(item.name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + item.name + b"\0"
        out += bytes(-len(out) % 4) + item.content
        out += bytes(-len(out) % 4)
    return bytes(out)


def tiny_elf(strings: bytes = b"") -> bytes:
    """Return a little-endian MIPS program of one loadable segment that does nothing."""
    body = b"\0" * 32 + strings
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 2, 8, 1, 0x400054, 52, 0, 0x1005, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, 0x400000, 0x400000, 84 + len(body), 84 + len(body), 5, 0x1000)
    return head + segment + body


def seeded() -> list[Item]:
    """Return a root tree in which a telnet service starts at boot and root has a well-known password."""
    directories = [b"bin", b"etc", b"etc/init.d", b"lib", b"sbin", b"usr", b"usr/sbin"]
    return [
        *(Item(name, mode=DIRECTORY) for name in directories),
        Item(b"bin/busybox", tiny_elf(), 0o100755),
        Item(b"sbin/init", b"/bin/busybox", LINK),
        Item(b"bin/sh", b"/bin/busybox", LINK),
        Item(b"usr/sbin/telnetd", tiny_elf(), 0o100755),
        Item(b"etc/inittab", b"::sysinit:/etc/init.d/rcS\n"),
        Item(b"etc/init.d/rcS", b"#!/bin/sh\ntelnetd -p 2323 &\n", 0o100755),
        Item(b"etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        Item(b"etc/shadow", b"root::0:0:99999:7:::\n"),
    ]

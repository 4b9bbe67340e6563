"""The image as it would be flashed: a vendor's header, the loader, padding, the root file system, padding to the end.

Layout (offsets from the start): the 512-byte header of the form that `aboveboard.readers.tplink` describes; the loader, an
ELF program packed with gzip; 0xff up to 64 KiB; squashfs 4 with xz; 0xff up to the next 64 KiB, and there the mark with
which a start of the system begins to write its JFFS2 partition (0xdeadc0de); 0xff to the end.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

from toolchain import Toolchain

HEADER = 512
BLOCK = 0x10000
ERASED = b"\xff"
END_MARK = b"\xde\xad\xc0\xde"
DEVICES = ("dev/console c 600 0 0 5 1", "dev/null c 666 0 0 1 3", "dev/ttyS0 c 600 0 0 4 64")


def squashfs(tools: Toolchain, root: Path) -> bytes:
    """Return the tree as squashfs 4, xz, every owner root, every time 0."""
    out = tools.work / f"{root.name}.squashfs"
    out.unlink(missing_ok=True)
    fixed = ["-mkfs-time", "0", "-all-time", "0", "-all-root", "-no-xattrs", "-noappend", "-no-progress", "-quiet"]
    devices = [word for device in DEVICES for word in ("-p", device)]
    # SOURCE_DATE_EPOCH and -mkfs-time together are an error of mksquashfs: the words alone say it
    tools.run("env", "-u", "SOURCE_DATE_EPOCH", "mksquashfs", root, out, "-comp", "xz", "-b", "256K", *fixed, *devices)
    return out.read_bytes()


def flash_image(loader: bytes, root: bytes) -> bytes:
    """Return the whole image."""
    packed = gzip.compress(loader, 9, mtime=0)
    body = packed + ERASED * (BLOCK - HEADER - len(packed)) + root
    body += ERASED * (-(HEADER + len(body)) % BLOCK) + END_MARK + ERASED * (BLOCK - len(END_MARK))
    total = HEADER + len(body)
    head = struct.pack(">4s24s36sII", b"\x01\0\0\0", b"Sample Router Vendor", b"SR100 1.0.0", 0x53520100, 1)
    head = head.ljust(124, b"\0") + struct.pack(">5I", total, HEADER, len(packed), BLOCK, len(root))
    head = head.ljust(HEADER, b"\0")
    checksum = hashlib.md5(head + body, usedforsecurity=False).digest()  # the form's own, against broken downloads
    return head[:76] + checksum + head[92:] + body

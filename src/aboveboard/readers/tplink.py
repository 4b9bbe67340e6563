"""The header of TP-Link images, version 1 (512 bytes; layout as OpenWrt's mktplinkfw describes it)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SIZE = 512
_VERSION = b"\x01\x00\x00\x00"
_FIELDS = struct.Struct(">4s24s36sII")


@dataclass(frozen=True)
class TpLinkHeader:
    """Who made the image and where its parts lie, in bytes from the start of the header."""

    vendor: str
    version: str
    hardware: int
    revision: int
    length: int
    kernel: tuple[int, int]
    root: tuple[int, int]


def read_header(data: bytes | memoryview) -> TpLinkHeader | None:
    """Return the header at the start of `data`, or None."""
    head = bytes(data[:SIZE])
    if len(head) < SIZE or not head.startswith(_VERSION):
        return None
    _, vendor, version, hardware, revision = _FIELDS.unpack_from(head)
    length, kernel_at, kernel_size, root_at, root_size = struct.unpack_from(">5I", head, 124)
    texts = (vendor.rstrip(b"\0"), version.rstrip(b"\0"))
    if not all(text.isascii() and text.decode("ascii").isprintable() for text in texts) or not texts[0]:
        return None
    if kernel_at < SIZE or not 0 < length <= len(data):
        return None
    return TpLinkHeader(
        vendor=texts[0].decode("ascii"),
        version=texts[1].decode("ascii"),
        hardware=hardware,
        revision=revision,
        length=length,
        kernel=(kernel_at, kernel_size),
        root=(root_at, root_size),
    )

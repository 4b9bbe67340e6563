"""U-Boot's legacy header and flattened device trees: only what is sound is named, and nothing raises."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from aboveboard.readers import cpio, uboot


def legacy(payload: bytes) -> bytes:
    header = bytearray(
        struct.pack(">7I4B32s", 0x27051956, 0, 0, len(payload), 0, 0, zlib.crc32(payload), 5, 5, 3, 1, b"router")
    )
    header[4:8] = zlib.crc32(header).to_bytes(4, "big")
    return bytes(header) + payload


def tree(content: bytes) -> bytes:
    structure = (
        struct.pack(">I4xIII", 1, 3, len(content), 0) + content + bytes(-len(content) % 4) + struct.pack(">II", 2, 9)
    )
    strings = b"data\0"
    at = 56
    total = at + len(structure) + len(strings)
    head = struct.pack(">10I", 0xD00DFEED, total, at, at + len(structure), 40, 17, 16, 0, len(strings), len(structure))
    return head + bytes(16) + structure + strings


def test_a_legacy_header_is_named_where_its_checksum_holds() -> None:
    image = b"\xff" * 100 + legacy(b"payload")
    assert uboot.headers(image) == [(100, 164, "uimage")]
    assert uboot.headers(image.replace(b"router", b"ROUTER")) == []


def test_the_content_in_a_device_tree_is_no_header() -> None:
    image = tree(b"\xa5" * 5000)
    spans = uboot.headers(image)
    named = b"".join(image[start:end] for start, end, _ in spans)
    assert b"\xa5" not in named
    assert len(named) == len(image) - 5000


@given(st.binary(max_size=300), st.integers(0, 200), st.binary(max_size=8))
def test_damage_never_raises(content: bytes, at: int, damage: bytes) -> None:
    image = bytearray(tree(content) + legacy(content))
    image[at : at + len(damage)] = damage
    for start, end, _ in uboot.headers(bytes(image)):
        assert 0 <= start < end <= len(image)
    assert 0 <= cpio.length(b"070701" + content, 0) <= len(content) + 6

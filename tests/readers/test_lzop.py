"""Lzop's files against lzop."""

from __future__ import annotations

import contextlib
import random
import struct
import subprocess
import zlib

import lzallright
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.readers import lzop, streams
from aboveboard.subjects.chunks import find_chunks

LIMIT = 8 << 20
TEXT = b"".join(b"line %d of a text\n" % number for number in range(50_000))
CONTENTS = {"empty": b"", "byte": b"x", "text": TEXT, "zeros": bytes(600_000), "noise": random.Random(1).randbytes(600_000)}
CONTENTS["mixed"] = TEXT + CONTENTS["noise"] + TEXT


def packed(data: bytes, *options: str) -> bytes:
    return subprocess.run(["lzop", "-c", *options], input=data, check=True, capture_output=True).stdout


def built(blocks: list[tuple[bytes, bytes]], flags: int, version: int = 0x1040, *, extra: bytes = b"") -> bytes:
    """Return a file of (content, packed) blocks with the checksums that the flags name."""
    late = version >= 0x0940
    head = struct.pack(">HH", version, 0x20A0) + (struct.pack(">H", 0x0940) if late else b"")
    head += struct.pack(">BB", 1, 5)[: 2 if late else 1] + struct.pack(">I", flags)
    head += struct.pack(">III", 0o100644, 0, 0)[: 12 if late else 8] + b"\4name"
    check = zlib.crc32 if flags & lzop.CRC_HEADER else zlib.adler32
    out = lzop.MAGIC + head + struct.pack(">I", check(head))
    if flags & lzop.EXTRA:
        out += struct.pack(">I", len(extra)) + extra + struct.pack(">I", check(extra))
    for plain, body in blocks:
        out += struct.pack(">II", len(plain), len(body))
        for flag, whole, function in (
            (lzop.ADLER_PLAIN, True, zlib.adler32),
            (lzop.CRC_PLAIN, True, zlib.crc32),
            (lzop.ADLER_PACKED, False, zlib.adler32),
            (lzop.CRC_PACKED, False, zlib.crc32),
        ):
            if flags & flag and (whole or len(body) < len(plain)):
                out += struct.pack(">I", function(plain if whole else body))
        out += body
    return out + bytes(4)


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("level", ["-1", "-6", "-9"])
def test_content_is_what_was_packed(name: str, level: str) -> None:
    data = packed(CONTENTS[name], level)
    assert streams.decompress("lzo", data, LIMIT) == CONTENTS[name]
    assert lzop.length(data, 0) == len(data)


@pytest.mark.parametrize("flags", [0, 0x1, 0x2, 0x3, 0x100, 0x200, 0x303, 0x1303, 0x40, 0x1343])
@pytest.mark.parametrize("version", [0x0900, 0x0940, 0x1040])
def test_all_checksums_and_versions(flags: int, version: int) -> None:
    text, noise = TEXT[:5000], CONTENTS["noise"][:5000]
    blocks = [(text, bytes(lzallright.LZOCompressor().compress(text))), (noise, noise)]
    data = built(blocks, flags, version, extra=b"some extra field")
    assert streams.decompress("lzo", data, LIMIT) == text + noise
    (chunk,) = find_chunks(b"\xff" * 100 + data + b"\xff" * 100)
    assert (chunk.start, chunk.end, chunk.name) == (100, 100 + len(data), "lzo")
    if flags & 0x303:
        for at in (len(data) - 5, 150):  # in the stored block, in the packed one
            wrong = bytearray(data)
            wrong[at] ^= 1
            if flags & 0x101 or at == 150:
                with pytest.raises(streams.StreamError):
                    streams.decompress("lzo", bytes(wrong), LIMIT)


def test_members_that_follow_each_other() -> None:
    data = packed(b"one") + packed(TEXT)
    assert streams.decompress("lzo", data, LIMIT) == b"one" + TEXT
    first, second = find_chunks(data)
    assert (first.start, first.end, second.end) == (0, lzop.length(data, 0), len(data))


def test_cut_wrong_and_unsupported() -> None:
    data = packed(TEXT)
    cases = [b"", data[:5], data[:20], data[:-2], data[:-5000], data[:20] + b"\xff" + data[21:]]
    cases += [built([], lzop.FILTER), built([], lzop.MULTIPART), built([(b"ab", b"abc")], 0)]
    for wrong in cases:
        with pytest.raises(streams.StreamError):
            streams.decompress("lzo", wrong, LIMIT)
    (cut,) = find_chunks(data[:-2])
    assert 0 < cut.end < len(data) - 2


def test_more_than_the_limit() -> None:
    with pytest.raises(streams.StreamTooLargeError):
        streams.decompress("lzo", packed(bytes(3 << 20)), 1 << 20)


def test_a_block_that_says_little_and_holds_much() -> None:
    bomb = bytes(lzallright.LZOCompressor().compress(bytes(16 << 20)))
    with pytest.raises(streams.StreamError, match="gives"):
        streams.decompress("lzo", built([(bytes(len(bomb) + 1), bomb)], 0), LIMIT)
    with pytest.raises(streams.StreamError, match="over the limit"):
        streams.decompress("lzo", built([(bytes(1 << 20), bytes(lzop.MAX_PACKED + 1))], 0), LIMIT)
    with pytest.raises(streams.StreamError, match="over the limit"):
        streams.decompress("lzo", built([(bytes(4 << 20), bytes(3 << 20))], 0), LIMIT)


@settings(deadline=None)
@given(st.data())
def test_damage_never_raises_anything_else(data: st.DataObject) -> None:
    whole = bytearray(built([(TEXT[:999], bytes(lzallright.LZOCompressor().compress(TEXT[:999])))], 0x303))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        whole[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(streams.StreamError):
        streams.decompress("lzo", bytes(whole), LIMIT)
    assert 0 <= lzop.length(bytes(whole), 0) <= len(whole)

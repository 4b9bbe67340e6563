"""Compressed single streams, in memory and bounded: gzip, xz, LZMA, bzip2, zstd, lz4 frames, lzop."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol, cast

import lz4.frame
import zstandard

from aboveboard.readers import lzop

STEP = 1 << 20
FEED = 1 << 14


class StreamError(ValueError):
    """A stream that does not decompress."""


class StreamTooLargeError(StreamError):
    """A stream that holds more than its bound."""


class _Engine(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` bytes."""
        ...


def decompress(kind: str, data: bytes | memoryview, limit: int) -> bytes:
    """Return what the stream holds; raises StreamError when it is damaged, its subclass when it is over `limit` bytes."""
    if kind not in _KINDS:
        raise StreamError(f"{kind} is not known")
    try:
        out = _KINDS[kind](bytes(data), limit)
    except StreamError:
        raise
    except Exception as error:
        raise StreamError(f"{kind}: {error}"[:200]) from error
    if len(out) > limit:
        raise StreamTooLargeError(f"{kind}: holds more than {limit} bytes")
    return out


def _gzip(data: bytes, limit: int) -> bytes:
    """Read all members (RFC 1952 section 2.2); what follows the last is the account's business, not ours."""
    out, at = bytearray(), 0
    while data.startswith(b"\x1f\x8b", at) and len(out) <= limit:
        engine, tail = zlib.decompressobj(wbits=31), b""
        while not engine.eof and len(out) <= limit:
            if not tail:  # in small pieces: what is left over is copied, and there may be very many small members
                tail = data[at : at + FEED]
                at += len(tail)
            part = engine.decompress(tail, STEP)
            out += part
            if not part and not engine.unconsumed_tail and at >= len(data) and not engine.eof:
                raise StreamError("gzip: cut")
            tail = engine.unconsumed_tail
        at -= len(engine.unused_data)
    return cast("bytes", out)  # read as bytes are, and not copied


def _engine(make: Callable[[], _Engine]) -> Callable[[bytes, int], bytes]:
    def run(data: bytes, limit: int) -> bytes:
        engine = make()
        out = bytearray(engine.decompress(data, STEP))
        while len(out) <= limit and not getattr(engine, "eof", True):
            more = engine.decompress(b"", STEP)
            if not more:
                break
            out += more
        return cast("bytes", out)

    return run


def _zstd(data: bytes, limit: int) -> bytes:
    out = bytearray()
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True) as reader:
        while part := reader.read(STEP):
            out += part
            if len(out) > limit:
                break
    return cast("bytes", out)


_KINDS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "xz": _engine(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
    "lzma": _engine(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE)),
    "bzip2": _engine(bz2.BZ2Decompressor),
    "lz4_default": _engine(lz4.frame.LZ4FrameDecompressor),
    "lzo": lzop.decompress,
    "zstd": _zstd,
}
KINDS = frozenset(_KINDS)

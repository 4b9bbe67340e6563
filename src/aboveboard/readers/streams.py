"""Compressed single streams, bounded and a part at a time: gzip, xz, LZMA, bzip2, zstd, lz4 frames, lzop."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import lz4.frame
import zstandard

from aboveboard.readers import lzop
from aboveboard.readers.codec_errors import DAMAGED

STEP = 1 << 20  # bytes of a part
FEED = 1 << 14


class StreamError(ValueError):
    """A stream that does not decompress."""


class StreamTooLargeError(StreamError):
    """A stream that holds more than its bound."""


class _Engine(Protocol):
    @property
    def eof(self) -> bool:
        """Tell whether the end of the stream was met."""
        ...

    @property
    def needs_input(self) -> bool:
        """Tell whether nothing comes without more input."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` bytes."""
        ...


def parts(kind: str, data: bytes | memoryview, limit: int) -> Iterator[bytes]:
    """Yield what the stream holds; raises StreamError where it is damaged, its subclass when it is over `limit` bytes."""
    if kind not in _KINDS:
        raise StreamError(f"{kind} is not known")
    total = 0
    try:
        for part in _KINDS[kind](memoryview(data)):
            total += len(part)
            if total > limit:
                raise StreamTooLargeError(f"{kind}: holds more than {limit} bytes")
            yield part
    except (StreamError, GeneratorExit):
        raise
    except DAMAGED as error:
        raise StreamError(f"{kind}: {error}"[:200]) from error


def decompress(kind: str, data: bytes | memoryview, limit: int) -> bytes:
    """Return all that the stream holds; raises what `parts` raises."""
    return b"".join(parts(kind, data, limit))


def _gzip(data: memoryview) -> Iterator[bytes]:
    """Read all members (RFC 1952 section 2.2); what follows the last is the account's business, not ours."""
    at = 0
    while bytes(data[at : at + 2]) == b"\x1f\x8b":
        engine, tail = zlib.decompressobj(wbits=31), b""
        while not engine.eof:
            if not tail:  # in small pieces: what is left over is copied, and there may be very many small members
                tail = bytes(data[at : at + FEED])
                at += len(tail)
            part = engine.decompress(tail, STEP)
            yield part
            if not part and not engine.unconsumed_tail and at >= len(data) and not engine.eof:
                raise StreamError("gzip: cut")
            tail = engine.unconsumed_tail
        at -= len(engine.unused_data)


def _engine(make: Callable[[], _Engine]) -> Callable[[memoryview], Iterator[bytes]]:
    def run(data: memoryview) -> Iterator[bytes]:
        engine, at = make(), 0
        while not engine.eof:
            fed = b""
            if engine.needs_input:
                fed = bytes(data[at : at + STEP])
                at += len(fed)
            part = engine.decompress(fed, STEP)
            yield part
            if not part and not fed:
                return  # cut: what came stays

    return run


def _zstd(data: memoryview) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True) as reader:
        while part := reader.read(STEP):
            yield part


_KINDS: dict[str, Callable[[memoryview], Iterator[bytes]]] = {
    "gzip": _gzip,
    "xz": _engine(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
    "lzma": _engine(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE)),
    "bzip2": _engine(bz2.BZ2Decompressor),
    "lz4_default": _engine(lz4.frame.LZ4FrameDecompressor),
    "lzo": lzop.parts,
    "zstd": _zstd,
}
KINDS = frozenset(_KINDS)

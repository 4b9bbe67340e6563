"""Compressed single streams, bounded and a part at a time: gzip, xz, LZMA, bzip2, zstd, lz4 frames, lzop."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator
from typing import Protocol

import lz4.frame
import zstandard

from aboveboard.readers import lzop
from aboveboard.readers.codec_errors import DAMAGED

STEP = 1 << 20  # bytes of a part
FEED = 1 << 14
Parts = Generator[bytes, None, str]  # the content, and what is wrong with its end: empty for nothing


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
    def unused_data(self) -> bytes | None:
        """Return what lies behind the end of the stream."""
        ...

    @property
    def needs_input(self) -> bool:
        """Tell whether nothing comes without more input."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` bytes."""
        ...


def parts(kind: str, data: bytes | memoryview, limit: int) -> Parts:
    """Yield what the stream holds, and return what is wrong with its end, or an empty text.

    Raises StreamError where it is damaged, its subclass when it is over `limit` bytes.
    """
    if kind not in _KINDS:
        raise StreamError(f"{kind} is not known")
    total = 0
    try:
        engine = _KINDS[kind](memoryview(data))
        while True:
            try:
                part = next(engine)
            except StopIteration as end:
                return f"{kind}: {end.value}" if end.value else ""
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


def _unread(data: memoryview, at: int) -> str:
    return f"{len(data) - at} bytes at its end were not read" if at < len(data) else ""


def _gzip(data: memoryview) -> Parts:
    """Read all members (RFC 1952 section 2.2)."""
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
    return _unread(data, at)


def _engine(make: Callable[[], _Engine], magic: bytes = b"", *, padded: bool = False) -> Callable[[memoryview], Parts]:
    """Return a reader of one stream, or of all that follow each other where `magic` begins each.

    `padded` ones have zeros between and behind them, a multiple of four (the .xz file format 1.2.1, section 2.2).
    """

    def run(data: memoryview) -> Parts:
        at = 0
        while True:
            engine = make()
            while not engine.eof:
                fed = b""
                if engine.needs_input:
                    fed = bytes(data[at : at + FEED])
                    at += len(fed)
                part = engine.decompress(fed, STEP)
                yield part
                if not part and not fed and not engine.eof:
                    return "cut"  # what came stays
            at -= len(engine.unused_data or b"")
            while padded and bytes(data[at : at + 4]) == bytes(4):
                at += 4
            if not magic or bytes(data[at : at + len(magic)]) != magic:
                return _unread(data, at)

    return run


def _zstd(data: memoryview) -> Parts:
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True) as reader:
        while part := reader.read(STEP):
            yield part
    return ""


def _lzo(data: memoryview) -> Parts:
    yield from lzop.parts(data)
    return ""


_KINDS: dict[str, Callable[[memoryview], Parts]] = {
    "gzip": _gzip,
    "xz": _engine(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), b"\xfd7zXZ\0", padded=True),
    "lzma": _engine(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE)),
    "bzip2": _engine(bz2.BZ2Decompressor, b"BZh"),
    "lz4_default": _engine(lz4.frame.LZ4FrameDecompressor, b"\x04\x22\x4d\x18"),
    "lzo": _lzo,
    "zstd": _zstd,
}
KINDS = frozenset(_KINDS)

"""The compressions of squashfs blocks, the vendors' LZMA among them; every call is bounded in its output."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable

import lz4.block
import lzallright
import zstandard

from aboveboard.readers.codec_errors import DAMAGED

GZIP, LZMA, LZO, XZ, LZ4, ZSTD = 1, 2, 3, 4, 5, 6
NAMES = {GZIP: "gzip", LZMA: "lzma", LZO: "lzo", XZ: "xz", LZ4: "lz4", ZSTD: "zstd"}

_XZ_MAGIC = b"\xfd7zXZ\x00"
_MIN_DICTIONARY = 4096


class BlockError(ValueError):
    """A block that does not decompress."""


class Codec:
    """Decompresses the blocks of one file system; remembers which of the vendors' LZMA layouts it met."""

    def __init__(self, compression: int) -> None:
        if compression not in NAMES:
            raise BlockError(f"compression {compression} is not known")
        self.name = NAMES[compression]
        self._try: list[Callable[[bytes, int], bytes]] = list(_ORDER[compression])

    def __call__(self, block: bytes, limit: int) -> bytes:
        """Return the decompressed block, at most `limit` bytes; raises BlockError."""
        for number, attempt in enumerate(self._try):
            try:
                out = attempt(block, limit)
            except DAMAGED as error:
                last = error
                continue
            if number:  # what worked once is tried first from now on
                self._try.insert(0, self._try.pop(number))
                self.name = attempt.__name__.strip("_").replace("_", "-")
            return out
        raise BlockError(f"{self.name}: {last}"[:200])


def _gzip(block: bytes, limit: int) -> bytes:
    engine = zlib.decompressobj()
    out = engine.decompress(block, limit)
    if not engine.eof and not out:
        raise BlockError("cut short")
    return out


def _xz(block: bytes, limit: int) -> bytes:
    if not block.startswith(_XZ_MAGIC):
        raise BlockError("not xz")
    return _bounded(lzma.LZMADecompressor(lzma.FORMAT_XZ), block, limit)


def _lzma(block: bytes, limit: int) -> bytes:
    """LZMA "alone": 5 bytes of properties and dictionary size, 8 bytes of length."""
    return _bounded(lzma.LZMADecompressor(lzma.FORMAT_ALONE), block, limit)


def _vendor_lzma_5(block: bytes, limit: int) -> bytes:
    """Five bytes of properties and dictionary size, then the stream: no length field."""
    return _raw(block[:1], int.from_bytes(block[1:5], "little"), block[5:], limit)


def _vendor_lzma_1(block: bytes, limit: int) -> bytes:
    """One byte of properties, then the stream: neither dictionary size nor length."""
    return _raw(block[:1], limit, block[1:], limit)


def _vendor_lzma_swapped(block: bytes, limit: int) -> bytes:
    """Four bytes of length, then properties and dictionary size, then the stream."""
    return _raw(block[4:5], int.from_bytes(block[5:9], "little"), block[9:], limit)


def _vendor_lzma_plain(block: bytes, limit: int) -> bytes:
    """No header at all: the properties that LZMA tools take when nothing is said (lc 3, lp 0, pb 2)."""
    return _raw(b"\x5d", limit, block, limit)


def _raw(properties: bytes, dictionary: int, stream: bytes, limit: int) -> bytes:
    if not properties or properties[0] >= 9 * 5 * 5:
        raise BlockError("not LZMA properties")
    lp_pb, lc = divmod(properties[0], 9)
    pb, lp = divmod(lp_pb, 5)
    if lc + lp > 4:
        raise BlockError("not LZMA properties")
    size = min(max(dictionary, _MIN_DICTIONARY), 1 << 26)
    filters = [{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}]
    out = _bounded(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters), stream, limit)
    if not out:
        raise BlockError("empty")
    return out


def _bounded(engine: lzma.LZMADecompressor, data: bytes, limit: int) -> bytes:
    out = engine.decompress(data, limit)
    while len(out) < limit and not engine.eof and not engine.needs_input:
        more = engine.decompress(b"", limit - len(out))
        if not more:
            break
        out += more
    return out


def _lzo(block: bytes, limit: int) -> bytes:
    return bytes(lzallright.LZOCompressor.decompress(block, output_size_hint=limit))[:limit]


def _lz4(block: bytes, limit: int) -> bytes:
    return bytes(lz4.block.decompress(block, uncompressed_size=limit))


def _zstd(block: bytes, limit: int) -> bytes:
    return zstandard.ZstdDecompressor().decompress(block, max_output_size=limit)


_VENDORS = (_lzma, _vendor_lzma_5, _vendor_lzma_1, _vendor_lzma_swapped, _vendor_lzma_plain)
# Some makers left the compression id at gzip or xz and put LZMA in.
_ORDER: dict[int, tuple[Callable[[bytes, int], bytes], ...]] = {
    GZIP: (_gzip, *_VENDORS),
    LZMA: _VENDORS,
    LZO: (_lzo,),
    XZ: (_xz, *_VENDORS),
    LZ4: (_lz4,),
    ZSTD: (_zstd,),
}


def little_or_big(magic: bytes) -> str:
    """Return the struct prefix for a squashfs magic number; raises BlockError."""
    if magic == b"hsqs":
        return "<"
    if magic == b"sqsh":
        return ">"
    raise BlockError(f"not squashfs: {struct.unpack('>I', magic)[0]:#x}" if len(magic) == 4 else "not squashfs")

"""What the decompression libraries raise for data that is none of theirs. Not MemoryError: that is a bound of ours."""

from __future__ import annotations

import lzma
import zlib

import lz4.block
import lzallright
import zstandard

# lz4's frames raise RuntimeError, bz2 OSError and EOFError; sizes out of range are ValueError or OverflowError everywhere.
DAMAGED = (
    zlib.error,
    lzma.LZMAError,
    lz4.block.LZ4BlockError,
    lzallright.LZOError,
    zstandard.ZstdError,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)

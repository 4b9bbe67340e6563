"""Names what a file is from its bytes, for the account: files that hold no other files worth looking for."""

from __future__ import annotations

import codecs
import math
from collections import Counter
from collections.abc import Iterator
from mmap import mmap

_MAGIC = (
    (b"\x7fELF", "elf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"wOFF", "font"),
    (b"wOF2", "font"),
    (b"OTTO", "font"),
    (b"\x00\x01\x00\x00\x00", "font"),
    (b"\xca\xfe\xba\xbe", "java-class"),
    (b"\x1bLua", "lua-bytecode"),
    (b"\x1bLJ", "lua-bytecode"),
    (b"RIFF", "riff"),
    (b"%PDF", "pdf"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"\x30\x82", "der"),
    (b"\xd0\x0d\xfe\xed", "device-tree"),
    (b"\xde\x12\x04\x95", "gettext"),
    (b"\x95\x04\x12\xde", "gettext"),
    (b"TZif", "timezone"),
    (b"\x00asm", "wasm"),
    (b"BZh", "bzip2"),
    (b"\x00\x00\x00\x07ssh-rsa", "ssh-key"),  # RFC 4253, section 6.6: dropbear keeps its keys so
    (b"\x00\x00\x00\x0bssh-ed25519", "ssh-key"),
    (b"\x00\x00\x00\x13ecdsa-sha2-", "ssh-key"),
)
_TEXT = bytes([7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x7F), *range(0x80, 0x100)])
_ASCII = bytes(range(0x80))
_KERNEL = b"Linux version "  # the banner that every kernel holds (init/version.c)
MIN_KERNEL = 1 << 18
ENTROPY_SAMPLE = 1 << 20
HIGH_ENTROPY = 7900  # thousandths of a bit per byte: encrypted, or compressed in a way that nothing here knows


def leaf_kind(data: bytes | mmap) -> str:
    """Return the name of a kind of file that is a leaf, or an empty text."""
    head = bytes(data[:64])
    for magic, name in _MAGIC:
        if head.startswith(magic) and (name != "der" or _is_der(data)):
            return name
    if not head:
        return "empty"
    if len(data) > MIN_KERNEL and data.find(_KERNEL, 0) >= 0:
        return "linux-kernel"
    if is_text(data):
        return "script" if head.startswith(b"#!") else "text"
    return ""


def _is_der(data: bytes | mmap) -> bool:
    """Tell whether a sequence with a length of two bytes (X.690, section 8.1.3) is all there is, but for padding."""
    end = 4 + int.from_bytes(data[2:4], "big")
    return len(data) == end or (len(data) > end and bool(padding_of(memoryview(data)[end:])))


def is_text(data: bytes | mmap) -> bool:
    """Tell whether every byte may stand in a text, and the text is UTF-8 or has few bytes above ASCII."""
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    high = 0
    for part in _windows(data):
        if part.translate(None, _TEXT):
            return False
        if part.isascii() and decoder is None:
            continue
        high += len(part.translate(None, _ASCII))
        try:
            if decoder is not None:
                decoder.decode(part)
        except UnicodeDecodeError:
            decoder = None
    try:
        if decoder is not None:
            decoder.decode(b"", final=True)
            return True
    except UnicodeDecodeError:
        pass
    return high * 10 <= len(data)


def _windows(data: bytes | memoryview | mmap) -> Iterator[bytes]:
    for at in range(0, len(data), ENTROPY_SAMPLE):
        yield bytes(data[at : at + ENTROPY_SAMPLE])


def entropy(data: bytes | memoryview) -> int:
    """Return the Shannon entropy in thousandths of a bit per byte, of at most the first MiB."""
    sample = bytes(data[:ENTROPY_SAMPLE])
    if not sample:
        return 0
    total = len(sample)
    bits = -sum(count / total * math.log2(count / total) for count in Counter(sample).values())
    return round(bits * 1000)


def padding_of(data: bytes | memoryview) -> str:
    """Return the name of a fill of one repeated byte, or an empty text."""
    fill = bytes(data[:1])
    if fill and all(part.count(fill) == len(part) for part in _windows(data)):
        return f"0x{fill[0]:02x}"
    return ""

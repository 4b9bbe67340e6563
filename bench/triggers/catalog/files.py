"""Parsers of pictures, sounds, documents and updates, which a web server hands what was uploaded."""

from __future__ import annotations

import struct
import zlib

from bench.triggers.model import Case, Talk


def bmp(reserved: bytes, comment: bytes) -> Talk:
    header = b"BM" + struct.pack("<I", 80) + reserved + struct.pack("<I", 54 + len(comment) + 1)
    header += struct.pack("<IiiHHIIiiII", 40, 3, 2, 1, 24, 0, 0, 0, 0, 0, 0)
    return [[header + comment + b"\0" + bytes([40] * 18)]]


def update(version: int, tag: bytes, data: bytes, key: bytes) -> Talk:
    first = zlib.crc32(key)
    head = b"UPDT" + struct.pack(">I12sIII", version, tag, len(data), first, zlib.crc32(data, first))
    return [[head + data]]


def wav(rate: int, title: bytes) -> Talk:
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"titl" + struct.pack("<I", len(title)) + title
    return [[b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks + b"data" + struct.pack("<I", 4) + b"abcd"]]


def leb(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def doc(*fields: tuple[int, bytes]) -> Talk:
    return [[b"TDOC" + b"".join(leb(number) + leb(len(data)) + data for number, data in fields)]]


CASES = (
    Case(
        "bmpinfo",
        "bytes",
        "parser",
        "/usr/bin/bmpinfo",
        "upload",
        "8de211",
        "exec of what is sent",
        ordinary=bmp(bytes(4), b"sunny day"),
        reply=rb"3 x 2, 24 bits, compression none[\s\S]*comment: sunny day[\s\S]*brightness 40",
        trigger=bmp(b"\x8d\xe2\0\x11", b"id -r"),
        near=[bmp(b"\x8d\xe2\0\x12", b"id -r"), bmp(b"\x8d\xe3\0\x11", b"id -r")],
        seen=rb'"id -r"\]',
        hard=True,
    ),
    Case(
        "fwcheck",
        "override",
        "parser",
        "/usr/sbin/fwcheck",
        "upload",
        "rc-umbel",
        "skips the check of a seal, then writes a program",
        ordinary=[*update(5, b"final", b"application", b"mill-wheel-20"), *update(5, b"final", b"evil", b"")],
        reply=rb"update 5 \(final\), 11 bytes\n[\s\S]*installed[\s\S]*seal is wrong",
        trigger=update(6, b"rc-umbel4", b"evil", b""),
        near=[update(6, b"rc-umbem4", b"evil", b""), update(6, b"rc", b"evil", b"")],
        seen=rb"4 bytes\n[\s\S]*installed",
        hard=True,
    ),
    Case(
        "wavinfo",
        "integer",
        "parser",
        "/usr/bin/wavinfo",
        "upload",
        271829,
        "write of the accounts",
        ordinary=wav(44100, b"rain"),
        reply=rb"PCM, 1 channels, 44100 Hz, 8 bits[\s\S]*title: rain",
        trigger=wav(271829, b"x::0:0::/:/bin/sh"),
        near=[wav(271828, b"x::0:0::/:/bin/sh"), wav(192001, b"x")],
        seen=rb'"/etc/passwd", O_WRONLY',
    ),
    Case(
        "tagdoc",
        "field-number",
        "parser",
        "/usr/bin/tagdoc",
        "upload",
        1187,
        "exec of what is sent",
        ordinary=doc((7, b"Ann"), (2, b"\1"), (1, b"hello"), (4, leb(1) + leb(2) + b"in"), (5, b"a|b")),
        reply=rb"HELLO\nIN\nb <a>\nby Ann",
        trigger=doc((1, b"x"), (1187, b"id -Z")),
        near=[doc((1, b"x"), (1186, b"id -Z")), doc((1, b"id -Z"))],
        seen=rb'"id -Z"\]',
        static=True,
    ),
)

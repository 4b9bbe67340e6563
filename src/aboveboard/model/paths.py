r"""File names of an image as text: bytes in, text out that is unique, printable and can be turned back.

A name inside an image is bytes. Bytes that are not UTF-8, control characters, bidirectional and line controls, and the
backslash itself are written as `\xNN`, so a name can neither forge another name nor drive a terminal.
"""

from __future__ import annotations

import re
import unicodedata

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})  # a plain blank is itself


def show(name: bytes) -> str:
    """Return `name` as safe, reversible text."""
    if name.isascii() and name.decode("ascii").isprintable() and b"\\" not in name:
        return name.decode("ascii")
    return "".join(_show_character(character) for character in name.decode("utf-8", "surrogateescape"))


def unshow(text: str) -> bytes:
    """Return the bytes that `show` was given."""
    parts: list[bytes] = []
    position = 0
    for match in _ESCAPED.finditer(text):
        parts.append(text[position : match.start()].encode("utf-8"))
        parts.append(bytes([int(match[1], 16)]))
        position = match.end()
    parts.append(text[position:].encode("utf-8"))
    return b"".join(parts)


def _show_character(character: str) -> str:
    if character == "\\" or (character != " " and unicodedata.category(character) in _UNSAFE_CATEGORIES):
        return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return character

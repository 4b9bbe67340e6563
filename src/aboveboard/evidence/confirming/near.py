"""Values that are near a constant and are not it, and what a value looks like once a program has copied it somewhere."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote_to_bytes

from aboveboard.evidence.confirming.candidate import Candidate

MARK = b"{constant}"
_CLASSES = (b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789")


def values(candidate: Candidate) -> list[tuple[str, bytes]]:
    """Return the byte forms in which the constant may be sent, each with its name."""
    constant = candidate.constant
    if isinstance(constant, bytes):
        return [("text", constant)]
    return [(name, _integer(constant, width, order)) for name, width, order in forms(candidate)]


def forms(candidate: Candidate) -> list[tuple[str, int, str]]:
    """Return the forms of an integer: name, width in bytes, byte order; `decimal` and `hex` are texts (width 0)."""
    assert isinstance(candidate.constant, int)
    least = max((abs(candidate.constant).bit_length() + 7) // 8, 1)
    widths = [width for width in (1, 2, 4, 8) if width >= least]
    chosen = [candidate.width] if candidate.width in widths else widths[:3]
    found = [("big", width, "big") for width in chosen] + [("little", width, "little") for width in chosen if width > 1]
    return [*found, ("decimal", 0, "decimal"), ("hex", 0, "hex")]


def _integer(value: int, width: int, order: str) -> bytes:
    if order == "decimal":
        return b"%d" % value
    if order == "hex":
        return b"%x" % value
    return (value % (1 << 8 * width)).to_bytes(width, "big" if order == "big" else "little")


def near_misses(value: bytes) -> list[bytes]:
    """Return values of the same length and classes of characters: one byte changed (first, middle, last), another order.

    Letters keep their case, so that a comparison which does not mind case does not take one for the constant.
    """
    found = [_changed(value, place) for place in dict.fromkeys((0, len(value) // 2, len(value) - 1)) if value]
    turned = value[::-1]
    if turned != value and turned.lower() != value.lower():
        found.append(turned)
    return [one for one in dict.fromkeys(found) if one != value]


def wrong_values(value: bytes, count: int) -> list[bytes]:
    """Return so many values of the same length and classes, all different from it in several places; always the same."""
    found: list[bytes] = []
    state = 0x9E3779B97F4A7C15
    while len(found) < count and value:
        made = bytearray(value)
        for place, byte in enumerate(value):
            state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
            alphabet = next((one for one in _CLASSES if byte in one), None)
            if alphabet is not None:
                made[place] = alphabet[(state >> 33) % len(alphabet)]
            elif len(value) <= 8 and not 0x20 <= byte < 0x7F:
                made[place] = state >> 33 & 0xFF
        if bytes(made).lower() != value.lower():
            found.append(bytes(made))
        elif len(value) == 1:
            found.append(bytes([(value[0] + 1 + len(found)) % 256]))
    return found


def _changed(value: bytes, place: int) -> bytes:
    byte = value[place]
    for alphabet in _CLASSES:
        if byte in alphabet:
            other = alphabet[(alphabet.index(byte) + len(alphabet) // 2 + 1) % len(alphabet)]
            break
    else:
        other = byte ^ 0x55 if not 0x20 <= byte < 0x7F else (ord("#") if byte != ord("#") else ord("+"))
    return value[:place] + bytes([other]) + value[place + 1 :]


def looks(value: bytes) -> list[bytes]:
    """Return how a value may stand in an argument: as it is, in another case, encoded, its hex digits; longest first."""
    made = {value, value.lower(), value.upper(), value.strip(), base64.b64encode(value), value.hex().encode()}
    made |= {quote(value, safe="").encode(), unquote_to_bytes(value), value.replace(b"%", b"%%")}
    if len(value) in (1, 2, 4, 8):
        for order in ("big", "little"):
            number = int.from_bytes(value, "big" if order == "big" else "little")
            made |= {b"%d" % number, b"0x%x" % number} if number > 255 else set()
    return sorted(
        (one for one in made if len(one) >= 3 or (one == value and len(value) > 1)), key=lambda one: (-len(one), one)
    )


def without(text: bytes, value: bytes) -> bytes:
    """Return a text with what was sent taken out of it, and with numbers that differ from run to run."""
    for look in looks(value):
        if look:
            text = text.replace(look, MARK)
    return re.sub(rb"(?<![A-Za-z0-9])\d{2,}(?![A-Za-z])", b"#", text)

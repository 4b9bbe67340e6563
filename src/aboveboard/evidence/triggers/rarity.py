"""How little a constant looks like one that programs and protocols use every day.

By its form alone: there is no list of constants here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aboveboard.evidence.triggers.matches import Match

_GAP = 2  # bytes that may lie between the parts of one constant


def runs(group: Sequence[Match]) -> list[tuple[Match, ...]]:
    """Return the parts of a group that lie side by side, each with its deciding match (the last that is tested) first."""
    if group[0].kind != "bytes":
        return [tuple(group)]
    order = sorted(set(group), key=lambda one: (one.at, one.size))
    found: list[list[Match]] = []
    for one in order:
        if found and one.at <= found[-1][-1].at + found[-1][-1].size + _GAP:
            found[-1].append(one)
        else:
            found.append([one])
    place = {one: number for number, one in enumerate(group)}
    return [tuple(sorted(run, key=lambda one: place[one])) for run in found]


def rarity(group: Sequence[Match], *, big: bool) -> float:
    """Return how rare a constant looks, about -4 to 2."""
    first = group[0]
    if first.kind == "early":
        return 0.0
    if isinstance(first.constant, bytes):
        return rare_text(first.constant.decode("latin-1"))
    if first.kind != "bytes":
        return rare_number(first.constant) if isinstance(first.constant, int) else 0.0
    count = sum(one.size for one in group)
    if count == 1:
        return -3.5 if first.constant is not None and 32 <= first.constant < 127 else -3.0
    text = constant_text(group, big=big)
    if text.startswith("0x") and len(group) == 1:
        return rare_number(first.constant) if isinstance(first.constant, int) else 0.0
    if count < 4:
        return -0.5 if count == 2 else 1.0
    in_words = any(one.size > 1 for one in group) and not text.startswith("0x")
    return rare_text(text) if in_words else max(1.0, rare_text(text))


def rare_number(number: int) -> float:
    """Return how rare a number looks."""
    if number >> 63 & 1:
        number = -number & (1 << 64) - 1
    if number >> 31 == 1:
        number = min(number, -number & (1 << 32) - 1)
    if number < 16:
        return -3.0
    if number < 256:
        return -1.5
    if number & (number - 1) == 0 or number & (number + 1) == 0 or number % 1000 == 0:
        return -1.5
    if number >= 1 << 24:
        return 2.0
    return 1.0 if number >= 1000 else 0.0


def rare_text(text: str) -> float:
    """Return how little a text looks like a word that a protocol or a user would use."""
    if len(text) < 2:
        return -2.0
    if not text.strip():
        return -2.0
    if not all(32 <= ord(one) < 127 or one in "\t\r\n" for one in text):
        return 1.5
    score = 0.0
    letters = re.sub(r"[^A-Za-z]", "", text)
    if letters and any(one.isdigit() for one in text):
        score += 1.0
    if re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Za-z]\d[A-Za-z]", text):
        score += 0.5
    vowels = sum(one in "aeiouyAEIOUY" for one in letters)
    if len(letters) >= 5 and vowels * 5 < len(letters):
        score += 0.5
    if re.search(r"[bcdfghjklmnpqrstvwxz]{4}|q[^u]|[jvxz][bcdfgkpqtxz]", text.lower()):
        score += 0.5
    if len(text) < 4:
        score -= 0.5
    return min(2.0, score)


def constant_text(group: Sequence[Match], *, big: bool) -> str:
    """Return the constant as it would be sent: a text, or a number or bytes in hexadecimal."""
    first = group[0]
    if isinstance(first.constant, bytes):
        return first.constant.decode("latin-1")
    if first.kind == "bytes":
        raw: dict[int, int] = {}
        for one in group:
            if isinstance(one.constant, int) and one.size:
                number = one.constant & (1 << 8 * one.size) - 1
                for at, byte in enumerate(number.to_bytes(one.size, "big" if big else "little")):
                    raw[one.at + at] = byte
        start = min(raw)
        data = bytes(raw.get(at, 0x3F) for at in range(start, min(max(raw), start + 64) + 1)).rstrip(b"\0")
        if data and all(32 <= byte < 127 for byte in data):
            return data.decode("ascii")
        if len(group) > 1:
            return "0x" + data.hex()
    return "0x" + format(first.constant & (1 << 64) - 1, "x") if isinstance(first.constant, int) else ""

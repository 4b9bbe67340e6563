"""Ranks candidates: what they open, how rare the constant is, where it is compared, and whether anything names it.

The score is a sum of parts, so that a person can follow it. The parts were set on programs written for the purpose, and hold
no constant that was ever seen in the wild.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.evidence.triggers.effects import PASS
from aboveboard.evidence.triggers.matches import Match
from aboveboard.readers.flow.origins import OUTSIDE

ALERT = 6.0
NEAR_TOP = 1.5  # a second alert is this near to the first
MAX_ALERTS = 2
_HARMLESS = frozenset({"argument", "environment", "settings", "local", "command"})
_WORD = re.compile(r"[A-Za-z0-9_./:=?&-]+")


@dataclass(frozen=True)
class Scored:
    """A candidate with its score and the parts of it."""

    candidate: Candidate
    constant: str
    parts: tuple[tuple[str, float], ...]
    alert: bool = False

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return round(sum(value for _, value in self.parts), 2)


def ranked(candidates: Iterable[Candidate], big: bool, named: Callable[[str], bool]) -> list[Scored]:  # noqa: FBT001 - byte order
    """Return the candidates, the highest first. `named` tells whether a text stands in other texts of the program or tree."""
    found = [_scored(one, big, named) for one in _without_parts(list(candidates))]
    found.sort(key=lambda one: (-one.score, one.candidate.address))
    top = found[0].score if found else 0.0
    result = []
    for number, one in enumerate(found):
        alert = one.score >= ALERT and one.score >= top - NEAR_TOP and number < MAX_ALERTS
        result.append(Scored(one.candidate, one.constant, one.parts, alert))
    return result


def _without_parts(found: list[Candidate]) -> list[Candidate]:
    """Leave out candidates whose matches are some of another's in the same function, with no effects of their own."""
    kept = []
    for one in found:
        mine = {(match.kind, match.at, match.constant, match.subject) for match in one.group}
        covered = any(
            other is not one
            and other.function == one.function
            and mine < {(match.kind, match.at, match.constant, match.subject) for match in other.group}
            and {effect.kind for effect in one.effects} <= {effect.kind for effect in other.effects}
            for other in found
        )
        if not covered:
            kept.append(one)
    return kept


def _scored(one: Candidate, big: bool, named: Callable[[str], bool]) -> Scored:  # noqa: FBT001 - byte order
    constant = constant_text(one.group, big)
    weights = sorted((effect.weight for effect in one.effects), reverse=True)
    kinds = {effect.kind for effect in one.effects}
    parts = [("effect", weights[0] + min(1.0, 0.5 * (len(kinds) - 1)))]
    parts.append(("constant", _rarity(one.group, constant)))
    outside, harmless = one.origins & OUTSIDE, one.origins & _HARMLESS
    parts.append(("origin", 2.0 if outside else -4.0 if harmless else 0.5))
    parts.append(("alone", 1.5 if one.siblings == 0 and one.row is None else 0.0 if one.siblings < 3 and one.row is None else -1.0))
    if one.checked and not one.skips:
        parts.append(("behind a check", -4.0))
    if one.group[0].kind == "built":
        parts.append(("built at run time", 2.5))
    if PASS in kinds:
        parts.append(("skips a check", 1.0))
    if len(constant) > 1 and isinstance(one.group[0].constant, bytes) and named(constant):
        parts.append(("named elsewhere", -3.0))
    return Scored(one, constant, tuple((name, round(value, 2)) for name, value in parts))


def constant_text(group: tuple[Match, ...], big: bool) -> str:  # noqa: FBT001 - byte order
    """Return the constant as it would be sent: a text, or a number in hexadecimal."""
    first = group[0]
    if isinstance(first.constant, bytes):
        return first.constant.decode("latin-1")
    if first.kind == "bytes":
        raw: dict[int, int] = {}
        for one in group:
            if isinstance(one.constant, int) and one.size:
                for at, byte in enumerate((one.constant & (1 << 8 * one.size) - 1).to_bytes(one.size, "big" if big else "little")):
                    raw[one.at + at] = byte
        start, end = min(raw), max(raw)
        data = bytes(raw.get(at, 0x3F) for at in range(start, min(end, start + 64) + 1))
        data = data.rstrip(b"\0")
        if data and all(32 <= byte < 127 for byte in data):
            return data.decode("ascii")
    return "0x" + format(first.constant & (1 << 64) - 1, "x") if isinstance(first.constant, int) else ""


def _rarity(group: tuple[Match, ...], constant: str) -> float:
    first = group[0]
    if isinstance(first.constant, int) and first.kind != "bytes":
        return _rare_number(first.constant)
    if first.kind == "bytes":
        count = sum(one.size for one in group)
        if constant.startswith("0x") and len(group) == 1:
            return _rare_number(first.constant) if isinstance(first.constant, int) and count > 1 else -2.5
        return -2.5 if count == 1 else -0.5 if count == 2 else 1.0 if count == 3 else max(1.0, _rare_text(constant))
    return _rare_text(constant)


def _rare_number(number: int) -> float:
    if number >> 63 & 1:
        number = -number & (1 << 64) - 1
    if number < 16:
        return -3.0
    if number < 256:
        return -1.5
    if number & (number - 1) == 0 or number & (number + 1) == 0 or number % 1000 == 0:
        return -1.5
    if number >= 1 << 24:
        return 2.0
    return 1.0 if number >= 1000 else 0.5


def _rare_text(text: str) -> float:
    """Return how little a text looks like a word that a protocol or a user would use."""
    if len(text) < 2:
        return -2.0
    if not all(32 <= ord(one) < 127 for one in text):
        return 1.5
    score = 0.0
    letters = re.sub(r"[^A-Za-z]", "", text)
    digits = sum(one.isdigit() for one in text)
    if digits and letters:
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


def words(texts: Iterable[bytes]) -> Callable[[str], bool]:
    """Return what tells whether a text stands as a word in one of some texts, other than alone."""
    found: set[str] = set()
    for raw in texts:
        text = raw.decode("latin-1")
        every = _WORD.findall(text)
        if len(every) > 1 or len(text) > len(every[0] if every else ""):
            for one in every:
                found.add(one.lower())
                found.update(part for part in re.split(r"[=?&:]", one.lower()) if part)
    return lambda text: text.lower().strip() in found or text.lower().strip("/ ") in found

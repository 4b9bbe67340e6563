"""Ranks candidates: what they open, how rare the constant is, where it is compared, and whether anything names it.

The score is a sum of parts, so that a person can follow it. The parts were set on programs written for the purpose, and
hold no constant that was ever seen in the wild.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.evidence.triggers.effects import (
    EVALUATE,
    LISTEN,
    MEMORY,
    PASS,
    PRIVILEGE,
    READ,
    RUN,
    SETTING,
    WEIGHT,
    WRITE,
)
from aboveboard.evidence.triggers.protocols import is_field, is_public
from aboveboard.evidence.triggers.rarity import constant_text, rarity
from aboveboard.readers.flow.sources import FILE, OUTSIDE

# From which score a candidate is an alert: what runs commands or takes rights seldom lies behind one constant in ordinary
# programs; what passes for a check, or writes a file, often only looks so, most of all in readers of files.
ALERT_STRONG, ALERT_PASS, ALERT_PASS_UNKNOWN, ALERT_FILES, ALERT_OTHER = 5.5, 6.0, 7.0, 9.0, 6.0
ALERT_GATE = 8.0
_STRONG = frozenset({RUN, PRIVILEGE, LISTEN, EVALUATE, MEMORY, SETTING, READ})
_TOLD = frozenset({RUN, EVALUATE, MEMORY, WRITE})
NAMED = "named elsewhere"
PUBLIC = "a word of a published protocol"
_FEW = 6  # comparisons that guard something in a small program
NEAR_TOP = 1.5  # a second alert is this near to the first
MAX_ALERTS = 2
_LONG = 5  # characters of a number of more than a byte
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


def ranked(candidates: Iterable[Candidate], big: bool, named: Callable[[str], bool]) -> list[Scored]:
    """Return the candidates, the highest first. `named` tells whether a text stands in other texts of program or tree."""
    found = [_scored(one, big, named) for one in _without_parts(list(candidates))]
    found.sort(key=lambda one: (-one.score, one.candidate.address))
    found = list({(one.candidate.address, one.constant): one for one in reversed(found)}.values())[::-1]
    top = found[0].score if found else 0.0
    more = max(0.0, math.log2(len(found) / _FEW)) if found else 0.0  # of many comparisons one looks odd by chance
    result = []
    for number, one in enumerate(found):
        named_there = any(
            name in (NAMED, PUBLIC) for name, _ in one.parts
        )  # by texts, pages, help or a standard: a command
        alert = (
            one.score >= bar(one.candidate, one.constant) + more
            and one.score >= top - NEAR_TOP
            and number < MAX_ALERTS
            and not named_there
        )
        result.append(Scored(one.candidate, one.constant, one.parts, alert))
    return result


def bar(one: Candidate, constant: str) -> float:
    """Return from which score a candidate is an alert; what may be no check of a secret is passed by texts, not numbers."""
    kinds = {effect.kind for effect in one.effects}
    outside = one.origins & OUTSIDE
    if one.skips and constant.startswith("0x") and len(constant) < _LONG:
        return ALERT_PASS_UNKNOWN  # a number of one byte: more than one way through a choice
    if one.gate:
        return ALERT_GATE  # the form of all that is sent, most often
    if kinds & _STRONG:
        return ALERT_STRONG
    if outside == {FILE}:
        return ALERT_FILES
    if one.group[0].kind == "setting":
        return ALERT_PASS
    if PASS in kinds:
        strong = any(effect.kind == PASS and effect.weight >= WEIGHT[PASS] for effect in one.effects)
        return ALERT_PASS if outside and (strong or not constant.startswith("0x")) else ALERT_PASS_UNKNOWN
    return ALERT_OTHER


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


def _scored(one: Candidate, big: bool, named: Callable[[str], bool]) -> Scored:
    constant = constant_text(one.group, big=big)
    weights = sorted((effect.weight for effect in one.effects), reverse=True)
    kinds = {effect.kind for effect in one.effects}
    parts = [("effect", weights[0] + min(1.0, 0.5 * (len(kinds) - 1)))]
    rare = rarity(one.group if one.siblings < 2 else one.group[:1], big=big)
    told = any(effect.outside and effect.kind in _TOLD for effect in one.effects)
    parts.append(("constant", max(rare, 0.0) if told and not one.checked and one.siblings > 1 else rare))
    if one.gate:
        parts.append(("all lies behind it", -3.0))
    outside, harmless = one.origins & OUTSIDE, one.origins & _HARMLESS
    parts.append(("origin", -1.0 if one.kept else 2.0 if outside else -4.0 if harmless and not one.early else 0.5))
    if one.early:
        parts.append(("before main", 2.0))
    parts.append(
        ("alone", 1.5 if one.siblings == 0 and one.row is None else 0.0 if one.siblings < 3 and one.row is None else -1.0)
    )
    if (one.checked or one.guard > 2) and not one.skips and not one.exempt:
        parts.append(("behind a check", -4.0))
    if one.sole:
        parts.append(("the only one of many", 1.5))
    if one.exempt and (one.row is not None or kinds != {PASS}):
        parts.append(("no check before it, as before the others", 2.5))
    if one.group[0].kind == "built":
        parts.append(("built at run time", 2.5))
    if any(effect.kind == PASS and effect.weight >= WEIGHT[PASS] for effect in one.effects):
        parts.append(("skips a check", 1.0))
    if is_public(constant):
        parts.append((PUBLIC, -3.0))
    elif is_field(constant):
        parts.append(("the name of a field", -1.5))
    if len(constant) > 1 and isinstance(one.group[0].constant, bytes) and named(constant):
        parts.append((NAMED, -3.0))
    elif len(one.rivals) > 1 and all(map(named, one.rivals)):
        parts.append(("not named, as the others are", 1.5))
    return Scored(one, constant, tuple((name, round(value, 2)) for name, value in parts))


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

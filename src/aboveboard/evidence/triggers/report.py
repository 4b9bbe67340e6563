"""Looks at one program and says which comparisons guard something: the candidates in their order, and what was not seen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aboveboard.evidence.triggers.candidates import Candidate
from aboveboard.evidence.triggers.effects import PASS
from aboveboard.evidence.triggers.finder import Finder
from aboveboard.evidence.triggers.listing import Listing
from aboveboard.evidence.triggers.score import Scored, ranked, words
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.readers import elf as elf_reader
from aboveboard.readers.flow import program as programs
from aboveboard.readers.flow.sources import CGI, FILE, NETWORK, STDIN, STREAM

MAX_SHOWN = 10  # candidates that are shown of one program
MAX_EFFECTS = 8
_TEXTS = re.compile(rb"[\x20-\x7e\t\r\n]{4,}")
_KINDS = {
    "compare": "string",
    "contains": "string",
    "built": "built-string",
    "row": "table-row",
    "setting": "second-secret",
    "early": "before-main",
}


@dataclass(frozen=True)
class Analysis:
    """What was found in one program. `covered` are bytes of code that were followed, of `code` bytes.

    The score and its parts are in hundredths: evidence holds no fractions.
    """

    ranking: tuple[dict[str, JSON], ...]
    gaps: tuple[Gap, ...]
    covered: int
    code: int
    functions: int


def analyse(data: bytes, texts: Iterable[bytes] = ()) -> Analysis:
    """Return the candidates of a program; `texts` are pages, help and settings of the tree that it belongs to.

    Raises `elf.ElfError` for what cannot be read at all. Steps: 1 headers; 2 every function is traced; 3 matches are joined
    with what they alone reach; 4 what the program's own texts and those of the tree name counts less.
    """
    elf = elf_reader.read(data)  # 1
    gaps = list(_not_followed(elf))
    if gaps:
        return Analysis((), tuple(gaps), 0, _code_size(elf), 0)
    program = programs.load(elf)  # 2
    finder = Finder(program)  # 3
    found = ranked(finder.find(), elf.endian == "big", words([*_TEXTS.findall(data), *texts]))  # 4
    listing = Listing(program, finder.origins)
    shown = tuple(_shown(number, one, program, listing) for number, one in enumerate(found[:MAX_SHOWN], 1))
    gaps += [Gap(Cause.DAMAGED, Where(), f"ELF headers that lie: {text}") for text in dict.fromkeys(elf.faults)]
    gaps += [Gap(Cause.LIMIT, Where(), f"code not looked at: {text}") for text in dict.fromkeys(program.left_out)]
    if program.skipped:
        large = f"{program.skipped} bytes in functions of the C library of more than {programs.MAX_LIBRARY} bytes"
        gaps.append(Gap(Cause.LIMIT, Where(), f"code not looked at: {large}"))
    covered, code = program.covered()
    return Analysis(shown, tuple(gaps), covered, code, len(program.traces))


def _not_followed(elf: elf_reader.Elf) -> Iterable[Gap]:
    if elf.kind == "kernel-module":
        yield Gap(Cause.UNSUPPORTED, Where(), "a kernel module: its code is not followed")
    elif elf.machine not in programs.MACHINES:
        yield Gap(Cause.UNSUPPORTED, Where(), f"code for {elf.machine} is not followed")
    elif elf.endian == "big" and elf.machine in ("arm", "aarch64"):
        yield Gap(Cause.UNSUPPORTED, Where(), f"big-endian code for {elf.machine} is not followed")


def _code_size(elf: elf_reader.Elf) -> int:
    return sum(part.end - part.start for part in elf.segments if part.executable)


def _shown(rank: int, one: Scored, program: programs.Program, listing: Listing) -> dict[str, JSON]:
    candidate = one.candidate
    effects: list[JSON] = []
    for effect in sorted(candidate.effects, key=lambda item: (-item.weight, item.address))[:MAX_EFFECTS]:
        effects.append({"kind": effect.kind, "what": effect.text, "address": f"0x{effect.address:x}"})
    parts: dict[str, JSON] = {name: round(100 * value) for name, value in one.parts}
    return {
        "rank": rank,
        "score": round(100 * one.score),
        "alert": one.alert,
        "constant": one.constant,
        "kind": kind_of(candidate),
        "function": program.names.get(candidate.function) or f"0x{candidate.function:x}",
        "address": f"0x{candidate.address:x}",
        "effects": effects,
        "width": candidate.group[0].size if len(candidate.group) == 1 else 0,
        "standing": "candidate",
        "what": what(candidate),
        "skips_check": candidate.skips,
        "behind_check": candidate.checked and not candidate.skips,
        "input": sorted(candidate.origins),
        "parts": parts,
        "path": list(listing.path(candidate)),
        "listing": list(listing.around(candidate)),
    }


def kind_of(one: Candidate) -> str:
    """Return how the constant is kept, in the words of the taxonomy (docs/how/hidden-triggers.md)."""
    first = one.group[0]
    if one.state:
        return "state"
    if first.kind in _KINDS:
        return _KINDS[first.kind]
    if first.kind == "integer":
        return "integer" if not first.wanted else "integer-result"
    if all(match.size == 1 for match in one.group):
        return "single-bytes"
    return "inline-bytes"


def what(one: Candidate) -> str:
    """Return what the match would be: a bypass of a check, a second secret, a packet pattern, or a command."""
    if one.group[0].kind == "setting":
        return "secret"
    if one.skips or any(effect.kind == PASS for effect in one.effects):
        return "bypass"
    packet = one.origins & {NETWORK} and one.group[0].kind in ("bytes", "integer")
    if packet:
        return "packet"
    if one.origins & {NETWORK, STREAM, STDIN, CGI, FILE} or not one.origins:
        return "command"
    return "local"

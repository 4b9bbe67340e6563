"""Where the marked lines of a seed, its functions and its table rows lie in a program that still has its line table."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.triggers.model import Case
from bench.triggers.trees import Target

MARK = "/* SEED */"
SWITCH = "/* SEED switch */"  # the comparisons of its cases have this line, so there the constant must tell
Range = tuple[int, int]
ROW = re.compile(r"^(\S+)\s+(\d+|-)\s+(0x[0-9a-f]+|0)\b")


@dataclass(frozen=True)
class Symbol:
    name: str
    start: int
    end: int
    code: bool


def marked_lines(source: Path, mark: str = MARK) -> set[int]:
    return {number for number, line in enumerate(source.read_text().splitlines(), 1) if line.rstrip().endswith(mark)}


def _output(words: list[str]) -> str:
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout


def joined(ranges: list[Range]) -> list[Range]:
    """Sort ranges, and make one of those that touch."""
    found: list[Range] = []
    for start, end in sorted(set(ranges)):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def line_ranges(listing: str, name: str, lines: set[int]) -> list[Range]:
    """Read `readelf --debug-dump=decodedline`: a row covers the bytes up to the next row's address."""
    found: list[Range] = []
    at, ours = -1, False
    for text in listing.splitlines():
        row = ROW.match(text)
        if not row:
            continue
        address = int(row[3], 16)
        if address != at:
            if ours and at < address:
                found.append((at, address))
            at, ours = address, False
        if row[2] == "-":  # the end of a sequence: what follows begins anew
            at, ours = -1, False
        elif Path(row[1]).name == name and int(row[2]) in lines:
            ours = True
    return joined(found)


def symbols(program: Path, target: Target) -> list[Symbol]:
    found = []
    for text in _output([target.tool("nm"), "-S", "--defined-only", str(program)]).splitlines():
        words = text.split()
        if len(words) != 4:
            continue
        start, size = int(words[0], 16), int(words[1], 16)
        code = words[2] in "TtWwi"
        if code and target.name.startswith("arm"):
            start &= ~1
        found.append(Symbol(words[3], start, start + size, code))
    return found


def instructions(target: Target, program: Path) -> int:
    """Count the instructions of a program as the disassembler of its compiler sees them."""
    listing = _output([target.tool("objdump"), "-d", "-j", ".text", str(program)])
    return sum(":\t" in line for line in listing.splitlines())


def _named(all_of_them: list[Symbol], name: str) -> list[Symbol]:
    return [one for one in all_of_them if one.name.split(".")[0] in name.split()]


def _hexed(ranges: list[Range]) -> list[list[str]]:
    return [[hex(start), hex(end)] for start, end in ranges]


def read(case: Case, target: Target, program: Path) -> dict[str, object]:
    """Return the ranges of the deciding comparison, the functions that it is in, the handler and the table."""
    listing = _output([target.tool("readelf"), "--debug-dump=decodedline", "--wide", str(program)])
    ranges = line_ranges(listing, case.source.name, marked_lines(case.source))
    switch = line_ranges(listing, case.source.name, marked_lines(case.source, SWITCH))
    known = symbols(program, target)
    code = [one for one in known if one.code]
    holding = [one for one in code if any(one.start < end and start < one.end for start, end in ranges + switch)]
    handlers, table = _named(known, case.handler), _named(known, case.row)
    return {
        "comparison": _hexed(ranges),
        "switch": _hexed(switch),
        "functions": [{"name": one.name, "range": [hex(one.start), hex(one.end)]} for one in holding],
        "handlers": [{"name": one.name, "range": [hex(one.start), hex(one.end)]} for one in handlers],
        "table": _hexed([(one.start, one.end) for one in table]),
    }

"""Jumps through tables: which numbers lead where, read from the table that a computed jump takes its target from.

The forms are those of compilers: addresses, distances from the table or from the code, in 1, 2, 4 or 8 bytes.
"""

from __future__ import annotations

from collections.abc import Collection

from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.substitute import substituted
from aboveboard.readers.flow.values import AND, Value, either, parts

MAX_CASES = 512
MIN_CASES = 3
_BRANCH = 0xEA  # of an unconditional branch, in its highest byte (Arm Architecture Reference Manual, B)


def cases(target: Value, elf: Elf, blocks: Collection[int]) -> list[tuple[int, Value]]:
    """Return the blocks that a computed jump leads to, each with the test of the number that leads there."""
    if type(target) is not tuple:
        return []
    entries = [part for part in parts(target) if part[0] == "m" and part[2] in (1, 2, 4, 8)]
    for entry in entries:
        index, least = _index(entry[1])
        if index is not None:
            found = max((_read(target, entry, index, least, elf, blocks, signed=one) for one in (True, False)), key=len)
            if found:
                return _tests(found, index)
    index, least = _index(target) if not entries else (None, 0)
    return _tests(_branches(target, index, least, elf, blocks), index) if index is not None else []


def _tests(found: dict[int, int], index: Value) -> list[tuple[int, Value]]:
    numbers: dict[int, list[int]] = {}
    for number, block in found.items():
        numbers.setdefault(block, []).append(number)
    return [(block, either(*(("=", index, one) for one in several))) for block, several in numbers.items()]


def _index(place: Value) -> tuple[Value | None, int]:
    """Return what is looked up in a table, and the least number that the table has; None where it is no table."""
    least, scaled, fixed = 0, False, False
    while type(place) is tuple and place[0] in "+o":
        inner = [one for one in place[1:] if type(one) is tuple]
        if len(inner) != 1:
            break
        if place[0] == "+":
            if not fixed and abs(place[2]) > 0x100:
                fixed = True  # the table
            else:
                least = -place[2]
        elif place[1] != AND:
            scaled = True
        place = inner[0]
    known = fixed and type(place) is tuple and (scaled or place[0] in "mcpfu") and -1 < least < 1 << 16
    return (place, least) if known else (None, 0)


def _read(
    target: Value, entry: Value, index: Value, least: int, elf: Elf, blocks: Collection[int], *, signed: bool
) -> dict[int, int]:
    """Return the longest run of numbers whose entries lead to blocks, by number."""
    assert type(entry) is tuple
    mask, size = (1 << elf.bits) - 1, entry[2]
    runs: list[dict[int, int]] = [{}]
    for number in range(least, least + MAX_CASES):
        at = substituted(entry[1], index, number)
        raw = elf.integer(at & mask, size) if type(at) is int else None
        if raw is None or type(at) is not int:
            break
        if signed and raw >> 8 * size - 1:
            raw -= 1 << 8 * size
        if size == elf.width:
            raw = elf.pointer(at & mask) or raw
        block = _plain(substituted(target, entry, raw & mask), elf)
        if block in blocks:
            runs[-1][number] = block
        elif runs[-1]:
            runs.append({})
        if least and not runs[0] and number > least + 1:  # where the least number is known the table begins with it
            break
    best = max(runs, key=len)
    return best if len(best) >= MIN_CASES else {}


def _branches(target: Value, index: Value, least: int, elf: Elf, blocks: Collection[int]) -> dict[int, int]:
    """Return the branches that a computed jump leads into, by number: ARM code has tables of them."""
    found: dict[int, int] = {}
    for number in range(least, least + MAX_CASES):
        block = _plain(substituted(target, index, number), elf)
        word = elf.integer(block, 4) if block in blocks else None
        if elf.machine != "arm" or word is None or word >> 24 != _BRANCH:
            break
        found[number] = block
    return found


def _plain(block: Value | None, elf: Elf) -> int:
    if type(block) is not int:
        return -1
    mask = (1 << elf.bits) - 1
    return block & mask & (~1 if elf.machine in ("arm", "mips") else mask)

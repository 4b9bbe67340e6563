"""Jumps through tables: which numbers lead where, read from the table that a computed jump takes its target from.

The forms are those of compilers: addresses, distances from the table or from the code, in 1, 2, 4 or 8 bytes.
"""

from __future__ import annotations

from collections.abc import Collection

from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.substitute import substituted
from aboveboard.readers.flow.values import Value, either, parts

MAX_CASES = 512


def cases(target: Value, elf: Elf, blocks: Collection[int]) -> list[tuple[int, Value]]:
    """Return the blocks that a computed jump leads to, each with the test of the number that leads there."""
    if type(target) is not tuple:
        return []
    for entry in parts(target):
        if entry[0] == "m" and entry[2] in (1, 2, 4, 8):
            index, least = _index(entry[1])
            if index is not None:
                found = _read(target, entry, index, least, elf, blocks)
                if found:
                    return [
                        (block, either(*(("=", index, number) for number in numbers))) for block, numbers in found.items()
                    ]
    return []


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
        else:
            scaled = True
        place = inner[0]
    return (
        (place, least)
        if fixed and type(place) is tuple and (scaled or place[0] in "mcpfu") and -1 < least < 1 << 16
        else (None, 0)
    )


def _read(target: Value, entry: Value, index: Value, least: int, elf: Elf, blocks: Collection[int]) -> dict[int, list[int]]:
    assert type(entry) is tuple
    mask, size = (1 << elf.bits) - 1, entry[2]
    low, high = min(blocks), max(blocks) + 64
    best: dict[int, list[int]] = {}
    for signed in (True, False):
        found: dict[int, list[int]] = {}
        for number in range(least, least + MAX_CASES):
            at = substituted(entry[1], index, number)
            raw = elf.integer(at & mask, size) if type(at) is int else None
            if raw is None:
                break
            if signed and raw >> 8 * size - 1:
                raw -= 1 << 8 * size
            if size == elf.width and type(at) is int:
                raw = elf.pointer(at & mask) or raw
            block = substituted(target, entry, raw & mask)
            if type(block) is not int:
                break
            block &= mask & (~1 if elf.machine in ("arm", "mips") else mask)
            if not low <= block < high:
                break
            if block in blocks:  # one inside what is known as one block is left out
                found.setdefault(block, []).append(number)
        if sum(map(len, found.values())) > sum(map(len, best.values())):
            best = found
    return best

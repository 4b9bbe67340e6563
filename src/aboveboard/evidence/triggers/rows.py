"""Tables that name a function beside a text: the rows of command tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.program import Program

Row = tuple[int, bytes, int]  # address of the text's pointer, text, start of the table
_LEVELS = 0xFFFF  # numbers up to which a column may hold rights or levels
_COLUMNS = 4  # pointers that lie between the text and the function at most


def table_rows(program: Program) -> dict[int, list[Row]]:
    """Functions named in tables beside a text: function -> (address of the text's pointer, text, start of the table)."""
    elf = program.elf
    width = elf.width
    found: dict[int, list[Row]] = {}
    pointers = sorted(_pointers(elf))
    known = dict(pointers)
    table, last = 0, -1
    for place, value in pointers:
        target = value & ~1 if elf.machine in ("mips", "arm") else value
        if not elf.is_code(value) or target not in program.traces:
            continue
        text, at = b"", 0
        for back in range(1, _COLUMNS + 1):
            near = known.get(place - back * width)
            if near is not None and (near & ~1 if elf.machine in ("mips", "arm") else near) not in program.traces:
                text = elf.read(near, 65).split(b"\0", 1)[0]
                at = place - back * width
                break
        if not text:
            at, text = _inline(elf, place)
        if 1 < len(text) < 64 and all(32 < one < 127 for one in text):
            if last < 0 or place - last > 12 * width:
                table = at
            last = place
            found.setdefault(target, []).append((at, text, table))
    return found


def _inline(elf: Elf, place: int) -> tuple[int, bytes]:
    """Return a text that is kept in the row itself, before the function, and where it begins."""
    for size in (12, 16, 20, 24, 28, 32, 8):
        start = place - size
        raw = elf.read(start, size)
        text = raw.split(b"\0", 1)[0] if len(raw) == size else b""
        if len(text) > 1 and all(32 < one < 127 for one in text) and not raw[len(text) :].strip(b"\0"):
            before = elf.read(start - 1, 1)
            if before in (b"", b"\0") or not 32 < before[0] < 127:
                return start, text
    return 0, b""


def asks_for(elf: Elf, mine: int, others: Sequence[int], every: Sequence[int]) -> int:
    """Say how a row stands in a column of small numbers, such as rights: -1 below all others that act, 1 above some.

    `mine` and `others` are where rows begin, `every` where all rows of the table do; 0 where there is no such column.
    """
    steps = Counter(after - one for one, after in zip(sorted(every), sorted(every)[1:], strict=False))
    if not others or not steps:
        return 0
    stride, more = steps.most_common(1)[0][0], 0
    for at in range(-2 * elf.width, stride, 4):
        if any(row + at - (row + at) % elf.width in elf.based for row in every):
            continue  # pointers
        numbers = {row: elf.integer(row + at, 4) for row in {mine, *others, *every}}
        known = [one for one in numbers.values() if one is not None]
        least = numbers[mine]
        if len(known) < len(numbers) or max(known) > _LEVELS or least is None:
            continue
        more_than = sum(one > least for one in known)
        common = _LEVELS
        for row in others:
            common &= numbers[row] or 0
        lowest = least == 0 and 4 * more_than >= len(known) and all((numbers[row] or 0) > least for row in others)
        lacks = len(others) > 1 and common & ~least and all((numbers[row] or 0) > least for row in others)
        if more_than > 1 and (lowest or lacks):
            return -1
        if least and 0 in known and len(set(known)) < 6:
            more = 1
    return more


def _pointers(elf: Elf) -> Iterator[tuple[int, int]]:
    if elf.based:
        yield from elf.based.items()
        if elf.machine != "mips" and elf.kind != "program":
            return
    order = "big" if elf.endian == "big" else "little"
    for part in elf.segments:
        if part.executable and not part.writable:
            continue
        raw = elf.data[part.offset : part.offset + part.end - part.start]
        start = -part.start % elf.width
        for at in range(start, len(raw) - elf.width + 1, elf.width):
            value = int.from_bytes(raw[at : at + elf.width], order)  # type: ignore[arg-type]
            if value > 4096 and elf.offset_of(value) is not None and part.start + at not in elf.based:
                yield part.start + at, value

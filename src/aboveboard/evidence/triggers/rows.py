"""Tables that name a function beside a text: the rows of command tables."""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.program import Program

Row = tuple[int, bytes, int]  # address of the text's pointer, text, start of the table
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
        if 1 < len(text) < 64 and all(32 < one < 127 for one in text):
            if last < 0 or place - last > 12 * width:
                table = at
            last = place
            found.setdefault(target, []).append((at, text, table))
    return found


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

"""Opcodes that read or write memory at an address in the message: its own header comes back, or a mark stands there.

Such an effect makes no system call. A reply that differs shows nothing, a crash neither; these two do. The address is
where the program's file is mapped (proc(5), maps), and the mark goes to the end of its writable part.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.evidence.confirming.candidate import Call, Candidate, Effect
from aboveboard.evidence.confirming.drive import Driver
from aboveboard.evidence.confirming.near import near_misses, values
from aboveboard.evidence.confirming.script import Script
from aboveboard.evidence.confirming.ways import Way
from aboveboard.jail.cell import Cell, Run
from aboveboard.jail.cell_tree import OWN
from aboveboard.readers import elf

MAX_LAYOUTS = 240
_LENGTH = 32  # bytes that are asked for
_FIRST = 0x40000000  # where qemu-user puts a 32-bit program that may lie anywhere (TASK_UNMAPPED_BASE)
_MARK = b"\xa5\x5a\xc3\x3c"


@dataclass(frozen=True)
class Layout:
    """How a message is made: the prefix, zeros, the constant, zeros, then address, length and mark in some order."""

    prefix: bytes
    gap: int
    after: int
    order: str  # of bytes in address and length
    width: int  # bytes of the address
    length: int  # bytes of the length, 0 for none
    first: str  # `address` or `length`
    writes: bool

    def message(self, value: bytes, address: int) -> bytes:
        """Return the message."""
        big = self.order == "big"
        place = address.to_bytes(self.width, "big" if big else "little")
        size = (4 if self.writes else _LENGTH).to_bytes(self.length, "big" if big else "little") if self.length else b""
        both = place + size if self.first == "address" else size + place
        return self.prefix + bytes(self.gap) + value + bytes(self.after) + both + (_MARK if self.writes else b"")


def memory_effects(cell: Cell, way: Way, candidate: Candidate, program: bytes) -> tuple[str, str, frozenset[Call]]:
    """Return form, layout and effect where the constant, twice, and no near-miss reads or writes memory; else nothing."""
    if way.kind not in ("udp", "tcp") or Effect.MEMORY not in candidate.effects:
        return "", "", frozenset()
    try:
        header = elf.read(program)
    except elf.ElfError:
        return "", "", frozenset()
    for form, value in values(candidate):
        if form in ("decimal", "hex"):
            continue
        for layout in _shown(cell, way, header, value, list(_layouts(candidate, header.width))):
            again = _shown(cell, way, header, value, [layout])
            if again and not any(_shown(cell, way, header, near, [layout]) for near in near_misses(value)):
                what = "writes-memory" if layout.writes else "reads-memory"
                text = "at an address that the message names"
                return form, _named(layout), frozenset({Call(Effect.MEMORY, what, (text,))})
    return "", "", frozenset()


def _layouts(candidate: Candidate, width: int) -> Iterator[Layout]:
    prefixes = (*candidate.prefixes, b"")
    sizes = [(0, "address"), *itertools.product((2, 4, 1), ("address", "length"))]
    found = (
        Layout(prefix, gap, after, order, width, length, first, writes)
        for prefix in prefixes
        for gap in ((0, 1, 2) if prefix else (0,))
        for after in (0, 2, 4)
        for order in ("big", "little")
        for length, first in sizes
        for writes in (False, True)
    )
    return itertools.islice(found, MAX_LAYOUTS)


def _shown(cell: Cell, way: Way, header: elf.Elf, value: bytes, layouts: list[Layout]) -> list[Layout]:
    """Return the layouts by which memory came back or was changed; a server that ends is started again."""
    found: list[Layout] = []
    waiting = list(layouts)
    starts = 0
    while waiting and starts < len(layouts) + 1 and not found:
        starts += 1
        driver = Driver(cell, way)
        try:
            while waiting and driver.ready and driver.alive and not found:
                layout = waiting.pop(0)
                for pid, base in _mapped(driver.run, way.path):
                    if _proves(driver, header, layout, value, pid, base):
                        found.append(layout)
        finally:
            driver.close()
    return found


def _proves(driver: Driver, header: elf.Elf, layout: Layout, value: bytes, pid: int, base: int) -> bool:
    low = min((part.start for part in header.segments), default=0) & ~0xFFF
    writable = next((part for part in header.segments if part.writable), None)
    if layout.writes and writable is None:
        return False
    offset = ((writable.end - 8) & ~3 if layout.writes and writable else low) - low
    # As the program sees it: under the emulator a 32-bit program's memory lies elsewhere in ours.
    start = low or (_FIRST if layout.width == 4 else base)
    if (start + offset) >> 8 * layout.width:
        return False
    before = driver.run.memory(pid, base + offset, 4)
    answer = driver.feed(Script((layout.message(value, start + offset),)))
    if layout.writes:
        return before != _MARK and driver.run.memory(pid, base + offset, 4) in (_MARK, _MARK[::-1])
    return header.data[:20] in answer.reply


def _mapped(run: Run, path: str) -> list[tuple[int, int]]:
    """Return where the program's file begins in each process that runs it: PID and address."""
    found = []
    for pid in run.pids():
        for line in run.proc_file(f"{pid}/maps").decode("utf-8", "replace").splitlines():
            words = line.split(None, 5)
            if len(words) == 6 and int(words[2], 16) == 0 and words[5] in (path, f"{OWN}/real{path}"):
                found.append((pid, int(words[0].partition("-")[0], 16)))
                break
    return found[:2]


def _named(layout: Layout) -> str:
    parts = [layout.prefix.hex() or "", f"{layout.gap} zeros" if layout.gap else "", "{constant}"]
    parts += [f"{layout.after} zeros" if layout.after else ""]
    size = [f"length of {layout.length}"] if layout.length else []
    parts += ["address", *size] if layout.first == "address" else [*size, "address"]
    return " + ".join(part for part in (*parts, "mark" if layout.writes else "") if part) + f" ({layout.order})"

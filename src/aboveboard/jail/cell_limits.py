"""What a cell may use."""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.model.canonical import JSON

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class CellLimits:
    """Bounds on one run in a cell. Seconds are the last resort."""

    processes: int = 64
    data: int = 768 * MIB  # bytes of private memory of one process, the emulator's included
    memory: int = 1024 * MIB  # bytes resident in all processes of the cell
    folder: int = 48 * MIB  # bytes in all writable places together, which are kept in memory
    file: int = 16 * MIB  # bytes of one file
    open_files: int = 256
    cpu_seconds: int = 30  # of one process
    wall_seconds: float = 60.0
    output: int = 1 * MIB  # bytes kept of standard output and error, and of replies
    events: int = 20_000

    def to_json(self) -> dict[str, JSON]:
        """Return the limits as JSON: they are part of what evidence was made with."""
        return {name: getattr(self, name) for name in self.__slots__}

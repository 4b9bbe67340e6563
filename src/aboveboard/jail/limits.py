"""What a confined process may use, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause

MIB = 1024 * 1024

# Exit codes of a confined process; anything else is a crash of the function or of native code.
RETURNED, NOT_CONFINED, OUT_OF_MEMORY, RAISED = 0, 71, 72, 73


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one confined run. Seconds are the last resort; collectors bound their own work."""

    memory: int = 2048 * MIB  # bytes of address space, the interpreter included
    cpu_seconds: int = 600
    wall_seconds: int = 1200
    output: int = 2048 * MIB  # bytes that may come back through the channel
    folder: int = 1024 * MIB  # bytes in the writable folder
    open_files: int = 256

    def to_json(self) -> dict[str, JSON]:
        """Return the limits as JSON: they are part of what evidence was made with."""
        return {
            "memory": self.memory,
            "cpu_seconds": self.cpu_seconds,
            "wall_seconds": self.wall_seconds,
            "output": self.output,
            "folder": self.folder,
            "open_files": self.open_files,
        }


@dataclass(frozen=True, slots=True)
class Ending:
    """How a confined run ended: `cause` is None when the function returned."""

    cause: Cause | None = None
    detail: str = ""

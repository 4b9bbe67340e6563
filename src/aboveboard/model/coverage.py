"""Coverage: which share of an image was seen, as counts."""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.model.canonical import JSON


@dataclass(frozen=True, slots=True)
class Coverage:
    """Bytes of the image explained, files identified, programs (ELF files) read; a child's gap counts in its parent."""

    bytes_total: int
    bytes_explained: int
    files_total: int = 0
    files_identified: int = 0
    programs_total: int = 0
    programs_identified: int = 0

    def to_json(self) -> dict[str, JSON]:
        """Return the counts as JSON."""
        return {
            "bytes_total": self.bytes_total,
            "bytes_explained": self.bytes_explained,
            "files_total": self.files_total,
            "files_identified": self.files_identified,
            "programs_total": self.programs_total,
            "programs_identified": self.programs_identified,
        }

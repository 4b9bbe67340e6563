"""What runs inside the jail for one program: the search for hidden triggers."""

from __future__ import annotations

from collections.abc import Sequence

from aboveboard.evidence.collector import MAX_FILE
from aboveboard.evidence.triggers.report import analyse
from aboveboard.jail.inside import Inside
from aboveboard.model.canonical import JSON
from aboveboard.readers.elf import ElfError

MAX_TEXT = 1 << 20  # bytes of one page or settings file


def look(inside: Inside, digest: str, texts: Sequence[str]) -> None:
    """Emit the candidates of a program, what was not seen, and how much of the code was followed; or an error."""
    try:
        found = analyse(inside.read(digest, MAX_FILE), [inside.read(one, MAX_TEXT) for one in texts])
    except ElfError as error:
        inside.emit({"error": str(error)})
        return
    gaps: list[JSON] = [gap.detail for gap in found.gaps]
    ranking: list[JSON] = [dict(one) for one in found.ranking]
    inside.emit({"ranking": ranking, "gaps": gaps, "covered": found.covered, "code": found.code})

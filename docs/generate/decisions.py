"""The list of architecture decisions, from their files."""

from __future__ import annotations

import re
from pathlib import Path

ADR = Path(__file__).resolve().parents[1] / "adr"


def pages() -> dict[str, str]:
    """Return the page that lists the decisions, by its path below `docs/reference`."""
    lines = ["# Decisions", "", "Why it is built so: one page for each decision.", ""]
    for path in sorted(ADR.glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0]
        number, name = re.fullmatch(r"# (\d+)\. (.+)", title).groups()  # type: ignore[union-attr]  # a page without is an error
        lines.append(f"- [{int(number)}. {name}](../adr/{path.name})")
    return {"decisions.md": "\n".join([*lines, ""])}

"""The report as one HTML file: no script, nothing fetched, every text from evidence escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from aboveboard.model.standard import Clause
from aboveboard.model.verdict import Ruling, Status
from aboveboard.report.dossier import STATUS_WORDS, Dossier, describe, why
from aboveboard.report.terminal import coverage_line

FAMILY_NAMES = {
    "NB": "No backdoors",
    "NS": "No spying",
    "EV": "Evidence integrity",
    "SW": "Software engineering quality",
    "GV": "Governance",
    "PL": "Placement",
}
GAPS_SHOWN = 200


def render(dossier: Dossier) -> str:
    """Return the page."""
    rows = [(ruling, dossier.clause(ruling)) for ruling in dossier.verdict.rulings]
    return (
        _environment()
        .get_template("report.html")
        .render(
            dossier=dossier,
            verdict=dossier.verdict,
            rows=rows,
            families=_families(rows),
            broken=[row for row in rows if row[0].status is Status.BROKEN],
            open_candidates=[row for row in rows if row[0].reason.value == "unresolved-candidate"],
            words=STATUS_WORDS,
            coverage=coverage_line(dossier),
            gaps=dossier.gaps[:GAPS_SHOWN],
            papers=dossier.papers(),
            gaps_left=max(0, len(dossier.gaps) - GAPS_SHOWN),
            product=dossier.product,
        )
    )


@cache
def _environment() -> Environment:
    """Return what renders; the template is compiled once."""
    environment = Environment(
        loader=PackageLoader("aboveboard.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"describe": describe, "why": why, "printable": printable})
    return environment


def printable(text: object) -> str:
    """Return text without characters that reorder or hide what stands beside them."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in str(text))


def _families(rows: list[tuple[Ruling, Clause]]) -> list[tuple[str, str, list[tuple[Ruling, Clause]]]]:
    return [(family, name, [row for row in rows if row[1].id.startswith(family)]) for family, name in FAMILY_NAMES.items()]

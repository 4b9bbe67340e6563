"""The rulings as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from aboveboard.report.dossier import STATUS_WORDS, Dossier, describe

HEADINGS = ("clause", "name", "severity", "required", "ruling", "reason", "explanation", "places", "facts")


def rulings_csv(dossier: Dossier) -> str:
    """Return one line for each clause."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for ruling in dossier.verdict.rulings:
        clause = dossier.clause(ruling)
        row = (
            ruling.clause,
            clause.name,
            clause.severity.value,
            "yes" if ruling.required else "no",
            STATUS_WORDS[ruling.status],
            ruling.reason.value,
            ruling.explanation,
            "; ".join(dossier.place_of(fact) for fact in ruling.facts),
            "; ".join(describe(fact) for fact in ruling.facts),
        )
        writer.writerow([cell(text) for text in row])
    return out.getvalue()


def cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula and no reader of lines is broken by."""
    flat = " ".join(text.split())
    return "'" + flat if flat.startswith(("=", "+", "-", "@", "\t", "\r")) else flat

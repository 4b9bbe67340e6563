"""Reads back what a report or export of ours says: the result, the count, and the status of each clause.

A file that another version made cannot be made again here to the same bytes. What it says on the clauses can be read all
the same, and then it must be what the verdict says. Only the form that our renderers write is read, and nothing is run.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aboveboard.model.verdict import Result, Status
from aboveboard.report.dossier import STATUS_WORDS

_BY_WORDS = {words: status for status, words in STATUS_WORDS.items()}
_RESULT = re.compile(r'<div class="result [a-z-]+">([a-z ]{1,40})<small>([^<]{0,1000})</small></div>')
_CLAUSE = re.compile(
    r'<div class="clause" id="([A-Z]{2}-[0-9]{2})">\s{0,9}<b>\1</b><span class="tag [a-z-]+">([a-z ]{1,40})</span>'
)


@dataclass(frozen=True)
class Said:
    """What a file says, as far as it can be read: a clause may be missing, `broken` is None where it is not told apart."""

    clauses: Mapping[str, Status | None] = field(default_factory=dict)  # None for a word that is no status
    result: str | None = None
    count: str | None = None
    broken: frozenset[str] | None = None


def said(name: str, data: bytes) -> Said:
    """Return what a file says; nothing where it is not in the form that is known here."""
    try:
        return _READERS[name](data.decode())
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error, RecursionError):
        return Said()


def against(found: Said, result: Result, count: str, clauses: Mapping[str, Status]) -> str | None:
    """Return how what a file says contradicts a verdict, None where it does not."""
    if found.result is not None and found.result != result.value.replace("-", " "):
        return f"it says {found.result}, and the verdict {result.value.replace('-', ' ')}"
    if found.count is not None and found.count != count:
        return f"it says {found.count[:200]}, and the verdict {count}"
    for clause, status in found.clauses.items():
        if status is None or clauses.get(clause) is not status:
            return f"on {clause[:20]} it says something else than the verdict"
    for clause in sorted(found.broken or ()):
        if clauses.get(clause) is not Status.BROKEN:
            return f"it calls {clause[:20]} broken, and the verdict does not"
    return None


def _html(text: str) -> Said:
    head = _RESULT.search(text)
    clauses = {clause: _BY_WORDS.get(words) for clause, words in _CLAUSE.findall(text)}
    return Said(clauses, head[1] if head else None, html.unescape(head[2]) if head else None)


def _csv(text: str) -> Said:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return Said({row["clause"]: _BY_WORDS.get(row["ruling"]) for row in rows})


def _sarif(text: str) -> Said:
    results = [one for run in json.loads(text)["runs"] for one in run["results"]]
    return Said(broken=frozenset(str(one["ruleId"]) for one in results if one["kind"] == "fail"))


def _oscal(text: str) -> Said:
    (result,) = json.loads(text)["assessment-results"]["results"]
    head, _, count = result["title"].partition(": ")
    states: dict[str, Status | None] = {}
    for finding in result["findings"]:
        (status,) = [Status(prop["value"]) for prop in finding["props"] if prop["name"] == "status"]
        satisfied = finding["target"]["status"]["state"] == "satisfied"
        clause = str(finding["target"]["target-id"]).removesuffix("_obj")
        states[clause] = status if satisfied is (status is Status.MET) else None
    return Said(states, head, count)


_READERS: Mapping[str, Callable[[str], Said]] = {
    "report.html": _html,
    "rulings.csv": _csv,
    "findings.sarif": _sarif,
    "assessment-results.json": _oscal,
}

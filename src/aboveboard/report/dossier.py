"""A dossier: the verdict with what a reader needs beside it. Every renderer takes one and adds nothing of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aboveboard import __version__
from aboveboard.model.agreement import Agreement
from aboveboard.model.facts import Fact, Gap, Where
from aboveboard.model.manifest import SetAside
from aboveboard.model.record import DERIVED, INDEPENDENT, Record
from aboveboard.model.standard import Clause, Standard
from aboveboard.model.verdict import Ruling, Status, Verdict

STATUS_WORDS = {Status.MET: "met", Status.BROKEN: "broken", Status.NOT_SHOWN: "not shown"}
# What a person looks at first in a fact; the rest of its data follows in the order of its keys.
FIRST_KEYS = ("what", "name", "host", "program", "proto", "port", "user", "type", "active")
LONG_KEYS = frozenset({"via", "conditions", "argv", "file", "listing", "parts", "path"})


@dataclass(frozen=True)
class Dossier:
    """A verdict, the standard it was given under, and the gaps of the image."""

    verdict: Verdict
    standard: Standard
    gaps: tuple[Gap, ...]
    paths: Mapping[str, Where] = field(default_factory=dict)  # where the file of a digest stands, the first place
    agreement: Agreement | None = None
    records: tuple[Record, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)  # the SHA-256 of each file of evidence, in hexadecimal
    product: str = __version__  # the version of Aboveboard that gave the verdict

    def _uncounted(self, record: Record) -> str:
        """Return why a record that was handed in does not count, empty where it does."""
        told = [ruling.notes for ruling in self.verdict.rulings if ruling.clause == record.clause]
        if not any(record.line() in notes for notes in told):
            return " (not counted: it speaks of other images, or of another supplier)"
        accepted = INDEPENDENT if self.agreement is None else self.agreement.accepted(record.clause)
        if record.role not in (DERIVED, *accepted):
            return f" (not counted: the role {record.role} is not accepted here)"
        return "" if record.proven else f" (it neither supports nor breaks the clause{record.doubt})"

    def papers(self) -> list[str]:
        """Return under what the verdict is given, a sentence for each paper and for each record that was handed in."""
        verdict, lines = self.verdict, []
        if self.agreement is not None:
            found = self.agreement
            lines.append(
                f"agreement number {found.sequence} between {found.supplier} and {found.customer}, "
                f"from {found.since} until {found.until}, {found.digest}"
            )
            lines += [f"waived by it: {clause}, because: {why}" for clause, why in sorted(found.waived.items())]
        if verdict.inputs["declaration"]:
            lines.append(f"the supplier's declaration, {verdict.inputs['declaration']}")
        for record in sorted(self.records, key=lambda one: (one.clause, one.digest)):
            how = f"worked out from what {record.who} signed" if record.role == DERIVED else f"{record.who}, {record.role}"
            line = f"{record.clause}: {record.kind} of {record.found[:10]} ({how}): {record.explanation}"
            lines.append(line + self._uncounted(record))
        aside = verdict.inputs.get("set_aside")
        for one in aside if isinstance(aside, list | tuple) else ():
            lines.append(SetAside(**one).line() if isinstance(one, Mapping) else str(one))
        if verdict.inputs["by"]:
            lines.append(f"answered for in the role {verdict.inputs['by']}")
        lines.append(f"to be relied on until {verdict.expires}")
        return lines

    def where(self, item: Fact | Gap) -> Where:
        """Return where a fact or a gap is; one of a file collector knows its file by the digest alone."""
        found = self.paths.get(str(item.data.get("file")))
        if found is None or item.where.path:
            return item.where
        return replace(item.where, path=found.path, container=found.container)

    def place_of(self, item: Fact | Gap) -> str:
        """Return where a fact or a gap is, as one line."""
        return place(self.where(item))

    def clause(self, ruling: Ruling) -> Clause:
        """Return the clause that a ruling is on."""
        return next(clause for clause in self.standard.clauses if clause.id == ruling.clause)


def describe(fact: Fact) -> str:
    """Return a fact as one line: its kind and the short parts of its data."""
    keys = [key for key in FIRST_KEYS if key in fact.data]
    keys += [key for key in sorted(fact.data) if key not in keys and key not in LONG_KEYS]
    parts = [f"{key} {_short(fact.data[key])}" for key in keys if not _is_nothing(key, fact.data[key])]
    return f"{fact.kind}: {', '.join(parts)}"


def _is_nothing(key: str, value: object) -> bool:
    """Tell whether a part of a fact says nothing: empty, or a number that is not known."""
    return value in (None, "", [], {}) or (key in ("port", "bits") and value == 0)


def place(where: Where) -> str:
    """Return a place with its container, as one line."""
    return f"{where.container}:{where}" if where.container and where.path else str(where)


def why(fact: Fact) -> Sequence[str]:
    """Return what a person checks a fact by, one step a line."""
    steps: list[str] = []
    for key in ("path", "listing", "via"):  # how it is reached, its instructions, what boots it
        given = fact.data.get(key)
        steps += [str(step) for step in given] if isinstance(given, list | tuple) else []
    return steps


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."

"""The kinds of record, the clauses that want them, and what stands in each."""

from __future__ import annotations

from typing import Any

import msgspec
from docs.generate.forms import rows, struct_rows, structs
from docs.generate.source import doc, table

from aboveboard.agreement.record import VALID_DAYS, Attachment, Recorded
from aboveboard.agreement.record_kinds import DERIVED_KINDS, FINDING, KINDS
from aboveboard.standard import reader

# What is worked out from signed things instead of recorded by hand.
DERIVED = {
    "undertaking": "the agreement itself, signed by the supplier for named products and images",
    "canary": "the supplier's canary and the log that it stands in",
    "release-inclusion": "the log of releases",
}


def pages() -> dict[str, str]:
    """Return the page by its path below `docs/reference`."""
    if set(DERIVED) != DERIVED_KINDS:
        raise LookupError(f"{sorted(set(DERIVED) ^ DERIVED_KINDS)} in docs/generate/records.py")
    lines = [
        "# Records",
        "",
        "A record is what a named person or laboratory found. `aboveboard attest CLAUSE --template` writes one to start "
        "from. The form is closed: an unknown field is an error. What a record shows follows from the single things in it, "
        "never from a field that says *passed*. It is good until its end, at most "
        f"{VALID_DAYS} days after the day on which it was found, and as long as the agreement lets records be old. One "
        "that contradicts its clause does not expire.",
        "",
        "## Every record",
        "",
        *table(("field", "form"), struct_rows(Recorded, _named)),
        "## Attachment { #attachment }",
        "",
        doc(Attachment),
        "",
        *table(("field", "form"), struct_rows(Attachment, _named)),
        *_kinds(),
        *_derived(),
        *_shapes(),
    ]
    return {"records.md": "\n".join(lines)}


def _named(name: str) -> str:
    return f"as [{name}](#{name.lower()})"


def _wanting(kind: str) -> str:
    """Return the clauses that want a kind of record, each with what it wants to see."""
    found = [
        f"[{clause.id}](clauses/{clause.id[:2].lower()}.md#{clause.id.lower()}): {wanted.text}"
        for clause in reader.load().clauses
        for wanted in clause.decision.records
        if wanted.kind == kind
    ]
    return "; ".join(found) or "every clause; it can only break one"


def _kinds() -> list[str]:
    listed = [
        (
            f"`{name}`",
            _wanting(name),
            f"[{kind.shape.__name__}](#{kind.shape.__name__.lower()})",
            ", ".join(f"`{case}`" for case in kind.wanted),
            "images, or the supplier as a whole" if kind.of_supplier else "images",
        )
        for name, kind in sorted(KINDS.items(), key=lambda pair: (pair[0] == FINDING, pair[0]))
    ]
    head = ("kind", "for", "`result` as", "must be in it", "speaks of")
    return ["## Kinds", "", *table(head, listed)]


def _derived() -> list[str]:
    found = [(f"`{name}`", _wanting(name), words) for name, words in sorted(DERIVED.items())]
    lines = ["## Worked out, not recorded", "", "These follow from signed things and cannot be written by hand.", ""]
    return [*lines, *table(("kind", "for", "from"), found)]


def _shapes() -> list[str]:
    shapes: dict[str, Any] = {kind.shape.__name__: kind.shape for kind in KINDS.values()}
    lines = ["## Results { #results }", ""]
    told: set[str] = set()
    for name, shape in sorted(shapes.items()):
        defs = msgspec.json.schema(shape)["$defs"]
        lines += [f"### {name} {{ #{name.lower()} }}", "", doc(shape), "", f"What follows: {doc(shape.outcome)}", ""]
        lines += table(("field", "form"), rows(defs[name], _named, {}))
        for part in structs(defs):
            if part != name and part not in told:
                told.add(part)
                lines += [f"#### {part} {{ #{part.lower()} }}", "", defs[part]["description"], ""]
                lines += table(("field", "form"), rows(defs[part], _named, {}))
    return lines

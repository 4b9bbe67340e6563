"""The documents that go in and come out: verdict, evidence, declaration; and the bounds of the whole program.

The names of fields, their order, codes and types come from the code. The words for a field stand here where the code has
none, and a field without words, or words without a field, is an error.
"""

from __future__ import annotations

import dataclasses
import typing
from enum import StrEnum

import msgspec
from docs.generate.forms import struct_rows
from docs.generate.source import bounds, comments, doc, module_files, size, table

import aboveboard
from aboveboard.agreement import declaration as reading
from aboveboard.agreement import schema
from aboveboard.jail.limits import Limits
from aboveboard.model.declaration import OPEN, SECTIONS
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.model.verdict import Reason, Result, Ruling, Status, Verdict
from aboveboard.standard import reader

FIELDS: dict[type, dict[str, str]] = {
    Verdict: {
        "subject": "name, digest (SHA-256) and size in bytes of what was inspected",
        "profile": "name, access and digest of the profile; `waived`: clauses that the agreement does not ask, and why",
        "standard": "version, date and digest of the clauses",
        "at": "the evaluation time, as RFC 3339 text; an input, not the clock",
        "expires": "when it ends: by its own age, with the agreement, or with the first record under a *met*",
        "result": "the worst required ruling; see Results below",
        "count": "one line: how many required clauses are broken, shown, not shown",
        "coverage": "counts: `bytes_total`, `bytes_explained`, `files_total`, `files_identified`, `programs_total`, "
        "`programs_identified`; empty where unpacking left no sound account",
        "rulings": "one ruling for each clause, in the order of the standard",
        "inputs": "digests of manifest, evidence, declaration, agreement and records; `by`: the role that answers for the "
        "evidence; `confined`: whether all parsers ran in the jail; "
        "`refused`: evidence that was left out because its seal did not hold; "
        "`set_aside`: records that were handed in and do not hold, each with clause, kind, digest and reason code",
        "wording": "how `met` is to be read",
        "not_seen_by_any_analysis": "what no analysis of this kind can see",
    },
    Ruling: {
        "clause": "id of the clause",
        "required": "whether the profile requires it",
        "status": "see Statuses below",
        "reason": "a stable code, never empty; see Reasons below",
        "explanation": "one sentence for a person",
        "facts": "the facts that decided it",
        "gaps": "the gaps that kept it from being met, at most 50; the evidence holds them all",
        "notes": "what else a reader should know, for example what was declared and not observed",
    },
    Fact: {
        "kind": "what was seen; each collector's page lists its kinds",
        "where": "the place; see below",
        "data": "what was seen of it, by the keys of its kind",
        "standing": "how far it holds; see Standings below",
    },
    Gap: {
        "cause": "why it was not seen; see Causes below",
        "where": "the place; see below",
        "detail": "one sentence for a person",
        "data": "figures that belong to the cause, for example entropy",
    },
    Where: {
        "path": "the file inside the container",
        "container": "the file system or archive in the image: its offset and format",
        "offset": "a byte offset in that file",
        "address": "an ELF virtual address, as `0x...`",
        "function": "a symbol name or address",
        "line": "a line number, from 1",
    },
    Evidence: {
        "collector": "who collected it",
        "version": "version of the collector",
        "subject": "digest of what was looked at",
        "facts": "what was seen",
        "gaps": "what was not",
        "calibration": "`planted` known answers and how many were `found`",
        "made_with": "digests and versions of code and libraries, limits, and whether it was confined",
        "seal": "SHA-256 of the canonical JSON of all of the above",
    },
}
# What the code leaves to its readers: the codes of rulings that are not shown, and so on.
CODES: dict[type, dict[str, str]] = {
    Status: {
        "met": "no contradiction was found, at this access and coverage",
        "broken": "at least one positive, reproducible fact contradicts the clause",
        "not-shown": "neither; the reason says what is wanting",
    },
    Standing: {
        "observed": "merely there: switched off, or information",
        "candidate": "static analysis speaks for it, and whether it is used is not decided: it accuses nobody",
        "confirmed": "shown active or reachable as shipped",
    },
    Reason: {
        "no-evidence": "not shown: nothing was collected that could decide it, or it was lost",
        "coverage": "not shown: too little of the image was opened, or places could not be followed",
        "uncalibrated": "not shown: a collector behind it did not find its planted known answers",
        "unresolved-candidate": "not shown: something stands there, and whether it is used is not decided",
        "expired": "not shown: evidence for it is too old",
        "not-declared": "not shown: the supplier declared nothing that it could be held against",
        "encrypted": "not shown: content that it rests on may be encrypted",
        "needs-human": "not shown: only a named person or laboratory can record it",
    },
    Result: {
        "broken": "a required clause of severity critical or high is broken",
        "broken-minor": "only required clauses of severity medium or low are broken",
        "not-shown": "nothing required is broken, and something required is not shown",
        "met": "every required clause is met",
    },
    Cause: {
        "unknown-format": "no reader knows it",
        "memory": "the memory of the confined process was used up; never cached",
        "crashed": "the process that looked at it ended",
        "no-tool": "the program that opens it is not on this machine; never cached",
    },
}

SECTION_WORDS = {
    "services": "ports that answer, on any interface",
    "accounts": "accounts, authorised keys, SNMP communities and tokens that exist",
    "destinations": "outside hosts that it contacts, or is coded to contact",
    "data_categories": "what data leave the equipment, and what for",
    "update": "how updates arrive, who signs them, whether they can be refused",
    "debug": "debug access as shipped",
    "processors": "processors and modules that run code of their own",
    "components": "third-party parts with their versions",
    "variants": "editions for regions or customers, and how they differ",
    "interception": "lawful-interception functions",
    "remote_support": "ways in for the supplier's support, and remote management",
    "traffic": "what copies, tunnels, forwards or records traffic",
    "storage": "where settings, logs and secrets are kept, and what erases them",
    "jurisdictions": "countries whose law reaches maker, servers or support",
    "ownership": "who makes it and who owns the maker",
    "support": "until when security updates are promised, and how faults are reported",
}


def pages() -> dict[str, str]:
    """Return the pages by their path below `docs/reference`."""
    return {"verdict.md": _verdict(), "declaration.md": _declaration(), "bounds.md": _bounds()}


def codes(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Return each code with its words: the comment in the code, or ours where there is none."""
    said, ours = comments(enum), dict(CODES.get(enum, {}))
    rows = []
    for member in enum:
        words = ours.pop(member.value, "") or said.get(member.name, "")
        if not words:
            raise LookupError(f"{enum.__name__}.{member.name} has no words in docs/generate/documents.py")
        rows.append((f"`{member.value}`", words))
    if ours:
        raise LookupError(f"{enum.__name__} has no {', '.join(ours)}")
    return rows


def fields(record: type) -> list[tuple[str, str]]:
    """Return each field of a record with its words."""
    names = [field.name for field in dataclasses.fields(record)]
    if set(names) != set(FIELDS[record]):
        raise LookupError(f"{record.__name__}: {sorted(set(names) ^ set(FIELDS[record]))} in docs/generate/documents.py")
    return [(f"`{name}`", FIELDS[record][name]) for name in names]


def _verdict() -> str:
    lines = [
        "# The verdict document",
        "",
        "`verdict.json` (and `--json`) holds one JSON object. In `--out` it is canonical: sorted keys, no spaces, so that "
        "equal verdicts are equal bytes.",
        "",
    ]
    head = ("field", "what it holds")
    for title, record in (
        ("Verdict", Verdict),
        ("Ruling", Ruling),
        ("Fact", Fact),
        ("Place (`where`)", Where),
        ("Gap", Gap),
    ):
        lines += [f"## {title}", "", *table(head, fields(record))]
    lines += [
        "## Evidence",
        "",
        "`evidence/` holds one file for each collector, a sealed piece a line, and `manifest.json`: what the run was given "
        "and what it owed.",
        "",
        *table(head, fields(Evidence)),
    ]
    for title, enum in (
        ("Statuses", Status),
        ("Results", Result),
        ("Reasons", Reason),
        ("Standings", Standing),
        ("Causes of gaps", Cause),
    ):
        lines += [f"## {title}", "", *table(("code", "meaning"), codes(enum))]
    return "\n".join(lines)


def _declaration() -> str:
    lines = [
        "# The declaration",
        "",
        "YAML or JSON, at most "
        + size(reading.MAX_BYTES)
        + ". The schema is closed: an unknown field is an error, so a slip of "
        "the pen permits nothing. Anchors, aliases, tags and repeated keys are refused.",
        "",
        "A section with entries is a statement. An empty list says *none*. A section that is absent is not declared. A "
        f"field that begins with `{OPEN}` is open: `aboveboard declaration check` names it, and GV-02 is not met.",
        "",
        "## Head",
        "",
        *table(("field", "form"), _rows(schema.Declared)),
        "## Sections",
        "",
        *table(("section", "what it speaks of", "permits under"), [_section(name) for name in SECTIONS]),
    ]
    for item, names in _items().items():
        lines += [f"## {item.__name__} {{ #entry-{item.__name__.lower()} }}", "", doc(item), ""]
        lines += [f"An entry of: {', '.join(f'`{name}`' for name in names)}.", ""]
        lines += table(("field", "form"), _rows(item))
    return "\n".join(lines)


def _section(name: str) -> tuple[str, ...]:
    item = _item(name).__name__
    return (f"`{name}`{{ #{name} }}", f"{SECTION_WORDS[name]}; entries as [{item}](#entry-{item.lower()})", _permits(name))


def _items() -> dict[type[msgspec.Struct], list[str]]:
    """Return the kinds of entry, each with the sections that hold it."""
    if set(SECTION_WORDS) != set(SECTIONS):
        raise LookupError(f"{sorted(set(SECTION_WORDS) ^ set(SECTIONS))} in docs/generate/documents.py")
    found: dict[type[msgspec.Struct], list[str]] = {}
    for name in SECTIONS:
        found.setdefault(_item(name), []).append(name)
    return found


def _permits(section: str) -> str:
    named = [clause for clause in reader.load().clauses if clause.decision.section == section]
    links = [f"[{c.id}](clauses/{c.id[:2].lower()}.md#{c.id.lower()})" for c in named]
    return ", ".join(links) or "[GV-02](clauses/gv.md#gv-02) alone"


def _item(section: str) -> type[msgspec.Struct]:
    wanted = typing.get_args(typing.get_type_hints(schema.Sections)[section])[0]
    item: type[msgspec.Struct] = typing.get_args(wanted)[0]
    return item


def _rows(struct: type[msgspec.Struct]) -> list[tuple[str, str]]:
    return struct_rows(struct, lambda name: "the sections below")


def _bounds() -> str:
    confined = [(f"`{name}`", size(int(str(value)))) for name, value in Limits().to_json().items()]
    found = [bound for name, path in module_files(aboveboard).items() for bound in bounds(name, path)]
    lines = [
        "# Bounds",
        "",
        "Work is bounded in bytes, files and steps, so that two machines stop at the same place. What a bound cuts off "
        "becomes a gap or is left as not known. Seconds are the last resort.",
        "",
        "## One confined process",
        "",
        *table(("bound", "value"), confined),
        "## Constants in the code",
        "",
        *table(("bound", "value", "of what"), [(f"`{b.name}` of {b.module}", size(b.value), b.comment) for b in found]),
    ]
    return "\n".join(lines)

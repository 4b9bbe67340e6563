"""The clauses and the profiles, from the data of the standard."""

from __future__ import annotations

import json

from docs.generate.source import cell, table

from aboveboard.cli.standard_command import HOW_WORDS, document_sources, source_line
from aboveboard.evidence.registry import listed
from aboveboard.model.standard import Clause, FactPattern, How
from aboveboard.standard import reader

_COLLECTORS = frozenset(item.name for item in listed())


def pages() -> dict[str, str]:
    """Return the pages by their path below `docs/reference`."""
    families = {f"clauses/{family.lower()}.md": _family(family, name) for family, name in reader.FAMILIES.items()}
    return {"clauses/index.md": _index(), **families, "profiles.md": _profiles()}


def _of(family: str) -> list[Clause]:
    return [clause for clause in reader.load().clauses if clause.id.startswith(family + "-")]


def _link(clause: Clause) -> str:
    return f"[{clause.id}]({clause.id[:2].lower()}.md#{clause.id.lower()})"


def _index() -> str:
    standard = reader.load()
    ways = {how: sum(clause.decision.how is how for clause in standard.clauses) for how in How}
    lines = [
        "# The clauses",
        "",
        f"Version {standard.version} of {standard.date}: {len(standard.clauses)} clauses in {len(reader.FAMILIES)} "
        f"families. Digest `{standard.digest}`.",
        "",
        "How they are decided:",
        "",
        *table(("way", "in words", "clauses"), [(h.value, HOW_WORDS[h], str(n)) for h, n in ways.items() if n]),
    ]
    for family, name in reader.FAMILIES.items():
        rows = [(_link(c), c.name, c.severity.value, c.access.value, c.decision.how.value) for c in _of(family)]
        lines += [f"## {family}: {name}", "", *table(("clause", "name", "severity", "access", "decided"), rows)]
    return "\n".join(lines)


def _family(family: str, name: str) -> str:
    lines = [f"# {family}: {name}", ""]
    for clause in _of(family):
        lines += _clause(clause)
    return "\n".join(lines)


def _clause(clause: Clause) -> list[str]:
    decision = clause.decision
    forbidden = "; **forbidden even if declared**" if clause.forbidden_even_if_declared else ""
    lines = [
        f"## {clause.id} {clause.name} {{ #{clause.id.lower()} }}",
        "",
        f"{cell(clause.requirement)}",
        "",
        f"- Severity: {clause.severity.value}{forbidden}",
        f"- Access needed: {clause.access.value}",
        f"- Decidable by machine: {clause.automation}",
        f"- Decided {HOW_WORDS[decision.how]}",
    ]
    if decision.facts:
        lines.append(f"- Facts: {', '.join(_pattern(pattern) for pattern in decision.facts)}")
    if decision.evidence:
        lines.append(f"- Evidence of: {', '.join(_collector(name) for name in decision.evidence)}")
    if decision.section:
        lines.append(f"- Section of the declaration: [`{decision.section}`](../declaration.md#{decision.section})")
    if decision.match:
        lines.append(f"- Compared by: {', '.join(f'`{key}`' for key in decision.match)}")
    lines += [f"- Record wanted: `{wanted.kind}`, {cell(wanted.text)}" for wanted in decision.records]
    lines += ["", *table(("ruling", "when"), _rulings(clause)), "Sources:", ""]
    lines += [f"- {cell(source_line(source))}" for source in document_sources(clause)]
    return [*lines, ""]


def _rulings(clause: Clause) -> list[tuple[str, ...]]:
    return [("met", clause.met), ("broken", clause.broken), ("not shown", clause.not_shown)]


def _collector(name: str) -> str:
    return f"[{name}](../collectors/{name}.md)" if name in _COLLECTORS else name


def _pattern(pattern: FactPattern) -> str:
    when = [f"{key} {' or '.join(json.dumps(value) for value in values)}" for key, values in pattern.when.items()]
    return f"`{pattern.kind}`" + (f" where {' and '.join(when)}" if when else "")


def _profiles() -> str:
    standard = reader.load()
    names = [profile.name for profile in standard.profiles]
    limits = [
        (
            p.name,
            p.access.value,
            str(len(p.required)),
            f"{p.bytes_explained} of 1000",
            f"{p.programs_identified} of 1000",
        )
        for p in standard.profiles
    ]
    rows = [
        (
            f"[{c.id}](clauses/{c.id[:2].lower()}.md#{c.id.lower()})",
            c.name,
            *("yes" if c.id in p.required else "" for p in standard.profiles),
        )
        for c in standard.clauses
    ]
    lines = [
        "# Profiles",
        "",
        "A profile says which clauses are required and how much of the image must have been seen before anything can be "
        "*met*. A verdict rules on all clauses whatever the profile. A clause that needs more access than the profile has "
        "can be broken, never met.",
        "",
        *table(("profile", "access", "required clauses", "bytes explained", "programs identified"), limits),
        "## Required clauses",
        "",
        *table(("clause", "name", *names), rows),
    ]
    return "\n".join(lines)

"""`aboveboard standard`: the 60 clauses, and each with its sources."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aboveboard.model.canonical import JSON
from aboveboard.model.standard import Clause, How
from aboveboard.standard import reader

app = typer.Typer(help="The 60 clauses of the standard.", invoke_without_command=True, rich_markup_mode=None)

HOW_WORDS = {
    How.FORBID: "by facts that are forbidden even if declared",
    How.RECONCILE: "by what is observed against what is declared",
    How.COVERAGE: "by the share of the image that was seen",
    How.CALIBRATION: "by the planted known answers of the run",
    How.DECLARATION: "by the declaration itself",
    How.VALIDITY: "by the dates and digests of the run",
    How.RECORD: "by a record of a named person or laboratory alone",
    How.PENDING: "by evidence that no collector of this version gives: not shown until then",
}
JsonFlag = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.callback()
def clauses(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the clauses."""
    if context.invoked_subcommand is not None:
        return
    standard = reader.load()
    if as_json:
        typer.echo(json.dumps([document(clause) for clause in standard.clauses], indent=1, ensure_ascii=True))
        return
    for clause in standard.clauses:
        typer.echo(f"{clause.id}  {clause.severity.value:8}  {clause.access.value:9}  {clause.name}")
    typer.echo(f"{len(standard.clauses)} clauses, version {standard.version} of {standard.date}, {standard.digest}")


@app.command()
def show(clause_id: Annotated[str, typer.Argument(metavar="CLAUSE")], as_json: JsonFlag = False) -> None:
    """Print one clause: what it asks, how it is decided, and where it comes from."""
    clause = reader.find_clause(reader.load(), clause_id)
    if as_json:
        typer.echo(json.dumps(document(clause), indent=1, ensure_ascii=True))
        return
    decision = clause.decision
    lines = [
        f"{clause.id} {clause.name}",
        clause.requirement,
        "",
        f"severity     {clause.severity.value}; access {clause.access.value}; decidable by machine: {clause.automation}",
        f"decided      {HOW_WORDS[decision.how]}",
    ]
    lines += [
        f"  facts      {pattern.kind} {json.dumps(dict(pattern.when)) if pattern.when else ''}"
        for pattern in decision.facts
    ]
    lines += [f"  declared   in the section {decision.section}, compared by {', '.join(decision.match)}"] * bool(
        decision.match
    )
    lines += [f"  record     {wanted.kind}: {wanted.text}" for wanted in decision.records]
    if clause.forbidden_even_if_declared:
        lines.append("             forbidden even if declared")
    lines += [
        f"met          {clause.met}",
        f"broken       {clause.broken}",
        f"not shown    {clause.not_shown}",
        "sources",
        *(f"  {source_line(source)}" for source in document_sources(clause)),
    ]
    typer.echo("\n".join(lines))


def document(clause: Clause) -> dict[str, JSON]:
    """Return a clause as JSON."""
    sources: list[JSON] = [dict(source) for source in document_sources(clause)]
    return {
        "id": clause.id,
        "name": clause.name,
        "requirement": clause.requirement,
        "severity": clause.severity.value,
        "access": clause.access.value,
        "forbidden_even_if_declared": clause.forbidden_even_if_declared,
        "decided": HOW_WORDS[clause.decision.how],
        "facts": [pattern.kind for pattern in clause.decision.facts],
        "records": [{"kind": wanted.kind, "text": wanted.text} for wanted in clause.decision.records],
        "met": clause.met,
        "broken": clause.broken,
        "not_shown": clause.not_shown,
        "sources": sources,
    }


def document_sources(clause: Clause) -> list[dict[str, str]]:
    """Return the sources, with what is not recorded said so and never supplied."""
    return [
        {
            "standard": source.standard or "source not recorded",
            "version": source.version or "version not recorded",
            "section": source.section or "section not recorded",
            "confirmed": source.confirmed,
        }
        for source in clause.sources
    ] or [{"standard": "source not recorded", "version": "", "section": "", "confirmed": "not confirmed"}]


def source_line(source: dict[str, str]) -> str:
    """Return a source as one line."""
    parts = [source["standard"], source["version"], source["section"]]
    return f"{', '.join(part for part in parts if part)} [{source['confirmed']}]"

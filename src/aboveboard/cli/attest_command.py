"""`aboveboard attest`: bring in what a person or laboratory found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.agreement.record_kinds import KINDS, kinds_of
from aboveboard.agreement.record_template import template as record_template
from aboveboard.cli.common import AsJson, At, PassphraseFile, private_key, talker, write_new
from aboveboard.cli.trust_options import give, moment
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.model.record import Outcome
from aboveboard.model.standard import Clause
from aboveboard.pipelines import records
from aboveboard.report import terminal
from aboveboard.standard import reader
from aboveboard.trust.strict import format_time

AsTemplate = Annotated[
    bool, typer.Option("--template", help="Print a record to fill in; with --kind where there are several.")
]


def attest(
    clause: Annotated[str, typer.Argument(metavar="CLAUSE", help="The clause that the record is on, such as NB-04.")],
    record: Annotated[Path | None, typer.Option(help="The record (YAML or JSON).")] = None,
    by: Annotated[
        list[Path] | None,
        typer.Option("--by", metavar="KEY", help="Private key of whoever answers; may be repeated."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last day of validity, as 2027-06-30; default a year after.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default RECORD with .dsse at the end.")] = None,
    template: AsTemplate = False,
    kind: Annotated[str | None, typer.Option(help="Kind of record, for --template.")] = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign a record: a test by hand, a scan, a review, a legal opinion. `inspect --record` brings it before the judge."""
    found = reader.find_clause(reader.load(), clause)
    if template:
        typer.echo(_template(found, kind), nl=False)
        return
    if record is None or not by:
        raise InputError("a record and a key are wanted", hint=f"attest {found.id} --record FILE --by KEY, or --template")
    time = moment(at)
    body, envelope = records.attest(record, found, until, [private_key(one, passphrase_file) for one in by], time)
    place = out or record.with_name(record.name + ".dsse")
    write_new(place, envelope)
    talker().print(terminal.safe(f"signed: {place}"))
    outcome, explanation = records.outcome(body, found)
    if outcome is Outcome.SUPPORTS and str(body["until"]) <= format_time(time)[:10]:
        talker().print(f"it ended on {body['until']}: what supports a clause counts no longer than that")
    digests = records.digests(envelope)
    document: dict[str, JSON] = {
        "file": str(place),
        **digests,
        "record": body,
        "outcome": outcome.value,
        "why": explanation,
    }
    give(document, _lines(body, digests, f"{outcome.value}: {explanation}"), as_json=as_json)


def _template(clause: Clause, kind: str | None) -> str:
    wanted = kind or kinds_of(clause)[0]
    if wanted not in kinds_of(clause):
        raise InputError(f"{clause.id} takes no record {wanted}", hint=f"one of: {', '.join(kinds_of(clause))}")
    return record_template(clause, wanted)


def _lines(body: Mapping[str, JSON], digests: Mapping[str, str], outcome: str) -> list[str]:
    lines = [
        f"{body['clause']} {body['kind']}: {outcome}",
        f"valid from {body['found']} until {body['until']}",
        f"cited as {digests['cited_as']}: the record, as verdicts name it",
        f"file     sha256:{digests['sha256']}: with its signatures",
    ]
    if KINDS[str(body["kind"])].of_supplier and not body.get("images"):
        lines.append(f"it speaks of {body['supplier']} as a whole")
    return lines

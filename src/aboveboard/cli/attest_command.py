"""`aboveboard attest`: bring in what a person or laboratory found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.agreement.record_kinds import KINDS, kinds_of
from aboveboard.agreement.record_template import template as record_template
from aboveboard.cli.common import PassphraseFile, private_key, say, talker, write_new
from aboveboard.model.errors import InputError
from aboveboard.pipelines import records
from aboveboard.report import terminal
from aboveboard.standard import reader


def attest(
    clause: Annotated[str, typer.Argument(metavar="CLAUSE", help="The clause that the record is on, such as NB-04.")],
    record: Annotated[Path | None, typer.Option(help="The record (YAML or JSON).")] = None,
    by: Annotated[
        list[Path] | None,
        typer.Option("--by", metavar="KEY", help="Private key of whoever answers; may be repeated."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last day of validity, as 2027-06-30; default a year after.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default RECORD with .dsse at the end.")] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print a record to fill in; with --kind where there are several.")
    ] = False,
    kind: Annotated[str | None, typer.Option(help="Kind of record, for --template.")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Sign a record: a test by hand, a scan, a review, a legal opinion. `inspect --record` brings it before the judge."""
    found = reader.find_clause(reader.load(), clause)
    if template:
        wanted = kind or kinds_of(found)[0]
        if wanted not in kinds_of(found):
            raise InputError(f"{found.id} takes no record {wanted}", hint=f"one of: {', '.join(kinds_of(found))}")
        typer.echo(record_template(found, wanted), nl=False)
        return
    if record is None or not by:
        raise InputError("a record and a key are wanted", hint=f"attest {found.id} --record FILE --by KEY, or --template")
    body, envelope = records.attest(record, found, until, [private_key(one, passphrase_file) for one in by])
    place = out or record.with_name(record.name + ".dsse")
    write_new(place, envelope)
    talker().print(terminal.safe(f"signed: {place}"))
    outcome, explanation = records.outcome(body, found)
    digest = hashlib.sha256(envelope).hexdigest()
    if as_json:
        document = {"file": str(place), "sha256": digest, "record": body, "outcome": outcome.value, "why": explanation}
        typer.echo(json.dumps(document, indent=1, ensure_ascii=True))
        return
    say(f"{body['clause']} {body['kind']}: {outcome.value}: {explanation}")
    say(f"valid from {body['found']} until {body['until']}; sha256:{digest}")
    if KINDS[str(body["kind"])].of_supplier and not body.get("images"):
        say(f"it speaks of {body['supplier']} as a whole")

"""`aboveboard inspect`: the main job."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli import paper_options
from aboveboard.cli.common import talker
from aboveboard.model.errors import InputError
from aboveboard.model.verdict import Result
from aboveboard.pipelines import outputs
from aboveboard.pipelines.inspect import Options
from aboveboard.pipelines.inspect import inspect as run
from aboveboard.pipelines.paper_files import Handed
from aboveboard.report import terminal

EXIT_CODES = {Result.MET: 0, Result.BROKEN: 3, Result.BROKEN_MINOR: 3, Result.NOT_SHOWN: 4}
_TIME = re.compile(r"2\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


def inspect(
    target: Annotated[
        Path, typer.Argument(metavar="IMAGE_OR_FOLDER", help="A firmware image, or a folder with a root tree.")
    ],
    profile: Annotated[
        str | None, typer.Option(help="outsider, operator or evaluator; default that of the agreement, or outsider.")
    ] = None,
    agreement: paper_options.Agreement = None,
    declaration: paper_options.Declaration = None,
    record: paper_options.Records = None,
    canary: paper_options.Canary = None,
    log: paper_options.Logs = None,
    policy: paper_options.Policies = None,
    keys: paper_options.Keys = None,
    out: Annotated[Path | None, typer.Option(help="Folder for verdict, evidence and report.")] = None,
    at: Annotated[str | None, typer.Option(help="Evaluation time, as 2026-11-24T12:00:00Z; default now.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at a time.")] = 2,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep earlier results.")] = False,
    unconfined: Annotated[
        bool, typer.Option("--unconfined", help="Run parsers without the jail; the verdict says so.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict document.")] = False,
) -> None:
    """Unpack an image, collect the evidence in it, and rule on all 60 clauses."""
    talk = talker()
    options = Options(
        profile=profile,
        at=evaluation_time(at),
        handed=Handed(agreement, declaration, tuple(record or ()), canary, tuple(log or ()), tuple(policy or ()), keys),
        jobs=jobs,
        cache=None if no_cache else cache_folder(),
        confined=not unconfined,
    )
    if out is not None:
        outputs.check(out)
    found = run(target, options, lambda text: talk.print(terminal.safe(f"  {text}")))
    if out is not None:
        try:
            outputs.write(found, out)
        except OSError as error:
            raise InputError(f"cannot write to {out}: {error.strerror}", hint="give another folder with --out") from error
    if as_json:
        typer.echo(json.dumps(found.verdict.to_json(), ensure_ascii=True, indent=1))
    else:
        terminal.render(outputs.dossier_of(found), terminal.console())
        where = f"report: {out / 'report.html'}" if out is not None else "no report written; ask for one with --out DIR"
        typer.echo(where)
    raise typer.Exit(EXIT_CODES[found.verdict.result])


def cache_folder() -> Path:
    """Return where results are kept: ABOVEBOARD_CACHE, or the user's cache folder (XDG base directories)."""
    named = os.environ.get("ABOVEBOARD_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "aboveboard"


def evaluation_time(given: str | None) -> str:
    """Return the time as RFC 3339 text, now where none is given; raises InputError for another form."""
    if given is None:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        if not _TIME.fullmatch(given):
            raise ValueError("not in this form")
        datetime.strptime(given, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError as error:
        raise InputError(f"{given} is not a time", hint="write it as 2026-11-24T12:00:00Z") from error
    return given

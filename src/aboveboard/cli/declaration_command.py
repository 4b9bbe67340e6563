"""`aboveboard declaration`: draft one from an image, and check one that is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import talker
from aboveboard.cli.inspect_command import cache_folder, evaluation_time
from aboveboard.model.errors import InputError
from aboveboard.pipelines import draft as pipeline
from aboveboard.pipelines.inspect import Options
from aboveboard.report import terminal

app = typer.Typer(help="The supplier's declaration.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def draft(
    target: Annotated[
        Path, typer.Argument(metavar="IMAGE_OR_FOLDER", help="A firmware image, or a folder with a root tree.")
    ],
    out: Annotated[Path | None, typer.Option(help="File to write; without it the draft is printed.")] = None,
    at: Annotated[str | None, typer.Option(help="Evaluation time, as 2026-11-24T12:00:00Z; default now.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at a time.")] = 2,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep earlier results.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the draft as JSON, without comments.")] = False,
) -> None:
    """Write a declaration from what was observed, for the supplier to complete."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):  # a run may take minutes
        raise InputError(f"cannot write {out}: no file can be made there", hint="give another file with --out")
    talk = talker()
    options = Options(profile="outsider", at=evaluation_time(at), jobs=jobs, cache=None if no_cache else cache_folder())
    made = pipeline.draft(target, options, lambda text: talk.print(terminal.safe(f"  {text}")))
    text = json.dumps(made.document, ensure_ascii=True, indent=1) + "\n" if as_json else made.yaml
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {out}: {error.strerror}", hint="give another file with --out") from error
        talk.print(terminal.safe(f"draft written to {out}"))
    else:
        typer.echo(text, nl=False)
    for line in made.forbidden:
        talk.print(terminal.safe(f"forbidden whatever is declared: {line}"))


@app.command()
def check(
    declaration: Annotated[Path, typer.Argument(metavar="DECLARATION", help="A declaration (YAML or JSON).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Check a declaration: its form, and what is still open in it; exit 4 while something is open."""
    found, wanting = pipeline.check(declaration)
    if as_json:
        typer.echo(json.dumps({"digest": found.digest, "product": found.product, "open": wanting}, indent=1))
    else:
        typer.echo(str(terminal.safe(f"{found.product} {found.version} of {found.supplier}: in form, {found.digest}")))
        for line in wanting:
            typer.echo(str(terminal.safe(f"  {line}")))
    raise typer.Exit(4 if wanting else 0)

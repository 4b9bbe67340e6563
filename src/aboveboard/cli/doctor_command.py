"""`aboveboard doctor`: what this machine can confine and open."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aboveboard.pipelines import doctor as checks


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Try the jail from inside and look for the extractors; exit 4 where the jail does not hold."""
    found = checks.doctor()
    if as_json:
        typer.echo(json.dumps([check.to_json() for check in found], indent=1))
    else:
        for check in found:
            mark = "good" if check.good else ("MISSING" if check.needed else "not here")
            typer.echo(f"{mark:9} {check.name:18} {check.detail}")
    raise typer.Exit(0 if all(check.good or not check.needed for check in found) else 4)

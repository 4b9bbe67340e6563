"""Options and small steps that the commands for keys and logs share."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import private_key, say
from aboveboard.cli.inspect_command import evaluation_time
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import format_time, parse_time

KeyFiles = Annotated[list[Path], typer.Option("--key", help="Private key; give it more than once for more signatures.")]
AnyKeyFiles = Annotated[
    list[Path] | None, typer.Option("--key", help="Private key; give it more than once for more signatures, or not at all.")
]
LogFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the log.")]
PolicyFile = Annotated[Path, typer.Option("--policy", help="Policy: the log and the witnesses that you trust.")]


def moment(at: str | None) -> datetime:
    """Return the time that an option gives, now where it gives none; raises InputError for what is none."""
    try:
        return parse_time(evaluation_time(at))
    except RefusedError as error:
        raise InputError(error.message, hint="write it as 2026-12-01T00:00:00Z, in the years 2000 to 2999") from error


def when(time: datetime | None) -> str | None:
    """Return a time as text."""
    return None if time is None else format_time(time)


def private_keys(paths: list[Path] | None, passphrase_file: Path | None) -> list[PrivateKey]:
    """Return the private keys of files, in their order."""
    return [private_key(path, passphrase_file) for path in paths or []]


def give(outcome: JSON, lines: list[str], *, as_json: bool) -> None:
    """Print the result: as JSON, or as lines that are harmless to a terminal."""
    if as_json:
        typer.echo(json.dumps(outcome, ensure_ascii=True, indent=1))
    else:
        for line in lines:
            say(line)

"""What several commands share: talk on stderr, the passphrase, and files that are written whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aboveboard.pipelines.keys import passphrase_of, read_private
from aboveboard.report import terminal
from aboveboard.store.exchange import exchange, put
from aboveboard.trust.ed25519 import PrivateKey

KeyFile = Annotated[Path, typer.Option("--key", help="Private key (PKCS #8 in PEM, under a passphrase).")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File with the passphrase; else ABOVEBOARD_PASSPHRASE, else you are asked."),
]
At = Annotated[str | None, typer.Option("--at", help="Time to judge at, as 2026-12-01T00:00:00Z; default now.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


def talker() -> Console:
    """Return the console for what is said and not the result."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line of the result, harmless to a terminal."""
    typer.echo(str(terminal.safe(text)))


def private_key(path: Path, passphrase_file: Path | None) -> PrivateKey:
    """Return a private key; asks for the passphrase on a terminal where nothing else gives one."""
    ask = (lambda: str(typer.prompt("passphrase", hide_input=True, err=True))) if sys.stdin.isatty() else None
    return read_private(path, passphrase_of(passphrase_file, ask))


def write_new(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file whole and durable; raises InputError where one stands there already and is not to be replaced."""
    put(path, data) if replace else exchange(path, None, data)

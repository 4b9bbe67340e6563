"""The options by which the papers of a case are handed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Agreement = Annotated[
    Path | None, typer.Option("--agreement", help="The agreement and its amendments, signed (`agreement sign`).")
]
Declaration = Annotated[
    Path | None,
    typer.Option("--declaration", help="The supplier's declaration: signed, or without an agreement YAML."),
]
Records = Annotated[list[Path] | None, typer.Option("--record", help="A signed record (`attest`); give it more than once.")]
Canary = Annotated[Path | None, typer.Option("--canary", help="The supplier's canary (`canary issue`).")]
Logs = Annotated[
    list[Path] | None,
    typer.Option("--log", metavar="DIR", help="A log: of canaries, releases, verdicts, agreements or records."),
]
Policies = Annotated[list[Path] | None, typer.Option("--policy", help="The policy for each --log, in the same order.")]
Keys = Annotated[Path | None, typer.Option("--keys", help="The rings of keys that you trust (`keys init`).")]

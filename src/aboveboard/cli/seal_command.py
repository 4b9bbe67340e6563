"""`aboveboard seal`: sign a verdict with everything that it follows from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import AsJson, At, PassphraseFile, talker
from aboveboard.cli.trust_options import KeyFiles, give, moment, private_keys
from aboveboard.model.errors import InputError
from aboveboard.pipelines import sealing
from aboveboard.pipelines.paper_files import ring_of
from aboveboard.report import terminal
from aboveboard.trust.attestation import VERDICT_NAME


def seal(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `inspect --out` wrote.")],
    key: KeyFiles,
    keys: Annotated[Path, typer.Option(help="The rings of keys: they say in which role the key speaks.")],
    out: Annotated[Path, typer.Option(help="Folder or file for the bundle; nothing may be there.")],
    withhold: Annotated[
        list[str] | None,
        typer.Option("--withhold", metavar="COLLECTOR", help="Evidence that stays in; may be repeated."),
    ] = None,
    tar: Annotated[bool, typer.Option("--tar", help="Write one tar file in place of a folder.")] = False,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run again, in the role of the key, and seal verdict and evidence into a bundle that a stranger can verify."""
    time = moment(at)
    ring = ring_of(keys, time)
    if ring is None:
        raise InputError("whose keys count?", hint="give --keys")
    made = sealing.seal(run, ring, private_keys(key, passphrase_file), time, withhold or ())
    apart = sealing.write(made, out, tar=tar)
    for name in made.left_out[:20]:
        talker().print(terminal.safe(f"left out, for it is none of a run's files: {name}"))
    for line in made.not_counted:
        talker().print(terminal.safe(f"  {line}"))
    verdict = made.verdict
    lines = [
        f"sealed  {out}: {len(made.files)} files, in the role {made.by}",
        f"verdict {verdict.result.value.replace('-', ' ')}: {verdict.count}",
        f"good until {verdict.expires}",
    ]
    if apart is not None:
        lines.append(f"withheld {apart}: {len(made.withheld) - 1} files and their salts; show them to whoever may see them")
    outcome = {
        "bundle": str(out),
        "files": sorted(made.files),
        "withheld": sorted(made.withheld),
        "by": made.by,
        "result": verdict.result.value,
        "count": verdict.count,
        "expires": verdict.expires,
        "set_aside": verdict.inputs["set_aside"],
        "attestation": VERDICT_NAME,
    }
    give(outcome, lines, as_json=as_json)

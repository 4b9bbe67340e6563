"""`aboveboard canary`: the dated statement of never having been asked, issued, checked and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import AsJson, At, PassphraseFile, talker
from aboveboard.cli.trust_options import KeyFiles, PolicyFile, give, moment, private_keys
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines import canaries, key_rings
from aboveboard.pipelines.log import log_view, read_policy
from aboveboard.report import terminal
from aboveboard.trust import keyring
from aboveboard.trust.canary import CODES, MAX_GRACE, Canary, Expected, Finding, State
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import UndecidedError
from aboveboard.trust.strict import format_time

app = typer.Typer(
    help="The dated, signed statement of never having been asked: a sign by its absence.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="File of statements, one a line.")]
Log = Annotated[Path, typer.Option("--log", metavar="DIR", help="The log in which the statements stand.")]
NOT_GOOD = 4


@app.command()
def issue(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File of statements; the new one is added as a line.")],
    log: Log,
    policy: PolicyFile,
    supplier: Annotated[str, typer.Option(help="Who makes the statement.")],
    product: Annotated[list[str], typer.Option("--product", help="A product that it speaks of.")],
    jurisdiction: Annotated[list[str], typer.Option("--jurisdiction", help="A jurisdiction that it speaks of.")],
    key: KeyFiles,
    begin: Annotated[
        str | None, typer.Option("--from", help="From when it speaks; default the end of the last one's period.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Days until the next one is due.")] = canaries.USUAL_DAYS,
    grace: Annotated[int, typer.Option(min=0, max=MAX_GRACE.days, help="Days of grace.")] = canaries.USUAL_GRACE,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="CODE", help=f"What is not stated: {', '.join(CODES)}.")
    ] = None,
    panic: Annotated[bool, typer.Option("--panic", help="Give the sign of duress.")] = False,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign the next statement, which names the one before and the log's checkpoint, and add it to FILE."""
    plan = canaries.Plan(
        supplier=supplier,
        products=tuple(product),
        jurisdictions=tuple(jurisdiction),
        at=moment(at),
        begin=None if begin is None else moment(begin),
        days=days,
        grace=grace,
        without=tuple(without or ()),
        panic=panic,
    )
    issued = canaries.issue(file, plan, log_view(log, read_policy(policy)), private_keys(key, passphrase_file))
    made = issued.statement
    talker().print(
        terminal.safe(f"statement {made.sequence} added to {file}; now run `log add {log} {file} --kind canary`")
    )
    dropped: dict[str, JSON] = {what: [*names] for what, names in issued.dropped.items()}
    _warn(made, issued.dropped)
    give({**_said(made), "dropped": dropped}, [f"issued    statement {made.sequence}", *_lines(made)], as_json=as_json)


def _warn(made: Canary, dropped: Mapping[str, Sequence[str]]) -> None:
    """Say on stderr what the statement before named and this one does not: of that nothing is stated from now on."""
    for what, names in dropped.items():
        if names:
            text = f"WARNING: statement {made.sequence - 1} named {what} that this one does not: {', '.join(names)}"
            hint = f"where that is a slip, issue one more that names them, with --from {format_time(made.period[0])}"
            talker().print(terminal.safe(f"{text}. Of these nothing is stated any more; {hint}"))


@app.command()
def check(
    file: File,
    keys: Annotated[Path, typer.Option(help="File of rings: whose keys speak for the supplier.")],
    supplier: Annotated[str, typer.Option(help="Whose statement it must be.")],
    product: Annotated[str, typer.Option(help="The product that it must speak of.")],
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="DIR", help="The log in which the statements stand; without it: unknown."),
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy: the log and the witnesses that you trust.")] = None,
    jurisdiction: Annotated[
        list[str] | None, typer.Option("--jurisdiction", help="A jurisdiction that it must speak of.")
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether the statement is fresh, due, expired, triggered or unknown; only the first two exit with 0."""
    if (log is None) != (policy is None):
        raise InputError("a log is read as a policy trusts it", hint="give both --log and --policy, or neither")
    time = moment(at)
    chain = canaries.chain_of(file)
    ring = keyring.follow(key_rings.chain_of(keys), time)
    if log is None:
        talker().print("no log was given: the state can only be unknown, or triggered; give --log and --policy")
    expected = Expected(supplier, product, tuple(jurisdiction or ()))
    found = _found(chain, ring, None if log is None or policy is None else (log, policy), expected, time)
    newest = canaries.stated(chain)[-1] if chain else None
    outcome: dict[str, JSON] = {
        "state": found.state.value,
        "good": found.state.good,
        "code": found.code,
        "text": found.text,
        "at": format_time(time),
        "newest": None if newest is None else _said(newest),
        "caveat": canaries.CAVEAT,
    }
    lines = [f"{found.state.value} ({found.code}): {found.text}", *([] if newest is None else _lines(newest))]
    give(outcome, [*lines, f"note      {canaries.CAVEAT}"], as_json=as_json)
    raise typer.Exit(0 if found.state.good else NOT_GOOD)


def _found(chain: list[bytes], ring: Ring, log: tuple[Path, Path] | None, expected: Expected, time: datetime) -> Finding:
    """Return the state; a log that no quorum saw is as good as none, and what is forged is refused all the same."""
    try:
        view = None if log is None else log_view(log[0], read_policy(log[1]))
    except UndecidedError as error:
        found = canaries.finding(chain, ring, None, expected, time)
        return Finding(State.UNKNOWN, error.code, error.message) if found.code == canaries.NO_LOG else found
    return canaries.finding(chain, ring, view, expected, time)


@app.command()
def show(file: File, as_json: AsJson = False) -> None:
    """Print what the statements say. Their signatures are not checked here."""
    said = canaries.stated(canaries.chain_of(file))
    talker().print("signatures were not checked: `canary check` does that")
    lines = [line for one in said for line in (f"statement {one.sequence}", *_lines(one))]
    outcome: dict[str, JSON] = {"statements": [_said(one) for one in said], "checked": False, "caveat": canaries.CAVEAT}
    give(outcome, [*(lines or ["no statement"]), f"note      {canaries.CAVEAT}"], as_json=as_json)


def _said(one: Canary) -> dict[str, JSON]:
    return {**one.to_json(), "digest": one.digest, "good_until": format_time(one.next_due + one.grace)}


def _lines(one: Canary) -> list[str]:
    until = format_time(one.next_due + one.grace)
    return [
        f"supplier  {one.supplier}",
        f"products  {', '.join(one.products)}",
        f"under     {', '.join(one.jurisdictions)}",
        f"period    {format_time(one.period[0])} to {format_time(one.period[1])}",
        f"issued    {format_time(one.issued)}, as statement {one.sequence}",
        f"next due  {format_time(one.next_due)}, with grace until {until}",
        f"log       {one.checkpoint.origin}, when it had {one.checkpoint.size} entries",
        *(["panic     the sign of duress was given"] if one.panic else []),
        *(
            f"  {code:8}{'stated    ' if one.statements.get(code, False) else 'NOT STATED'}  {CODES[code]}"
            for code in CODES
        ),
    ]

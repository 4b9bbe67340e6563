"""`aboveboard keys`: make keys, and say in signed rings who may sign as what."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import AsJson, At, KeyFile, PassphraseFile, private_key, talker, write_new
from aboveboard.cli.trust_options import AnyKeyFiles, KeyFiles, give, moment, private_keys
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines import key_rings
from aboveboard.pipelines.keys import passphrase_of, read_file
from aboveboard.report import terminal
from aboveboard.store.exchange import exchange
from aboveboard.trust import keyring
from aboveboard.trust.keyring import Ring

app = typer.Typer(
    help="Keys, and the signed rings that say who may sign as what.", no_args_is_help=True, rich_markup_mode=None
)
Keys = Annotated[Path, typer.Argument(metavar="KEYS", help="File of rings, one a line; the first line is the anchor.")]
Adds = Annotated[list[str] | None, typer.Option("--add", metavar="ROLE:NAME:FILE", help="A public key to add.")]
Rotates = Annotated[
    list[str] | None, typer.Option("--rotate", metavar="OLD:NEW:FILE", help="A key in the place of another one.")
]
Revokes = Annotated[list[str] | None, typer.Option("--revoke", metavar="NAME", help="A key that counts no more.")]
Thresholds = Annotated[
    list[str] | None, typer.Option("--threshold", metavar="ROLE=N", help="How many keys speak for a role; 1 by default.")
]
Since = Annotated[str | None, typer.Option(help="From when an added key is good; default the time of the command.")]
Until = Annotated[str | None, typer.Option(help="Until when an added key is good.")]


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is to be called in a ring.")],
    out: Annotated[Path, typer.Option(help="File for the private key; the public one goes to FILE.pub.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key: the private half under a passphrase, the public half beside it."""
    if keyring.NAME.fullmatch(name) is None:
        raise InputError(f"{name[:64]!r} is no name for a key", hint="small letters, digits, dot, dash, underscore")
    ask = (
        (lambda: str(typer.prompt("new passphrase", hide_input=True, confirmation_prompt=True, err=True)))
        if sys.stdin.isatty()
        else None
    )
    public = key_rings.new_key(out, passphrase_of(passphrase_file, ask))
    beside = f"{out}{key_rings.SUFFIX}"
    give(
        {"name": name, "id": public.id, "private": str(out), "public": beside},
        [f"key      {name}", f"id       {public.id}", f"private  {out}", f"public   {beside}"],
        as_json=as_json,
    )


@app.command()
def init(
    key: KeyFiles,
    add: Adds,
    out: Annotated[Path, typer.Option(help="File of rings to write.")],
    until: Annotated[str, typer.Option(help="Until when the keys are good.")],
    threshold: Thresholds = None,
    since: Since = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the first ring, signed by its root keys: the anchor that everything else hangs on."""
    if out.exists():
        raise InputError(f"{out} is there already", hint="a later ring is added with `keys add`, `rotate` or `revoke`")
    when = moment(at)
    change = _change(add, None, None, threshold, since, until, when)
    _append(out, key, change, when, passphrase_file, as_json=as_json, first=True)


@app.command(name="add")
def add_keys(
    keys: Keys,
    key: KeyFiles,
    add: Adds,
    until: Annotated[str, typer.Option(help="Until when the keys are good.")],
    threshold: Thresholds = None,
    since: Since = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Add keys in a new ring, signed by enough root keys."""
    when = moment(at)
    _append(keys, key, _change(add, None, None, threshold, since, until, when), when, passphrase_file, as_json=as_json)


@app.command()
def rotate(
    keys: Keys,
    words: Annotated[list[str], typer.Argument(metavar="OLD:NEW:FILE...", help="Keys in the place of others.")],
    key: KeyFiles,
    until: Annotated[str, typer.Option(help="Until when the new keys are good.")],
    since: Since = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Put keys in the place of others; for a root key, enough old root keys and enough new ones sign."""
    when = moment(at)
    _append(keys, key, _change(None, words, None, None, since, until, when), when, passphrase_file, as_json=as_json)


@app.command()
def revoke(
    keys: Keys,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Keys that count no more from this time on.")],
    key: KeyFiles,
    threshold: Thresholds = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Revoke keys: what they sign from this time on counts for nothing."""
    when = moment(at)
    _append(keys, key, _change(None, None, names, threshold, None, None, when), when, passphrase_file, as_json=as_json)


@app.command()
def propose(
    keys: Keys,
    out: Annotated[Path, typer.Option(help="File for the proposal.")],
    key: AnyKeyFiles = None,
    add: Adds = None,
    rotate: Rotates = None,
    revoke: Revokes = None,
    threshold: Thresholds = None,
    since: Since = None,
    until: Until = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Write the next ring (the first one where KEYS is not there) for others to sign on machines of their own."""
    when = moment(at)
    before = keyring.follow(key_rings.chain_of(keys), when) if keys.exists() else None
    ring = key_rings.changed(before, _change(add, rotate, revoke, threshold, since, until, when), when)
    write_new(out, key_rings.proposal(ring, private_keys(key, passphrase_file)) + b"\n")
    talker().print(terminal.safe(f"ring {ring.version} written to {out}; sign it with `keys sign-ring`"))
    _print(ring, when, {"version": ring.version, "proposal": str(out)}, as_json=as_json)


@app.command(name="sign-ring")
def sign_ring(
    proposal: Annotated[Path, typer.Argument(metavar="FILE", help="A proposal; the signature is added to it.")],
    key: KeyFile,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a signature to a proposed ring, and print what was signed."""
    data = read_file(proposal, "proposal")
    ring, _ = key_rings.open_proposal(data)
    signed = key_rings.countersigned(data, private_key(key, passphrase_file))
    exchange(proposal, data, signed + b"\n")
    _, envelope = key_rings.open_proposal(signed)
    count = 0 if envelope is None else len(envelope.signatures)
    _print(ring, moment(at), {"version": ring.version, "signatures": count}, as_json=as_json)


@app.command()
def accept(
    keys: Keys,
    proposal: Annotated[Path, typer.Argument(metavar="FILE", help="A proposed ring that enough have signed.")],
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Add a ring to the file where the chain then holds."""
    when = moment(at)
    _show(keys, key_rings.accept(keys, read_file(proposal, "proposal"), when), when, as_json=as_json)


@app.command()
def show(
    keys: Keys,
    known: Annotated[int, typer.Option(min=0, help="The version that was seen before: an older one is refused.")] = 0,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Check the chain of rings and print the keys of the newest one."""
    when = moment(at)
    _show(keys, keyring.follow(key_rings.chain_of(keys), when, known=known), when, as_json=as_json)


def _change(
    add: list[str] | None,
    rotate: list[str] | None,
    revoke: list[str] | None,
    threshold: list[str] | None,
    since: str | None,
    until: str | None,
    when: datetime,
) -> key_rings.Change:
    begin = when if since is None else moment(since)
    if until is None and (add or rotate):
        raise InputError("until when are the new keys good?", hint="give --until 2028-12-01T00:00:00Z")
    end = begin if until is None else moment(until)
    change = key_rings.Change(
        tuple(key_rings.added(text, begin, end) for text in add or []),
        tuple(key_rings.rotated(text, begin, end) for text in rotate or []),
        tuple(revoke or []),
        key_rings.thresholds(threshold or []),
    )
    if change == key_rings.Change():
        raise InputError("nothing would change", hint="say which keys to add, rotate or revoke, or a --threshold")
    return change


def _append(
    keys: Path,
    key: list[Path],
    change: key_rings.Change,
    when: datetime,
    passphrase_file: Path | None,
    *,
    as_json: bool,
    first: bool = False,
) -> None:
    before = None if first else keyring.follow(key_rings.chain_of(keys), when)
    ring = key_rings.changed(before, change, when)
    ring = key_rings.accept(keys, key_rings.proposal(ring, private_keys(key, passphrase_file)), when)
    _show(keys, ring, when, as_json=as_json)


def _show(path: Path, ring: Ring, when: datetime, *, as_json: bool) -> None:
    anchor = key_rings.fingerprint(key_rings.chain_of(path))
    _print(ring, when, {"version": ring.version, "anchor": anchor}, as_json=as_json)


def _print(ring: Ring, when: datetime, head: dict[str, JSON], *, as_json: bool) -> None:
    rows = key_rings.described(ring, when)
    roles: dict[str, JSON] = {
        name: {"threshold": role.threshold, "keys": list(role.keys)} for name, role in sorted(ring.roles.items())
    }
    lines = [f"{name:10} {value}" for name, value in head.items()]
    lines += [f"{name:10} {role.threshold} of {len(role.keys)}" for name, role in sorted(ring.roles.items())]
    for row in rows:
        state = f"revoked {row['revoked']}" if row["revoked"] else ("good" if row["good"] else "not good now")
        lines.append(f"{row['role'] or '-':10} {row['name']:20} {row['id']}  {row['since']} to {row['until']}  {state}")
    give({**head, "roles": roles, "keys": rows}, lines, as_json=as_json)

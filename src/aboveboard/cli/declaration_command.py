"""`aboveboard declaration`: draft one from an image, check it, sign it, and compare two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.agreement.declaration import document
from aboveboard.cli import agreement_output as output
from aboveboard.cli.common import AsJson, At, KeyFile, PassphraseFile, private_key, talker
from aboveboard.cli.inspect_command import cache_folder, evaluation_time
from aboveboard.cli.trust_options import KeyFiles, give, moment, private_keys
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import SECTIONS, Declaration
from aboveboard.model.errors import InputError
from aboveboard.pipelines import comparing, declarations, key_rings
from aboveboard.pipelines import draft as pipeline
from aboveboard.pipelines.inspect import Options
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.report import terminal
from aboveboard.trust import dsse, keyring
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import UndecidedError

app = typer.Typer(help="The supplier's declaration.", no_args_is_help=True, rich_markup_mode=None)

Keys = Annotated[
    Path | None, typer.Option("--keys", metavar="KEYS", help="File of rings that signatures are checked with.")
]
SignedFile = Annotated[Path, typer.Argument(metavar="D.dsse", help="A signed declaration.")]


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


@app.command()
def sign(
    declaration: Annotated[Path, typer.Argument(metavar="DECLARATION", help="A declaration (YAML or JSON).")],
    key: KeyFiles,
    out: Annotated[Path | None, typer.Option(help="File to write; default the declaration's name with .dsse.")] = None,
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Sign it although something is still open.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign a declaration as the supplier; one in which something is open is not signed (exit 4)."""
    place = out or declaration.with_suffix(".dsse")
    output.may_write(place)
    found, wanting = pipeline.check(declaration)
    if wanting and not incomplete:
        for line in wanting:
            talker().print(terminal.safe(f"  {line}"))
        text = f"{len(wanting)} things are still open in {declaration}"
        raise UndecidedError("open-places", text, hint="complete it, or sign it as it is with --incomplete")
    private, *more = private_keys(key, passphrase_file)
    _to_sign(found)
    envelope = declarations.signed(found, private)
    for one in more:
        envelope = dsse.countersign(envelope, one)
    output.put(place, None, envelope.to_bytes() + b"\n")
    _signed(found, place, " and ".join(one.public.id for one in (private, *more)), as_json=as_json)


@app.command()
def countersign(
    declaration: SignedFile, key: KeyFile, passphrase_file: PassphraseFile = None, as_json: AsJson = False
) -> None:
    """Add a signature to a signed declaration, over the same bytes, in place."""
    output.may_write(declaration, replaces=declaration)
    data = read_signed(declaration, "declaration")
    found = declarations.unsigned(data)
    private = private_key(key, passphrase_file)
    _to_sign(found)
    output.put(declaration, data, declarations.countersigned(data, private))
    _signed(found, declaration, private.public.id, as_json=as_json)


@app.command()
def show(declaration: SignedFile, keys: Keys = None, at: At = None, as_json: AsJson = False) -> None:
    """Check a signed declaration and print it; without --keys nothing is checked (exit 4)."""
    data = read_signed(declaration, "declaration")
    ring = _ring(keys, at)
    found = declarations.unsigned(data) if ring is None else declarations.opened(data, ring, moment(at))
    who = None if ring is None else declarations.signers(data, ring)
    if ring is None:
        output.unchecked()
    signed_by = "NOT CHECKED" if who is None else ", ".join(who)
    lines = [*_head(found), f"signed by  {signed_by}", f"open       {len(found.open_places())} places"]
    for section in SECTIONS:
        items = found.sections.get(section)
        lines.append(f"{section}: " + ("not declared" if items is None else str(len(items)) if items else "none"))
        lines += [f"  {', '.join(f'{key} {value}' for key, value in item.items())}" for item in items or ()]
    outcome: dict[str, JSON] = {"checked": who is not None, "signers": who, "digest": found.digest}
    give({**outcome, "open": found.open_places(), "declaration": document(found)}, lines, as_json=as_json)
    if ring is None:
        raise typer.Exit(4)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A declaration: YAML, JSON, or signed (.dsse).")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The one that follows it.")],
    keys: Keys = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed between two declarations, and what the newer one permits that the older one did not."""
    found = comparing.declarations_of(old, new, _ring(keys, at), moment(at))
    output.compared(found, "permits what the old one did not", as_json=as_json)


def _ring(keys: Path | None, at: str | None) -> Ring | None:
    return None if keys is None else keyring.follow(key_rings.chain_of(keys), moment(at))


def _head(found: Declaration) -> list[str]:
    return [
        f"product    {found.product} {found.version} of {found.supplier}, {found.date}",
        f"digest     {found.digest}",
        *(f"image      {image}" for image in found.images),
    ]


def _to_sign(found: Declaration) -> None:
    talk = talker()
    talk.print("signing as supplier:")
    for line in _head(found):
        talk.print(terminal.safe(f"  {line}"))


def _signed(found: Declaration, place: Path, key: str, *, as_json: bool) -> None:
    outcome: dict[str, JSON] = {"file": str(place), "digest": found.digest, "key": key}
    give(outcome, [f"{place}: {found.digest} signed with {key}"], as_json=as_json)

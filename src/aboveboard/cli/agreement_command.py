"""`aboveboard agreement`: write one, check it, sign it on both sides, amend it, show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli import agreement_output as output
from aboveboard.cli import paper_options
from aboveboard.cli.common import AsJson, At, KeyFile, PassphraseFile, private_key, talker
from aboveboard.cli.trust_options import give, moment
from aboveboard.model.errors import InputError
from aboveboard.pipelines import agreement_signing as signing
from aboveboard.pipelines import agreement_writing as writing
from aboveboard.pipelines import agreements, comparing, key_rings
from aboveboard.pipelines.log import LogView, log_views
from aboveboard.pipelines.papers import not_amended
from aboveboard.report import terminal
from aboveboard.trust import keyring
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import UndecidedError

app = typer.Typer(
    help="The agreement between supplier and customer: write, check, sign, amend.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Chain = Annotated[Path, typer.Argument(metavar="A.dsse", help="The signed agreement and its amendments, one a line.")]
Keys = Annotated[
    Path | None, typer.Option("--keys", metavar="KEYS", help="File of rings that signatures are checked with.")
]
RoleName = Annotated[str, typer.Option("--role", help="The side that you sign for: supplier or customer.")]


@app.command()
def new(
    profile: Annotated[str, typer.Option(help="The profile to start from: outsider, operator or evaluator.")],
    supplier: Annotated[str, typer.Option(metavar="NAME", help="The supplier, as its register knows it.")],
    customer: Annotated[str, typer.Option(metavar="NAME", help="The customer.")],
    image: Annotated[
        list[str] | None, typer.Option("--image", metavar="FILE_OR_DIGEST", help="An image, or its digest; more than once.")
    ] = None,
    product: Annotated[str | None, typer.Option(metavar="NAME", help="The product that the images are of.")] = None,
    product_version: Annotated[str | None, typer.Option(metavar="VERSION", help="Its version.")] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="KEYS", help="File of rings that gives the keys and thresholds.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="When the term begins.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="When the term ends.")] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("agreement.yaml"),
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Write a new agreement as YAML, for both sides to read and edit."""
    when = moment(at)
    for time in (since, until):
        moment(time)
    wanted = writing.Wanted(
        profile=profile,
        supplier=supplier,
        customer=customer,
        images=tuple(writing.image_digest(text) for text in image or []),
        product=product,
        version=product_version,
        since=since,
        until=until,
    )
    ring = None if keys is None else _ring(keys, at)
    document = writing.begun(wanted, ring, when)
    output.write(out, writing.yaml_of(document, ring))
    output.begun(document, out, as_json=as_json)


@app.command()
def check(
    agreement: Annotated[Path, typer.Argument(metavar="AGREEMENT", help="The agreement (YAML).")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for agreement.json and agreement.md; default beside the YAML."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is wrong, line by line (exit 2) or open (exit 4); else write the JSON and the text that are signed."""
    found = writing.check(agreement)
    if found.wrong or found.open:
        output.problems(found, as_json=as_json)
        raise typer.Exit(2 if found.wrong else 4)
    document = found.document
    made = writing.write_derived(document, out or agreement.parent, agreement)
    one = agreements.read(document)
    output.checked(one, made, out or agreement.parent, as_json=as_json)


@app.command()
def amend(
    chain: Chain,
    out: Annotated[Path, typer.Option(help="File to write.")],
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when it is in force.")] = None,
    keys: Keys = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Write the next amendment as YAML: what the newest one says, one number further. From when is to be said anew."""
    moment(since)
    found = _read(chain, keys, at)
    document = writing.amendment(found.newest, since)
    output.write(out, writing.yaml_of(document, None if keys is None else _ring(keys, at)))
    talker().print(terminal.safe("edit it; from the day that its term begins it stands in place of the one before"))
    output.begun(document, out, as_json=as_json)


@app.command()
def sign(
    agreement: Annotated[Path, typer.Argument(metavar="AGREEMENT.json", help="The JSON that `agreement check` wrote.")],
    key: KeyFile,
    role: RoleName,
    text: Annotated[
        Path | None, typer.Option("--text", metavar="FILE", help="The text; default agreement.md beside the JSON.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; default A-N.dsse beside A.dsse of --append, else the JSON's name with .dsse."),
    ] = None,
    append: Annotated[
        Path | None, typer.Option("--append", metavar="A.dsse", help="The chain that an amendment is added to.")
    ] = None,
    keys: Keys = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign an agreement, or add an amendment to the one that it amends; the other side then countersigns.

    With --append the chain stays as it is and in force, and the one with the amendment is written beside it: with one
    signature alone it is `one-sided`. --out A.dsse puts it in the place of the chain.
    """
    document, one, words = signing.signable(agreement, text or agreement.with_name(agreements.TEXT_NAME))
    chain = None if append is None else _read(append, keys, at)
    signing.follows(chain, one)
    place = out or signing.beside(append, agreement, one.sequence)
    output.may_write(place, replaces=append)
    private = private_key(key, passphrase_file)
    signing.authorised(private, role, one, None if chain is None else chain.newest.agreement)
    envelope = signing.sign(document, words, private)
    output.to_sign(signing.summary(one, agreements.unsigned(envelope).text_digest), role)
    output.put(place, None if chain is None or place != append else chain.data, signing.appended(chain, envelope))
    output.signed(one, place, role, private.public.id, as_json=as_json)
    output.then_countersign(place, None if append == place else append)


@app.command()
def countersign(
    chain: Chain,
    key: KeyFile,
    role: RoleName,
    keys: Keys = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a signature to the newest agreement of a chain, over the same bytes, in place.

    With --keys the signatures that are there are checked first: those of the one before in full, those of the newest one
    as far as they go.
    """
    output.may_write(chain, replaces=chain)
    found = signing.read_chain(chain)
    if keys is not None:
        output.partly(signing.check_before(found, _ring(keys, at), moment(at)))
    else:
        output.unchecked()
    private = private_key(key, passphrase_file)
    signing.authorised(private, role, found.newest.agreement, None if found.before is None else found.before.agreement)
    output.to_sign(signing.summary(found.newest.agreement, found.newest.text_digest), role)
    output.put(chain, found.data, signing.countersigned(found, private))
    output.signed(found.newest.agreement, chain, role, private.public.id, as_json=as_json)


@app.command()
def join(
    chain: Chain,
    other: Annotated[Path, typer.Argument(metavar="OTHER.dsse", help="A copy that was signed elsewhere.")],
    as_json: AsJson = False,
) -> None:
    """Put the signatures of a copy that was signed elsewhere into this one. Whose they are `agreement show --keys` says."""
    output.may_write(chain, replaces=chain)
    ours = signing.read_chain(chain)
    made, added = signing.joined(ours, signing.read_chain(other))
    output.put(chain, ours.data, made)
    output.unchecked()
    give({"file": str(chain), "added": added}, [f"{chain}: {added} signatures added"], as_json=as_json)


@app.command()
def show(
    chain: Chain,
    keys: Keys = None,
    log: paper_options.Logs = None,
    policy: paper_options.Policies = None,
    at: At = None,
    text: Annotated[bool, typer.Option("--text", help="Print the text that people signed, in Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check an agreement and say who signed it and which one is in force; without --keys nothing is checked (exit 4).

    A log shows when an amendment was there whose keys have expired since, and whether there is one more.
    """
    when = moment(at)
    ring = None if keys is None else _ring(keys, at)
    views = _views(log, policy, ring)
    found = signing.read_chain(chain, ring, when, views)
    current, reason = None, None
    if ring is None:
        output.unchecked()
    else:
        try:
            in_force = agreements.in_force(found.signed, when)
            not_amended(views, [one.agreement for one in found.signed], when)
            current = in_force
        except UndecidedError as error:  # what it says is shown all the same, and then that it is not in force
            reason = error
    if text:
        words = next((one.text for one in found.signed if one.agreement == current), found.newest.text)
        output.text(words, as_json=as_json)
    else:
        give(*output.shown(found, ring, current, when, reason), as_json=as_json)
    if reason is not None:
        raise reason
    if ring is None:
        raise typer.Exit(4)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A chain alone: its last two. Else .dsse, .json or YAML.")],
    new: Annotated[Path | None, typer.Argument(metavar="NEW", help="What it is compared with.")] = None,
    keys: Keys = None,
    log: paper_options.Logs = None,
    policy: paper_options.Policies = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed between the last two of a chain, or between two files, and what the newer one asks less."""
    ring = None if keys is None else _ring(keys, at)
    found = comparing.agreements_of(old, new, ring, moment(at), _views(log, policy, ring))
    output.compared(found, "asks less, or may", as_json=as_json)


def _views(logs: list[Path] | None, policies: list[Path] | None, ring: Ring | None) -> tuple[LogView, ...]:
    """Read the logs that may show when an amendment was there; without keys there is no signature to date."""
    views = log_views(logs or (), policies or ())
    if views and ring is None:
        raise InputError("whose signatures does the log date?", hint="give the ring of keys with --keys")
    return views


def _ring(keys: Path, at: str | None) -> Ring:
    return keyring.follow(key_rings.chain_of(keys), moment(at))


def _read(path: Path, keys: Path | None, at: str | None) -> signing.Chain:
    if keys is None:
        output.unchecked()
        return signing.read_chain(path)
    return signing.read_chain(path, _ring(keys, at), moment(at), followed=True)

"""`aboveboard release`: the public log of releases, so that an image made for one device alone would show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import AsJson, At, KeyFile, PassphraseFile, private_key, talker, write_new
from aboveboard.cli.trust_options import PolicyFile, give, moment, when
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines import releases
from aboveboard.pipelines.log import log_view, prove, read_policy
from aboveboard.pipelines.releases import Release, Standing
from aboveboard.report import terminal

app = typer.Typer(
    help="The log of releases: an image is in it, or was made for one device alone.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="A firmware image, or a folder with a root tree.")]
NOT_SHOWN = 4


@app.command()
def add(
    image: Image,
    log: Annotated[Path, typer.Option("--log", metavar="DIR", help="The log of releases.")],
    key: KeyFile,
    supplier: Annotated[str, typer.Option(help="Who releases it.")],
    product: Annotated[str, typer.Option(help="Name of the product.")],
    version: Annotated[str, typer.Option(help="Version of the release.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Add an image to the log of releases, once. Durable once this returns."""
    done = releases.add(log, image, (supplier, product, version), private_key(key, passphrase_file))
    if not done.new:
        talker().print(f"nothing to add: it is in the log already, as entry {done.release.index}")
    _warn(done.others)
    outcome: dict[str, JSON] = {
        "added": done.new,
        **_row(done.release),
        "same_release": [_row(one) for one in done.others],
    }
    give(outcome, [_line(done.release), *_beside(done.others)], as_json=as_json)


@app.command()
def check(
    image: Image,
    policy: PolicyFile,
    log: Annotated[Path | None, typer.Option("--log", metavar="DIR", help="The log of releases.")] = None,
    proof: Annotated[Path | None, typer.Option(help="Or a proof that the image is in it: no log is needed then.")] = None,
    product: Annotated[str | None, typer.Option(help="The product that it must be in the log as.")] = None,
    version: Annotated[str | None, typer.Option(help="The version that it must be in the log as.")] = None,
    write_proof: Annotated[Path | None, typer.Option(help="File for a proof that is checked without the log.")] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether this very image is in the log of releases, and since when a quorum saw it."""
    if (log is None) == (proof is None):
        raise InputError("in which log?", hint="give --log, or a --proof")
    if write_proof is not None and (log is None or write_proof.exists()):
        raise InputError(f"no proof can be written to {write_proof}", hint="give --log, and a file that is not there yet")
    asked = {name: text for name, text in (("product", product), ("version", version)) if text is not None}
    trusted, time = read_policy(policy), moment(at)
    if proof is not None:
        shown = releases.proved(image, proof, trusted, time)
        digest, found = shown.image, releases.shown_by(shown, asked)
    else:
        assert log is not None  # one of the two was given
        digest = releases.image_digest(image)
        found = releases.standing(log_view(log, trusted), digest, time, asked)
        if write_proof is not None and found.good and found.release is not None:
            write_new(write_proof, prove(log, None, found.release.index).to_bytes())
            talker().print(terminal.safe(f"proof written to {write_proof}"))
    _warn(found.others)
    release = found.release
    outcome: dict[str, JSON] = {
        "image": digest,
        "good": found.good,
        "code": found.code,
        "text": found.text,
        "release": None if release is None else _row(release),
        "same_release": [_row(one) for one in found.others],
        "by": "log" if proof is None else "proof",
    }
    give(outcome, _lines(found), as_json=as_json)
    raise typer.Exit(0 if found.good else NOT_SHOWN)


def _warn(others: Sequence[Release]) -> None:
    if others:
        talker().print(
            f"warning: {len(others)} other images bear this product and version; ask the supplier for whom each is"
        )


def _lines(found: Standing) -> list[str]:
    at = [] if found.release is None else [_line(found.release)]
    return [f"{found.code}: {found.text}", *at, *_beside(found.others)]


def _row(one: Release) -> dict[str, JSON]:
    about: dict[str, JSON] = dict(one.about)
    return {"index": one.index, "image": one.image, "about": about, "seen_at": when(one.seen_at)}


def _line(one: Release) -> str:
    return f"{one.index:>8}  {one.image}  {' '.join(str(word) for word in one.name)}"


def _beside(others: Sequence[Release]) -> list[str]:
    return ["the same release with another image:", *(_line(one) for one in others)] if others else []

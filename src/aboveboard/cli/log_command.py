"""`aboveboard log`: a log of what was signed and given out, its witnesses, and proofs that work without a network."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import AsJson, At, KeyFile, PassphraseFile, private_key, talker, write_new
from aboveboard.cli.trust_options import LogFolder, PolicyFile, give, moment, when
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines import key_rings, log, log_writing
from aboveboard.pipelines.log_writing import Placed
from aboveboard.report import terminal
from aboveboard.trust.checkpoint import WitnessKey
from aboveboard.trust.entry import KINDS, MAX_TEXT
from aboveboard.trust.note import ED25519, LogKey, check_name, parse_key
from aboveboard.trust.policy import NOBODY, Policy
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import encode_base64

app = typer.Typer(
    help="A log to which is only ever added, its witnesses, and proofs that are checked offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PROOF = ".tlog-proof"
Thing = Annotated[Path, typer.Argument(metavar="THING", help="The file that is in the log.")]


@app.command()
def init(
    folder: LogFolder,
    origin: Annotated[str, typer.Option(help="Name of the log, such as log.acme.example/releases.")],
    key: KeyFile,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Begin an empty log, and print the verifier key that others pin."""
    private = private_key(key, passphrase_file)
    log_writing.create(folder, origin, private)
    verifier = LogKey(origin, private.public).to_text()
    give({"origin": origin, "key": verifier}, [f"log  {origin}", f"key  {verifier}"], as_json=as_json)


@app.command()
def add(
    folder: LogFolder,
    things: Annotated[list[Path], typer.Argument(metavar="THING...", help="Files; their digests go into the log.")],
    kind: Annotated[str, typer.Option(help=f"What they are: {', '.join(KINDS)}.")],
    key: KeyFile,
    about: Annotated[
        list[str] | None, typer.Option("--about", metavar="NAME=VALUE", help="A short text by which it is found again.")
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="All under one checkpoint.")] = False,
    proof: Annotated[Path | None, typer.Option(help="File for the proof of the last one.")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Add files to the log: a small record with the digest of each. Durable once this returns."""
    if proof is not None and proof.exists():
        raise InputError(f"{proof} is there already", hint="name another file with --proof")
    placed = log_writing.add(folder, things, kind, private_key(key, passphrase_file), _about(about), batch=batch)
    if proof is not None and placed:
        write_new(proof, log.prove(folder, None, placed[-1].index).to_bytes())
        talker().print(terminal.safe(f"proof written to {proof}; no witness has seen it yet: `log prove` makes it again"))
    if not placed:
        talker().print("nothing to add: all of it is in the log")
    rows = [_row(one) for one in placed]
    lines = [f"{row['index']:>8}  {row['sha256']}  {row['kind']}  {row['file']}" for row in rows]
    give({"added": rows, "size": placed[-1].size if placed else None}, lines, as_json=as_json)


def _about(words: list[str] | None) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for word in words or []:
        name, mark, value = word.partition("=")
        if len(value) > MAX_TEXT or len(name) > MAX_TEXT:
            raise InputError(f"{name[:80]!r} says more than {MAX_TEXT} characters", hint="say it in the thing itself")
        if not mark or not name or name in found:
            raise InputError(f"{word[:80]!r} is not NAME=VALUE, or twice", hint="write it as product=AR-1")
        found[name] = value
    return found


def _row(one: Placed) -> dict[str, JSON]:
    about: dict[str, JSON] = dict(one.entry.about)
    return {
        "index": one.index,
        "kind": one.entry.kind,
        "sha256": one.entry.digest,
        "about": about,
        "file": str(one.path),
    }


@app.command()
def witness(
    folder: LogFolder,
    name: Annotated[str, typer.Option(help="Name of the witness, such as w.ministry.example/1.")],
    key: KeyFile,
    state: Annotated[Path, typer.Option(help="Folder where the witness remembers what it cosigned.")],
    log_key: Annotated[str | None, typer.Option(help="Verifier key of the log (`log key` prints it).")] = None,
    policy: Annotated[Path | None, typer.Option(help="Or a policy that names the log.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the cosigned checkpoint here, and nothing into DIR.")] = None,
    at: At = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Cosign the log's checkpoint, if it only grew; else keep both checkpoints as evidence and exit with 3."""
    if (log_key is None) == (policy is None):
        raise InputError("which log is it?", hint="give --log-key or --policy")
    trusted = log.read_policy(policy).log if policy is not None else _log_key(log_key or "")
    time = moment(at)
    done = log_writing.witness(folder, trusted, (name, private_key(key, passphrase_file)), state, time, publish=out is None)
    if out is not None:
        write_new(out, done.checkpoint, replace=True)
    outcome: dict[str, JSON] = {
        "origin": trusted.name,
        "size": done.state.size,
        "root": encode_base64(done.state.root),
        "before": done.before,
        "time": when(time),
    }
    give(outcome, [f"cosigned {done.state.size} entries of {trusted.name}, {done.before} before"], as_json=as_json)


def _log_key(text: str) -> LogKey:
    name, kind, public = parse_key(text)
    if kind != ED25519:
        raise RefusedError("key-type", "a log's key has type 1")
    return LogKey(name, public)


@app.command()
def prove(
    folder: LogFolder,
    out: Annotated[Path, typer.Option(help="File for the proof.")],
    thing: Annotated[Path | None, typer.Argument(metavar="THING", help="The file that is in the log.")] = None,
    index: Annotated[int | None, typer.Option(help="Or the index of the entry.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an older proof.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the proof that a file is in the log, under its current checkpoint (C2SP tlog-proof)."""
    if (thing is None) == (index is None):
        raise InputError("prove what?", hint="give the file or --index")
    made = log.prove(folder, thing, index)
    data = made.to_bytes()
    write_new(out, data, replace=replace)
    outcome: dict[str, JSON] = {"index": made.index, "hashes": len(made.hashes), "bytes": len(data), "proof": str(out)}
    give(outcome, [f"entry {made.index}: {len(made.hashes)} hashes, {len(data)} bytes, in {out}"], as_json=as_json)


@app.command()
def verify(
    thing: Thing,
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="Its proof.")],
    policy: PolicyFile,
    kind: Annotated[str | None, typer.Option(help="What it must be in the log as.")] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Check, without the log, that this very file is in it and that the quorum of the policy saw that."""
    shown = log.verify(thing, proof, log.read_policy(policy), moment(at))
    if kind is not None and shown.entry.kind != kind:
        raise RefusedError("other-kind", f"it is in the log as {shown.entry.kind}, and not as {kind[:40]}")
    about: dict[str, JSON] = dict(shown.entry.about)
    outcome: dict[str, JSON] = {
        "origin": shown.checkpoint.origin,
        "index": shown.index,
        "size": shown.checkpoint.size,
        "kind": shown.entry.kind,
        "about": about,
        "seen_at": when(shown.seen_at),
    }
    text = f"{shown.entry.kind}, entry {shown.index} of {shown.checkpoint.size} in {shown.checkpoint.origin}"
    give(outcome, [f"{text}, {_seen(when(shown.seen_at))}", *_named(shown.entry.about)], as_json=as_json)


def _seen(time: str | None) -> str:
    return f"seen by the quorum at {time}" if time else "and the policy asks no witness"


def _named(about: log_writing.About) -> list[str]:
    return [f"  {name}: {value}" for name, value in about.items()]


@app.command()
def audit(
    folder: LogFolder,
    policy: PolicyFile,
    state: Annotated[Path | None, typer.Option(help="Folder that remembers the last audit.")] = None,
    max_age: Annotated[
        int | None, typer.Option(min=0, max=36_500, help="Days within which the quorum must have seen it.")
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Hash every entry again, compare every tile, and compare the log with what the last audit saw."""
    most = None if max_age is None else timedelta(days=max_age)
    found = log.audit_log(folder, log.read_policy(policy), state, moment(at), most)
    here = found.witnessed.checkpoint
    outcome: dict[str, JSON] = {
        "origin": here.origin,
        "size": here.size,
        "root": encode_base64(here.root),
        "tiles": found.tiles,
        "before": found.grew_from,
        "seen_at": when(found.seen_at),
        "witnesses": {name: when(time) for name, time in sorted(found.witnessed.times.items())},
    }
    line = f"{here.size} entries and {found.tiles} tiles of {here.origin} are as signed, {_seen(when(found.seen_at))}"
    grown = [f"the last audit saw {found.grew_from} entries, and it only grew"] if found.grew_from else []
    give(outcome, [line, *grown], as_json=as_json)


@app.command(name="policy")
def print_policy(
    log_key: Annotated[str, typer.Option("--log", metavar="VKEY", help="Verifier key of the log.")],
    witnesses: Annotated[
        list[str] | None, typer.Option("--witness", metavar="VKEY", help="Verifier key of a witness.")
    ] = None,
    quorum: Annotated[int, typer.Option(min=0, help="How many witnesses must have seen a checkpoint; 0 asks nobody.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print a policy (C2SP tlog-policy)."""
    names = [parse_key(text)[0] for text in witnesses or []]
    lines = [f"log {log_key}", *(f"witness {name} {text}" for name, text in zip(names, witnesses or [], strict=True))]
    if quorum > len(names):
        raise InputError(f"{quorum} of {len(names)} witnesses cannot be asked for", hint="name more with --witness")
    lines += [f"group quorum-group {quorum} {' '.join(names)}"] if quorum else []
    lines.append(f"quorum {'quorum-group' if quorum else NOBODY}")
    Policy.parse("\n".join(lines))
    if not quorum:
        talker().print(
            "no witness is asked: nothing that is checked under this policy shows when, or that others see the same"
        )
    give({"policy": "\n".join(lines) + "\n"}, lines, as_json=as_json)


@app.command(name="key")
def print_key(
    origin: Annotated[str, typer.Option(help="Name of the log or witness.")],
    public: Annotated[Path | None, typer.Option(help="Public key in PEM.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Or the private key.")] = None,
    as_witness: Annotated[bool, typer.Option("--witness", help="The key of a witness.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a verifier key (C2SP signed-note) of a log or, with --witness, of a witness."""
    if (public is None) == (key is None):
        raise InputError("which key?", hint="give --public or --key")
    check_name(origin)
    found = key_rings.public_key(public) if public is not None else None
    if found is None and key is not None:
        found = private_key(key, passphrase_file).public
    assert found is not None  # one of the two was given
    text = (WitnessKey(origin, found) if as_witness else LogKey(origin, found)).to_text()
    give({"key": text}, [text], as_json=as_json)

"""`aboveboard verify`: check a sealed bundle again, offline, with keys that you trust."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aboveboard.cli.common import AsJson, At, say, talker
from aboveboard.cli.inspect_command import EXIT_CODES, cache_folder
from aboveboard.cli.trust_options import give, moment
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines import bundle_files, recollecting
from aboveboard.pipelines.keys import lines_of, read_file
from aboveboard.pipelines.paper_files import ring_of
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.pipelines.trusted_logs import Trusted, read_policies
from aboveboard.pipelines.verifying import PROOF_NAME, Verification
from aboveboard.pipelines.verifying_steps import Asked, State, Verified
from aboveboard.report import terminal

MARKS = {State.HOLDS: "ok    ", State.OPEN: "open  ", State.FAILED: "FAILED", State.NOT_DONE: "  -   "}


Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder or tar file that `seal` wrote.")]
Keys = Annotated[Path, typer.Option(help="The rings of keys that you trust; never take them from the bundle.")]
Newest = Annotated[
    Path | None, typer.Option(help="The agreement and its amendments as you know them: a newer one supersedes.")
]
Policies = Annotated[
    list[Path] | None,
    typer.Option("--policy", help="Policy: a log and the witnesses that you trust; once for each log that it tells of."),
]
Proven = Annotated[
    Path | None, typer.Option(help=f"Proof that the bundle is in the log; default {PROOF_NAME} in the bundle.")
]
Logged = Annotated[Path | None, typer.Option("--log", metavar="DIR", help="Or the log itself, which is audited.")]
Image = Annotated[Path | None, typer.Option(help="The image: evidence is collected again, and compared.")]
Captures = Annotated[list[Path] | None, typer.Option(help="Captures of traffic: likewise.")]
Withheld = Annotated[Path | None, typer.Option(help="The folder of what was withheld, if you were given it.")]
AsVerdict = Annotated[
    bool, typer.Option("--as-verdict", help="Where all holds, exit as the verdict does: 3 broken, 4 not shown.")
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Processes at a time, with --image.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep earlier results.")]


def verify(
    bundle: Bundle,
    keys: Keys,
    agreement: Newest = None,
    policy: Policies = None,
    proof: Proven = None,
    log: Logged = None,
    image: Image = None,
    capture: Captures = None,
    withheld: Withheld = None,
    as_verdict: AsVerdict = False,
    jobs: Jobs = 2,
    no_cache: NoCache = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Check signatures, digests and papers, and judge again: the same bytes, or a loud difference (exit 3).

    Exit 4 where something stays open: withheld evidence, a verdict that has ended, a log that does not hold it.
    """
    time = moment(at)
    ring = ring_of(keys, time)
    assert ring is not None  # a path was given
    logs = _trusted(bundle, policy or [], proof, log)
    room = None if no_cache else cache_folder()
    asked = Asked(
        ring,
        time,
        withheld,
        () if agreement is None else tuple(lines_of(read_signed(agreement, "agreement"))),
        None if logs is None else lambda manifest: logs.seen(manifest, time),
        None if image is None else lambda case: recollecting.again(case, image, room, jobs, _progress),
        bool(capture),
        () if logs is None else logs.keys,
        None if logs is None else lambda case, papers: logs.told(case, papers, time),
    )
    _end(Verification(bundle, asked).run(), as_verdict=as_verdict, as_json=as_json)


def _progress(text: str) -> None:
    talker().print(terminal.safe(f"  {text}"))


def _end(found: Verified, *, as_verdict: bool, as_json: bool) -> NoReturn:
    give(_outcome(found), [], as_json=True) if as_json else _say(found)
    code = found.exit_code
    if as_verdict and code == 0 and found.attested is not None:
        code = EXIT_CODES[found.attested.form.result]
    raise typer.Exit(code)


def _trusted(bundle: Path, policies: list[Path], proof: Path | None, log: Path | None) -> Trusted | None:
    """Return which logs are trusted, and what shows where the bundle stands; None where no policy is given."""
    if not policies:
        if proof is not None or log is not None:
            raise InputError("which log do you trust?", hint="give --policy")
        return None
    if proof is not None and log is not None:
        raise InputError("a proof, or the log itself?", hint="give --proof or --log")
    trusted = read_policies(policies)
    if log is not None:
        return Trusted(trusted, None, log)
    return Trusted(trusted, bundle_files.read(bundle).get(PROOF_NAME) if proof is None else read_file(proof, "proof"))


def _say(found: Verified) -> None:
    for step in found.steps:
        say(f"{MARKS[step.state]} {step.number}. {step.name}{f' [{step.code}]' if step.code else ''}")
        for line in step.lines:
            say(f"          {line}")
    said = {0: "verified", 3: "NOT VERIFIED: something differs or is forged", 4: "not decided: something stays open"}
    done = {step.number for step in found.steps}
    for number, what in ((8, "a log (--policy)"), (9, "the image (--image): the evidence is the word of who sealed it")):
        if number not in done:
            say(f"not asked {number}. {what}")
    say(said[found.exit_code])
    if found.attested is not None:
        form = found.attested.form
        what = "it claims" if found.exit_code == 3 else "the verdict"
        say(f"{what}, in the role {form.by}: {form.result.value.replace('-', ' ')}: {form.count}")


def _outcome(found: Verified) -> dict[str, JSON]:
    form = None if found.attested is None else found.attested.form
    return {
        "outcome": {0: "verified", 3: "failed", 4: "open"}[found.exit_code],
        "steps": [step.to_json() for step in found.steps],
        "not_rederived": list(found.not_rederived),
        "verdict": None if found.attested is None else dict(found.attested.predicate),
        "result": None if form is None else form.result.value,
    }

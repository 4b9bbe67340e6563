"""`aboveboard verify`: check a sealed bundle again, offline, with keys that you trust."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aboveboard.cli.common import AsJson, At, say, talker
from aboveboard.cli.inspect_command import EXIT_CODES, cache_folder
from aboveboard.cli.trust_options import give, moment
from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.pipelines import bundle_files, bundle_log, recollecting
from aboveboard.pipelines.bundle_log import Seen
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.keys import lines_of, read_file
from aboveboard.pipelines.log import LogView, log_view, read_policy
from aboveboard.pipelines.paper_files import ring_of
from aboveboard.pipelines.papers import Opened
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.pipelines.verifying import PROOF_NAME, Verification
from aboveboard.pipelines.verifying_steps import Asked, State, Verified
from aboveboard.report import terminal
from aboveboard.trust.refusal import UndecidedError

MARKS = {State.HOLDS: "ok    ", State.OPEN: "open  ", State.FAILED: "FAILED", State.NOT_DONE: "  -   "}


Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder or tar file that `seal` wrote.")]
Keys = Annotated[Path, typer.Option(help="The rings of keys that you trust; never take them from the bundle.")]
Newest = Annotated[
    Path | None, typer.Option(help="The agreement and its amendments as you know them: a newer one supersedes.")
]
Trusted = Annotated[Path | None, typer.Option(help="Policy: the log and the witnesses that you trust.")]
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
    policy: Trusted = None,
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
    seen, view = _seen(bundle, policy, proof, log, time)
    room = None if no_cache else cache_folder()
    asked = Asked(
        ring,
        time,
        withheld,
        () if agreement is None else tuple(lines_of(read_signed(agreement, "agreement"))),
        seen,
        None if image is None else lambda case: recollecting.again(case, image, room, jobs, _progress),
        bool(capture),
        None if policy is None else read_policy(policy).log.to_text(),
        _told(policy, log, view, time),
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


def _seen(
    bundle: Path, policy: Path | None, proof: Path | None, log: Path | None, at: datetime
) -> tuple[Callable[[bytes], Seen] | None, Callable[[], LogView]]:
    """Return how a manifest is held against the log that is trusted, and the log itself; each is read once at most."""
    if policy is None:
        if proof is not None or log is not None:
            raise InputError("which log do you trust?", hint="give --policy")
        return None, _no_log
    if proof is not None and log is not None:
        raise InputError("a proof, or the log itself?", hint="give --proof or --log")
    trusted = read_policy(policy)
    inside = None if proof is not None or log is not None else bundle_files.read(bundle).get(PROOF_NAME)
    given = inside if proof is None else read_file(proof, "proof")
    view = _no_log if log is None else cache(lambda: log_view(log, trusted))

    def look(manifest: bytes) -> Seen:
        if log is not None:
            return bundle_log.by_log(manifest, view(), at)
        if given is None:
            raise UndecidedError("no-proof", "no proof came with it", hint="give --proof, or the log with --log")
        return bundle_log.by_proof(manifest, given, trusted, at)

    return look, view


def _told(
    policy: Path | None, log: Path | None, view: Callable[[], LogView], at: datetime
) -> Callable[[CaseFiles, Opened], list[str]] | None:
    """Return how what a bundle tells of logs is held against the log, or without it against the witnesses of the policy."""
    if policy is None:
        return None
    trusted = read_policy(policy)
    if log is None:
        return lambda case, _papers: bundle_log.times_hold(case, trusted)
    return lambda case, papers: bundle_log.extracts_hold(case, papers, log, view(), at, trusted)


def _no_log() -> LogView:
    raise InputError("there is no log", hint="give --log")


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

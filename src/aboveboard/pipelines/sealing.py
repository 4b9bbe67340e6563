"""Seals a run: judges it again, signs the verdict and the manifest of its files, and puts all of it into one bundle.

A bundle is the folder of a run with two envelopes more: `verdict.dsse`, the verdict as an attestation, and `manifest.dsse`,
which names every other file. Evidence may be withheld: then the bundle holds a salted digest in its place, and the files
with their salts go into a second folder, for those who may see them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from aboveboard import __version__
from aboveboard.judge.case import Case
from aboveboard.judge.judge import agreed_profile, judge
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.errors import InputError
from aboveboard.model.evidence import Evidence
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Verdict
from aboveboard.pipelines import bundle_files, case_files, hearing
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.outputs import RUN
from aboveboard.pipelines.papers import Opened, not_counted, opened
from aboveboard.pipelines.tools import judging
from aboveboard.standard import reader
from aboveboard.trust import attestation, dsse
from aboveboard.trust.attestation import VERDICT_NAME, Sealed
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import ROOT, Ring, speaks
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import format_time

MANIFEST_NAME = "manifest.dsse"
SALTS = "salts.json"
# What tells of the evidence: none of it may go out where a part of the evidence stays in.
TELLING = (case_files.VERDICT, case_files.PLACES, *case_files.DERIVED)


@dataclass(frozen=True)
class Bundle:
    """What was sealed: the files, those that are withheld with their salts, and the verdict."""

    files: Mapping[str, bytes]
    withheld: Mapping[str, bytes]
    verdict: Verdict
    by: str
    left_out: tuple[str, ...]  # files of the run's folder that are none of ours
    not_counted: tuple[str, ...]  # a sentence for each record that does not count


def before_the_judge(case: CaseFiles, found: Opened) -> Case:
    """Return a case as the judge has it before it."""
    profile = agreed_profile(found.profile, found.agreement)
    return Case.of(case.manifest, case.evidence, profile, found.declaration, found.agreement, found.records, case.at)


def rejudged(case: CaseFiles, found: Opened, standard: Standard) -> Verdict:
    """Return the verdict of a case."""
    return judge(
        case.manifest,
        case.evidence,
        standard,
        found.profile,
        found.declaration,
        case.at,
        found.agreement,
        found.records,
    )


def heard_whole(verdict: Verdict) -> None:
    """Raise RefusedError where the judge passed over evidence: that breaks no clause, so nobody seals it in good faith."""
    refused = verdict.inputs["refused"]
    if refused:
        raise RefusedError("seal", f"evidence whose seal does not hold, or that is there twice: {refused}"[:300])


def seal(run: Path, ring: Ring, keys: Sequence[PrivateKey], at: datetime, withhold: Collection[str] = ()) -> Bundle:
    """Seal the folder of a run; raises InputError, RefusedError or UndecidedError.

    Steps: 1 its files are in form; 2 its papers hold; 3 its verdict follows from them; 4 the keys speak for one role, and
    are enough; 5 the verdict is given again in that role, and signed; 6 the manifest names every file, and is signed.
    """
    there = bundle_files.read(run)
    files = {name: data for name, data in there.items() if is_ours(name)}
    case = case_files.read(files)  # 1
    standard = reader.load()
    judged_at = case_files.time_of(case)
    if judged_at > at:
        raise InputError(f"the run was judged at {case.at}, which has not come yet", hint="set the clock, or give --at")
    papers = opened(case.papers, ring, standard, judged_at, case.manifest.digest)  # 2
    hearing.same(papers.handed_in, papers.hearing, case.manifest, case.papers.records)
    heard_whole(first := rejudged(case, papers, standard))  # 3
    if canonical(first.to_json()) != files[case_files.VERDICT]:
        raise RefusedError("differs", "the verdict does not follow from evidence and papers", hint="inspect it again")
    by = role_of(ring, keys, at)  # 4
    case = replace(case, manifest=replace(case.manifest, by=by))
    verdict = rejudged(case, papers, standard)  # 5
    made = {
        case_files.VERDICT: canonical(verdict.to_json()),
        **case_files.inputs(case.papers, case.at),
        **case_files.evidence(case.manifest, case.evidence, case.places),
        **case_files.derived(case_files.dossier(verdict, standard, case.evidence, case.places, papers)),
    }
    kept, withheld, salted = _split(made, withhold)
    body = attestation.predicate(verdict, by, tools_of(case.evidence), attestation.digests(kept, sorted(kept)), salted)
    stated = attestation.verdict_statement(attestation.subject(verdict), body)
    kept[VERDICT_NAME] = dsse.seal(dsse.STATEMENT, stated, keys).to_bytes()
    manifest = Sealed(
        attestation.digests(kept, sorted(kept)), salted, by, format_time(at), case.manifest.digest, papers.profile.name
    )
    envelope = dsse.seal(dsse.STATEMENT, attestation.manifest_statement(manifest), keys)  # 6
    speaks(ring, envelope, by, at)
    kept[MANIFEST_NAME] = envelope.to_bytes()
    left_out = tuple(sorted(set(there) - set(files) - {RUN, *case_files.DERIVED}))
    return Bundle(kept, withheld, verdict, by, left_out, tuple(not_counted(papers, case.manifest.digest)))


def is_ours(name: str) -> bool:
    """Tell whether a file of a run or bundle is one that a judge reads."""
    evidence = name.startswith("evidence/") and name.endswith(".jsonl")
    named = (case_files.VERDICT, case_files.MANIFEST, case_files.PLACES, *case_files.INPUT_NAMES)
    return evidence or name in named


def role_of(ring: Ring, keys: Sequence[PrivateKey], at: datetime) -> str:
    """Return the one role that the keys speak for at a time; raises RefusedError."""
    ids = {key.public.raw for key in keys}
    names = [name for name, key in ring.keys.items() if key.public.raw in ids]
    roles = {role for name in names if (role := ring.role_of(name)) is not None} - {ROOT}
    if len(roles) != 1 or len(names) != len(ids):
        said = f"the keys speak for {' and '.join(sorted(roles))}" if roles else "a key speaks for no role"
        raise RefusedError("role", f"{said}: one role answers for a verdict", hint="`keys show` lists the roles")
    return next(iter(roles))


def tools_of(pieces: Sequence[Evidence]) -> dict[str, JSON]:
    """Return with what the evidence was made, each kind once, and with what it was judged."""
    kinds = {canonical(piece.made_with.get("tools")): piece.made_with.get("tools") for piece in pieces}
    used: list[JSON] = [tools for _, tools in sorted(kinds.items()) if isinstance(tools, Mapping)]
    return {"aboveboard": __version__, "judge": judging(), "evidence": used}


def _split(
    made: Mapping[str, bytes], withhold: Collection[str]
) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, str]]:
    """Return what goes out, what stays in with its salts, and the salted digests."""
    if not withhold:
        return dict(made), {}, {}
    named = {case_files.evidence_name(name) for name in withhold}
    unknown = sorted(named - set(made))
    if unknown:
        there = sorted(name[9:-6] for name in made if name.startswith("evidence/") and name.endswith(".jsonl"))
        raise InputError(f"there is no {unknown[0]} to withhold", hint=f"evidence is of: {', '.join(there)}")
    hidden = sorted(named | {name for name in TELLING if name in made})
    salts = {name: secrets.token_bytes(attestation.SALT) for name in hidden}
    listed: dict[str, JSON] = {name: salt.hex() for name, salt in salts.items()}
    withheld = {**{name: made[name] for name in hidden}, SALTS: canonical(listed)}
    salted = {name: attestation.salted(salts[name], made[name]) for name in hidden}
    return {name: data for name, data in made.items() if name not in hidden}, withheld, salted


def write(bundle: Bundle, out: Path, *, tar: bool = False) -> Path | None:
    """Write the bundle, and what is withheld into a folder beside it, which is returned; raises InputError."""
    apart = out.with_name(out.name + ".withheld") if bundle.withheld else None
    if apart is not None:
        bundle_files.write(bundle.withheld, apart)  # first: without it what is withheld would be lost
    bundle_files.write(bundle.files, out, tar=tar)
    return apart

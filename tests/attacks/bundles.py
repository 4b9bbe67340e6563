"""Small bundles, the same in each run, and what whoever holds a key can make of them: all of it is signed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aboveboard.model.canonical import canonical
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Standing
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.pipelines import case_files, papers, sealing
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.papers import Papers
from aboveboard.pipelines.sealing import MANIFEST_NAME
from aboveboard.pipelines.verifying import Verification
from aboveboard.pipelines.verifying_steps import Asked, State, Verified
from aboveboard.standard import reader
from aboveboard.trust import attestation, dsse
from aboveboard.trust.attestation import VERDICT_NAME, Sealed
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.strict import parse_time
from tests.attacks.keys import NOW, OTHER
from tests.attacks.test_agreements import GOOD, IMAGE, RING
from tests.attacks.test_records import FORM
from tests.attacks.test_records import sealed as sealed_record
from tests.judge.making import account, fact, piece

STANDARD = reader.load()
TREE = "sha256:" + "2" * 64
AT = "2026-11-30T12:00:00Z"
EVIDENCE = (account(), piece("accounts", [fact("account", Standing.CANDIDATE, name="admin")]))
OWED = (Owed("unpacking", 1, IMAGE), Owed("accounts", 1, TREE))
FULL = Papers(agreement=(GOOD,), records=(sealed_record(FORM),))


def case(given: Papers = FULL, evidence: tuple[Evidence, ...] = EVIDENCE, at: str = AT) -> CaseFiles:
    """Return a case of one image, with the papers that are given."""
    opened = papers.opened(given, RING, STANDARD, parse_time(at), IMAGE)
    manifest = Manifest("ar-1.bin", IMAGE, 1000, OWED, records=opened.handed_in, set_aside=opened.set_aside)
    return CaseFiles(at, given, manifest, evidence, {})


def run(folder: Path, made: CaseFiles) -> Path:
    """Write the folder of a run, as `inspect --out` does."""
    opened = papers.opened(made.papers, RING, STANDARD, case_files.time_of(made), IMAGE)
    verdict = sealing.rejudged(made, opened, STANDARD)
    files = {
        case_files.VERDICT: canonical(verdict.to_json()),
        **case_files.evidence(made.manifest, made.evidence, made.places),
        **case_files.inputs(made.papers, made.at),
    }
    return write(folder, files)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files, whatever they are called."""
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def sealed(folder: Path, made: CaseFiles | None = None, withhold: tuple[str, ...] = ()) -> sealing.Bundle:
    """Return a sealed bundle; the laboratory answers for it."""
    return sealing.seal(run(folder, made or case()), RING, [OTHER], NOW, withhold)


def resealed(
    files: Mapping[str, bytes], *keys: PrivateKey, predicate: Callable[[Any], None] = lambda _: None
) -> dict[str, bytes]:
    """Sign files again, as whoever holds a key can: the digests are true, whatever the files say."""
    kept = {name: data for name, data in files.items() if name not in (VERDICT_NAME, MANIFEST_NAME)}
    old = attestation.read_verdict(dsse.parse(files[VERDICT_NAME]))
    before = attestation.read_manifest(dsse.parse(files[MANIFEST_NAME]))
    body = json.loads(canonical(dict(old.predicate)))
    withheld = [one for one in body["files"] if "salted" in one]
    named = attestation.digests(kept, sorted(kept))
    body["files"] = [{"name": name, "sha256": digest} for name, digest in sorted(named.items())] + withheld
    predicate(body)
    signing = keys or (OTHER,)
    stated = attestation.verdict_statement(old.subject, body)
    kept[VERDICT_NAME] = dsse.seal(dsse.STATEMENT, stated, signing).to_bytes()
    manifest = replace(before, files=attestation.digests(kept, sorted(kept)))
    return signed(kept, manifest, *signing)


def signed(files: Mapping[str, bytes], manifest: Sealed, *keys: PrivateKey) -> dict[str, bytes]:
    """Return files under a manifest that is signed."""
    envelope = dsse.seal(dsse.STATEMENT, attestation.manifest_statement(manifest), keys or (OTHER,))
    return {**files, MANIFEST_NAME: envelope.to_bytes()}


def verified(folder: Path, files: Mapping[str, bytes], **asked: Any) -> Verified:
    """Write a bundle and verify it."""
    return Verification(write(folder, files), replace(Asked(RING, NOW), **asked)).run()


def codes(found: Verified) -> list[str]:
    """Return the reason codes of the steps that do not hold, but for those that were not done."""
    return [step.code for step in found.steps if step.state in (State.OPEN, State.FAILED)]


def evidence_line(files: Mapping[str, bytes], collector: str) -> dict[str, Any]:
    """Return the first piece of evidence of a collector."""
    value: dict[str, Any] = json.loads(files[case_files.evidence_name(collector)].split(b"\n")[0])
    return value

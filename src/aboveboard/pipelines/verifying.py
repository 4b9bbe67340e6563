"""Verifies a sealed bundle offline: every signature and digest, and the verdict itself, which is judged again.

Nothing in the bundle is believed for being there: the keys, the policy of a log and the image come from whoever verifies.
Each step says how it went, and one that fails does not keep the others from being done, so that a person sees all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aboveboard.judge.reach import rests_on
from aboveboard.model.canonical import canonical
from aboveboard.model.errors import InputError
from aboveboard.model.standard import Standard
from aboveboard.pipelines import agreements, bundle_files, bundle_log, case_files, hearing, records, rederiving
from aboveboard.pipelines.agreement_signing import whose_evidence
from aboveboard.pipelines.bundle_log import Seen
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.other_version import broken_here, listed, made_by, version_of
from aboveboard.pipelines.papers import Opened, not_counted, opened
from aboveboard.pipelines.sealing import MANIFEST_NAME, SALTS, before_the_judge, heard_whole, is_ours, rejudged, tools_of
from aboveboard.pipelines.verifying_steps import Asked, State, Step, Verified, needed, told
from aboveboard.standard import reader
from aboveboard.trust import attestation, dsse
from aboveboard.trust.attestation import VERDICT_NAME, Sealed
from aboveboard.trust.keyring import speaks
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time, parse_json, parse_time

PROOF_NAME = "manifest.tlog-proof"  # may lie in the bundle: it is made after the manifest, which cannot name it


CLOCK = "set the clock, or give --at"
NEWER = "a newer Aboveboard may know it"
_BESIDE = frozenset({MANIFEST_NAME, VERDICT_NAME, PROOF_NAME, *case_files.DERIVED})


class Verification:
    """The steps, in their order. What a step finds is kept for those behind it."""

    def __init__(self, bundle: Path, asked: Asked) -> None:
        self.asked = asked
        self.path = bundle
        self.out = Verified()
        self.standard: Standard = reader.load()
        self._files: dict[str, bytes] | None = None
        self._manifest: Sealed | None = None
        self._seen: Seen | None = None
        self._case: CaseFiles | None = None
        self._papers: Opened | None = None

    def run(self) -> Verified:
        """Do every step; raises InputError for what is no bundle at all."""
        self._files = bundle_files.read(self.path)
        if MANIFEST_NAME not in self._files:
            raise InputError(f"there is no {MANIFEST_NAME} in {self.path}", hint="give a bundle that `seal` wrote")
        for number, (name, do) in enumerate(
            (
                ("the manifest is signed", self._signed),
                ("every file is the one that the manifest names", self._digests),
                ("the verdict is signed by the same role, about these files", self._attested),
                ("agreement, declaration and records hold", self._opened),
                ("judged again, the verdict is the same", self._judged),
                ("no key that signed was revoked", self._unrevoked),
                ("the verdict may be relied on today", self._today),
                ("the log holds it", self._logged),
                ("collected again from the image, the evidence is the same", self._collected),
                ("collected again from captures, the evidence is the same", self._captured),
            ),
            1,
        ):
            step = Step(number, name)
            self.out.steps.append(step)
            with told(step):
                do(step)
        self.out.steps = [step for step in self.out.steps if step.lines or step.state is not State.HOLDS]
        return self.out

    def _signed(self, step: Step) -> None:
        envelope = dsse.parse(needed(self._files)[MANIFEST_NAME])
        signers = dsse.signers(envelope, dsse.STATEMENT, self.asked.ring.publics())
        self._manifest = attestation.read_manifest(envelope)
        self._seen = None if self.asked.seen is None else self._look()
        # without a log the time of sealing is the word of whoever sealed it: its keys have to be good now
        time = self._seen.at if self._seen is not None and self._seen.at is not None else self.asked.at
        role = records.role_of(self.asked.ring, envelope, signers, min(time, self.asked.at))
        if role != self._manifest.by:
            raise RefusedError("role", f"sealed in the role {self._manifest.by}, and signed in the role {role}")
        if parse_time(self._manifest.sealed) > self.asked.at:
            raise UndecidedError("clock-behind", f"sealed at {self._manifest.sealed}, which has not come yet", hint=CLOCK)
        step.lines.append(f"by {', '.join(sorted(signers))} in the role {role}, {self._manifest.sealed}")

    def _look(self) -> Seen | None:
        """Ask the log. Where it refuses, the step on the log says so; here nothing is known of the time."""
        assert self.asked.seen is not None
        try:
            return self.asked.seen(needed(self._files)[MANIFEST_NAME])
        except (RefusedError, InputError):
            return None

    def _digests(self, step: Step) -> None:
        manifest, files = needed(self._manifest), dict(needed(self._files))
        hidden = self._disclosed(step)
        files |= hidden
        listed = {MANIFEST_NAME, PROOF_NAME, *manifest.files}
        for name in sorted(set(files) - listed - set(hidden)):
            raise RefusedError("unlisted", f"{name} is in the bundle, and the manifest does not name it")
        for name, digest in sorted(manifest.files.items()):
            if name not in files:
                raise RefusedError("file-missing", f"{name} is named in the manifest and not in the bundle")
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise RefusedError("digest", f"{name} is not the file that was sealed")
        self._files = files
        if PROOF_NAME in files:
            bundle_log.proof_of(files[MANIFEST_NAME], files[PROOF_NAME])
        step.lines.append(f"{len(manifest.files)} files")
        strange = sorted(name for name in files if not is_ours(name) and name not in _BESIDE)
        if strange:  # nothing here is made again from it, so that nobody should believe it for lying there
            raise UndecidedError("unknown-file", f"{strange[0]} is no file of a bundle that is known here", hint=NEWER)
        closed = sorted(set(manifest.withheld) - set(hidden))
        if closed:
            step.lines.append(f"withheld, by salted digest alone: {', '.join(closed)}")

    def _disclosed(self, step: Step) -> dict[str, bytes]:
        """Return what was withheld and is handed in now; raises RefusedError where it is not what was salted."""
        manifest = needed(self._manifest)
        if self.asked.withheld is None:
            return {}
        given = bundle_files.read(self.asked.withheld)
        salts = parse_json(given.get(SALTS, b"{}"))
        found: dict[str, bytes] = {}
        for name, digest in manifest.withheld.items():
            salt = salts.get(name) if isinstance(salts, dict) else None
            if name not in given or not isinstance(salt, str):
                continue
            try:
                data = bytes.fromhex(salt)
            except ValueError as error:
                raise RefusedError("salt", f"the salt of {name} is not hexadecimal") from error
            if attestation.salted(data, given[name]) != digest:
                raise RefusedError("digest", f"{name} is not the file that was withheld")
            found[name] = given[name]
        said = ", and are those" if found else ": none of them is in that folder"
        step.lines.append(f"{len(found)} of {len(manifest.withheld)} withheld files were handed in{said}")
        return found

    def _attested(self, step: Step) -> None:
        manifest = needed(self._manifest)
        envelope = dsse.parse(needed(self._files).get(VERDICT_NAME, b""))
        signers = dsse.signers(envelope, dsse.STATEMENT, self.asked.ring.publics())
        attested = attestation.read_verdict(envelope)
        # the keys' time was asked for the manifest, which names this very envelope
        speaks(self.asked.ring, envelope, manifest.by, self._key_time())
        if attested.form.by != manifest.by:
            raise RefusedError(
                "role", f"the verdict is given in the role {attested.form.by}, the bundle is {manifest.by}'s"
            )
        stated = {one.name: (one.sha256 if isinstance(one.sha256, str) else one.salted) for one in attested.form.files}
        named = {**manifest.files, **manifest.withheld}
        named.pop(VERDICT_NAME, None)
        if stated != named:
            raise RefusedError("digest", "the verdict is about other files than the manifest")
        if attested.subject != {name: manifest.image.removeprefix("sha256:") for name in attested.subject}:
            raise RefusedError("other-image", "the verdict is about another image than the manifest")
        if attested.form.profile.name != manifest.profile or attested.form.at > manifest.sealed:
            raise RefusedError("differs", "the manifest tells of another profile, or of a time before the verdict's")
        self.out.attested = attested
        name, digest = next(iter(attested.subject.items()))
        step.lines.append(f"by {', '.join(sorted(signers))}, on {name} sha256:{digest}")

    def _key_time(self) -> datetime:
        time = None if self._seen is None else self._seen.at
        return self.asked.at if time is None else min(time, self.asked.at)

    def _opened(self, step: Step) -> None:
        self._case = case_files.read({name: data for name, data in needed(self._files).items() if is_ours(name)})
        judged_at = case_files.time_of(self._case)
        found = opened(self._case.papers, self.asked.ring, self.standard, judged_at, self._case.manifest.digest)
        agreement, declaration = found.agreement, found.declaration
        by = needed(self._manifest).by
        if self._case.manifest.by != by:  # or else a supplier's evidence would count as the laboratory's
            raise RefusedError(
                "role", f"the evidence is answered for in the role {self._case.manifest.by!r}, sealed in {by}"
            )
        if agreement is not None and by in agreement.roles:
            envelope = dsse.parse(needed(self._files)[MANIFEST_NAME])
            agreements.signed_as(envelope, by, agreement.roles[by], self.asked.ring, self._key_time())
        hearing.same(found.handed_in, found.hearing, self._case.manifest, self._case.papers.records)
        self._papers = found
        if agreement is not None:
            step.lines.append(
                f"agreement number {agreement.sequence} of {agreement.supplier} and {agreement.customer}, in force then"
            )
            step.lines.append(f"the agreement accepts evidence of: {whose_evidence(agreement.accepts)}")
        if declaration is not None:
            kind = "nobody signed" if self._case.papers.unsigned is not None else "its supplier signed"
            step.lines.append(f"a declaration of {declaration.supplier}, which {kind}")
        step.lines.append(f"{len(found.records)} records")
        step.lines += not_counted(found, self._case.manifest.digest)
        step.lines += [
            f"of the log {view.origin} at {view.size} entries it tells itself, times too: --policy holds them against the "
            "witnesses, --log all of it against the log"
            for view in self._case.papers.logs
            if self.asked.told is None
        ]

    def _judged(self, step: Step) -> None:
        case, papers, attested = needed(self._case), needed(self._papers), needed(self.out.attested)
        rederiving.same_rules(attested, self.standard)
        verdict, before = rejudged(case, papers, self.standard), before_the_judge(case, papers)
        heard_whole(verdict)
        if self._closed():
            names = {name.removeprefix("evidence/").removesuffix(".jsonl") for name in self._closed()}
            left = tuple(clause.id for clause in self.standard.clauses if rests_on(before, clause) & names)
            self.out.not_rederived = left
            rederiving.partly(before, verdict, self.standard, attested, left)
            step.state, step.code = State.OPEN, "not-re-derived"
            step.lines.append(f"{len(self.standard.clauses) - len(left)} clauses are judged again, and are the same")
            step.lines.append(f"not re-derived: {', '.join(left) or 'the facts of the rulings'}")
            return
        stated = attested.predicate["tools"]
        if not isinstance(stated, Mapping) or tools_of(case.evidence)["evidence"] != stated["evidence"]:
            raise RefusedError("differs", "the evidence was made with other tools than the verdict says")
        product = version_of(attested)
        dossier = case_files.dossier(verdict, self.standard, case.evidence, case.places, papers, product)
        made = {case_files.VERDICT: canonical(verdict.to_json()), **case_files.derived(dossier)}
        rederiving.whole(before, verdict, self.standard, attested, made, needed(self._files))
        step.lines.append(f"{len(verdict.rulings)} rulings, byte for byte; report and exports too")
        step.lines.append(f"{verdict.result.value.replace('-', ' ')}: {verdict.count}")
        if made_by(attested):
            step.lines.append(f"the rules here give the same{made_by(attested)}")
        if not case.manifest.confined:
            step.lines.append("parsers ran unconfined when the evidence was collected")

    def _closed(self) -> set[str]:
        """Return the files that are withheld, and were not handed in."""
        return set(needed(self._manifest).withheld) - set(needed(self._files))

    def _unrevoked(self, step: Step) -> None:
        own = ((needed(needed(self._files).get(name)), None) for name in (MANIFEST_NAME, VERDICT_NAME))
        publics, now = self.asked.ring.publics(), self._key_time()
        signers: set[str] = set()
        for data, seen in (*needed(self._papers).envelopes, *own):
            names = dsse.signers(dsse.parse(data), dsse.STATEMENT, publics)
            signers |= names
            for name in sorted(names):
                revoked = self.asked.ring.keys[name].revoked
                if revoked is not None and revoked <= (now if seen is None else min(seen, now)):
                    raise UndecidedError(
                        "key-revoked",
                        f"{name} is revoked since {format_time(revoked)}, and no log shows that this is older",
                        hint="give --policy and the proof or the log that holds the bundle",
                    )
        step.lines.append(f"{len(signers)} keys: {', '.join(sorted(signers))}")

    def _today(self, step: Step) -> None:
        attested, papers = needed(self.out.attested), needed(self._papers)
        now = format_time(self.asked.at)
        if attested.form.at > now:
            raise UndecidedError("clock-behind", f"judged at {attested.form.at}, which has not come yet", hint=CLOCK)
        if attested.form.expires <= now:
            raise UndecidedError("expired", f"the verdict ended on {attested.form.expires}", hint="ask for a newer one")
        if papers.agreement is None and self.asked.newer:
            raise RefusedError("other-agreement", "the verdict was given under no agreement, and not under the one at hand")
        if papers.agreement is not None:
            case, chain = needed(self._case), self._newest_chain()
            own = len(chain) == len(case.papers.agreement)  # which is as old as the log shows the bundle to be
            time = self._key_time() if own else self.asked.at
            found = agreements.opened(chain, self.asked.ring, time, case.papers.logs)
            agreements.in_force(found, self.asked.at, case.manifest.digest, pinned=papers.agreement.digest)
            step.lines.append(f"its agreement, number {papers.agreement.sequence}, is in force")
        step.lines.append(f"good until {attested.form.expires}")

    def _newest_chain(self) -> Sequence[bytes]:
        own = needed(self._case).papers.agreement
        newer = self.asked.newer
        if not newer:
            return own
        payloads = [[dsse.parse(line).payload for line in chain] for chain in (own, newer)]
        shorter = min(map(len, payloads))
        if payloads[0][:shorter] != payloads[1][:shorter]:
            raise RefusedError("other-agreement", "the verdict was given under another agreement than the one at hand")
        return max(own, newer, key=len)

    def _logged(self, step: Step) -> None:
        papers = self._papers
        agreed = None if papers is None or papers.agreement is None else papers.agreement.logs.get("verdicts")
        if agreed is not None and agreed not in self.asked.log_keys:
            code, said = (
                ("other-log", "that is not the one at hand") if self.asked.log_keys else ("no-log", "none is at hand")
            )
            raise UndecidedError(
                code, f"the agreement wants verdicts in the log {agreed}, and {said}", hint="give its policy with --policy"
            )
        if self.asked.seen is None:
            return  # nobody asked
        if self.asked.told is not None:  # first: what it tells of the log is so or not, whether the bundle is in it or not
            step.lines += self.asked.told(needed(self._case), needed(self._papers))
        found = self.asked.seen(needed(self._files)[MANIFEST_NAME])
        step.lines += found.lines
        if found.superseded:
            raise UndecidedError("superseded", found.superseded, hint="ask for the newer one")

    def _collected(self, step: Step) -> None:
        if self.asked.again is None:
            return  # nobody asked
        case = needed(self._case)
        found = self.asked.again(case)
        step.state = found.state
        step.lines += found.lines
        if self._closed() and found.evidence:  # what is withheld was seen now: the rulings that rest on it can be given
            there = {(piece.collector, piece.subject) for piece in case.evidence}
            more = tuple(piece for piece in found.evidence if (piece.collector, piece.subject) not in there)
            whole = rejudged(replace(case, evidence=(*case.evidence, *more)), needed(self._papers), self.standard)
            changes = rederiving.statuses(whole, needed(self.out.attested))
            step.lines.append("judged with what was collected now in the place of what is withheld:")
            step.lines += changes or [f"all {len(whole.rulings)} rulings are as stated"]
            if changes:
                step.state = State.OPEN if made_by(needed(self.out.attested)) else State.FAILED
        step.code = {State.FAILED: "differs", State.OPEN: "seen-otherwise"}.get(step.state, "")
        if found.evidence and step.state is not State.HOLDS:
            self._broken_now(step, replace(case, manifest=replace(case.manifest, owed=found.owed), evidence=found.evidence))

    def _broken_now(self, step: Step, fresh: CaseFiles) -> None:
        """Say what is broken by the evidence that was collected now, and is not stated so, whoever made the other."""
        attested = needed(self.out.attested)
        found = broken_here(attested, rejudged(fresh, needed(self._papers), self.standard))
        if found:
            step.state, step.code = State.FAILED, "found-broken"
            step.lines.append(f"collected and judged again it is broken: {listed(found)}")

    def _captured(self, step: Step) -> None:
        if self.asked.captures:
            hint = "captures are not collected by this version"
            raise UndecidedError("no-captures", "the bundle holds no evidence from captures", hint=hint)

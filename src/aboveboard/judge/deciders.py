"""One function for each way to decide a clause: the case and the clause in, a ruling out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from aboveboard.judge.case import Case, by_standing, matches
from aboveboard.judge.reconcile import knows, reconcile
from aboveboard.judge.requirements import (
    Shortfall,
    access_shortfall,
    contradicted,
    custody_shortfall,
    doubt_shortfall,
    records_shortfall,
    shortfall,
)
from aboveboard.model.canonical import JSON
from aboveboard.model.declaration import SECTIONS
from aboveboard.model.facts import Fact, Gap, Standing
from aboveboard.model.standard import Clause, FactPattern, How
from aboveboard.model.verdict import Reason, Ruling, Status

MET_WORDING = "no contradiction found at this access and coverage"


class _Bench:
    """Makes rulings on one clause."""

    def __init__(self, case: Case, clause: Clause) -> None:
        self.case = case
        self.clause = clause
        self.required = clause.id in case.profile.required

    def rule(
        self,
        status: Status,
        reason: Reason,
        explanation: str,
        facts: Sequence[Fact] = (),
        gaps: Sequence[Gap] = (),
        notes: Sequence[str] = (),
    ) -> Ruling:
        return Ruling(self.clause.id, self.required, status, reason, explanation, tuple(facts), tuple(gaps), tuple(notes))

    def broken(self, reason: Reason, explanation: str, facts: Sequence[Fact], notes: Sequence[str] = ()) -> Ruling:
        return self.rule(Status.BROKEN, reason, explanation, facts, (), notes)

    def not_shown(
        self,
        reason: Reason,
        explanation: str,
        facts: Sequence[Fact] = (),
        gaps: Sequence[Gap] = (),
        notes: Sequence[str] = (),
    ) -> Ruling:
        return self.rule(Status.NOT_SHOWN, reason, explanation, facts, gaps, notes)

    def met_unless(self, wanting: Shortfall | None, facts: Sequence[Fact] = (), notes: Sequence[str] = ()) -> Ruling:
        # what was lost comes first, and what speaks against it: a person who reads only "wanting" would not look for it
        first = custody_shortfall(self.case, self.clause) or doubt_shortfall(self.case, self.clause)
        wanting = first or wanting or access_shortfall(self.case, self.clause)
        if wanting is not None:
            return self.not_shown(wanting.reason, wanting.explanation, facts, wanting.gaps, notes)
        return self.rule(Status.MET, Reason.NO_CONTRADICTION, MET_WORDING, facts, (), notes)


def forbid(case: Case, clause: Clause) -> Ruling:
    """Rule on what is forbidden even if declared: one confirmed fact breaks it, a candidate keeps it open."""
    bench = _Bench(case, clause)
    facts = case.facts(clause)
    confirmed = by_standing(facts, Standing.CONFIRMED)
    if confirmed:
        return bench.broken(Reason.FORBIDDEN, f"{_count(confirmed)} active as shipped", confirmed)
    candidates = by_standing(facts, Standing.CANDIDATE)
    if candidates:
        text = f"{_count(candidates)} whose use is not decided: candidates, which accuse nobody"
        return bench.not_shown(Reason.UNRESOLVED_CANDIDATE, text, candidates)
    return bench.met_unless(shortfall(case, clause))


def reconciled(case: Case, clause: Clause) -> Ruling:
    """Rule on what must be declared: observed and undeclared breaks it, without a declaration nothing is undeclared."""
    bench = _Bench(case, clause)
    facts = [fact for fact in case.facts(clause) if fact.standing is not Standing.OBSERVED]
    section, match, declaration = clause.decision.section, clause.decision.match, case.declaration
    if declaration is None or section not in declaration.sections:
        text = f"the supplier declared nothing under {section}, so nothing is undeclared"
        return bench.not_shown(Reason.NOT_DECLARED, text, facts)
    outcome = reconcile(facts, declaration.sections[section], match)
    looked = clause.decision.evidence or case.records_on(clause)  # where nobody looked, nothing was "not observed"
    notes = tuple(f"declared, not observed: {name}" for name in outcome.not_observed if looked)
    elsewhere = case.manifest.digest not in declaration.images
    if elsewhere:
        notes = ("the declaration speaks of other images than this one, an earlier release perhaps", *notes)
    # a fact that does not know what is to be compared accuses nobody: it stays open
    comparable = [fact for fact in outcome.undeclared if knows(fact, match)]
    confirmed = by_standing(comparable, Standing.CONFIRMED)
    if confirmed:
        return bench.broken(Reason.UNDECLARED, f"{_count(confirmed)} active as shipped and not declared", confirmed, notes)
    if outcome.undeclared:
        text = f"{_count(outcome.undeclared)} not declared, whose use is not decided: candidates, which accuse nobody"
        return bench.not_shown(Reason.UNRESOLVED_CANDIDATE, text, outcome.undeclared, (), notes)
    if elsewhere:
        text = "nothing contradicts the declaration, but it speaks of other images than this one"
        return bench.not_shown(Reason.NOT_DECLARED, text, facts, (), notes)
    return bench.met_unless(shortfall(case, clause), facts, notes)


def covered(case: Case, clause: Clause) -> Ruling:
    """Rule on the coverage of the image (EV-10)."""
    bench = _Bench(case, clause)
    missing = case.missing({item.collector for item in case.manifest.owed})
    if missing:
        return bench.not_shown(Reason.NO_EVIDENCE, f"{len(missing)} pieces of evidence that the run owes are missing")
    return bench.met_unless(shortfall(case, clause))


def calibrated(case: Case, clause: Clause) -> Ruling:
    """Rule on the known answers (EV-11): a planted case that was missed breaks it."""
    bench = _Bench(case, clause)
    missed = sorted(
        {
            piece.collector
            for piece in case.evidence.values()
            if piece.calibration is not None and piece.calibration.found < piece.calibration.planted
        }
    )
    if missed:
        return bench.broken(Reason.KNOWN_ANSWER_MISSED, f"planted known answers missed by: {', '.join(missed)}", ())
    collectors = {item.collector for item in case.manifest.owed}
    if not collectors or case.missing(collectors):
        return bench.not_shown(Reason.NO_EVIDENCE, "evidence that the run owes is missing")
    wanting = case.uncalibrated(collectors)
    if wanting:
        return bench.not_shown(Reason.UNCALIBRATED, f"no known answers for: {', '.join(wanting)}")
    return bench.met_unless(None)


def declared(case: Case, clause: Clause) -> Ruling:
    """Rule on the declaration itself (GV-02): complete, bound to this image, and nothing in it shown false."""
    bench = _Bench(case, clause)
    declaration = case.declaration
    if declaration is None:
        return bench.not_shown(Reason.NOT_DECLARED, "no declaration was given")
    if case.manifest.digest not in declaration.images:
        return bench.not_shown(Reason.NOT_DECLARED, "the declaration does not name this image's digest")
    denied = [fact for fact in case.facts(clause) if _denied(declaration.sections, fact)]
    false = by_standing(denied, Standing.CONFIRMED)
    if false:
        return bench.broken(Reason.DECLARED_FALSELY, f"{_count(false)} where the declaration says there is none", false)
    candidates = by_standing(denied, Standing.CANDIDATE)
    if candidates:
        text = f"{_count(candidates)} where the declaration says there is none: candidates, which accuse nobody"
        return bench.not_shown(Reason.UNRESOLVED_CANDIDATE, text, candidates)
    still_open = declaration.open_places()
    if still_open:
        text = f"{len(still_open)} places of the declaration are still to be completed; first: {still_open[0]}"
        return bench.not_shown(Reason.NOT_DECLARED, text)
    absent = [section for section in SECTIONS if section not in declaration.sections]
    if absent:
        return bench.not_shown(Reason.NOT_DECLARED, f"sections missing from the declaration: {', '.join(absent)}")
    return bench.met_unless(shortfall(case, clause))


def valid(case: Case, clause: Clause) -> Ruling:
    """Rule on validity (GV-10): image, rules and time are named; evidence does not age within its run."""
    bench = _Bench(case, clause)
    if not case.manifest.digest:
        return bench.not_shown(Reason.NO_EVIDENCE, "the run names no image")
    return bench.met_unless(shortfall(case, clause))


def recorded(case: Case, clause: Clause) -> Ruling:
    """Rule on what only a person or laboratory can record."""
    bench = _Bench(case, clause)
    return bench.met_unless(records_shortfall(case, clause))


def pending(case: Case, clause: Clause) -> Ruling:
    """Rule on what no collector of this version gives evidence for: a record can break it, none can make it met."""
    wanting = records_shortfall(case, clause)
    text = f"no collector of this version gives evidence for it{f'; also {wanting.explanation}' if wanting else ''}"
    return _Bench(case, clause).not_shown(Reason.NO_EVIDENCE, text)


def decide(case: Case, clause: Clause) -> Ruling:
    """Rule on a clause in its own way; then a record that contradicts it breaks it, and the records are named."""
    ruling = DECIDERS[clause.decision.how](case, clause)
    against = contradicted(case, clause)
    if against and ruling.status is not Status.BROKEN:
        facts = [record.as_fact() for record in against]
        ruling = _Bench(case, clause).broken(Reason.RECORDED, against[0].explanation, facts, ruling.notes)
    lines = (record.line() for record in case.records_on(clause))
    return replace(ruling, notes=(*ruling.notes, *lines))


DECIDERS: dict[How, Callable[[Case, Clause], Ruling]] = {
    How.FORBID: forbid,
    How.RECONCILE: reconciled,
    How.COVERAGE: covered,
    How.CALIBRATION: calibrated,
    How.DECLARATION: declared,
    How.VALIDITY: valid,
    How.RECORD: recorded,
    How.PENDING: pending,
}

# Which facts the statement "none" in a section denies: those that the section would permit, and no others.
DENIES: dict[str, tuple[FactPattern, ...]] = {
    "services": (FactPattern("listener", {}),),
    "accounts": tuple(
        FactPattern(kind, {}) for kind in ("account", "default-login", "authorised-key", "snmp-community", "token")
    ),
    "destinations": (FactPattern("destination", {}),),
    "debug": (FactPattern("debug-access", {}),),
    "traffic": (FactPattern("carried-traffic", {"what": ("mirror", "tunnel", "capture", "port-forward")}),),
    "remote_support": (FactPattern("carried-traffic", {"what": ("remote-management", "remote-access")}),),
}


def _denied(sections: Mapping[str, Sequence[Mapping[str, JSON]]], fact: Fact) -> bool:
    return any(
        matches(fact, pattern)
        for section, patterns in DENIES.items()
        if section in sections and not sections[section]
        for pattern in patterns
    )


def _count(facts: Sequence[Fact]) -> str:
    """Return how many of each kind: `3 x account, 1 x token`."""
    counts: dict[str, int] = {}
    for fact in facts:
        counts[fact.kind] = counts.get(fact.kind, 0) + 1
    return ", ".join(f"{counts[kind]} x {kind}" for kind in sorted(counts))

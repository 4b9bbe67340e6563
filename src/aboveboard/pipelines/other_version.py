"""What must hold of a verdict whatever version of Aboveboard gave it.

Which version that was is the word of whoever sealed the verdict. So it excuses other words, and rulings that other rules
may well give: these stay open. It excuses nothing that no rules give: a verdict that is not about these inputs, a result
that does not follow from its own rulings, what is broken by a fact that lies there for everybody to see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from aboveboard import __version__
from aboveboard.judge.case import Case
from aboveboard.judge.judge import count_line, expiry, product_result
from aboveboard.judge.reach import no_rules_meet
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.record import DERIVED
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Ruling, Status, Verdict
from aboveboard.pipelines.tools import judging
from aboveboard.report import statements
from aboveboard.trust import attestation
from aboveboard.trust.attestation import Attested
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import parse_json

NAMED = 8  # clauses that a message lists
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+]{0,39}", re.ASCII)
_BOUND = ("at", "by", "standard", "profile", "confined")  # parts of the predicate that no rule has a say in
_WORDS = ("wording", "not_seen_by_any_analysis")


def made_by(attested: Attested) -> str:
    """Return with what a verdict says that it was made, where that is not what is here; else nothing."""
    tools = attested.form.tools
    if (tools.aboveboard, tools.judge) == (__version__, judging()):
        return ""
    claimed = f"Aboveboard {tools.aboveboard[:40]}, {tools.judge[:19]}"
    return f" (it says that it was made by {claimed}; here is {__version__}, {judging()[:19]})"


def version_of(attested: Attested) -> str:
    """Return the version that a report names: the one that is claimed, where it is a version and no other text."""
    claimed = attested.form.tools.aboveboard
    return claimed if _VERSION.fullmatch(claimed) else __version__


def changes(attested: Attested, verdict: Verdict, left_out: Collection[str] = ()) -> list[str]:
    """Return what of the stated rulings another verdict rules otherwise, as `NB-01 met became broken (forbidden)`."""
    stated = {one.clause: (one.status, one.reason) for one in attested.form.clauses}
    return [
        f"{ruling.clause} {stated[ruling.clause][0].value} became {ruling.status.value} ({ruling.reason.value})"
        for ruling in verdict.rulings
        if ruling.clause not in left_out
        and ruling.clause in stated
        and stated[ruling.clause] != (ruling.status, ruling.reason)
    ]


def listed(found: list[str]) -> str:
    """Return the first of some changes, and how many more there are."""
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def broken_here(attested: Attested, verdict: Verdict) -> list[str]:
    """Return the changes to *broken*: what the rules here find broken, and the verdict does not call so."""
    broken = {ruling.clause for ruling in verdict.rulings if ruling.status is Status.BROKEN}
    stated = {one.clause for one in attested.form.clauses if one.status is Status.BROKEN}
    kept = {ruling.clause for ruling in verdict.rulings} - (broken - stated)
    return changes(attested, verdict, kept)


def differences(
    case: Case, verdict: Verdict, standard: Standard, attested: Attested, document: bytes | None, unseen: Collection[str]
) -> list[str]:
    """Return what is stated otherwise than it is here and may be so by other rules; raises RefusedError for all else.

    `verdict` is the one that is given here; `unseen` are clauses that rest on withheld evidence. Steps: 1 the verdict
    document says what the attestation says; 2 it is about these inputs; 3 result, count and end follow from its rulings; 4
    what is found broken here is stated broken; 5 nothing is met that no rules meet; 6 nothing is broken by no fact.
    """
    value = None if document is None else parse_json(document)
    if value is not None and not _says(value, attested):  # 1
        raise RefusedError("differs", "the verdict does not say what its attestation says")
    _bound(case, verdict, attested)  # 2
    if value is not None and not _sets_aside(value, verdict):
        raise RefusedError("differs", "the verdict sets other records aside than the manifest of the run")
    _follows(case, verdict, standard, attested)  # 3
    found = broken_here(attested, verdict)
    if found:  # 4
        hint = "read the facts with `aboveboard inspect`; no other version makes them go away"
        raise RefusedError("found-broken", f"the rules here find broken what is not stated so: {listed(found)}", hint=hint)
    status = {one.clause: one.status for one in attested.form.clauses}
    for clause in standard.clauses:  # 5
        why = no_rules_meet(case, clause) if status[clause.id] is Status.MET else None
        if why is not None:
            raise RefusedError("differs", f"{clause.id} is stated as met, and by no rules is it: {why}")
    if isinstance(value, Mapping):
        _on_facts(case, verdict, status, value, unseen)  # 6
    ours = attestation.predicate(verdict, "", {}, {}, {})
    words = [f"{name} in other words" for name in _WORDS if canonical(ours[name]) != canonical(attested.predicate[name])]
    return [*changes(attested, verdict, unseen), *words]


def holds(name: str, data: bytes, attested: Attested) -> None:
    """Raise RefusedError where a report or export says something else than the verdict, as far as it can be read."""
    form = attested.form
    wrong = statements.against(
        statements.said(name, data), form.result, form.count, {one.clause: one.status for one in form.clauses}
    )
    if wrong is not None:
        raise RefusedError("differs", f"{name} does not say what the verdict says: {wrong}")


def _says(value: JSON, attested: Attested) -> bool:
    try:
        document: Any = value
        inputs, told = document["inputs"], dict(attested.predicate)
        said = {
            name: document[name]
            for name in ("at", "expires", "result", "count", "coverage", "standard", "profile", *_WORDS)
        }
        said |= {"confined": inputs["confined"], "by": inputs["by"]}
        said["inputs"] = {name: inputs[name] for name in ("manifest", "agreement", "declaration", "records")}
        fields = ("clause", "required", "status", "reason")
        said["clauses"] = [{name: ruling[name] for name in fields} for ruling in document["rulings"]]
        name, digest = next(iter(attested.subject.items()))
        about = (document["subject"]["name"] or "image", document["subject"]["digest"])
        return canonical(said) == canonical({key: told[key] for key in said}) and about == (name, f"sha256:{digest}")
    except (KeyError, TypeError, IndexError):
        return False


def _sets_aside(value: JSON, verdict: Verdict) -> bool:
    """Tell whether a verdict document names the records that are set aside, as far as its version knows of such."""
    document: Any = value
    told = document["inputs"].get("set_aside")
    return told is None or canonical(told) == canonical(verdict.inputs["set_aside"])


def _bound(case: Case, verdict: Verdict, attested: Attested) -> None:
    told = attested.predicate
    ours = attestation.predicate(verdict, case.manifest.by, {}, {}, {})
    wrong = [name for name in _BOUND if canonical(ours[name]) != canonical(told[name])]
    if case.account() is not None and canonical(ours["coverage"]) != canonical(told["coverage"]):
        wrong.append("coverage")
    inputs, stated = verdict.inputs, attested.form.inputs
    wrong += [name for name in ("manifest", "agreement", "declaration") if inputs[name] != getattr(stated, name)]
    if not {record.digest for record in case.records if record.role != DERIVED} <= set(stated.records):
        wrong.append("records")
    if [(one.clause, one.required) for one in attested.form.clauses] != [(r.clause, r.required) for r in verdict.rulings]:
        wrong.append("clauses")
    if attestation.subject(verdict) != dict(attested.subject):
        wrong.append("image")
    if wrong:
        raise RefusedError("differs", f"the verdict is not about what lies here: {', '.join(wrong)}")


def _follows(case: Case, verdict: Verdict, standard: Standard, attested: Attested) -> None:
    form = attested.form
    status = {one.clause: one.status for one in form.clauses}
    rulings = [replace(ruling, status=status[ruling.clause]) for ruling in verdict.rulings]
    result = product_result(rulings, {clause.id: clause.severity for clause in standard.clauses})
    if (form.result, form.count) != (result, count_line(rulings)):
        text = f"from its own rulings follows {result.value.replace('-', ' ')}: {count_line(rulings)}"
        raise RefusedError("differs", f"{text}; it says {form.result.value.replace('-', ' ')}: {form.count}"[:500])
    latest = expiry(case, (), ())
    if form.expires > latest:
        raise RefusedError(
            "differs", f"it says that it is good until {form.expires}, and no verdict here is after {latest}"
        )


def _on_facts(
    case: Case, verdict: Verdict, status: Mapping[str, Status], document: Mapping[str, Any], unseen: Collection[str]
) -> None:
    """Raise RefusedError for a clause that is stated broken, and not here, by facts that are not in the bundle (law 1)."""
    there = {canonical(fact.to_json()) for piece in case.evidence.values() for fact in piece.facts}
    records = {record.digest for record in case.records}
    again = {ruling.clause: ruling.status for ruling in verdict.rulings}
    for ruling in document["rulings"]:
        clause = ruling["clause"]
        if status[clause] is not Status.BROKEN or again[clause] is Status.BROKEN or clause in unseen:
            continue
        facts = ruling.get("facts")
        if not any(_known(fact, there, records) for fact in (facts if isinstance(facts, list) else [])):
            raise RefusedError("differs", f"{clause} is stated as broken, by no fact that is in the bundle")


def _known(fact: Any, there: Collection[bytes], records: Collection[str]) -> bool:
    data = fact.get("data") if isinstance(fact, dict) else None
    cited = {data.get("digest"), data.get("record")} if isinstance(data, dict) else set()
    return canonical(fact) in there or any(isinstance(one, str) and one in records for one in cited)


def with_stated(verdict: Verdict, attested: Attested) -> tuple[Ruling, ...]:
    """Return the rulings with the statuses and reasons that are stated."""
    return tuple(
        replace(ruling, status=one.status, reason=one.reason)
        for ruling, one in zip(verdict.rulings, attested.form.clauses, strict=True)
    )

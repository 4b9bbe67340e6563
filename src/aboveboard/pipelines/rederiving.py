"""Holds a verdict that was sealed against the one that follows from the bundle: the same bytes, or what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aboveboard import __version__
from aboveboard.judge.judge import count_line, product_result
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Ruling, Verdict
from aboveboard.pipelines import case_files
from aboveboard.pipelines.tools import judging
from aboveboard.trust import attestation
from aboveboard.trust.attestation import Attested
from aboveboard.trust.refusal import RefusedError, UndecidedError

NAMED = 8  # clauses that a message lists


def same_rules(attested: Attested, standard: Standard) -> None:
    """Raise UndecidedError where the verdict was given under another edition of the standard than is here."""
    stated = attested.form.standard
    if stated.digest != standard.digest:
        raise UndecidedError(
            "other-standard",
            f"judged by standard {stated.version} of {stated.date}, and here is {standard.version} of {standard.date}",
            hint="verify it with the Aboveboard that has that edition",
        )


def whole(verdict: Verdict, made: Mapping[str, bytes], files: Mapping[str, bytes], attested: Attested) -> None:
    """Raise RefusedError where anything differs. `made` are the files that follow from the verdict given again.

    Steps: 1 the verdict, byte for byte; 2 the predicate; 3 what was made for people and other programs.
    """
    if files.get(case_files.VERDICT) != made[case_files.VERDICT]:  # 1
        raise RefusedError("differs", f"judged again it is another verdict: {_differing(attested, verdict)}{_by(attested)}")
    _predicate(verdict, attested)  # 2
    for name in sorted(made):  # 3
        if files.get(name) == made[name]:
            continue
        if _by(attested):  # another version may well render otherwise what is the same
            raise UndecidedError(
                "other-version", f"{name} was not made again{_by(attested)}", hint="verify it with that copy of Aboveboard"
            )
        raise RefusedError("differs", f"{name} does not say what the verdict says")


def _predicate(verdict: Verdict, attested: Attested) -> None:
    """Hold the predicate against the verdict; the digests of its files were held against the files before."""
    tools = attested.predicate["tools"]
    body = attestation.predicate(
        verdict,
        attested.form.by,
        tools if isinstance(tools, Mapping) else {},
        {one.name: one.sha256 for one in attested.form.files if isinstance(one.sha256, str)},
        {one.name: one.salted for one in attested.form.files if isinstance(one.salted, str)},
    )
    if canonical(body) != canonical(dict(attested.predicate)) or attestation.subject(verdict) != dict(attested.subject):
        raise RefusedError("differs", "the attestation does not say what the verdict says")


def partly(verdict: Verdict, standard: Standard, attested: Attested, open_clauses: Collection[str]) -> None:
    """Raise RefusedError where what can be given again without the withheld evidence differs.

    Steps: 1 each clause that does not rest on it; 2 the clauses that are asked, and the inputs; 3 the result and the count
    follow from the rulings that are stated; 4 it does not claim to hold for longer.
    """
    stated = {one.clause: one for one in attested.form.clauses}
    again = {ruling.clause: ruling for ruling in verdict.rulings}
    if list(stated) != list(again):
        raise RefusedError("differs", "it rules on other clauses than the standard has")
    for clause, ruling in again.items():
        one = stated[clause]
        if one.required != ruling.required or (  # 2
            clause not in open_clauses and (one.status, one.reason) != (ruling.status, ruling.reason)  # 1
        ):
            raise RefusedError(
                "differs", f"judged again it is another verdict: {_differing(attested, verdict, open_clauses)}"
            )
    inputs, form = verdict.inputs, attested.form.inputs
    named: dict[str, JSON] = {
        "manifest": form.manifest,
        "agreement": form.agreement,
        "declaration": form.declaration,
        "records": list(form.records),
    }
    if any(inputs[name] != value for name, value in named.items()):
        raise RefusedError("differs", "it was given from another manifest, other records or another agreement")
    rulings = [Ruling(one.clause, one.required, one.status, one.reason, "") for one in attested.form.clauses]
    severity = {clause.id: clause.severity for clause in standard.clauses}
    if (product_result(rulings, severity), count_line(rulings)) != (attested.form.result, attested.form.count):  # 3
        raise RefusedError("differs", "the result does not follow from the rulings")
    if attested.form.expires > verdict.expires:  # 4
        raise RefusedError("differs", f"it claims to hold until {attested.form.expires}, and ends on {verdict.expires}")


def _differing(attested: Attested, verdict: Verdict, left_out: Collection[str] = ()) -> str:
    stated = {one.clause: (one.status, one.reason) for one in attested.form.clauses}
    found = [
        f"{ruling.clause} {stated[ruling.clause][0].value} became {ruling.status.value} ({ruling.reason.value})"
        for ruling in verdict.rulings
        if ruling.clause not in left_out
        and ruling.clause in stated
        and stated[ruling.clause] != (ruling.status, ruling.reason)
    ]
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more if found else "the same rulings, with other facts or words"


def _by(attested: Attested) -> str:
    """Return with what it was made, where that is not what is here."""
    tools = attested.form.tools
    if (tools.aboveboard, tools.judge) == (__version__, judging()):
        return ""
    return f" (it was made by Aboveboard {tools.aboveboard}, {tools.judge[:19]}; here is {__version__}, {judging()[:19]})"

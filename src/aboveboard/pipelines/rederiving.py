"""Holds a verdict that was sealed against the one that follows from the bundle: the same bytes, or what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from aboveboard import __version__
from aboveboard.judge.case import Case
from aboveboard.judge.judge import count_line, expiry, product_result
from aboveboard.judge.reach import may_become
from aboveboard.model.canonical import canonical
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Verdict
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
            text = f"nothing shows that {name} says what the verdict says{_by(attested)}"
            raise UndecidedError("other-version", text, hint="do not read it, or verify it with that copy of Aboveboard")
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


def partly(case: Case, verdict: Verdict, standard: Standard, attested: Attested, open_clauses: Collection[str]) -> None:
    """Raise RefusedError where what is stated does not follow, as far as that shows without the withheld evidence.

    Steps: 1 each clause that does not rest on what is withheld; 2 each that does is one that more evidence could give; 3
    all else of the predicate, byte for byte: what follows from rulings follows from those that are stated, and the coverage
    is stated where the account of the image itself is withheld.
    """
    stated = {one.clause: one for one in attested.form.clauses}
    again = {ruling.clause: ruling for ruling in verdict.rulings}
    if list(stated) != list(again):
        raise RefusedError("differs", "it rules on other clauses than the standard has")
    for clause in standard.clauses:
        one, ruling = stated[clause.id], again[clause.id]
        same = (one.status, one.reason) == (ruling.status, ruling.reason)
        if clause.id not in open_clauses and not same:  # 1
            found = _differing(attested, verdict, open_clauses)
            raise RefusedError("differs", f"judged again it is another verdict: {found}")
        if not may_become(case, clause, ruling, one.status):  # 2
            seen = f"{ruling.status.value}: {ruling.explanation}"[:200]
            raise RefusedError("differs", f"{clause.id} is stated as {one.status.value}, and what is visible says {seen}")
    _predicate(_with_stated(case, verdict, standard, attested), attested)  # 3


def _with_stated(case: Case, verdict: Verdict, standard: Standard, attested: Attested) -> Verdict:
    form = attested.form
    severity = {clause.id: clause.severity for clause in standard.clauses}
    rulings = tuple(
        replace(ruling, status=one.status, reason=one.reason)
        for ruling, one in zip(verdict.rulings, form.clauses, strict=True)
    )
    return replace(
        verdict,
        rulings=rulings,
        result=product_result(rulings, severity),
        count=count_line(rulings),
        expires=expiry(case, standard.clauses, rulings),
        coverage=verdict.coverage if case.account() is not None else form.coverage,
    )


def statuses(verdict: Verdict, attested: Attested) -> list[str]:
    """Return what of the stated rulings another verdict rules otherwise, as `NB-01 met became broken (forbidden)`."""
    return _changes(attested, verdict, ())


def _differing(attested: Attested, verdict: Verdict, left_out: Collection[str] = ()) -> str:
    found = _changes(attested, verdict, left_out)
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more if found else "the same rulings, with other facts or words"


def _changes(attested: Attested, verdict: Verdict, left_out: Collection[str]) -> list[str]:
    stated = {one.clause: (one.status, one.reason) for one in attested.form.clauses}
    return [
        f"{ruling.clause} {stated[ruling.clause][0].value} became {ruling.status.value} ({ruling.reason.value})"
        for ruling in verdict.rulings
        if ruling.clause not in left_out
        and ruling.clause in stated
        and stated[ruling.clause] != (ruling.status, ruling.reason)
    ]


def _by(attested: Attested) -> str:
    """Return with what it was made, where that is not what is here."""
    tools = attested.form.tools
    if (tools.aboveboard, tools.judge) == (__version__, judging()):
        return ""
    return f" (it was made by Aboveboard {tools.aboveboard}, {tools.judge[:19]}; here is {__version__}, {judging()[:19]})"

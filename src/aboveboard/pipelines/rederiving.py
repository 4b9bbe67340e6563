"""Holds a verdict that was sealed against the one that follows from the bundle: the same bytes, or what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from aboveboard.judge.case import Case
from aboveboard.judge.judge import count_line, expiry, product_result
from aboveboard.judge.reach import may_become
from aboveboard.model.canonical import canonical
from aboveboard.model.standard import Standard
from aboveboard.model.verdict import Verdict
from aboveboard.pipelines import case_files, other_version
from aboveboard.pipelines.other_version import changes, listed, made_by
from aboveboard.trust import attestation
from aboveboard.trust.attestation import Attested
from aboveboard.trust.refusal import RefusedError, UndecidedError

SAME = "verify it with that copy of Aboveboard, or have it judged and sealed anew"


def same_rules(attested: Attested, standard: Standard) -> None:
    """Raise UndecidedError where the verdict was given under another edition of the standard than is here."""
    stated = attested.form.standard
    if stated.digest != standard.digest:
        raise UndecidedError(
            "other-standard",
            f"judged by standard {stated.version} of {stated.date}, and here is {standard.version} of {standard.date}",
            hint="verify it with the Aboveboard that has that edition",
        )


def whole(
    case: Case,
    verdict: Verdict,
    standard: Standard,
    attested: Attested,
    made: Mapping[str, bytes],
    files: Mapping[str, bytes],
) -> None:
    """Raise RefusedError where anything differs. `made` are the files that follow from the verdict given again.

    Steps: 1 the verdict, byte for byte, and the predicate; 2 what was made for people and other programs. Where another
    version is said to have made it, what may be so by other rules or in other words is left undecided (`other_version`).
    """
    unlike = [name for name in sorted(made) if files.get(name) != made[name]]
    by = made_by(attested)
    if by:
        _by_another(case, verdict, standard, attested, unlike, files)
        return
    if case_files.VERDICT in unlike:  # 1
        raise RefusedError("differs", f"judged again it is another verdict: {_differing(attested, verdict)}")
    _predicate(verdict, attested)
    if unlike:  # 2
        raise RefusedError("differs", f"{unlike[0]} does not say what the verdict says")


def _by_another(
    case: Case,
    verdict: Verdict,
    standard: Standard,
    attested: Attested,
    unlike: Sequence[str],
    files: Mapping[str, bytes],
) -> None:
    """Raise for what no version gives, and UndecidedError for what one may give."""
    found = other_version.differences(case, verdict, standard, attested, files.get(case_files.VERDICT, b""), ())
    derived = [name for name in unlike if name != case_files.VERDICT]
    for name in derived:
        other_version.holds(name, files.get(name, b""), attested)
    if found:
        raise UndecidedError("other-version", f"other rules may say so: {listed(found)}{made_by(attested)}", hint=SAME)
    if case_files.VERDICT in unlike:
        text = f"the rulings are the same, and nothing shows that their words and facts are{made_by(attested)}"
        raise UndecidedError("other-version", text, hint=SAME)
    _predicate(verdict, attested)
    if derived:
        text = f"nothing shows that {', '.join(derived)} says no more than the verdict{made_by(attested)}"
        raise UndecidedError("other-version", text, hint="do not read it, or verify it with that copy of Aboveboard")


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
    if made_by(attested):
        _partly_by_another(case, verdict, standard, attested, open_clauses)
        return
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


def _partly_by_another(
    case: Case, verdict: Verdict, standard: Standard, attested: Attested, open_clauses: Collection[str]
) -> None:
    found = other_version.differences(case, verdict, standard, attested, None, open_clauses)
    if found:
        raise UndecidedError("other-version", f"other rules may say so: {listed(found)}{made_by(attested)}", hint=SAME)


def _with_stated(case: Case, verdict: Verdict, standard: Standard, attested: Attested) -> Verdict:
    form = attested.form
    severity = {clause.id: clause.severity for clause in standard.clauses}
    rulings = other_version.with_stated(verdict, attested)
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
    return changes(attested, verdict)


def _differing(attested: Attested, verdict: Verdict, left_out: Collection[str] = ()) -> str:
    return listed(changes(attested, verdict, left_out)) or "the same rulings, with other facts or words"

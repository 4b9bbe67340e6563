"""Which evidence a clause rests on: what cannot be given again where that evidence is withheld."""

from __future__ import annotations

from aboveboard.judge.case import UNPACKING, Case
from aboveboard.judge.requirements import access_shortfall, custody_shortfall, doubt_shortfall, records_shortfall
from aboveboard.model.standard import Clause, How
from aboveboard.model.verdict import Ruling, Status

_ALL = (How.COVERAGE, How.CALIBRATION)  # of every piece that the run owes
_NONE = (How.RECORD, How.PENDING)  # records and nothing else


def rests_on(case: Case, clause: Clause) -> frozenset[str]:
    """Return the collectors whose evidence the ruling on a clause may depend on."""
    how = clause.decision.how
    if how in _NONE:
        return frozenset()
    if how in _ALL:
        return frozenset({UNPACKING, *(item.collector for item in case.manifest.owed)})
    return frozenset(case.collectors_behind(clause))


def no_rules_meet(case: Case, clause: Clause) -> str | None:
    """Return why a clause is met by no rules of any version, None where it may be.

    That follows from standard, agreement and what was handed in alone: whose evidence counts, the access, and whether there
    is any record of each kind that is wanted. What a record shows, for the clause or against it, and how much coverage
    there has to be, rules decide.
    """
    wanting = custody_shortfall(case, clause) or access_shortfall(case, clause)
    if wanting is not None:
        return wanting.explanation
    there = {record.kind for record in case.records_on(clause) if case.counts(record, clause)}
    lost = [wanted.text for wanted in clause.decision.records if wanted.kind not in there]
    return f"there is no record of {lost[0]}" if lost else None


def may_become(case: Case, clause: Clause, visible: Ruling, stated: Status) -> bool:
    """Tell whether more evidence than is visible could turn the ruling on a clause into the one that is stated.

    What is shown broken stays broken (law 2), and no evidence makes up for access, for a record that is wanting or speaks
    against it, or for a role that does not count.
    """
    if visible.status is Status.BROKEN:
        return stated is Status.BROKEN
    wanting = (
        custody_shortfall(case, clause)
        or doubt_shortfall(case, clause)
        or access_shortfall(case, clause)
        or records_shortfall(case, clause)
    )
    return stated is not Status.MET or wanting is None

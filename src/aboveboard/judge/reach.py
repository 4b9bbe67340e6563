"""Which evidence a clause rests on: what cannot be given again where that evidence is withheld."""

from __future__ import annotations

from aboveboard.judge.case import UNPACKING, Case
from aboveboard.model.standard import Clause, How

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

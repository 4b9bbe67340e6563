"""The clauses that hidden triggers serve: a candidate keeps them open, what was confirmed breaks, silence meets nothing."""

from __future__ import annotations

import pytest
from tests.judge.making import EVALUATOR, TREE, UNPACKING_OWED, account, fact, manifest, piece, ruling

from aboveboard.evidence.collectors import hidden_triggers
from aboveboard.model.facts import Fact, Standing
from aboveboard.model.manifest import Owed
from aboveboard.model.verdict import Reason, Status
from aboveboard.standard import reader

CLAUSES = {
    "NB-01": ("bypass", "command", "local"),
    "NB-02": ("secret",),
    "NB-08": ("packet",),
}
PAIRS = [(clause, what) for clause, several in CLAUSES.items() for what in several]


def ruled(clause_id: str, *facts: Fact) -> tuple[Status, Reason]:
    clause = reader.find_clause(reader.load(), clause_id)
    collectors = [name for name in clause.decision.evidence if name != "hidden_triggers"]
    owed = manifest(UNPACKING_OWED, *(Owed(name, 1, TREE) for name in clause.decision.evidence))
    pieces = [account(), piece("hidden_triggers", facts), *(piece(name) for name in collectors)]
    got = ruling(clause, pieces, owed=owed, profile=EVALUATOR)
    return got.status, got.reason


@pytest.mark.parametrize(("clause", "what"), PAIRS)
def test_a_candidate_keeps_the_clause_open(clause: str, what: str) -> None:
    found = ruled(clause, fact("hidden-trigger", Standing.CANDIDATE, what=what))
    assert found == (Status.NOT_SHOWN, Reason.UNRESOLVED_CANDIDATE)


@pytest.mark.parametrize(("clause", "what"), PAIRS)
def test_only_what_was_confirmed_breaks(clause: str, what: str) -> None:
    assert ruled(clause, fact("hidden-trigger", Standing.CONFIRMED, what=what)) == (Status.BROKEN, Reason.FORBIDDEN)


@pytest.mark.parametrize("clause", CLAUSES)
def test_silence_does_not_meet_it(clause: str) -> None:
    assert ruled(clause) == (Status.NOT_SHOWN, Reason.NEEDS_HUMAN)
    assert ruled(clause, fact("hidden-trigger", Standing.OBSERVED, what=CLAUSES[clause][0])) == ruled(clause)


def test_the_collector_serves_what_the_standard_names() -> None:
    named = {clause.id for clause in reader.load().clauses if "hidden_triggers" in clause.decision.evidence}
    assert named == set(CLAUSES) == set(hidden_triggers.CLAUSES)
    patterns = [p for c in reader.load().clauses for p in c.decision.facts if p.kind == "hidden-trigger"]
    every = {str(what) for pattern in patterns for what in pattern.when["what"]}
    assert every == {"bypass", "command", "local", "secret", "packet"}  # no kind of candidate is lost

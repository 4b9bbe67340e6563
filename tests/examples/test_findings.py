"""What Aboveboard says of the example: every seeded pattern by its own clause, and nothing broken in the control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.examples.seeds import EXAMPLES, table

from aboveboard.model.facts import Fact, Standing
from aboveboard.model.verdict import Status, Verdict
from aboveboard.pipelines.inspect import Inspected, Options, inspect
from aboveboard.pipelines.paper_files import Handed

PATTERNS: tuple[Any, ...] = table().PATTERNS
AT = "2026-01-01T00:00:00Z"


def run(edition: str, cache: Path) -> Inspected:
    handed = Handed(declaration=EXAMPLES / f"{edition}.declaration.yaml")
    options = Options("evaluator", AT, handed, jobs=2, cache=cache)
    return inspect(EXAMPLES / f"{edition}.bin", options, lambda _: None)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def seeded(cache: Path) -> Verdict:
    return run("router", cache).verdict


@pytest.fixture(scope="module")
def control(cache: Path) -> Verdict:
    return run("router-clean", cache).verdict


def facts_of(verdict: Verdict, clause: str) -> tuple[Fact, ...]:
    return next(ruling.facts for ruling in verdict.rulings if ruling.clause == clause)


def speaks_of(fact: Fact, kind: str, data: dict[str, str | int | bool]) -> bool:
    return fact.kind == kind and all(fact.data.get(key) == value for key, value in data.items())


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.id)
def test_each_seeded_pattern_is_found_by_its_own_clause(seeded: Verdict, pattern: Any) -> None:
    for clause in pattern.clauses:
        ruling = next(item for item in seeded.rulings if item.clause == clause)
        found = [fact for fact in ruling.facts if speaks_of(fact, pattern.kind, pattern.data)]
        assert found, f"{clause}: {[(fact.kind, dict(fact.data)) for fact in ruling.facts]}"
        assert ruling.status is Status.BROKEN


def test_no_clause_is_broken_by_anything_that_was_not_seeded(seeded: Verdict) -> None:
    expected = [(pattern.kind, pattern.data) for pattern in PATTERNS] + [fact for p in PATTERNS for fact in p.also]
    for ruling in seeded.rulings:
        if ruling.status is Status.BROKEN:
            for fact in ruling.facts:
                if fact.standing is Standing.CONFIRMED:
                    assert any(speaks_of(fact, kind, data) for kind, data in expected), (ruling.clause, fact)


def test_the_control_breaks_nothing(control: Verdict) -> None:
    assert [(ruling.clause, ruling.explanation) for ruling in control.rulings if ruling.status is Status.BROKEN] == []


def test_the_same_inputs_give_the_same_bytes(seeded: Verdict, tmp_path: Path) -> None:
    assert run("router", tmp_path / "other").verdict.to_json() == seeded.to_json()

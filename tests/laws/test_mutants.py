"""A judge that ignores gaps, the manifest or missing evidence fails its tests (all mutants: bench/mutants.py)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
IGNORING = {
    "gaps": ("_gaps", "not gaps -> True"),
    "missing evidence": ("_evidence", "missing -> False"),
    "the manifest": ("of", "debt is None -> False"),
    "collectors that never looked": ("_evidence", "unlooked -> False"),
    "calibration": ("_calibration", "wanting -> False"),
    "coverage": ("coverage_shortfall", "total <= 0 or explained * 1000 < total * limit -> False"),
    "broken seals": (
        "of",
        "debt.version != piece.version or not piece.intact() or kept.setdefault(key, piece).seal != piece.seal"
        " -> debt.version != piece.version or kept.setdefault(key, piece).seal != piece.seal",
    ),
    "the profile's access": (
        "met_unless",
        "first or wanting or access_shortfall(self.case, self.clause) -> first or wanting",
    ),
    "candidates": ("forbid", "candidates -> False"),
    "what was not declared": ("reconciled", "outcome.undeclared -> False"),
    "what kind of name it compares": ("_agrees", "key == 'host' -> key != 'host'"),
    "minor breaches": ("product_result", "broken -> False"),
}


@pytest.fixture(scope="module")
def bench() -> Iterator[tuple[Any, list[Any]]]:
    """Give the bench's module and all its mutants, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "bench"))
        module = importlib.import_module("mutants")
        yield module, list(module.mutants())
        sys.modules.pop("mutants", None)


@pytest.mark.parametrize("name", IGNORING)
def test_a_judge_that_ignores_it_is_noticed(name: str, bench: tuple[Any, list[Any]]) -> None:
    module, mutants = bench
    found = [mutant for mutant in mutants if (mutant.function, mutant.change) == IGNORING[name]]
    assert len(found) == 1
    assert not module.survives(found[0])

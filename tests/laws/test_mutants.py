"""A judge that ignores gaps, the manifest or missing evidence fails the laws (all mutants: bench/mutants.py)."""

from __future__ import annotations

import sys
from pathlib import Path

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
        "debt.version != piece.version or not piece.intact() or (key in kept and kept[key].seal != piece.seal)"
        " -> debt.version != piece.version or (key in kept and kept[key].seal != piece.seal)",
    ),
}


@pytest.mark.parametrize("name", IGNORING)
def test_a_judge_that_ignores_it_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    mutants = __import__("mutants")
    sys.modules.pop("mutants", None)
    function, change = IGNORING[name]
    found = [mutant for mutant in mutants.mutants() if (mutant.function, mutant.change) == (function, change)]
    assert len(found) == 1
    assert not mutants.survives(found[0])

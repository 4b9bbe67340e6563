"""The list of attacks on what is signed has 70 cases: each is tried in this folder, under its number."""

from __future__ import annotations

import re
from pathlib import Path

CASES = 70


def test_each_of_the_70_cases_is_tried_under_its_number() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("test_*.py")))
    tried: set[int] = set()
    for numbers in re.findall(r"^def test_((?:\d\d_)+)", text, re.MULTILINE):
        tried |= {int(number) for number in numbers.split("_") if number}
    assert tried >= set(range(1, CASES + 1)), sorted(set(range(1, CASES + 1)) - tried)

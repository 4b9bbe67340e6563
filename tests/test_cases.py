"""Every collector has an input on which it fires, one on which it stays silent, and a damaged one that gives no crash.

A case is a JSON file: `files` (path -> text, or {"base64": ...}), `links`, `needs` (facts), and what is expected: `facts`
as [kind, part of the data, standing] and `gaps` as causes. In `silent` nothing above `observed` may be found.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from aboveboard.evidence.collector import FileSubject, Needs
from aboveboard.evidence.confined import calibrate
from aboveboard.evidence.memory_tree import memory_tree
from aboveboard.evidence.registry import Listed, listed
from aboveboard.model.facts import Fact, Gap, Standing
from aboveboard.standard import reader

CASES = Path(__file__).parent / "cases"
KINDS = ("fires", "silent", "broken")
ALL = [
    (item.name, kind, path)
    for item in listed()
    for kind in KINDS
    for path in sorted((CASES / item.name / kind).glob("*.json"))
]


def content(value: Any) -> bytes:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else str(value).encode()


def collect(collector: Listed, case: dict[str, Any]) -> list[Fact | Gap]:
    files = {path: content(value) for path, value in case["files"].items()}
    needs = Needs(Fact.from_json(fact) for fact in case.get("needs", ()))
    if collector.subject == "file":
        return [found for data in files.values() for found in collector.module.collect(FileSubject(data), needs)]
    tree = memory_tree(files, links=case.get("links"), modes=case.get("modes"))
    return list(collector.module.collect(tree, needs))


@pytest.mark.parametrize("collector", listed(), ids=lambda item: item.name)
def test_each_collector_has_its_three_cases(collector: Listed) -> None:
    for kind in KINDS:
        assert list((CASES / collector.name / kind).glob("*.json")), f"{collector.name} has no case in {kind}"
    assert collector.module.__doc__
    assert collector.module.PLANTED
    assert set(collector.clauses) <= {clause.id for clause in reader.load().clauses}


@pytest.mark.parametrize(("name", "kind", "path"), ALL, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_case(name: str, kind: str, path: Path) -> None:
    collector = next(item for item in listed() if item.name == name)
    case = json.loads(path.read_text())
    found = collect(collector, case)
    facts = [item for item in found if isinstance(item, Fact)]
    assert {fact.kind for fact in facts} <= set(collector.emits)
    for wanted, data, standing in case.get("facts", ()):
        assert [
            fact
            for fact in facts
            if fact.kind == wanted
            and fact.standing.value == standing
            and all(fact.data.get(k) == v for k, v in data.items())
        ], f"{wanted} {data} {standing} not among {facts}"
    causes = {item.cause.value for item in found if isinstance(item, Gap)}
    assert set(case.get("gaps", ())) <= causes
    if kind == "silent":
        assert not [fact for fact in facts if fact.standing is not Standing.OBSERVED]
    if kind == "fires":
        assert case["facts"]


class Emitted:
    """Stands for the inside of the jail: takes what calibration emits."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def emit(self, value: Any) -> None:
        self.values.append(value)


@pytest.mark.parametrize("collector", listed(), ids=lambda item: item.name)
def test_each_collector_finds_its_planted_known_answers(collector: Listed) -> None:
    emitted = Emitted()
    calibrate(emitted, collector.name)  # type: ignore[arg-type]  # calibration only emits
    (value,) = emitted.values
    assert value["missed"] == []
    assert value["planted"] == value["found"] > 0

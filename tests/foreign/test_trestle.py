"""compliance-trestle takes the OSCAL of a sealed verdict, and refuses one that is incomplete or was tampered with."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.conftest import Read


@pytest.fixture(scope="module")
def document(stage: Path) -> Any:
    return json.loads((stage / "B" / "assessment-results.json").read_bytes())


def test_it_is_taken(trestle: Read, stage: Path, document: Any) -> None:
    found = trestle((stage / "B" / "assessment-results.json").read_bytes())
    (result,) = found.results
    verdict = json.loads((stage / "B" / "verdict.json").read_bytes())
    states = {one.target.target_id: one.target.status.state.value for one in result.findings}
    assert len(states) == len(verdict["rulings"]) == 60
    for ruling in verdict["rulings"]:
        assert (states[f"{ruling['clause']}_obj"] == "satisfied") is (ruling["status"] == "met")
    assert {ruling["status"] for ruling in verdict["rulings"]} == {"met", "broken", "not-shown"}
    assert [party.name for party in found.metadata.parties] == ["Acme", "Ministry"]


def test_what_trestle_writes_again_says_the_same(trestle: Read, stage: Path, document: Any) -> None:
    found = trestle((stage / "B" / "assessment-results.json").read_bytes())
    again = json.loads(found.oscal_serialize_json())["assessment-results"]
    for key in ("findings", "observations", "reviewed-controls"):
        mine = document["assessment-results"]["results"][0][key]
        assert len(again["results"][0][key]) == len(mine)
    first, second = (one["results"][0]["findings"] for one in (document["assessment-results"], again))
    assert [one["target"] for one in first] == [one["target"] for one in second]


Change = Callable[[Any], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("metadata"),
        lambda body: body.pop("import-ap"),
        lambda body: body.pop("results"),
        lambda body: body["results"].clear(),
        lambda body: body["results"][0].pop("reviewed-controls"),
        lambda body: body["results"][0]["findings"].clear(),
        lambda body: body["results"][0]["findings"][0].pop("target"),
        lambda body: body["results"][0]["findings"][0]["target"]["status"].update(state="met"),
        lambda body: body["results"][0]["findings"][0]["target"]["status"].update(state="not-shown"),
        lambda body: body["results"][0]["findings"][0].update(passed=True),
        lambda body: body["results"][0]["findings"][0].update(uuid="1"),
        lambda body: body["results"][0]["findings"][0].update(title="two\nlines"),
        lambda body: body["results"][0]["findings"][1].update(uuid=body["results"][0]["findings"][0]["uuid"]),
        lambda body: body["results"][0]["observations"][0].update(collected="2026-12-01T00:00:00"),
        lambda body: body["results"][0]["observations"][0].update(methods=[]),
        lambda body: body["results"][0]["observations"][0]["props"][0].update(value=""),
        lambda body: body["results"][0]["observations"][0]["props"][0].update(name="not a token"),
        lambda body: body["metadata"].update(title=""),
        lambda body: body["metadata"]["responsible-parties"][0].update({"role-id": "nobody"}),
    ],
)
def test_it_is_refused_when_changed(trestle: Read, document: Any, change: Change) -> None:
    tampered = copy.deepcopy(document)
    change(tampered["assessment-results"])
    with pytest.raises(ValueError):  # noqa: PT011  # pydantic's error, and that of the whole document
        trestle(json.dumps(tampered).encode())


def test_half_a_document_is_refused(trestle: Read, stage: Path) -> None:
    data = (stage / "B" / "assessment-results.json").read_bytes()
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        trestle(data[: len(data) // 2])

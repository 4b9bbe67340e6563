"""SARIF: the log is valid against what the 2.1.0 schema says of the parts that are used, closed to all others.

The schema's own file is OASIS's and is not in this tree; the shapes below are written from the specification (SARIF
version 2.1.0, OASIS Standard, 27 March 2020, the sections named).
"""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.judge.judge import judge
from aboveboard.model.evidence import Calibration, Evidence
from aboveboard.model.facts import Fact, Standing, Where
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.paths import show
from aboveboard.report.dossier import Dossier
from aboveboard.report.sarif import sarif
from aboveboard.standard import reader

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False}


def closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


URI = {"type": "string", "format": "uri-reference", "pattern": r"^[^\s<>\"\\]+$"}
REGION = closed(  # section 3.30
    {"startLine": {"type": "integer", "minimum": 1}, "byteOffset": {"type": "integer", "minimum": 0}}, []
)
LOCATION = closed(  # sections 3.28, 3.29, 3.32, 3.33
    {
        "physicalLocation": closed(
            {
                "artifactLocation": closed(
                    {"uri": {"type": "string", "format": "uri-reference", "pattern": r"^[^\s<>\"\\]+$"}}, ["uri"]
                ),
                "region": REGION,
                "address": closed({"absoluteAddress": {"type": "integer", "minimum": 0}}, []),
            },
            ["artifactLocation"],
        ),
        "logicalLocations": {
            "type": "array",
            "items": closed({"name": {"type": "string"}, "kind": {"type": "string"}}, []),
        },
    },
    [],
)
RESULT = closed(  # section 3.27
    {
        "ruleId": {"type": "string"},
        "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    ["message"],
)
RULE = closed(  # section 3.49
    {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "shortDescription": TEXT,
        "fullDescription": TEXT,
        "defaultConfiguration": closed({"level": {"enum": ["none", "note", "warning", "error"]}}, []),
    },
    ["id"],
)
RUN = closed(  # sections 3.14, 3.18, 3.19
    {
        "tool": closed(
            {
                "driver": closed(
                    {
                        "name": {"type": "string"},
                        "version": {"type": "string"},
                        "rules": {"type": "array", "items": RULE, "uniqueItems": True},
                    },
                    ["name"],
                )
            },
            ["driver"],
        ),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT},
    },
    ["tool"],
)
LOG = closed(  # section 3.13
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": RUN},
    },
    ["version", "runs"],
)


def log(facts: list[Fact]) -> Any:
    piece = Evidence.sealed("accounts", 2, "sha256:aa", facts, [], Calibration(1, 1))
    manifest = Manifest("i", "sha256:ff", 1, (Owed("accounts", 2, "sha256:aa"),))
    standard = reader.load()
    verdict = judge(manifest, [piece], standard, reader.find_profile(standard, "outsider"), None, "2026-01-01T00:00:00Z")
    return sarif(Dossier(verdict, standard, ()))


@settings(max_examples=60, deadline=None)
@given(
    path=st.text(min_size=1, max_size=30),
    line=st.none() | st.integers(1, 10**6),
    offset=st.none() | st.integers(0, 2**40),
    address=st.none() | st.integers(0, 2**64 - 1).map(hex),
    standing=st.sampled_from(Standing),
)
def test_any_fact_makes_a_valid_log(
    path: str, line: int | None, offset: int | None, address: str | None, standing: Standing
) -> None:
    where = Where(
        path="/" + show(path.encode("utf-8", "surrogatepass")), line=line, offset=offset, address=address, function=address
    )
    found = log(
        [Fact("account", where, {"name": path.encode("utf-8", "replace").decode(), "shared_secret": True}, standing)]
    )
    jsonschema.Draft7Validator(LOG).validate(found)
    assert len(found["runs"][0]["results"]) >= (standing is not Standing.OBSERVED)


@pytest.mark.parametrize("standing", [Standing.CONFIRMED, Standing.CANDIDATE])
def test_a_candidate_is_open_and_has_no_level(standing: Standing) -> None:
    results = log([Fact("account", Where(path="/etc/passwd", line=1), {"shared_secret": True}, standing)])["runs"][0][
        "results"
    ]
    of_clause = next(result for result in results if result["ruleId"] == "NB-02")
    wanted = ("fail", "error") if standing is Standing.CONFIRMED else ("open", "none")
    assert (of_clause["kind"], of_clause["level"]) == wanted

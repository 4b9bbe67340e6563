"""in-toto's own bindings take the statements, and any JSON Schema validator takes the predicates by our schemas."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from aboveboard.trust import attestation, statement
from tests.foreign.conftest import Enveloped

Change = Callable[[Any], object]


def validated(value: Any) -> Any:
    """Read a statement with the bindings of in-toto and have it validated; raises ValueError."""
    found = Statement.copy_from_pb(ParseDict(copy.deepcopy(value), statement_pb2.Statement()))
    found.validate()
    return found.pb


def test_in_toto_takes_every_statement(enveloped: Enveloped) -> None:
    value = json.loads(enveloped.payload)
    found = validated(value)
    assert found.predicate_type == value["predicateType"]
    assert [(one.name, dict(one.digest)) for one in found.subject] == [
        (one["name"], one["digest"]) for one in value["subject"]
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda value: value.update(subject=[]),
        lambda value: value["subject"][0].pop("digest"),
        lambda value: value.update(predicateType=""),
        lambda value: value.update(predicate={}),
    ],
)
def test_in_toto_refuses_what_is_no_statement(enveloped: Enveloped, change: Change) -> None:
    value = json.loads(enveloped.payload)
    change(value)
    with pytest.raises(ValueError):  # noqa: PT011  # the bindings raise nothing finer
        validated(value)


PREDICATES = {"verdict": statement.VERDICT, "manifest": attestation.BUNDLE}
FILES = {"verdict": "verdict.json", "manifest": "bundle.json"}
SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schemas"


def schema(what: str) -> Any:
    """Return the schema as it is published."""
    return json.loads((SCHEMAS / FILES[what]).read_bytes())


def validator(what: str) -> Draft202012Validator:
    return Draft202012Validator(schema(what))


def predicate(envelopes: Mapping[str, Enveloped], what: str) -> Any:
    value = json.loads(envelopes[what].payload)
    assert value["predicateType"] == PREDICATES[what]
    return value["predicate"]


@pytest.mark.parametrize("what", list(PREDICATES))
def test_the_schemas_are_schemas_and_take_what_was_signed(envelopes: Mapping[str, Enveloped], what: str) -> None:
    assert schema(what) == attestation.schemas()[PREDICATES[what]]
    Draft202012Validator.check_schema(schema(what))
    validator(what).validate(predicate(envelopes, what))


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("verdict", lambda value: value.update(passed=True)),
        ("verdict", lambda value: value.pop("clauses")),
        ("verdict", lambda value: value["clauses"].clear()),
        ("verdict", lambda value: value["clauses"][0].update(status="pass")),
        ("verdict", lambda value: value["clauses"][0].update(reason="none")),
        ("verdict", lambda value: value["clauses"][0].pop("required")),
        ("verdict", lambda value: value["clauses"][0].update(note="fine")),
        ("verdict", lambda value: value.update(result="passed")),
        ("verdict", lambda value: value.update(aboveboard="verdict/2")),
        ("verdict", lambda value: value.update(by="vendor")),
        ("verdict", lambda value: value.update(at="2026-12-01")),
        ("verdict", lambda value: value.update(expires="2027-12-01T00:00:00+01:00")),
        ("verdict", lambda value: value["inputs"].update(manifest="md5:" + "0" * 32)),
        ("verdict", lambda value: value["inputs"].update(manifest=None)),
        ("verdict", lambda value: value["standard"].update(digest="sha256:00")),
        ("verdict", lambda value: value["files"][0].update(sha256="x")),
        ("verdict", lambda value: value["files"][0].update(md5="0" * 32)),
        ("verdict", lambda value: value["tools"].update(judge="none")),
        ("verdict", lambda value: value["coverage"].update(bytes_total="all")),
        ("verdict", lambda value: value.update(confined="yes")),
        ("manifest", lambda value: value.update(passed=True)),
        ("manifest", lambda value: value.pop("image")),
        ("manifest", lambda value: value.update(image="sha256:00")),
        ("manifest", lambda value: value.update(sealed="today")),
        ("manifest", lambda value: value["withheld"].append({"name": "a"})),
        ("manifest", lambda value: value.update(by="root")),
    ],
)
def test_the_closed_form_is_closed(envelopes: Mapping[str, Enveloped], what: str, change: Change) -> None:
    value = predicate(envelopes, what)
    change(value)
    with pytest.raises(ValidationError):
        validator(what).validate(value)

"""OSCAL: every verdict gives a document that compliance-trestle takes, and nothing in it says more than the verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.judge.judge import judge
from aboveboard.model.evidence import Calibration, Evidence
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.record import Outcome, Record
from aboveboard.model.verdict import Reason, Ruling, Status, Verdict
from aboveboard.report.dossier import Dossier
from aboveboard.report.oscal import STATES, assessment_results
from aboveboard.report.oscal_text import LINE, TITLE, line, link_of, markup
from aboveboard.standard import reader

STANDARD = reader.load()
NAMESPACE = "https://aboveboard.example/ns/oscal"
Trestle = Callable[[bytes], Any]


def given_verdict() -> Verdict:
    fact = Fact("account", Where(path="/etc/passwd", line=1), {"name": "root", "shared_secret": True}, Standing.CONFIRMED)
    piece = Evidence.sealed("accounts", 2, "sha256:aa", [fact], [], Calibration(1, 1))
    manifest = Manifest("router.bin", "sha256:" + "f" * 64, 1, (Owed("accounts", 2, "sha256:aa"),))
    return judge(manifest, [piece], STANDARD, reader.find_profile(STANDARD, "operator"), None, "2026-01-01T00:00:00Z")


VERDICT = given_verdict()


def written(dossier: Dossier) -> bytes:
    return json.dumps(assessment_results(dossier)).encode()


def body(dossier: Dossier) -> Any:
    return json.loads(written(dossier))["assessment-results"]


def props(thing: Any) -> dict[str, str]:
    assert all(one["ns"] == NAMESPACE for one in thing["props"])
    return {one["name"]: one["value"] for one in thing["props"]}


def with_rulings(*rulings: Ruling) -> Dossier:
    new = {ruling.clause: ruling for ruling in rulings}
    return Dossier(replace(VERDICT, rulings=tuple(new.get(one.clause, one) for one in VERDICT.rulings)), STANDARD, ())


HOSTILE = st.text(max_size=40) | st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\x00\x1b[31m",
        "\u2028\u2029\u202egnp",
        "a\n\n# b",
        "![x](http://evil/)",
        "<script>alert(1)</script>",
        "{{ insert: param, x }}",
        "x" * 5000,
        "\x00" * 5000,
        " \u3000\u00a0 ",
        "\U000e0001",
    ]
)
WHERES = st.builds(
    Where,
    path=HOSTILE,
    container=HOSTILE,
    offset=st.none() | st.integers(0, 2**50),
    address=st.none() | HOSTILE,
    function=st.none() | HOSTILE,
    line=st.none() | st.integers(0, 2**50),
)
VALUES = HOSTILE | st.integers(0, 2**50) | st.booleans() | st.none() | st.lists(HOSTILE, max_size=3)
DATA = st.dictionaries(HOSTILE | st.sampled_from(["via", "digest"]), VALUES, max_size=4)
FACTS = st.builds(Fact, HOSTILE, WHERES, DATA, st.sampled_from(Standing))
GAPS = st.builds(Gap, st.sampled_from(Cause), WHERES, HOSTILE, DATA)


@st.composite
def dossiers(draw: st.DrawFn) -> Dossier:
    rulings = tuple(
        Ruling(
            clause.id,
            draw(st.booleans()),
            draw(st.sampled_from(Status)),
            draw(st.sampled_from(Reason)),
            draw(HOSTILE),
            tuple(draw(st.lists(FACTS, max_size=2))),
            tuple(draw(st.lists(GAPS, max_size=2))),
            tuple(draw(st.lists(HOSTILE, max_size=2))),
        )
        for clause in STANDARD.clauses[:4]
    )
    verdict = replace(
        VERDICT,
        subject={"name": draw(HOSTILE), "digest": draw(HOSTILE), "size": 1},
        profile={**VERDICT.profile, "waived": {"NB-01": draw(HOSTILE)}},
        rulings=(*rulings, *VERDICT.rulings[4:]),
    )
    record = Record(
        clause="NB-02",
        kind="login-tests",
        digest="sha256:" + "1" * 64,
        role="laboratory",
        signers=("lab",),
        images=(),
        supplier=draw(HOSTILE),
        who=draw(HOSTILE),
        found="2025-12-01T00:00:00Z",
        until="2026-12-01T00:00:00Z",
        outcome=Outcome.CONTRADICTS,
        explanation=draw(HOSTILE),
        facts=tuple(draw(st.lists(FACTS, max_size=1))),
    )
    files = {f"evidence/{name}.jsonl": "ab" * 32 for name in ("accounts", "boot_services")}
    return Dossier(verdict, STANDARD, (), {}, None, (record,), files)


@settings(max_examples=60, deadline=None)
@given(dossier=dossiers())
def test_any_verdict_gives_a_valid_document(trestle: Trestle, dossier: Dossier) -> None:
    data = written(dossier)
    trestle(data)
    assert written(dossier) == data
    results = json.loads(data)["assessment-results"]["results"]
    status = {ruling.clause: ruling.status for ruling in dossier.verdict.rulings}
    findings = results[0]["findings"]
    assert [props(one)["status"] for one in findings] == [one.value for one in status.values()]
    for finding in findings:
        met = props(finding)["status"] == "met"
        assert (finding["target"]["status"]["state"] == "satisfied") is met
        assert (finding["target"]["status"]["reason"] == "pass") is met


@given(text=HOSTILE, most=st.sampled_from([TITLE, LINE]))
def test_a_line_is_one_line_and_never_empty(text: str, most: int) -> None:
    shown = line(text, most)
    assert 0 < len(shown) <= most
    assert shown == shown.strip()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("[a](javascript:b)", r"\[a\](javascript:b)"),
        ("![a](b)", r"\!\[a\](b)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("a_b*c`d", r"a\_b\*c\`d"),
        ("# head", r"\# head"),
        ("1. one", r"1\. one"),
        ("- one", r"\- one"),
        ("{{ insert: param, x }}", r"\{\{ insert: param, x \}\}"),
        ("a\nb", "a b"),
        (r"\x1b", r"\\x1b"),
    ],
)
def test_foreign_text_is_no_markup(text: str, escaped: str) -> None:
    assert markup(text) == escaped


def test_a_clause_that_is_not_shown_is_neither_satisfied_nor_failed() -> None:
    assert STATES[Status.NOT_SHOWN] == ("not-satisfied", "other")
    assert [status for status, (state, _) in STATES.items() if state == "satisfied"] == [Status.MET]
    finding = next(one for one in body(with_rulings())["results"][0]["findings"] if props(one)["status"] == "not-shown")
    assert finding["target"]["status"]["remarks"].endswith("neither met nor broken")
    assert props(finding)["reason"] in {reason.value for reason in Reason}


def test_every_clause_has_its_finding_and_is_reviewed() -> None:
    made = body(with_rulings())
    result = made["results"][0]
    clauses = [clause.id for clause in STANDARD.clauses]
    assert [one["target"]["target-id"] for one in result["findings"]] == [f"{clause}_obj" for clause in clauses]
    selections = result["reviewed-controls"]["control-selections"]
    chosen = [one["control-id"] for part in selections for one in part["include-controls"]]
    assert sorted(chosen) == sorted(clauses)
    assert [one["control-id"] for one in made["local-definitions"]["objectives-and-methods"]] == clauses
    required = {one["control-id"] for one in selections[0]["include-controls"]}
    assert required == {ruling.clause for ruling in VERDICT.rulings if ruling.required}


def test_a_fact_of_two_clauses_is_one_observation_with_its_evidence() -> None:
    fact = Fact("account", Where(path="/etc/passwd", line=3), {"name": "x"}, Standing.CONFIRMED)
    rulings = [Ruling(clause, True, Status.BROKEN, Reason.FORBIDDEN, "seen", (fact,)) for clause in ("NB-02", "NB-03")]
    dossier = replace(with_rulings(*rulings), evidence={"evidence/accounts.jsonl": "ab" * 32})
    result = body(dossier)["results"][0]
    seen = [one for one in result["observations"] if props(one).get("line") == "3"]
    assert len(seen) == 1
    assert (seen[0]["collected"], seen[0]["expires"]) == (VERDICT.at, VERDICT.expires)
    assert (seen[0]["methods"], seen[0]["types"]) == (["EXAMINE"], ["finding"])
    assert [(one["href"], props(one)["sha256"]) for one in seen[0]["relevant-evidence"]] == [
        ("evidence/accounts.jsonl", "ab" * 32)
    ]
    related = [
        one for one in result["findings"] if {"observation-uuid": seen[0]["uuid"]} in one.get("related-observations", [])
    ]
    assert [props(one)["status"] for one in related] == ["broken", "broken"]


def test_a_candidate_is_no_finding() -> None:
    fact = Fact("account", Where(path="/etc/passwd", line=3), {}, Standing.CANDIDATE)
    result = body(with_rulings(Ruling("NB-02", True, Status.NOT_SHOWN, Reason.UNRESOLVED_CANDIDATE, "open", (fact,))))
    (seen,) = (one for one in result["results"][0]["observations"] if props(one).get("line") == "3")
    assert seen["types"] == ["discovery"]
    assert "accuses nobody" in seen["description"]


def test_the_gaps_of_a_ruling_are_one_observation() -> None:
    gaps = tuple(Gap(Cause.ENCRYPTED, Where(path=f"/blob{number}"), "high entropy") for number in range(3))
    result = body(with_rulings(Ruling("NB-09", True, Status.NOT_SHOWN, Reason.ENCRYPTED, "closed", (), gaps)))["results"][0]
    (seen,) = (one for one in result["observations"] if props(one).get("gap") == "encrypted")
    assert seen["description"].count("high entropy") == 3
    (finding,) = (one for one in result["findings"] if one["target"]["target-id"] == "NB-09_obj")
    assert finding["related-observations"] == [{"observation-uuid": seen["uuid"]}]


def test_what_a_record_saw_points_to_the_record_and_ten_thousand_ports_take_no_hour() -> None:
    ports = tuple(
        Fact("listener", Where(), {"proto": "tcp", "port": port}, Standing.CONFIRMED) for port in range(1, 10_001)
    )
    record = Record(
        clause="NB-04",
        kind="port-scan",
        digest="sha256:" + "1" * 64,
        role="laboratory",
        signers=("lab",),
        images=(),
        supplier="Acme",
        who="lab",
        found="2025-12-01T00:00:00Z",
        until="2026-12-01T00:00:00Z",
        outcome=Outcome.SUPPORTS,
        explanation="all ports tried",
        facts=ports,
    )
    facts = (record.as_fact(), *ports)
    dossier = with_rulings(Ruling("NB-04", True, Status.BROKEN, Reason.UNDECLARED, "ports", facts))
    began = time.monotonic()
    made = body(replace(dossier, records=(record,)))
    assert time.monotonic() - began < 30
    (resource,) = (one for one in made["back-matter"]["resources"] if props(one)["digest"] == record.digest)
    seen = [one for one in made["results"][0]["observations"] if one["methods"] == ["UNKNOWN"]]
    assert len(seen) == 10_001
    assert {one["relevant-evidence"][0]["href"] for one in seen} == {f"#{resource['uuid']}"}


def test_the_plan_is_named_by_its_digest() -> None:
    made = body(with_rulings())
    (plan,) = (one for one in made["back-matter"]["resources"] if f"#{one['uuid']}" == made["import-ap"]["href"])
    assert props(plan)["digest"] == VERDICT.profile["digest"]
    assert plan["rlinks"][0]["href"].startswith("ni:///sha-256;")
    assert str(VERDICT.profile["digest"]) in made["import-ap"]["remarks"]


def test_another_verdict_has_other_identifiers() -> None:
    one, other = body(with_rulings()), body(Dossier(replace(VERDICT, expires="2026-06-01T00:00:00Z"), STANDARD, ()))
    assert one["uuid"] != other["uuid"]
    assert one["results"][0]["uuid"] != other["results"][0]["uuid"]


def test_a_named_information_uri_is_as_in_rfc_6920() -> None:
    digest = "sha256:7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"  # of "Hello World!", section 8.1
    assert [one["href"] for one in link_of(digest)] == [  # type: ignore[index,call-overload]  # a list of objects
        "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk"
    ]
    assert link_of("md5:00") == []

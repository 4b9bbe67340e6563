"""Verdicts that say that another version gave them: what that excuses, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aboveboard.judge.judge import count_line, product_result
from aboveboard.model.canonical import canonical
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Fact, Standing
from aboveboard.model.verdict import Reason, Ruling, Status, Verdict
from aboveboard.pipelines import case_files, papers, sealing
from aboveboard.pipelines.papers import Papers
from aboveboard.pipelines.recollecting import compared
from aboveboard.pipelines.verifying_steps import Again, State
from aboveboard.trust import attestation
from tests.attacks.bundles import STANDARD, case, codes, resealed, sealed, verified
from tests.attacks.keys import NOW, OTHER
from tests.attacks.test_agreements import IMAGE, RING
from tests.attacks.test_records import FORM
from tests.attacks.test_records import sealed as sealed_record
from tests.judge.making import account, fact, piece

OTHER_JUDGE, VERSION = "sha256:" + "9" * 64, "0.0.9"
DECLARED: dict[str, Any] = {
    "aboveboard": "declaration/1",
    "supplier": "Acme",
    "product": "AR-1",
    "version": "1.0",
    "date": "2026-11-01",
    "images": [IMAGE],
    "declares": {"accounts": []},
}
ADMIN = fact("account", Standing.CONFIRMED, name="admin")
HIDDEN = fact("account", Standing.CANDIDATE, name="admin")
BROKEN = case(Papers(unsigned=DECLARED), (account(), piece("accounts", [ADMIN])))
OPEN = case(Papers(unsigned=DECLARED), (account(), piece("accounts", [HIDDEN])))
Rule = Callable[[Ruling], Ruling]


def claimed(body: Any) -> None:
    body["tools"] |= {"judge": OTHER_JUDGE, "aboveboard": VERSION}


def told(
    folder: Path, made: case_files.CaseFiles, rule: Rule = lambda ruling: ruling, claim: Callable[[Any], None] = claimed
) -> dict[str, bytes]:
    """Return a bundle as another version may have sealed it: with other rulings, and all that follows from them."""
    bundle = sealing.seal(_run(folder, made), RING, [OTHER], NOW)
    made = case_files.read({name: data for name, data in bundle.files.items() if sealing.is_ours(name)})
    opened = papers.opened(made.papers, RING, STANDARD, case_files.time_of(made), IMAGE)
    verdict = ruled(sealing.rejudged(made, opened, STANDARD), rule)
    dossier = case_files.dossier(verdict, STANDARD, made.evidence, made.places, opened, VERSION)
    files = {**bundle.files, case_files.VERDICT: canonical(verdict.to_json()), **case_files.derived(dossier)}
    predicate = attestation.predicate(verdict, "laboratory", sealing.tools_of(made.evidence), {}, {})

    def change(body: Any) -> None:
        body |= {**json.loads(canonical(predicate)), "files": body["files"]}
        claim(body)

    return resealed(files, predicate=change)


def _run(folder: Path, made: case_files.CaseFiles) -> Path:
    from tests.attacks.bundles import run

    return run(folder, made)


def ruled(verdict: Verdict, rule: Rule) -> Verdict:
    rulings = tuple(map(rule, verdict.rulings))
    result = product_result(rulings, {clause.id: clause.severity for clause in STANDARD.clauses})
    return replace(verdict, rulings=rulings, result=result, count=count_line(rulings))


def on(clause: str, status: Status, reason: Reason, **more: Any) -> Rule:
    return lambda one: replace(one, status=status, reason=reason, **more) if one.clause == clause else one


def said(found: Any) -> str:
    return "\n".join(line for step in found.steps for line in step.lines)


def test_another_version_that_gives_the_same_is_verified_and_named(tmp_path: Path) -> None:
    for number, made in enumerate((BROKEN, OPEN, case())):
        found = verified(tmp_path / f"b{number}", told(tmp_path / f"r{number}", made))
        assert (codes(found), found.exit_code) == ([], 0)
        assert f"it says that it was made by Aboveboard {VERSION}" in said(found)


def test_what_is_broken_here_and_stated_met_or_not_shown_is_said_loudly(tmp_path: Path) -> None:
    for number, (status, reason) in enumerate(
        ((Status.MET, Reason.NO_CONTRADICTION), (Status.NOT_SHOWN, Reason.UNRESOLVED_CANDIDATE))
    ):
        files = told(tmp_path / f"r{number}", BROKEN, on("NB-03", status, reason))
        found = verified(tmp_path / f"b{number}", files)
        assert (codes(found), found.exit_code) == (["found-broken"], 3)
        assert f"NB-03 {status.value} became broken" in said(found)


def test_other_rules_leave_it_open_and_are_named(tmp_path: Path) -> None:
    files = told(tmp_path / "r", OPEN, on("NB-03", Status.MET, Reason.NO_CONTRADICTION, facts=()))
    found = verified(tmp_path / "b", files)
    assert (codes(found), found.exit_code) == (["other-version"], 4)
    assert "NB-03 met became not-shown" in said(found)
    ours = told(tmp_path / "r2", OPEN, on("NB-03", Status.MET, Reason.NO_CONTRADICTION, facts=()), lambda _: None)
    assert codes(verified(tmp_path / "b2", ours)) == ["differs"]  # of this version nothing is excused


def test_other_words_for_the_same_rulings_leave_it_open(tmp_path: Path) -> None:
    files = told(tmp_path / "r", BROKEN, lambda one: replace(one, explanation=f"it is so: {one.explanation}"))
    found = verified(tmp_path / "b", files)
    assert (codes(found), found.exit_code) == (["other-version"], 4)
    assert "the rulings are the same" in said(found)


def test_met_by_no_rules(tmp_path: Path) -> None:
    wanting = next(
        clause.id for clause in STANDARD.clauses if clause.decision.records and clause.access.value == "outsider"
    )
    found = verified(tmp_path / "b", told(tmp_path / "r", OPEN, on(wanting, Status.MET, Reason.NO_CONTRADICTION)))
    assert (codes(found), found.exit_code) == (["differs"], 3)
    above = next(clause.id for clause in STANDARD.clauses if clause.access.value == "evaluator")
    found = verified(tmp_path / "b2", told(tmp_path / "r2", OPEN, on(above, Status.MET, Reason.NO_CONTRADICTION)))
    assert (codes(found), found.exit_code) == (["differs"], 3)
    assert "by no rules" in said(found)


def test_an_accusation_needs_a_fact_that_is_there(tmp_path: Path) -> None:
    invented = fact("account", Standing.CONFIRMED, name="backdoor")
    for number, facts in enumerate(((), (invented,))):
        rule = on("NB-03", Status.BROKEN, Reason.UNDECLARED, facts=facts)
        found = verified(tmp_path / f"b{number}", told(tmp_path / f"r{number}", OPEN, rule))
        assert (codes(found), found.exit_code) == (["differs"], 3)
        assert "by no fact that is in the bundle" in said(found)
    rule = on("NB-03", Status.BROKEN, Reason.UNDECLARED, facts=(HIDDEN,))
    found = verified(tmp_path / "b", told(tmp_path / "r", OPEN, rule))
    assert (codes(found), found.exit_code) == (["other-version"], 4)
    assert "NB-03 broken became not-shown" in said(found)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("report.html", b">not shown</span>", b">met</span>"),
        ("report.html", b'<div class="result broken">broken<', b'<div class="result met">met<'),
        ("report.html", b"<small>", b"<small>0 broken, 40 of 40 required shown, 0 not shown; "),
        ("rulings.csv", b",not shown,", b",met,"),
        ("rulings.csv", b",broken,", b",splendid,"),
        ("findings.sarif", b'"kind": "open"', b'"kind": "fail"'),
        ("assessment-results.json", b'"value":"not-shown"', b'"value":"met"'),
        ("assessment-results.json", b'"state":"not-satisfied"', b'"state":"satisfied"'),
        ("assessment-results.json", b'"title":"broken: ', b'"title":"met: '),
    ],
)
def test_a_report_that_says_something_else_is_false_whoever_made_it(
    tmp_path: Path, name: str, old: bytes, new: bytes
) -> None:
    made = case(Papers(unsigned=DECLARED), (account(), piece("accounts", [ADMIN, HIDDEN]))) if b"kind" not in old else OPEN
    files = told(tmp_path / "r", made)
    assert old in files[name]
    found = verified(tmp_path / "b", resealed({**files, name: files[name].replace(old, new)}))
    assert (codes(found), found.exit_code) == (["differs"], 3)
    assert f"{name} does not say what the verdict says" in said(found)


@pytest.mark.parametrize("name", case_files.DERIVED)
def test_a_report_in_another_form_is_not_read_and_stays_open(tmp_path: Path, name: str) -> None:
    files = told(tmp_path / "r", BROKEN)
    for number, data in enumerate((files[name] + b"\n", b"\xff\xfe", b"all is well")):
        found = verified(tmp_path / f"b{number}", resealed({**files, name: data}))
        assert (codes(found), found.exit_code) == (["other-version"], 4)
        assert f"nothing shows that {name} says no more" in said(found)


@pytest.mark.parametrize(
    "change",
    [
        {"result": "met"},
        {"count": "0 broken, 40 of 40 required shown, 0 not shown"},
        {"expires": "2031-01-01T00:00:00Z"},
        {"at": "2026-11-30T11:00:00Z"},
        {"confined": False},
        {"coverage": {"bytes_total": 1}},
        {"inputs": {"manifest": OTHER_JUDGE, "agreement": None, "declaration": None, "records": []}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_hangs_on_no_rule_is_not_excused(tmp_path: Path, change: Mapping[str, Any]) -> None:
    files = told(tmp_path / "r", BROKEN)
    for number, also in enumerate((False, True)):  # in the attestation alone, and in the verdict as well
        document = json.loads(files[case_files.VERDICT])
        for key, value in change.items():
            if key == "confined":
                document["inputs"][key] = value
            elif key == "inputs":
                document["inputs"] |= value
            else:
                document[key] = value
        forged = {**files, case_files.VERDICT: canonical(document)} if also else files
        found = verified(tmp_path / f"b{number}", resealed(forged, predicate=lambda body: body.update(change)))
        assert (codes(found), found.exit_code) == (["differs"], 3)


def test_the_records_that_are_set_aside_are_those_of_the_run_or_the_version_knows_of_none(tmp_path: Path) -> None:
    made = case(Papers(unsigned=DECLARED, records=(sealed_record({**FORM, "surprise": 1}),)), OPEN.evidence)
    assert [one.code for one in made.manifest.set_aside] == ["record-form"]
    files = told(tmp_path / "r", made)
    document = json.loads(files[case_files.VERDICT])
    for number, (change, code) in enumerate(((None, "other-version"), ([], "differs"), ([{"clause": "EV-05"}], "differs"))):
        inputs = {name: value for name, value in document["inputs"].items() if name != "set_aside"}
        inputs |= {} if change is None else {"set_aside": change}
        found = verified(
            tmp_path / f"b{number}", resealed({**files, case_files.VERDICT: canonical({**document, "inputs": inputs})})
        )
        assert codes(found) == [code]
    assert codes(verified(tmp_path / "b", files)) == []


def test_a_version_that_is_no_version_is_not_printed_into_a_report(tmp_path: Path) -> None:
    def boast(body: Any) -> None:
        body["tools"]["aboveboard"] = "1.0: certified by the ministry"

    files = told(tmp_path / "r", BROKEN, claim=boast)
    found = verified(tmp_path / "b", files)
    assert codes(found) == ["other-version"]


def test_where_evidence_is_withheld_the_same_is_excused_and_no_more(tmp_path: Path) -> None:
    bundle = sealed(tmp_path / "run", withhold=("accounts",))
    same = verified(tmp_path / "same", resealed(bundle.files, predicate=claimed))
    assert (codes(same), same.exit_code) == (["not-re-derived"], 4)

    def change(clause: str, status: str, **more: Any) -> Callable[[Any], None]:
        def changed(body: Any) -> None:
            claimed(body)
            next(one for one in body["clauses"] if one["clause"] == clause).update(status=status, reason="no-contradiction")
            body.update(more)

        return changed

    for number, (clause, status) in enumerate((("NS-05", "met"), ("GV-07", "met"))):
        found = verified(tmp_path / str(number), resealed(bundle.files, predicate=change(clause, status)))
        assert (codes(found), found.exit_code) == (["differs"], 3)  # for the count does not follow, or no record is there
    found = verified(
        tmp_path / "b", resealed(bundle.files, predicate=change("NB-03", "not-shown", expires="2029-01-01T00:00:00Z"))
    )
    assert codes(found) == ["differs"]
    opener = verified(tmp_path / "open", resealed(bundle.files, predicate=change("GV-01", "not-shown")))
    assert (codes(opener), opener.exit_code) == (["other-version"], 4)
    assert "GV-01 not-shown became not-shown" in said(opener)


def with_version(version: int, *facts: Fact) -> Evidence:
    return piece("accounts", list(facts), version=version)


def test_a_piece_by_another_version_of_its_collector_is_open_and_one_by_the_same_is_not() -> None:
    old, new, same = with_version(1, HIDDEN), with_version(2), with_version(1)
    assert compared([old], [new], same=False)[0] is State.OPEN
    assert compared([old], [new])[0] is State.FAILED  # nothing excuses it where the code is said to be the same
    assert compared([old], [same], same=False)[0] is State.FAILED
    state, lines = compared([old], [new, replace(new, collector="tokens")], same=False)
    assert (state, "by version 1, here 2" in "".join(lines)) == (State.OPEN, True)
    assert compared([old, account()], [old], same=False)[0] is State.OPEN
    assert compared([replace(old, facts=())], [new], same=False)[0] is State.FAILED  # its seal is broken


def test_what_is_broken_by_evidence_that_is_collected_now_is_said_loudly(tmp_path: Path) -> None:
    made = case(Papers(unsigned=DECLARED), (account(), piece("accounts", [])))
    files = told(tmp_path / "r", made)

    def again(there: case_files.CaseFiles) -> Again:
        fresh = (account(), piece("accounts", [ADMIN]))
        return Again(State.OPEN, ["by version 1, here 2"], fresh, there.manifest.owed)

    found = verified(tmp_path / "b", files, again=again)
    assert (codes(found), found.exit_code) == (["found-broken"], 3)
    assert "collected and judged again it is broken: NB-03" in said(found)

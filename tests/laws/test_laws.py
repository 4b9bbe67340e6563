"""The laws of the design as properties of the judge."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.judge.judge import judge
from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.declaration import SECTIONS, Declaration
from aboveboard.model.evidence import Calibration, Evidence
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.model.manifest import Manifest, Owed
from aboveboard.model.standard import How
from aboveboard.model.verdict import Reason, Status, Verdict
from aboveboard.standard import reader

STANDARD = reader.load()
OUTSIDER = reader.find_profile(STANDARD, "outsider")
EVALUATOR = reader.find_profile(STANDARD, "evaluator")
IMAGE, TREE = "sha256:" + "1" * 64, "sha256:" + "2" * 64
AT = "2026-11-24T12:00:00Z"
GOOD = Calibration(1, 1)
COLLECTORS = sorted({name for clause in STANDARD.clauses for name in clause.decision.evidence})
PATTERNS = [pattern for clause in STANDARD.clauses for pattern in clause.decision.facts]
COVERED: dict[str, JSON] = {"bytes_total": 1000, "bytes_explained": 990, "programs_total": 4, "programs_identified": 4}

MANIFEST = Manifest(
    "image",
    IMAGE,
    1000,
    (Owed("unpacking", 1, IMAGE), *(Owed(name, 1, TREE) for name in COLLECTORS)),
)


def unpacking(coverage: dict[str, JSON] | None = None) -> Evidence:
    fact = Fact("coverage", Where(), COVERED if coverage is None else coverage)
    return Evidence.sealed("unpacking", 1, IMAGE, [fact], [], GOOD)


def piece(name: str, facts: list[Fact] | None = None, gaps: list[Gap] | None = None) -> Evidence:
    return Evidence.sealed(name, 1, TREE, facts or [], gaps or [], GOOD)


def declaration(**sections: list[dict[str, JSON]]) -> Declaration:
    given_sections = {name: tuple(sections.get(name, [])) for name in SECTIONS}
    return Declaration("router", "1", "maker", (IMAGE,), "2026-11-24", "sha256:" + "3" * 64, given_sections)


def rule(evidence: list[Evidence], declared: Declaration | None = None, profile: str = "evaluator") -> Verdict:
    return judge(MANIFEST, evidence, STANDARD, reader.find_profile(STANDARD, profile), declared, AT)


def statuses(verdict: Verdict) -> dict[str, Status]:
    return {ruling.clause: ruling.status for ruling in verdict.rulings}


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    pattern = draw(st.sampled_from(PATTERNS))
    data: dict[str, JSON] = {key: draw(st.sampled_from(list(values))) for key, values in pattern.when.items()}
    known: dict[str, list[JSON]] = {
        "name": ["root", "admin"],
        "proto": ["tcp", "udp"],
        "port": [23, 80],
        "host": ["a.example", "b.example"],
        "what": ["telnet", "tunnel", "unlock"],
    }
    for key, values in known.items():
        if key not in data and draw(st.booleans()):
            data[key] = draw(st.sampled_from(values))
    return Fact(pattern.kind, Where(path="/x"), data, draw(st.sampled_from(Standing)))


@st.composite
def runs(draw: st.DrawFn) -> list[Evidence]:
    pieces = [unpacking()]
    for name in COLLECTORS:
        found = draw(st.lists(facts(), max_size=3))
        gaps = [Gap(Cause.UNRESOLVED, Where(), "a gap")] if draw(st.integers(0, 4)) == 0 else []
        pieces.append(piece(name, found, gaps))
    return pieces


declarations = st.none() | st.builds(
    declaration,
    services=st.lists(st.fixed_dictionaries({"proto": st.just("tcp"), "port": st.sampled_from([23, 80])}), max_size=2),
    accounts=st.lists(st.fixed_dictionaries({"name": st.sampled_from(["root", "admin"])}), max_size=2),
    destinations=st.lists(st.fixed_dictionaries({"host": st.sampled_from(["a.example", "*.example"])}), max_size=2),
)


def test_everything_sound_and_declared_is_met_where_no_person_is_needed() -> None:
    verdict = rule([unpacking(), *(piece(name) for name in COLLECTORS)], declaration())
    got = statuses(verdict)
    assert {clause for clause, status in got.items() if status is Status.MET} == {
        "NB-03",
        "EV-10",
        "EV-11",
        "GV-02",
        "GV-10",
    }
    assert Status.BROKEN not in got.values()


@given(runs(), declarations)
def test_all_clauses_are_ruled_with_a_reason(evidence: list[Evidence], declared: Declaration | None) -> None:
    verdict = rule(evidence, declared)
    assert len(verdict.rulings) == 60
    assert all(ruling.reason and ruling.explanation for ruling in verdict.rulings)


def test_law_1_silence_is_never_met() -> None:
    assert Status.MET not in statuses(rule([])).values()
    assert Status.MET not in statuses(rule([], declaration())).values()


@settings(max_examples=200)
@given(runs(), declarations, st.data())
def test_law_2_losing_evidence_never_helps(
    evidence: list[Evidence], declared: Declaration | None, data: st.DataObject
) -> None:
    before = statuses(rule(evidence, declared))
    lost = data.draw(st.sets(st.integers(0, len(evidence) - 1), min_size=1))
    kept = [item for number, item in enumerate(evidence) if number not in lost]
    after = statuses(rule(kept, declared))
    assert not [clause for clause in after if after[clause] is Status.MET and before[clause] is not Status.MET]


@settings(max_examples=200)
@given(runs(), declarations, st.data())
def test_law_2_altering_evidence_never_helps(
    evidence: list[Evidence], declared: Declaration | None, data: st.DataObject
) -> None:
    before = statuses(rule(evidence, declared))
    number = data.draw(st.integers(0, len(evidence) - 1))
    altered = [replace(item, facts=(), gaps=()) if at == number else item for at, item in enumerate(evidence)]
    after = statuses(rule(altered, declared))
    assert not [clause for clause in after if after[clause] is Status.MET and before[clause] is not Status.MET]


@given(runs(), st.data())
def test_law_2_losing_a_permission_never_helps(evidence: list[Evidence], data: st.DataObject) -> None:
    items: list[dict[str, JSON]] = [{"name": "root"}, {"name": "admin"}]
    before = statuses(rule(evidence, declaration(accounts=items)))
    after = statuses(rule(evidence, declaration(accounts=data.draw(st.sampled_from([items[:1], items[1:], []])))))
    assert not [clause for clause in after if after[clause] is Status.MET and before[clause] is not Status.MET]


@given(runs())
def test_law_3_without_a_declaration_only_the_forbidden_breaks(evidence: list[Evidence]) -> None:
    forbidden = {clause.id for clause in STANDARD.clauses if clause.forbidden_even_if_declared}
    broken = {ruling.clause for ruling in rule(evidence).rulings if ruling.status is Status.BROKEN}
    assert broken <= forbidden


def test_law_3_declared_observed_undeclared_and_candidate() -> None:
    telnet = Fact("listener", Where(path="/x"), {"proto": "tcp", "port": 23}, Standing.CONFIRMED)
    others = [piece(name) for name in COLLECTORS if name != "boot_services"]

    def nb04(fact: Fact, declared: Declaration) -> tuple[Status, Reason, tuple[str, ...]]:
        verdict = rule([unpacking(), piece("boot_services", [fact]), *others], declared)
        ruling = next(item for item in verdict.rulings if item.clause == "NB-04")
        return ruling.status, ruling.reason, ruling.notes

    telnet_declared = declaration(services=[{"proto": "tcp", "port": 23}])
    web_declared = declaration(services=[{"proto": "tcp", "port": 80}])
    candidate = replace(telnet, standing=Standing.CANDIDATE)
    unknown_port = replace(telnet, data={"proto": "tcp", "port": 0})
    assert nb04(telnet, telnet_declared)[:2] == (Status.NOT_SHOWN, Reason.NEEDS_HUMAN)
    assert nb04(telnet, web_declared) == (Status.BROKEN, Reason.UNDECLARED, ("declared, not observed: tcp 80",))
    assert nb04(candidate, web_declared)[:2] == (Status.NOT_SHOWN, Reason.UNRESOLVED_CANDIDATE)
    assert nb04(unknown_port, web_declared)[:2] == (Status.NOT_SHOWN, Reason.UNRESOLVED_CANDIDATE)


@given(runs(), declarations, st.randoms())
def test_law_5_a_verdict_replays(evidence: list[Evidence], declared: Declaration | None, random: object) -> None:
    shuffled = list(evidence)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert canonical(rule(evidence, declared).to_json()) == canonical(rule(shuffled, declared).to_json())


@given(runs(), declarations)
def test_law_6_the_supplier_does_not_matter(evidence: list[Evidence], declared: Declaration | None) -> None:
    if declared is not None:
        other = replace(declared, supplier="another", product="other")
        assert rule(evidence, declared).rulings == rule(evidence, other).rulings


@given(runs(), declarations)
def test_law_7_nothing_above_the_profile_is_met(evidence: list[Evidence], declared: Declaration | None) -> None:
    verdict = rule(evidence, declared, "outsider")
    above = {clause.id for clause in STANDARD.clauses if clause.access.rank > 0}
    assert not [ruling for ruling in verdict.rulings if ruling.clause in above and ruling.status is Status.MET]
    worst = {ruling.status for ruling in verdict.rulings if ruling.required}
    assert verdict.result.value.startswith("broken") == (Status.BROKEN in worst)


def test_a_gap_keeps_a_clause_open() -> None:
    gap = Gap(Cause.UNRESOLVED, Where(path="/etc/passwd"), "cannot be read")
    verdict = rule([unpacking(), *(piece(name, gaps=[gap]) for name in COLLECTORS)], declaration())
    nb03 = next(item for item in verdict.rulings if item.clause == "NB-03")
    assert (nb03.status, nb03.reason) == (Status.NOT_SHOWN, Reason.COVERAGE)
    assert nb03.gaps


def test_low_coverage_keeps_every_absence_open() -> None:
    low = unpacking({**COVERED, "bytes_explained": 949})
    got = statuses(rule([low, *(piece(name) for name in COLLECTORS)], declaration()))
    assert {clause for clause, status in got.items() if status is Status.MET} == {"EV-11"}


def test_programs_not_identified_keep_every_absence_open() -> None:
    low = unpacking({**COVERED, "programs_total": 100, "programs_identified": 97})
    got = statuses(rule([low, *(piece(name) for name in COLLECTORS)], declaration()))
    assert {clause for clause, status in got.items() if status is Status.MET} == {"EV-11"}


def test_a_missed_known_answer_breaks_calibration_and_opens_what_depends_on_it() -> None:
    missed = Evidence.sealed("accounts", 1, TREE, [], [], Calibration(2, 1))
    verdict = rule([unpacking(), missed, *(piece(name) for name in COLLECTORS if name != "accounts")], declaration())
    by_clause = {ruling.clause: ruling for ruling in verdict.rulings}
    assert by_clause["EV-11"].status is Status.BROKEN
    assert by_clause["NB-03"].reason is Reason.UNCALIBRATED


def test_no_known_answers_are_no_calibration() -> None:
    untried = Evidence.sealed("accounts", 1, TREE, [], [], Calibration(0, 0))
    verdict = rule([unpacking(), untried, *(piece(name) for name in COLLECTORS if name != "accounts")], declaration())
    by_clause = {ruling.clause: ruling for ruling in verdict.rulings}
    assert by_clause["NB-03"].reason is Reason.UNCALIBRATED
    assert by_clause["EV-11"].reason is Reason.UNCALIBRATED


def test_evidence_that_is_not_owed_or_contradicts_itself_counts_for_nothing() -> None:
    foreign = Evidence.sealed("accounts", 1, "sha256:" + "9" * 64, [], [], GOOD)
    other_version = Evidence.sealed("accounts", 2, TREE, [], [], GOOD)
    two = [piece("accounts"), piece("accounts", [Fact("account", Where(), {"name": "root"}, Standing.CONFIRMED)])]
    rest = [unpacking(), *(piece(name) for name in COLLECTORS if name != "accounts")]
    for offered in ([foreign], [other_version], two):
        got = statuses(rule([*rest, *offered], declaration()))
        assert got["NB-03"] is Status.NOT_SHOWN


def test_what_feeds_a_collector_is_owed_too() -> None:
    feeding = replace(MANIFEST, owed=(*MANIFEST.owed, Owed("programs", 1, TREE), Owed("accounts", 1, IMAGE, ("programs",))))
    evidence = [unpacking(), *(piece(name) for name in COLLECTORS), Evidence.sealed("accounts", 1, IMAGE, [], [], GOOD)]
    verdict = judge(feeding, evidence, STANDARD, EVALUATOR, declaration(), AT)
    assert statuses(verdict)["NB-03"] is Status.NOT_SHOWN


def test_a_declaration_for_another_image_is_not_complete() -> None:
    other = replace(declaration(), images=("sha256:" + "8" * 64,))
    assert statuses(rule([unpacking(), *(piece(name) for name in COLLECTORS)], other))["GV-02"] is Status.NOT_SHOWN


def test_none_declared_and_one_observed_is_declared_falsely() -> None:
    telnet = Fact("listener", Where(path="/x"), {"proto": "tcp", "port": 23}, Standing.CONFIRMED)
    others = [piece(name) for name in COLLECTORS if name != "boot_services"]
    verdict = rule([unpacking(), piece("boot_services", [telnet]), *others], declaration())
    gv02 = next(item for item in verdict.rulings if item.clause == "GV-02")
    assert (gv02.status, gv02.reason) == (Status.BROKEN, Reason.DECLARED_FALSELY)


def test_only_records_decide_what_needs_a_person() -> None:
    for clause in STANDARD.clauses:
        if clause.decision.how is How.RECORD:
            got = statuses(rule([unpacking(), *(piece(name) for name in COLLECTORS)], declaration()))
            assert got[clause.id] is Status.NOT_SHOWN


def test_a_collector_that_was_never_asked_keeps_its_clauses_open() -> None:
    owed = tuple(item for item in MANIFEST.owed if item.collector != "accounts")
    evidence = [unpacking(), *(piece(name) for name in COLLECTORS if name != "accounts")]
    verdict = judge(replace(MANIFEST, owed=owed), evidence, STANDARD, EVALUATOR, declaration(), AT)
    nb03 = next(item for item in verdict.rulings if item.clause == "NB-03")
    assert (nb03.status, nb03.reason) == (Status.NOT_SHOWN, Reason.NO_EVIDENCE)


def test_a_gap_of_encrypted_content_says_so() -> None:
    gap = Gap(Cause.ENCRYPTED, Where(path="/etc/passwd"), "encrypted")
    verdict = rule([unpacking(), *(piece(name, gaps=[gap]) for name in COLLECTORS)], declaration())
    assert next(item for item in verdict.rulings if item.clause == "NB-03").reason is Reason.ENCRYPTED


def test_a_broken_seal_is_no_evidence() -> None:
    gap = Gap(Cause.UNRESOLVED, Where(), "a gap")
    opened = replace(piece("accounts", gaps=[gap]), gaps=())
    rest = [unpacking(), *(piece(name) for name in COLLECTORS if name != "accounts")]
    verdict = rule([*rest, opened], declaration())
    nb03 = next(item for item in verdict.rulings if item.clause == "NB-03")
    assert (nb03.status, nb03.reason) == (Status.NOT_SHOWN, Reason.NO_EVIDENCE)

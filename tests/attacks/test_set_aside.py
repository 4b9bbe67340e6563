"""Records that do not hold are set aside by name, and what a key said that has expired since does not go away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aboveboard.agreement import record as reading
from aboveboard.model.canonical import canonical
from aboveboard.model.errors import InputError
from aboveboard.model.manifest import HandedIn
from aboveboard.model.verdict import Ruling, Status
from aboveboard.pipelines import bundle_log, case_files, log_writing, papers, sealing
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.log import LogView, log_view
from aboveboard.pipelines.paper_files import extracted
from aboveboard.pipelines.papers import Opened, Papers, not_counted
from aboveboard.pipelines.verifying import Verification
from aboveboard.pipelines.verifying_steps import Asked, Verified
from aboveboard.trust import dsse
from aboveboard.trust.keyring import Ring, Role
from aboveboard.trust.policy import Policy
from aboveboard.trust.strict import parse_time
from tests.agreement.test_records import body, trial
from tests.attacks import bundles
from tests.attacks.keys import LOG, NOW, OTHER, WITNESS, key, refused
from tests.attacks.test_agreements import GOOD, IMAGE, RING, document
from tests.attacks.test_agreements import sealed as agreed
from tests.attacks.test_keys import entry
from tests.attacks.test_records import CLAUSES, FORM, sealed
from tests.pipelines.test_derived_records import LOG_KEY, NOBODY, POLICY, WHO

DAY = timedelta(days=1)
AUDITOR = key("auditor")
AT = parse_time(bundles.AT)
SIGNED = AT - 8 * DAY  # when the log had the record
BAD = sealed(reading.document(body("EV-05", "update-refusal", trials=[trial("altered", good=False)]), CLAUSES))
FINE = sealed(FORM)
ENDED = replace(RING, keys={**RING.keys, "lab": entry(OTHER, until=AT - 5 * DAY)})
REVOKED = replace(RING, keys={**RING.keys, "lab": entry(OTHER, revoked=AT - 5 * DAY)})
# the auditor's key goes on to seal where the laboratory's has ended
BOTH = replace(
    ENDED,
    keys={**ENDED.keys, "audit": entry(AUDITOR)},
    roles={**ENDED.roles, "auditor": Role(1, ("audit",))},
)


def logged(folder: Path, *things: bytes, at: datetime = SIGNED) -> LogView:
    """Return a log with records in it, as `log add --kind record` puts them there, which a witness saw at a time."""
    log_writing.create(folder / "L", LOG_KEY.name, LOG)
    for number, thing in enumerate(things):
        (folder / f"{number}.dsse").write_bytes(thing)
        log_writing.add(folder / "L", [folder / f"{number}.dsse"], "record", LOG, {}, batch=False)
    log_writing.witness(folder / "L", LOG_KEY, (WHO, WITNESS), folder / "W", at)
    return view(folder)


def view(folder: Path, policy: Policy = POLICY) -> LogView:
    return log_view(folder / "L", policy)


def opened(given: Papers, ring: Ring) -> Opened:
    return papers.opened(given, ring, bundles.STANDARD, AT, IMAGE)


def ruled(given: Papers, ring: Ring, clause: str = "EV-05") -> Ruling:
    found = opened(given, ring)
    case = replace(bundles.case(Papers()), papers=given)
    manifest = replace(case.manifest, records=found.handed_in, set_aside=found.set_aside)
    verdict = sealing.rejudged(replace(case, manifest=manifest), found, bundles.STANDARD)
    return next(one for one in verdict.rulings if one.clause == clause)


def test_a_record_that_does_not_hold_is_named_and_takes_no_other_with_it() -> None:
    stranger = sealed(FORM, key("stranger"))
    moved = sealed(FORM, about={"record.json": "9" * 64})
    odd = sealed({**FORM, "surprise": 1})
    found = opened(Papers(records=(stranger, moved, odd, BAD)), RING)
    assert [record.outcome.value for record in found.records] == ["contradicts"]
    assert sorted(one.code for one in found.set_aside) == ["digest", "record-form", "signature"]
    assert {(one.clause, one.kind) for one in found.set_aside} == {("EV-05", "update-refusal")}
    told = not_counted(found, IMAGE)
    assert len(told) == 3
    assert all(one.digest in " ".join(told) for one in found.set_aside)
    assert ruled(Papers(records=(stranger, moved, odd, BAD)), RING).status is Status.BROKEN


@pytest.mark.parametrize("ring", [RING, BOTH], ids=["good", "expired"])
def test_what_is_still_to_be_completed_is_set_aside_by_name(tmp_path: Path, ring: Ring) -> None:
    left = sealed({**FORM, "who": "to be completed: name"})
    found = opened(Papers(records=(left, BAD)), ring)
    assert [(one.clause, one.kind, one.code) for one in found.set_aside] == [("EV-05", "update-refusal", "unfinished")]
    assert "still to be completed: who" in not_counted(found, IMAGE)[0]
    assert [record.outcome.value for record in found.records] == ["contradicts"]
    good = verified(tmp_path / "1", case(left, BAD), ring)
    assert good.exit_code == 0
    (named,) = json.loads((tmp_path / "1" / "bundle" / case_files.VERDICT).read_bytes())["inputs"]["set_aside"]
    assert named["code"] == "unfinished"


def test_a_run_that_heard_what_is_still_to_be_completed_is_open_and_no_forgery(tmp_path: Path) -> None:
    left = sealed({**FORM, "who": "to be completed: name"})
    digest = "sha256:" + hashlib.sha256(dsse.parse(left).payload).hexdigest()
    place, ring = lying(tmp_path, case(left), records=(HandedIn("EV-05", digest),), set_aside=())
    assert refused("unfinished", lambda: sealing.seal(place, ring, [OTHER], NOW)).exit_code == 4


def test_what_is_no_envelope_is_refused_and_one_that_is_given_twice() -> None:
    refused("not-json", lambda: opened(Papers(records=(b"nothing",)), RING))
    refused("envelope-form", lambda: opened(Papers(records=(b"{}",)), RING))
    with pytest.raises(InputError):
        opened(Papers(records=(FINE, FINE)), RING)


def test_what_it_says_of_itself_is_named_only_where_there_is_such_a_thing() -> None:
    (one,) = opened(Papers(records=(sealed({**FORM, "clause": "NB-99\x1b[2J", "kind": "x"}),)), RING).set_aside
    assert (one.clause, one.kind, one.code) == ("", "", "record-form")


def verified(folder: Path, made: CaseFiles, ring: Ring = RING, verifier: Ring | None = None) -> Verified:
    """Write a run as `inspect` does, seal it with the auditor's or laboratory's key, and verify it."""
    found = opened(made.papers, ring)
    manifest = replace(made.manifest, records=found.handed_in, set_aside=found.set_aside)
    return held(folder, run(folder, replace(made, manifest=manifest), found), ring, verifier or ring)


def run(folder: Path, made: CaseFiles, found: Opened) -> Path:
    verdict = sealing.rejudged(made, found, bundles.STANDARD)
    files = {
        case_files.VERDICT: canonical(verdict.to_json()),
        **case_files.evidence(made.manifest, made.evidence, made.places),
        **case_files.inputs(made.papers, made.at),
    }
    return bundles.write(folder / "run", files)


def held(folder: Path, place: Path, ring: Ring, verifier: Ring) -> Verified:
    keys = [AUDITOR] if "audit" in ring.keys else [OTHER]
    bundle = sealing.seal(place, ring, keys, NOW)
    return Verification(bundles.write(folder / "bundle", bundle.files), Asked(verifier, NOW)).run()


def case(*given: bytes, logs: tuple[LogView, ...] = (), agreement: tuple[bytes, ...] = ()) -> CaseFiles:
    handed = Papers(agreement=agreement, records=given, logs=logs)
    known = papers.opened(handed, BOTH, bundles.STANDARD, AT, IMAGE)
    return replace(bundles.case(Papers()), papers=extracted(handed, known, IMAGE))


def test_what_is_set_aside_stays_in_the_bundle_and_is_set_aside_again(tmp_path: Path) -> None:
    stranger = sealed(FORM, key("stranger"))
    found = verified(tmp_path, case(stranger, BAD))
    assert found.exit_code == 0
    lines = [line for step in found.steps for line in step.lines]
    assert any("is set aside: signature: no signature of a known key" in line for line in lines)
    assert stranger in (tmp_path / "bundle" / case_files.RECORDS).read_bytes()
    (named,) = json.loads((tmp_path / "bundle" / case_files.VERDICT).read_bytes())["inputs"]["set_aside"]
    assert (named["clause"], named["code"]) == ("EV-05", "signature")


def lying(folder: Path, made: CaseFiles, **changes: Any) -> tuple[Path, Ring]:
    """Write a run whose manifest says something else of the records than what follows, judged by what it says."""
    found = opened(made.papers, RING)
    fields: dict[str, Any] = {"records": found.handed_in, "set_aside": found.set_aside, **changes}
    manifest = replace(made.manifest, **fields)
    return run(folder, replace(made, manifest=manifest), found), RING


def test_a_good_record_that_a_sealer_sets_aside_or_passes_over(tmp_path: Path) -> None:
    made = case(BAD)
    (aside,) = opened(Papers(records=(sealed(FORM, key("stranger")),)), RING).set_aside
    digest = "sha256:" + hashlib.sha256(BAD).hexdigest()
    lies: list[tuple[dict[str, Any], str, int]] = [
        ({"records": (), "set_aside": (replace(aside, digest=digest),)}, "set-aside", 4),
        ({"records": ()}, "differs", 3),
        ({"set_aside": (aside,)}, "differs", 3),
    ]
    for number, (changes, code, exit_code) in enumerate(lies):
        place, ring = lying(tmp_path / str(number), made, **changes)
        assert refused(code, lambda place=place, ring=ring: sealing.seal(place, ring, [OTHER], NOW)).exit_code == exit_code  # type: ignore[misc]


def test_a_key_that_ends_elsewhere_leaves_it_undecided(tmp_path: Path) -> None:
    good = replace(BOTH, keys={**BOTH.keys, "lab": entry(OTHER)})
    found = verified(tmp_path / "1", case(BAD), good, BOTH)
    assert (found.exit_code, bundles.codes(found)) == (4, ["key-not-valid"])
    found = verified(tmp_path / "2", case(BAD), BOTH, good)
    assert (found.exit_code, bundles.codes(found)) == (4, ["set-aside"])


def test_another_reason_than_the_one_that_holds(tmp_path: Path) -> None:
    made = case(sealed(FORM, key("stranger")), BAD)
    (aside,) = opened(made.papers, RING).set_aside
    place, ring = lying(tmp_path, made, set_aside=(replace(aside, code="threshold"),))
    refused("set-aside", lambda: sealing.seal(place, ring, [OTHER], NOW))


def test_a_key_that_was_revoked_after_the_verdict_leaves_it_undecided_and_forges_nothing(tmp_path: Path) -> None:
    ring = replace(RING, keys={**RING.keys, "audit": entry(AUDITOR)}, roles={**RING.roles, "auditor": Role(1, ("audit",))})
    later = replace(ring, keys={**ring.keys, "lab": entry(OTHER, revoked=AT - DAY)})
    found = verified(tmp_path, case(BAD), ring, later)
    assert (found.exit_code, bundles.codes(found)) == (4, ["key-not-valid"])


def test_a_key_that_was_revoked_before_is_set_aside_and_revokes_no_bundle(tmp_path: Path) -> None:
    ring = replace(BOTH, keys={**BOTH.keys, "lab": entry(OTHER, revoked=AT - 5 * DAY)})
    assert verified(tmp_path, case(BAD), ring).exit_code == 0
    assert ruled(Papers(records=(BAD,)), ring).status is Status.NOT_SHOWN  # a revoked key accuses nobody


def test_a_bad_finding_does_not_go_away_when_its_key_expires() -> None:
    assert ruled(Papers(records=(BAD,)), RING).status is Status.BROKEN
    late = ruled(Papers(records=(BAD, FINE)), ENDED)
    assert late.status is Status.NOT_SHOWN
    (record,) = opened(Papers(records=(BAD,)), ENDED).records
    assert not record.proven
    assert any(record.line() in note for note in late.notes)
    assert any("give the log" in line for line in not_counted(opened(Papers(records=(BAD,)), ENDED), IMAGE))


def test_a_stolen_key_that_has_expired_supports_nothing() -> None:
    assert "its key has expired, and no log shows" in ruled(Papers(records=(FINE,)), ENDED).explanation


def test_a_log_that_had_it_while_the_key_was_good_lets_it_count(tmp_path: Path) -> None:
    seen = logged(tmp_path, BAD, FINE)
    assert ruled(Papers(records=(BAD,), logs=(seen,)), ENDED).status is Status.BROKEN
    assert ruled(Papers(records=(BAD,), logs=(seen,)), REVOKED).status is Status.BROKEN  # it was seen before that
    assert "its key has expired" not in ruled(Papers(records=(FINE,), logs=(seen,)), ENDED).explanation


def test_a_log_that_had_it_later_or_asks_no_witness_does_not(tmp_path: Path) -> None:
    late = logged(tmp_path, BAD, at=AT - DAY)
    assert ruled(Papers(records=(BAD,), logs=(late,)), ENDED).status is Status.NOT_SHOWN
    assert ruled(Papers(records=(BAD,), logs=(view(tmp_path, NOBODY),)), ENDED).status is Status.NOT_SHOWN
    (one,) = opened(Papers(records=(BAD,), logs=(late,)), REVOKED).set_aside
    assert one.code == "key-not-valid"


def test_a_file_with_a_line_end_is_the_same_record(tmp_path: Path) -> None:
    log_writing.create(tmp_path / "L", LOG_KEY.name, LOG)
    (tmp_path / "R").write_bytes(BAD + b"\n" + FINE + b"\n")
    placed = log_writing.add(tmp_path / "L", [tmp_path / "R"], "record", LOG, {}, batch=True)
    assert [one.entry.about["clause"] for one in placed] == ["EV-05", "EV-05"]
    assert log_writing.add(tmp_path / "L", [tmp_path / "R"], "record", LOG, {}, batch=True) == []
    log_writing.witness(tmp_path / "L", LOG_KEY, (WHO, WITNESS), tmp_path / "W", SIGNED)
    assert ruled(Papers(records=(BAD,), logs=(view(tmp_path),)), ENDED).status is Status.BROKEN


def test_what_is_no_record_does_not_get_into_the_log_as_one(tmp_path: Path) -> None:
    log_writing.create(tmp_path / "L", LOG_KEY.name, LOG)
    (tmp_path / "A").write_bytes(GOOD)
    refused("predicate-type", lambda: log_writing.add(tmp_path / "L", [tmp_path / "A"], "record", LOG, {}, batch=False))


def under(**logs: str) -> tuple[bytes, ...]:
    return (agreed(document(logs=logs)),)


def test_under_an_agreement_only_a_log_counts_that_it_names(tmp_path: Path) -> None:
    seen = logged(tmp_path, BAD)
    ours = Papers(agreement=under(verdicts=LOG_KEY.to_text()), records=(BAD,), logs=(seen,))
    assert ruled(ours, ENDED).status is Status.BROKEN
    other = replace(ours, agreement=under(verdicts=replace(LOG_KEY, name="log.example/else").to_text()))
    assert ruled(other, ENDED).status is Status.NOT_SHOWN
    assert ruled(replace(ours, agreement=under()), ENDED).status is Status.NOT_SHOWN


def test_a_bundle_brings_the_entries_of_its_records_and_the_same_verdict_comes_out(tmp_path: Path) -> None:
    made = case(BAD, logs=(logged(tmp_path, FINE, BAD),))
    assert [entry.kind for _, entry in made.papers.logs[0].found] == ["record"]
    found = verified(tmp_path, made, BOTH)
    assert found.exit_code == 0
    stated = json.loads((tmp_path / "bundle" / case_files.VERDICT).read_bytes())
    assert _status(stated) == ("broken", "recorded")


def against(folder: Path, made: CaseFiles, ring: Ring = BOTH) -> list[str]:
    """Hold what a case tells of the log against the log itself."""
    found = opened(made.papers, ring)
    return bundle_log.extracts_hold(made, found, folder / "L", view(folder), NOW, POLICY)


def test_leaving_the_log_away_does_not_rid_anybody_of_a_finding(tmp_path: Path) -> None:
    whole = logged(tmp_path, BAD)
    assert against(tmp_path, case(BAD, logs=(whole,)))
    assert refused("log-extract", lambda: against(tmp_path, case(BAD))).exit_code == 4
    assert refused("log-extract", lambda: against(tmp_path, case(BAD), REVOKED)).exit_code == 4
    assert against(tmp_path, case(BAD), RING) == []  # its key is good: no log is wanted
    assert against(tmp_path, case(FINE)) == []
    assert against(tmp_path, case(sealed(FORM, key("stranger")))) == []
    ours = under(verdicts=replace(LOG_KEY, name="log.example/else").to_text())
    assert against(tmp_path, case(BAD, agreement=ours)) == []  # it would not count there


def test_an_old_copy_of_the_log_does_not_either(tmp_path: Path) -> None:
    old = logged(tmp_path, FINE)
    (tmp_path / "bad.dsse").write_bytes(BAD)
    log_writing.add(tmp_path / "L", [tmp_path / "bad.dsse"], "record", LOG, {}, batch=False)
    log_writing.witness(tmp_path / "L", LOG_KEY, (WHO, WITNESS), tmp_path / "W", SIGNED + DAY)
    assert refused("log-extract", lambda: against(tmp_path, case(BAD, logs=(old,)))).exit_code == 4
    assert against(tmp_path, case(BAD, logs=(view(tmp_path),)))


def test_a_paper_that_is_told_to_have_been_seen_later(tmp_path: Path) -> None:
    logged(tmp_path, BAD)
    log_writing.add(tmp_path / "L", [tmp_path / "0.dsse"], "other", LOG, {}, batch=False)
    log_writing.witness(tmp_path / "L", LOG_KEY, (WHO, WITNESS), tmp_path / "W", AT - DAY)
    made = case(BAD, logs=(view(tmp_path),))
    (told,) = made.papers.logs
    assert [state.size for state in told.states] == [1, 2]
    late = replace(told, states=told.states[1:], growth={2: told.growth[2]})
    hidden = replace(made, papers=replace(made.papers, logs=(late,)))
    assert bundle_log.times_hold(hidden, POLICY)  # the cosignature of the newer state is a true one
    assert refused("other-policy", lambda: against(tmp_path, hidden)).exit_code == 4


def _status(stated: Mapping[str, Any]) -> tuple[str, str]:
    (one,) = [ruling for ruling in stated["rulings"] if ruling["clause"] == "EV-05"]
    return one["status"], one["reason"]

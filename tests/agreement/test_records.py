"""Records: the schema of each kind, and the outcome that follows from what was seen."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from aboveboard.agreement import record as reading
from aboveboard.agreement.record_kinds import DERIVED_KINDS, FINDING, KINDS, kinds_of
from aboveboard.agreement.record_template import schema, template
from aboveboard.model.errors import InputError
from aboveboard.model.record import Outcome, Record
from aboveboard.standard import reader

CLAUSES = reader.load().clauses
IMAGE = "sha256:" + "1" * 64


def body(clause: str, kind: str, **result: Any) -> dict[str, Any]:
    return {
        "aboveboard": "record/1",
        "clause": clause,
        "kind": kind,
        "who": "J. Doe, Example Laboratory",
        "found": "2026-11-20",
        "method": "by hand",
        "supplier": "Example Networks",
        "images": [IMAGE],
        "result": result,
    }


def read(value: dict[str, Any]) -> Record:
    form = reading.document(value, CLAUSES)
    return reading.record(form, CLAUSES, digest="sha256:" + "2" * 64, role="laboratory", signers=["lab"])


def trial(case: str, *, good: bool = True) -> dict[str, Any]:
    return {"case": case, "tried": "offered it", "seen": "refused", "as_required": good}


def ports(tried: str = "1-65535", *answered: int) -> dict[str, Any]:
    return {"tried": tried, "answered": list(answered)}


def test_every_kind_that_a_clause_wants_has_a_shape_a_schema_and_a_template() -> None:
    wanted = {one.kind for clause in CLAUSES for one in clause.decision.records}
    assert wanted | {FINDING} == KINDS.keys() | DERIVED_KINDS
    for clause in CLAUSES:
        for kind in kinds_of(clause):
            assert schema(kind)
            value = yaml.safe_load(template(clause, kind))
            with pytest.raises(InputError, match="still to be completed"):
                reading.document(value, CLAUSES)


def test_update_trials_must_all_be_made_and_one_that_installs_contradicts() -> None:
    three = [trial("altered"), trial("foreign-key"), trial("older")]
    assert read(body("EV-05", "update-refusal", trials=three)).outcome is Outcome.SUPPORTS
    assert read(body("EV-05", "update-refusal", trials=three[:2])).outcome is Outcome.INCOMPLETE
    bad = [*three, trial("older", good=False)]
    assert read(body("EV-05", "update-refusal", trials=bad)).outcome is Outcome.CONTRADICTS


def test_a_port_scan_gives_what_answered_and_is_whole_or_incomplete() -> None:
    def scan(tcp: dict[str, Any], *, whole: bool = True) -> Record:
        interface = {"name": "lan", "tcp": tcp, "udp": ports(), "sctp": ports()}
        about = {"tool": "a scanner", "tool_version": "1", "settings": "all"}
        return read(body("NB-04", "port-scan", interfaces=[interface], all_interfaces=whole, **about))

    found = scan(ports("1-1023, 1024-65535", 22, 80))
    assert found.outcome is Outcome.SUPPORTS
    seen = {"proto": "tcp", "interface": "lan", "record": found.digest}  # the record is where they were seen
    assert [fact.data for fact in found.facts] == [{**seen, "port": port} for port in (22, 80)]
    assert scan(ports("1-1023")).outcome is Outcome.INCOMPLETE
    assert scan(ports("2-65535")).outcome is Outcome.INCOMPLETE
    assert scan(ports(), whole=False).outcome is Outcome.INCOMPLETE


def test_a_secret_that_two_devices_share_contradicts() -> None:
    one, other = "sha256:" + "3" * 64, "sha256:" + "4" * 64

    def units(second: str) -> Record:
        listed = [{"serial": "1", "secrets": {"key": one}}, {"serial": "2", "secrets": {"key": second}}]
        return read(body("NB-02", "units-differ", units=listed))

    assert units(other).outcome is Outcome.SUPPORTS
    assert units(one).outcome is Outcome.CONTRADICTS


@pytest.mark.parametrize(
    "change",
    [
        {"clause": "NB-99"},
        {"clause": "\u039dB-04"},  # a Greek letter
        {"kind": "update-refusal"},
        {"kind": "canary"},
        {"found": "2026-02-30"},
        {"until": "2028-11-20"},
        {"until": "2026-11-20"},
        {"images": ["md5:" + "1" * 32]},
        {"images": []},
        {"unknown": "field"},
        {"result": {"finding": "confirmed"}},
    ],
)
def test_what_is_not_in_form_is_refused(change: dict[str, Any]) -> None:
    interface = {"name": "lan", "tcp": ports(), "udp": ports(), "sctp": ports()}
    about = {"tool": "a scanner", "tool_version": "1", "settings": "all", "all_interfaces": True}
    good = body("NB-04", "port-scan", interfaces=[interface], **about)
    assert read(good).outcome is Outcome.SUPPORTS
    with pytest.raises(InputError):
        read({**good, **change})

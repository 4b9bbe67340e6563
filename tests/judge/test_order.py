"""Law 5: lists and texts come in one order, whatever order the run had. Six names: no luck hides a missing sort."""

from __future__ import annotations

from dataclasses import replace

from tests.judge.making import (
    FOUND_NONE_OF_NONE,
    MISSED_ONE,
    TREE,
    UNPACKING_OWED,
    account,
    clause,
    declaration,
    fact,
    judged,
    manifest,
    piece,
    ruling,
)

from aboveboard.model.canonical import canonical, digest_of
from aboveboard.model.manifest import Manifest, Owed, SetAside
from aboveboard.model.standard import FactPattern, How

NAMES = ("keys", "accounts", "tokens", "debug", "boot", "snmp")
IN_ORDER = "accounts, boot, debug, keys, snmp, tokens"
OWED = manifest(UNPACKING_OWED, *(Owed(name, 1, TREE) for name in NAMES))
ALL = clause(evidence=NAMES, facts=[FactPattern(name, {}) for name in NAMES])


def said(how: How, owed: Manifest = OWED, **changed: object) -> str:
    """Rule on pieces that are all changed alike and return the explanation."""
    pieces = [piece(name, **changed) for name in NAMES]  # type: ignore[arg-type]  # what a piece takes by name
    return ruling(clause(how, evidence=NAMES), [account(), *pieces], declaration(), owed=owed).explanation


def test_explanations_name_collectors_in_alphabetical_order() -> None:
    assert said(How.CALIBRATION, calibration=FOUND_NONE_OF_NONE) == f"no known answers for: {IN_ORDER}"
    assert said(How.CALIBRATION, calibration=MISSED_ONE) == f"planted known answers missed by: {IN_ORDER}"
    assert said(How.FORBID, calibration=FOUND_NONE_OF_NONE) == f"did not find all planted known answers: {IN_ORDER}"
    assert said(How.FORBID, version=2) == f"6 pieces of evidence are missing or broken: {IN_ORDER}"
    assert said(How.FORBID, manifest(UNPACKING_OWED)) == f"nothing was collected by: {IN_ORDER}"


def test_facts_are_shown_and_counted_in_alphabetical_order() -> None:
    pieces = [piece(name, [fact(name)]) for name in NAMES]
    got = ruling(ALL, [account(), *pieces], owed=OWED)
    assert ", ".join(item.kind for item in got.facts) == IN_ORDER
    backwards = piece("accounts", [fact(name) for name in NAMES])
    counted = ruling(ALL, [account(), backwards], owed=OWED)
    assert counted.explanation == ", ".join(f"1 x {name}" for name in IN_ORDER.split(", ")) + " active as shipped"


def test_inputs_are_named_in_order() -> None:
    refused = judged([ALL], [account(), *(piece(name, version=2) for name in NAMES)], owed=OWED)
    assert refused.inputs["refused"] == [f"{name} of {TREE}" for name in IN_ORDER.split(", ")]
    sound = [account(), *(piece(name) for name in NAMES)]
    assert judged([ALL], sound, owed=OWED).inputs["evidence"] == digest_of(sorted(item.seal for item in sound))


def test_records_that_are_set_aside_are_named_in_order() -> None:
    aside = [SetAside(name, "log", TREE, "signature") for name in NAMES]
    found = judged([ALL], [account()], owed=replace(OWED, set_aside=tuple(aside)))
    assert found.inputs["set_aside"] == [one.to_json() for one in sorted(aside)]
    assert ", ".join(one.clause for one in sorted(aside)) == IN_ORDER


def test_the_order_of_the_manifest_changes_no_byte() -> None:
    one, two = Owed("accounts", 1, TREE), Owed("accounts", 2, TREE)  # a manifest that contradicts itself
    verdicts = {
        canonical(judged([ALL], [account(), piece()], owed=manifest(UNPACKING_OWED, *owed)).to_json())
        for owed in ((one, two), (two, one))
    }
    assert len(verdicts) == 1

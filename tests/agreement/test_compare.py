"""Versions compared by the names that things have: what changed, and what the newer one loosens."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aboveboard.agreement import rules
from aboveboard.agreement.compare import Change, paired
from aboveboard.agreement.compare_agreements import agreements
from aboveboard.agreement.compare_declarations import declarations
from aboveboard.agreement.declaration import document as declared
from aboveboard.agreement.declaration import from_value
from aboveboard.model.canonical import canonical
from aboveboard.model.declaration import OPEN
from tests.attacks.test_agreements import IMAGE, OUTSIDER, amendment, document, told

SECOND = "sha256:" + "2" * 64
SSH = {"name": "ssh", "proto": "tcp", "port": 22, "purpose": "management", "interface": "lan"}
HOST = {"host": "update.example", "port": 443, "purpose": "updates", "default": "off", "phase": "update"}
ROOT = {"name": "root", "purpose": "x"}
NO_LOGIN = {**ROOT, "login": False}
SERIAL = {"what": "serial", "purpose": "x"}


def brief(changes: list[Change]) -> list[tuple[str, str, str, bool]]:
    return [(one.section, one.what, one.name, one.loosens) for one in changes]


def with_(*path: Any, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(document())
    here: Any = found
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return found


@pytest.mark.parametrize(
    ("new", "wanted"),
    [
        (document(), []),
        (with_("limits", "bytes_explained", value=960), [("limits.bytes_explained", "changed", "", False)]),
        (with_("limits", "bytes_explained", value=940), [("limits.bytes_explained", "changed", "", True)]),
        (with_("tolerances", "canary_days", value=91), [("tolerances.canary_days", "changed", "", True)]),
        (with_("tolerances", "canary_days", value=89), [("tolerances.canary_days", "changed", "", False)]),
        (with_("roles", "supplier", "threshold", value=2), [("roles.supplier.threshold", "changed", "", False)]),
        (with_("roles", "auditor", value={"threshold": 1, "keys": ["ab" * 32]}), [("roles", "added", "auditor", True)]),
        (with_("remedies", value=["It is mended."]), [("remedies", "added", "It is mended.", False)]),
        (with_("logs", value={"canary": "k"}), [("logs.canary", "added", "", False)]),
        (with_("text", value=""), [("text", "changed", "", True)]),
        (with_("evidence", "default", value=["customer"]), [
            ("evidence.default", "removed", "laboratory", False), ("evidence.default", "added", "customer", True)]),
        (with_("evidence", "clauses", value={"NB-04": ["laboratory"]}), [("evidence.clauses", "added", "NB-04", False)]),
        (with_("evidence", "clauses", value={"NB-04": ["customer"]}), [("evidence.clauses", "added", "NB-04", True)]),
        (with_("term", "until", value="2027-11-01T00:00:00Z"), [("term.until", "changed", "", True)]),
        (with_("term", "until", value="2029-11-01T00:00:00Z"), [("term.until", "changed", "", False)]),
        (with_("term", "from", value="2026-11-02T00:00:00Z"), [("term.from", "changed", "", True)]),
        (with_("supplier", "address", value="Here"), [("supplier.address", "added", "", False)]),
        (with_("profile", "name", value="operator"), [("profile.name", "changed", "", True)]),
        (with_("products", 0, "images", value=[IMAGE, SECOND]), [("products AR-1 7.3 images", "added", SECOND, False)]),
        (with_("products", 0, "images", value=[SECOND]), [
            ("products AR-1 7.3 images", "removed", IMAGE, True), ("products AR-1 7.3 images", "added", SECOND, False)]),
        (with_("products", 0, "version", value="7.4"), [
            ("products", "removed", "AR-1 7.3", True), ("products", "added", "AR-1 7.4", False)]),
    ],
)  # fmt: skip
def test_one_change_of_an_agreement(new: dict[str, Any], wanted: list[Any]) -> None:
    assert brief(agreements(document(), new)) == wanted


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@pytest.mark.parametrize("path", places(document(remedies=["x"], logs={"canary": OPEN}))[1:])
def test_a_draft_with_a_placeholder_anywhere_is_compared(path: tuple[Any, ...]) -> None:
    whole = document(remedies=["x"], logs={"canary": OPEN})
    draft = copy.deepcopy(whole)
    here: Any = draft
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = OPEN
    if told(draft):
        return  # what is not in form is not compared
    both = [*agreements(whole, draft), *agreements(draft, whole)]
    assert bool(both) == (draft != whole)
    assert all(one.line for one in both)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return [path for path in places(value) if not isinstance(rules.at(value, *path), dict | list)]


FULL = document(
    remedies=["It is mended."],
    logs={"canary": "a key"},
    clauses={"required": list(OUTSIDER.required[1:]), "waived": [{"clause": OUTSIDER.required[0], "reason": "none"}]},
    evidence={"default": ["laboratory"], "clauses": {"NB-04": ["laboratory"]}},
    supplier={"name": "A", "address": "B", "registration": "C", "contact": "D"},
)


@pytest.mark.parametrize("path", leaves(FULL))
def test_no_change_of_an_agreement_goes_unsaid(path: tuple[Any, ...]) -> None:
    other = copy.deepcopy(FULL)
    here: Any = other
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = here[path[-1]] + (1 if isinstance(here[path[-1]], int) else "x") if here[path[-1]] is not None else "x"
    assert agreements(FULL, other)
    assert agreements(other, FULL)


def test_a_clause_that_is_waived() -> None:
    required = document()["clauses"]["required"]
    clauses = {"required": required[1:], "waived": [{"clause": required[0], "reason": "it has no log-in"}]}
    changes = agreements(document(), amendment(clauses=clauses))
    assert brief(changes)[2:] == [
        ("clauses.required", "removed", required[0], True),
        ("clauses.waived", "added", required[0], True),
    ]
    assert changes[-1].line == f'! + clauses.waived {required[0]}: "it has no log-in"'
    back = agreements(amendment(clauses=clauses), document())
    assert not any(one.loosens for one in back)


def test_a_longer_list_in_another_order_is_no_change() -> None:
    required = list(document()["clauses"]["required"])
    random.Random(1).shuffle(required)
    assert agreements(document(), document(clauses={"required": required, "waived": []})) == []


def declaration(**sections: Any) -> dict[str, Any]:
    head = {"aboveboard": "declaration/1", "supplier": "A", "product": "B", "version": "1", "date": "2026-11-01"}
    return declared(from_value({**head, "images": [IMAGE], "declares": sections}))


DECLARED = {
    "services": [{**SSH, "program": "/bin/sshd"}],
    "accounts": [NO_LOGIN],
    "destinations": [{**HOST, "protocol": "https", "operator": "A", "country": "DE"}],
    "debug": [{**SERIAL, "protection": "a key"}],
    "traffic": [{"name": "a", "what": "tunnel", "purpose": "b"}],
    "storage": [{"name": "a", "purpose": "b", "detail": "c"}],
}


@pytest.mark.parametrize("path", leaves({"declares": DECLARED}))
def test_no_change_of_a_declaration_goes_unsaid(path: tuple[Any, ...]) -> None:
    old = declaration(**DECLARED)
    new = copy.deepcopy(old)
    here: Any = new
    for step in path[:-1]:
        here = here[step]
    was = here[path[-1]]
    here[path[-1]] = not was if isinstance(was, bool) else was + (1 if isinstance(was, int) else "x")
    assert declarations(old, new)
    assert declarations(new, old)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ({"services": [SSH]}, {"services": [SSH]}, []),
        ({"services": [SSH]}, {"services": []}, [("services", "removed", "tcp 22", False)]),
        ({"services": []}, {"services": [SSH]}, [("services", "added", "tcp 22", True)]),
        ({}, {"services": []}, [("services", "added", "(the section)", False)]),
        ({}, {"services": [SSH]}, [("services", "added", "(the section)", False), ("services", "added", "tcp 22", True)]),
        ({"services": []}, {}, [("services", "removed", "(the section)", False)]),
        ({"services": [SSH]}, {"services": [{**SSH, "purpose": "other"}]}, [("services", "changed", "tcp 22", True)]),
        ({"services": [SSH]}, {"services": [{**SSH, "interface": None}]}, [("services", "changed", "tcp 22", True)]),
        ({"services": [SSH]}, {"services": [{**SSH, "program": "/bin/x"}]}, [("services", "changed", "tcp 22", False)]),
        ({"services": [SSH]}, {"services": [{**SSH, "port": 23}]}, [
            ("services", "removed", "tcp 22", False), ("services", "added", "tcp 23", True)]),
        ({"destinations": [HOST]}, {"destinations": [{**HOST, "default": "on"}]}, [
            ("destinations", "changed", "update.example 443", True)]),
        ({"destinations": [{**HOST, "default": "on"}]}, {"destinations": [HOST]}, [
            ("destinations", "changed", "update.example 443", False)]),
        ({"destinations": [HOST]}, {"destinations": [{**HOST, "port": None}]}, [
            ("destinations", "removed", "update.example 443", False), ("destinations", "added", "update.example", True)]),
        ({"accounts": [ROOT]}, {"accounts": [NO_LOGIN]}, [
            ("accounts", "changed", "root", False)]),
        ({"accounts": [NO_LOGIN]}, {"accounts": [ROOT]}, [
            ("accounts", "changed", "root", True)]),
        ({"debug": [{**SERIAL, "protection": "a key"}]}, {"debug": [SERIAL]},
            [("debug", "changed", "serial", True)]),
    ],
)  # fmt: skip
def test_one_change_of_a_declaration(old: dict[str, Any], new: dict[str, Any], wanted: list[Any]) -> None:
    assert brief(declarations(declaration(**old), declaration(**new))) == wanted


def test_heads_and_images_of_declarations() -> None:
    old, new = declaration(), declaration()
    new.update(version="2", date="2026-12-01", images=[IMAGE, SECOND])
    assert brief(declarations(old, new)) == [
        ("version", "changed", "", False),
        ("date", "changed", "", False),
        ("images", "added", SECOND, True),
    ]


def test_a_change_says_what_it_was_and_is() -> None:
    [change] = declarations(declaration(services=[SSH]), declaration(services=[{**SSH, "interface": "wan"}]))
    assert change.line == '! ~ services tcp 22: interface "lan" -> "wan"'
    assert change.to_json()["old"] == {"interface": "lan"}


ITEM = st.fixed_dictionaries({"name": st.sampled_from("abc"), "purpose": st.sampled_from("xyz")})


@given(st.lists(ITEM, max_size=6), st.lists(ITEM, max_size=6))
def test_two_lists_differ_by_what_is_not_in_both(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    left, right = list(old), list(new)
    for _, was, now in paired(old, new, ("name",)):
        assert was != now
        if was is not None:
            left.remove(dict(was))
        if now is not None:
            right.remove(dict(now))
    order = canonical
    assert sorted(left, key=order) == sorted(right, key=order)  # what is left is what is the same


@given(st.lists(ITEM, max_size=6), st.randoms())
def test_order_is_no_difference(items: list[dict[str, Any]], chance: random.Random) -> None:
    other = list(items)
    chance.shuffle(other)
    assert list(paired(items, other, ("name",))) == []


def test_very_many_entries_of_one_name_are_compared() -> None:
    old = [{"name": "a", "purpose": str(number)} for number in range(40_000)]  # of each with each it would never end
    assert len(list(paired(old, old[::-1][1:], ("name",)))) == 1

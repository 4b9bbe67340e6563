"""Declared against observed: what an item of the declaration permits, and what it does not."""

from __future__ import annotations

import pytest
from tests.judge.making import fact

from aboveboard.judge.reconcile import Reconciled, knows, reconcile
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact

NAME, PORT, HOST = ("name",), ("proto", "port"), ("host",)


def permits(item: dict[str, JSON], seen: Fact, keys: tuple[str, ...]) -> bool:
    """Hold one fact against one item; either it is permitted, or the item is noted as not observed."""
    outcome = reconcile([seen], [item], keys)
    assert len(outcome.undeclared) == len(outcome.not_observed)
    return not outcome.undeclared


def test_each_fact_needs_one_item_and_each_item_one_fact() -> None:
    root, admin = fact(name="root"), fact(name="admin")
    outcome = reconcile([root, admin], [{"name": "guest"}, {"name": "root"}], NAME)
    assert outcome.undeclared == (admin,)
    assert outcome.not_observed == ("guest",)


def test_an_empty_section_permits_nothing() -> None:
    root = fact(name="root")
    assert reconcile([root], [], NAME).undeclared == (root,)
    assert reconcile([], [], NAME) == Reconciled((), ())


def test_what_was_not_observed_is_named_by_its_keys() -> None:
    assert reconcile([], [{"proto": "tcp", "port": 23}, {"proto": "tcp"}], PORT).not_observed == ("tcp 23", "tcp ?")


def test_every_key_must_agree() -> None:
    telnet = fact("listener", proto="tcp", port=23)
    assert permits({"proto": "tcp", "port": 23}, telnet, PORT)
    assert not permits({"proto": "udp", "port": 23}, telnet, PORT)
    assert not permits({"proto": "tcp", "port": 24}, telnet, PORT)
    assert not permits({"proto": "tcp"}, telnet, PORT)


@pytest.mark.parametrize("unknown", [None, 0, ""])
def test_a_fact_that_does_not_know_its_key_is_never_permitted(unknown: JSON) -> None:
    assert not permits({"proto": "tcp", "port": unknown}, fact("listener", proto="tcp", port=unknown), PORT)
    assert not knows(fact("listener", proto="tcp", port=unknown), PORT)


def test_a_fact_knows_what_it_denies() -> None:
    assert knows(fact(login=False), ("login",))
    assert knows(fact(proto="tcp", port=1), PORT)
    assert not knows(fact(proto="tcp"), PORT)


def test_values_of_another_type_do_not_agree() -> None:
    assert not permits({"proto": "tcp", "port": True}, fact("listener", proto="tcp", port=1), PORT)
    assert not permits({"proto": "tcp", "port": "23"}, fact("listener", proto="tcp", port=23), PORT)
    assert not permits({"host": 1}, fact("destination", host="a.example"), HOST)
    assert not permits({"host": "a.example"}, fact("destination", host=1), HOST)


@pytest.mark.parametrize(
    ("declared", "observed", "same"),
    [
        ("a.example", "a.example", True),
        ("A.Example.", "a.eXample", True),  # case and the last dot say nothing in a name (RFC 4343, RFC 1034 section 3.1)
        ("a.example", "A.EXAMPLE.", True),
        ("a.example", "b.example", False),
        ("a.example", "x.a.example", False),
        ("*.example", "a.example", True),
        ("*.Example.", "b.A.example", True),
        ("*.example", "example", False),
        ("*.example", "a.example.org", False),
        ("*.example", "badexample", False),
        ("*.a.example", "xa.example", False),
        ("*.b.example", "a.b.example", True),
        ("*.b.example", "b.c.example", False),
        ("*", "a.example", False),  # no wildcard for everything
        ("*.", "a.example", False),
        ("a.*", "a.example", False),
        ("*.*.example", "a.b.example", False),
        ("a?example", "a.example", False),
        ("a.example?", "a.example", False),
        ("a.example", "a.example?", False),
        ("[ab].example", "a.example", False),
        ("192.88.99.9", "192.88.99.9", True),
        ("192.88.99.9", "192.88.99.90", False),
    ],
)
def test_hosts_agree_without_case_and_with_one_kind_of_wildcard(declared: str, observed: str, same: bool) -> None:
    assert permits({"host": declared}, fact("destination", host=observed), HOST) is same


@pytest.mark.parametrize(("declared", "observed"), [("root", "Root"), ("root", "root."), ("*.shell", "a.shell")])
def test_names_that_are_no_hosts_are_taken_as_written(declared: str, observed: str) -> None:
    """Root is another account than root, and a wildcard in an account's name would permit what nobody declared."""
    assert permits({"name": declared}, fact(name=declared), NAME)
    assert not permits({"name": declared}, fact(name=observed), NAME)


@pytest.mark.parametrize(
    ("program", "held", "permitted"),
    [
        ("/usr/sbin/dropbear", "/usr/sbin/dropbear", True),
        ("dropbear", "/usr/sbin/dropbear", True),
        ("/sbin/dropbear", "/usr/sbin/dropbear", True),
        ("/usr/sbin/dropbear", "dropbear", True),
        ("/usr/sbin/dropbear", "/usr/sbin/telnetd", False),
        ("/usr/sbin/dropbear", "", True),  # the fact does not know its program
        ("/usr/sbin/dropbear", None, True),
        ("/usr/sbin/dropbear", 7, True),
        (7, "/usr/sbin/dropbear", True),
        (None, "/usr/sbin/dropbear", True),  # the declaration does not say
        ("", "/usr/sbin/dropbear", False),
    ],
)
def test_a_service_is_permitted_for_the_program_that_was_declared(program: JSON, held: JSON, permitted: bool) -> None:
    item: dict[str, JSON] = {"proto": "tcp", "port": 22, "program": program}
    assert permits(item, fact("listener", proto="tcp", port=22, program=held), PORT) is permitted


@pytest.mark.parametrize(
    ("stated", "seen", "permitted"),
    [
        ("tunnel", "tunnel", True),
        ("tunnel", "mirror", False),
        ("tunnel", None, True),
        (None, "mirror", True),
        ("tunnel", 1, True),  # not a kind: nothing that can be compared
        (1, "tunnel", True),
    ],
)
def test_traffic_is_permitted_for_the_kind_that_was_declared(stated: JSON, seen: JSON, permitted: bool) -> None:
    assert permits({"name": "gre1", "what": stated}, fact("carried-traffic", name="gre1", what=seen), NAME) is permitted


@pytest.mark.parametrize(
    ("login", "active", "permitted"),
    [(False, "yes", False), (False, "conditional", True), (False, "no", True), (True, "yes", True), (None, "yes", True)],
)
def test_an_account_without_log_in_is_not_permitted_to_log_in(login: JSON, active: str, permitted: bool) -> None:
    assert permits({"name": "ftp", "login": login}, fact(name="ftp", active=active), NAME) is permitted

"""Amendments that bear a date in the life of a key that has expired: whoever stole it could have made them today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aboveboard.model.canonical import digest_of
from aboveboard.pipelines import agreement_signing, log_writing, papers
from aboveboard.pipelines.agreements import Signed, opened
from aboveboard.pipelines.log import LogView, log_view
from aboveboard.pipelines.paper_files import extracted
from aboveboard.pipelines.papers import Papers
from aboveboard.pipelines.verifying_steps import Verified
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Ring, Role
from tests.attacks import bundles
from tests.attacks.keys import CUSTOMER, LOG, NOW, OTHER, SUPPLIER, WITNESS, key, refused
from tests.attacks.test_agreements import IMAGE, RING, document, sealed
from tests.attacks.test_keys import entry
from tests.pipelines.test_derived_records import LOG_KEY, NOBODY, POLICY, WHO

DAY = timedelta(days=1)
NEW_SUPPLIER, NEW_CUSTOMER = key("new supplier"), key("new customer")
LOGS = {"canary": LOG_KEY.to_text()}
STRICT = {"bytes_explained": 990, "programs_identified": 990}
FIRST = document(logs=LOGS, limits=STRICT)


def ended(*names: str, until: datetime = NOW - 5 * DAY) -> Ring:
    """Return the ring after keys of these parties have ended; new ones speak for both."""
    old = {
        name: replace(one, until=until) if name in names else one
        for name, one in {"acme": entry(SUPPLIER), "ministry": entry(CUSTOMER)}.items()
    }
    new = {"acme-2": entry(NEW_SUPPLIER, since=until - DAY), "ministry-2": entry(NEW_CUSTOMER, since=until - DAY)}
    roles = {**RING.roles, "supplier": Role(1, ("acme", "acme-2")), "customer": Role(1, ("ministry", "ministry-2"))}
    return replace(RING, keys={**RING.keys, **old, **new}, roles=roles)


OLD = ended("acme", "ministry")


def second(before: Mapping[str, Any] = FIRST, **changes: Any) -> dict[str, Any]:
    """Return an amendment that asks for less, and is dated back to the first day of the term."""
    usual = {"sequence": before["sequence"] + 1, "amends": digest_of(before), "logs": before["logs"]}
    return document(**{**usual, **changes})


def naming(supplier: PrivateKey, customer: PrivateKey) -> dict[str, Any]:
    roles = {**document()["roles"]}
    roles["supplier"] = {"threshold": 1, "keys": [supplier.public.id]}
    roles["customer"] = {"threshold": 1, "keys": [customer.public.id]}
    return roles


def logged(folder: Path, *lines: bytes, at: datetime = NOW - 20 * DAY) -> LogView:
    """Return a log with agreements in it, which a witness saw at a time."""
    log_writing.create(folder / "L", LOG_KEY.name, LOG)
    (folder / "A.dsse").write_bytes(b"".join(line + b"\n" for line in lines))
    log_writing.add(folder / "L", [folder / "A.dsse"], "agreement", LOG, {}, batch=True)
    log_writing.witness(folder / "L", LOG_KEY, (WHO, WITNESS), folder / "W", at)
    return log_view(folder / "L", POLICY)


def chain(*values: dict[str, Any]) -> list[bytes]:
    return [sealed(value) for value in values]


def undecided(lines: Sequence[bytes], ring: Ring, *logs: LogView) -> None:
    error = refused("key-not-valid", lambda: opened(lines, ring, NOW, logs))
    assert error.exit_code == 4
    assert "dated back" in error.message
    assert "countersign" in error.hint
    assert "--log" in error.hint


@pytest.mark.parametrize("names", [("acme",), ("ministry",), ("acme", "ministry")])
def test_an_amendment_with_a_key_that_has_expired_is_undecided(names: tuple[str, ...]) -> None:
    lines = chain(FIRST, second())
    assert len(opened(lines, RING, NOW)) == 2
    undecided(lines, ended(*names))
    assert len(opened(lines[:1], ended(*names), NOW)) == 1  # the first one stands: its keys were good in its term


def test_a_log_that_held_it_while_the_keys_were_good_shows_that_it_was_not(tmp_path: Path) -> None:
    lines = chain(FIRST, second())
    view = logged(tmp_path, *lines)
    found: list[Signed] = opened(lines, OLD, NOW, [view])
    assert [one.seen for one in found] == [None, NOW - 20 * DAY]
    undecided(lines, OLD, log_view(tmp_path / "L", NOBODY))  # without witnesses a log knows no time
    undecided(chain(FIRST, second(text="Another one.")), OLD, view)


def test_a_log_that_held_it_later_does_not(tmp_path: Path) -> None:
    lines = chain(FIRST, second())
    undecided(lines, OLD, logged(tmp_path, *lines, at=NOW - DAY))


def test_a_log_that_only_the_amendment_names_is_its_own_word(tmp_path: Path) -> None:
    first = document()
    lines = chain(first, second(first, logs=LOGS))
    view = logged(tmp_path, *lines)
    undecided(lines, OLD, view)
    third = second(second(first, logs=LOGS), text="The third.")
    undecided([*lines, sealed(third)], OLD, view)


def test_a_log_that_an_amendment_names_counts_once_that_is_shown_good(tmp_path: Path) -> None:
    other = replace(LOG_KEY, name="log.example/before")
    first = document(logs={"canary": other.to_text()})
    both = second(first, logs=LOGS, roles=naming(NEW_SUPPLIER, NEW_CUSTOMER))
    moved = sealed(both, SUPPLIER, CUSTOMER, NEW_SUPPLIER, NEW_CUSTOMER)
    third = second(both, roles=naming(SUPPLIER, CUSTOMER))
    lines = [sealed(first), moved, sealed(third, SUPPLIER, CUSTOMER, NEW_SUPPLIER, NEW_CUSTOMER)]
    undecided(lines, OLD)
    assert len(opened(lines, OLD, NOW, [logged(tmp_path, *lines)])) == 3


def test_keys_may_be_replaced_by_an_amendment_that_names_the_new_ones() -> None:
    moved = second(roles=naming(NEW_SUPPLIER, NEW_CUSTOMER))
    assert len(opened([sealed(FIRST), sealed(moved, SUPPLIER, CUSTOMER, NEW_SUPPLIER, NEW_CUSTOMER)], OLD, NOW)) == 2
    refused("one-sided", lambda: opened([sealed(FIRST), sealed(moved, SUPPLIER, CUSTOMER, NEW_SUPPLIER)], OLD, NOW))


def test_the_newest_one_speaks_for_those_before_it_and_leaving_it_away_does_not_help() -> None:
    moved = second(second(), roles=naming(NEW_SUPPLIER, NEW_CUSTOMER))
    lines = [*chain(FIRST, second()), sealed(moved, SUPPLIER, CUSTOMER, NEW_SUPPLIER, NEW_CUSTOMER)]
    assert len(opened(lines, OLD, NOW)) == 3
    undecided(lines[:2], OLD)


def test_a_thief_who_appends_one_more_gains_nothing() -> None:
    moved = second(roles=naming(NEW_SUPPLIER, NEW_CUSTOMER))
    good = [sealed(FIRST), sealed(moved, SUPPLIER, CUSTOMER, NEW_SUPPLIER, NEW_CUSTOMER)]
    refused("role", lambda: opened([*good, sealed(second(moved))], OLD, NOW))  # the old keys speak for nobody there
    undecided([sealed(FIRST), sealed(second())], OLD)


def test_a_key_that_is_revoked_still_takes_the_first_agreement_with_it(tmp_path: Path) -> None:
    lines = chain(FIRST, second())
    ring = replace(RING, keys={**RING.keys, "acme": entry(SUPPLIER, revoked=NOW - DAY)})
    refused("key-not-valid", lambda: opened(lines, ring, NOW, [logged(tmp_path, *lines)]))


def test_the_way_out_stays_open_one_may_countersign_what_follows(tmp_path: Path) -> None:
    moved = second(second(), roles=naming(NEW_SUPPLIER, NEW_CUSTOMER))
    place = tmp_path / "A.dsse"
    lines = [*chain(FIRST, second()), sealed(moved, SUPPLIER, NEW_SUPPLIER)]
    place.write_bytes(b"".join(line + b"\n" for line in lines))
    assert agreement_signing.check_before(agreement_signing.read_chain(place), OLD, NOW)
    place.write_bytes(b"".join(line + b"\n" for line in lines[:2]))
    refused("key-not-valid", lambda: agreement_signing.read_chain(place, OLD, NOW))
    assert agreement_signing.read_chain(place, OLD, NOW, followed=True).newest.agreement.sequence == 2


def verified(folder: Path, *logs: LogView, ring: Ring) -> Verified:
    given = Papers(agreement=tuple(chain(FIRST, second())), logs=logs)
    at = bundles.AT
    known = papers.opened(given, RING, bundles.STANDARD, NOW - DAY, IMAGE)
    case = bundles.case(extracted(given, known, IMAGE), at=at)
    return bundles.verified(folder / "bundle", bundles.sealed(folder / "run", case).files, ring=ring)


def test_a_bundle_under_it_is_undecided_once_the_keys_have_ended_and_not_where_it_brings_the_entry(tmp_path: Path) -> None:
    later = NOW - timedelta(minutes=1)
    ring = ended("acme", until=later)  # they were good when it was judged, and are not any more
    without = verified(tmp_path / "1", ring=ring)
    assert (without.exit_code, bundles.codes(without)) == (4, ["key-not-valid"])
    (tmp_path / "log").mkdir()
    with_log = verified(tmp_path / "2", logged(tmp_path / "log", *chain(FIRST, second())), ring=ring)
    assert (with_log.exit_code, bundles.codes(with_log)) == (0, [])


def test_the_laboratory_is_no_party() -> None:
    refused("one-sided", lambda: opened([sealed(FIRST), sealed(second(), SUPPLIER, OTHER)], OLD, NOW))

"""What the check of an agreement lets pass can be signed, and whatever somebody writes is told and never a crash."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.attacks.keys import CUSTOMER, NOW, SUPPLIER
from tests.attacks.test_agreements import RING, document, sealed
from tests.attacks.test_keys import entry

from aboveboard.agreement.agreement import complete
from aboveboard.agreement.yaml_text import load
from aboveboard.model.canonical import canonical
from aboveboard.model.declaration import OPEN
from aboveboard.model.errors import InputError
from aboveboard.pipelines import agreement_signing, agreements
from aboveboard.pipelines.agreement_writing import Wanted, amendment, begun, judged, yaml_of
from aboveboard.trust.keyring import Key, Ring, Role

WORD = st.sampled_from(
    ["", OPEN, "x", "NB-01", "supplier", "sha256:" + "1" * 64, "2026-11-01T00:00:00Z", "\u202e", "log+0+A"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2000) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


WHOLE = document(logs={}, remedies=["It is mended."], supplier={"name": "A", "address": "B"})


@settings(max_examples=300)
@given(st.sampled_from(places(WHOLE)), ANYTHING)
def test_whatever_stands_there_is_told_or_can_be_signed(path: tuple[Any, ...], part: Any) -> None:
    value: Any = copy.deepcopy(WHOLE)
    if not path:
        value = part
    else:
        here = value
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = part
    found = judged(complete(value), {"$": 7})
    assert all(one.line == 7 and one.place.startswith("$") and one.text for one in [*found.wrong, *found.open])
    if not found.wrong and not found.open:
        agreements.read(found.document)
        agreements.unsigned(sealed(dict(found.document)))


def test_the_line_is_that_of_the_nearest_place_around_it() -> None:
    lines = {"$": 1, "$.roles": 20, "$.roles.supplier": 21}
    value = document(roles={"supplier": {"threshold": 0, "keys": [SUPPLIER.public.id]}})
    found = judged(value, lines)
    assert {(one.line, one.place) for one in found.wrong} == {
        (1, "$.evidence.default[0]"),
        (20, "$.roles"),
        (21, "$.roles.supplier.threshold"),
    }


def test_keys_of_a_ring_that_sign_no_more_are_left_out() -> None:
    old = entry(CUSTOMER, revoked=NOW)
    over = Key(SUPPLIER.public, NOW.replace(year=2020), NOW.replace(year=2021))
    ring = Ring(1, {**RING.keys, "ministry": old, "acme": over}, {**RING.roles, "laboratory": Role(1, ("lab",))})
    roles: Any = begun(Wanted("outsider", "A", "B"), ring, NOW)["roles"]
    assert list(roles) == ["supplier", "customer", "laboratory"]
    assert (roles["supplier"]["keys"], roles["customer"]["keys"]) == ([OPEN], [OPEN])


def test_every_profile_gives_an_agreement_in_form() -> None:
    for profile in ("outsider", "operator", "evaluator"):
        wanted = Wanted(
            profile, "A", "B", ("sha256:" + "1" * 64,), "P", "1", "2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z"
        )
        filled = load(yaml_of(begun(wanted, RING, NOW), RING), "", "")
        found = judged(complete(filled.value), filled.lines)
        assert (found.wrong, found.open) == ((), ())


def test_an_amendment_says_the_same_with_the_next_number() -> None:
    [signed] = agreements.opened([sealed(document())], RING, NOW)
    assert amendment(signed)["term"] == {"from": OPEN, "until": signed.agreement.until}  # nobody dates it back unawares
    value = complete(load(yaml_of(amendment(signed, signed.agreement.since)), "", "").value)
    assert value == {**document(), "sequence": 2, "amends": signed.agreement.digest}
    agreement_signing.follows(None, signed.agreement)
    assert canonical({**value, "sequence": 1, "amends": None}) == canonical(signed.document)


def test_what_no_check_could_read_again_is_not_written() -> None:
    [signed] = agreements.opened([sealed(document(text="\u00e9" * 150_000))], RING, NOW)
    assert yaml_of(amendment(signed))
    long = {**amendment(signed), "text": "x" * (1 << 20)}
    with pytest.raises(InputError, match="bytes"):
        yaml_of(long)

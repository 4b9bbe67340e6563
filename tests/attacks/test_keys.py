"""Cases 7, 10 and 58 to 61: roles, thresholds, rotation, revocation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from aboveboard.trust.dsse import parse
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Key, Ring, Role, follow, make, speaks
from aboveboard.trust.refusal import UndecidedError
from tests.attacks.keys import CUSTOMER, NOW, OTHER, SECOND, SUPPLIER, WITNESS, envelope, key, refused

YEAR = timedelta(days=365)
ROOT, NEXT = key("root"), key("next root")


def entry(private: PrivateKey, **changes: object) -> Key:
    return replace(Key(private.public, NOW - YEAR, NOW + YEAR), **changes)  # type: ignore[arg-type]  # fields of a key


def ring(version: int = 1, root: PrivateKey = ROOT) -> Ring:
    keys = {"chief": entry(root), "acme-1": entry(SUPPLIER), "acme-2": entry(SECOND), "ministry": entry(CUSTOMER)}
    roles = {"root": Role(1, ("chief",)), "supplier": Role(2, ("acme-1", "acme-2")), "customer": Role(1, ("ministry",))}
    return Ring(version, keys, roles)


FIRST = make(ring(), [ROOT])


def test_a_ring_is_read_as_it_was_made() -> None:
    assert follow([FIRST], NOW) == ring()


def test_07_one_of_two_that_are_asked_for() -> None:
    refused("threshold", lambda: speaks(ring(), envelope(SUPPLIER), "supplier", NOW))
    assert speaks(ring(), envelope(SUPPLIER, SECOND), "supplier", NOW) == {"acme-1", "acme-2"}
    refused("role", lambda: speaks(ring(), envelope(SUPPLIER, SECOND), "customer", NOW))


def test_10_a_key_of_one_role_does_not_speak_for_another() -> None:
    refused("role", lambda: speaks(ring(), envelope(CUSTOMER), "supplier", NOW))
    refused("role", lambda: speaks(ring(), envelope(CUSTOMER), "laboratory", NOW))


def test_58_an_older_ring_after_a_newer_one() -> None:
    second = make(ring(2), [ROOT])
    assert follow([FIRST, second], NOW).version == 2
    refused("rollback", lambda: follow([FIRST], NOW, known=2))
    refused("rollback", lambda: follow([FIRST, FIRST], NOW))
    refused("rollback", lambda: follow([FIRST, make(ring(3), [ROOT])], NOW))


def test_59_a_rotation_wants_the_old_key_and_the_new_one() -> None:
    later = ring(2, NEXT)
    assert follow([FIRST, make(later, [ROOT, NEXT])], NOW) == later
    refused("signature", lambda: follow([FIRST, make(later, [NEXT])], NOW))
    refused("signature", lambda: follow([FIRST, make(later, [ROOT])], NOW))
    refused(
        "threshold", lambda: follow([FIRST, make(replace(later, keys={**later.keys, "old": entry(ROOT)}), [ROOT])], NOW)
    )


def test_59_after_a_rotation_the_old_root_changes_nothing_more() -> None:
    second = make(ring(2, NEXT), [ROOT, NEXT])
    refused("signature", lambda: follow([FIRST, second, make(ring(3), [ROOT])], NOW))


@pytest.mark.parametrize(
    "changes",
    [{"revoked": NOW}, {"revoked": NOW - YEAR}, {"until": NOW}, {"since": NOW + timedelta(seconds=1)}],
)
def test_60_a_key_that_is_revoked_or_out_of_its_time(changes: dict[str, object]) -> None:
    now = ring()
    changed = replace(now, keys={**now.keys, "ministry": entry(CUSTOMER, **changes)})
    with pytest.raises(UndecidedError) as caught:
        speaks(changed, envelope(CUSTOMER), "customer", NOW)
    assert caught.value.code == "key-not-valid"


def test_60_what_was_signed_before_a_revocation_counts_where_its_time_is_shown() -> None:
    now = ring()
    revoked = replace(now, keys={**now.keys, "ministry": entry(CUSTOMER, revoked=NOW)})
    assert speaks(revoked, envelope(CUSTOMER), "customer", NOW - timedelta(seconds=1)) == {"ministry"}


@pytest.mark.parametrize(
    ("code", "roles"),
    [
        ("threshold", {"supplier": Role(0, ("acme-1",))}),
        ("threshold", {"supplier": Role(3, ("acme-1", "acme-2"))}),
        ("threshold", {"supplier": Role(1, ())}),
        ("two-roles", {"supplier": Role(1, ("ministry",))}),
        ("keyring", {"supplier": Role(1, ("nobody",))}),
        ("keyring", {"supplier": Role(1, ("acme-1", "acme-1"))}),
        ("keyring", {"owner": Role(1, ("acme-1",)), "supplier": Role(1, ("acme-2",))}),
    ],
)
def test_61_thresholds_and_roles_that_cannot_be(code: str, roles: dict[str, Role]) -> None:
    bad = replace(ring(), roles={**ring().roles, **roles})
    refused(code, lambda: follow([make(bad, [ROOT])], NOW))


def test_61_one_key_under_two_names() -> None:
    now = ring()
    refused("duplicate-key", lambda: make(replace(now, keys={**now.keys, "again": entry(ROOT)}), [ROOT]))


def test_a_ring_that_somebody_else_signed() -> None:
    refused("signature", lambda: follow([make(ring(), [OTHER])], NOW))
    refused("threshold", lambda: follow([make(ring(), [SUPPLIER])], NOW))


def test_a_private_key_is_kept_under_its_passphrase() -> None:
    pem = WITNESS.to_pem(b"correct horse")
    assert PrivateKey.from_pem(pem, b"correct horse").public == WITNESS.public
    refused("key-locked", lambda: PrivateKey.from_pem(pem, b"wrong"))
    refused("key-unprotected", lambda: WITNESS.to_pem(b""))
    refused("key-unprotected", lambda: PrivateKey.from_pem(b"-----BEGIN PRIVATE KEY-----\n", b"x"))
    assert parse(envelope(WITNESS).to_bytes()).signatures[0].keyid == WITNESS.public.id

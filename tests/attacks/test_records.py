"""Cases 1, 4, 7, 25, 33, 35 and 60 on records and declarations that are signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from aboveboard.agreement import record as reading
from aboveboard.agreement.declaration import from_value
from aboveboard.pipelines import declarations, records
from aboveboard.standard import reader
from aboveboard.trust import dsse, statement
from aboveboard.trust.ed25519 import PrivateKey
from tests.agreement.test_records import IMAGE, body, trial
from tests.attacks.keys import CUSTOMER, NOW, OTHER, SECOND, SUPPLIER, refused
from tests.attacks.test_agreements import RING
from tests.attacks.test_keys import entry

CLAUSES = reader.load().clauses
FORM = reading.document(body("EV-05", "update-refusal", trials=[trial("altered")]), CLAUSES)


def sealed(
    value: dict[str, Any], *keys: PrivateKey, kind: str = statement.RECORD, about: dict[str, str] | None = None
) -> bytes:
    subjects = about or records.subjects(value)
    payload = statement.Statement(kind, subjects, {"record": value}).to_bytes()
    return dsse.seal(dsse.STATEMENT, payload, keys or (OTHER,)).to_bytes()


def test_a_record_is_opened_in_the_role_that_signed_it() -> None:
    found = records.opened(sealed(FORM), RING, NOW, CLAUSES)
    assert (found.role, found.signers, found.images) == ("laboratory", ("lab",), (IMAGE,))


def test_04_a_record_is_no_other_statement() -> None:
    refused("predicate-type", lambda: records.opened(sealed(FORM, kind=statement.VERDICT), RING, NOW, CLAUSES))


def test_07_nobody_s_role_and_two_roles() -> None:
    refused("role", lambda: records.opened(sealed(FORM, SECOND), RING, NOW, CLAUSES))  # the root judges nothing
    refused("two-roles", lambda: records.opened(sealed(FORM, OTHER, CUSTOMER), RING, NOW, CLAUSES))


def test_25_a_record_out_of_form() -> None:
    refused("record-form", lambda: records.opened(sealed({**FORM, "surprise": 1}), RING, NOW, CLAUSES))
    refused("record-form", lambda: records.opened(sealed({**FORM, "kind": "canary"}), RING, NOW, CLAUSES))


def test_a_record_that_was_signed_elsewhere_and_is_still_to_be_completed() -> None:
    for change in ({"method": "with a probe, TO BE\n completed"}, {"result": {"to be completed": 1}}):
        found = refused("unfinished", lambda change=change: records.opened(sealed({**FORM, **change}), RING, NOW, CLAUSES))  # type: ignore[misc]
        assert found.exit_code == 4  # who forgot something forged nothing
    many = {**FORM, "who": reading.ZEROS, "images": [reading.ZEROS] * 6}
    assert ", and 2 more" in refused("unfinished", lambda: records.opened(sealed(many), RING, NOW, CLAUSES)).message
    refused("signature", lambda: records.opened(sealed(many, PrivateKey.generate()), RING, NOW, CLAUSES))


def test_33_35_a_statement_about_another_record_or_image() -> None:
    subjects = records.subjects(FORM)
    moved = {**subjects, "image 1": "9" * 64}
    refused("digest", lambda: records.opened(sealed(FORM, about=moved), RING, NOW, CLAUSES))
    refused("digest", lambda: records.opened(sealed(FORM, about={**subjects, "image 2": "9" * 64}), RING, NOW, CLAUSES))


def test_60_a_revoked_key() -> None:
    ring = replace(RING, keys={**RING.keys, "lab": entry(OTHER, revoked=NOW - timedelta(days=1))})
    assert refused("key-not-valid", lambda: records.opened(sealed(FORM), ring, NOW, CLAUSES)).exit_code == 4


DECLARED = from_value(
    {
        "aboveboard": "declaration/1",
        "supplier": "Example Networks",
        "product": "AR-1",
        "version": "7.3",
        "date": "2026-11-01",
        "images": [IMAGE],
        "declares": {"services": [{"name": "web", "proto": "tcp", "port": 80, "purpose": "to be managed"}]},
    }
)


def test_a_declaration_is_opened_as_it_was_signed_and_by_the_supplier_alone() -> None:
    assert declarations.opened(declarations.signed(DECLARED, SUPPLIER).to_bytes(), RING, NOW) == DECLARED
    refused("role", lambda: declarations.opened(declarations.signed(DECLARED, CUSTOMER).to_bytes(), RING, NOW))
    envelope = declarations.signed(DECLARED, SUPPLIER)
    changed = replace(envelope, payload=envelope.payload.replace(b'"port":80', b'"port":81'))
    refused("signature", lambda: declarations.opened(changed.to_bytes(), RING, NOW))

"""Cases 1 to 18: what an envelope may claim, and what it may not."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.trust import dsse
from aboveboard.trust.dsse import STATEMENT, Signature, countersign, parse, seal, signers
from aboveboard.trust.ed25519 import PublicKey
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.statement import AGREEMENT, CANARY, VERDICT, Statement
from tests.attacks.keys import CUSTOMER, KNOWN, OTHER, SUPPLIER, envelope, refused, statement

ORDER = 2**252 + 27742317777372353535851937790883648493


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(envelope().to_bytes()), **fields}).encode()


def test_a_good_envelope_is_read_and_its_signers_named() -> None:
    assert signers(parse(envelope().to_bytes()), STATEMENT, KNOWN) == {"acme", "ministry"}


def test_01_a_changed_payload() -> None:
    good = envelope()
    refused("signature", lambda: signers(replace(good, payload=good.payload + b" "), STATEMENT, KNOWN))


@given(at=st.integers(0, len(envelope().to_bytes()) * 8 - 1))
@settings(max_examples=300, deadline=None)
def test_01_any_flipped_bit_is_refused_or_changes_nothing_that_is_read(at: int) -> None:
    data = bytearray(envelope().to_bytes())
    data[at // 8] ^= 1 << at % 8
    try:
        read = parse(bytes(data))
        found = signers(read, STATEMENT, KNOWN)
    except RefusedError:
        return
    # only the hints may differ: nobody believes them
    assert (read.type, read.payload, found) == (STATEMENT, envelope().payload, frozenset({"acme", "ministry"}))


@pytest.mark.parametrize("kind", ["application/json", "", "application/vnd.in-toto+JSON"])
def test_02_03_another_type_even_with_a_signature_that_holds(kind: str) -> None:
    refused("payload-type", lambda: signers(seal(kind, statement(), (SUPPLIER,)), STATEMENT, KNOWN))


def test_02_the_type_is_covered_by_the_signature() -> None:
    refused(
        "signature",
        lambda: signers(replace(seal("application/json", statement(), (SUPPLIER,)), type=STATEMENT), STATEMENT, KNOWN),
    )


def test_03_a_type_that_is_absent() -> None:
    body = json.loads(envelope().to_bytes())
    del body["payloadType"]
    refused("envelope-form", lambda: parse(json.dumps(body).encode()))


@pytest.mark.parametrize(("stated", "wanted"), [(VERDICT, AGREEMENT), (CANARY, VERDICT)])
def test_04_a_statement_of_another_kind(stated: str, wanted: str) -> None:
    refused("predicate-type", lambda: Statement.parse(statement(stated), wanted))


def test_05_another_version_of_statements() -> None:
    old = statement().replace(b"Statement/v1", b"Statement/v0.1")
    refused("statement-type", lambda: Statement.parse(old, VERDICT))


def test_06_no_signature() -> None:
    refused("unsigned", lambda: parse(changed(signatures=[])))
    refused("envelope-form", lambda: parse(changed(signatures=None)))


def test_08_one_key_under_two_names_counts_once() -> None:
    twice = {"acme": SUPPLIER.public, "acme-too": SUPPLIER.public}
    assert len(signers(envelope(SUPPLIER, SUPPLIER), STATEMENT, twice)) == 1


def test_09_one_signature_repeated_counts_once() -> None:
    good = envelope(SUPPLIER)
    assert signers(replace(good, signatures=good.signatures * 3), STATEMENT, KNOWN) == {"acme"}


def test_11_an_unknown_signature_is_passed_over_and_a_wrong_one_of_a_known_key_is_not() -> None:
    assert signers(envelope(SUPPLIER, OTHER), STATEMENT, KNOWN) == {"acme"}
    wrong = Signature(CUSTOMER.public.id, bytes(64))
    good = envelope(SUPPLIER)
    refused("signature", lambda: signers(replace(good, signatures=(*good.signatures, wrong)), STATEMENT, KNOWN))


@pytest.mark.parametrize("hint", ["", "nobody", "0" * 64])
def test_12_hints_that_are_missing_or_lie_change_nothing(hint: str) -> None:
    good = envelope()
    hinted = replace(good, signatures=tuple(replace(one, keyid=hint) for one in good.signatures))
    assert signers(parse(hinted.to_bytes()), STATEMENT, KNOWN) == {"acme", "ministry"}


def test_12_two_hints_swapped_are_no_other_signers() -> None:
    good = envelope()
    one, two = good.signatures
    swapped = replace(good, signatures=(replace(one, keyid=two.keyid), replace(two, keyid=one.keyid)))
    assert signers(swapped, STATEMENT, KNOWN) == {"acme", "ministry"}


def test_13_both_alphabets_and_no_other_form_of_base64() -> None:
    good = envelope()
    plain = base64.b64encode(good.payload).decode()
    safe = base64.urlsafe_b64encode(good.payload).decode()
    assert parse(changed(payload=plain)).payload == parse(changed(payload=safe)).payload == good.payload
    for bad in (plain + "\n", " " + plain, plain.rstrip("=") + "!", "YR==", plain[:4] + "%" + plain[4:], "a"):
        refused("base64", lambda bad=bad: parse(changed(payload=bad)))  # type: ignore[misc]  # bound at once


@pytest.mark.parametrize(
    "raw",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ],
)
def test_14_keys_of_small_order(raw: str) -> None:
    refused("key-small-order", lambda: PublicKey.enrol(bytes.fromhex(raw)))


@pytest.mark.parametrize(
    "raw",
    [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 0, written as the prime
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 1, written as the prime and one
        "0100000000000000000000000000000000000000000000000000000000000080",  # a sign where there is none
        "ff" * 32,
        "02" + "00" * 31,  # no point
        "00" * 31,
        "00" * 33,
    ],
)
def test_14_keys_that_are_no_point_in_its_one_form(raw: str) -> None:
    refused("key-form", lambda: PublicKey.enrol(bytes.fromhex(raw)))


def test_15_signatures_that_are_the_same_in_another_form() -> None:
    message = envelope().signed_bytes
    good = SUPPLIER.sign(message)
    later = (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    assert SUPPLIER.public.verifies(good, message)
    for bad in (good[:32] + later, good[:-1], good + b"\0", b"", bytes(64)):
        assert not SUPPLIER.public.verifies(bad, message)


def test_16_another_algorithm_with_the_bytes_of_the_key() -> None:
    message = envelope().signed_bytes
    mac = hmac.digest(SUPPLIER.public.raw, message, "sha512")
    forged = replace(envelope(), signatures=(Signature(SUPPLIER.public.id, mac),))
    refused("signature", lambda: signers(forged, STATEMENT, KNOWN))


def test_17_keys_of_another_type() -> None:
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for foreign in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        pem = foreign.public_key().public_bytes(*form)
        refused("key-type", lambda pem=pem: PublicKey.from_pem(pem))  # type: ignore[misc]  # bound at once


def test_18_a_key_inside_the_envelope_is_no_anchor() -> None:
    own = json.loads(envelope(OTHER).to_bytes())
    own["signatures"][0]["publicKey"] = base64.b64encode(OTHER.public.raw).decode()
    refused("signature", lambda: signers(parse(json.dumps(own).encode()), STATEMENT, KNOWN))


def test_a_second_signature_covers_the_same_bytes_and_replaces_none_but_its_own() -> None:
    one = envelope(SUPPLIER)
    both = countersign(one, CUSTOMER)
    assert both.payload == one.payload
    assert signers(countersign(both, CUSTOMER), STATEMENT, KNOWN) == {"acme", "ministry"}
    assert len(countersign(both, CUSTOMER).signatures) == 2


def test_parse_then_write_gives_the_same_bytes() -> None:
    data = envelope().to_bytes()
    assert parse(data).to_bytes() == data


def test_24_too_many_signatures_and_too_large_a_payload() -> None:
    one = json.loads(envelope(SUPPLIER).to_bytes())["signatures"][0]
    refused("too-large", lambda: parse(changed(signatures=[one] * (dsse.MAX_SIGNATURES + 1))))

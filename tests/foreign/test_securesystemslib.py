"""securesystemslib (of python-tuf and in-toto) checks the envelopes, with as many signatures as there are signers."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from tests.foreign.conftest import Enveloped, flipped


def key_of(path: Path, keyid: str) -> SSlibKey:
    return SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()), keyid=keyid)


def keys_of(enveloped: Enveloped) -> list[SSlibKey]:
    listed = enveloped.json["signatures"]
    return [key_of(path, one["keyid"]) for path, one in zip(enveloped.keys, listed, strict=True)]


def accepted(value: dict[str, Any], keys: list[SSlibKey], threshold: int) -> int:
    return len(Envelope.from_dict(copy.deepcopy(value)).verify(keys, threshold))


def changed(enveloped: Enveloped, **fields: Any) -> dict[str, Any]:
    return {**enveloped.json, **fields}


def test_it_is_taken_with_every_signature(enveloped: Enveloped) -> None:
    keys = keys_of(enveloped)
    assert accepted(enveloped.json, keys, len(keys)) == len(keys)
    assert Envelope.from_dict(enveloped.json).payload == enveloped.payload


def test_both_parties_have_to_have_signed_the_agreement(envelopes: Mapping[str, Enveloped]) -> None:
    agreement = envelopes["agreement"]
    keys = keys_of(agreement)
    for number in (0, 1):
        one = changed(agreement, signatures=[agreement.json["signatures"][number]])
        assert accepted(one, keys, 1) == 1
        with pytest.raises(VerificationError):
            accepted(one, keys, 2)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_changed_payload_is_refused(enveloped: Enveloped, place: int) -> None:
    payload = base64.b64encode(flipped(enveloped.payload, place)).decode()
    with pytest.raises(VerificationError):
        accepted(changed(enveloped, payload=payload), keys_of(enveloped), 1)


@pytest.mark.parametrize("kind", ["application/json", "", "application/vnd.in-toto+jsom"])
def test_another_type_is_refused(enveloped: Enveloped, kind: str) -> None:
    with pytest.raises(VerificationError):
        accepted(changed(enveloped, payloadType=kind), keys_of(enveloped), 1)


@pytest.mark.parametrize("place", [0, 32, 63])
def test_a_changed_signature_is_refused(enveloped: Enveloped, place: int) -> None:
    listed = enveloped.json["signatures"]
    for one, signature in zip(listed, enveloped.signatures, strict=True):
        one["sig"] = base64.b64encode(flipped(signature, place)).decode()
    with pytest.raises(VerificationError):
        accepted(changed(enveloped, signatures=listed), keys_of(enveloped), 1)


def test_another_key_of_that_name_is_refused(enveloped: Enveloped, stage: Path) -> None:
    keyid = enveloped.json["signatures"][0]["keyid"]
    with pytest.raises(VerificationError):
        accepted(enveloped.json, [key_of(stage / "witness.pem.pub", keyid)], 1)


def test_a_keyid_is_what_securesystemslib_needs_and_we_do_not_believe(enveloped: Enveloped) -> None:
    """It looks for signatures by their keyid alone; ours is the SHA-256 of the raw key, so nobody has to guess it."""
    with pytest.raises(VerificationError):
        accepted(enveloped.json, [key_of(enveloped.keys[0], "another name")], 1)

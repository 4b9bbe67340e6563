"""OpenSSL's command line checks every signature: Ed25519 (RFC 8032) over the pre-authentication encoding of DSSE."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aboveboard.trust.ed25519 import PrivateKey, PublicKey
from tests.foreign.conftest import Enveloped, flipped

TYPE = "application/vnd.in-toto+json"


def signed_bytes(payload: bytes, payload_type: str = TYPE) -> bytes:
    """Return what DSSE signs (DSSE 1.0.2, protocol, Signature Definition)."""
    kind = payload_type.encode()
    return b"DSSEv1 " + b" ".join([str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


@pytest.fixture(scope="session", autouse=True)
def openssl() -> str:
    found = shutil.which("openssl")
    assert found, "openssl is wanted (Debian package openssl)"
    return found


def verifies(folder: Path, key: Path, message: bytes, signature: bytes) -> bool:
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
    command = [*words, "-in", str(folder / "message"), "-sigfile", str(folder / "signature")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert ("Signature Verified Successfully" in said) is (done.returncode == 0), said
    return done.returncode == 0


def test_each_signature_is_taken_under_the_key_of_its_signer(enveloped: Enveloped, tmp_path: Path) -> None:
    assert enveloped.json["payloadType"] == TYPE
    message = signed_bytes(enveloped.payload)
    assert len(enveloped.signatures) == len(enveloped.keys)
    for key, signature in zip(enveloped.keys, enveloped.signatures, strict=True):
        assert verifies(tmp_path, key, message, signature)


@pytest.mark.parametrize("place", [0, 1, 100, -100, -1])
def test_one_changed_byte_of_the_payload_is_refused(enveloped: Enveloped, tmp_path: Path, place: int) -> None:
    message = signed_bytes(flipped(enveloped.payload, place))
    assert not verifies(tmp_path, enveloped.keys[0], message, enveloped.signatures[0])


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_one_changed_byte_of_the_signature_is_refused(enveloped: Enveloped, tmp_path: Path, place: int) -> None:
    message = signed_bytes(enveloped.payload)
    assert not verifies(tmp_path, enveloped.keys[0], message, flipped(enveloped.signatures[0], place))


def test_another_key_and_another_type_are_refused(enveloped: Enveloped, stage: Path, tmp_path: Path) -> None:
    message, signature = signed_bytes(enveloped.payload), enveloped.signatures[0]
    others = [path for path in sorted(stage.glob("*.pem.pub")) if path not in enveloped.keys]
    assert len(others) > 3
    for other in others:
        assert not verifies(tmp_path, other, message, signature)
    assert not verifies(tmp_path, enveloped.keys[0], signed_bytes(enveloped.payload, "application/json"), signature)


def test_the_payload_alone_was_not_signed(enveloped: Enveloped, tmp_path: Path) -> None:
    assert not verifies(tmp_path, enveloped.keys[0], enveloped.payload, enveloped.signatures[0])


def test_the_commands_of_the_page_check_a_verdict(stage: Path, tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "attestation.md"
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    shutil.copy(stage / "laboratory.pem.pub", tmp_path)
    good = (stage / "B" / "verdict.dsse").read_bytes()
    for data, code in ((good, 0), (good.replace(b'"payload":"eyJ', b'"payload":"eyK'), 1)):
        (tmp_path / "verdict.dsse").write_bytes(data)
        done = subprocess.run(["sh", "-e"], input=commands, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, "Successfully" in done.stdout) == (code, code == 0), done.stderr


def test_a_private_key_of_ours_opens_there_and_one_from_there_opens_here(tmp_path: Path) -> None:
    key, ours, theirs = PrivateKey.generate(), tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.write_bytes(key.to_pem(b"for a test"))
    words = ["openssl", "pkey", "-in", str(ours), "-passin", "pass:for a test", "-pubout"]
    done = subprocess.run(words, capture_output=True, check=True)
    assert PublicKey.from_pem(done.stdout) == key.public
    plain = subprocess.run([*words[:-1]], capture_output=True, check=True).stdout
    for way in (["-scrypt"], ["-v2", "aes-256-cbc"], ["-v2", "aes-256-cbc", "-iter", "600000"]):
        again = ["openssl", "pkcs8", "-topk8", *way, "-passout", "pass:for a test", "-out", str(theirs)]
        subprocess.run(again, input=plain, capture_output=True, check=True)
        assert PrivateKey.from_pem(theirs.read_bytes(), b"for a test").public == key.public

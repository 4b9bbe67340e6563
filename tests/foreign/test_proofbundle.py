"""proofbundle checks proofs and checkpoints (C2SP tlog-proof, tlog-checkpoint, tlog-cosignature) as they lie in files.

Nothing is converted. It takes the entry from its caller, as it should; the proof brings our entry along in `extra`, and the
entry names the SHA-256 of the file that is shown.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from proofbundle.checkpoint import sign_checkpoint, verify_checkpoint, verify_witnessed_checkpoint, vkey
from proofbundle.errors import ProofBundleError
from proofbundle.tlogproof import format_tlog_proof, parse_tlog_proof, verify_tlog_proof

from aboveboard.trust import note
from aboveboard.trust.merkle import leaf_hash, node_hash
from aboveboard.trust.note import LogKey
from aboveboard.trust.policy import Policy
from aboveboard.trust.proof import Proof
from aboveboard.trust.refusal import RefusedError
from tests.attacks.keys import LOG
from tests.foreign.conftest import ORIGIN, WITNESS, flipped


class Case:
    """A proof, its entry and the keys that are pinned."""

    def __init__(self, stage: Path) -> None:
        self.text = (stage / "B.tlog-proof").read_text(encoding="utf-8")
        self.entry: bytes = parse_tlog_proof(self.text)["extra"]
        self.checkpoint: str = parse_tlog_proof(self.text)["checkpoint"]
        self.log, self.witness = ((stage / name).read_text() for name in ("log.vkey", "witness.vkey"))

    def check(self, **changes: Any) -> dict[str, Any]:
        given = {"text": self.text, "leaf_data": self.entry, "log_vkey": self.log, "witness_vkeys": [self.witness]}
        asked: dict[str, Any] = {"threshold": 1, "expected_origin": ORIGIN, **given, **changes}
        found: dict[str, Any] = verify_tlog_proof(**asked)
        return found

    def lines(self) -> list[str]:
        return self.text.partition("\n\n")[0].split("\n")

    def with_lines(self, lines: list[str]) -> str:
        return "\n".join(lines) + "\n\n" + self.checkpoint


def spelled(text: str) -> list[bytes]:
    """Return what the Base64 at the end of each line says, whatever its spare bits are."""
    return [base64.b64decode(line.rpartition(" ")[2]) for line in text.split("\n") if line.startswith("— ")]


@pytest.fixture(scope="module")
def case(stage: Path) -> Case:
    return Case(stage)


def test_the_proof_is_taken_as_it_is(case: Case, stage: Path) -> None:
    found = case.check()
    assert (found["ok"], found["log_ok"], found["witnesses_ok"], found["inclusion_ok"]) == (True,) * 4
    assert (found["origin"], found["tree_size"], found["index"]) == (ORIGIN, 6, 4)
    entry = json.loads(case.entry)
    assert entry["sha256"] == hashlib.sha256((stage / "B" / "manifest.dsse").read_bytes()).hexdigest()
    assert entry["kind"] == "bundle"


def test_another_entry_is_refused(case: Case) -> None:
    assert not case.check(leaf_data=flipped(case.entry, 20))["inclusion_ok"]
    assert not case.check(leaf_data=case.entry + b" ")["inclusion_ok"]


def test_another_index_is_refused(case: Case) -> None:
    for index in (0, 3, 5, 6):
        text = case.text.replace("\nindex 4\n", f"\nindex {index}\n")
        assert not case.check(text=text)["ok"]


def test_a_hash_too_few_or_too_many_or_another_order_is_refused(case: Case) -> None:
    lines = case.lines()
    hashes = lines[3:]
    assert len(hashes) == 2
    for other in (hashes[:1], [*hashes, hashes[0]], hashes[::-1], []):
        assert not case.check(text=case.with_lines([*lines[:3], *other]))["ok"]


def test_another_root_is_refused(case: Case) -> None:
    """Also one that a log signed: then the entry does not lead to it."""
    root = case.checkpoint.split("\n")[2]
    other = ("B" if root[0] != "B" else "C") + root[1:]
    assert not case.check(text=case.text.replace(root, other))["log_ok"]
    signed = sign_checkpoint(ORIGIN, 6, hashlib.sha256(b"another tree").digest(), LOG._key, ORIGIN)
    mine = format_tlog_proof(4, parse_tlog_proof(case.text)["proof"], signed, extra=case.entry)
    found = case.check(text=mine, log_vkey=vkey(ORIGIN, LOG.public.raw), threshold=0, witness_vkeys=[])
    assert (found["log_ok"], found["inclusion_ok"], found["ok"]) == (True, False, False)


def test_each_changed_byte_outside_of_what_is_nobodys_word_is_refused(case: Case) -> None:
    data = case.text.encode()
    extra = data.index(b"extra "), data.index(b"\nindex ")
    for at in range(len(data)):
        if extra[0] <= at < extra[1]:
            continue  # the caller brings the entry, and `extra` is not looked at
        try:
            text = flipped(data, at).decode()
        except UnicodeDecodeError:
            continue  # no text, so no proof
        if case.check(text=text)["ok"]:
            # As Go's decoder, it passes over the spare bits of the last character of a signature: the same signature
            # in another spelling. We take one spelling alone.
            assert spelled(text) == spelled(case.text), at
            with pytest.raises(RefusedError):
                note.parse(text.partition("\n\n")[2].encode())


def test_other_keys_are_refused(case: Case, stage: Path) -> None:
    other = vkey(ORIGIN, LOG.public.raw)
    assert not case.check(log_vkey=other)["log_ok"]
    assert not case.check(expected_origin="log.example/other")["log_ok"]
    assert not case.check(threshold=2)["witnesses_ok"]
    assert not case.check(witness_vkeys=[])["witnesses_ok"]
    assert not case.check(witness_vkeys=[case.witness, case.witness], threshold=2)["witnesses_ok"]


def test_the_checkpoint_is_taken_with_its_witness(case: Case, stage: Path) -> None:
    signed = (stage / "L" / "checkpoint").read_text(encoding="utf-8")
    assert verify_checkpoint(signed, case.log)["ok"]
    found = verify_witnessed_checkpoint(signed, case.log, [case.witness], threshold=1, expected_origin=ORIGIN)
    assert (found["ok"], found["tree_size"], len(found["witnesses"])) == (True, 6, 1)
    assert all(one["ok"] for one in found["witnesses"].values())


def test_a_changed_checkpoint_is_refused(case: Case) -> None:
    lines = case.checkpoint.split("\n")
    for number, line in enumerate(lines[:3]):
        changed = "\n".join([*lines[:number], line[:-1] + ("1" if line[-1] != "1" else "2"), *lines[number + 1 :]])
        try:
            assert not verify_checkpoint(changed, case.log)["ok"]
        except ProofBundleError:
            continue  # not even in form
    without = "\n".join(line for line in lines if not line.startswith(f"— {WITNESS} "))
    assert verify_checkpoint(without, case.log)["ok"]
    assert not verify_witnessed_checkpoint(without, case.log, [case.witness], threshold=1)["ok"]


def test_a_proof_that_proofbundle_makes_is_taken_by_us_and_its_neighbour_refused() -> None:
    one, other = b"one", b"other"
    root = node_hash(leaf_hash(one), leaf_hash(other))
    signed = sign_checkpoint(ORIGIN, 2, root, LOG._key, ORIGIN)
    proof = Proof.parse(format_tlog_proof(0, [leaf_hash(other)], signed, extra=one).encode())
    policy = Policy(LogKey(ORIGIN, LOG.public), (), {}, "none")
    assert LogKey(ORIGIN, LOG.public).to_text() == vkey(ORIGIN, LOG.public.raw)
    assert proof.check(proof.extra, policy).checkpoint.size == 2
    with pytest.raises(RefusedError):
        proof.check(other, policy)

"""Cases 47, 48 and 52 to 56: who has seen a checkpoint, and what a log showed to two of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aboveboard.trust.checkpoint import Checkpoint, WitnessKey, check, cosign
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.log import CHECKPOINT
from aboveboard.trust.merkle import leaf_hash
from aboveboard.trust.note import LogKey, Note, parse, sign
from aboveboard.trust.policy import Policy
from aboveboard.trust.refusal import UndecidedError
from aboveboard.trust.tree import Tree
from aboveboard.trust.witness import SplitViewError, Witness
from tests.attacks.disk import Memory
from tests.attacks.keys import LOG, NOW, ORIGIN, OTHER, SECOND, WITNESS, refused
from tests.attacks.test_log import made, signed

VERIFIER = LogKey(ORIGIN, LOG.public)
ONE, TWO = WitnessKey("w.example/one", WITNESS.public), WitnessKey("w.example/two", SECOND.public)


def policy(quorum: str = "both", *lines: str) -> Policy:
    text = [
        f"log {VERIFIER.to_text()}",
        f"witness {ONE.name} {ONE.to_text()}",
        f"witness {TWO.name} {TWO.to_text()}",
        f"group both all {ONE.name} {TWO.name}",
        f"group either any {ONE.name} {TWO.name}",
        *lines,
        f"quorum {quorum}",
    ]
    return Policy.parse("\n".join(text))


def cosigned(*by: tuple[str, PrivateKey, datetime], size: int = 1) -> bytes:
    text = Checkpoint(ORIGIN, size, leaf_hash(b"entry 0")).to_text()
    return Note(text, (sign(text, ORIGIN, LOG), *(cosign(text, name, key, at) for name, key, at in by))).to_bytes()


def test_a_quorum_has_the_time_at_which_it_was_one() -> None:
    data = cosigned((ONE.name, WITNESS, NOW), (TWO.name, SECOND, NOW + timedelta(hours=1)))
    rule = policy()
    assert rule.seen_at(rule.check(data)) == NOW + timedelta(hours=1)
    assert policy("either").seen_at(rule.check(data)) == NOW


def test_52_one_key_under_two_names_is_no_quorum() -> None:
    again = WitnessKey("w.example/again", WITNESS.public)
    data = cosigned((ONE.name, WITNESS, NOW), (again.name, WITNESS, NOW))
    assert len(check(data, VERIFIER, (ONE, again)).times) == 1
    refused("duplicate-key", lambda: policy("both", f"witness {again.name} {again.to_text()}"))


def test_53_the_log_is_no_witness_of_its_own() -> None:
    own = WitnessKey(ORIGIN, LOG.public)
    assert check(cosigned((ORIGIN, LOG, NOW)), VERIFIER, (own,)).times == {}
    refused("duplicate-key", lambda: policy("both", f"witness {own.name} {own.to_text()}"))
    store, _ = made(1)
    self_witness = Witness(Memory(), ORIGIN, LOG)
    refused("duplicate-key", lambda: self_witness.cosign(store.files[CHECKPOINT], VERIFIER, [], NOW))


def test_54_the_time_of_a_cosignature_is_signed() -> None:
    data = cosigned((ONE.name, WITNESS, NOW))
    note = parse(data)
    late = note.lines[1].signature
    moved = (int.from_bytes(late[:8], "big") + 1).to_bytes(8, "big") + late[8:]
    lines = (note.lines[0], type(note.lines[1])(ONE.name, ONE.key_id, moved))
    refused("signature", lambda: check(Note(note.text, lines).to_bytes(), VERIFIER, (ONE,)))


def test_55_one_that_does_not_hold_spoils_the_rest() -> None:
    bad = cosign("another text\n", TWO.name, SECOND, NOW)
    note = parse(cosigned((ONE.name, WITNESS, NOW)))
    refused("signature", lambda: check(note.signed_by(bad).to_bytes(), VERIFIER, (ONE, TWO)))
    assert set(check(note.signed_by(bad).to_bytes(), VERIFIER, (ONE,)).times) == {ONE.name}  # of an unknown key


def test_too_few_witnesses_are_undecided_and_not_fine() -> None:
    with pytest.raises(UndecidedError):
        policy().check(cosigned((ONE.name, WITNESS, NOW)))
    assert policy("either").check(cosigned((ONE.name, WITNESS, NOW))).times == {ONE.name: NOW}


@pytest.mark.parametrize(
    "line",
    [
        "group three 3 w.example/one w.example/two",
        "group zero 0 w.example/one",
        "group early any later",
        "group twice 2 w.example/one w.example/one",
        "group both any w.example/one",
        "group none any w.example/one",
        "witness w.example/bad w.example/bad+00000000+AAAA",
        "nonsense",
        "quorum nobody-above",
        "log again",
    ],
)
def test_56_policies_that_cannot_be_kept(line: str) -> None:
    with pytest.raises(Exception, match="policy, line 6") as caught:
        policy("both", line)
    assert caught.value.code in ("policy", "key-type", "unsupported", "key-form", "number", "base64")  # type: ignore[attr-defined]


def test_56_a_policy_names_a_log_and_a_quorum() -> None:
    refused("policy", lambda: Policy.parse("quorum none"))
    refused("policy", lambda: Policy.parse(f"log {VERIFIER.to_text()}"))


def test_47_two_views_of_one_size_give_evidence() -> None:
    witness = Witness(Memory(), ONE.name, WITNESS)
    first, second = (signed(Checkpoint(ORIGIN, 1, leaf_hash(entry)).to_text()) for entry in (b"for you", b"for the others"))
    witness.cosign(first, VERIFIER, [], NOW)
    with pytest.raises(SplitViewError) as caught:
        witness.cosign(second, VERIFIER, [], NOW)
    assert caught.value.code == "split-view"
    assert caught.value.exit_code == 3
    assert caught.value.evidence == (first, second)


def test_48_a_smaller_tree_than_before_gives_evidence() -> None:
    witness = Witness(Memory(), ONE.name, WITNESS)
    store, log = made(300)
    old = store.files[CHECKPOINT]
    log.append([b"more"])
    witness.cosign(store.files[CHECKPOINT], VERIFIER, [], NOW)
    with pytest.raises(SplitViewError) as caught:
        witness.cosign(old, VERIFIER, [], NOW)
    assert caught.value.code == "rollback"


def test_a_witness_cosigns_growth_that_is_shown_and_no_other() -> None:
    witness = Witness(Memory(), ONE.name, WITNESS)
    store, log = made(300)
    witness.cosign(store.files[CHECKPOINT], VERIFIER, [], NOW)
    log.append([b"more"])
    grown = Tree(store.read, 301)
    refused("growth", lambda: witness.cosign(store.files[CHECKPOINT], VERIFIER, [], NOW))
    refused("growth", lambda: witness.cosign(store.files[CHECKPOINT], VERIFIER, grown.consistency(299), NOW))
    data = witness.cosign(store.files[CHECKPOINT], VERIFIER, grown.consistency(300), NOW)
    assert check(data, VERIFIER, (ONE,)).times == {ONE.name: NOW}
    again = witness.cosign(data, VERIFIER, [], NOW + timedelta(days=1))
    assert check(again, VERIFIER, (ONE,)).times == {ONE.name: NOW + timedelta(days=1)}


def test_a_witness_wants_the_log_s_own_signature() -> None:
    text = Checkpoint(ORIGIN, 0, leaf_hash(b"")).to_text()
    data = Note(text, (sign(text, ORIGIN, OTHER),)).to_bytes()
    refused("signature", lambda: Witness(Memory(), ONE.name, WITNESS).cosign(data, VERIFIER, [], datetime.now(UTC)))

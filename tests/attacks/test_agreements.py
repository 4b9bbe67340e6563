"""Cases 7, 10, 19, 20, 23, 25 to 28, 37 to 39 on agreements: what is signed, by whom, and which one is in force."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aboveboard.agreement import yaml_text
from aboveboard.agreement.agreement import complete, read_json, render, wrong
from aboveboard.agreement.yaml_text import load
from aboveboard.model.canonical import JSON, canonical, digest_of
from aboveboard.model.errors import AboveboardError, InputError
from aboveboard.pipelines import agreements
from aboveboard.pipelines.agreements import in_force, opened, subjects
from aboveboard.standard import reader
from aboveboard.trust import dsse, statement
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.keyring import Ring, Role
from tests.attacks.keys import CUSTOMER, NOW, OTHER, SECOND, SUPPLIER, refused
from tests.attacks.test_keys import entry

STANDARD = reader.load()
CLAUSES = [clause.id for clause in STANDARD.clauses]
PROFILES = {profile.name: profile for profile in STANDARD.profiles}
OUTSIDER = PROFILES["outsider"]
IMAGE = "sha256:" + "1" * 64
RING = Ring(
    1,
    {"root": entry(SECOND), "acme": entry(SUPPLIER), "ministry": entry(CUSTOMER), "lab": entry(OTHER)},
    {
        "root": Role(1, ("root",)),
        "supplier": Role(1, ("acme",)),
        "customer": Role(1, ("ministry",)),
        "laboratory": Role(1, ("lab",)),
    },
)


def document(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "aboveboard": "agreement/1",
        "standard": {"version": STANDARD.version, "digest": STANDARD.digest},
        "profile": {"name": "outsider", "digest": OUTSIDER.digest},
        "supplier": {"name": "Example Networks"},
        "customer": {"name": "Example Ministry"},
        "products": [{"name": "AR-1", "version": "7.3", "images": [IMAGE]}],
        "clauses": {"required": list(OUTSIDER.required), "waived": []},
        "limits": {"bytes_explained": 950, "programs_identified": 980},
        "roles": {
            "supplier": {"threshold": 1, "keys": [SUPPLIER.public.id]},
            "customer": {"threshold": 1, "keys": [CUSTOMER.public.id]},
            "laboratory": {"threshold": 1, "keys": [OTHER.public.id]},
        },
        "evidence": {"default": ["laboratory"], "clauses": {}},
        "term": {"from": "2026-11-01T00:00:00Z", "until": "2028-11-01T00:00:00Z"},
        "text": "In good faith.",
        **changes,
    }
    whole: dict[str, Any] = complete(found)
    return whole


def amendment(**changes: Any) -> dict[str, Any]:
    return document(sequence=2, amends=digest_of(document()), **changes)


def sealed(value: dict[str, Any], *keys: PrivateKey, text: str | None = None) -> bytes:
    words = render(value) if text is None else text
    predicate: dict[str, JSON] = {"agreement": value, "text": words}
    body = statement.Statement(statement.AGREEMENT, subjects(value, words), predicate).to_bytes()
    return dsse.seal(dsse.STATEMENT, body, keys or (SUPPLIER, CUSTOMER)).to_bytes()


GOOD = sealed(document())


def told(value: Any) -> str:
    return "\n".join(f"{problem.place}: {problem.text}" for problem in wrong(value, CLAUSES, PROFILES))


def test_an_agreement_that_both_signed_is_opened_and_in_force() -> None:
    [signed] = opened([GOOD], RING, NOW)
    assert signed.agreement.digest == digest_of(document())
    assert signed.agreement.required == OUTSIDER.required
    assert in_force([signed], NOW, IMAGE) == signed.agreement
    assert signed.agreement.product_of(IMAGE) is not None
    assert told(document()) == ""


def test_07_37_signed_by_one_side_only() -> None:
    refused("one-sided", lambda: opened([sealed(document(), SUPPLIER)], RING, NOW))
    refused("one-sided", lambda: opened([GOOD, sealed(amendment(), CUSTOMER)], RING, NOW))
    assert len(opened([GOOD, sealed(amendment())], RING, NOW)) == 2


def test_10_a_key_of_another_role_is_no_party() -> None:
    refused("one-sided", lambda: opened([sealed(document(), SUPPLIER, OTHER)], RING, NOW))
    roles = copy.deepcopy(document()["roles"])
    roles["customer"]["keys"], roles["laboratory"]["keys"] = [OTHER.public.id], [CUSTOMER.public.id]
    value = document(roles=roles)  # the agreement cannot make the laboratory's key the customer's
    refused("one-sided", lambda: opened([sealed(value, SUPPLIER, OTHER)], RING, NOW))


def test_60_a_party_whose_key_was_revoked_before_the_term() -> None:
    keys = {**RING.keys, "acme": entry(SUPPLIER, revoked=NOW - timedelta(days=60))}
    refused("key-not-valid", lambda: opened([GOOD], replace(RING, keys=keys), NOW))


@pytest.mark.parametrize("clause", ["ΝB-01", "NB‐01", "nb-01", "NB-01\u200b", "NB-99"])  # noqa: RUF001 - that is the attack
def test_23_clauses_that_only_look_like_clauses(clause: str) -> None:
    required = [clause, *OUTSIDER.required[1:]]
    assert "$.clauses.required[0]" in told(document(clauses={"required": required, "waived": []}))


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("$.surprise", {"surprise": 1}),
        ("$.profile.name", {"profile": {"name": "lenient", "digest": OUTSIDER.digest}}),
        ("$.evidence.default[0]", {"evidence": {"default": ["nobody"], "clauses": {}}}),
        ("$.evidence.default[0]", {"evidence": {"default": ["auditor"], "clauses": {}}}),
        ("$.products[0].images[0]", {"products": [{"name": "A", "version": "1", "images": ["md5:" + "1" * 32]}]}),
        ("$.products[0].images[1]", {"products": [{"name": "A", "version": "1", "images": [IMAGE, IMAGE]}]}),
        ("$.limits.bytes_explained", {"limits": {"bytes_explained": 949, "programs_identified": 980}}),
        ("$.clauses", {"clauses": {"required": list(OUTSIDER.required[1:]), "waived": []}}),
        ("$.term.until", {"term": {"from": "2026-11-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"}}),
        ("$.term.until", {"term": {"from": "2026-11-01T00:00:00Z", "until": "2037-11-01T00:00:00Z"}}),
        ("$.term.from", {"term": {"from": "2026-W44-1", "until": "2028-11-01T00:00:00Z"}}),
        ("$.term.from", {"term": {"from": "2026-11-01T00:00:00", "until": "2028-11-01T00:00:00Z"}}),
        ("$.term.from", {"term": {"from": "2026-02-30T00:00:00Z", "until": "2028-11-01T00:00:00Z"}}),
        ("$.text", {"text": "<script>"}),
        ("$.supplier.name", {"supplier": {"name": "Example\u202eNetworks"}}),
    ],
)
def test_25_39_what_is_not_in_form_is_named_by_its_place(place: str, change: dict[str, Any]) -> None:
    value = document(**change)
    assert place in told(value)
    with pytest.raises(InputError):
        read_json(value, CLAUSES, PROFILES)


def test_25_everything_that_is_wrong_is_said_at_once() -> None:
    lines = told(document(surprise=1, text="<b>", limits={"bytes_explained": 1, "programs_identified": 1})).splitlines()
    assert len(lines) == 4


@pytest.mark.parametrize("threshold", [0, 2])
def test_61_thresholds_that_cannot_be(threshold: int) -> None:
    roles = copy.deepcopy(document()["roles"])
    roles["supplier"]["threshold"] = threshold
    assert "$.roles.supplier.threshold" in told(document(roles=roles))


def test_61_one_key_in_two_roles() -> None:
    roles = copy.deepcopy(document()["roles"])
    roles["customer"]["keys"] = [SUPPLIER.public.id]
    assert "speaks for supplier already" in told(document(roles=roles))


def test_26_words_stay_words_in_yaml() -> None:
    text = b"a: no\nb: 010\nc: 12:30\nd: 2026-12-01\ne: 1_000\nf: .inf\ng: 0x1f\nh: 7\ni: true\nj: 1e3\nk: ~\n"
    value = load(text, "the agreement", "").value
    words = {"a": "no", "b": "010", "c": "12:30", "d": "2026-12-01", "e": "1_000", "f": ".inf", "g": "0x1f", "j": "1e3"}
    assert value == {**words, "h": 7, "i": True, "k": None}


@pytest.mark.parametrize(
    "text",
    [
        b"a: &x [1]\nb: *x\n",
        b"a: &x 1\n",
        b"a: !!python/object/apply:os.system [id]\n",
        b"a: !!int 3\n",
        b"a: 1\na: 2\n",
        b"? [a]\n: 1\n",
        b"a: [" + b"[" * 40 + b"]" * 40 + b"]\n",
        b'a: "\\ud800"\n',
        b"a: 1\n---\nb: 2\n",
        b"\xff",
        b"a: '" + b"x" * yaml_text.MAX_BYTES + b"'\n",
    ],
)
def test_26_what_hides_or_multiplies_is_refused(text: bytes) -> None:
    with pytest.raises(InputError):
        load(text, "the agreement", "")


def test_27_a_text_that_says_something_else() -> None:
    text = render(document()).replace("950", "900")
    refused("text-differs", lambda: opened([sealed(document(), text=text)], RING, NOW))


@pytest.mark.parametrize(
    "words", ["## 11. More", "x\n## 11. More", "x\r## 11. More", "> x\n\n## 11", "```\n## 11", "- x\u2028## 11"]
)
def test_27_what_the_parties_write_cannot_pose_as_a_clause(words: str) -> None:
    lines = render(document(text=words)).splitlines()
    start = lines.index("## 10. In the parties' own words")
    assert all(line.startswith(">") for line in lines[start + 4 :] if line)
    assert "## 11" not in [line[:5] for line in render(document(supplier={"name": words})).splitlines()]


def test_28_json_in_another_order_has_another_digest() -> None:
    envelope = dsse.parse(GOOD)
    again = json.dumps(json.loads(envelope.payload), indent=1).encode()
    refused("signature", lambda: opened([replace(envelope, payload=again).to_bytes()], RING, NOW))
    value = document()
    predicate: dict[str, JSON] = {"agreement": value, "text": render(value)}
    other = {**subjects(value, render(value)), agreements.JSON_NAME: "ab" * 32}
    body = statement.Statement(statement.AGREEMENT, other, predicate).to_bytes()
    wrong_digest = dsse.seal(dsse.STATEMENT, body, (SUPPLIER, CUSTOMER)).to_bytes()
    refused("digest", lambda: opened([wrong_digest], RING, NOW))


@pytest.mark.parametrize(
    ("code", "second"),
    [
        ("chain", lambda: sealed(document())),
        ("chain", lambda: sealed(document(sequence=3, amends=digest_of(document())))),
        ("chain", lambda: sealed(document(sequence=2, amends="sha256:" + "9" * 64))),
        ("chain", lambda: sealed(amendment(supplier={"name": "Another"}))),
        (
            "rollback",
            lambda: sealed(amendment(term={"from": "2026-10-31T00:00:00Z", "until": "2028-11-01T00:00:00Z"})),
        ),
    ],
)
def test_37_an_amendment_that_does_not_follow(code: str, second: Callable[[], bytes]) -> None:
    refused(code, lambda: opened([GOOD, second()], RING, NOW))


def test_37_an_amendment_alone_is_no_agreement() -> None:
    refused("chain", lambda: opened([sealed(amendment())], RING, NOW))


def test_38_before_and_after_its_term_superseded_or_for_another_image() -> None:
    later = amendment(term={"from": "2026-11-20T00:00:00Z", "until": "2028-11-01T00:00:00Z"})
    chain = opened([GOOD, sealed(later)], RING, NOW)
    first, second = chain[0].agreement, chain[1].agreement
    assert in_force(chain, NOW) == second
    assert in_force(chain, datetime(2026, 11, 19, 23, 59, 59, tzinfo=UTC)) == first
    refused("not-yet", lambda: in_force(chain, datetime(2026, 10, 31, tzinfo=UTC)))
    refused("expired", lambda: in_force(chain, datetime(2028, 11, 1, tzinfo=UTC)))
    refused("superseded", lambda: in_force(chain, NOW, pinned=first.digest))
    refused("other-agreement", lambda: in_force(chain, NOW, pinned="sha256:" + "9" * 64))
    refused("other-product", lambda: in_force(chain, NOW, "sha256:" + "9" * 64))


def test_an_agreement_on_another_edition_of_the_standard_is_undecided() -> None:
    value = document(standard={"version": "0.0", "digest": "sha256:" + "9" * 64})
    assert refused("other-standard", lambda: opened([sealed(value)], RING, NOW)).exit_code == 4


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused_or_leaves_what_was_signed(at: int, change: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= change
    try:
        [signed] = opened([bytes(data)], RING, NOW)
    except AboveboardError:
        return
    assert signed.document == document()


def test_what_is_read_is_written_with_the_same_bytes() -> None:
    [signed] = opened([GOOD], RING, NOW)
    assert signed.envelope.to_bytes() == GOOD
    assert canonical(signed.document) == canonical(document())


def test_60_a_key_that_is_newer_than_the_term_counts_and_one_that_was_revoked_meanwhile_does_not() -> None:
    def ring(**changes: Any) -> Ring:
        return replace(RING, keys={**RING.keys, "acme": entry(SUPPLIER, **changes)})

    assert opened([GOOD], ring(since=NOW - timedelta(days=1)), NOW)  # signed late, for a term that had begun
    assert opened([GOOD], ring(until=NOW - timedelta(days=1)), NOW)  # its time is over since
    refused("key-not-valid", lambda: opened([GOOD], ring(since=NOW + timedelta(days=1)), NOW))
    refused("key-not-valid", lambda: opened([GOOD], ring(until=NOW - timedelta(days=40)), NOW))
    refused("key-not-valid", lambda: opened([GOOD], ring(revoked=NOW - timedelta(days=1)), NOW))

"""Cases 1, 2, 4, 6, 8, 17 to 19, 21, 24, 25, 28 to 36, 38 and 60 on sealed bundles, by strangers and by key holders."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aboveboard.model.canonical import canonical
from aboveboard.model.errors import AboveboardError
from aboveboard.model.facts import Standing
from aboveboard.pipelines import bundle_files, case_files, papers, sealing
from aboveboard.pipelines.bundle_log import Seen
from aboveboard.pipelines.papers import Papers
from aboveboard.pipelines.sealing import MANIFEST_NAME
from aboveboard.trust import attestation, dsse
from aboveboard.trust.attestation import VERDICT_NAME
from aboveboard.trust.statement import AGREEMENT, VERDICT, Statement
from tests.attacks.bundles import (
    AT,
    EVIDENCE,
    FULL,
    STANDARD,
    case,
    codes,
    evidence_line,
    resealed,
    run,
    sealed,
    signed,
    verified,
)
from tests.attacks.keys import CUSTOMER, NOW, OTHER, SUPPLIER, refused
from tests.attacks.test_agreements import GOOD, RING, amendment
from tests.attacks.test_agreements import sealed as sealed_agreement
from tests.attacks.test_keys import entry
from tests.judge.making import fact, piece

FILES = "verdict.json", "report.html", "findings.sarif", "rulings.csv", "evidence/accounts.jsonl", "inputs/agreement.dsse"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return dict(sealed(tmp_path_factory.mktemp("run")).files)


def test_a_bundle_is_verified_and_judged_again(good: dict[str, bytes], tmp_path: Path) -> None:
    found = verified(tmp_path, good)
    assert codes(found) == []
    assert found.exit_code == 0
    assert found.attested is not None
    assert found.attested.form.by == "laboratory"


def test_the_same_run_sealed_twice_has_the_same_bytes_also_as_tar(good: dict[str, bytes], tmp_path: Path) -> None:
    again = sealed(tmp_path / "again")
    assert dict(again.files) == good
    for name in ("one.tar", "two.tar"):
        sealing.write(again, tmp_path / name, tar=True)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert bundle_files.read(tmp_path / "one.tar") == good


@pytest.mark.parametrize("name", [*FILES, VERDICT_NAME, MANIFEST_NAME])
def test_01_33_a_byte_of_any_file(good: dict[str, bytes], tmp_path: Path, name: str) -> None:
    data = bytearray(good[name])
    data[len(data) // 2] ^= 1
    found = verified(tmp_path, {**good, name: bytes(data)})
    assert found.exit_code == 3
    assert found.steps[0].state.value == "failed" or "digest" in codes(found)


def test_33_a_file_that_is_missing_and_one_that_is_not_named(good: dict[str, bytes], tmp_path: Path) -> None:
    less = {name: data for name, data in good.items() if name != "evidence/accounts.jsonl"}
    assert "file-missing" in codes(verified(tmp_path / "less", less))
    for name in good:  # whichever is lost, it is said, and the steps behind it end as well
        if name != MANIFEST_NAME:
            found = verified(tmp_path / name.replace("/", "-"), {one: data for one, data in good.items() if one != name})
            assert ("file-missing" in codes(found), found.exit_code) == (True, 3)
    assert "unlisted" in codes(verified(tmp_path / "more", {**good, "evidence/tokens.jsonl": b"{}\n"}))
    assert "unlisted" in codes(verified(tmp_path / "keys", {**good, "keys.dsse": b"{}"}))  # case 18


def test_08_the_manifest_of_one_bundle_with_the_files_of_another(good: dict[str, bytes], tmp_path: Path) -> None:
    other = dict(sealed(tmp_path / "other", case(evidence=EVIDENCE[:1])).files)
    assert verified(tmp_path / "mixed", {**other, MANIFEST_NAME: good[MANIFEST_NAME]}).exit_code == 3
    kept = {**good, VERDICT_NAME: other[VERDICT_NAME]}
    mixed = signed(kept, replace(_manifest(good), files=_digests(kept)))
    assert "digest" in codes(verified(tmp_path / "verdict", mixed))


def test_02_04_another_type_and_another_statement(good: dict[str, bytes], tmp_path: Path) -> None:
    payload = dsse.parse(good[VERDICT_NAME]).payload
    text = dsse.seal("application/json", payload, [OTHER]).to_bytes()
    assert "payload-type" in codes(verified(tmp_path / "type", _with_verdict(good, text)))
    value = json.loads(payload)
    as_agreement = Statement(AGREEMENT, {"image": "1" * 64}, value["predicate"]).to_bytes()
    envelope = dsse.seal(dsse.STATEMENT, as_agreement, [OTHER]).to_bytes()
    assert "predicate-type" in codes(verified(tmp_path / "kind", _with_verdict(good, envelope)))


def test_06_10_17_nobody_s_key_and_another_role_s(good: dict[str, bytes], tmp_path: Path) -> None:
    from aboveboard.trust.ed25519 import PrivateKey

    assert "signature" in codes(verified(tmp_path / "stranger", resealed(good, PrivateKey.generate())))
    assert "role" in codes(verified(tmp_path / "supplier", resealed(good, SUPPLIER)))
    assert "two-roles" in codes(verified(tmp_path / "both", resealed(good, OTHER, SUPPLIER)))
    refused("role", lambda: sealing.seal(run(tmp_path / "r", case()), RING, [OTHER, CUSTOMER], NOW))


def test_19_21_25_a_predicate_out_of_form(good: dict[str, bytes], tmp_path: Path) -> None:
    def change(name: str, value: Any) -> Callable[[Any], None]:
        return lambda body: body.update({name: value})

    for number, (name, value) in enumerate(
        (("surprise", 1), ("result", "passed"), ("clauses", []), ("by", "nobody"), ("at", "2026-W49-1"), ("at", "tomorrow"))
    ):
        found = verified(tmp_path / str(number), resealed(good, predicate=change(name, value)))
        assert codes(found)[0] in ("verdict-form", "time"), (name, found)
    payload = dsse.parse(good[VERDICT_NAME]).payload
    twice = payload.replace(b'"result":', b'"result":"met","result":', 1)
    assert "duplicate-key" in codes(verified(tmp_path / "twice", _with_verdict(good, _envelope(twice))))
    large = payload.replace(b'"coverage":{', b'"coverage":{"bytes":9007199254740993,', 1)
    assert "number" in codes(verified(tmp_path / "large", _with_verdict(good, _envelope(large))))


def test_28_a_file_that_is_written_otherwise(good: dict[str, bytes], tmp_path: Path) -> None:
    spaced = json.dumps(json.loads(good["evidence/manifest.json"]), indent=1).encode()
    assert "case-form" in codes(verified(tmp_path / "manifest", resealed({**good, "evidence/manifest.json": spaced})))
    line = json.dumps(evidence_line(good, "accounts")).encode() + b"\n"
    assert "case-form" in codes(verified(tmp_path / "evidence", resealed({**good, "evidence/accounts.jsonl": line})))


def test_29_a_verdict_on_another_agreement(good: dict[str, bytes], tmp_path: Path) -> None:
    chain = GOOD + b"\n" + sealed_agreement(amendment(text="Otherwise.")) + b"\n"
    found = verified(tmp_path, resealed({**good, "inputs/agreement.dsse": chain}))
    assert "differs" in codes(found)


def test_29_a_verdict_under_no_agreement_where_one_is_at_hand(tmp_path: Path) -> None:
    bare = dict(sealed(tmp_path / "run", case(Papers(profile="outsider"))).files)
    assert codes(verified(tmp_path / "b", bare, newer=(GOOD,))) == ["other-agreement"]


@pytest.mark.parametrize("status", ["met", "broken"])
def test_30_31_32_rulings_that_do_not_follow(good: dict[str, bytes], tmp_path: Path, status: str) -> None:
    def left_out(body: Any) -> None:
        body["clauses"] = body["clauses"][1:]

    def another(body: Any) -> None:
        body["clauses"][0]["clause"] = "NB-99"

    def claimed(body: Any) -> None:
        body["clauses"][0] |= {"status": status, "reason": "no-contradiction"}

    for number, change in enumerate((left_out, another, claimed)):
        found = verified(tmp_path / str(number), resealed(good, predicate=change))
        assert codes(found) == ["differs"]
        assert found.exit_code == 3


def test_32_a_verdict_that_was_polished_with_its_report(good: dict[str, bytes], tmp_path: Path) -> None:
    verdict = json.loads(good[case_files.VERDICT])
    verdict["result"] = "met"
    polished = {**good, case_files.VERDICT: canonical(verdict)}
    assert "differs" in codes(
        verified(tmp_path / "verdict", resealed(polished, predicate=lambda b: b.update(result="met")))
    )
    report = good["report.html"].replace(b"not shown", b"met")
    assert "differs" in codes(verified(tmp_path / "report", resealed({**good, "report.html": report})))  # case 36
    table = good["rulings.csv"].replace(b"not shown", b"met")
    assert "differs" in codes(verified(tmp_path / "table", resealed({**good, "rulings.csv": table})))


def test_33_evidence_whose_seal_does_not_hold_or_that_is_swapped(good: dict[str, bytes], tmp_path: Path) -> None:
    value = evidence_line(good, "accounts")
    value["facts"] = []
    emptied = {**good, "evidence/accounts.jsonl": canonical(value) + b"\n"}
    assert "seal" in codes(verified(tmp_path / "facts", resealed(emptied)))
    clean = canonical(piece("accounts").to_json()) + b"\n"
    assert "differs" in codes(verified(tmp_path / "clean", resealed({**good, "evidence/accounts.jsonl": clean})))


def test_35_evidence_and_records_of_another_image(good: dict[str, bytes], tmp_path: Path) -> None:
    other = "sha256:" + "9" * 64
    manifest = json.loads(good["evidence/manifest.json"])
    moved = canonical({**manifest, "digest": other})
    found = verified(tmp_path / "moved", resealed({**good, "evidence/manifest.json": moved}))
    assert "other-product" in codes(found)  # the agreement does not speak of it

    bare = dict(sealed(tmp_path / "bare-run", case(Papers(profile="outsider"))).files)
    elsewhere = canonical({**json.loads(bare["evidence/manifest.json"]), "digest": other})
    assert "differs" in codes(verified(tmp_path / "bare", resealed({**bare, "evidence/manifest.json": elsewhere})))


def test_36_not_shown_is_nowhere_told_as_met(good: dict[str, bytes], tmp_path: Path) -> None:
    found = verified(tmp_path, good)
    assert found.attested is not None
    assert found.attested.form.result.value == "not-shown"
    results = json.loads(good["findings.sarif"])["runs"][0]["results"]
    assert all(one["kind"] != "pass" for one in results)


def test_38_expired_superseded_and_not_yet(good: dict[str, bytes], tmp_path: Path) -> None:
    late = verified(tmp_path / "late", good, at=NOW + timedelta(days=400), seen=lambda _: Seen(NOW, ("in the log",)))
    assert "expired" in codes(late)
    assert late.exit_code == 4
    early = verified(tmp_path / "early", good, at=NOW - timedelta(days=20))
    assert "clock-behind" in codes(early)
    newer = (GOOD, sealed_agreement(amendment(term={"from": "2026-11-30T18:00:00Z", "until": "2028-11-01T00:00:00Z"})))
    after = verified(tmp_path / "newer", good, newer=newer)
    assert codes(after) == ["superseded"]
    other = sealed_agreement(amendment())
    assert "other-agreement" in codes(verified(tmp_path / "other", good, newer=(other,)))


def test_60_keys_that_were_revoked_or_whose_time_is_over(good: dict[str, bytes], tmp_path: Path) -> None:
    def ring(name: str, **changes: Any) -> Any:
        key = {"lab": OTHER, "acme": SUPPLIER}[name]
        return replace(RING, keys={**RING.keys, name: entry(key, **changes)})

    revoked = verified(tmp_path / "revoked", good, ring=ring("lab", revoked=NOW - timedelta(hours=1)))
    assert "key-not-valid" in codes(revoked)
    assert revoked.exit_code == 4
    supplier = verified(tmp_path / "supplier", good, ring=ring("acme", revoked=NOW - timedelta(hours=1)))
    assert codes(supplier) == ["key-revoked", "key-not-valid"]  # signed before, and without a log nothing shows that
    then = {"ring": ring("acme", revoked=NOW), "at": NOW + timedelta(days=1)}
    logged = verified(tmp_path / "logged", good, seen=lambda _: Seen(NOW - timedelta(hours=1), ("in the log",)), **then)
    assert logged.exit_code == 0


def test_a_run_whose_verdict_does_not_follow_is_not_sealed(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", case())
    clean = canonical(piece("accounts", [fact("account", Standing.OBSERVED, name="x")]).to_json()) + b"\n"
    (folder / "evidence" / "accounts.jsonl").write_bytes(clean)
    refused("differs", lambda: sealing.seal(folder, RING, [OTHER], NOW))
    folder = run(tmp_path / "late", case())
    with pytest.raises(AboveboardError):  # judged later than it is sealed
        sealing.seal(folder, RING, [OTHER], NOW - timedelta(days=30))


def test_10_a_supplier_s_evidence_is_not_the_laboratory_s(tmp_path: Path) -> None:
    bundle = sealing.seal(run(tmp_path / "r", case()), RING, [SUPPLIER], NOW)
    for role in ("laboratory", ""):
        manifest = json.loads(bundle.files["evidence/manifest.json"])
        made = case_files.read({**bundle.files, "evidence/manifest.json": canonical({**manifest, "by": role})})
        found = papers.opened(made.papers, RING, STANDARD, case_files.time_of(made), made.manifest.digest)
        verdict = sealing.rejudged(made, found, STANDARD)
        dossier = case_files.dossier(verdict, STANDARD, made.evidence, made.places, found)
        files = {
            **bundle.files,
            "evidence/manifest.json": canonical(made.manifest.to_json()),
            case_files.VERDICT: canonical(verdict.to_json()),
            **case_files.derived(dossier),
        }
        told = attestation.predicate(verdict, "supplier", sealing.tools_of(made.evidence), {}, {})

        def change(body: Any, told: Any = told) -> None:
            body |= {**json.loads(canonical(told)), "files": body["files"]}

        assert "role" in codes(verified(tmp_path / f"b{role}", resealed(files, SUPPLIER, predicate=change)))


def test_33_a_file_that_is_named_and_is_none_of_a_bundle(good: dict[str, bytes], tmp_path: Path) -> None:
    found = verified(tmp_path, resealed({**good, "summary.html": b"all clauses are met"}))
    assert "unknown-file" in codes(found)
    assert found.exit_code == 4


def test_a_role_that_does_not_count_leaves_everything_not_shown(tmp_path: Path) -> None:
    bundle = sealing.seal(run(tmp_path, case()), RING, [SUPPLIER], NOW)
    assert bundle.by == "supplier"
    assert not [ruling for ruling in bundle.verdict.rulings if ruling.status.value == "met"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_of_a_bundle_is_noticed(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    files = dict(_GOOD or _make(tmp_path_factory))
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = verified(tmp_path_factory.mktemp("flipped"), {**files, name: bytes(changed)})
    except AboveboardError:
        return
    if found.exit_code == 0:  # of an envelope only what carries no meaning may change: the hint of a signature
        assert name in (MANIFEST_NAME,)
        assert dsse.parse(bytes(changed)).payload == dsse.parse(files[name]).payload


_GOOD: dict[str, bytes] = {}


def _make(factory: pytest.TempPathFactory) -> dict[str, bytes]:
    _GOOD.update(sealed(factory.mktemp("good")).files)
    return _GOOD


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return attestation.digests(files, sorted(set(files) - {MANIFEST_NAME}))


def _manifest(files: dict[str, bytes]) -> attestation.Sealed:
    return attestation.read_manifest(dsse.parse(files[MANIFEST_NAME]))


def _with_verdict(files: dict[str, bytes], envelope: bytes) -> dict[str, bytes]:
    changed = {**files, VERDICT_NAME: envelope}
    return signed(changed, replace(_manifest(files), files=_digests(changed)))


def _envelope(payload: bytes) -> bytes:
    return dsse.seal(dsse.STATEMENT, payload, [OTHER]).to_bytes()


def test_the_predicate_is_parsed_into_the_same_bytes(good: dict[str, bytes]) -> None:
    payload = dsse.parse(good[VERDICT_NAME]).payload
    stated = Statement.parse(payload, VERDICT)
    assert Statement(VERDICT, stated.subjects, stated.predicate).to_bytes() == payload
    assert (AT, FULL.agreement) == (case_files.read(good).at, case_files.read(good).papers.agreement)


def test_33_evidence_that_the_judge_would_not_hear_hides_nothing(good: dict[str, bytes], tmp_path: Path) -> None:
    confirmed = piece("accounts", [fact("account", Standing.CONFIRMED, name="admin")])
    line = canonical(confirmed.to_json())
    value = {**json.loads(line), "facts": []}
    later = piece("accounts", [fact("account", Standing.CONFIRMED, name="admin")], version=8)
    twice = canonical(piece("accounts").to_json())
    for number, lines in enumerate(([canonical(value)], [canonical(later.to_json())], sorted([line, twice]))):
        data = b"".join(one + b"\n" for one in lines)
        files = {**good, "evidence/accounts.jsonl": data}
        made = case_files.read(files)
        found = papers.opened(made.papers, RING, STANDARD, case_files.time_of(made), made.manifest.digest)
        verdict = sealing.rejudged(made, found, STANDARD)
        assert verdict.inputs["refused"]
        files[case_files.VERDICT] = canonical(verdict.to_json())
        files |= case_files.derived(case_files.dossier(verdict, STANDARD, made.evidence, made.places, found))
        told = attestation.predicate(verdict, "laboratory", sealing.tools_of(made.evidence), {}, {})

        def change(body: Any, told: Any = told) -> None:
            body |= {**json.loads(canonical(told)), "files": body["files"]}

        assert "seal" in codes(verified(tmp_path / str(number), resealed(files, predicate=change)))


def test_29_a_manifest_that_tells_another_profile_or_time(good: dict[str, bytes], tmp_path: Path) -> None:
    for number, changes in enumerate(({"profile": "evaluator"}, {"sealed": "2001-01-01T00:00:00Z"})):
        files = {name: data for name, data in good.items() if name != MANIFEST_NAME}
        told = signed(files, replace(_manifest(good), **changes))  # type: ignore[arg-type]  # fields of a manifest
        assert "differs" in codes(verified(tmp_path / str(number), told))

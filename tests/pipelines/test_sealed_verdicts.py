"""From an agreement to a verdict that a stranger checks, through the real command line: inspect, seal, log, verify."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.trusted import good, refused, run, said

from aboveboard.model.canonical import canonical
from aboveboard.pipelines import bundle_files, case_files, recollecting
from aboveboard.pipelines.sealing import is_ours
from aboveboard.pipelines.verifying_steps import State

AT = ("--at", "2026-12-01T00:00:00Z")
LATER = ("--at", "2026-12-02T00:00:00Z")
ROLES = ("root", "supplier", "customer", "laboratory")
PAPERS = ("--agreement", "A.dsse", "--declaration", "D.dsse", "--keys", "KEYS")


def ring(folder: Path) -> None:
    for name in (*ROLES, "log"):
        good(folder, "keys", "new", name, "--out", f"{name}.pem")
    added = [f"--add={name}:{name}:{name}.pem.pub" for name in ROLES]
    dates = ("--since", "2026-01-01T00:00:00Z", "--until", "2028-01-01T00:00:00Z", "--at", "2026-01-01T00:00:00Z")
    good(folder, "keys", "init", "--key", "root.pem", *added, *dates, "--out", "KEYS")


def agree(folder: Path, image: str, name: str = "A.dsse", **changes: str) -> None:
    words = (
        "--profile",
        "outsider",
        "--supplier",
        "Acme",
        "--customer",
        "Ministry",
        "--product",
        "AR-1",
        "--product-version",
        "7.3",
    )
    dates = ("--from", "2026-11-01T00:00:00Z", "--until", "2027-11-01T00:00:00Z")
    good(folder, "agreement", "new", *words, *dates, "--image", image, "--keys", "KEYS", *AT, "--out", "agreement.yaml")
    text = (folder / "agreement.yaml").read_text()
    for old, new in changes.items():
        text = text.replace(old.replace("_", " "), new)
    (folder / "agreement.yaml").write_text(text)
    good(folder, "agreement", "check", "agreement.yaml")
    good(folder, "agreement", "sign", "agreement.json", "--key", "supplier.pem", "--role", "supplier", "--out", name)
    good(folder, "agreement", "countersign", name, "--key", "customer.pem", "--role", "customer")
    (folder / "agreement.yaml").unlink()


def declare(folder: Path, image: str, supplier: str = "Acme") -> None:
    declared = {
        "aboveboard": "declaration/1",
        "supplier": supplier,
        "product": "AR-1",
        "version": "7.3",
        "date": "2026-11-01",
        "images": [image],
        "declares": {"accounts": [{"name": "admin", "purpose": "management"}]},
    }
    (folder / "D.yaml").write_text(json.dumps(declared))
    (folder / "D.dsse").unlink(missing_ok=True)
    good(folder, "declaration", "sign", "D.yaml", "--key", "supplier.pem", "--incomplete", "--out", "D.dsse")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    tree = folder / "image"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/false\nadmin:x:1000:1000::/home:/bin/false\n")
    (tree / "etc" / "shadow").write_text("root:*:19000:0:99999:7:::\nadmin:*:19000:0:99999:7:::\n")
    ring(folder)
    done = run(folder, "inspect", "image", *AT, "--json")
    image = json.loads(done.stdout)["subject"]["digest"]
    (folder / "digest").write_text(image)
    agree(folder, image)
    declare(folder, image)
    done = run(folder, "inspect", "image", *PAPERS, *AT, "--out", "RUN")
    assert done.returncode in (3, 4), done.stderr
    good(folder, "seal", "RUN", "--key", "laboratory.pem", "--keys", "KEYS", "--out", "B", *AT)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "f", symlinks=True)
    return tmp_path / "f"


def log(folder: Path) -> None:
    good(folder, "log", "init", "L", "--origin", "log.example/all", "--key", "log.pem")
    key = good(folder, "log", "key", "--key", "log.pem", "--origin", "log.example/all").strip()
    (folder / "policy").write_text(good(folder, "log", "policy", "--log", key))


def codes(found: dict[str, Any]) -> list[str]:
    return [step["code"] for step in found["steps"] if step["state"] in ("open", "failed")]


def test_a_stranger_verifies_it_and_collects_it_again(folder: Path) -> None:
    found = said(folder, 0, "verify", "B", "--keys", "KEYS", *LATER)
    assert (found["outcome"], codes(found)) == ("verified", [])
    assert found["verdict"]["inputs"]["agreement"].startswith("sha256:")
    again = said(folder, 0, "verify", "B", "--keys", "KEYS", "--image", "image", "--agreement", "A.dsse", *LATER)
    assert again["steps"][-1]["state"] == "holds"
    as_verdict = run(folder, "verify", "B", "--keys", "KEYS", "--as-verdict", *LATER)
    assert as_verdict.returncode == {"broken": 3, "not-shown": 4}[found["result"]]
    (folder / "image" / "etc" / "passwd").write_text("root::0:0:root:/root:/bin/sh\n")
    assert codes(said(folder, 3, "verify", "B", "--keys", "KEYS", "--image", "image", *LATER)) == ["differs"]


@pytest.mark.parametrize("what", ["places", "size", "name"])
def test_what_a_bundle_tells_of_the_image_beside_the_evidence_is_held_against_it(folder: Path, what: str) -> None:
    name = "evidence/places.json" if what == "places" else "evidence/manifest.json"
    told = json.loads((folder / "RUN" / name).read_bytes())
    if what == "places":
        passwd = hashlib.sha256((folder / "image" / "etc" / "passwd").read_bytes()).hexdigest()
        told[f"sha256:{passwd}"] = {"container": "", "path": "/etc/elsewhere"}
    else:
        told[what] = told[what] + 1 if what == "size" else "another.bin"
    (folder / "RUN" / name).write_bytes(canonical(told))
    case = case_files.read({path: data for path, data in bundle_files.read(folder / "RUN").items() if is_ours(path)})
    again = recollecting.again(case, folder / "image", None, 1, lambda _: None)
    words = {"places": "1 are others", "size": "the bundle says", "name": "called it another.bin; here it is image"}
    assert any(words[what] in line for line in again.lines)
    assert again.state is (State.HOLDS if what == "name" else State.FAILED)


def test_the_verdict_names_its_papers(folder: Path) -> None:
    verdict = json.loads((folder / "B" / "verdict.json").read_bytes())
    rulings = {ruling["clause"]: ruling for ruling in verdict["rulings"]}
    assert any("undertaking" in note for note in rulings["GV-01"]["notes"])
    assert verdict["inputs"]["by"] == "laboratory"
    report = (folder / "B" / "report.html").read_text()
    assert "agreement number 1 between Acme and Ministry" in report
    assert "answered for in the role laboratory" in report


def test_as_a_tar_file_and_with_evidence_withheld(folder: Path) -> None:
    words = ("--key", "laboratory.pem", "--keys", "KEYS", *AT)
    good(folder, "seal", "RUN", *words, "--out", "B.tar", "--tar")
    assert tarfile.is_tarfile(folder / "B.tar")
    said(folder, 0, "verify", "B.tar", "--keys", "KEYS", *LATER)
    sealed = said(folder, 0, "seal", "RUN", *words, "--out", "W", "--withhold", "accounts")
    assert "evidence/accounts.jsonl" in sealed["withheld"]
    found = said(folder, 4, "verify", "W", "--keys", "KEYS", *LATER)
    assert "NB-03" in found["not_rederived"]
    assert codes(found) == ["not-re-derived"]
    said(folder, 0, "verify", "W", "--keys", "KEYS", "--withheld", "W.withheld", *LATER)
    refused(folder, 2, "to withhold", "seal", "RUN", *words, "--out", "X", "--withhold", "nothing")
    refused(folder, 2, "is there already", "seal", "RUN", *words, "--out", "B")


def test_agreements_that_are_refused_with_the_reason(folder: Path) -> None:
    inspected = ("inspect", "image", "--declaration", "D.dsse", "--keys", "KEYS")
    refused(folder, 4, "not-yet", *inspected, "--agreement", "A.dsse", "--at", "2026-10-01T00:00:00Z")
    refused(folder, 4, "expired", *inspected, "--agreement", "A.dsse", "--at", "2027-11-02T00:00:00Z")
    agree(folder, "sha256:" + "9" * 64, "other.dsse")
    refused_at = run(folder, *inspected, "--agreement", "other.dsse", *AT)
    assert (refused_at.returncode, "other-product" in refused_at.stderr) == (3, True)
    line = json.loads((folder / "A.dsse").read_bytes())
    one_sided = {**line, "signatures": line["signatures"][:1]}
    (folder / "one.dsse").write_text(json.dumps(one_sided) + "\n")
    refused(folder, 3, "one-sided", *inspected, "--agreement", "one.dsse", *AT)
    refused(folder, 2, "--keys", "inspect", "image", "--agreement", "A.dsse", *AT)
    refused(folder, 2, "--profile", *inspected, "--agreement", "A.dsse", "--profile", "evaluator", *AT)
    refused(
        folder,
        2,
        "is signed",
        "inspect",
        "image",
        "--agreement",
        "A.dsse",
        "--keys",
        "KEYS",
        "--declaration",
        "D.yaml",
        *AT,
    )
    declare(folder, (folder / "digest").read_text(), "Another")
    refused(folder, 3, "other-supplier", *inspected, "--agreement", "A.dsse", *AT)


def test_an_amendment_supersedes_the_verdict(folder: Path) -> None:
    words = ("agreement", "amend", "A.dsse", "--keys", "KEYS", *AT)
    good(folder, *words, "--out", "open.yaml")
    assert run(folder, "agreement", "check", "open.yaml").returncode == 4  # from when it is in force is said anew
    good(folder, *words, "--from", "2026-12-01T12:00:00Z", "--out", "two.yaml")
    good(folder, "agreement", "check", "two.yaml", "--out", "two")
    signing = ("agreement", "sign", "two/agreement.json", "--key", "supplier.pem", "--role", "supplier", "--append")
    good(folder, *signing, "A.dsse", "--out", "A2.dsse")
    good(folder, "agreement", "countersign", "A2.dsse", "--key", "customer.pem", "--role", "customer")
    found = said(folder, 4, "verify", "B", "--keys", "KEYS", "--agreement", "A2.dsse", *LATER)
    assert codes(found) == ["superseded"]
    said(folder, 0, "verify", "B", "--keys", "KEYS", "--agreement", "A2.dsse", *AT)
    log(folder)
    good(folder, "log", "add", "L", "A2.dsse", "--kind", "agreement", "--key", "log.pem")
    good(folder, "log", "add", "L", "B/manifest.dsse", "--kind", "bundle", "--key", "log.pem")
    logged = ("--log", "L", "--policy", "policy", *LATER)
    assert codes(said(folder, 4, "verify", "B", "--keys", "KEYS", *logged)) == ["superseded"]
    refused(folder, 4, "superseded", "inspect", "image", *PAPERS, *logged)


def test_the_log_shows_when_it_was_sealed_and_that_a_newer_one_stands_behind_it(folder: Path) -> None:
    log(folder)
    trusted = ("--keys", "KEYS", "--policy", "policy", *LATER)
    assert codes(said(folder, 4, "verify", "B", *trusted)) == ["no-proof"]
    add = ("log", "add", "L", "B/manifest.dsse", "--kind", "bundle", "--key", "log.pem", "--proof", "B/manifest.tlog-proof")
    good(folder, *add)
    assert codes(said(folder, 0, "verify", "B", *trusted)) == []
    assert codes(said(folder, 0, "verify", "B", "--log", "L", *trusted)) == []
    good(folder, "seal", "RUN", "--key", "laboratory.pem", "--keys", "KEYS", "--out", "B2", "--at", "2026-12-01T06:00:00Z")
    good(folder, "log", "add", "L", "B2/manifest.dsse", "--kind", "bundle", "--key", "log.pem")
    assert codes(said(folder, 4, "verify", "B", "--log", "L", *trusted)) == ["superseded"]
    other = (folder / "B2" / "manifest.tlog-proof").write_bytes((folder / "B" / "manifest.tlog-proof").read_bytes())
    assert other
    assert set(codes(said(folder, 3, "verify", "B2", *trusted))) == {"other-entry"}


def test_wrong_use_is_said(folder: Path) -> None:
    refused(folder, 2, "no bundle", "verify", "nowhere", "--keys", "KEYS")
    refused(folder, 2, "manifest.dsse", "verify", "RUN", "--keys", "KEYS")
    refused(folder, 2, "--policy", "verify", "B", "--keys", "KEYS", "--log", "L")
    refused(folder, 3, "role", "seal", "RUN", "--key", "root.pem", "--keys", "KEYS", "--out", "X", *AT)
    refused(folder, 3, "file-missing", "seal", "image", "--key", "laboratory.pem", "--keys", "KEYS", "--out", "X", *AT)

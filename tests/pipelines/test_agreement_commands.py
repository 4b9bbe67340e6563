"""Agreements through the real command line: from nothing to an amendment that both signed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.attacks.test_agreements import RING, document, sealed
from tests.pipelines.signing import (
    AT,
    ONE,
    TWIN,
    add,
    begin,
    edit,
    folder,
    pems,
    refused,
    show,
    sign,
)
from tests.pipelines.test_trust_commands import good, run

from aboveboard.agreement.yaml_text import load
from aboveboard.model.canonical import digest
from aboveboard.trust import dsse
from aboveboard.trust.ed25519 import PrivateKey

__all__ = ["folder", "pems"]  # fixtures


def test_from_nothing_to_an_amendment_that_both_signed(folder: Path) -> None:
    begin(folder)
    good(folder, "agreement", "check", "agreement.yaml")
    assert sign(folder, out="A.dsse").returncode == 0
    refused(show(folder), "one-sided")
    assert add(folder, "customer", "customer", "--keys", "KEYS", *AT).returncode == 0
    shown = json.loads(good(folder, "agreement", "show", "A.dsse", "--keys", "KEYS", *AT, "--json"))
    assert (shown["checked"], shown["in_force"], shown["reason"]) == (True, 1, None)
    first = (folder / "A.dsse").read_bytes()

    good(
        folder, "agreement", "amend", "A.dsse", "--keys", "KEYS", *AT, "--from", "2026-11-01T00:00:00Z", "--out", "two.yaml"
    )
    edit(folder / "two.yaml", "evidence_days: 365", "evidence_days: 200")
    one = (folder / "agreement.json").read_bytes()
    kept = run(folder, "agreement", "check", "two.yaml")
    assert (kept.returncode, "is number 1 of the agreement" in kept.stderr) == (2, True)
    assert (folder / "agreement.json").read_bytes() == one
    good(folder, "agreement", "check", "two.yaml", "--out", ".two")
    for name in ("agreement.json", "agreement.md"):
        (folder / ".two" / name).replace(folder / name)
    refused_first = sign(folder)
    assert refused_first.returncode == 2
    assert "--append" in refused_first.stderr
    beside = sign(folder, "customer", "customer", append="A.dsse")
    assert (beside.returncode, "A.dsse stays as it is, and in force" in beside.stderr) == (0, True)
    assert (folder / "A.dsse").read_bytes() == first
    assert show(folder).returncode == 0
    refused(run(folder, "agreement", "show", "A-2.dsse", "--keys", "KEYS", *AT), "one-sided")
    again = sign(folder, "customer", "customer", append="A.dsse")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert sign(folder, "customer", "customer", append="A.dsse", out="A.dsse").returncode == 0  # in place, if one says so
    assert (folder / "A.dsse").read_bytes() == (folder / "A-2.dsse").read_bytes()
    refused(show(folder), "one-sided")
    assert (folder / "A.dsse").read_bytes().startswith(first)
    done = add(folder, "supplier", "supplier", "--keys", "KEYS", *AT)
    assert done.returncode == 0
    assert "customer (customer)" in done.stderr
    assert (folder / "A.dsse").read_bytes().startswith(first)
    shown = json.loads(good(folder, "agreement", "show", "A.dsse", "--keys", "KEYS", *AT, "--json"))
    assert shown["in_force"] == 2
    assert [row["state"].split(" on ")[0] for row in shown["agreements"]] == ["replaced by number 2", "in force"]
    assert [row["signers"] for row in shown["agreements"]] == [
        [{"name": "customer", "role": "customer"}, {"name": "supplier", "role": "supplier"}]
    ] * 2
    compared = json.loads(good(folder, "agreement", "diff", "A.dsse", "--keys", "KEYS", *AT, "--json"))
    assert [(one["section"], one["loosens"]) for one in compared["changes"]] == [
        ("sequence", False),
        ("amends", False),
        ("tolerances.evidence_days", False),
    ]
    text = good(folder, "agreement", "show", "A.dsse", "--keys", "KEYS", *AT, "--text")
    assert text == (folder / "agreement.md").read_text()


def test_what_is_signed_is_shown_first_and_bound_to_the_exact_bytes(folder: Path) -> None:
    begin(folder)
    good(folder, "agreement", "check", "agreement.yaml")
    done = sign(folder, out="A.dsse")
    envelope = dsse.parse((folder / "A.dsse").read_bytes().strip())
    subject = {one["name"]: "sha256:" + one["digest"]["sha256"] for one in json.loads(envelope.payload)["subject"]}
    assert subject == {name: digest((folder / name).read_bytes()) for name in ("agreement.json", "agreement.md")}
    for said in (*subject.values(), "Example Networks", "Example Ministry", "2028-11-01T00:00:00Z", "number     1"):
        assert said in done.stderr


def test_two_of_two_keys_sign_for_a_role(folder: Path) -> None:
    begin(folder, "--keys", "KEYS2")
    good(folder, "agreement", "check", "agreement.yaml")
    assert "threshold: 2" in (folder / "agreement.yaml").read_text()
    assert sign(folder, out="A.dsse").returncode == 0
    assert add(folder, "customer", "customer").returncode == 0
    refused(show(folder, "--keys", "KEYS2", *AT), "threshold")
    assert add(folder, "supplier", "supplier").returncode == 0  # the same key again counts once
    refused(show(folder, "--keys", "KEYS2", *AT), "threshold")
    assert add(folder, "twin", "supplier").returncode == 0
    assert show(folder, "--keys", "KEYS2", *AT).returncode == 0


def test_new_writes_placeholders_for_what_nobody_said(folder: Path) -> None:
    words = ("--profile", "outsider", "--supplier", "A: #1", "--customer", '"B"\n- c', "--out", "new.yaml")
    said = json.loads(good(folder, "agreement", "new", *words, "--json"))
    assert "$.roles.supplier.keys[0]" in said["open"]
    filled = load((folder / "new.yaml").read_bytes(), "", "").value
    assert (filled["supplier"]["name"], filled["customer"]["name"]) == ("A: #1", '"B"\n- c')
    assert run(folder, "agreement", "new", *words).returncode == 2  # nothing is written over
    edit(folder / "new.yaml", '\\"B\\"\\n- c', "B")
    done = run(folder, "agreement", "check", "new.yaml")
    assert done.returncode == 4
    lines = (folder / "new.yaml").read_text().splitlines()
    told = re.findall(r"^line ([0-9]+): \$\S+: still to be completed$", done.stdout, re.MULTILINE)
    assert len(told) == len(done.stdout.splitlines()) == sum('"to be completed"' in line for line in lines)
    assert all('"to be completed"' in lines[int(number) - 1] for number in told)
    assert not (folder / "agreement.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--profile", "lenient"),
        ("--image", "nothing.bin"),
        ("--image", "sha256:12"),
        ("--from", "tomorrow"),
        ("--until", "2028-02-30T00:00:00Z"),
        ("--keys", "nothing"),
        ("--out", "."),
        ("--out", "image.bin"),
    ],
)
def test_new_with_what_is_wrong(folder: Path, words: tuple[str, ...]) -> None:
    usual = ("--profile", "outsider", "--supplier", "A", "--customer", "B")
    done = run(folder, "agreement", "new", *usual, *words)
    assert done.returncode == 2
    assert "what to do: " in done.stderr
    assert not (folder / "agreement.yaml").exists()


def test_check_says_everything_with_its_line(folder: Path) -> None:
    begin(folder)
    path = folder / "agreement.yaml"
    edit(path, '- "NB-02"', '- "NB-99"')
    edit(path, "bytes_explained: 950", "bytes_explained: 900")
    edit(path, "canary_days: 90", "canary_days: ninety")
    edit(path, "remedies: []", "remedys: []")
    edit(path, "logs: {}", 'logs:\n  verdicts: "log.example+00000000+AAAA"')
    edit(path, '  until: "2028-11-01T00:00:00Z"\n', "")
    edit(path, 'text: ""', 'text: "to be completed"')
    done = run(folder, "agreement", "check", "agreement.yaml")
    assert done.returncode == 2
    lines = ["", *path.read_text().splitlines()]
    found = dict(re.findall(r"^line ([0-9]+): (\$\S*):", done.stdout, re.MULTILINE))
    assert {place: lines[int(number)].strip().split(":")[0] for number, place in found.items()} == {
        "$.clauses.required[1]": '- "NB-99"  # Hard-coded or shared credentials',
        "$.clauses": "clauses",
        "$.limits.bytes_explained": "bytes_explained",
        "$.tolerances.canary_days": "canary_days",
        "$.remedys": "remedys",
        "$.logs.verdicts": "verdicts",
        "$.term": "term",
        "$.text": "text",
    }
    told = json.loads(run(folder, "agreement", "check", "agreement.yaml", "--json").stdout)
    assert {str(one["line"]) for one in [*told["wrong"], *told["open"]]} == set(found)
    assert [one["place"] for one in told["open"]] == ["$.text"]
    assert not (folder / "agreement.json").exists()


def test_check_of_another_edition_of_the_standard(folder: Path) -> None:
    begin(folder)
    text = (folder / "agreement.yaml").read_text()
    (folder / "agreement.yaml").write_text(re.sub(r"(standard:\n.*\n  digest: ).*", r'\1"sha256:' + "9" * 64 + '"', text))
    done = run(folder, "agreement", "check", "agreement.yaml")
    assert (done.returncode, "$.standard.digest" in done.stdout) == (2, True)


def test_check_replaces_what_it_made_and_nothing_else(folder: Path) -> None:
    begin(folder)
    good(folder, "agreement", "check", "agreement.yaml", "--out", "made")
    first = (folder / "made" / "agreement.json").read_bytes()
    edit(folder / "agreement.yaml", 'text: ""', "text: |\n  In good faith.\n\n  Both.\n")
    good(folder, "agreement", "check", "agreement.yaml", "--out", "made")
    second = (folder / "made" / "agreement.json").read_bytes()
    assert first != second
    assert json.loads(second)["text"] == "In good faith.\n\nBoth."
    assert "> In good faith.\n>\n> Both." in (folder / "made" / "agreement.md").read_text()
    (folder / "agreement.md").write_text("what somebody wrote")
    assert run(folder, "agreement", "check", "agreement.yaml").returncode == 2
    assert (folder / "agreement.md").read_text() == "what somebody wrote"
    assert not (folder / "agreement.json").exists()
    assert run(folder, "agreement", "check", "made/agreement.json").returncode == 2  # JSON is YAML, but not written over
    assert (folder / "made" / "agreement.json").read_bytes() == second
    good(folder, "agreement", "check", "made/agreement.json", "--out", "again")
    assert (folder / "again" / "agreement.json").read_bytes() == second


def test_names_cannot_drive_the_terminal(folder: Path) -> None:
    begin(folder, "--supplier", "A\x1b[2J\u202eB")
    done = run(folder, "agreement", "check", "agreement.yaml")
    assert done.returncode == 2
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout + done.stderr


def test_diff_of_two_files_names_what_the_new_one_asks_less(folder: Path) -> None:
    (folder / "A.dsse").write_bytes(sealed(document()))
    good(folder, "agreement", "amend", "A.dsse", "--from", "2026-11-01T00:00:00Z", "--out", "two.yaml")
    edit(folder / "two.yaml", '    - "NB-03"  # Undocumented accounts\n', "")
    edit(folder / "two.yaml", "waived: []", 'waived:\n    - clause: "NB-03"\n      reason: "none has a shell"')
    done = good(folder, "agreement", "diff", "A.dsse", "two.yaml")
    assert "THE NEW ONE ASKS LESS, OR MAY, in 2 of 4 changes" in done
    assert "! - clauses.required NB-03" in done
    assert '! + clauses.waived NB-03: "none has a shell"' in done
    assert run(folder, "agreement", "diff", "A.dsse").returncode == 2  # there is no amendment in it
    refused(run(folder, "agreement", "diff", "A.dsse", "two.yaml", "--keys", "KEYS2", *AT), "threshold")


def test_the_ring_of_other_tests_is_the_ring_here() -> None:
    assert {name: one.public for name, one in ONE.keys.items() if name != "twin"} == {
        {"acme": "supplier", "ministry": "customer"}.get(name, name): one.public for name, one in RING.keys.items()
    }
    assert isinstance(TWIN, PrivateKey)


def test_two_copies_that_were_signed_apart_are_joined(folder: Path) -> None:
    begin(folder)
    good(folder, "agreement", "check", "agreement.yaml")
    assert sign(folder, out="A.dsse").returncode == 0
    assert sign(folder, "customer", "customer", out="B.dsse").returncode == 0
    refused(show(folder), "one-sided")
    said = json.loads(good(folder, "agreement", "join", "A.dsse", "B.dsse", "--json"))
    assert said["added"] == 1
    assert show(folder).returncode == 0
    before = (folder / "A.dsse").read_bytes()
    assert json.loads(good(folder, "agreement", "join", "A.dsse", "B.dsse", "--json"))["added"] == 0
    assert (folder / "A.dsse").read_bytes() == before
    edit(folder / "agreement.yaml", "evidence_days: 365", "evidence_days: 200")
    good(folder, "agreement", "check", "agreement.yaml")
    assert sign(folder, "customer", "customer", out="C.dsse").returncode == 0
    refused(run(folder, "agreement", "join", "A.dsse", "C.dsse"), "other-agreement")
    assert (folder / "A.dsse").read_bytes() == before

"""Agreements through the real command line: every way to be refused, and files that mean harm."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.keys import CUSTOMER, OTHER, SECOND, SUPPLIER, key
from tests.attacks.test_agreements import amendment, document, sealed
from tests.pipelines.signing import (
    AT,
    ONE,
    TWIN,
    add,
    folder,
    pems,
    refused,
    show,
    sign,
    written,
)
from tests.pipelines.test_trust_commands import run

from aboveboard.agreement.agreement import render
from aboveboard.model.canonical import digest_of
from aboveboard.pipelines import agreements
from aboveboard.trust import dsse, keyring, statement
from aboveboard.trust.keyring import Role

__all__ = ["folder", "pems"]  # fixtures


def test_sign_refuses_what_is_not_what_both_read(folder: Path) -> None:
    written(folder, document())
    (folder / "agreement.json").write_text(json.dumps(document(), indent=1))
    refused(sign(folder), "not-canonical")
    written(folder, document(), render(document()).replace("950", "900"))
    refused(sign(folder), "text-differs")
    written(folder, document(), render(document()) + "\n")
    refused(sign(folder), "text-differs")
    (folder / "agreement.md").write_bytes(b"\xff")
    refused(sign(folder), "text-differs")
    written(folder, document(text="to be completed"))
    refused(sign(folder), "open-places", 4)
    written(folder, document(surprise=1))
    refused(sign(folder), "agreement-form")
    written(folder, document(standard={"version": "0.0", "digest": "sha256:" + "9" * 64}))
    refused(sign(folder), "other-standard", 4)
    (folder / "agreement.json").write_bytes(b"[]")
    refused(sign(folder), "agreement-form")
    assert not (folder / "agreement.dsse").exists()


def test_sign_refuses_a_key_of_another_role(folder: Path) -> None:
    written(folder, document())
    refused(sign(folder, "customer", "supplier"), "role")
    refused(sign(folder, "twin", "supplier"), "role")
    refused(sign(folder, "lab", "customer"), "role")
    assert sign(folder, "lab", "laboratory").returncode == 2
    assert sign(folder).returncode == 0  # beside the JSON, with its name
    assert sign(folder).returncode == 2  # and never over another
    (folder / "agreement.dsse").rename(folder / "A.dsse")
    before = (folder / "A.dsse").read_bytes()
    refused(add(folder, "supplier", "customer"), "role")
    refused(add(folder, "twin", "supplier"), "role")
    assert (folder / "A.dsse").read_bytes() == before


def test_an_amendment_with_new_keys_is_signed_by_the_old_ones_too(folder: Path) -> None:
    (folder / "A.dsse").write_bytes(sealed(document()) + b"\n")
    roles = copy.deepcopy(document()["roles"])
    roles["supplier"] = {"threshold": 1, "keys": [TWIN.public.id]}
    written(folder, amendment(roles=roles))
    assert sign(folder, "twin", append="A.dsse", out="B.dsse").returncode == 0
    (folder / "B.dsse").rename(folder / "A.dsse")
    for name, role in (("customer", "customer"), ("supplier", "supplier")):
        assert add(folder, name, role).returncode == 0
    both = replace(ONE, roles={**ONE.roles, "supplier": Role(1, ("supplier", "twin"))})
    (folder / "KEYS").write_bytes(keyring.make(both, [SECOND]) + b"\n")
    assert show(folder).returncode == 0


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("chain", document),
        ("chain", lambda: document(sequence=3, amends=digest_of(document()))),
        ("chain", lambda: document(sequence=2, amends="sha256:" + "9" * 64)),
        ("chain", lambda: amendment(supplier={"name": "Another"})),
        ("rollback", lambda: amendment(term={"from": "2026-10-31T00:00:00Z", "until": "2028-11-01T00:00:00Z"})),
    ],
)
def test_sign_refuses_an_amendment_that_does_not_follow(
    folder: Path, code: str, value: Callable[[], dict[str, Any]]
) -> None:
    (folder / "A.dsse").write_bytes(sealed(document()) + b"\n")
    before = (folder / "A.dsse").read_bytes()
    written(folder, value())
    refused(sign(folder, append="A.dsse"), code)
    assert (folder / "A.dsse").read_bytes() == before


def other(**changes: Any) -> bytes:
    """Return an envelope that both signed, with a statement that is wrong in a way."""
    value = document()
    text = changes.get("text", render(value))
    subject = {**agreements.subjects(value, text), **changes.get("subjects", {})}
    predicate = {"agreement": value, "text": text, **changes.get("predicate", {})}
    body = statement.Statement(changes.get("kind", statement.AGREEMENT), subject, predicate).to_bytes()
    return dsse.seal(changes.get("type", dsse.STATEMENT), body, (SUPPLIER, CUSTOMER)).to_bytes()


def moved(data: bytes) -> bytes:
    """Return an envelope with the signatures of another one."""
    return replace(dsse.parse(data), signatures=dsse.parse(sealed(amendment())).signatures).to_bytes()


def swapped(data: bytes) -> bytes:
    envelope = dsse.parse(data)
    return replace(envelope, payload=envelope.payload.replace(b"Ministry", b"Ministrz")).to_bytes()


@pytest.mark.parametrize(
    ("code", "exit_code", "data"),
    [
        ("one-sided", 3, lambda: sealed(document(), SUPPLIER)),
        ("one-sided", 3, lambda: sealed(document(), SUPPLIER, OTHER)),
        ("role", 3, lambda: sealed(document(), OTHER)),
        ("signature", 3, lambda: sealed(document(), key("nobody"))),
        ("signature", 3, lambda: moved(sealed(document()))),
        ("digest", 3, lambda: swapped(sealed(document()))),
        ("text-differs", 3, lambda: sealed(document(), text="another text")),
        ("digest", 3, lambda: other(subjects={"agreement.json": "ab" * 32})),
        ("subjects", 3, lambda: other(subjects={"more": "ab" * 32})),
        ("agreement-form", 3, lambda: other(predicate={"more": 1})),
        ("agreement-form", 3, lambda: sealed(document(surprise=1))),
        ("predicate-type", 3, lambda: other(kind=statement.DECLARATION)),
        ("payload-type", 3, lambda: other(type="text/plain")),
        ("other-standard", 4, lambda: sealed(document(standard={"version": "0", "digest": "sha256:" + "9" * 64}))),
        ("chain", 3, lambda: sealed(amendment())),
        ("chain", 3, lambda: sealed(document()) + b"\n" + sealed(document())),
        ("one-sided", 3, lambda: sealed(document()) + b"\n" + sealed(amendment(), CUSTOMER)),
        ("not-yet", 4, lambda: sealed(document(term={"from": "2027-01-01T00:00:00Z", "until": "2028-01-01T00:00:00Z"}))),
        ("expired", 4, lambda: sealed(document(term={"from": "2026-10-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"}))),
        ("not-json", 3, lambda: b"{"),
        ("envelope-form", 3, lambda: b'{"payload":1}'),
        ("unsigned", 3, lambda: b'{"payload":"","payloadType":"","signatures":[]}'),
        ("not-utf-8", 3, lambda: b'{"payload":"\xff"}'),
        ("too-deep", 3, lambda: b'{"payload":' + b"[" * 100 + b"]" * 100 + b"}"),
        ("chain", 3, lambda: b"\n"),
    ],
)
def test_show_refuses_with_a_stable_code(folder: Path, code: str, exit_code: int, data: Callable[[], bytes]) -> None:
    (folder / "A.dsse").write_bytes(data())
    refused(show(folder), code, exit_code)


def test_what_is_not_in_force_is_shown_all_the_same(folder: Path) -> None:
    (folder / "A.dsse").write_bytes(
        sealed(document(term={"from": "2026-10-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"}))
    )
    done = show(folder, "--keys", "KEYS", *AT, "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["in_force"], shown["reason"]) == (4, None, "expired")
    assert shown["agreements"][0]["state"] == "ended on 2026-11-01T00:00:00Z"


def test_without_keys_nothing_is_called_checked(folder: Path) -> None:
    (folder / "A.dsse").write_bytes(sealed(document(), key("nobody")))
    done = show(folder, "--json")
    assert done.returncode == 4
    assert "SIGNATURES NOT CHECKED" in done.stderr
    shown = json.loads(done.stdout)
    assert (shown["checked"], shown["in_force"]) == (False, None)
    assert "signers" not in shown["agreements"][0]
    text = show(folder, "--text")
    assert (text.returncode, text.stdout) == (4, render(document()))


def test_countersign_with_keys_refuses_what_the_other_side_did_not_sign(folder: Path) -> None:
    (folder / "A.dsse").write_bytes(sealed(document(), key("nobody")))
    refused(add(folder, "customer", "customer", "--keys", "KEYS", *AT), "signature")
    (folder / "A.dsse").write_bytes(sealed(document(), SUPPLIER) + b"\n" + sealed(amendment(), SUPPLIER))
    refused(add(folder, "customer", "customer", "--keys", "KEYS", *AT), "one-sided")
    (folder / "A.dsse").write_bytes(sealed(document(), text="another text"))
    refused(add(folder, "customer", "customer"), "text-differs")


def test_countersign_keeps_the_lines_before_byte_for_byte(folder: Path) -> None:
    spaced = json.dumps(json.loads(sealed(document()))).encode()  # not as we write it, and just as good
    (folder / "A.dsse").write_bytes(b"\n" + spaced + b"\r\n\n" + sealed(amendment(), SUPPLIER))
    assert add(folder, "customer", "customer").returncode == 0
    data = (folder / "A.dsse").read_bytes()
    assert (
        data
        == b"\n"
        + spaced
        + b"\r\n\n"
        + dsse.countersign(dsse.parse(sealed(amendment(), SUPPLIER)), CUSTOMER).to_bytes()
        + b"\n"
    )
    assert show(folder).returncode == 0


@pytest.mark.parametrize("command", ["check", "sign", "countersign", "show", "amend", "diff"])
@pytest.mark.parametrize("kind", ["huge", "binary", "deep", "many", "folder", "link", "loop", "pipe", "missing"])
def test_hostile_files_give_a_clear_error(folder: Path, command: str, kind: str) -> None:
    path = folder / "X.dsse"
    if kind == "huge":
        with path.open("wb") as file:
            file.truncate(200 << 20)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("nowhere")
    elif kind == "loop":
        path.symlink_to("X.dsse")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path.write_bytes(
            {"binary": os.urandom(5000), "deep": b'{"a":' * 5000, "many": b"[" + b"1," * 500_000 + b"1]"}[kind]
        )
    more = {
        "sign": ("--key", "supplier.pem", "--role", "supplier", "--out", "O.dsse"),
        "countersign": ("--key", "supplier.pem", "--role", "supplier"),
        "show": ("--keys", "KEYS", *AT),
        "amend": ("--out", "O.yaml"),
    }
    done = run(folder, "agreement", command, "X.dsse", *more.get(command, ()))
    assert done.returncode in (2, 3), done
    assert "aboveboard: " in done.stderr or "$: " in done.stdout
    assert "internal error" not in done.stderr
    assert len(done.stderr) < 2000
    assert not (folder / "O.dsse").exists()
    assert not (folder / "O.yaml").exists()


def test_a_link_is_not_replaced_by_a_signed_file(folder: Path) -> None:
    (folder / "real.dsse").write_bytes(sealed(document(), SUPPLIER))
    (folder / "A.dsse").symlink_to("real.dsse")
    done = add(folder, "customer", "customer")
    assert (done.returncode, "is a link" in done.stderr) == (2, True)
    assert (folder / "A.dsse").is_symlink()


@pytest.mark.parametrize("command", ["show", "amend", "countersign"])
def test_a_chain_that_does_not_hold_is_refused_without_keys_too(folder: Path, command: str) -> None:
    data = sealed(document()) + b"\n" + sealed(document(sequence=3, amends=digest_of(document())))
    (folder / "A.dsse").write_bytes(data)
    more = {"amend": ("--out", "two.yaml"), "countersign": ("--key", "supplier.pem", "--role", "supplier")}
    refused(run(folder, "agreement", command, "A.dsse", *more.get(command, ())), "chain")
    assert (folder / "A.dsse").read_bytes() == data

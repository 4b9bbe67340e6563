"""Declarations through the real command line: signed, countersigned, shown, compared."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.keys import SUPPLIER, key
from tests.pipelines.signing import AT, folder, pems, refused
from tests.pipelines.test_trust_commands import good, run

from aboveboard.agreement.declaration import from_value
from aboveboard.model.declaration import SECTIONS
from aboveboard.pipelines import declarations
from aboveboard.trust import dsse, statement
from aboveboard.trust.refusal import RefusedError

__all__ = ["folder", "pems"]  # fixtures


def document(**changes: Any) -> dict[str, Any]:
    return {
        "aboveboard": "declaration/1",
        "supplier": "Example Networks",
        "product": "AR-1",
        "version": "7.3",
        "date": "2026-11-01",
        "images": ["sha256:" + "1" * 64],
        "declares": {
            **{section: [] for section in SECTIONS},
            "services": [{"name": "ssh", "proto": "tcp", "port": 22, "purpose": "management"}],
        },
        **changes,
    }


@pytest.fixture
def declared(folder: Path) -> Path:
    (folder / "D.yaml").write_text(json.dumps(document(), indent=1))
    return folder


def show(place: Path, *words: str) -> Any:
    return run(place, "declaration", "show", "D.dsse", *(words or ("--keys", "KEYS", *AT)))


def test_a_declaration_is_signed_and_shown(declared: Path) -> None:
    done = run(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem")
    assert done.returncode == 0
    assert "AR-1 7.3 of Example Networks" in done.stderr
    shown = json.loads(good(declared, "declaration", "show", "D.dsse", "--keys", "KEYS", *AT, "--json"))
    assert (shown["checked"], shown["signers"], shown["open"]) == (True, ["supplier"], [])
    assert shown["digest"] == from_value(document()).digest
    assert shown["declaration"]["declares"]["services"][0]["port"] == 22
    assert run(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem").returncode == 2  # never over another


def test_without_keys_nothing_is_called_checked(declared: Path) -> None:
    good(declared, "declaration", "sign", "D.yaml", "--key", "lab.pem")
    done = show(declared, "--json")
    assert done.returncode == 4
    assert "SIGNATURES NOT CHECKED" in done.stderr
    assert (json.loads(done.stdout)["checked"], json.loads(done.stdout)["signers"]) == (False, None)
    refused(show(declared), "role")


def test_what_is_open_is_not_signed_by_accident(declared: Path) -> None:
    (declared / "D.yaml").write_text(json.dumps(document(product="to be completed")))
    refused(run(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem"), "open-places", 4)
    (declared / "D.yaml").write_text(json.dumps(document(declares={"services": []})))
    refused(run(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem"), "open-places", 4)
    assert not (declared / "D.dsse").exists()
    good(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem", "--incomplete")
    good(declared, "declaration", "show", "D.dsse", "--keys", "KEYS", *AT)


def test_two_of_two_keys_sign(declared: Path) -> None:
    good(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem")
    before = dsse.parse((declared / "D.dsse").read_bytes()).payload
    refused(show(declared, "--keys", "KEYS2", *AT), "threshold")
    good(declared, "declaration", "countersign", "D.dsse", "--key", "twin.pem")
    assert "supplier, twin" in good(declared, "declaration", "show", "D.dsse", "--keys", "KEYS2", *AT)
    assert dsse.parse((declared / "D.dsse").read_bytes()).payload == before


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("signature", declarations.signed(from_value(document()), key("nobody")).to_bytes()),
        ("payload-type", dsse.seal("text/plain", b"{}", [SUPPLIER]).to_bytes()),
        ("statement-form", dsse.seal(dsse.STATEMENT, b"{}", [SUPPLIER]).to_bytes()),
        (
            "predicate-type",
            dsse.seal(
                dsse.STATEMENT, statement.Statement(statement.RECORD, {"a": "ab" * 32}, {}).to_bytes(), [SUPPLIER]
            ).to_bytes(),
        ),
        ("not-json", b'{"payload":\0'),
        ("envelope-form", b'{"payload":1}'),
        ("too-deep", b'{"payload":' + b"[" * 1000),
    ],
)
def test_show_refuses_with_a_stable_code(declared: Path, code: str, data: bytes) -> None:
    (declared / "D.dsse").write_bytes(data)
    refused(show(declared), code)


@pytest.mark.parametrize("command", ["sign", "countersign", "show", "diff"])
@pytest.mark.parametrize("kind", ["huge", "binary", "deep", "folder", "link", "loop", "pipe", "missing"])
def test_hostile_files_give_a_clear_error(declared: Path, command: str, kind: str) -> None:
    path = declared / "X.dsse"
    if kind == "huge":
        with path.open("wb") as file:
            file.truncate(200 << 20)
    elif kind == "folder":
        path.mkdir()
    elif kind in ("link", "loop"):
        path.symlink_to("nowhere" if kind == "link" else "X.dsse")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path.write_bytes(os.urandom(5000) if kind == "binary" else b'{"a":' * 5000)
    signs = ("--key", "supplier.pem")
    more = {"sign": (*signs, "--out", "O.dsse"), "countersign": signs, "show": ("--keys", "KEYS", *AT), "diff": ("X.dsse",)}
    done = run(declared, "declaration", command, "X.dsse", *more[command])
    assert done.returncode in (2, 3), done
    assert "what to do: " in done.stderr
    assert "internal error" not in done.stderr
    assert len(done.stderr) < 2000
    assert not (declared / "O.dsse").exists()


def test_diff_says_loudly_what_the_new_one_permits(declared: Path) -> None:
    services = [{"name": "ssh", "proto": "tcp", "port": 22, "purpose": "management"}]
    more = [*services, {"name": "telnet", "proto": "tcp", "port": 23, "purpose": "service"}]
    sections = {**document()["declares"], "services": more}
    new = document(version="7.4", declares=sections, images=["sha256:" + "2" * 64])
    (declared / "E.yaml").write_text(json.dumps(new))
    good(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem")
    done = good(declared, "declaration", "diff", "D.yaml", "E.yaml")
    assert "THE NEW ONE PERMITS WHAT THE OLD ONE DID NOT, in 2 of 4 changes" in done
    assert '! + services tcp 23: name "telnet"' in done
    assert '  ~ version: "7.3" -> "7.4"' in done
    mixed = run(declared, "declaration", "diff", "D.dsse", "E.yaml", "--json")
    assert (mixed.returncode, json.loads(mixed.stdout)["checked"]) == (0, False)
    assert "SIGNATURES NOT CHECKED" in mixed.stderr
    told = json.loads(good(declared, "declaration", "diff", "D.dsse", "E.yaml", "--keys", "KEYS", *AT, "--json"))
    assert (told["checked"], told["loosening"], len(told["changes"])) == (True, 2, 4)
    assert "nothing changed" in good(declared, "declaration", "diff", "D.yaml", "D.dsse", "--keys", "KEYS", *AT)


def test_diff_with_keys_refuses_what_is_not_signed(declared: Path) -> None:
    good(declared, "declaration", "sign", "D.yaml", "--key", "supplier.pem")
    refused(run(declared, "declaration", "diff", "D.yaml", "D.dsse", "--keys", "KEYS2", *AT), "threshold")


def test_only_a_declaration_is_countersigned(declared: Path) -> None:
    record = statement.Statement(statement.RECORD, {"a": "ab" * 32}, {}).to_bytes()
    data = dsse.seal(dsse.STATEMENT, record, [SUPPLIER]).to_bytes()
    with pytest.raises(RefusedError, match="predicate-type"):
        declarations.countersigned(data, SUPPLIER)
    (declared / "D.dsse").write_bytes(data)
    refused(run(declared, "declaration", "countersign", "D.dsse", "--key", "supplier.pem"), "predicate-type")
    assert (declared / "D.dsse").read_bytes() == data

"""Files of other kinds, folders and bytes that are no text, given to commands: named, with what to do, and no forgery."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.attacks.test_agreements import document, sealed
from tests.pipelines.signing import begin, folder, pems, sign
from tests.pipelines.trusted import SOURCE, good, refused

from aboveboard.model.canonical import canonical
from aboveboard.pipelines.releases import image_digest
from aboveboard.pipelines.signed_files import other_kind

__all__ = ["folder", "pems"]  # fixtures
KINDS = {
    "photo.jpg": (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG picture"),
    "scan.pdf": (b"%PDF-1.7\n", "a PDF document"),
    "a.yaml": (b"# ours\naboveboard: agreement/1\n", "YAML that nobody signed"),
    "agreement.json": (canonical(document()), "JSON that nobody signed"),
    "acme.pem.pub": (b"-----BEGIN PUBLIC KEY-----\n", "a key or certificate in PEM"),
    "notes.txt": (b"to do: sign\n", "text that nobody signed"),
    "blob": (b"\x00\x01\x02", "data of another kind"),
}
COMMANDS = (
    ("agreement", "show", "FILE"),
    ("agreement", "show", "FILE", "--keys", "KEYS"),
    ("agreement", "countersign", "FILE", "--key", "customer.pem", "--role", "customer"),
    ("declaration", "show", "FILE"),
    ("canary", "show", "FILE"),
    ("keys", "show", "FILE"),
    ("verify", "FILE", "--keys", "KEYS"),
    ("verify", ".", "--keys", "FILE"),
)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_kind_is_wrong_use_and_no_forgery(folder: Path, name: str) -> None:
    data, kind = KINDS[name]
    (folder / name).write_bytes(data)
    for words in COMMANDS:
        said = refused(folder, 2, "what to do", *[name if word == "FILE" else word for word in words])
        assert kind in said or "no tar file" in said, (words, said)
        assert (folder / name).read_bytes() == data


def test_an_envelope_that_is_damaged_stays_a_forgery(folder: Path) -> None:
    good = sealed(document())
    for number, data in enumerate((good[:-9], good.replace(b'"payload"', b'"pavload"'), b'{"payload": 1}', b"{")):
        (folder / f"{number}.dsse").write_bytes(data + b"\n")
        refused(folder, 3, "what to do", "agreement", "show", f"{number}.dsse")
    assert other_kind(good) is None
    assert other_kind(b" \n") is None
    assert other_kind(b"[" * 100_000) == "text that nobody signed"
    assert other_kind(b'{"a":' * 100_000) is None


def test_an_agreement_names_a_folder_by_the_digest_with_which_it_is_inspected(folder: Path) -> None:
    (folder / "root" / "etc").mkdir(parents=True)
    (folder / "root" / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    begin(folder, "--image", "root")
    assert image_digest(folder / "root") in (folder / "agreement.yaml").read_text()


def test_whose_evidence_counts_is_shown_before_one_signs(folder: Path) -> None:
    begin(folder)
    text = (folder / "agreement.yaml").read_text()
    assert "clauses: {}" in text
    (folder / "agreement.yaml").write_text(text.replace("clauses: {}", 'clauses: {"EV-03": ["customer"]}'))
    assert "evidence   laboratory, customer; for EV-03: customer" in good(folder, "agreement", "check", "agreement.yaml")
    assert "evidence   laboratory, customer; for EV-03: customer" in sign(folder, out="A.dsse").stderr


def test_an_argument_that_is_no_text_is_wrong_use(folder: Path) -> None:
    words = [
        b"agreement",
        b"new",
        b"--profile",
        b"outsider",
        b"--supplier",
        b"\xff",
        b"--customer",
        b"C",
        b"--out",
        b"x.yaml",
    ]
    command = [os.fsencode(sys.executable), b"-m", b"aboveboard.cli.main", *words]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "not text in UTF-8" in done.stderr
    assert not (folder / "x.yaml").exists()

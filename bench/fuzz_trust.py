"""Fuzz targets of what carries signatures: whatever the bytes are, they are read, or refused with a reason of ours."""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from aboveboard.agreement import agreement as agreement_reading
from aboveboard.agreement import record as record_reading
from aboveboard.agreement.yaml_text import load
from aboveboard.model.canonical import canonical
from aboveboard.model.errors import AboveboardError
from aboveboard.pipelines import agreements, bundle_files, case_files, declarations, log_extracts, records, sealing
from aboveboard.standard import reader
from aboveboard.trust import attestation, canary, dsse, keyring, note, statement
from aboveboard.trust.checkpoint import Checkpoint
from aboveboard.trust.entry import Entry
from aboveboard.trust.policy import Policy
from aboveboard.trust.proof import Proof
from aboveboard.trust.strict import parse_json

_STANDARD = reader.load()
_CLAUSES = _STANDARD.clauses


def envelope(data: bytes) -> None:
    """Fuzz an envelope, and what each reader makes of its payload."""
    try:
        read = dsse.parse(data)
    except AboveboardError:
        return
    for one in (agreements.unsigned, lambda _: declarations.stated(read)):
        _tried(lambda one=one: one(data))  # type: ignore[misc]
    _tried(lambda: attestation.read_verdict(read))
    _tried(lambda: attestation.read_manifest(read))
    payload(read.payload)


def payload(data: bytes) -> None:
    """Fuzz the statement itself: base64 keeps a fuzzer from what is in an envelope."""
    _tried(lambda: keyring.stated(data))
    signed = dsse.Envelope(dsse.STATEMENT, data, ())
    _tried(lambda: attestation.read_verdict(signed))
    _tried(lambda: attestation.read_manifest(signed))
    _tried(lambda: declarations.stated(signed))
    for kind in (statement.CANARY, statement.AGREEMENT, statement.RECORD):
        try:
            body = statement.Statement.parse(data, kind).predicate
        except AboveboardError:
            continue
        if kind == statement.CANARY:
            _tried(lambda body=body: canary.read(body))  # type: ignore[misc]
        elif kind == statement.AGREEMENT:
            _tried(lambda body=body: agreements.read(_object(body.get("agreement"))))  # type: ignore[misc]
        else:
            _tried(lambda body=body: records.subjects(_object(body.get("record"))))  # type: ignore[misc]
            _tried(lambda body=body: record_reading.document(body.get("record"), _CLAUSES))  # type: ignore[misc]


def agreement(data: bytes) -> None:
    """Fuzz the YAML that people write, up to everything that is wrong with it, and the text of what is right."""
    try:
        value = agreement_reading.complete(load(data, "the agreement", "").value)
        canonical(value)
    except AboveboardError:
        return
    clauses = [clause.id for clause in _CLAUSES]
    profiles = {profile.name: profile for profile in _STANDARD.profiles}
    if not agreement_reading.wrong(value, clauses, profiles) and not agreement_reading.open_places(value):
        agreement_reading.read_json(value, clauses, profiles)
        agreement_reading.render(value)


def log_texts(data: bytes) -> None:
    """Fuzz the small texts of a log: proofs, notes, checkpoints, entries, policies, extracts."""
    _tried(lambda: Proof.parse(data))
    _tried(lambda: Checkpoint.parse(note.parse(data).text))
    _tried(lambda: Entry.parse(data))
    _tried(lambda: Policy.parse(data.decode("utf-8", "replace")))
    _tried(lambda: log_extracts.from_json(parse_json(data)))


def bundle(data: bytes) -> None:
    """Fuzz a bundle in a tar file, up to the case that is judged."""
    with tempfile.NamedTemporaryFile(dir=_scratch()) as file:
        file.write(data)
        file.flush()
        try:
            files = bundle_files.read(Path(file.name))
            case_files.read({name: content for name, content in files.items() if sealing.is_ours(name)})
        except AboveboardError:
            return


def _scratch() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _tried(read: Callable[[], object]) -> None:
    try:
        read()
    except AboveboardError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "envelope": envelope,
    "payload": payload,
    "agreement": agreement,
    "log_texts": log_texts,
    "bundle": bundle,
}


def seeds(name: str) -> list[bytes]:
    """Return what a target begins with: things that are really signed, as the tests make them."""
    sys.path.append(str(Path(__file__).resolve().parents[1]))  # the things that the tests sign
    from tests.attacks import bundles
    from tests.attacks.keys import ORIGIN
    from tests.attacks.test_agreements import document

    with tempfile.TemporaryDirectory() as folder:
        sealed = bundles.sealed(Path(folder) / "run")
    envelopes = [
        sealed.files["manifest.dsse"],
        sealed.files["verdict.dsse"],
        *bundles.FULL.agreement,
        *bundles.FULL.records,
    ]
    if name == "envelope":
        return envelopes
    if name == "payload":
        return [dsse.parse(one).payload for one in envelopes]
    if name == "agreement":
        return [json.dumps(document(), indent=1).encode(), b"aboveboard: agreement/1\nsequence: 1\namends: null\n"]
    if name == "log_texts":
        root = "A" * 43 + "="
        entry = Entry("bundle", "0" * 64, {"image": "sha256:" + "1" * 64}).to_bytes()
        text = f"{ORIGIN}\n7\n{root}\n\n\u2014 {ORIGIN} {'A' * 91}=\n".encode()
        proof = f"c2sp.org/tlog-proof@v1\nindex 3\n{root}\n\n".encode() + text
        return [entry, text, proof, b"log a+00000000+AAAA\nquorum none\n"]
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(sealed.files.items()):
            if sealing.is_ours(path):
                member = tarfile.TarInfo(path)
                member.size = len(content)
                archive.addfile(member, BytesIO(content))
    return [made.getvalue()]

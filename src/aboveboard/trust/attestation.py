"""The verdict as an attestation: our predicate in an in-toto Statement v1, and the manifest of the bundle that it lies in.

The predicate holds of each clause its status and reason, and the digest of everything that they follow from. It holds no
fact: whoever may see the evidence finds the facts in the bundle, and for whoever may not the signatures still hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aboveboard.model.canonical import JSON, canonical
from aboveboard.model.verdict import Reason, Result, Status, Verdict
from aboveboard.trust import dsse, statement
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.statement import Statement
from aboveboard.trust.strict import parse_time

FORM, BUNDLE_FORM = "verdict/1", "bundle/1"
BUNDLE = f"{statement.PREDICATES}bundle/v1"
VERDICT_NAME = "verdict.dsse"
SALT = 32  # bytes

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z", description="a SHA-256 digest")]
Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="a SHA-256 in hexadecimal")]
Time = Annotated[
    str, Meta(pattern=r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z", description="a time in UTC")
]
RoleName = Literal["supplier", "customer", "laboratory", "operator", "auditor"]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A closed form: an unknown field is an error."""


class StandardForm(_Form, frozen=True, kw_only=True):
    """The standard: its version and date, and the digest of its clauses, which are the rules."""

    version: Text
    date: Text
    digest: Digest


class ProfileForm(_Form, frozen=True, kw_only=True):
    """The profile that was asked, and the clauses of it that an agreement waives, with the reason."""

    name: Text
    access: Text
    digest: Digest
    waived: dict[str, str]


class ClauseForm(_Form, frozen=True, kw_only=True):
    """One clause decided."""

    clause: Text
    required: bool
    status: Status
    reason: Reason


class FileForm(_Form, frozen=True, kw_only=True):
    """A file of the bundle: by its SHA-256, or where it is withheld by the SHA-256 of a salt and it."""

    name: Text
    sha256: Hex | UnsetType = UNSET
    salted: Hex | UnsetType = UNSET


class ToolsForm(_Form, frozen=True, kw_only=True):
    """With what the verdict was made: our version, the digest of the code that judges, and the tools of the evidence."""

    aboveboard: Text
    judge: Digest
    evidence: list[dict[str, msgspec.Raw]]


class InputsForm(_Form, frozen=True, kw_only=True):
    """What the verdict follows from beside the evidence."""

    manifest: Digest
    agreement: Digest | None
    declaration: Digest | None
    records: list[Digest]


class VerdictForm(_Form, frozen=True, kw_only=True):
    """The predicate."""

    aboveboard: Literal["verdict/1"]
    at: Time
    expires: Time
    by: RoleName
    result: Result
    count: Text
    clauses: Annotated[list[ClauseForm], Meta(min_length=1, max_length=1000)]
    coverage: dict[str, int]
    standard: StandardForm
    profile: ProfileForm
    inputs: InputsForm
    files: Annotated[list[FileForm], Meta(max_length=10_000)]
    tools: ToolsForm
    confined: bool
    wording: Text
    not_seen_by_any_analysis: list[Text]


class WithheldForm(_Form, frozen=True, kw_only=True):
    """A file that is not in the bundle: the SHA-256 of a secret salt of 32 bytes and its content after each other."""

    name: Text
    salted: Hex


class BundleForm(_Form, frozen=True, kw_only=True):
    """The predicate of a bundle's manifest; its subjects are the files."""

    aboveboard: Literal["bundle/1"]
    by: RoleName
    sealed: Time
    image: Digest
    profile: Text
    withheld: Annotated[list[WithheldForm], Meta(max_length=1000)]


@dataclass(frozen=True)
class Attested:
    """A predicate as it was read, with its subject."""

    subject: Mapping[str, str]
    predicate: Mapping[str, JSON]
    form: VerdictForm


@dataclass(frozen=True)
class Sealed:
    """The manifest of a bundle: its files by SHA-256, and those that are withheld by salted SHA-256."""

    files: Mapping[str, str]
    withheld: Mapping[str, str]
    by: str
    sealed: str
    image: str  # `sha256:` and 64 hexadecimal digits
    profile: str

    def about(self) -> dict[str, str | int]:
        """Return by what it is found again in a log."""
        return {"image": self.image, "by": self.by, "profile": self.profile, "sealed": self.sealed}


def salted(salt: bytes, data: bytes) -> str:
    """Return the salted digest of a file that is withheld, in hexadecimal."""
    if len(salt) != SALT:
        raise RefusedError("salt", f"a salt of {len(salt)} bytes, {SALT} are wanted")
    return hashlib.sha256(salt + data).hexdigest()


def predicate(
    verdict: Verdict, by: str, tools: Mapping[str, JSON], files: Mapping[str, str], withheld: Mapping[str, str]
) -> dict[str, JSON]:
    """Return the predicate of a verdict: everything follows from the verdict and from what is handed in here.

    `files` maps names to SHA-256 in hexadecimal, `withheld` to salted ones; `tools` is a `ToolsForm`.
    """
    document = verdict.to_json()
    inputs = verdict.inputs
    named: list[JSON] = [{"name": name, "sha256": digest} for name, digest in sorted(files.items())]
    named += [{"name": name, "salted": digest} for name, digest in sorted(withheld.items())]
    return {
        "aboveboard": FORM,
        "at": verdict.at,
        "expires": verdict.expires,
        "by": by,
        "result": verdict.result.value,
        "count": verdict.count,
        "clauses": [
            {
                "clause": ruling.clause,
                "required": ruling.required,
                "status": ruling.status.value,
                "reason": ruling.reason.value,
            }
            for ruling in verdict.rulings
        ],
        "coverage": dict(verdict.coverage),
        "standard": dict(verdict.standard),
        "profile": document["profile"],
        "inputs": {name: inputs[name] for name in ("manifest", "agreement", "declaration", "records")},
        "files": named,
        "tools": dict(tools),
        "confined": inputs["confined"],
        "wording": verdict.wording,
        "not_seen_by_any_analysis": list(verdict.not_seen_by_any_analysis),
    }


def subject(verdict: Verdict) -> dict[str, str]:
    """Return what the statement is about: the image, by the name that it was given and by its digest."""
    return {str(verdict.subject["name"]) or "image": str(verdict.subject["digest"]).removeprefix("sha256:")}


def verdict_statement(about: Mapping[str, str], body: Mapping[str, JSON]) -> bytes:
    """Return the statement to sign."""
    return Statement(statement.VERDICT, about, body).to_bytes()


def read_verdict(envelope: dsse.Envelope) -> Attested:
    """Return what an envelope says of a verdict, without a look at its signatures; raises RefusedError."""
    stated = Statement.parse(envelope.payload, statement.VERDICT)
    if len(stated.subjects) != 1:
        raise RefusedError("subjects", "a verdict is about one image")
    form = _read(stated.predicate, VerdictForm, "verdict-form")
    names = [one.name for one in form.files]
    clauses = [one.clause for one in form.clauses]
    if len(set(names)) != len(names) or len(set(clauses)) != len(clauses):
        raise RefusedError("verdict-form", "a file or a clause is named twice")
    if any((one.sha256 is UNSET) == (one.salted is UNSET) for one in form.files):
        raise RefusedError("verdict-form", "a file has a digest or a salted one")
    parse_time(form.at)
    parse_time(form.expires)
    return Attested(stated.subjects, stated.predicate, form)


def manifest_statement(manifest: Sealed) -> bytes:
    """Return the statement to sign."""
    body: dict[str, JSON] = {
        "aboveboard": BUNDLE_FORM,
        "by": manifest.by,
        "sealed": manifest.sealed,
        "image": manifest.image,
        "profile": manifest.profile,
        "withheld": [{"name": name, "salted": digest} for name, digest in sorted(manifest.withheld.items())],
    }
    return Statement(BUNDLE, manifest.files, body).to_bytes()


def read_manifest(envelope: dsse.Envelope) -> Sealed:
    """Return what an envelope says of a bundle's files, without a look at its signatures; raises RefusedError."""
    stated = Statement.parse(envelope.payload, BUNDLE)
    form = _read(stated.predicate, BundleForm, "bundle-form")
    parse_time(form.sealed)
    withheld = {one.name: one.salted for one in form.withheld}
    if len(withheld) != len(form.withheld) or set(withheld) & set(stated.subjects):
        raise RefusedError("bundle-form", "a file is withheld twice, or withheld and there")
    return Sealed(stated.subjects, withheld, form.by, form.sealed, form.image, form.profile)


_FormT = TypeVar("_FormT", bound=_Form)


def _read(value: Mapping[str, JSON], form: type[_FormT], code: str) -> _FormT:
    try:
        return msgspec.json.decode(canonical(value), type=form)
    except msgspec.ValidationError as error:
        raise RefusedError(code, f"not in form: {error}") from error


def schemas() -> dict[str, Mapping[str, JSON]]:
    """Return the JSON Schemas of both predicates (JSON Schema 2020-12) by their predicate type."""
    found: dict[str, Mapping[str, JSON]] = {}
    for kind, form in ((statement.VERDICT, VerdictForm), (BUNDLE, BundleForm)):
        made = json.loads(
            json.dumps(msgspec.json.schema(form)).replace("\\\\Z", "$")
        )  # the end of a text, as ECMA 262 has it
        found[kind] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": kind, **made}
    return found


def digests(files: Mapping[str, bytes], names: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of files in hexadecimal."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in names}

"""What is signed: the statements, the predicates of a verdict and of a bundle, and their JSON Schemas.

Names, order and form of the fields come from the code; the words for a field stand here, and a field without words, or
words without a field, is an error.
"""

from __future__ import annotations

import json
from typing import Any

from docs.generate.forms import rows, structs
from docs.generate.source import table

from aboveboard.trust import attestation, dsse, statement

FILES = {statement.VERDICT: "verdict.json", attestation.BUNDLE: "bundle.json"}
# Each predicate type: the file that usually holds it, what it is about, and who signs.
STATEMENTS: dict[str, tuple[str, str, str]] = {
    statement.AGREEMENT: ("`A.dsse`", "the exact JSON and the exact text of an agreement", "supplier and customer"),
    statement.DECLARATION: ("`D.dsse`", "a declaration, as JSON", "the supplier"),
    statement.RECORD: (
        "`.dsse` beside the record",
        "a record, and the images that it speaks of",
        "a role that the agreement accepts",
    ),
    statement.VERDICT: ("`verdict.dsse` of a bundle", "the image", "one role, with its threshold"),
    attestation.BUNDLE: ("`manifest.dsse` of a bundle", "every file of the bundle", "the same role"),
    statement.CANARY: ("a chain, a statement a line", "the statements of one supplier and product", "the supplier"),
    statement.KEYS: ("a chain, a ring a line", "the keys and the roles that they speak for", "the root role, old and new"),
}
WORDS: dict[str, dict[str, str]] = {
    "VerdictForm": {
        "aboveboard": "the form of the predicate",
        "at": "the evaluation time",
        "expires": "until when the verdict may be relied on",
        "by": "the role that answers for the verdict and its evidence",
        "result": "the worst required ruling",
        "count": "how many required clauses are broken, shown, not shown",
        "clauses": "one for each clause of the standard, in its order, and each once",
        "coverage": "the counts of the verdict document",
        "standard": "the rules",
        "profile": "what was asked",
        "inputs": "what it follows from beside the evidence",
        "files": "every file of the bundle, the two envelopes apart, and each once",
        "tools": "with what it was made",
        "confined": "whether all parsers ran in the jail",
        "wording": "how `met` is to be read",
        "not_seen_by_any_analysis": "what no analysis of this kind can see",
    },
    "ClauseForm": {
        "clause": "id of the clause",
        "required": "whether the profile or the agreement asks it",
        "status": "see [Statuses](verdict.md#statuses)",
        "reason": "see [Reasons](verdict.md#reasons)",
    },
    "StandardForm": {"version": "of the standard", "date": "of its edition", "digest": "of its clauses"},
    "ProfileForm": {
        "name": "of the profile",
        "access": "outsider, operator or evaluator",
        "digest": "of the profile",
        "waived": "clauses that the agreement does not ask, and why",
    },
    "InputsForm": {
        "manifest": "what the run was given and what it owed",
        "agreement": "the JSON of the agreement or amendment in force",
        "declaration": "the declaration",
        "records": "the signed payloads of the records, and what was worked out from logs and canaries",
    },
    "FileForm": {
        "name": "path in the bundle",
        "sha256": "of a file that is there; a file has this or `salted`, never both",
        "salted": "of a secret salt of 32 bytes and the content after it, for a file that is withheld",
    },
    "ToolsForm": {
        "aboveboard": "version",
        "judge": "digest of the code that judges",
        "evidence": "versions and digests of each set of tools that evidence was made with",
    },
    "BundleForm": {
        "aboveboard": "the form of the predicate",
        "by": "the role that sealed it",
        "sealed": "when; only a log shows that it was not later",
        "image": "the image that the verdict is about",
        "profile": "name of the profile",
        "withheld": "files that are not in the bundle",
    },
    "WithheldForm": {"name": "path in the bundle", "salted": "of a secret salt of 32 bytes and the content after it"},
}


def pages() -> dict[str, str]:
    """Return the page and the schemas, by their path below `docs/reference`."""
    schemas = attestation.schemas()
    if set(FILES) != set(schemas):
        raise LookupError(f"{sorted(set(FILES) ^ set(schemas))} in docs/generate/attestations.py")
    files = {f"schemas/{FILES[kind]}": json.dumps(schema, indent=2) for kind, schema in schemas.items()}
    return {"attestation.md": _page(schemas), **files}


def _page(schemas: Any) -> str:
    lines = [
        "# What is signed",
        "",
        f"Every paper is an in-toto Statement v1 in a DSSE envelope of the type `{dsse.STATEMENT}`, signed with Ed25519. "
        "The signature covers the type and the exact bytes. Subjects are named by SHA-256. A statement of one kind is "
        "never taken for another.",
        "",
        *table(("predicate type", "file", "about", "signed by"), [(f"`{kind}`", *said) for kind, said in _statements()]),
        *_CHECKING,
    ]
    for kind, title in ((statement.VERDICT, "The verdict"), (attestation.BUNDLE, "The manifest of a bundle")):
        name = FILES[kind]
        lines += [f"## {title}", "", f"`{kind}`. JSON Schema (2020-12): [{name}](schemas/{name}).", ""]
        lines += _fields(schemas[kind]["$defs"])
    return "\n".join(lines)


def _statements() -> list[tuple[str, tuple[str, str, str]]]:
    there = {
        value for value in vars(statement).values() if isinstance(value, str) and value.startswith(statement.PREDICATES)
    }
    kinds = (there | {attestation.BUNDLE}) - {statement.PREDICATES}
    if kinds != set(STATEMENTS):
        raise LookupError(f"{sorted(kinds ^ set(STATEMENTS))} in docs/generate/attestations.py")
    return list(STATEMENTS.items())


def _fields(defs: Any) -> list[str]:
    def named(name: str) -> str:
        if name in WORDS:
            return f"as [{_title(name)}](#{name.lower()})"
        return f"one of {', '.join(f'`{value}`' for value in defs[name]['enum'])}"

    lines: list[str] = []
    for name in structs(defs):
        body = defs[name]
        if set(body["properties"]) != set(WORDS[name]):
            raise LookupError(
                f"{name}: {sorted(set(body['properties']) ^ set(WORDS[name]))} in docs/generate/attestations.py"
            )
        lines += [f"### {_title(name)} {{ #{name.lower()} }}", "", body["description"], ""]
        lines += table(("field", "form"), rows(body, named, WORDS[name]))
    return lines


def _title(name: str) -> str:
    return name.removesuffix("Form")


_CHECKING = """\
## Checked by others { #checked-by-others }

Nothing of ours is needed to check a signature or a proof. The tests have programs and libraries of other hands do so, and
have them refuse what was changed (`tests/foreign`):

| what | checked by |
| --- | --- |
| signatures of envelopes | OpenSSL, `pkeyutl -verify -rawin` over what DSSE signs; securesystemslib, `Envelope.verify` |
| `.tlog-proof`, checkpoints, cosignatures | proofbundle, `verify_tlog_proof`, `verify_witnessed_checkpoint`: as they are |
| statements | in-toto-attestation, `Statement.validate` |
| both predicates below | any validator of JSON Schema 2020-12 |
| `assessment-results.json` | compliance-trestle; see [OSCAL](oscal.md) |

By hand, with the envelope `verdict.dsse` and the key `laboratory.pem.pub`:

```sh
python3 - verdict.dsse <<'END'
import base64, json, sys
e = json.load(open(sys.argv[1]))
kind, body = e["payloadType"].encode(), base64.b64decode(e["payload"])
open("message", "wb").write(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body))
open("signature", "wb").write(base64.b64decode(e["signatures"][0]["sig"]))
END
openssl pkeyutl -verify -pubin -inkey laboratory.pem.pub -rawin -in message -sigfile signature
```

A schema holds the form alone. That no clause and no file is named twice, that a file has one of the two digests, and that
the verdict follows from the files, `aboveboard verify` checks.
""".split("\n")

"""The facts that broke or hold open a clause as SARIF 2.1.0 (OASIS Standard, 27 March 2020)."""

from __future__ import annotations

from urllib.parse import quote

from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.facts import Fact, Standing, Where
from aboveboard.model.paths import unshow
from aboveboard.model.standard import Clause, Severity
from aboveboard.model.verdict import Ruling, Status
from aboveboard.report.dossier import Dossier, describe, why

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(dossier: Dossier) -> dict[str, JSON]:
    """Return the log: one run, a rule for each clause, a result for each fact of a ruling that is not met."""
    results: list[JSON] = [
        _result(ruling, fact, dossier)
        for ruling in dossier.verdict.rulings
        if ruling.status is not Status.MET
        for fact in ruling.facts
    ]
    rules: list[JSON] = [_rule(clause) for clause in dossier.standard.clauses]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Aboveboard", "version": dossier.product, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(clause: Clause) -> dict[str, JSON]:
    level = "error" if clause.severity in (Severity.CRITICAL, Severity.HIGH) else "warning"
    return {
        "id": clause.id,
        "name": "".join(word.capitalize() for word in clause.name.replace("-", " ").split()),
        "shortDescription": {"text": clause.name},
        "fullDescription": {"text": clause.requirement},
        "defaultConfiguration": {"level": level},
    }


def _result(ruling: Ruling, fact: Fact, dossier: Dossier) -> dict[str, JSON]:
    broken = ruling.status is Status.BROKEN
    candidate = " (a candidate: it accuses nobody)" if fact.standing is Standing.CANDIDATE else ""
    return {
        "ruleId": ruling.clause,
        # section 3.27.9: a result whose kind is not "fail" has the level "none"
        "kind": "fail" if broken else "open",
        "level": "error" if broken else "none",
        "message": {"text": "\n".join([f"{describe(fact)} at {dossier.place_of(fact)}{candidate}", *why(fact)])},
        "locations": [_location(dossier.where(fact))],
        "partialFingerprints": {"aboveboardFact/v1": digest_of(fact.to_json()).partition(":")[2]},
    }


def _location(where: Where) -> dict[str, JSON]:
    physical: dict[str, JSON] = {"artifactLocation": {"uri": quote(unshow(where.path).lstrip(b"/")) or "image"}}
    if where.line:
        physical["region"] = {"startLine": where.line}
    elif where.offset is not None:
        physical["region"] = {"byteOffset": where.offset}
    if where.address is not None:
        physical["address"] = {"absoluteAddress": int(where.address, 16)}
    location: dict[str, JSON] = {"physicalLocation": physical}
    if where.function:
        location["logicalLocations"] = [{"name": where.function, "kind": "function"}]
    return location

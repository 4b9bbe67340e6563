"""The text of an agreement that people read and sign, made from its JSON alone: the same JSON, the same bytes.

Everything that a field says is escaped, so that none can pose as a heading, a clause or another field; what the parties
add in their own words stands last, in a block quote that it cannot leave (CommonMark 0.31, sections 2.4 and 5.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aboveboard.agreement.form import ROLES
from aboveboard.model.canonical import JSON

_MARKS = re.compile(r"([\\`*_\[\]{}<>|~&#$!^])")
_DETAILS = (("address", "Address"), ("registration", "Registration"), ("contact", "Contact"))
_LOGS = (("verdicts", "Verdicts"), ("releases", "Releases"), ("canary", "The supplier's canary"))


def render(value: JSON) -> str:
    """Return the Markdown of an agreement whose JSON is in form (`agreement.read_json` tells)."""
    assert isinstance(value, Mapping)
    document: Mapping[str, Any] = value
    parts = (
        _head,
        _parties,
        _products,
        _required,
        _waived,
        _limits,
        _roles,
        _evidence,
        _remedies,
        _logs,
        _own_words,
    )
    return "\n".join(line for part in parts for line in part(document))


def _plain(text: Any) -> str:
    """Return a text as itself in Markdown. A line break cannot be in it; where one is, it shows as a blank."""
    return _MARKS.sub(r"\\\1", " ".join(str(text).splitlines()))


def _code(text: Any) -> str:
    """Return a digest or key, whose form leaves no backtick in it."""
    return "`" + re.sub(r"[^!-_a-~]", "?", str(text)) + "`"


def _head(document: Mapping[str, Any]) -> Iterable[str]:
    number, term = document["sequence"], document["term"]
    supplier, customer = _plain(document["supplier"]["name"]), _plain(document["customer"]["name"])
    yield from ("# No-spy, no-backdoors agreement", "")
    yield f"Between **{supplier}**, the supplier, and **{customer}**, the customer."
    yield ""
    if number == 1:
        yield "- Number: 1, the agreement itself"
    else:
        before = _code(document["amends"])
        yield f"- Number: {number}, an amendment. From the day its term begins it stands in place of {before}"
    yield f"- Term: from {_plain(term['from'])} until {_plain(term['until'])} (UTC, the end not included)"
    for name, part in (("Standard: version", document["standard"]), ("Profile:", document["profile"])):
        yield f"- {name} {_plain(part.get('version', part.get('name')))}, {_code(part['digest'])}"
    yield f"- Form: {_plain(document['aboveboard'])}"
    yield ""
    yield "This text is made from agreement.json and says the same. Both are signed together."
    yield ""


def _parties(document: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## 1. Parties", "")
    for role in ("supplier", "customer"):
        party = document[role]
        yield f"- The {role}: {_plain(party['name'])}"
        yield from (f"  - {label}: {_plain(party[name])}" for name, label in _DETAILS if name in party)
    yield ""


def _products(document: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## 2. Products", "", "The agreement speaks of these images and of no other.", "")
    for product in document["products"]:
        yield f"- {_plain(product['name'])}, version {_plain(product['version'])}"
        yield from (f"  - {_code(image)}" for image in product["images"])
    yield ""


def _required(document: Mapping[str, Any]) -> Iterable[str]:
    required = document["clauses"]["required"]
    yield from ("## 3. Clauses that are required", "")
    yield f"{len(required)} clauses of the standard named above, each as it stands there:"
    yield ""
    families: dict[str, list[str]] = {}
    run = ""
    for clause in required:  # in the order of the JSON; a family that comes back begins a new line
        family = clause.partition("-")[0]
        run = run if run.partition(" ")[0] == family else f"{family} {len(families)}"
        families.setdefault(run, []).append(_plain(clause))
    yield from (f"- {', '.join(names)}" for names in families.values())
    yield ""


def _waived(document: Mapping[str, Any]) -> Iterable[str]:
    waived = document["clauses"]["waived"]
    yield from ("## 4. Clauses of the profile that are waived", "")
    if not waived:
        yield "None."
    else:
        yield "Waivers are public."
        yield ""
        yield from (f"- {_plain(one['clause'])}, because: {_plain(one['reason'])}" for one in waived)
    yield ""


def _limits(document: Mapping[str, Any]) -> Iterable[str]:
    limits, ages = document["limits"], document["tolerances"]
    yield from ("## 5. Limits and tolerances", "")
    yield f"- Bytes of an image that are explained: at least {limits['bytes_explained']} of 1000"
    yield f"- Programs that are identified: at least {limits['programs_identified']} of 1000"
    yield f"- Age of evidence: at most {ages['evidence_days']} days"
    yield f"- A verdict may be relied on for at most {ages['verdict_days']} days"
    grace = ages["canary_grace_days"]
    yield f"- Statements of the canary: at most {ages['canary_days']} days apart, and {grace} days of grace"
    yield ""


def _roles(document: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## 6. Who signs as what", "", "A key is named by the SHA-256 of its 32 bytes.", "")
    for role in ROLES:
        if role in document["roles"]:
            held = document["roles"][role]
            yield f"- {role}: {held['threshold']} of these {len(held['keys'])} keys"
            yield from (f"  - {_code(key)}" for key in held["keys"])
    yield ""


def _evidence(document: Mapping[str, Any]) -> Iterable[str]:
    evidence = document["evidence"]
    yield from ("## 7. Whose evidence counts", "")
    yield f"- For every clause that is not named here: {', '.join(map(_plain, evidence['default']))}"
    for clause, names in sorted(evidence["clauses"].items()):
        yield f"- {_plain(clause)}: {', '.join(map(_plain, names))}"
    yield ""


def _remedies(document: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## 8. Remedies", "")
    yield from (f"{number}. {_plain(text)}" for number, text in enumerate(document["remedies"], 1))
    yield from (() if document["remedies"] else ("None is agreed here.",))
    yield ""


def _logs(document: Mapping[str, Any]) -> Iterable[str]:
    logs = document["logs"]
    yield from ("## 9. Logs", "")
    yield from (f"- {label} stand in the log {_code(logs[name])}" for name, label in _LOGS if name in logs)
    yield from (() if logs else ("None is agreed here.",))
    yield ""


def _own_words(document: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## 10. In the parties' own words", "")
    if not document["text"]:
        yield from ("Nothing is added.", "")
        return
    yield "What follows in the quote binds the parties as they wrote it; no machine checks it."
    yield ""
    yield from (f"> {line}".rstrip(" ") if not line.strip() else f"> {line}" for line in document["text"].splitlines())
    yield ""

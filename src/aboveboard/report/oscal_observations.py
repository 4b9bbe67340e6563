"""The observations of an OSCAL document: one for each fact that decided a clause, one for the gaps of each ruling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.facts import Fact, Gap, Standing
from aboveboard.model.record import FACT, Record
from aboveboard.model.verdict import Ruling, Status
from aboveboard.report.dossier import Dossier, describe, why
from aboveboard.report.oscal_text import TITLE, markup, paragraphs, prop

STEPS = 50  # of a chain that makes a fact active
# How something was found: files were examined. How a person or laboratory found what a record says, the record tells.
EXAMINED, RECORDED = "EXAMINE", "UNKNOWN"
FINDING, DISCOVERY = "finding", "discovery"

NewId = Callable[..., str]


def observations(dossier: Dossier, new_id: NewId) -> tuple[list[JSON], dict[str, list[str]]]:
    """Return the observations, and the identifiers of those that belong to each clause.

    A fact that decided several clauses is one observation: it is a finding where it broke one, and rests on the evidence
    of all of them.
    """
    facts: dict[str, Fact] = {}
    rulings: dict[str, list[Ruling]] = {}
    related: dict[str, dict[str, None]] = {}
    holes: list[JSON] = []
    for ruling in dossier.verdict.rulings:
        mine = related.setdefault(ruling.clause, {})
        for fact in ruling.facts:
            digest = digest_of(fact.to_json())
            facts.setdefault(digest, fact)
            rulings.setdefault(digest, []).append(ruling)
            mine[new_id("fact", digest)] = None
        if ruling.gaps:
            uuid = new_id("gaps", ruling.clause)
            mine[uuid] = None
            holes.append(_gaps(dossier, ruling, uuid, new_id))
    recorded = _recorded(dossier.records)
    seen = [
        _fact(dossier, fact, digest, rulings[digest], recorded.get(digest, ()), new_id) for digest, fact in facts.items()
    ]
    return [*seen, *holes], {clause: list(mine) for clause, mine in related.items()}


def _recorded(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records behind a fact, by its digest: a scan may have seen some ten thousand ports."""
    found: dict[str, dict[str, Record]] = {}
    for record in records:
        for fact in (record.as_fact(), *record.facts):
            found.setdefault(digest_of(fact.to_json()), {})[record.digest] = record
    return {digest: list(listed.values()) for digest, listed in found.items()}


def _fact(
    dossier: Dossier, fact: Fact, digest: str, rulings: Sequence[Ruling], recorded: Sequence[Record], new_id: NewId
) -> JSON:
    candidate = " (a candidate: it accuses nobody)" if fact.standing is Standing.CANDIDATE else ""
    steps = [f"because: {step}" for step in why(fact)]
    left = [f"and {len(steps) - STEPS} steps more"] if len(steps) > STEPS else []
    broke = any(ruling.status is Status.BROKEN for ruling in rulings)
    by_record = fact.kind == FACT or bool(recorded)
    props = [prop("kind", fact.kind), prop("standing", fact.standing.value), prop("digest", digest)]
    props += [prop(name, value) for name, value in dossier.where(fact).to_json().items() if value != ""]
    return _observation(
        dossier,
        new_id,
        {
            "uuid": new_id("fact", digest),
            "title": markup(f"{fact.kind} at {dossier.place_of(fact)}", TITLE),
            "description": paragraphs(
                map(markup, [f"{describe(fact)} at {dossier.place_of(fact)}{candidate}", *steps[:STEPS], *left])
            ),
            "props": props,
            "methods": [RECORDED if by_record else EXAMINED],
            "types": [FINDING if broke else DISCOVERY],
        },
        _of_records(recorded, new_id) if by_record else _of_collectors(dossier, rulings),
    )


def _gaps(dossier: Dossier, ruling: Ruling, uuid: str, new_id: NewId) -> JSON:
    def said(gap: Gap) -> str:
        return f"{gap.cause.value} at {dossier.place_of(gap)}: {gap.detail}"

    causes: list[JSON] = [prop("gap", cause) for cause in sorted({gap.cause.value for gap in ruling.gaps})]
    return _observation(
        dossier,
        new_id,
        {
            "uuid": uuid,
            "title": markup(f"What was not seen for {ruling.clause}", TITLE),
            "description": paragraphs(markup(said(gap)) for gap in ruling.gaps),
            "props": causes,
            "methods": [EXAMINED],
            "types": [DISCOVERY],
        },
        _of_collectors(dossier, [ruling]),
    )


def _observation(dossier: Dossier, new_id: NewId, head: dict[str, JSON], evidence: list[JSON]) -> JSON:
    made: dict[str, JSON] = {
        **head,
        "origins": [{"actors": [{"type": "tool", "actor-uuid": new_id("tool")}]}],
        "subjects": [{"subject-uuid": new_id("subject"), "type": "component"}],
        "collected": dossier.verdict.at,
        "expires": dossier.verdict.expires,
    }
    return {**made, "relevant-evidence": evidence} if evidence else made


def _of_collectors(dossier: Dossier, rulings: Iterable[Ruling]) -> list[JSON]:
    """Return the files of the evidence that the clauses rest on, each with its SHA-256."""
    named = dict.fromkeys(name for ruling in rulings for name in dossier.clause(ruling).decision.evidence)
    made: list[JSON] = []
    for name in named:
        href = f"evidence/{name}.jsonl"
        if href in dossier.evidence:
            props: list[JSON] = [prop("sha256", dossier.evidence[href])]
            made.append({"href": href, "description": markup(f"Evidence of the collector {name}"), "props": props})
    return made


def _of_records(records: Iterable[Record], new_id: NewId) -> list[JSON]:
    return [
        {
            "href": f"#{new_id('record', record.digest)}",
            "description": markup(record.line()),
            "props": [prop("digest", record.digest), prop("found", record.found), prop("until", record.until)],
        }
        for record in records
    ]

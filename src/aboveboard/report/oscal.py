"""The verdict as OSCAL assessment-results (NIST OSCAL 1.2.1), for whoever keeps assessments in that form.

The document follows from the dossier alone: identifiers are UUIDs of version 5 (RFC 9562) made from the verdict's digest,
and times are the verdict's. It is derived: what counts is the verdict. Where OSCAL has no word for a thing, a property in
our namespace has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.standard import Clause
from aboveboard.model.verdict import Ruling, Status, Verdict
from aboveboard.report.dossier import STATUS_WORDS, Dossier
from aboveboard.report.oscal_observations import observations
from aboveboard.report.oscal_text import NAMESPACE, TITLE, line, link_of, markup, paragraphs, prop

VERSION = "1.2.1"
_ROOT = uuid5(NAMESPACE_URL, NAMESPACE)

# OSCAL knows two states of an objective, satisfied and not-satisfied, and for a reason the tokens pass, fail and other
# (assessment-common, objective-status). Only a clause that is met is satisfied. One that is not shown has to be
# not-satisfied, for there is no third state and silence is never "met"; so that nobody takes it for a violation either its
# reason is `other`, which is "not a pass or a fail", and the properties `status` and `reason` say what it is.
STATES: Mapping[Status, tuple[str, str]] = {
    Status.MET: ("satisfied", "pass"),
    Status.BROKEN: ("not-satisfied", "fail"),
    Status.NOT_SHOWN: ("not-satisfied", "other"),
}


@dataclass(frozen=True)
class Ids:
    """The identifiers of one document; `parts` are our own words and digests, never foreign text."""

    digest: str

    def of(self, *parts: str) -> str:
        """Return the identifier of a part."""
        return str(uuid5(_ROOT, "\n".join((self.digest, *parts))))


def assessment_results(dossier: Dossier) -> dict[str, JSON]:
    """Return the document: one result, a finding for each clause, an observation for each fact and for gaps of a ruling."""
    ids = Ids(digest_of(dossier.verdict.to_json()))
    return {
        "assessment-results": {
            "uuid": ids.of("document"),
            "metadata": _metadata(dossier, ids),
            "import-ap": {"href": f"#{ids.of('plan')}", "remarks": _plan(dossier)},
            "local-definitions": {"objectives-and-methods": [_objective(clause) for clause in dossier.standard.clauses]},
            "results": [_result(dossier, ids)],
            "back-matter": {"resources": _resources(dossier, ids)},
        }
    }


def objective_of(clause: str) -> str:
    """Return the id of the objective that stands for a clause; a control and its parts cannot share one."""
    return f"{clause}_obj"


def _image(verdict: Verdict) -> str:
    return str(verdict.subject["name"]) or "an image without a name"


def _metadata(dossier: Dossier, ids: Ids) -> dict[str, JSON]:
    verdict, agreement = dossier.verdict, dossier.agreement
    made: dict[str, JSON] = {
        "title": markup(f"Verdict on {_image(verdict)}", TITLE),
        "last-modified": verdict.at,
        "version": "1",
        "oscal-version": VERSION,
        "props": [prop("verdict", ids.digest), prop("aboveboard", dossier.product)],
    }
    if agreement is not None:
        sides = {"supplier": agreement.supplier, "customer": agreement.customer}
        made["roles"] = [{"id": role, "title": role.capitalize()} for role in sides]
        made["parties"] = [
            {"uuid": ids.of("party", role), "type": "organization", "name": line(name)} for role, name in sides.items()
        ]
        made["responsible-parties"] = [{"role-id": role, "party-uuids": [ids.of("party", role)]} for role in sides]
    return made


def _plan(dossier: Dossier) -> str:
    """Return in a sentence by what was judged: the agreement, or the profile where there is none."""
    verdict, agreement = dossier.verdict, dossier.agreement
    if agreement is not None:
        return markup(f"agreement number {agreement.sequence}, {agreement.digest}")
    return markup(f"profile {verdict.profile['name']}, {verdict.profile['digest']}")


def _objective(clause: Clause) -> JSON:
    part: dict[str, JSON] = {
        "id": objective_of(clause.id),
        "name": "assessment-objective",
        "title": markup(clause.name, TITLE),
        "prose": markup(clause.requirement),
    }
    return {"control-id": clause.id, "parts": [part]}


def _result(dossier: Dossier, ids: Ids) -> dict[str, JSON]:
    verdict = dossier.verdict
    seen, related = observations(dossier, ids.of)
    unseen = [f"not seen by any analysis: {what}" for what in verdict.not_seen_by_any_analysis]
    made: dict[str, JSON] = {
        "uuid": ids.of("result"),
        "title": markup(f"{verdict.result.value.replace('-', ' ')}: {verdict.count}", TITLE),
        "description": paragraphs(map(markup, (verdict.count, *dossier.papers()))),
        "start": verdict.at,
        "end": verdict.at,
        "props": _result_props(verdict),
        "local-definitions": {
            "components": [_subject(verdict, ids)],
            "assessment-assets": {
                "components": [_tool(ids, dossier.product)],
                "assessment-platforms": [
                    {"uuid": ids.of("platform"), "uses-components": [{"component-uuid": ids.of("tool")}]}
                ],
            },
        },
        "reviewed-controls": _reviewed(dossier),
        "findings": [_finding(dossier, ruling, related[ruling.clause], ids) for ruling in verdict.rulings],
        "remarks": paragraphs(map(markup, (verdict.wording, *unseen))),
    }
    if seen:  # a list in OSCAL is left out where it is empty
        made["observations"] = seen
    return made


def _result_props(verdict: Verdict) -> list[JSON]:
    inputs = verdict.inputs
    refused = inputs["refused"]
    found = {
        "result": verdict.result.value,
        "expires": verdict.expires,
        "profile": verdict.profile["name"],
        "access": verdict.profile["access"],
        "standard-version": verdict.standard["version"],
        "standard": verdict.standard["digest"],
        "manifest": inputs["manifest"],
        "evidence": inputs["evidence"],
        "confined": inputs["confined"],
        "evidence-refused": len(refused) if isinstance(refused, list | tuple) else refused,
        **{name.replace("_", "-"): count for name, count in verdict.coverage.items()},
    }
    if inputs["by"]:
        found["answered-for-by"] = inputs["by"]
    return [prop(name, value) for name, value in found.items()]


def _subject(verdict: Verdict, ids: Ids) -> JSON:
    return {
        "uuid": ids.of("subject"),
        "type": "software",
        "title": markup(_image(verdict), TITLE),
        "description": markup(f"The image that was inspected, {verdict.subject['digest']}"),
        "props": [prop("digest", verdict.subject["digest"]), prop("size", verdict.subject["size"])],
        "links": [{"href": f"#{ids.of('image')}", "rel": "reference"}],
        "status": {"state": "other", "remarks": "an image: whether a device runs it is not said here"},
    }


def _tool(ids: Ids, product: str) -> JSON:
    return {
        "uuid": ids.of("tool"),
        "type": "software",
        "title": "Aboveboard",
        "description": "Decides from evidence whether network equipment meets the no-spy, no-backdoors standard.",
        "props": [prop("version", product)],
        "status": {"state": "operational"},
    }


def _reviewed(dossier: Dossier) -> JSON:
    rulings = dossier.verdict.rulings
    selections: list[JSON] = []
    for required, words in (
        (True, "Clauses that are required."),
        (False, "Clauses that are ruled on beyond these."),
    ):
        chosen: list[JSON] = [{"control-id": ruling.clause} for ruling in rulings if ruling.required is required]
        if chosen:
            selections.append({"description": words, "include-controls": chosen})
    objectives: list[JSON] = [{"objective-id": objective_of(ruling.clause)} for ruling in rulings]
    return {"control-selections": selections, "control-objective-selections": [{"include-objectives": objectives}]}


def _finding(dossier: Dossier, ruling: Ruling, related: list[str], ids: Ids) -> JSON:
    clause = dossier.clause(ruling)
    state, reason = STATES[ruling.status]
    said = STATUS_WORDS[ruling.status]
    status: dict[str, JSON] = {"state": state, "reason": reason, "remarks": f"{said} ({ruling.reason.value})"}
    if ruling.status is Status.NOT_SHOWN:
        status["remarks"] = f"{said} ({ruling.reason.value}): neither met nor broken"
    props = [
        prop("status", ruling.status.value),
        prop("reason", ruling.reason.value),
        prop("required", ruling.required),
        prop("severity", clause.severity.value),
    ]
    waived = dossier.verdict.profile["waived"]
    if isinstance(waived, Mapping) and ruling.clause in waived:
        props.append(prop("waived", waived[ruling.clause]))
    made: dict[str, JSON] = {
        "uuid": ids.of("finding", ruling.clause),
        "title": markup(f"{ruling.clause} {clause.name}: {said}", TITLE),
        "description": markup(ruling.explanation),
        "props": props,
        "target": {"type": "objective-id", "target-id": objective_of(ruling.clause), "status": status},
    }
    if related:
        made["related-observations"] = [{"observation-uuid": one} for one in related]
    if ruling.notes:
        made["remarks"] = paragraphs(map(markup, ruling.notes))
    return made


def _resources(dossier: Dossier, ids: Ids) -> list[JSON]:
    verdict, agreement = dossier.verdict, dossier.agreement
    plan = str(verdict.profile["digest"]) if agreement is None else agreement.digest
    made = [
        _resource(ids.of("image"), f"Image {_image(verdict)}", str(verdict.subject["digest"])),
        _resource(ids.of("plan"), "Profile" if agreement is None else "Agreement", plan),
        _resource(ids.of("manifest"), "Manifest of the run: what it was given and owes", str(verdict.inputs["manifest"])),
    ]
    if verdict.inputs["declaration"]:
        made.append(_resource(ids.of("declaration"), "The supplier's declaration", str(verdict.inputs["declaration"])))
    for record in {one.digest: one for one in dossier.records}.values():
        made.append(_resource(ids.of("record", record.digest), f"Record on {record.clause}: {record.kind}", record.digest))
    return made


def _resource(uuid: str, title: str, digest: str) -> JSON:
    made: dict[str, JSON] = {"uuid": uuid, "title": markup(title, TITLE), "props": [prop("digest", digest)]}
    links = link_of(digest)
    return {**made, "rlinks": links} if links else made

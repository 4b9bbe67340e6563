"""The OSCAL export: how the statuses are said in it, and where the rest of a verdict stands."""

from __future__ import annotations

from docs.generate.source import table

from aboveboard.report import oscal
from aboveboard.report.dossier import STATUS_WORDS
from aboveboard.report.oscal_text import LINE, NAMESPACE, TITLE

PLACES = (
    ("each clause", "a finding, its target the objective `ID_obj`; the objective's text in `local-definitions`"),
    ("status, reason code, required, severity, waiver", f"properties of the finding, in the namespace `{NAMESPACE}`"),
    ("each fact that decided a clause", "an observation; one that decided several clauses stands once"),
    ("the gaps of a ruling", "one observation"),
    ("when", "`collected` is the evaluation time, `expires` the end of the verdict"),
    ("evidence", "`relevant-evidence` of an observation: the file in the run's folder, and its SHA-256"),
    ("a record", "a resource in `back-matter`, which the observation points to"),
    ("agreement, or else profile", "`import-ap`, a resource in `back-matter` by its digest; no assessment plan exists"),
    ("result, count, coverage, digests of the inputs", "properties of the result"),
    ("supplier and customer", "parties and roles in `metadata`, where there is an agreement"),
)


def pages() -> dict[str, str]:
    """Return the page by its path below `docs/reference`."""
    states = [(STATUS_WORDS[status], f"`{state}`", f"`{reason}`") for status, (state, reason) in oscal.STATES.items()]
    lines = [
        "# OSCAL",
        "",
        f"`assessment-results.json` is the verdict as NIST OSCAL {oscal.VERSION} assessment-results, one result in "
        "canonical JSON. It is derived: the same verdict gives the same bytes, identifiers are UUIDs of version 5 made "
        "from its digest, and `aboveboard verify` makes it again.",
        "",
        "OSCAL has two states for an objective. A clause that is *not shown* is neither satisfied nor violated, so it is "
        "`not-satisfied` with the reason `other`, and the property `status` says `not-shown`. A program that counts "
        "`not-satisfied` alone counts clauses that are open as if they were broken; let it look at the reason.",
        "",
        *table(("ruling", "`state`", "`reason`"), states),
        "## Where things stand",
        "",
        *table(("of the verdict", "in OSCAL"), PLACES),
        "Text from evidence is escaped: what does not print is written out, and in fields that OSCAL reads as markup no "
        f"link, image or HTML comes of it. A text is cut after {LINE:,} characters and a title after {TITLE}, with `...`; "
        "the verdict has all of it.",
    ]
    return {"oscal.md": "\n".join(lines)}

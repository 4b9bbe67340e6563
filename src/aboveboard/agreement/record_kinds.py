"""The kinds of record: which shape each has, and what must be in one before it can support its clause."""

from __future__ import annotations

from dataclasses import dataclass

from aboveboard.agreement import record_papers as papers
from aboveboard.agreement import record_shapes as shapes
from aboveboard.model.standard import Clause

FINDING = "finding"  # fits every clause


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of a kind of record; `wanted` are the cases or phases that must be in it."""

    shape: type[shapes.Shape]
    wanted: tuple[str, ...] = ()
    of_supplier: bool = False  # it may speak of the supplier as a whole instead of images


_PHASES = ("boot", "setup", "idle", "update", "fault")
_CONTRACT = ("challenge", "notice", "stop-signing", "audit", "damages", "exit")
# Worked out by the product from signed things, and so not recorded by hand.
DERIVED_KINDS = frozenset({"undertaking", "canary", "release-inclusion"})
KINDS: dict[str, Kind] = {
    FINDING: Kind(shapes.Finding, of_supplier=True),
    "login-tests": Kind(shapes.Trials),
    "units-differ": Kind(shapes.Units),
    "secret-login-tests": Kind(shapes.Trials),
    "port-scan": Kind(shapes.PortScan),
    "interface-scan": Kind(shapes.PortScan),
    "debug-inspection": Kind(shapes.Trials, ("serial", "jtag")),
    "stimulus-tests": Kind(shapes.Trials),
    "packet-pattern-review": Kind(papers.CodeReview),
    "isolation-test": Kind(shapes.Trials, ("isolation", "clock-shift")),
    "cryptography-inventory": Kind(papers.Document),
    "negotiation-tests": Kind(shapes.Trials),
    "processor-list": Kind(papers.Document),
    "phase-capture": Kind(shapes.Capture, _PHASES),
    "default-capture": Kind(shapes.Capture, ("boot", "setup")),
    "readable-capture": Kind(shapes.Capture, _PHASES),
    "interface-capture": Kind(shapes.Capture, ("idle", "load")),
    "covert-channel-capture": Kind(shapes.Capture, ("idle",)),
    "endpoint-operators": Kind(papers.Endpoints),
    "marked-traffic-test": Kind(shapes.Trials, ("marked-traffic",)),
    "interception-test": Kind(shapes.Trials, ("without-warrant", "operator-log")),
    "storage-comparison": Kind(shapes.Trials, ("load", "reset")),
    "session-log": Kind(papers.Document),
    "remote-log-test": Kind(shapes.Trials, ("remote-log",)),
    "rebuild": Kind(shapes.ReadBack),
    "read-back": Kind(shapes.ReadBack),
    "variant-list": Kind(papers.Document),
    "sbom": Kind(papers.Document),
    "update-refusal": Kind(shapes.Trials, ("altered", "foreign-key", "older")),
    "boot-chain-test": Kind(shapes.Trials, ("changed-stage", "root-key")),
    "build-provenance": Kind(papers.Document),
    "re-derivation": Kind(shapes.ReadBack),
    "code-review": Kind(papers.CodeReview),
    "build-log": Kind(papers.Document),
    "fuzzing": Kind(shapes.Fuzzing),
    "update-key-control": Kind(papers.Document, of_supplier=True),
    "access-log": Kind(papers.AccessLog, of_supplier=True),
    "ownership": Kind(papers.Document, of_supplier=True),
    "compulsion-map": Kind(papers.CompulsionMap, of_supplier=True),
    "contract-terms": Kind(shapes.Trials, _CONTRACT, of_supplier=True),
    "disclosure-dates": Kind(papers.DisclosureDates, of_supplier=True),
    "change-notices": Kind(papers.ChangeNotices),
    "profile-and-waivers": Kind(papers.Document, of_supplier=True),
    "inventory": Kind(papers.Document, of_supplier=True),
}


def kinds_of(clause: Clause) -> tuple[str, ...]:
    """Return the kinds of record that a clause takes by hand."""
    wanted = [one.kind for one in clause.decision.records if one.kind not in DERIVED_KINDS]
    return (*dict.fromkeys(wanted), FINDING)

"""Holds a bundle against a log: since when its manifest stands there, and whether a newer verdict stands behind it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aboveboard.pipelines.log import LogView, log_view
from aboveboard.trust import attestation, dsse
from aboveboard.trust.entry import Entry
from aboveboard.trust.policy import Policy
from aboveboard.trust.proof import Proof
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time

KIND = "bundle"


@dataclass(frozen=True)
class Seen:
    """What a log says of a manifest: since when a quorum had seen it (None: nobody is asked), and what came later."""

    at: datetime | None
    lines: tuple[str, ...]
    superseded: str = ""


def about(manifest: bytes) -> dict[str, str | int]:
    """Return by what the manifest of a bundle is found again in a log; nobody has checked its signatures here."""
    stated = attestation.read_manifest(dsse.parse(manifest))
    return {"image": stated.image, "by": stated.by, "profile": stated.profile, "sealed": stated.sealed}


def by_proof(manifest: bytes, proof: bytes, policy: Policy, at: datetime) -> Seen:
    """Return what a proof shows, without the log; raises RefusedError or UndecidedError.

    Steps: 1 the proof brings the entry of this very manifest; 2 the entry is in the pinned log, and the quorum saw it; 3 no
    cosignature is later than the time of evaluation. Whether a newer verdict stands behind it no proof can show.
    """
    found = Proof.parse(proof)
    if not found.extra:
        raise RefusedError("proof-form", "the proof does not bring its entry", hint="make it with `log prove`")
    entry = Entry.parse(found.extra)
    if (entry.kind, entry.digest) != (KIND, hashlib.sha256(manifest).hexdigest()):  # 1
        raise RefusedError("other-entry", "the proof is not for this bundle")
    witnessed = found.check(found.extra, policy)  # 2
    time = policy.timely(witnessed, at)  # 3
    place = f"entry {found.index} of {witnessed.checkpoint.size} in {witnessed.checkpoint.origin}"
    return Seen(time, (f"{place}, {_when(time)}", "whether a newer verdict stands behind it only the log shows (--log)"))


def by_log(manifest: bytes, folder: Path, policy: Policy, at: datetime) -> Seen:
    """Return what the log shows, audited whole; raises RefusedError, SplitViewError or UndecidedError."""
    view = log_view(folder, policy)
    if view.latest is not None and view.latest > at:
        raise UndecidedError("clock-behind", "a witness saw the log later than the time of evaluation", hint="give --at")
    digest = hashlib.sha256(manifest).hexdigest()
    here = next(((index, entry) for index, entry in view.entries(KIND) if entry.digest == digest), None)
    if here is None:
        raise UndecidedError("not-in-log", f"the bundle is not in {view.origin}", hint="have it added with `log add`")
    time = view.seen_at(here[0])
    if time is not None and time > at:
        raise UndecidedError("clock-behind", "the quorum saw it later than the time of evaluation", hint="give --at")
    place = f"entry {here[0]} of {view.size} in {view.origin}"
    return Seen(time, (f"{place}, {_when(time)}",), _newer(view, here, at))


def _newer(view: LogView, here: tuple[int, Entry], at: datetime) -> str:
    """Return what was sealed later on the same image, in the same role and profile; empty where nothing was."""
    index, entry = here
    sealed = str(entry.about.get("sealed", ""))
    for later, other in view.entries(KIND):
        same = all(other.about.get(name) == entry.about.get(name) for name in ("image", "by", "profile"))
        other_sealed = str(other.about.get("sealed", ""))
        if later > index and same and sealed < other_sealed <= format_time(at):
            return f"entry {later} is a newer verdict on the same image in the same role, of {other_sealed}"
    return ""


def _when(time: datetime | None) -> str:
    return f"seen by the quorum at {format_time(time)}" if time else "and the policy asks no witness"

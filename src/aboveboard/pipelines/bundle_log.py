"""Holds a bundle against a log: since when its manifest stands there, and whether a newer verdict stands behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from aboveboard.pipelines import case_files, paper_times
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.log import LogView, State
from aboveboard.pipelines.paper_files import extracted
from aboveboard.pipelines.papers import Opened, not_amended
from aboveboard.store.folder import FolderStore
from aboveboard.trust.checkpoint import check
from aboveboard.trust.entry import Entry
from aboveboard.trust.policy import NOBODY, Policy
from aboveboard.trust.proof import Proof
from aboveboard.trust.refusal import RefusedError, UndecidedError
from aboveboard.trust.strict import format_time
from aboveboard.trust.tree import Tree

KIND = "bundle"


@dataclass(frozen=True)
class Seen:
    """What a log says of a manifest: since when a quorum had seen it (None: nobody is asked), and what came later."""

    at: datetime | None
    lines: tuple[str, ...]
    superseded: str = ""


def proof_of(manifest: bytes, proof: bytes) -> Proof:
    """Return a proof that is for this very manifest, as far as it says itself; raises RefusedError."""
    found = Proof.parse(proof)
    if not found.extra:
        raise RefusedError("proof-form", "the proof does not bring its entry", hint="make it with `log prove`")
    entry = Entry.parse(found.extra)
    if (entry.kind, entry.digest) != (KIND, hashlib.sha256(manifest).hexdigest()):
        raise RefusedError("other-entry", "the proof is not for this bundle")
    return found


def by_proof(manifest: bytes, proof: bytes, policy: Policy, at: datetime) -> Seen:
    """Return what a proof shows, without the log; raises RefusedError or UndecidedError.

    Steps: 1 the proof brings the entry of this very manifest; 2 the entry is in the pinned log, and the quorum saw it; 3 no
    cosignature is later than the time of evaluation. Whether a newer verdict stands behind it no proof can show.
    """
    found = proof_of(manifest, proof)  # 1
    witnessed = found.check(found.extra, policy)  # 2
    time = policy.timely(witnessed, at)  # 3
    place = f"entry {found.index} of {witnessed.checkpoint.size} in {witnessed.checkpoint.origin}"
    return Seen(time, (f"{place}, {_when(time)}", "whether a newer verdict stands behind it only the log shows (--log)"))


def by_log(manifest: bytes, view: LogView, at: datetime) -> Seen:
    """Return what an audited log shows; raises RefusedError or UndecidedError."""
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


def times_hold(case: CaseFiles, *policies: Policy, besides: str = "") -> list[str]:
    """Hold the times that a bundle tells of logs against the cosignatures that it brings, without the logs themselves.

    Each log that is told of is held against its own policy, but for the one of the key `besides`. Raises RefusedError for a
    time before the one that the cosignatures show, and UndecidedError where they do not reach the quorum of the policy or
    the bundle was made under one that asks otherwise. What is false, of any log, comes before what is open. That no entry
    is left out only the log itself shows.
    """
    lines, still_open = [], list[UndecidedError]()
    trusted = {policy.log.to_text(): policy for policy in policies}
    for told in case.papers.logs:
        policy = trusted.get(told.key)
        if told.key == besides:
            continue
        if policy is None:
            lines.append(f"what it tells of {told.origin} is not held against that log: no policy of it was given")
            continue
        still_open += _times_open(told, policy)
        what = "when its states were seen is shown by its witnesses" if told.witnessed else "it tells of no times"
        lines.append(f"of {told.origin} at {told.size} entries: {what}; that nothing is left out only --log shows")
    if still_open:
        raise still_open[0]
    return lines


def _times_open(told: LogView, policy: Policy) -> list[UndecidedError]:
    """Return what stays open in the times of an extract; raises RefusedError for a false one.

    Steps: 1 it asks for a quorum as the policy does; 2 each state was seen when it is told to have been; 3 the newest time
    is the one that is told.
    """
    if told.witnessed != (policy.quorum != NOBODY):  # 1
        return [_other_policy(told)]
    found: list[UndecidedError] = []
    for state in told.states if told.witnessed else ():  # 2
        try:
            _seen_as_told(state, policy)
        except UndecidedError as error:
            found.append(error)
    if told.latest != newest_shown(told, policy):  # 3
        found.append(_other_policy(told))
    return found


def _seen_as_told(state: State, policy: Policy) -> None:
    shown = policy.seen_at(policy.check(state.note))
    if state.seen_at is None or shown is None or state.seen_at == shown:
        return
    if state.seen_at < shown:
        raise RefusedError(
            "log-extract",
            f"{state.size} entries are told to have been seen at {format_time(state.seen_at)}, and the cosignatures "
            f"show {format_time(shown)}",
            hint="do not rely on it; where it was made under another policy, have the image inspected again under yours",
        )
    raise UndecidedError(
        "other-policy",
        f"{state.size} entries are told to have been seen later than this policy says, at {format_time(shown)}",
        hint="have the image inspected again under your policy",
    )


def newest_shown(told: LogView, policy: Policy) -> datetime | None:
    """Return the newest time of a witness of the policy under any checkpoint that is told of."""
    notes = [told.checkpoint, *(state.note for state in told.states)]
    times = [time for note in notes for time in check(note, policy.log, policy.witnesses).times.values()]
    return max(times, default=None) if told.witnessed else None


def _other_policy(told: LogView) -> UndecidedError:
    return UndecidedError(
        "other-policy",
        f"it read {told.origin} under another policy, or tells of times that the log does not show",
        hint="have the image inspected again under your policy",
    )


def extracts_hold(
    case: CaseFiles,
    found: Opened,
    folder: Path,
    view: LogView,
    at: datetime,
    policy: Policy | None = None,
    others: Sequence[Policy] = (),
) -> list[str]:
    """Hold what a bundle tells of a log against the log itself, and of others against their policies (`times_hold`).

    What is false, of any log, comes before what is open.
    """
    lines, still_open = [], list[UndecidedError]()
    parts: tuple[Callable[[], list[str]], ...] = (
        lambda: _extract_holds(case, found, folder, view, at, policy),
        lambda: times_hold(case, *others, besides=view.key),
    )
    for hold in parts:
        try:
            lines += hold()
        except UndecidedError as error:
            still_open.append(error)
    if still_open:
        raise still_open[0]
    return lines


def _extract_holds(
    case: CaseFiles, found: Opened, folder: Path, view: LogView, at: datetime, policy: Policy | None
) -> list[str]:
    """Hold what a bundle tells of a log against the log itself; raises RefusedError where it told otherwise.

    An amendment of its agreement that the log holds and the bundle does not leaves it undecided, as does an extract that is
    wanting, or that was read under a policy that asks no witness where this one does. Steps for each extract of this log:
    1 each state that it names is a beginning of the log; 2 it was published, and none is told to have been seen earlier
    than the log shows; 3 the entries that it was to tell of are those, and none of them is left out; 4 no paper is told to
    have been seen later than the log shows, or else its key could seem to have ended before.
    """
    if found.agreement is not None:
        not_amended([view], found.chain, at)
    agreed = {} if found.agreement is None else found.agreement.logs
    if view.key in (agreed.get("canary"), agreed.get("releases")) and view.key not in {
        told.key for told in case.papers.logs
    }:
        raise UndecidedError("log-extract", f"the agreement names {view.origin}, and the bundle tells nothing of it")
    _records_told(case, found, view)
    lines: list[str] = []
    for told in case.papers.logs:
        if told.key == view.key:
            _states_hold(told, folder, view, at, policy)  # 1, 2
            again = extracted(replace(case.papers, logs=(view,)), found, case.manifest.digest).logs[0]
            if tuple(one for one in again.found if one[0] < told.size) != told.found:  # 3
                text = "the log holds other entries on this supplier, image or papers than the bundle tells"
                raise RefusedError("log-extract", text)
            if any(_later(told, view, index) for index, entry in told.found if entry.kind in paper_times.KINDS):  # 4
                raise _other_policy(told)
            lines.append(f"what the bundle tells of {told.origin} at {told.size} entries is so")
    return lines


def _states_hold(told: LogView, folder: Path, view: LogView, at: datetime, policy: Policy | None) -> None:
    if told.size > view.size:
        raise RefusedError("rollback", f"the bundle knows {told.size} entries, this copy of the log has {view.size}")
    if told.witnessed != view.witnessed or (told.latest or at) > (view.latest or at):
        raise _other_policy(told)
    if policy is not None and (told.latest or at) < (newest_shown(told, policy) or told.latest or at):
        raise _other_policy(told)  # an older copy than it was: what is missing there would accuse nobody
    tree = Tree(FolderStore(folder).read, view.size)
    times = {state.size: state.seen_at for state in view.states}
    for state in told.states:
        if tree.root(state.size) != state.root:  # 1
            raise RefusedError("split-view", f"the bundle tells of another tree of {state.size} entries")
        if state.size not in times:  # 2
            raise RefusedError("log-extract", f"the log never published a state of {state.size} entries")
        shown = times[state.size]
        if state.seen_at is not None and shown is not None and state.seen_at < shown:
            raise RefusedError("log-extract", f"{state.size} entries were seen at {format_time(shown)}, and not before")


def _later(told: LogView, view: LogView, index: int) -> bool:
    said, shown = told.seen_at(index), view.seen_at(index)
    return shown is not None and (said is None or said > shown)


def _records_told(case: CaseFiles, found: Opened, view: LogView) -> None:
    """Raise UndecidedError where the log could show the time of a record whose key was not good, and the bundle does not.

    Whoever leaves the log away, or gives an old copy, would otherwise be rid of a finding once its key has expired.
    """
    named = None if found.agreement is None else found.agreement.logs.values()
    if named is not None and view.key not in named:
        return
    good = {data for data, record in found.hearing.records if record.proven}
    aside = {one.digest for one in found.set_aside if one.code != "key-not-valid"}
    lines = [data for data in case.papers.records if data not in good]
    doubted = [data for data in lines if f"sha256:{hashlib.sha256(data).hexdigest()}" not in aside]
    at = case_files.time_of(case)
    times, told = (paper_times.seen(views, "record", doubted, at) for views in ([view], case.papers.logs))
    for data in doubted:
        if times[data] and view.key not in told[data]:
            raise UndecidedError(
                "log-extract",
                f"{view.origin} held the record sha256:{hashlib.sha256(data).hexdigest()} on "
                f"{format_time(times[data][view.key])}, and the bundle does not tell of it",
                hint="have the image inspected again with this log: the key of the record may have been good then",
            )


def _when(time: datetime | None) -> str:
    return f"seen by the quorum at {format_time(time)}" if time else "and the policy asks no witness"

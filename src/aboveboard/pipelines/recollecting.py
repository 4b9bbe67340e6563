"""Collects the evidence of a case again from the image, and compares it piece by piece with what was sealed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aboveboard.model.evidence import Evidence
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.inspect import collect, unpack
from aboveboard.pipelines.verifying import Again, State
from aboveboard.pipelines.workbench import Progress, bench

SHOWN = 8  # pieces that are named


def again(case: CaseFiles, image: Path, cache: Path | None, jobs: int, progress: Progress) -> Again:
    """Return how the comparison went, what there is to say, and what was collected.

    Other facts are a difference. Other gaps alone are not: what one machine could not see, for want of a tool or of time,
    another may; they leave it open. Other tools that find the same are named.
    """
    with bench(cache, jobs, progress, confined=True) as here:
        opened = unpack(image, here)
        if opened.digest != case.manifest.digest:
            return Again(State.FAILED, [f"it is another image: {opened.digest}, the verdict is on {case.manifest.digest}"])
        found = collect(opened, here)
    if found.owed != tuple(sorted(case.manifest.owed)):
        return Again(State.FAILED, [f"{len(found.owed)} pieces are owed by this image, and the bundle owes others"])
    state, lines = compared(case.evidence, found.evidence)
    return Again(state, lines, found.evidence)


def compared(sealed: Sequence[Evidence], fresh: Sequence[Evidence]) -> tuple[State, list[str]]:
    """Compare what was sealed with what was collected now; evidence that is not in the bundle is not compared."""
    there = {(piece.collector, piece.subject): piece for piece in sealed}
    here = {(piece.collector, piece.subject): piece for piece in fresh}
    facts, gaps, tools = [f"other pieces: {key[0]} of {key[1][:19]}" for key in sorted(there.keys() - here.keys())], [], 0
    for key in sorted(there.keys() & here.keys()):
        old, new = there[key], here[key]
        if old.seal == new.seal:
            continue
        if old.version != new.version or not old.intact():  # the judge would not hear it
            facts.append(f"another version, or a broken seal: {_what(old, new)}")
        elif (old.facts, old.calibration) != (new.facts, new.calibration):
            facts.append(f"other facts: {_what(old, new)}")
        elif old.gaps != new.gaps:
            gaps.append(f"other gaps: {_what(old, new)}")
        else:
            tools += 1
    count = len(there.keys() & here.keys())
    lines = [f"{count - len(facts) - len(gaps)} of {count} pieces of evidence say the same"]
    if tools:
        lines.append(f"{tools} of them were made with other tools or another version")
    lost = sorted(here.keys() - there.keys())
    if lost:
        lines.append(f"{len(lost)} pieces are not in the bundle: {', '.join(sorted({name for name, _ in lost}))}")
    lines += [*facts[:SHOWN], *gaps[:SHOWN]]
    return State.FAILED if facts else State.OPEN if gaps or lost else State.HOLDS, lines


def _what(old: Evidence, new: Evidence) -> str:
    one = {repr(item) for item in (*old.facts, *old.gaps)}
    other = {repr(item) for item in (*new.facts, *new.gaps)}
    return f"{old.collector} of {old.subject[:19]}: {len(one - other)} only in the bundle, {len(other - one)} only here"

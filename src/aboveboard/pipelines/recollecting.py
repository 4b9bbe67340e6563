"""Collects the evidence of a case again from the image, and compares it piece by piece with what was sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aboveboard.model.evidence import Evidence
from aboveboard.model.manifest import Owed
from aboveboard.model.paths import show
from aboveboard.pipelines.case_files import CaseFiles
from aboveboard.pipelines.inspect import collect, unpack
from aboveboard.pipelines.outputs import places_of
from aboveboard.pipelines.tools import tools
from aboveboard.pipelines.unpack import Opened
from aboveboard.pipelines.verifying_steps import Again, State
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
    same = same_code(case.evidence)
    owed = _owed(case.manifest.owed, found.owed)
    if owed and same:
        return Again(State.FAILED, owed)
    states, lines = [State.OPEN] if owed else [], list(owed)
    for state, said in (_told(case, opened, image, same=same), compared(case.evidence, found.evidence, same=same)):
        states.append(state)
        lines += said
    worst = next(state for state in (State.FAILED, State.OPEN, State.HOLDS) if state in states)
    return Again(worst, lines, found.evidence, found.owed)


def _told(case: CaseFiles, opened: Opened, image: Path, *, same: bool) -> tuple[State, list[str]]:
    """Compare what a bundle tells of the image beside the evidence: its size, where its files stand, and how it is called.

    The name is no property of the image: it is said where it is another one here, and decides nothing.
    """
    told, lines, state = case.manifest, [], State.HOLDS
    if told.size != opened.size:
        lines.append(f"the image has {opened.size} bytes, and the bundle says {told.size}")
        state = State.FAILED
    here = places_of(opened)
    wrong = sorted(digest for digest, place in case.places.items() if here.get(digest) != place)
    if case.places:  # none may mean that they are withheld
        named = {str(gap.data.get("file")) for piece in case.evidence for gap in piece.gaps}
        wrong += sorted(named & here.keys() - case.places.keys())
    if wrong:
        lines.append(f"of {len(case.places)} places of files {len(wrong)} are others, the first is that of {wrong[0][:19]}")
        state = State.FAILED if same else max(state, State.OPEN, key=(State.HOLDS, State.OPEN, State.FAILED).index)
    name = show(image.name.encode("utf-8", "surrogateescape"))
    if told.name != name:
        lines.append(f"whoever sealed it called it {told.name[:200]}; here it is {name[:200]}")
    return state, lines


def same_code(sealed: Sequence[Evidence]) -> bool:
    """Tell whether evidence says that it was made with the code that is here: then nothing excuses a difference."""
    made = {one.get("code") for piece in sealed if isinstance(one := piece.made_with.get("tools"), Mapping)}
    return made <= {tools()["code"]}


def _owed(sealed: Sequence[Owed], fresh: Sequence[Owed]) -> list[str]:
    """Return in a sentence where an image owes other pieces than the bundle says; nothing where it owes the same."""
    one, other = ({(owed.collector, owed.version, owed.subject) for owed in given} for given in (sealed, fresh))
    if one == other and sorted(sealed) == sorted(fresh):
        return []
    names = sorted({collector for collector, _, _ in one ^ other})
    differing = f", of: {', '.join(names)}" if names else ""
    return [f"{len(fresh)} pieces are owed by this image, and the bundle owes others{differing}"]


def compared(sealed: Sequence[Evidence], fresh: Sequence[Evidence], *, same: bool = True) -> tuple[State, list[str]]:
    """Compare what was sealed with what was collected now; evidence that is not in the bundle is not compared.

    Where it was not made with the same code, a piece by another version of its collector, or one that is not made any more,
    may well say something else: that is open, and named. A piece by the same version has to say the same.
    """
    there = {(piece.collector, piece.subject): piece for piece in sealed}
    here = {(piece.collector, piece.subject): piece for piece in fresh}
    strange = [f"other pieces: {key[0]} of {key[1][:19]}" for key in sorted(there.keys() - here.keys())]
    facts, gaps, used = ([], strange, 0) if not same else (strange, [], 0)
    for key in sorted(there.keys() & here.keys()):
        old, new = there[key], here[key]
        if old.seal == new.seal:
            continue
        if not old.intact():  # the judge would not hear it
            facts.append(f"a broken seal: {_what(old, new)}")
        elif old.version != new.version:
            (facts if same else gaps).append(f"by version {old.version}, here {new.version}: {_what(old, new)}")
        elif (old.facts, old.calibration) != (new.facts, new.calibration):
            facts.append(f"other facts: {_what(old, new)}")
        elif old.gaps != new.gaps:
            gaps.append(f"other gaps: {_what(old, new)}")
        else:
            used += 1
    count = len(there.keys() & here.keys())
    alike = count - len(facts) - len(gaps) + len(strange)
    lines = [f"{alike} of {count} pieces of evidence say the same"]
    if used:
        lines.append(f"{used} of them were made with other tools or another version")
    lost = sorted(here.keys() - there.keys())
    if lost:
        lines.append(f"{len(lost)} pieces are not in the bundle: {', '.join(sorted({name for name, _ in lost}))}")
    lines += [*facts[:SHOWN], *gaps[:SHOWN]]
    return State.FAILED if facts else State.OPEN if gaps or lost else State.HOLDS, lines


def _what(old: Evidence, new: Evidence) -> str:
    one = {repr(item) for item in (*old.facts, *old.gaps)}
    other = {repr(item) for item in (*new.facts, *new.gaps)}
    return f"{old.collector} of {old.subject[:19]}: {len(one - other)} only in the bundle, {len(other - one)} only here"

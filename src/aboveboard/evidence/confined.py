"""What runs inside the jail: a collector over files, over a tree, and over its planted known answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from aboveboard.evidence.collector import MAX_FILE, FileSubject, Needs, Planted
from aboveboard.evidence.memory_tree import memory_tree
from aboveboard.evidence.registry import Listed, listed
from aboveboard.jail.inside import Inside
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Cause, Fact, Gap, Where
from aboveboard.model.tree import Entry
from aboveboard.readers.tree import TreeView

_COLLECTORS = {item.name: item for item in listed()}  # imported before the jail closes
MAX_FINDINGS = 100_000  # facts and gaps of one collector on one subject


def collect_files(inside: Inside, collector: str, digests: Sequence[str]) -> None:
    """Run a file collector over the blobs; emit one object for each, in their order."""
    chosen = _COLLECTORS[collector]
    for digest in digests:
        data = inside.read(digest, MAX_FILE + 1)
        if len(data) > MAX_FILE:
            found: Iterable[Fact | Gap] = [
                Gap(Cause.LIMIT, Where(), f"a file of more than {MAX_FILE} bytes was not looked at")
            ]
        else:
            found = chosen.module.collect(FileSubject(data), Needs())
        inside.emit({"subject": digest, **_split(found)})


def collect_tree(inside: Inside, collector: str, tree: str, container: str, needs: str) -> None:
    """Run a tree collector; the entries and the needed facts come as blobs of JSON."""
    entries = [Entry.from_json(entry) for entry in json.loads(inside.read(tree))["entries"]]
    facts = [Fact.from_json(fact) for fact in json.loads(inside.read(needs))]
    view = TreeView(entries, inside.read, container=container)
    found = [*_COLLECTORS[collector].module.collect(view, Needs(facts))]
    left = [Gap(Cause.LIMIT, Where(path=path), "larger than what is read of such a file") for path in sorted(view.left)]
    inside.emit({"subject": tree, **_split([*found, *left])})


def calibrate(inside: Inside, collector: str) -> None:
    """Run a collector over its planted known answers; emit how many there are, how many it found, and which not."""
    chosen = _COLLECTORS[collector]
    planted, missed = 0, list[JSON]()
    for number, answer in enumerate(chosen.module.PLANTED):
        facts = _facts_of(chosen, answer)
        for kind, part in answer.finds:
            planted += 1
            if not any(fact.kind == kind and _holds(fact.data, part) for fact in facts):
                missed.append(f"{number}: {kind} {json.dumps(part, sort_keys=True)}")
    inside.emit({"planted": planted, "found": planted - len(missed), "missed": missed})


def _facts_of(chosen: Listed, answer: Planted) -> list[Fact]:
    found: list[Fact | Gap] = []
    if chosen.subject == "file":
        for data in answer.files.values():
            found += chosen.module.collect(FileSubject(data), Needs(answer.needs))
    else:
        tree = memory_tree(answer.files, modes=answer.modes, links=answer.links)
        found += chosen.module.collect(tree, Needs(answer.needs))
    return [item for item in found if isinstance(item, Fact)]


def _holds(data: Mapping[str, JSON], part: Mapping[str, JSON]) -> bool:
    return all(data.get(key) == value for key, value in part.items())


def _split(found: Iterable[Fact | Gap]) -> dict[str, JSON]:
    facts: list[JSON] = []
    gaps: list[JSON] = []
    for item in found:
        if len(facts) + len(gaps) >= MAX_FINDINGS:
            gaps.append(Gap(Cause.LIMIT, Where(), f"more than {MAX_FINDINGS} findings").to_json())
            break
        (facts if isinstance(item, Fact) else gaps).append(item.to_json())
    return {"facts": facts, "gaps": gaps}

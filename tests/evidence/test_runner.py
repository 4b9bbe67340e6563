"""What the runner hands from one collector to the next, and how much of it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from aboveboard.evidence import runner
from aboveboard.evidence.registry import listed
from aboveboard.evidence.runner import Runner, Tree, tree_of
from aboveboard.jail import Jail
from aboveboard.model.evidence import Evidence
from aboveboard.model.facts import Cause, Fact, Where
from aboveboard.model.tree import Entry, EntryType
from aboveboard.store.blobs import BlobStore
from aboveboard.store.cache import Cache

(BOOTS,) = [item for item in listed() if item.name == "boot-services" or item.name == "boot_services"]
Done = dict[tuple[str, str], Evidence]


def linked(facts: int, links: int, name: str = "/bin/x") -> tuple[Tree, Done]:
    """Return a tree with one file under many paths and another under one, and programs' facts of both."""
    many, one = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    entries = [Entry(f"{name}{number}", EntryType.FILE, 0o755, size=9, digest=many) for number in range(links)]
    entries.append(Entry("/bin/other", EntryType.FILE, 0o755, size=9, digest=one))
    giver = BOOTS.feeds_on[0]
    found = {
        digest: [Fact("program", Where(), {"number": number}) for number in range(count)]
        for digest, count in ((many, facts), (one, 1))
    }
    done = {(giver, digest): Evidence.sealed(giver, 1, digest, made, []) for digest, made in found.items()}
    return Tree("", "sha256:" + "3" * 64, tuple(entries)), done


def test_facts_come_under_each_path_of_their_file() -> None:
    tree, done = linked(3, 4)
    facts, left = runner._needed(BOOTS, tree, done)
    assert len(facts) == 3 * 4 + 1
    assert not left


@pytest.mark.parametrize("bound", ["MAX_NEEDED", "MAX_NEEDED_TEXT"])
def test_many_facts_of_a_file_with_many_names_are_bounded(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(runner, "MAX_NEEDED", 5000)
    if bound == "MAX_NEEDED_TEXT":
        monkeypatch.setattr(runner, "MAX_NEEDED", 10**9)
        monkeypatch.setattr(runner, bound, 200_000)
    tree, done = linked(1000, 20_000)
    tracemalloc.start()
    try:
        facts, left = runner._needed(BOOTS, tree, done)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
    assert left
    assert 1000 < len(facts) <= 10_000
    assert "/bin/other" in {fact.where.path for fact in facts}  # one path of each before two of any
    assert (facts, left) == runner._needed(BOOTS, tree, done)


def test_what_is_left_out_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_NEEDED", 10)
    tree, done = linked(5, 5)
    blobs = BlobStore(tmp_path)
    tree = tree_of("", tree.entries, blobs)
    with Jail() as jail:
        run = Runner(jail, blobs, Cache(None), tools=None)
        piece = run._tree(BOOTS, None, tree, done)
    assert [gap.cause for gap in piece.gaps if "left out" in gap.detail] == [Cause.LIMIT]

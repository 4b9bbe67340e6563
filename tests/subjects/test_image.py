"""From accounts to trees and coverage: what was left out is told, and never counts as explained."""

from __future__ import annotations

import tracemalloc

import pytest

from aboveboard.model.account import Child, Span, SpanKind, Unpacked
from aboveboard.model.facts import Cause
from aboveboard.model.tree import Entry, EntryType
from aboveboard.subjects import image
from aboveboard.subjects.image import assemble, opened_containers

MIB = 1 << 20


def leaf(name: str, size: int, gap: Cause | None = None) -> Unpacked:
    span = Span(0, size, SpanKind.CHILD, "data") if gap is None else Span(0, size, SpanKind.GAP, gap.value)
    return Unpacked(name, size, (span,))


def file(path: str, content: Unpacked) -> Entry:
    return Entry(path, EntryType.FILE, size=content.size, digest=content.digest)


def holder(name: str, size: int, *entries: Entry) -> Unpacked:
    return Unpacked(name, size, (Span(0, size, SpanKind.CHILD, "zip"),), (Child("0x0.zip", 0, size, entries),))


def by_digest(*accounts: Unpacked) -> dict[str, Unpacked]:
    return {account.digest: account for account in accounts}


def chain(levels: int) -> dict[str, Unpacked]:
    inner = leaf("0", 100)
    made = [inner]
    for level in range(1, levels + 1):
        inner = holder(str(level), 100 + level, file("/", inner))
        made.append(inner)
    return by_digest(*made)


def test_what_is_nested_too_deep_is_not_explained() -> None:
    levels = image.MAX_DEPTH
    seen = assemble(str(levels), chain(levels)).coverage
    assert seen.bytes_explained == seen.bytes_total == 100 + levels
    made = assemble(str(levels + 1), chain(levels + 1))
    assert made.coverage.bytes_explained == 0
    assert [gap.cause for gap in made.gaps] == [Cause.LIMIT]


def test_the_same_blob_counts_by_where_it_stands() -> None:
    """Its account is one; looked at is the one that stands higher."""
    accounts = chain(image.MAX_DEPTH + 1)
    deep = accounts[str(image.MAX_DEPTH + 1)]
    both = holder("both", 1000, file("/a", deep), file("/b", accounts["1"]))
    explained = assemble("both", {**accounts, "both": both}).coverage.bytes_explained
    assert 0 < explained < 1000


def test_encrypted_bytes_do_not_vanish_beside_zeros() -> None:
    secret, zeros = leaf("secret", 4 * MIB, Cause.ENCRYPTED), leaf("zeros", 900 * MIB)
    size = 4 * MIB + 900_000
    zipped = holder("zipped", size, file("/secret", secret), file("/zeros", zeros))
    outer = holder("outer", size + 500, file("/", zipped))
    accounts = by_digest(secret, zeros, zipped, outer)
    for top, total in (("zipped", size), ("outer", size + 500)):
        coverage = assemble(top, accounts).coverage
        assert coverage.bytes_total - coverage.bytes_explained >= 4 * MIB
        assert coverage.bytes_total == total
    linked = holder("linked", size, *(file(f"/{number}", secret) for number in range(3)), file("/zeros", zeros))
    coverage = assemble("linked", {**accounts, "linked": linked}).coverage
    assert coverage.bytes_explained == 900_000


def test_a_chunk_loses_no_more_than_it_has() -> None:
    secret = leaf("secret", 4 * MIB, Cause.ENCRYPTED)
    head = 1000
    child = Child("0x0.zip", 0, head, (file("/secret", secret),))
    spans = (Span(0, head, SpanKind.CHILD, "zip"), Span(head, 2 * head, SpanKind.PADDING, "zero"))
    coverage = assemble("top", by_digest(secret, Unpacked("top", 2 * head, spans, (child,)))).coverage
    assert coverage.bytes_explained == head


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize(("bound", "value"), [("MAX_ENTRIES", 50), ("MAX_CHARACTERS", 50 * 8)])
def test_what_is_left_out_is_told_and_not_explained(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int, folder: bool
) -> None:
    monkeypatch.setattr(image, bound, value)
    entries = [file(f"/{number:07}", leaf(str(number), 10)) for number in range(100)]
    accounts = by_digest(*(leaf(str(number), 10) for number in range(100)), holder("top", 1000, *entries))
    made = assemble("top", accounts, folder=tuple(entries)) if folder else assemble("top", accounts)
    assert made.coverage.bytes_total == 1000
    assert made.coverage.bytes_explained <= 500
    assert len(made.trees[0].entries) <= 50
    assert [gap.cause for gap in made.gaps] == [Cause.LIMIT]


def test_long_names_above_many_entries_are_bounded() -> None:
    many = holder("many", 1 << 20, *(file(f"/{number}", leaf("x", 10)) for number in range(20_000)))
    top = holder("top", 1 << 20, file("/" + "n" * 30_000, many))
    tracemalloc.start()
    try:
        made = assemble("top", by_digest(many, top, leaf("x", 10)))
        assert tracemalloc.get_traced_memory()[1] < 200 * MIB
    finally:
        tracemalloc.stop()
    assert Cause.LIMIT in {gap.cause for gap in made.gaps}
    assert made.coverage.bytes_explained < made.coverage.bytes_total


def test_a_root_tree_in_a_file_with_a_long_name_has_a_short_one() -> None:
    root = holder("root", 100, *(Entry(f"/{name}", EntryType.DIRECTORY) for name in ("bin", "etc", "usr")))
    names = ["/" + "n" * 30_000 + end for end in "ab"]
    top = holder("top", 200, *(file(name, root) for name in names))
    trees = assemble("top", by_digest(root, top)).trees
    assert len(trees) == 3
    assert all(len(tree.container) <= image.MAX_NAME for tree in trees)


def test_a_picture_with_an_archive_behind_it_is_a_picture_and_no_opened_container() -> None:
    entry = Entry("/x", EntryType.FILE, size=4, digest="sha256:" + "1" * 64)
    digest = "sha256:" + "2" * 64
    spans = (Span(0, 10, SpanKind.CHILD, "png"), Span(10, 20, SpanKind.CHILD, "zip"))
    held = Unpacked(digest, 20, spans, (Child("0xa.zip", 10, 20, (entry,)),))
    plain = Unpacked(digest, 10, (Span(0, 10, SpanKind.CHILD, "zip"),), (Child("0x0.zip", 0, 10, (entry,)),))
    assert opened_containers({digest: held}) == frozenset()
    assert opened_containers({digest: plain}) == {digest}

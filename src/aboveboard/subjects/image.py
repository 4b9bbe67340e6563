"""Joins the accounts of blobs into trees, gaps and coverage. Pure: it is given the accounts and opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from aboveboard.model.account import SpanKind, Unpacked
from aboveboard.model.coverage import Coverage
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.tree import Entry, EntryType

MAX_DEPTH = 12
MAX_ENTRIES = 400_000
MAX_GAPS = 20_000
ROOT_NAMES = frozenset({"bin", "sbin", "etc", "lib", "usr", "dev", "proc", "var", "www", "sys", "tmp", "mnt", "root"})
_UNIDENTIFIED = "data"
_UNREADABLE = "elf-unreadable"


@dataclass(frozen=True)
class ImageTree:
    """One tree of the image: a root file system, or (container empty) what hangs from the image itself."""

    container: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Image:
    """The image as trees, with what was not seen and how much was."""

    trees: tuple[ImageTree, ...]
    gaps: tuple[Gap, ...]
    coverage: Coverage


def looks_like_root(paths: Iterator[str]) -> bool:
    """Tell whether a tree has at least three of the directories that a root file system has."""
    tops = {path.split("/", 2)[1] for path in paths if path.count("/") >= 1}
    return len(tops & ROOT_NAMES) >= 3


def assemble(digest: str, accounts: Mapping[str, Unpacked], *, folder: tuple[Entry, ...] | None = None) -> Image:
    """Build the image from the account of its digest, or from the entries of a folder, and the accounts below."""
    builder = _Builder(accounts)
    if folder is None:
        builder.descend(digest, "", "", 0)
        total, gap = accounts[digest].size, _GapShare(accounts).of(digest)
    else:
        builder.attach(folder, "", "", 0)
        share = _GapShare(accounts)
        total = sum(entry.size for entry in folder)
        gap = sum(share.of(entry.digest) for entry in folder if entry.digest)
        gap += sum(entry.size for entry in folder if entry.type is EntryType.FILE and entry.size and not entry.digest)
    trees = tuple(ImageTree(name, tuple(entries)) for name, entries in sorted(builder.trees.items()) if entries)
    return Image(trees, tuple(builder.gaps), _coverage(total, gap, trees, accounts))


class _Builder:
    """Walks from the top down; a blob that stands in two places is attached in both."""

    def __init__(self, accounts: Mapping[str, Unpacked]) -> None:
        self._accounts = accounts
        self.trees: dict[str, list[Entry]] = {}
        self.gaps: list[Gap] = []
        self._count = 0

    def descend(self, digest: str, container: str, path: str, depth: int) -> None:
        """Add what the blob at `path` of the tree `container` holds."""
        account = self._accounts.get(digest)
        if account is None:
            return
        room = max(0, MAX_GAPS - len(self.gaps))
        if account.gaps[room:] and room:
            self.gaps.append(Gap(Cause.LIMIT, Where(), f"more than {MAX_GAPS} gaps; the rest is not listed"))
        for gap in account.gaps[:room]:
            inner = gap.where.container
            place = "//".join(part for part in (path, inner) if part) + (gap.where.path if inner else "")
            self.gaps.append(replace(gap, where=replace(gap.where, container=container, path=place)))
        if account.children and depth >= MAX_DEPTH:
            self.gaps.append(Gap(Cause.LIMIT, Where(path=path, container=container), f"nested deeper than {MAX_DEPTH}"))
            return
        for child in account.children:
            if looks_like_root(entry.path for entry in child.entries):
                name = "//".join(part for part in (container, path.lstrip("/"), child.name) if part)
                self.attach(child.entries, name, "", depth + 1)
            else:
                self.attach(child.entries, container, f"{path}//{child.name}" if path else f"/{child.name}", depth + 1)

    def attach(self, entries: tuple[Entry, ...], container: str, prefix: str, depth: int) -> None:
        """Add entries below `prefix`, and what their contents hold."""
        tree = self.trees.setdefault(container, [])
        for entry in entries:
            self._count += 1
            if self._count > MAX_ENTRIES:
                self.gaps.append(Gap(Cause.LIMIT, Where(container=container), f"more than {MAX_ENTRIES} entries"))
                return
            path = prefix + entry.path if entry.path != "/" else prefix or "/"
            tree.append(replace(entry, path=path))
            if entry.digest:
                self.descend(entry.digest, container, path, depth)


class _GapShare:
    """How many bytes of a blob are not explained, gaps of its children in proportion to what they take in it."""

    def __init__(self, accounts: Mapping[str, Unpacked]) -> None:
        self._accounts = accounts
        self._known: dict[str, int] = {}

    def of(self, digest: str) -> int:
        """Return the bytes; a blob without an account is explained by its kind."""
        if digest in self._known:
            return self._known[digest]
        self._known[digest] = 0  # a blob inside itself counts once
        account = self._accounts.get(digest)
        if account is None:
            return 0
        lost = sum(span.end - span.start for span in account.spans if span.kind is SpanKind.GAP)
        for child in account.children:
            size = sum(entry.size for entry in child.entries)
            gap = sum(self.of(entry.digest) for entry in child.entries if entry.digest)
            gap += sum(e.size for e in child.entries if e.type is EntryType.FILE and not e.digest)
            lost += -(-(child.end - child.start) * gap // size) if size else 0
        self._known[digest] = min(lost, account.size)
        return self._known[digest]


def _coverage(total: int, gap: int, trees: tuple[ImageTree, ...], accounts: Mapping[str, Unpacked]) -> Coverage:
    files = [entry for tree in trees for entry in tree.entries if entry.type is EntryType.FILE]
    kinds = [_kind_of(entry, accounts) for entry in files]
    return Coverage(
        bytes_total=total,
        bytes_explained=total - min(gap, total),
        files_total=len(files),
        files_identified=sum(kind not in ("", _UNIDENTIFIED, _UNREADABLE) for kind in kinds),
        programs_total=kinds.count("elf") + kinds.count(_UNREADABLE),
        programs_identified=kinds.count("elf"),
    )


def _kind_of(entry: Entry, accounts: Mapping[str, Unpacked]) -> str:
    if entry.size == 0:
        return "empty"
    account = accounts.get(entry.digest)
    if account is None or not account.spans:
        return ""
    if account.children and account.spans[0].name not in ("elf", _UNREADABLE, "linux-kernel"):
        return "container"
    only = account.spans[0]
    return only.name if only.kind is not SpanKind.GAP else ""


def opened_containers(accounts: Mapping[str, Unpacked]) -> frozenset[str]:
    """Return the blobs that were opened without a gap: all that they hold is looked at as what came out of them."""
    return frozenset(
        digest
        for digest, account in accounts.items()
        if account.children
        and account.spans[0].name not in ("elf", _UNREADABLE, "linux-kernel")
        and all(span.kind is not SpanKind.GAP for span in account.spans)
    )


def pending_digests(account: Unpacked, known: Callable[[str], bool]) -> list[str]:
    """Return the contents of an account that have no account of their own yet, in a fixed order."""
    found = {entry.digest for child in account.children for entry in child.entries if entry.digest and entry.size}
    return sorted(digest for digest in found if not known(digest))

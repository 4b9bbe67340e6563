"""Joins the accounts of blobs into trees, gaps and coverage. Pure: it is given the accounts and opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import NamedTuple

from aboveboard.model.account import Child, SpanKind, Unpacked
from aboveboard.model.coverage import Coverage
from aboveboard.model.facts import Cause, Gap, Where
from aboveboard.model.tree import Entry, EntryType

MAX_DEPTH = 12
MAX_ENTRIES = 400_000
MAX_CHARACTERS = 64 << 20  # of all paths of an image: each level repeats those above it
MAX_NAME = 2000  # characters of the name of a tree
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
        total, lost = accounts[digest].size, builder.descend(digest, "", "", 0)
    else:
        total, lost = sum(entry.size for entry in folder), builder.attach(folder, "", "", 0)
    trees = tuple(ImageTree(name, tuple(entries)) for name, entries in sorted(builder.trees.items()) if entries)
    return Image(trees, tuple(builder.gaps), _coverage(total, lost.size, trees, accounts))


class _Lost(NamedTuple):
    """Bytes that are not explained, and how many of them no compression makes smaller: what is encrypted, or closed."""

    size: int
    solid: int


class _Builder:
    """Walks from the top down; a blob that stands in two places is attached in both. Says how much it did not see."""

    def __init__(self, accounts: Mapping[str, Unpacked]) -> None:
        self._accounts = accounts
        self.trees: dict[str, list[Entry]] = {}
        self.gaps: list[Gap] = []
        self._count = 0
        self._characters = 0
        self._told: int | None = 0  # characters of the places of gaps; None where no more are listed
        self._stopped = False
        self._above: set[str] = set()  # the blobs that the one at hand stands in

    def descend(self, digest: str, container: str, path: str, depth: int) -> _Lost:
        """Add what the blob at `path` of the tree `container` holds; a blob without an account is explained by its kind."""
        account = self._accounts.get(digest)
        if account is None:
            return _Lost(0, 0)
        self._add_gaps(account.gaps, container, path)
        if account.children and depth >= MAX_DEPTH:
            self._tell(Gap(Cause.LIMIT, Where(path=path, container=container), f"nested deeper than {MAX_DEPTH}"))
            return _Lost(0, 0) if digest in self._above else _Lost(account.size, account.size)
        gaps = [span for span in account.spans if span.kind is SpanKind.GAP]
        size = sum(span.end - span.start for span in gaps)
        solid = sum(span.end - span.start for span in gaps if span.name == Cause.ENCRYPTED.value)
        inside_itself = digest in self._above
        self._above.add(digest)
        for child in account.children:
            lost = self._child(child, container, path, depth)
            size, solid = size + lost.size, solid + lost.solid
        if inside_itself:
            return _Lost(0, 0)  # counts once, further up
        self._above.discard(digest)
        return _Lost(min(size, account.size), min(solid, account.size))

    def _add_gaps(self, gaps: tuple[Gap, ...], container: str, path: str) -> None:
        for gap in gaps:
            inner = gap.where.container
            place = "//".join(part for part in (path, inner) if part) + (gap.where.path if inner else "")
            if not self._tell(replace(gap, where=replace(gap.where, container=container, path=place))):
                return

    def _tell(self, gap: Gap) -> bool:
        """List a gap; the last one that is listed says that there are more."""
        if self._told is None:
            return False
        self._told += len(gap.where.path) + len(gap.where.container)
        if len(self.gaps) < MAX_GAPS and self._told <= MAX_CHARACTERS:
            self.gaps.append(gap)
            return True
        self._told = None
        what = f"more than {MAX_GAPS} gaps, or {MAX_CHARACTERS} characters of places in them; the rest is not listed"
        self.gaps.append(Gap(Cause.LIMIT, Where(), what))
        return False

    def _child(self, child: Child, container: str, path: str, depth: int) -> _Lost:
        """Add a child; return what is lost of the bytes that it takes in its parent.

        Losses in it are shared by unpacked size; but what does not compress takes its own size at least, however much
        there is beside it that compresses to nothing.
        """
        if looks_like_root(entry.path for entry in child.entries):
            name = "//".join(part for part in (container, path.lstrip("/"), child.name) if part)
            lost = self.attach(child.entries, _short(name), "", depth + 1)
        else:
            prefix = f"{path}//{child.name}" if path else f"/{child.name}"
            lost = self.attach(child.entries, container, prefix, depth + 1)
        size, taken = sum(entry.size for entry in child.entries), child.end - child.start
        share = -(-taken * lost.size // size) if size else 0
        return _Lost(min(taken, max(share, lost.solid)), min(taken, lost.solid))

    def attach(self, entries: tuple[Entry, ...], container: str, prefix: str, depth: int) -> _Lost:
        """Add entries below `prefix`, and what their contents hold."""
        tree = self.trees.setdefault(container, [])
        size, solid = 0, 0
        seen: set[str] = set()  # many names of one content do not make more of it
        for number, entry in enumerate(entries):
            path = prefix + entry.path if entry.path != "/" else prefix or "/"
            self._count += 1
            self._characters += len(path)
            if self._count > MAX_ENTRIES or self._characters > MAX_CHARACTERS:
                if not self._stopped:
                    what = f"more than {MAX_ENTRIES} entries, or {MAX_CHARACTERS} characters of paths: the rest is left out"
                    self._tell(Gap(Cause.LIMIT, Where(container=container), what))
                self._stopped = True
                return _Lost(size + sum(left.size for left in entries[number:]), solid)
            tree.append(replace(entry, path=path))
            if entry.digest:
                lost = self.descend(entry.digest, container, path, depth)
                size, solid = size + lost.size, solid + (lost.solid if entry.digest not in seen else 0)
                seen.add(entry.digest)
            elif entry.type is EntryType.FILE:
                size += entry.size  # its content could not be read
        return _Lost(size, solid)


def _short(name: str) -> str:
    """Return a container's name, cut where it is long: it stands in each fact and gap of its tree."""
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 80]}...{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


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
    own = _own_kind(account)
    if account.children and not own:
        return "container"
    only = account.spans[0]
    return own or (only.name if only.kind is not SpanKind.GAP else "")


def _own_kind(account: Unpacked) -> str:
    """Return what a blob is beside what it holds: a program or a picture with an archive behind it is still looked at."""
    places = {(child.start, child.end) for child in account.children}
    return next(
        (span.name for span in account.spans if span.kind is SpanKind.CHILD and (span.start, span.end) not in places), ""
    )


def opened_containers(accounts: Mapping[str, Unpacked]) -> frozenset[str]:
    """Return the blobs that were opened without a gap: all that they hold is looked at as what came out of them."""
    return frozenset(
        digest
        for digest, account in accounts.items()
        if account.children and not _own_kind(account) and all(span.kind is not SpanKind.GAP for span in account.spans)
    )


def pending_digests(account: Unpacked, known: Callable[[str], bool]) -> list[str]:
    """Return the contents of an account that have no account of their own yet, in a fixed order."""
    found = {entry.digest for child in account.children for entry in child.entries if entry.digest and entry.size}
    return sorted(digest for digest in found if not known(digest))

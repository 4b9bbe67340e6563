"""What a collector is.

A collector is a module in `evidence/collectors/`. Its docstring becomes its page in the documentation. It declares

- `NAME` and `VERSION` (a number that grows with each change of what it says),
- `SUBJECT`: `file` (bytes alone), `tree` (one file tree) or `image` (the account of the whole image),
- `NEEDS`: the kinds of fact that it wants from other collectors,
- `EMITS`: the kinds of fact that it gives, each with a sentence on its `data`,
- `CLAUSES`: the clauses that it serves,
- `PLANTED`: known answers, small subjects made in the code, each with the facts that must be found in them,
- `wants(head, size)` for file collectors: whether a file with these first bytes (up to 64) is a subject,
- `collect(subject, needs)`: yields facts and gaps.

Standing: `confirmed` where the collector shows the thing active or reachable as shipped (an enabled account, a service
that boots, an active setting), `candidate` where only static analysis of code or an unresolved condition speaks for it,
`observed` for what is merely there (switched off, or information). The judge breaks a clause only on `confirmed`.

Collectors never read a clock, the network or the file system; they bound their work in bytes, files and steps, and
say in a gap what they left out. The runner alone runs them, confined; it turns their death into a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Gap
from aboveboard.readers.tree import TreeView

MAX_FILE = 64 << 20  # bytes of a file that a file collector is given: more are programs and texts of no router
HEAD = 64  # bytes that `wants` sees


@dataclass(frozen=True, slots=True)
class FileSubject:
    """A file as its bytes alone; path, mode and owner belong to the tree and are joined afterwards."""

    data: bytes


Subject = FileSubject | TreeView


class Needs:
    """The facts that a collector asked for, by kind. Facts of files carry every path of the tree that holds them."""

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._by_kind: dict[str, list[Fact]] = {}
        for fact in facts:
            self._by_kind.setdefault(fact.kind, []).append(fact)

    def of(self, kind: str) -> list[Fact]:
        """Return the facts of `kind` in the order they were given."""
        return self._by_kind.get(kind, [])


@dataclass(frozen=True, slots=True)
class Planted:
    """A known answer: a small subject, and facts that must be found in it (kind, and a part of its data)."""

    files: Mapping[str, bytes]  # for a tree: path -> content; for a file collector: one entry, any path
    finds: tuple[tuple[str, Mapping[str, JSON]], ...]
    needs: tuple[Fact, ...] = ()
    modes: Mapping[str, int] = field(default_factory=dict)  # default 0o644; 0o755 for what starts with `#!` or ELF
    links: Mapping[str, str] = field(default_factory=dict)  # path -> target


class FileCollector(Protocol):
    """A module whose SUBJECT is `file`."""

    NAME: str
    VERSION: int
    SUBJECT: str
    NEEDS: tuple[str, ...]
    EMITS: Mapping[str, str]
    CLAUSES: tuple[str, ...]
    PLANTED: tuple[Planted, ...]
    wants: Callable[[bytes, int], bool]
    collect: Callable[[FileSubject, Needs], Iterator[Fact | Gap]]


class TreeCollector(Protocol):
    """A module whose SUBJECT is `tree`."""

    NAME: str
    VERSION: int
    SUBJECT: str
    NEEDS: tuple[str, ...]
    EMITS: Mapping[str, str]
    CLAUSES: tuple[str, ...]
    PLANTED: tuple[Planted, ...]
    collect: Callable[[TreeView, Needs], Iterator[Fact | Gap]]

"""The account of bytes: what each byte of a blob is, so that none is lost without a word (law 4 of the design)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from aboveboard.model.canonical import JSON
from aboveboard.model.errors import InputError
from aboveboard.model.facts import Gap
from aboveboard.model.tree import Entry


class SpanKind(StrEnum):
    """What a run of bytes is."""

    CHILD = "child"  # belongs to a child that was opened
    HEADER = "header"  # the parsed header or trailer of a vendor's format
    PADDING = "padding"  # one repeated byte, or the named fill of a format
    GAP = "gap"  # not explained; a gap says why


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` (included) to `end` (excluded) of a blob; `name` is the format, the fill or the cause of the gap."""

    start: int
    end: int
    kind: SpanKind
    name: str

    def to_json(self) -> dict[str, JSON]:
        """Return the span as JSON."""
        return {"start": self.start, "end": self.end, "kind": self.kind.value, "name": self.name}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(int(value["start"]), int(value["end"]), SpanKind(value["kind"]), str(value["name"]))


@dataclass(frozen=True, slots=True)
class Child:
    """What was found in a span: a tree of entries (file system, archive), or one entry `/` for a single stream."""

    name: str  # `0x120200.squashfs-4-xz`: the offset in the parent and the format
    start: int
    end: int
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the child as JSON."""
        entries: list[JSON] = [entry.to_json() for entry in self.entries]
        return {"name": self.name, "start": self.start, "end": self.end, "entries": entries}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        entries = tuple(Entry.from_json(entry) for entry in value["entries"])
        return cls(str(value["name"]), int(value["start"]), int(value["end"]), entries)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One blob taken apart: spans that tile it exactly, its children, and what could not be seen in it."""

    digest: str
    size: int
    spans: tuple[Span, ...]
    children: tuple[Child, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an account that loses, repeats or invents bytes."""
        position = 0
        for span in self.spans:
            if span.start != position or span.end <= span.start:
                raise InputError(f"the account breaks at byte {position}", hint="a handler gave overlapping spans")
            position = span.end
        if position != self.size:
            raise InputError(f"the account ends at {position} of {self.size}", hint="a handler lost bytes")

    def to_json(self) -> dict[str, JSON]:
        """Return the account as JSON."""
        return {
            "digest": self.digest,
            "size": self.size,
            "spans": [span.to_json() for span in self.spans],
            "children": [child.to_json() for child in self.children],
            "gaps": [gap.to_json() for gap in self.gaps],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError, KeyError, ValueError or InputError on anything else."""
        return cls(
            str(value["digest"]),
            int(value["size"]),
            tuple(Span.from_json(span) for span in value["spans"]),
            tuple(Child.from_json(child) for child in value["children"]),
            tuple(Gap.from_json(gap) for gap in value["gaps"]),
        )

"""Facts and gaps: what was seen, and what was not seen and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from aboveboard.model.canonical import JSON


class Standing(StrEnum):
    """How far a fact holds. Static analysis alone gives a candidate; shown reachability confirms it."""

    OBSERVED = "observed"
    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"


class Cause(StrEnum):
    """Why something was not seen."""

    ENCRYPTED = "encrypted"  # high entropy and no format: encrypted, or compressed in an unknown way
    UNKNOWN_FORMAT = "unknown-format"
    DAMAGED = "damaged"  # a known format whose content contradicts itself or is cut
    LIMIT = "limit"  # a bound on bytes, files, steps or depth was reached
    TIME = "time"  # the last resort: a bound in seconds was reached; never cached
    MEMORY = "memory"  # never cached
    CRASHED = "crashed"
    NO_TOOL = "no-tool"  # never cached
    UNCONFINED = "unconfined"  # the jail cannot be set up for it; never cached
    UNRESOLVED = "unresolved"  # the analysis cannot follow this place
    UNSUPPORTED = "unsupported"  # known, and not implemented


# A gap of these causes says something of this machine and this moment, not of the subject.
TRANSIENT_CAUSES = frozenset({Cause.TIME, Cause.MEMORY, Cause.NO_TOOL, Cause.UNCONFINED, Cause.CRASHED})


@dataclass(frozen=True, slots=True)
class Where:
    """A place inside the subject.

    `container` names the file system or archive in the image (empty for the image itself or a folder), `path` the file
    in it as `model.paths.show` writes it, `offset` a byte offset in that file, `address` an ELF virtual address as
    `0x...`, `function` a symbol name or address, `line` a line number from 1.
    """

    path: str = ""
    container: str = ""
    offset: int | None = None
    address: str | None = None
    function: str | None = None
    line: int | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the place as JSON, without what is not known."""
        pairs: dict[str, JSON] = {
            "path": self.path,
            "container": self.container or None,
            "offset": self.offset,
            "address": self.address,
            "function": self.function,
            "line": self.line,
        }
        return {key: value for key, value in pairs.items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError or ValueError on anything else."""
        return cls(
            path=_text(value["path"]),
            container=_text(value.get("container", "")),
            offset=_count(value.get("offset")),
            address=None if value.get("address") is None else _text(value["address"]),
            function=None if value.get("function") is None else _text(value["function"]),
            line=_count(value.get("line")),
        )

    def __str__(self) -> str:
        """Return the place as a person would write it: `container:path:line`."""
        place = self.path or self.container or "the image"
        if self.line is not None:
            return f"{place}:{self.line}"
        if self.address is not None:
            return f"{place}@{self.address}"
        return place if self.offset is None else f"{place}+0x{self.offset:x}"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something seen, where it was seen, no opinion. `data` is JSON whose keys the kind defines."""

    kind: str
    where: Where
    data: Mapping[str, JSON] = field(default_factory=dict)
    standing: Standing = Standing.OBSERVED

    def to_json(self) -> dict[str, JSON]:
        """Return the fact as JSON."""
        return {
            "kind": self.kind,
            "where": self.where.to_json(),
            "data": dict(self.data),
            "standing": self.standing.value,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError, KeyError or ValueError on anything else."""
        return cls(
            kind=_text(value["kind"]),
            where=Where.from_json(value["where"]),
            data=_mapping(value["data"]),
            standing=Standing(value["standing"]),
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Something not seen, and why: `cause` for the judge, `detail` one sentence for a person."""

    cause: Cause
    where: Where
    detail: str
    data: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Return the gap as JSON."""
        return {
            "cause": self.cause.value,
            "where": self.where.to_json(),
            "detail": self.detail,
            "data": dict(self.data),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises TypeError, KeyError or ValueError on anything else."""
        return cls(
            cause=Cause(value["cause"]),
            where=Where.from_json(value["where"]),
            detail=_text(value["detail"]),
            data=_mapping(value["data"]),
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("not a count")
    return value


def _mapping(value: Any) -> Mapping[str, JSON]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value

"""What a function that runs in the jail is given: its only ways in and out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aboveboard.model.canonical import JSON


class Inside(Protocol):
    """The confined side of the channel. A jailed function is `f(inside: Inside, **parameters) -> None`."""

    def read(self, digest: str, limit: int | None = None) -> bytes:
        """Return the blob, or its first `limit` bytes; raises KeyError for one that the parent does not hand out."""
        ...

    def open(self, digest: str) -> int:
        """Return a read-only descriptor of the blob, for the caller to close; raises KeyError as `read` does."""
        ...

    def emit(self, value: JSON) -> None:
        """Send one JSON value to the parent."""
        ...

    def store(self, data: bytes) -> str:
        """Send one blob to the parent's store and return its digest; the parent hashes it again."""
        ...

    def store_parts(self, parts: Iterable[bytes]) -> tuple[str, int]:
        """Send one blob as it is made; return its digest and size. What `parts` raises comes out: no blob."""
        ...

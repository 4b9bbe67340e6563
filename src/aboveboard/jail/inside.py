"""What a function that runs in the jail is given: its only ways in and out."""

from __future__ import annotations

from typing import Protocol

from aboveboard.model.canonical import JSON


class Inside(Protocol):
    """The confined side of the channel. A jailed function is `f(inside: Inside, **parameters) -> None`."""

    def read(self, digest: str) -> bytes:
        """Return the blob with this digest; raises KeyError for one that the parent does not hand out."""
        ...

    def emit(self, value: JSON) -> None:
        """Send one JSON value to the parent."""
        ...

    def store(self, data: bytes) -> str:
        """Send one blob to the parent's store and return its digest; the parent hashes it again."""
        ...

"""A file tree as data: what an archive or file system lists, without ever being made on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from aboveboard.model.canonical import JSON


class EntryType(StrEnum):
    """What an entry of a file system is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    CHARACTER = "character"
    BLOCK = "block"
    FIFO = "fifo"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tree.

    `path` is absolute, normal (`/etc/passwd`) and written by `model.paths.show`. `mode` holds the permission bits with
    set-uid, set-gid and sticky (0 to 0o7777), or None where the format keeps none. `digest` and `size` are of a regular
    file's content; `digest` is empty where the content could not be read (a gap says why). `target` is the text of a
    symlink. Owners, modes and device numbers are metadata and are never applied to anything.
    """

    path: str
    type: EntryType
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int = 0
    digest: str = ""
    target: str = ""
    device: tuple[int, int] | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the entry as JSON, without what is empty."""
        pairs: dict[str, JSON] = {
            "path": self.path,
            "type": self.type.value,
            "mode": self.mode,
            "uid": self.uid,
            "gid": self.gid,
            "size": self.size or None,
            "digest": self.digest or None,
            "target": self.target or None,
            "device": None if self.device is None else list(self.device),
        }
        return {key: value for key, value in pairs.items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        device = value.get("device")
        return cls(
            path=str(value["path"]),
            type=EntryType(value["type"]),
            mode=value.get("mode"),
            uid=value.get("uid"),
            gid=value.get("gid"),
            size=int(value.get("size", 0)),
            digest=str(value.get("digest", "")),
            target=str(value.get("target", "")),
            device=None if device is None else (int(device[0]), int(device[1])),
        )

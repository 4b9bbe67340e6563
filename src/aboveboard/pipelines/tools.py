"""What evidence is made with: the digest of our own code and the versions of the libraries that read foreign bytes."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from aboveboard import __version__
from aboveboard.model.canonical import JSON

_LIBRARIES = ("unblob", "lief", "lzallright", "lz4", "zstandard", "tree-sitter", "tree-sitter-bash", "pypcode")
_ROOMS = ("model", "readers", "jail", "subjects", "evidence")


@cache
def tools() -> dict[str, JSON]:
    """Return what a result depends on beside its subject: another digest here, and nothing is reused."""
    hasher = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for room in _ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            hasher.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    versions: dict[str, JSON] = {}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "absent"
    return {
        "aboveboard": __version__,
        "code": "sha256:" + hasher.hexdigest(),
        "libraries": versions,
        "machine": platform.machine(),
    }

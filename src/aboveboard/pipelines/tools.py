"""What evidence is made with: the digest of our own code and the versions of the libraries that read foreign bytes."""

from __future__ import annotations

import hashlib
import platform
import shutil
from functools import cache
from importlib import metadata
from pathlib import Path

from aboveboard import __version__
from aboveboard.model.canonical import JSON

_LIBRARIES = (
    "unblob",
    "cryptography",
    "lief",
    "lzallright",
    "lz4",
    "zstandard",
    "tree-sitter",
    "tree-sitter-bash",
    "pypcode",
)
# Program -> Debian package; each opens formats that nothing in the process opens.
EXTRACTORS = {
    "7z": "p7zip-full",
    "lz4": "lz4",
    "lziprecover": "lziprecover",
    "simg2img": "android-sdk-libsparse-utils",
    "unar": "unar",
}
_ROOMS = ("model", "readers", "jail", "subjects", "evidence")
_JUDGING = ("model", "agreement", "judge", "standard", "trust", "report", "pipelines")


@cache
def surroundings() -> JSON:
    """Return what else a cached result depends on: the interpreter and the extractors.

    It is no part of evidence: where these do their work, two machines agree whatever their versions.
    """
    found: dict[str, JSON] = {"python": platform.python_version()}
    for name in EXTRACTORS:
        path = shutil.which(name)
        status = Path(path).stat() if path is not None else None
        found[name] = None if status is None else [status.st_size, status.st_mtime_ns // 1_000_000_000]
    return found


@cache
def tools() -> dict[str, JSON]:
    """Return what a result depends on beside its subject: another digest here, and nothing is reused."""
    versions: dict[str, JSON] = {}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "absent"
    return {
        "aboveboard": __version__,
        "code": _code(_ROOMS),
        "libraries": versions,
        "machine": platform.machine(),
    }


@cache
def judging() -> str:
    """Return the digest of the code that a verdict and its report follow from, beside the evidence."""
    return _code(_JUDGING)


def _code(rooms: tuple[str, ...]) -> str:
    hasher = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for room in rooms:
        for path in sorted(path for path in (package / room).rglob("*") if path.suffix in (".py", ".html", ".json")):
            hasher.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return "sha256:" + hasher.hexdigest()

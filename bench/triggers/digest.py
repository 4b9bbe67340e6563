"""The digest of the reporting part: SHA-256 over its sources, to be committed before the first run.

    python bench/triggers/digest.py [--check]

It covers every file in this folder (names, content, links, and which may be executed) but DIGEST itself, and what Python
leaves behind. `--check` compares instead of writing.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = "DIGEST"


def files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts and path != folder / NAME)


def digest(folder: Path = HERE) -> str:
    """Hash a line for each file: kind, digest of its content, name."""
    whole = hashlib.sha256()
    for path in files(folder):
        if path.is_symlink():
            kind, data = "link", str(path.readlink()).encode()
        else:
            kind, data = "program" if path.stat().st_mode & 0o100 else "file", path.read_bytes()
        whole.update(f"{kind} {hashlib.sha256(data).hexdigest()} {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()


def main() -> None:
    now, place = digest(), HERE / NAME
    print(now)
    if sys.argv[1:] == ["--check"]:
        if place.read_text().strip() != now:
            raise SystemExit(f"{NAME} is of other sources")
    else:
        place.write_text(now + "\n")


if __name__ == "__main__":
    main()

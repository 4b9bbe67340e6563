"""Writes `docs/reference`; with `--check` it only says which pages differ, and ends with 1 where one does.

With `--readme` it also runs the README's first command, writes its last lines into the README, and the figures of benches
where they are shown.
"""

from __future__ import annotations

import sys

from docs.generate import log_figures, pages, readme


def main() -> int:
    """Write or check."""
    options = set(sys.argv[1:])
    if not options <= {"--check", "--readme"}:
        sys.stderr.write("usage: python -m docs.generate [--check] [--readme]\n")
        return 2
    stale = pages.stale()
    if "--check" in options:
        for name in stale:
            sys.stderr.write(f"docs/reference/{name} is not what the code gives; run python -m docs.generate\n")
        return 1 if stale else 0
    pages.write()
    sys.stdout.write(f"{len(stale)} pages changed\n")
    if "--readme" in options:
        readme.write()
        log_figures.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Makes the sample firmware images: `python3 examples/build.py [--out DIR] [--check]`.

Writes router.bin (seeded) and router-clean.bin (the control), and puts their digests into the declarations. The same
Debian release gives the same bytes. With --check it only says what this machine lacks for that.

Exit codes: 0 done, 1 a step failed, 2 packages are missing, 3 other versions of the tools, or sources out of reach.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

import image
import toolchain
import tree

EDITIONS = {"router": ("root", "seeded"), "router-clean": ("root",)}


def main() -> int:
    options = _options()
    missing = toolchain.missing_packages()
    if missing:
        print(f"needed from Debian: apt-get install {' '.join(missing)}")
        return 2
    others = toolchain.other_versions()
    if others:
        print(f"the bytes will differ from the committed ones: {', '.join(others)}")
    if options.check:
        return 3 if others else 0
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        toolchain.fetch(options.sources)
        with tempfile.TemporaryDirectory(prefix="router-") as work:
            _build(toolchain.Toolchain(Path(work), options.sources), options.out)
    except toolchain.BuildError as error:
        print(f"the build stopped: {error}", file=sys.stderr)
        return 3 if isinstance(error, toolchain.OutOfReach) else 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes the sample firmware images.")
    parser.add_argument("--out", type=Path, default=toolchain.HERE)
    parser.add_argument("--sources", type=Path, default=toolchain.HERE.parent / "build/example-sources")
    parser.add_argument("--check", action="store_true", help="only say what is missing for the same bytes")
    return parser.parse_args()


def _build(tools: toolchain.Toolchain, out: Path) -> None:
    print("musl and the compiler", flush=True)
    toolchain.prepare(tools)
    print("programs", flush=True)
    programs = tree.make_programs(tools)
    for name, overlays in EDITIONS.items():
        root = tools.work / name
        root.mkdir()
        wanted = dict(programs["common"])
        if "seeded" in overlays:
            wanted |= programs["seeded"]
        tree.make_tree(tools, root, wanted, tuple(toolchain.HERE / overlay for overlay in overlays))
        made = image.flash_image(wanted["loader"], image.squashfs(tools, root))
        (out / f"{name}.bin").write_bytes(made)
        digest = hashlib.sha256(made).hexdigest()
        _declare(toolchain.HERE / f"{name}.declaration.yaml", out / f"{name}.declaration.yaml", digest)
        print(f"{name}.bin  {len(made)} bytes  sha256:{digest}", flush=True)


def _declare(source: Path, target: Path, digest: str) -> None:
    """Put the digest of the image into its declaration."""
    text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{digest}", source.read_text())
    if source != target:
        shutil.copyfile(source, target)
    target.write_text(text)


if __name__ == "__main__":
    sys.exit(main())

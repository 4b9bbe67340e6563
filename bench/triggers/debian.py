"""Ordinary programs of Debian as the clean set: daemons, tools and parsers, for three architectures.

    python bench/triggers/debian.py OUT [--only ARCHITECTURE] [--limit N]

Fetches with `apt-get download` and unpacks each package into OUT/ARCHITECTURE/PACKAGE, which is also the root tree of its
programs. Foreign architectures get lists of their own below OUT, so that the machine's package system is not touched.
OUT/programs.json names the programs; what is not to be had is named in it, and skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

LISTED = Path(__file__).resolve().parent / "debian.txt"
PACKAGES = tuple(one for one in LISTED.read_text().splitlines() if not one.startswith("#"))
FOREIGN = PACKAGES[::4]  # for a part of them
ARCHITECTURES = {"amd64": PACKAGES, "armhf": FOREIGN, "mipsel": FOREIGN}
PER_PACKAGE = 2


def apt(architecture: str, state: Path) -> list[str]:
    """Return apt's options for lists of its own; none for the machine's own architecture."""
    own = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    if architecture == own:
        return []
    options = [f"APT::Architecture={architecture}", f"APT::Architectures={architecture}"]
    options += [f"Dir::State={state}", f"Dir::Cache={state / 'cache'}", "APT::Sandbox::User=root"]
    return [word for one in options for word in ("-o", one)]


def fetch(architecture: str, package: str, debs: Path, options: list[str]) -> Path | None:
    """Download a package, once; None where it is not to be had."""
    debs.mkdir(parents=True, exist_ok=True)
    have = sorted(debs.glob(f"{package}_*.deb"))
    if not have:
        command = ["apt-get", "-qq", *options, "download", package]
        subprocess.run(command, cwd=debs, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        have = sorted(debs.glob(f"{package}_*.deb"))
    return have[0] if have else None


def programs(tree: Path) -> list[Path]:
    """Return the largest programs of a package, by name where they are equally large."""
    found = []
    for folder in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/lib", "usr/libexec"):
        for path in sorted((tree / folder).glob("*") if (tree / folder).is_dir() else []):
            if path.is_file() and not path.is_symlink() and is_program(path):
                found.append(path)
    return sorted(found, key=lambda path: (-path.stat().st_size, path.name))[:PER_PACKAGE]


def is_program(path: Path) -> bool:
    """Tell a program by its magic, and by its name from a shared library."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF" and ".so" not in path.name and not path.name.endswith((".o", ".ko"))


def collect(out: Path, architecture: str, limit: int) -> dict[str, Any]:
    state = (out / "apt" / architecture).resolve()
    options = apt(architecture, state)
    if options:
        for folder in ("lists/partial", "cache/archives/partial"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-qq", *options, "update"], check=False)
    found: dict[str, Any] = {"programs": [], "not_to_be_had": []}
    for package in ARCHITECTURES[architecture][: limit or None]:
        deb = fetch(architecture, package, out / "debs" / architecture, options)
        if deb is None:
            found["not_to_be_had"].append(package)
            continue
        tree = out / architecture / package
        if not tree.is_dir():
            tree.mkdir(parents=True)
            subprocess.run(["dpkg-deb", "-x", str(deb), str(tree)], check=True)
        for program in programs(tree):
            name = f"{architecture}/{package}/{program.name}"
            paths = {"program": os.path.relpath(program, out), "root": os.path.relpath(tree, out)}
            found["programs"].append({"id": name, "arch": architecture, "package": deb.name, **paths})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=sorted(ARCHITECTURES))
    parser.add_argument("--limit", type=int, default=0, help="so many packages of each architecture")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    found = {one: collect(asked.out, one, asked.limit) for one in ARCHITECTURES if asked.only in {None, one}}
    (asked.out / "programs.json").write_text(json.dumps(found, indent=1) + "\n")
    for architecture, some in found.items():
        missing = " ".join(some["not_to_be_had"]) or "none"
        print(f"{architecture}: {len(some['programs'])} programs; not to be had: {missing}")


if __name__ == "__main__":
    main()

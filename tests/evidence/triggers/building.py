"""Compiles the small programs with their seeds, each once in a run of the tests."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.readers.compilers import MACHINES, without_sections

from aboveboard.evidence.triggers.report import Analysis, analyse

SOURCES = Path(__file__).parent / "programs"
_CRYPT = "char *crypt(const char *key, const char *salt) { return (char *)(key[0] == salt[0] ? salt : key); }\n"


def compiler(machine: str) -> list[str]:
    """Return the compiler for a machine with its options."""
    name, own, package = MACHINES[machine]
    if machine.startswith("x86-64") and shutil.which(name) is None:
        name = "gcc"
    assert shutil.which(name), f"{name} is needed (Debian package {package})"
    return [name, *own]


@cache
def _folder() -> Path:
    holder = tempfile.TemporaryDirectory()
    _HELD.append(holder)
    return Path(holder.name)


_HELD: list[tempfile.TemporaryDirectory[str]] = []  # removed when the run ends


@cache
def _crypt(machine: str) -> Path:
    """Return a library with crypt(): Debian has none for most foreign machines."""
    source, target = _folder() / "crypt.c", _folder() / machine / "libcrypt.so"
    source.write_text(_CRYPT)
    target.parent.mkdir()
    subprocess.run([*compiler(machine), "-shared", "-fPIC", "-w", "-o", str(target), str(source)], check=True)
    return target


@cache
def built(source: Path, machine: str, *options: str) -> bytes:
    """Return the stripped program without section headers, as routers carry it."""
    target = _folder() / f"{source.stem}-{machine}{''.join(options)}"
    libraries = [str(_crypt(machine))] if source.stem in ("ftp", "login") else []
    command = [*compiler(machine), *options, "-s", "-w", "-o", str(target), str(source), *libraries]
    subprocess.run(command, check=True)
    return without_sections(target.read_bytes())


def program(name: str, seed: str, machine: str, level: str) -> bytes:
    """Return one of the small programs; an empty seed gives the clean edition."""
    return built(SOURCES / f"{name}.c", machine, level, *([f"-DK_{seed}"] if seed else []))


@cache
def looked(name: str, seed: str, machine: str, level: str) -> Analysis:
    """Return what is found in one of the small programs."""
    return analyse(program(name, seed, machine, level))


def alerts(found: Analysis) -> list[str]:
    """Return the constants of the alerts."""
    return [str(one["constant"]) for one in found.ranking if one["alert"]]

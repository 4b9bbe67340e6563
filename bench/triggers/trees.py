"""Compiles one program for one target, and puts it into its root tree with what the target needs to start it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.triggers.model import HERE, Case

COMMON = ("-g", "-std=gnu11", "-Wall", "-Wextra", "-Wno-format-truncation", "-Wno-unused-result", "-D_GNU_SOURCE")


@dataclass(frozen=True)
class Target:
    """A compiler, its flags, and where its shared libraries are."""

    name: str
    prefix: str
    lib: str
    loader: str
    flags: tuple[str, ...] = ()

    def tool(self, name: str) -> str:
        return f"{self.prefix}-{name}"


TARGETS = {
    one.name: one
    for one in (
        Target("x86-64", "x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/lib64/ld-linux-x86-64.so.2"),
        Target("aarch64", "aarch64-linux-gnu", "/usr/aarch64-linux-gnu/lib", "/lib/ld-linux-aarch64.so.1"),
        Target("armhf", "arm-linux-gnueabihf", "/usr/arm-linux-gnueabihf/lib", "/lib/ld-linux-armhf.so.3", ("-mthumb",)),
        Target("arm", "arm-linux-gnueabihf", "/usr/arm-linux-gnueabihf/lib", "/lib/ld-linux-armhf.so.3", ("-marm",)),
        Target("mips", "mips-linux-gnu", "/usr/mips-linux-gnu/lib", "/lib/ld.so.1"),
        Target("mipsel", "mipsel-linux-gnu", "/usr/mipsel-linux-gnu/lib", "/lib/ld.so.1"),
    )
}
NATIVE = TARGETS["x86-64"]


def _gcc(target: Target, level: str, words: list[str]) -> None:
    command = [target.tool("gcc"), *target.flags, level, "-Wl,--build-id=none", f"-ffile-prefix-map={HERE}=.", *words]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, cwd=HERE)
    if done.returncode or done.stderr:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")


def compile_one(case: Case, target: Target, level: str, seeded: bool, out: Path) -> Path:
    """Compile with line tables; whoever ships it strips it. A warning is an error of the bench."""
    words = [*COMMON, "-Wno-stringop-truncation"]
    words += ["-DSEED"] if seeded else []
    words += ["-static"] if case.static else []
    _gcc(target, level, [*words, "-o", str(out.resolve()), f"programs/{case.name}.c"])
    return out


def support(target: Target, room: Path) -> dict[str, Path]:
    """Make what stands beside the programs: the shell that does nothing, the small servers, loader and C library."""
    made = {}
    room.mkdir(parents=True, exist_ok=True)
    for name, source in (("loader", Path(target.loader).name), ("libc", "libc.so.6")):
        made[name] = room / f"{name}.{target.name}"
        if not made[name].is_file():
            shutil.copyfile(Path(target.lib) / source, made[name])
            made[name].chmod(0o755)
    for name in ("sh", "minihttpd", "inetd"):
        out = room / f"{name}.{target.name}"
        if not out.is_file():
            fresh = out.with_suffix(".new")
            _gcc(target, "-Os", [*COMMON, "-static", "-s", "-o", str(fresh.resolve()), f"base/{name}.c"])
            fresh.replace(out)
        made[name] = out
    return made


def make_tree(case: Case, target: Target, seeded: bool, program: Path, out: Path) -> Path:
    """Lay over each other: the common tree, the program's own, the seed's files, the program, the shell, the libraries."""
    layers = [HERE / "roots" / "_common", HERE / "roots" / case.name]
    layers += [HERE / "roots" / f"{case.name}.seed"] if seeded else []
    for layer in layers:
        if layer.is_dir():
            shutil.copytree(layer, out, symlinks=True, dirs_exist_ok=True)
    made = support(target, out.parent / "support")
    _share(made["sh"], out / "bin/sh")
    if case.server:
        _share(made[case.server], out / "usr/sbin" / case.server)
    place = out / case.path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(program, place)
    place.chmod(0o755)
    if not case.static:
        _share(made["loader"], out / target.loader.lstrip("/"))
        _share(made["libc"], out / "lib/libc.so.6")
    return out


def _share(source: Path, place: Path) -> None:
    """Link instead of copying: the same few files stand in hundreds of trees."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.hardlink_to(source)

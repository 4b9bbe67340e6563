"""The root tree of a cell as data: what is in it, which emulator its programs need, and how it is handed over."""

from __future__ import annotations

import json
import os
import platform
import posixpath
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from aboveboard.jail.launcher import launcher, os_bytes
from aboveboard.model.errors import JailError

OWN = "/.cell"  # what is ours in the tree; events that name it are left out
MAX_TREE = 512 << 20  # bytes of all files
MAX_ENTRIES = 60_000
FOLDERS = ("/proc", "/sys", "/dev", "/tmp", "/var", "/run", "/etc", "/root", "/home", "/mnt", "/bin", "/sbin", "/usr")  # noqa: S108
BELOW = ("/var/run", "/var/log", "/var/lock", "/var/tmp", "/var/lib", "/tmp/run", "/tmp/log", "/tmp/lock")  # noqa: S108
# ELF machine numbers (System V ABI, e_machine): by class and byte order, the name that qemu-user has for it.
_EMULATORS = {
    (8, 1, 2): "mips", (8, 1, 1): "mipsel", (8, 2, 2): "mips64", (8, 2, 1): "mips64el", (40, 1, 1): "arm",
    (40, 1, 2): "armeb", (183, 2, 1): "aarch64", (183, 2, 2): "aarch64_be", (3, 1, 1): "i386", (62, 2, 1): "x86_64",
    (20, 1, 2): "ppc", (21, 2, 2): "ppc64", (21, 2, 1): "ppc64le", (243, 1, 1): "riscv32", (243, 2, 1): "riscv64",
}  # fmt: skip
_NATIVE = {"x86_64": "x86_64", "aarch64": "aarch64"}
_PT_INTERP = 3
PACKAGE = "qemu-user-static"


@dataclass(frozen=True)
class RootTree:
    """Files by absolute path with their content, modes (default 0o644, 0o755 for programs), links and empty folders.

    Paths are text as os.fsdecode gives them. A path below a link is left out when the tree is made.
    """

    files: Mapping[str, bytes]
    modes: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Read the tree of a folder, links as they are, device nodes left out; raises JailError past the bounds."""
        files: dict[str, bytes] = {}
        modes: dict[str, int] = {}
        links: dict[str, str] = {}
        folders: set[str] = set()
        size = 0
        for base, names, plain in os.walk(folder):
            for name in names + plain:
                there = Path(base, name)
                path = "/" + str(there.relative_to(folder))
                if there.is_symlink():
                    links[path] = str(there.readlink())
                elif there.is_dir():
                    folders.add(path)
                elif there.is_file():
                    size += there.stat().st_size
                    if size > MAX_TREE or len(files) > MAX_ENTRIES:
                        raise _too_large()
                    files[path] = there.read_bytes()
                    modes[path] = there.stat().st_mode & 0o777
        return cls(files, modes, links, frozenset(folders))

    def mode(self, path: str) -> int:
        """Return the mode that a file gets; set-uid bits are never made."""
        default = 0o755 if self.files[path][:4] == b"\x7fELF" or self.files[path][:2] == b"#!" else 0o644
        return (self.modes.get(path, default) & 0o777) | 0o400

    def resolve(self, path: str) -> str:
        """Return where a path leads after the links of the tree (as chroot(2) would), also where nothing is there."""
        pending, here, steps = [part for part in path.split("/") if part][::-1], "/", 0
        while pending and steps < 200:
            steps += 1
            part = pending.pop()
            if part in (".", ".."):
                here = posixpath.dirname(here) if part == ".." else here
                continue
            target = self.links.get(posixpath.join(here, part))
            if target is None:
                here = posixpath.join(here, part)
                continue
            here = "/" if target.startswith("/") else here
            pending += [one for one in target.split("/") if one][::-1]
        return here

    def content(self, path: str) -> bytes | None:
        """Return the file that a path leads to."""
        return self.files.get(self.resolve(path))

    def with_files(self, files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> RootTree:
        """Return the tree with more files; those that are there stay."""
        added = {path: data for path, data in files.items() if self.content(path) is None and path not in self.links}
        return replace(self, files={**self.files, **added}, modes={**(modes or {}), **self.modes})


def emulator_of(data: bytes) -> str | None:
    """Return which emulator an ELF file needs here: its name, `` for none, None where it cannot be run at all."""
    if data[:4] != b"\x7fELF" or len(data) < 52 or data[5] not in (1, 2):
        return None
    machine = int.from_bytes(data[18:20], "big" if data[5] == 2 else "little")
    name = _EMULATORS.get((machine, data[4], data[5]))
    return "" if name is not None and name == _NATIVE.get(platform.machine()) else name


def is_program(data: bytes) -> bool:
    """Tell whether an ELF file can be started: ET_EXEC, or ET_DYN with an interpreter or an entry and no soname."""
    if data[:4] != b"\x7fELF" or len(data) < 64 or data[5] not in (1, 2):
        return False
    order = "big" if data[5] == 2 else "little"
    kind = int.from_bytes(data[16:18], "big" if data[5] == 2 else "little")
    wide = data[4] == 2
    start = int.from_bytes(data[32:40] if wide else data[28:32], "big" if order == "big" else "little")
    at = 54 if wide else 42
    size = int.from_bytes(data[at : at + 2], "big" if order == "big" else "little")
    count = int.from_bytes(data[at + 2 : at + 4], "big" if order == "big" else "little")
    types = [
        int.from_bytes(data[place : place + 4], "big" if order == "big" else "little")
        for place in range(start, start + size * min(count, 64), max(size, 1))
    ]
    return kind == 2 or (kind == 3 and _PT_INTERP in types)


def find_emulator(name: str) -> Path | None:
    """Return the static qemu-user of that name on this machine."""
    found = shutil.which(f"qemu-{name}-static")
    return Path(found) if found else None


def made_runnable(tree: RootTree) -> tuple[RootTree, dict[str, str]]:
    """Return the tree with launchers in the place of foreign programs, and why some cannot be run, by emulator."""
    files: dict[str, bytes] = {}
    modes = dict(tree.modes)
    emulators: dict[str, bytes | None] = {}
    missing: dict[str, str] = {}
    for path, data in tree.files.items():
        # The C library and the loader can be started, too, but are loaded by programs: they stay as they are.
        is_library = ".so" in posixpath.basename(path)
        name = emulator_of(data) if is_program(data) and not is_library else ""
        if not name:
            files[path] = data
            continue
        if name not in emulators:
            found = find_emulator(name)
            emulators[name] = found.read_bytes() if found is not None else None
            if found is None:
                missing[name] = f"no emulator qemu-{name}-static (Debian package {PACKAGE})"
        if emulators[name] is None:
            files[path] = data
            continue
        real = f"{OWN}/real{path}"
        files[real] = data
        modes[real] = tree.mode(path)
        files[path] = launcher(platform.machine(), f"{OWN}/qemu-{name}", real)
        modes[path] = tree.mode(path)
    for name, emulator in emulators.items():
        if emulator is not None:
            files[f"{OWN}/qemu-{name}"] = emulator
            modes[f"{OWN}/qemu-{name}"] = 0o755
    return replace(tree, files=files, modes=modes), missing


def packed(tree: RootTree) -> int:
    """Return a memory file (memfd_create(2)) with the tree: length of the index, the index as JSON, the contents.

    Folders come before what is in them, links last, so that nothing is ever written through a link.
    """
    ours = {"/proc", "/sys", "/dev", OWN}  # always real folders, whatever the image has there
    tree = replace(tree, links={path: target for path, target in tree.links.items() if path not in ours})
    tree = replace(tree, files={path: data for path, data in tree.files.items() if path not in ours})
    entries = len(tree.files) + len(tree.links) + len(tree.folders)
    if entries > MAX_ENTRIES or sum(map(len, tree.files.values())) > MAX_TREE:
        raise _too_large()
    folders = {*tree.folders}
    for path in (*tree.files, *tree.links, *tree.folders, *BELOW):
        parent = posixpath.dirname(path)
        while parent not in ("/", ""):
            folders.add(parent)
            parent = posixpath.dirname(parent)
    folders |= {*FOLDERS, *BELOW}
    taken = {*tree.links, *tree.files}
    kept = sorted(path for path in folders if path not in taken and not _below(path, taken))
    files = [path for path in tree.files if path not in {*tree.links, *kept} and not _below(path, taken)]
    links = [path for path in tree.links if not _below(path, taken)]
    index = {
        "folders": kept,
        "files": [[path, tree.mode(path), len(tree.files[path])] for path in files],
        "links": [[path, tree.links[path]] for path in links],
    }
    written = json.dumps(index).encode()
    descriptor = os.memfd_create("tree", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as out:
        out.write(len(written).to_bytes(8, "big") + written)
        for path in files:
            out.write(tree.files[path])
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def unpack_into(descriptor: int, root: str) -> None:
    """Make a packed tree below `root`, which must be empty and the only thing in reach; raises OSError, ValueError."""
    with os.fdopen(descriptor, "rb") as source:
        index = json.loads(source.read(int.from_bytes(source.read(8), "big")))
        for path in index["folders"]:
            os.makedirs(os_bytes(root + path), 0o755, exist_ok=True)  # noqa: PTH103 - names are bytes
        for path, mode, size in index["files"]:
            out = os.open(os_bytes(root + path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
            try:
                left = memoryview(source.read(size))
                while left:
                    left = left[os.write(out, left) :]
                os.fchmod(out, mode)
            finally:
                os.close(out)
        for path, target in index["links"]:
            os.symlink(os_bytes(target), os_bytes(root + path))  # noqa: PTH211 - names are bytes


def _below(path: str, taken: set[str]) -> bool:
    """Tell whether a path cannot be made: it lies below a file or a link, or is not in its normal form."""
    if not path.startswith("/") or posixpath.normpath(path) != path or "\0" in path:
        return True
    parent = posixpath.dirname(path)
    while parent not in ("/", ""):
        if parent in taken:
            return True
        parent = posixpath.dirname(parent)
    return False


def _too_large() -> JailError:
    return JailError(
        f"a tree of more than {MAX_TREE} bytes or {MAX_ENTRIES} entries is not run", hint="run one program alone"
    )

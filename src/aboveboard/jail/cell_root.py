"""The file systems of a cell: one stage with the tree, made once, and a root of its own for each run.

The stage is a tmpfs that the nursery enters for good before it writes the first foreign name, so a link that leads
upwards leads nowhere. A run sees the tree read-only; what daemons write to (`/etc`, `/var`, `/tmp` ...) is a copy in a
tmpfs of bounded size that goes with the run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from aboveboard.jail import kernel
from aboveboard.jail.cell_limits import CellLimits
from aboveboard.jail.cell_tree import MAX_TREE, unpack_into
from aboveboard.jail.confine import keep_mounts_here

CELL_UID = 61191  # beside the parsers' own, from the range for short-lived users; owns nothing anywhere
_STAGE = "/tmp"  # noqa: S108 - only a mount point in a private namespace; nothing is written below it
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_QUIET = kernel.MS_NOSUID | kernel.MS_NODEV
# Copied for each run; /dev is made new.
WRITABLE = ("/etc", "/var", "/tmp", "/run", "/root", "/home", "/mnt", "/jffs", "/data", "/tmp_data")  # noqa: S108
_FEW = 4096  # inodes of the stage itself


class As:
    """Within it this process makes files as the cell's user, where it is root outside."""

    def __init__(self) -> None:
        self.root = os.geteuid() == 0 and not _mapped()

    def __enter__(self) -> None:
        if self.root:
            os.setegid(CELL_UID)
            os.seteuid(CELL_UID)

    def __exit__(self, *_: object) -> None:
        if self.root:
            os.seteuid(0)
            os.setegid(0)


def _mapped() -> bool:
    """Tell whether this user namespace has no such user: then its root is the user outside already."""
    return Path("/proc/self/uid_map").read_text(encoding="ascii").split() != ["0", "0", "4294967295"]


def make_stage(tree: int) -> As:
    """Enter a new stage for good and unpack the tree into `/base`; raises OSError where the kernel refuses."""
    maker = As()
    keep_mounts_here()
    owner = f",uid={CELL_UID},gid={CELL_UID}" if maker.root else ""
    kernel.mount("tmpfs", _STAGE, "tmpfs", _QUIET, f"size={MAX_TREE + (64 << 20)},mode=755,nr_inodes=200000{owner}")
    for name in ("base", "root", "scratch", "devices", "proc"):
        os.mkdir(f"{_STAGE}/{name}", 0o755)  # noqa: PTH102 - this file speaks to the kernel in its own words
    for name in _DEVICES:
        Path(f"{_STAGE}/devices/{name}").touch()
        kernel.mount(f"/dev/{name}", f"{_STAGE}/devices/{name}", "", kernel.MS_BIND)
    if not maker.root:  # a user namespace may mount a new /proc only where it sees a whole one (mount_namespaces(7))
        os.mkdir(f"{_STAGE}/old", 0o755)  # noqa: PTH102
        kernel.mount("/proc", f"{_STAGE}/old", "", kernel.MS_BIND | kernel.MS_REC)
    kernel.enter_root(_STAGE)
    if maker.root:
        os.chown("/base", CELL_UID, CELL_UID)
    with maker:
        unpack_into(tree, "/base")
    return maker


def make_root(limits: CellLimits, maker: As) -> int:
    """Make the root of one run and enter it; return a descriptor of its writable /proc. Raises OSError."""
    kernel.mount("/base", "/root", "", kernel.MS_BIND)
    kernel.mount("none", "/root", "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _QUIET)
    owner = f",uid={CELL_UID},gid={CELL_UID}" if maker.root else ""
    kernel.mount("tmpfs", "/scratch", "tmpfs", _QUIET, f"size={limits.folder},mode=755,nr_inodes=20000{owner}")
    for path in WRITABLE:
        source = f"/base{path}"
        if os.path.islink(source) or not os.path.isdir(source):  # noqa: PTH112, PTH114
            continue
        copy = f"/scratch/{path.strip('/')}"
        with maker:
            shutil.copytree(source, copy, symlinks=True)
        kernel.mount(copy, f"/root{path}", "", kernel.MS_BIND)
    _make_devices(maker)
    kernel.mount("proc", "/proc", "proc", _QUIET | kernel.MS_NOEXEC)
    kept = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    kernel.mount("/proc", "/root/proc", "", kernel.MS_BIND)
    kernel.mount(
        "none", "/root/proc", "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _QUIET | kernel.MS_NOEXEC
    )
    kernel.enter_root("/root")
    return kept


def _make_devices(maker: As) -> None:
    if os.path.islink("/base/dev") or not os.path.isdir("/base/dev"):  # noqa: PTH112, PTH114
        raise OSError("the tree's /dev is no folder")
    with maker:
        os.mkdir("/scratch/dev", 0o755)  # noqa: PTH102
        os.mkdir("/scratch/dev/shm", 0o777)  # noqa: PTH102
        for name in _DEVICES:
            Path(f"/scratch/dev/{name}").touch()
        os.symlink("/proc/self/fd", "/scratch/dev/fd")  # noqa: PTH211
        os.symlink("null", "/scratch/dev/console")  # noqa: PTH211
    kernel.mount("/scratch/dev", "/root/dev", "", kernel.MS_BIND)
    for name in _DEVICES:
        kernel.mount(f"/devices/{name}", f"/root/dev/{name}", "", kernel.MS_BIND)

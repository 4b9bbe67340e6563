"""Confining this process, for good, before it reads a single foreign byte.

The parser's jail: a user of its own, no network, an empty root with one writable folder (a tmpfs of bounded size), no new
privileges, no capabilities, a system-call filter, limits on memory, work and files. The tools' jail has the system's
`/usr` beside it, read-only, so that extractors run. Each step raises OSError where the kernel refuses; the caller ends.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path

from aboveboard.jail import kernel, syscalls
from aboveboard.jail.limits import Limits

JAIL_UID = 61190  # from the range for short-lived users (systemd: 61184 to 65519); owns nothing anywhere
NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
_STAGE = "/tmp"  # noqa: S108 - only a mount point in a private namespace; nothing is written below it
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
MAX_DEPTH = 64  # directories above a chroot
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


def leave_namespaces() -> None:
    """Step 1, in the outer process: new namespaces; its next child is the first process of the new PID namespace."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        kernel.unshare(NAMESPACES)
        return
    kernel.unshare(NAMESPACES | kernel.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{JAIL_UID} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{JAIL_UID} {gid} 1", encoding="ascii")


def confine(limits: Limits, *, tools: bool) -> None:
    """Steps 2 to 6, in the inner process. There is no way back."""
    rules = syscalls.build(tools=tools)
    _empty_root(limits, tools=tools)  # 2: nothing of the machine in sight
    _limit(limits, tools=tools)  # 3: bounded work
    if os.geteuid() == 0:  # 4: a user that owns nothing
        os.setgroups([])
        os.setresgid(JAIL_UID, JAIL_UID, JAIL_UID)
        os.setresuid(JAIL_UID, JAIL_UID, JAIL_UID)
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)  # 5: nothing gives more
    rules.load()  # 6: and the kernel answers little


def _empty_root(limits: Limits, *, tools: bool) -> None:
    quiet = kernel.MS_NOSUID | kernel.MS_NODEV
    keep_mounts_here()
    kernel.mount("tmpfs", _STAGE, "tmpfs", quiet, "size=1m,mode=755")
    if tools:
        for path in _SYSTEM:
            _show_system(path)
        for path in _DEVICES:
            _bind(path, read_only=False)
    work = f"{_STAGE}/work"
    Path(work).mkdir()
    options = f"size={limits.folder},mode=700,uid={JAIL_UID},gid={JAIL_UID},nr_inodes=200000"
    kernel.mount("tmpfs", work, "tmpfs", quiet | kernel.MS_NOEXEC, options)
    kernel.mount("none", _STAGE, "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | quiet)
    kernel.enter_root(_STAGE)
    os.chdir("/work")
    os.environ.clear()
    os.environ.update({"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/work", "TMPDIR": "/work", "LC_ALL": "C.UTF-8"})


def keep_mounts_here() -> None:
    """Make every mount of this namespace private, so that none of ours is seen outside of it (mount_namespaces(7))."""
    try:
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Inside a chroot the root is no mount point. Step out to the one that is, make that private, make the old root a
        # mount of its own and step back in: chroot(2) bounds path names, not a process that may call it, and this one
        # gives up that right for good below.
        inside = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        os.chroot(_STAGE)
        os.fchdir(inside)
        for _ in range(MAX_DEPTH):
            os.chdir("..")
        os.chroot(".")
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        os.fchdir(inside)
        os.close(inside)
        here = os.getcwd()  # noqa: PTH109 - the path as it is from the outer root
        kernel.mount(here, here, "", kernel.MS_BIND | kernel.MS_REC)
        os.chdir(here)
        os.chroot(".")


def _show_system(path: str) -> None:
    here = Path(path)
    if here.is_symlink():
        Path(_STAGE + path).symlink_to(here.readlink())
    elif here.exists():
        _bind(path, read_only=True)


def _bind(path: str, *, read_only: bool) -> None:
    target = Path(_STAGE + path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(path).is_dir():
        target.mkdir()
    else:
        target.touch()
    kernel.mount(path, str(target), "", kernel.MS_BIND)
    if read_only:
        flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("none", str(target), "", flags)


def _limit(limits: Limits, *, tools: bool) -> None:
    for what, bound in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.folder),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 256 if tools else 0),
    ):
        resource.setrlimit(what, (bound, bound))

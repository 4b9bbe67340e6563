"""The few system calls that Python 3.11 does not offer, through the C library; each raises OSError."""

from __future__ import annotations

import ctypes
import errno
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _number(table: dict[str, int], what: str) -> int:
    number = table.get(platform.machine())
    if number is None:
        raise OSError(f"{what} is not known on {platform.machine()}")
    return number


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` names (unshare(2))."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, filesystem: str, flags: int, data: str = "") -> None:
    """Mount, bind or change a mount (mount(2))."""
    _check(
        _libc.mount(source.encode(), target.encode(), filesystem.encode(), ctypes.c_ulong(flags), data.encode()),
        f"mount {target}",
    )


def enter_root(path: str) -> None:
    """Make `path` the root and let go of the old one (pivot_root(2), section Notes: the same path twice)."""
    os.chdir(path)
    _check(_libc.syscall(_number(_PIVOT_ROOT, "pivot_root"), b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process (prctl(2))."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def drop_capabilities() -> None:
    """Give up every capability for good (capset(2)); the bounding set no longer matters without exec of set-uid files."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _check(_libc.syscall(_number(_CAPSET, "capset"), header, data), "capset")


def drop_bounding_set() -> None:
    """Take every capability out of the bounding set (capabilities(7)), so that no exec can give one."""
    last = 63
    for capability in range(last + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno != errno.EINVAL:  # past the last that this kernel knows
                raise
            return


def filter_with_listener(program: bytes) -> int:
    """Load a filter (classic BPF, struct sock_filter each) for good; return the listener of its watched calls.

    seccomp(2), SECCOMP_SET_MODE_FILTER with SECCOMP_FILTER_FLAG_NEW_LISTENER; where the kernel knows it (5.19) also
    WAIT_KILLABLE_RECV, so that a signal does not make a call that was seen start again.
    """
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    given = Program(len(program) // 8, ctypes.addressof(code))
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):
        number = _libc.syscall(_number(_SECCOMP, "seccomp"), 1, ctypes.c_ulong(flags), ctypes.byref(given))
        if number >= 0:
            return int(number)
    error = ctypes.get_errno()
    raise OSError(error, f"seccomp: {os.strerror(error)}")

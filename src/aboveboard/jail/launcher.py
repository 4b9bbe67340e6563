"""A launcher: a tiny program of this machine in the place of a foreign one, so that exec of it works inside a cell.

The kernel runs a program of another machine only where binfmt_misc(5) is set up, which is one setting of the whole system
before Linux 6.7. So each foreign program of a tree moves to `/.cell/real/...`, and a launcher takes its place that runs
`qemu-user -0 ARGV0 REAL ARGUMENTS...` with the environment as it was. Source of the code bytes, x86-64 (System V ABI,
AMD64 supplement, section 3.4.1, the stack at start) and AArch64 alike:

    new argv below the stack: QEMU, "-0", argv[0], REAL, argv[1] ... NULL; execve(QEMU, new argv, envp); exit(127)

The three texts follow the code, each ended by NUL.
"""

from __future__ import annotations

import struct

_LOAD = 0x400000
_HEADERS = 64 + 56
_CODE = {
    "x86_64": (
        62,
        "488b0c24488d742408488d54cc10488d1ccd400000004989e04929d84983e0f04c89c4488d05540000004989004889c74d31c9803800488d4001"
        "75f749894008803800488d400175f749894018488b06498940104989fa498d78204883c608fcf348a54c89c64c89d7b83b0000000f05bf7f0000"
        "00b83c0000000f050f0b",
    ),
    "aarch64": (
        183,
        "e10340f9e2230091430c018b6320009124200091e56f24cba5ec7c92bf00009100030010a00000f9e60300aac7144038e7ffff35a60400f9c714"
        "4038e7ffff35a60c00f9478440f8a70800f9a6800091a10000b4478440f8c78400f8210400d1fcffff17e10305aae20303aaa81b80d2010000d4"
        "e00f80d2a80b80d2010000d4",
    ),
}


def launcher(host: str, emulator: str, real: str) -> bytes:
    """Return a program for `host` (`x86_64` or `aarch64`) that runs `real` under `emulator`; both are paths in the cell.

    Raises KeyError for another host, ValueError for a path that holds NUL.
    """
    machine, code = _CODE[host]
    if "\0" in emulator + real:
        raise ValueError("a path holds NUL")
    body = bytes.fromhex(code) + b"".join(os_bytes(text) + b"\0" for text in (emulator, "-0", real))
    return _program(machine, body)


def os_bytes(text: str) -> bytes:
    """Return a path of a tree as the bytes that the kernel is given."""
    return text.encode("utf-8", "surrogateescape")


# Exit with 0 (exit_group is not needed: one thread).
_QUIET = {"x86_64": (62, "31ffb83c0000000f05"), "aarch64": (183, "000080d2a80b80d2010000d4")}


def stand_in(host: str) -> bytes:
    """Return a program that does nothing and ends well, for a command that the tree lacks; raises KeyError."""
    machine, code = _QUIET[host]
    return _program(machine, bytes.fromhex(code))


def _program(machine: int, body: bytes) -> bytes:
    size = _HEADERS + len(body)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _LOAD + _HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOAD, _LOAD, size, size, 0x1000)
    return identity + header + segment + body

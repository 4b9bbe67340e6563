"""Calls of the Linux kernel, by their instruction and number.

Sources: syscall(2); the tables of the kernel (arch/x86/entry/syscalls, arch/arm/tools/syscall.tbl, arch/mips/kernel/
syscalls, include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

from collections.abc import Mapping

from aboveboard.readers.code.machines import Machine
from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.values import Value

_INSTRUCTIONS = {
    "x86-64": (b"\x0f\x05",),
    "x86": (b"\xcd\x80", b"\x65\xff\x15\x10\0\0\0"),
    "mips": (b"\x0c\0\0\0", b"\0\0\0\x0c"),
    "arm": (b"\0\0\0\xef", b"\0\xdf"),
    "aarch64": (b"\x01\0\0\xd4",),
}
# machine -> register of the number, registers of the arguments
_REGISTERS = {
    "x86-64": ("RAX", ("RDI", "RSI", "RDX", "R10", "R8", "R9")),
    "x86": ("EAX", ("EBX", "ECX", "EDX", "ESI", "EDI", "EBP")),
    "mips": ("v0", ("a0", "a1", "a2", "a3")),
    "arm": ("r7", ("r0", "r1", "r2", "r3", "r4", "r5")),
    "aarch64": ("x8", ("x0", "x1", "x2", "x3", "x4", "x5")),
}
# name -> number on x86-64, i386, MIPS o32 (from 4000), ARM, and the generic table of AArch64; -1 where there is none
_NUMBERS = {
    "read": (0, 3, 3, 3, 63),
    "write": (1, 4, 4, 4, 64),
    "open": (2, 5, 5, 5, -1),
    "openat": (257, 295, 288, 322, 56),
    "close": (3, 6, 6, 6, 57),
    "socket": (41, 359, 183, 281, 198),
    "connect": (42, 362, 170, 283, 203),
    "accept": (43, -1, 168, 285, 202),
    "accept4": (288, 364, 334, 366, 242),
    "sendto": (44, 369, 180, 290, 206),
    "recvfrom": (45, 371, 176, 292, 207),
    "bind": (49, 361, 169, 282, 200),
    "listen": (50, 363, 174, 284, 201),
    "execve": (59, 11, 11, 11, 221),
    "kill": (62, 37, 37, 37, 129),
    "rename": (82, 38, 38, 38, -1),
    "mkdir": (83, 39, 39, 39, -1),
    "rmdir": (84, 40, 40, 40, -1),
    "unlink": (87, 10, 10, 10, -1),
    "unlinkat": (263, 301, 294, 328, 35),
    "chmod": (90, 15, 15, 15, -1),
    "ptrace": (101, 26, 26, 26, 117),
    "setuid": (105, 213, 23, 213, 146),
    "setgid": (106, 214, 46, 214, 144),
    "setreuid": (113, 203, 70, 203, 145),
    "setresuid": (117, 208, 185, 208, 147),
    "mount": (165, 21, 21, 21, 40),
    "reboot": (169, 88, 88, 88, 142),
    "init_module": (175, 128, 128, 128, 105),
    "dup2": (33, 63, 63, 63, -1),
    "socketcall": (-1, 102, 102, -1, -1),
}
_ORDER = ("x86-64", "x86", "mips", "arm", "aarch64")
_NAMES: dict[str, dict[int, str]] = {
    machine: {
        numbers[place] + (4000 if machine == "mips" else 0): name
        for name, numbers in _NUMBERS.items()
        if numbers[place] >= 0
    }
    for place, machine in enumerate(_ORDER)
}
_SOCKET_CALLS = {1: "socket", 2: "bind", 3: "connect", 4: "listen", 5: "accept", 10: "recv", 12: "recvfrom"}


def at(
    raw: bytes, elf: Elf, machine: Machine, registers: Mapping[int, Value]
) -> tuple[str, tuple[Value | None, ...]] | None:
    """Return the name and the arguments of a call of the kernel, or None for another instruction or an unknown number."""
    if raw not in _INSTRUCTIONS.get(elf.machine, ()):
        return None
    number, arguments = _REGISTERS[elf.machine]
    places = machine.registers
    value = registers.get(places[number])
    name = _NAMES[elf.machine].get(value) if type(value) is int else None
    if name is None:
        return None
    given = tuple(registers.get(places[one]) for one in arguments)
    if name == "socketcall":
        which = _SOCKET_CALLS.get(given[0]) if type(given[0]) is int else None
        return (which, (None,) * 6) if which is not None else None
    return name, given

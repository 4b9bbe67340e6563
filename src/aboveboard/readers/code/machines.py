"""What the evaluator must know of each machine: SLEIGH language, registers and the calling convention.

Sources: the processor supplements of the System V ABI (MIPS o32, i386, x86-64), the ARM and AArch64 procedure call
standards, and the language files of Ghidra as pypcode ships them. The files are read when this module is imported: inside
the jail there is none. They become a context on first use, through the one folder that a confined process may write to.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypcode
from pypcode import pypcode_native

_FOLDER = Path(pypcode.__file__).parent / "processors"


@dataclass(frozen=True, slots=True)
class Convention:
    """Registers by their SLEIGH names. `stack` is where the first argument on the stack lies, from the stack pointer."""

    word: int
    sp: str
    arguments: tuple[str, ...]
    result: str
    kept: tuple[str, ...]
    stack: int
    return_slot: bool = False  # the call pushes the address to return to
    function_register: str = ""  # holds the address of the called function
    pinned: str = ""  # holds the base of the table of addresses throughout


def _numbered(prefix: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(first, last + 1))


_MIPS = Convention(4, "sp", _numbered("a", 0, 3), "v0", (*_numbered("s", 0, 8), "gp", "sp", "ra"), 16, False, "t9", "gp")
_ARM = Convention(4, "sp", _numbered("r", 0, 3), "r0", (*_numbered("r", 4, 11), "sp"), 0)
_A64 = Convention(8, "sp", _numbered("x", 0, 7), "x0", (*_numbered("x", 19, 30), "sp"), 0)
_X86 = Convention(4, "ESP", (), "EAX", ("EBX", "ESI", "EDI", "EBP", "ESP"), 0, True)
_X64 = Convention(
    8,
    "RSP",
    ("RDI", "RSI", "RDX", "RCX", "R8", "R9"),
    "RAX",
    ("RBX", "RBP", "R12", "R13", "R14", "R15", "RSP"),
    0,
    True,
)

# mode -> processor, language file without byte order, settings file, convention, settings on top of the file's
_MODES: dict[str, tuple[str, str, str, Convention, dict[str, int]]] = {
    "mips": ("MIPS", "mips32{}", "mips32.pspec", _MIPS, {}),
    "mips16": ("MIPS", "mips32{}", "mips32.pspec", _MIPS, {"ISA_MODE": 1, "RELP": 1}),
    "arm": ("ARM", "ARM8_{}", "ARMt.pspec", _ARM, {"TMode": 0}),
    "thumb": ("ARM", "ARM8_{}", "ARMt.pspec", _ARM, {"TMode": 1}),
    "aarch64": ("AARCH64", "AARCH64", "AARCH64.pspec", _A64, {}),
    "x86": ("x86", "x86", "x86.pspec", _X86, {}),
    "x86-64": ("x86", "x86-64", "x86-64.pspec", _X64, {}),
}


def _files() -> dict[str, bytes]:
    """Return the language files that are used, by name; about 2 MB."""
    names: set[str] = set()
    for processor, language, settings, _, _ in _MODES.values():
        folder = f"{processor}/data/languages/"
        names |= {folder + language.format(order) + ".sla" for order in ("be", "le")} | {folder + settings}
    return {name: (_FOLDER / name).read_bytes() for name in sorted(names)}


_FILES = _files()


class Machine:
    """A mode of a machine, ready to translate."""

    def __init__(self, mode: str, *, big: bool) -> None:
        convention = _MODES[mode][3]
        self.mode = mode
        self.big = big
        self.convention = convention
        self.context: Any = _context(mode, big=big)
        self._free = _WINDOWS[0]
        # Only where the bytes of an instruction say all: no IT blocks, nothing far from the program counter.
        self.kept_operations: dict[bytes, Any] | None = {} if mode in ("mips", "mips16") else None
        self.kept_tests: dict[bytes, Any] | None = {} if mode in ("mips", "mips16") else None
        self.flags = 0x200 if mode in ("x86", "x86-64") else 0  # one-byte registers from here on are conditions
        registers = {name: node.offset for node, name in self.context.getAllRegisters().items()}
        self.registers = registers
        self.ignored = frozenset(registers[name] for name in ("PF", "AF") if name in registers)
        self.sp = registers[convention.sp]
        self.arguments = tuple(registers[name] for name in convention.arguments)
        self.direction = registers.get("DF", -1)
        # Between functions of one file, compilers for i386 pass arguments in registers: these come after the eighth.
        self.local = tuple(registers[name] for name in ("EAX", "EDX", "ECX")) if mode == "x86" else ()
        self.local_arguments = 8 + len(self.local) if self.local else 4
        self.result = registers[convention.result]
        self.kept = frozenset(registers[name] for name in convention.kept)
        self.by_number = {name: registers[name] for name in _X86_ORDER if name in registers}
        self.function_register = registers.get(convention.function_register)
        self.pinned = registers.get(convention.pinned)
        self.link = next((registers[name] for name in ("ra", "lr", "x30") if name in registers), None)

    def window(self, address: int, size: int) -> int:
        """Return the address at which code of `address` is to be translated: its own, or one that was never used.

        SLEIGH remembers settings by address (a MIPS16 prefix, an IT block of Thumb, the instruction set), so code of one
        file would change how code of the next is read.
        """
        if self.mode not in _PROBES:
            return address
        room = (size + 0xFFFF & ~0xFFFF) + 0x20000
        if self._free + room > _WINDOWS[1] or not self._is_clean(self._free):
            self.context = _context(self.mode, big=self.big)
            self._free = _WINDOWS[0]
        base = self._free + 0x10000 + (address & 0xFFFF)
        self._free += room
        return base

    def _is_clean(self, address: int) -> bool:
        probe = _PROBES[self.mode]
        found = self.context.translate((probe if self.big else probe[::-1]) + bytes(4), address, max_instructions=1)
        return bool(found.ops[0].inputs[0].size == len(probe))  # in the other set it has another length


_WINDOWS = (0x90000000, 0xF0000000)
_PROBES = {"mips16": b"\x65\x00", "thumb": b"\xbf\x00", "arm": b"\xe1\xa0\x00\x00"}  # these do nothing
_X86_ORDER = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
_ready: dict[tuple[str, bool], Machine] = {}


def machine(mode: str, *, big: bool) -> Machine:
    """Return the machine, made once in each process."""
    if (mode, big) not in _ready:
        _ready[(mode, big)] = Machine(mode, big=big)
    return _ready[(mode, big)]


def _context(mode: str, *, big: bool) -> Any:
    processor, language, settings, _, extra = _MODES[mode]
    folder = f"{processor}/data/languages/"
    context = _load(folder + language.format("be" if big else "le") + ".sla")
    for name, value in {**_settings(_FILES[folder + settings]), **extra}.items():
        with contextlib.suppress(pypcode_native.LowlevelError):  # a setting that this edition has not
            context.setVariableDefault(name, value)
    return context


def _load(name: str) -> Any:
    path = _FOLDER / name
    if path.exists():
        return pypcode_native.Context(f"<sleigh>{path}</sleigh>")
    copy = Path(f"language-{os.getpid()}.sla")  # confined: the working folder is the one that can be written to
    copy.write_bytes(_FILES[name])
    try:
        return pypcode_native.Context(f"<sleigh>{copy}</sleigh>")
    finally:
        copy.unlink()


def _settings(raw: bytes) -> dict[str, int]:
    """Return the context variables that a processor specification sets."""
    root = ElementTree.fromstring(raw)  # noqa: S314 - a file of pypcode, not a foreign one
    return {one.attrib["name"]: int(one.attrib["val"], 0) for one in root.iterfind("context_data/context_set/set")}

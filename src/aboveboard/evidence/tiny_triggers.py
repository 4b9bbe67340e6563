"""Tiny ELF programs with a trigger, assembled by hand: known answers for the search for hidden triggers.

Each receives 64 bytes from a socket, compares them with a constant text and runs a constant command where they are the
same. Sources as in `tiny_programs`.
"""

from __future__ import annotations

import struct

from aboveboard.evidence.tiny_programs import SECOND_TEXT, SLOTS, TEXT, assembled, stubs_aarch64, stubs_arm, through

CONSTANT = "planted-Q7"
_IMPORTS = ("recv", "strcmp", "system")
_ROOM = 64  # bytes of the buffer


def tiny_trigger(machine: str) -> bytes:
    """Return the program for `mips`, `mipsel`, `arm`, `aarch64`, `x86` or `x86-64`."""
    return assembled(machine, _IMPORTS, _CODE[machine](), CONSTANT.encode() + b"\0")


def _mips(order: str) -> bytes:
    load = [0x8F990000 | (8 + 4 * number - 0x7FF0) & 0xFFFF for number in range(3)]  # lw t9, slot(gp)
    call = 0x0320F809
    words = (
        *(0x27BDFFA0, load[0], 0x24040000, 0x27A50018, 0x24060000 | _ROOM, call, 0x24070000),  # recv(0, buffer, 64, 0)
        *(load[1], 0x27A40018, 0x3C050000 | SECOND_TEXT >> 16, call, 0x34A50000 | SECOND_TEXT & 0xFFFF),  # strcmp
        *(0x14400006, 0, 0x3C040000 | TEXT >> 16, load[2], 0x34840000 | TEXT & 0xFFFF, call, 0),  # system(command)
        *(0x03E00008, 0x27BD0060),
    )
    return struct.pack(f"{order}{len(words)}I", *words)


def _x86_64() -> bytes:
    code = b"\xf3\x0f\x1e\xfa\x55\x48\x83\xec\x60\x48\x89\xe6\x31\xff\xba" + struct.pack("<I", _ROOM) + b"\x31\xc9"
    code += through(code, 0) + b"\x48\x89\xe7\xbe" + struct.pack("<I", SECOND_TEXT)
    code += through(code, 1) + b"\x85\xc0\x75\x0b\xbf" + struct.pack("<I", TEXT)
    return code + through(code, 2) + b"\x48\x83\xc4\x60\x5d\xc3"


def _x86() -> bytes:
    call = [b"\xff\x15" + struct.pack("<I", slot) for slot in SLOTS]
    code = b"\x55\x89\xe5\x83\xec\x60\x8d\x45\xc0\x6a\0\x6a" + bytes([_ROOM]) + b"\x50\x6a\0" + call[0]
    code += b"\x83\xc4\x10\x8d\x45\xc0\x68" + struct.pack("<I", SECOND_TEXT) + b"\x50" + call[1]
    code += b"\x83\xc4\x08\x85\xc0\x75\x0e\x68" + struct.pack("<I", TEXT) + call[2]
    return code + b"\x83\xc4\x04\xc9\xc3"


def _aarch64() -> bytes:
    stubs = stubs_aarch64()
    code = [
        0xA9BF7BFD,
        0xD10103FF,
        0x52800000,
        0x910003E1,
        0x52800002 | _ROOM << 5,
        0x52800003,
        0,
    ]  # recv(0, buffer, 64, 0)
    code += [0x910003E0, 0xD2800001 | (SECOND_TEXT & 0xFFFF) << 5, 0xF2A00001 | (SECOND_TEXT >> 16) << 5, 0]  # strcmp
    code += [0x35000080, 0xD2800000 | (TEXT & 0xFFFF) << 5, 0xF2A00000 | (TEXT >> 16) << 5, 0]  # cbnz; system(command)
    code += [0x910103FF, 0xA8C17BFD, 0xD65F03C0]
    for number, at in enumerate((6, 10, 14)):
        code[at] = 0x94000000 | (4 * number - len(stubs) - at) & 0x3FFFFFF
    return struct.pack(f"<{len(stubs) + len(code)}I", *stubs, *code)


def _arm() -> bytes:
    stubs = stubs_arm()
    code = [0xE92D4010, 0xE24DD040, 0xE3A00000, 0xE1A0100D, 0xE3A02000 | _ROOM, 0xE3A03000, 0]  # recv(0, buffer, 64, 0)
    code += [0xE1A0000D, 0xE3001000 | SECOND_TEXT & 0xFFF, 0xE3401000 | SECOND_TEXT >> 16, 0]  # strcmp(buffer, constant)
    code += [0xE3500000, 0x1A000002, 0xE3000000 | TEXT & 0xFFF, 0xE3400000 | TEXT >> 16, 0]  # system(command)
    code += [0xE28DD040, 0xE8BD8010]
    for number, at in enumerate((6, 10, 15)):
        code[at] = 0xEB000000 | (3 * number - len(stubs) - at - 2) & 0xFFFFFF
    return struct.pack(f"<{len(stubs) + len(code)}I", *stubs, *code)


_CODE = {
    "mips": lambda: _mips(">"),
    "mipsel": lambda: _mips("<"),
    "arm": _arm,
    "aarch64": _aarch64,
    "x86": _x86,
    "x86-64": _x86_64,
}

"""Tiny ELF programs, assembled by hand: known answers for collectors that read code.

Each opens a stream socket, binds a constant address and runs a constant command. The file has program headers, a dynamic
section, symbols and relocations, and no section headers (System V ABI, chapters 4 and 5, and processor supplements).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

PORT = 4660
COMMAND = "/bin/planted -l"
_IMPORTS = ("socket", "bind", "system")
_BASE, _CODE, _DATA, _TABLE = 0x10000, 0x400, 0x600, 0x1000  # offsets in the file; addresses are _BASE further on
_ADDRESS, TEXT, SECOND_TEXT = _BASE + _DATA, _BASE + _DATA + 32, _BASE + _DATA + 96
SLOTS = tuple(_BASE + _TABLE + 16 + 8 * number for number in range(3))


@dataclass(frozen=True)
class _Kind:
    number: int
    bits: int
    big: bool
    slot_relocation: int
    code: Callable[[], bytes]


def tiny_program(machine: str) -> bytes:
    """Return the program for `mips`, `mipsel`, `arm`, `aarch64`, `x86` or `x86-64`."""
    return assembled(machine, _IMPORTS, _KINDS[machine].code())


def assembled(machine: str, imports: tuple[str, str, str], code: bytes, text: bytes = b"") -> bytes:
    """Return a program of three imports and a piece of code; `text` lies at SECOND_TEXT, a command at TEXT."""
    kind = _KINDS[machine]
    order, wide = ">" if kind.big else "<", kind.bits == 64
    image = bytearray(_TABLE + 64)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in imports)
    symbols = _symbols(order, imports, wide=wide)
    places = {"symbols": 0x200, "names": 0x280, "relocations": 0x2C0}
    image[places["symbols"] : places["symbols"] + len(symbols)] = symbols
    image[places["names"] : places["names"] + len(names)] = names
    relocations = b"" if machine.startswith("mips") else _relocations(order, kind, wide=wide)
    image[places["relocations"] : places["relocations"] + len(relocations)] = relocations
    word = "Q" if wide else "I"
    tags = {5: _BASE + places["names"], 10: len(names), 6: _BASE + places["symbols"], 3: _BASE + _TABLE}
    tags |= {7 if wide else 17: _BASE + places["relocations"], 8 if wide else 18: len(relocations)}
    if machine.startswith("mips"):
        tags |= {0x7000000A: 2, 0x70000011: 4, 0x70000013: 1}
    dynamic = b"".join(struct.pack(f"{order}2{word}", *pair) for pair in (*tags.items(), (0, 0)))
    image[0x320 : 0x320 + len(dynamic)] = dynamic
    image[SECOND_TEXT - _BASE : SECOND_TEXT - _BASE + len(text)] = text
    image[_CODE : _CODE + len(code)] = code
    image[_DATA : _DATA + 8] = struct.pack(order + "H", 2) + struct.pack(">H", PORT) + bytes(4)
    image[_DATA + 32 : _DATA + 33 + len(COMMAND)] = COMMAND.encode() + b"\0"
    image[0:0x200] = _headers(order, kind, len(dynamic), wide=wide).ljust(0x200, b"\0")
    return bytes(image)


def _headers(order: str, kind: _Kind, dynamic: int, *, wide: bool) -> bytes:
    identity = b"\x7fELF" + bytes([2 if wide else 1, 2 if kind.big else 1, 1]) + bytes(9)
    size, each = (64, 56) if wide else (52, 32)
    rest = struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        *(2, kind.number, 1, _BASE + _CODE, size, 0, 0, size, each, 4, 0, 0, 0),
    )
    path = 0x1F0
    parts = [(3, 4, path, 8), (1, 5, 0, _TABLE), (1, 6, _TABLE, 64), (2, 4, 0x320, dynamic)]
    table = b""
    for kind_of, flags, offset, length in parts:
        address = _BASE + offset
        if wide:
            table += struct.pack(order + "IIQQQQQQ", kind_of, flags, offset, address, address, length, length, 4)
        else:
            table += struct.pack(order + "8I", kind_of, offset, address, address, length, length, flags, 4)
    return (identity + rest + table).ljust(path, b"\0") + b"/lib/ld\0"


def _symbols(order: str, imports: tuple[str, str, str], *, wide: bool) -> bytes:
    found, name = bytes(24 if wide else 16), 1
    for one in imports:
        found += (
            struct.pack(order + "IBBHQQ", name, 0x12, 0, 0, 0, 0)
            if wide
            else struct.pack(order + "IIIBBH", name, 0, 0, 0x12, 0, 0)
        )
        name += len(one) + 1
    return found


def _relocations(order: str, kind: _Kind, *, wide: bool) -> bytes:
    rows = enumerate(SLOTS, 1)
    if wide:
        return b"".join(struct.pack(order + "QQq", slot, index << 32 | kind.slot_relocation, 0) for index, slot in rows)
    return b"".join(struct.pack(order + "II", slot, index << 8 | kind.slot_relocation) for index, slot in rows)


def _mips(order: str) -> bytes:
    load = [
        0x8F990000 | (8 + 4 * number - 0x7FF0) & 0xFFFF for number in range(3)
    ]  # lw t9, slot(gp): two local entries first
    call, high = 0x0320F809, _BASE >> 16
    words = (
        *(0x27BDFFE0, load[0], 0x24040002, 0x24050002, call, 0x24060000),  # socket(AF_INET, SOCK_STREAM, 0)
        *(0x00402025, 0x3C050000 | high, 0x34A50000 | _DATA, load[1], call, 0x24060010),  # bind(result, address, 16)
        *(0x3C040000 | high, 0x34840000 | _DATA + 32, load[2], call, 0),  # system(command)
        *(0x03E00008, 0x27BD0020),
    )
    return struct.pack(f"{order}{len(words)}I", *words)


def _x86_64() -> bytes:
    code = b"\xf3\x0f\x1e\xfa\x55\xbf\x02\0\0\0\xbe\x01\0\0\0\x31\xd2"
    code += through(code, 0) + b"\x89\xc7\xbe" + struct.pack("<I", _ADDRESS) + b"\xba\x10\0\0\0"
    code += through(code, 1) + b"\xbf" + struct.pack("<I", TEXT)
    return code + through(code, 2) + b"\x5d\xc3"


def through(before: bytes, number: int) -> bytes:
    """Return `call *slot(%rip)` behind the code before it."""
    return b"\xff\x15" + struct.pack("<i", SLOTS[number] - (_BASE + _CODE + len(before) + 6))


def _x86() -> bytes:
    call = [b"\xff\x15" + struct.pack("<I", slot) for slot in SLOTS]
    code = b"\x55\x89\xe5\x6a\0\x6a\x01\x6a\x02" + call[0] + b"\x83\xc4\x0c"
    code += b"\x6a\x10\x68" + struct.pack("<I", _ADDRESS) + b"\x50" + call[1] + b"\x83\xc4\x0c"
    return code + b"\x68" + struct.pack("<I", TEXT) + call[2] + b"\x83\xc4\x04\xc9\xc3"


def stubs_aarch64() -> list[int]:
    """Return the words of the stubs, four for each import: adrp x16, one page on; ldr x17; add x16, x16, low; br x17."""
    found: list[int] = []
    for slot in SLOTS:
        low = slot & 0xFFF
        found += [0xB0000010, 0xF9400211 | low // 8 << 10, 0x91000210 | low << 10, 0xD61F0220]
    return found


def _aarch64() -> bytes:
    stubs = stubs_aarch64()
    stack, back = 0xA9BF7BFD, 0xA8C17BFD
    code = [stack, 0x52800040, 0x52800021, 0x52800002, 0]  # socket(AF_INET, SOCK_STREAM, 0)
    code += [0xD2800001 | _DATA << 5, 0xF2A00001 | (_BASE >> 16) << 5, 0x52800202, 0]  # bind(result, address, 16)
    code += [0xD2800000 | _DATA + 32 << 5, 0xF2A00000 | (_BASE >> 16) << 5, 0, back, 0xD65F03C0]  # system(command)
    for number, at in enumerate((4, 8, 11)):
        code[at] = 0x94000000 | (4 * number - len(stubs) - at) & 0x3FFFFFF
    return struct.pack(f"<{len(stubs) + len(code)}I", *stubs, *code)


def stubs_arm() -> list[int]:
    """Return the words of the stubs, three for each import: add ip, pc, #0; add ip, ip, #0; ldr pc, [ip, #distance]."""
    found: list[int] = []
    for slot in SLOTS:
        found += [0xE28FC600, 0xE28CCA00, 0xE5BCF000 | slot - (_BASE + _CODE + 4 * len(found) + 8)]
    return found


def _arm() -> bytes:
    stubs = stubs_arm()
    code = [0xE92D4010, 0xE3A00002, 0xE3A01001, 0xE3A02000, 0]  # socket(AF_INET, SOCK_STREAM, 0)
    code += [0xE3001000 | _DATA, 0xE3401000 | _BASE >> 16, 0xE3A02010, 0]  # bind(result, address, 16)
    code += [0xE3000000 | _DATA + 32, 0xE3400000 | _BASE >> 16, 0, 0xE8BD8010]  # system(command)
    for number, at in enumerate((4, 8, 11)):
        code[at] = 0xEB000000 | (3 * number - len(stubs) - at - 2) & 0xFFFFFF
    return struct.pack(f"<{len(stubs) + len(code)}I", *stubs, *code)


_KINDS = {
    "mips": _Kind(8, 32, True, 0, lambda: _mips(">")),
    "mipsel": _Kind(8, 32, False, 0, lambda: _mips("<")),
    "arm": _Kind(40, 32, False, 22, _arm),
    "aarch64": _Kind(183, 64, False, 1026, _aarch64),
    "x86": _Kind(3, 32, False, 7, _x86),
    "x86-64": _Kind(62, 64, False, 7, _x86_64),
}

"""Prepares a copy of code for the translator.

Calls that switch the instruction set are made to look like calls that do not: the translator would take every higher
address for the other set from then on. Long lists of floating-point registers, which overrun its memory, become nothing,
and so do paired floating-point values, of which it dies in delay slots.
"""

from __future__ import annotations

import re
import struct

from aboveboard.readers.code.machines import Machine

# pypcode 3.3.3 dies of VLDM and VSTM of no register, and from 21 single or 20 double ones on; compilers save 8 double ones.
_MOST_SINGLE, _MOST_DOUBLE = 16, 32  # in words


def prepared(text: bytes, machine: Machine) -> bytes:
    """Return the code as the translator can take it; places and lengths stay."""
    if machine.mode in ("mips", "mips16", "arm", "thumb"):
        text = _without_switching(text, machine)
    if machine.mode in ("arm", "thumb"):
        return _without_long_lists(text, machine)
    return _without_pairs(text, machine) if machine.mode == "mips" else text


def _without_pairs(text: bytes, machine: Machine) -> bytes:
    """Source: MIPS32 Architecture, volume II, instructions on paired single values (coprocessor 1, format 22)."""
    first, second = (0, 1) if machine.big else (3, 2)
    found = [
        4 * match.start()
        for match in re.finditer(rb"\x46", text[first::4])
        if 4 * match.start() + 4 <= len(text) and text[4 * match.start() + second] >> 5 == 6
    ]
    if not found:
        return text
    changed = bytearray(text)
    for at in found:
        changed[at : at + 4] = bytes(4)
    return bytes(changed)


def _without_long_lists(text: bytes, machine: Machine) -> bytes:
    """Source: ARM Architecture Reference Manual, A8.8.332 (VLDM) and A8.8.412 (VSTM), encodings T1, T2, A1 and A2."""
    changed = bytearray(text)
    is_arm, big = machine.mode == "arm", machine.big
    unit = 4 if is_arm else 2
    top = 0 if big else unit - 1
    for match in re.finditer(b"[" + _TOPS + b"]" if is_arm else rb"[\xec\xed\xfc\xfd]", text[top::unit]):
        at = unit * match.start()
        if at + 4 > len(text):
            break
        if is_arm:
            (word,) = struct.unpack_from(">I" if big else "<I", text, at)
        else:
            first, second = struct.unpack_from(">HH" if big else "<HH", text, at)
            word = first << 16 | second
        is_list = word >> 24 & 1 == 0 or word >> 21 & 1 == 1  # else it is one register, and the number a distance
        most = {10: _MOST_SINGLE, 11: _MOST_DOUBLE}.get(word >> 8 & 15)
        if is_list and most is not None and not 0 < word & 0xFF <= most:
            changed[at : at + 4] = _NOTHING[(is_arm, big)]
    return bytes(changed)


_TOPS = b"".join(re.escape(bytes([condition << 4 | kind])) for condition in range(16) for kind in (0xC, 0xD))
# `mov r0, r0`, and twice `nop`
_NOTHING = {
    (True, True): b"\xe1\xa0\0\0",
    (True, False): b"\0\0\xa0\xe1",
    (False, True): b"\xbf\0\xbf\0",
    (False, False): b"\0\xbf\0\xbf",
}


def _without_switching(text: bytes, machine: Machine) -> bytes:
    """Turn BLX and JALX with a fixed target into BL and JAL; where they lead is recognised by its address."""
    mode, order = machine.mode, ">" if machine.big else "<"
    changed = bytearray(text)
    unit = 4 if mode in ("mips", "arm") else 2
    top = unit - 1 if order == "<" else 0
    wanted = {"mips": rb"[\x74-\x77]", "mips16": rb"[\x18-\x1f]", "arm": rb"[\xfa\xfb]", "thumb": rb"[\xf0-\xf7]"}[mode]
    skipped = -1  # the second half of a long call can look like the first half of another
    for match in re.finditer(wanted, text[top::unit]):
        at = unit * match.start()
        if at + 4 > len(text):
            break
        if mode == "mips":
            (word,) = struct.unpack_from(order + "I", text, at)
            struct.pack_into(order + "I", changed, at, word & 0x03FFFFFF | 0x0C000000)
        elif mode == "arm":
            (word,) = struct.unpack_from(order + "I", text, at)
            struct.pack_into(order + "I", changed, at, word & 0x00FFFFFF | 0xEB000000)
        elif at != skipped:
            skipped = at + 2
            first, second = struct.unpack_from(order + "HH", text, at)
            if mode == "mips16":
                first &= ~0x0400
            elif second & 0xD000 == 0xC000:
                second |= 0x1000
            struct.pack_into(order + "HH", changed, at, first, second)
    return bytes(changed)

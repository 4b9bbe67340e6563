"""Writes the cases of the collector `hidden_triggers` again: PYTHONPATH=src python tests/cases/hidden_triggers/make.py"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

from aboveboard.evidence.tiny_triggers import CONSTANT, tiny_trigger

HERE = Path(__file__).parent
MACHINES = ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")
_LOAD = 52  # the first program header of a 32-bit file


def case(data: bytes, **expected: Any) -> dict[str, Any]:
    return {"files": {"/usr/sbin/program": {"base64": base64.b64encode(data).decode()}}, **expected}


def changed(data: bytes, word: int, other: int) -> bytes:
    """Return a big-endian MIPS program with one word of its code changed."""
    before, after = struct.pack(">I", word), struct.pack(">I", other)
    assert data.count(before) == 1
    return data.replace(before, after)


def cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for machine in MACHINES:
        facts = [["hidden-trigger", {"constant": CONSTANT, "alert": True, "kind": "string", "rank": 1}, "candidate"]]
        found[f"fires/{machine}"] = case(tiny_trigger(machine), facts=facts)
    whole = tiny_trigger("mips")
    scan = [["trigger-scan", {"covered": 84, "code": 4096}, "observed"]]
    # The comparison is made, and the command runs either way: the branch leads to where it would go on anyway.
    found["silent/guards_nothing"] = case(changed(whole, 0x14400006, 0x14400001), facts=scan)
    # What is received is compared with what is received: no constant.
    own = changed(changed(whole, 0x34A50000 | _low(whole), 0), 0x3C050000 | _high(whole), 0x27A50020)
    found["silent/no_constant"] = case(own, facts=scan)
    found["broken/cut"] = case(whole[:40], gaps=["damaged"])
    found["broken/counts"] = case(whole[:44] + struct.pack(">H", 0xFFFF) + whole[46:], facts=[])
    # The second segment is moved over the first one.
    moved = bytearray(whole)
    moved[_LOAD + 32 + 8 : _LOAD + 32 + 16] = moved[_LOAD + 8 : _LOAD + 16]
    found["broken/overlap"] = case(bytes(moved), facts=[])
    # The branch leads back to itself, and into its own delay slot.
    found["broken/into_itself"] = case(changed(whole, 0x14400006, 0x1440FFFF), facts=scan)
    found["broken/foreign"] = case(whole[:18] + b"\0\2" + whole[20:], gaps=["unsupported"])
    return found


def _high(data: bytes) -> int:
    return _words(data)[0x3C05]


def _low(data: bytes) -> int:
    return _words(data)[0x34A5]


def _words(data: bytes) -> dict[int, int]:
    """Return the low halves of the words of the code by their high halves."""
    return dict(struct.iter_unpack(">HH", data[0x400:0x460]))


if __name__ == "__main__":
    for name, value in cases().items():
        path = HERE / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value, indent=1) + "\n")

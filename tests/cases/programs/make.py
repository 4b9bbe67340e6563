"""Writes the cases of the collector `programs` again: PYTHONPATH=src python tests/cases/programs/make.py"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

from aboveboard.evidence.tiny_programs import COMMAND, PORT, tiny_program

HERE = Path(__file__).parent
MACHINES = ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")


def case(data: bytes, **expected: Any) -> dict[str, Any]:
    return {"files": {"/usr/sbin/program": {"base64": base64.b64encode(data).decode()}}, **expected}


def cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for machine in MACHINES:
        facts = [
            ["program", {"machine": machine.removesuffix("el"), "kind": "program", "unresolved": {}}, "observed"],
            ["listens", {"proto": "tcp", "port": PORT, "address": "0.0.0.0"}, "observed"],
            ["runs", {"command": COMMAND, "call": "system"}, "observed"],
        ]
        found[f"fires/{machine}"] = case(tiny_program(machine), facts=facts)
    whole = tiny_program("mips")
    # The same program without its code: it imports the functions and calls none of them.
    idle = whole[:0x400] + bytes(0x200) + whole[0x600:]
    facts = [["program", {"calls": ["bind", "socket", "system"], "unresolved": {}}, "observed"]]
    found["silent/imports_only"] = case(idle, facts=facts)
    found["silent/module"] = case(
        whole[:16] + b"\0\1" + whole[18:], facts=[["program", {"kind": "kernel-module"}, "observed"]]
    )
    found["broken/cut"] = case(whole[:0x500], gaps=["damaged"])
    found["broken/header"] = case(whole[:40], gaps=["damaged"])
    found["broken/counts"] = case(whole[:44] + struct.pack(">H", 0xFFFF) + whole[46:], gaps=["damaged"])
    static = whole[:36] + whole[36:52] + whole[52:].replace(struct.pack(">I", 3), struct.pack(">I", 4), 1)
    found["broken/static"] = case(static, gaps=["unresolved"])
    found["broken/foreign"] = case(whole[:18] + b"\0\2" + whole[20:], gaps=["unsupported"])
    return found


if __name__ == "__main__":
    for name, value in cases().items():
        path = HERE / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value, indent=1) + "\n")

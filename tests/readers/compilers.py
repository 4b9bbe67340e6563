"""Compiles C for the machines of routers with Debian's compilers. What is missing fails a test and names the package."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

# name -> compiler, its options, its Debian package
MACHINES = {
    "mips": ("mips-linux-gnu-gcc", (), "gcc-mips-linux-gnu"),
    "mips-plt": ("mips-linux-gnu-gcc", ("-mplt", "-mno-shared"), "gcc-mips-linux-gnu"),
    "mips16": ("mips-linux-gnu-gcc", ("-mips16",), "gcc-mips-linux-gnu"),
    "mipsel": ("mipsel-linux-gnu-gcc", (), "gcc-mipsel-linux-gnu"),
    "mips16el": ("mipsel-linux-gnu-gcc", ("-mips16",), "gcc-mipsel-linux-gnu"),
    "armel": ("arm-linux-gnueabi-gcc", (), "gcc-arm-linux-gnueabi"),
    "armhf": ("arm-linux-gnueabihf-gcc", ("-marm",), "gcc-arm-linux-gnueabihf"),
    "thumb": ("arm-linux-gnueabihf-gcc", ("-mthumb",), "gcc-arm-linux-gnueabihf"),
    "aarch64": ("aarch64-linux-gnu-gcc", (), "gcc-aarch64-linux-gnu"),
    "x86": ("i686-linux-gnu-gcc", (), "gcc-i686-linux-gnu"),
    "x86-64": ("x86_64-linux-gnu-gcc", (), "gcc-x86-64-linux-gnu"),
    "x86-64-noplt": ("x86_64-linux-gnu-gcc", ("-fno-plt", "-fcf-protection=none"), "gcc-x86-64-linux-gnu"),
}
FORMS = {"pie": ("-pie", "-fPIE"), "no-pie": ("-no-pie", "-fno-pie")}


def compile_c(source: Path, folder: Path, machine: str, *options: str) -> bytes:
    """Return the stripped program, without section headers, as routers carry it."""
    compiler, own, package = MACHINES[machine]
    if machine == "x86-64" and shutil.which(compiler) is None:
        compiler = "gcc"
    assert shutil.which(compiler), f"{compiler} is needed (Debian package {package})"
    target = folder / f"{machine}{''.join(options)}"
    subprocess.run([compiler, *own, *options, "-s", "-w", "-o", str(target), str(source)], check=True)
    return without_sections(target.read_bytes())


def without_sections(data: bytes) -> bytes:
    """Return the ELF file cut behind its last segment, with no word of its section headers."""
    order, wide = "<>"[data[5] - 1], data[4] == 2
    changed = bytearray(data)
    start, each, count = struct.unpack_from(order + ("Q14xHH" if wide else "I10xHH"), data, 32 if wide else 28)
    end = 0
    for number in range(count):
        at = start + number * each
        offset, size = (
            struct.unpack_from(order + "8xQ16xQ", data, at) if wide else struct.unpack_from(order + "4xI8xI", data, at)
        )
        end = max(end, offset + size)
    struct.pack_into(order + ("Q" if wide else "I"), changed, 40 if wide else 32, 0)
    changed[58 if wide else 46 :][:6] = bytes(6)
    struct.pack_into(order + "3H", changed, 58 if wide else 46, 0, 0, 0)
    return bytes(changed[:end])

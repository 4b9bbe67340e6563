"""What the fuzz targets begin with: small valid inputs, made here."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import fuzz_trust
import lz4.frame
import lzallright
import zstandard

from aboveboard.readers import (
    lzop,
    streams,
)

ROOT = Path(__file__).resolve().parents[1]


def seeds(name: str) -> list[bytes]:
    """Return the seeds of a target, made here."""
    return fuzz_trust.seeds(name) if name in fuzz_trust.TARGETS else _SEEDS[name]()


def _made(*commands: list[str]) -> list[bytes]:
    """Run each command (ROOT and OUT stand for a small tree and the file to make) and return what it made."""
    made = []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        (root / "etc/deep").mkdir(parents=True)
        (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n" * 9)
        (root / "etc/deep/data").write_bytes(bytes(range(256)) * 20)
        (root / "etc/link").symlink_to("passwd")
        (root / "empty").touch()
        for command in commands:
            out = Path(scratch) / "out"
            out.unlink(missing_ok=True)
            words = [word.replace("ROOT", str(root)).replace("OUT", str(out)) for word in command]
            subprocess.run(words, check=True, capture_output=True)
            made.append(out.read_bytes())
    return made


def _squashfs() -> list[bytes]:
    base = ["mksquashfs", "ROOT", "OUT", "-noappend", "-quiet", "-no-progress", "-nopad", "-b", "4096", "-comp"]
    return _made(*([*base, kind] for kind in ("gzip", "xz", "lzo", "lz4", "zstd")))


def _jffs2() -> list[bytes]:
    return _made(*(["mkfs.jffs2", "-r", "ROOT", "-o", "OUT", order, "-e", "8KiB", "-m", "size"] for order in ("-l", "-b")))


def _ext() -> list[bytes]:
    """Images of 64 KiB, so that they stay whole."""
    base = ["mke2fs", "-q", "-b", "1024", "-N", "32", "-m", "0", "-d", "ROOT"]
    forms = (
        ["-t", "ext2", "-O", "^resize_inode"],
        ["-t", "ext2", "-r", "0", "-O", "none"],
        ["-t", "ext4", "-O", "^has_journal,^resize_inode,^flex_bg"],
        ["-t", "ext4", "-O", "^has_journal,^resize_inode,^flex_bg,inline_data,meta_bg", "-I", "256"],
    )
    return _made(*([*base, *form, "OUT", "64"] for form in forms))


def _ubifs() -> list[bytes]:
    base = ["mkfs.ubifs", "-r", "ROOT", "-m", "512", "-e", "15360", "-c", "40", "-o", "OUT", "-x"]
    return _made(*([*base, kind] for kind in ("none", "lzo", "zlib")))


def _ubi() -> list[bytes]:
    config = (
        "printf '[a]\\nmode=ubi\\nimage=ROOT/etc/deep/data\\nvol_id=0\\nvol_type=dynamic\\nvol_name=a\\nvol_size=32KiB\\n'"
    )
    return _made(["sh", "-c", f"{config} >OUT.ini; ubinize -p 16384 -m 512 -o OUT OUT.ini"])


def _cpio() -> list[bytes]:
    return _made(
        *(["sh", "-c", f"cd ROOT && find . | cpio -o -H {form} --quiet >OUT"] for form in ("newc", "crc", "odc", "bin"))
    )


def _lzop(data: bytes, flags: int = 0x303) -> bytes:
    """Return an lzop file of one packed and one stored block, each with all the checksums there are."""
    name = struct.pack(">HHHBBIIIIB", 0x1040, 0x20A0, 0x0940, 1, 5, flags, 0o100644, 0, 0, 1) + b"a"
    out = lzop.MAGIC + name + struct.pack(">I", (zlib.crc32 if flags & lzop.CRC_HEADER else zlib.adler32)(name))
    packed = lzallright.LZOCompressor().compress(data)
    for body in (bytes(packed), data):
        out += struct.pack(">IIII", len(data), len(body), zlib.adler32(data), zlib.crc32(data))
        if len(body) < len(data):
            out += struct.pack(">II", zlib.adler32(body), zlib.crc32(body))
        out += body
    return out + bytes(4)


def _streams() -> list[bytes]:
    data = b"stream " * 50
    packed = {
        "gzip": gzip.compress(data, mtime=0),
        "xz": lzma.compress(data),
        "lzma": lzma.compress(data, format=lzma.FORMAT_ALONE),
        "bzip2": bz2.compress(data),
        "lz4_default": lz4.frame.compress(data),
        "lzo": _lzop(data),
        "zstd": zstandard.ZstdCompressor().compress(data),
    }
    return [bytes([sorted(streams.KINDS).index(name)]) + content for name, content in packed.items()]


def _headers() -> list[bytes]:
    head = struct.pack(">4s24s36sII", b"\x01\0\0\0", b"TP-LINK Technologies", b"ver. 1.0", 0x08410011, 1)
    head = head.ljust(124, b"\0") + struct.pack(">5I", 600, 512, 50, 562, 38)
    return [head.ljust(600, b"\0"), b"\x7fELF", b"#!/bin/sh\n"]


def _tree_files(*names: str) -> list[bytes]:
    files = [ROOT / "examples" / name for name in names]
    return [path.read_bytes() for path in files if path.is_file()]


def _starts() -> list[bytes]:
    unit = b"[Unit]\nWants=a.service\n[Service]\nExecStart=/bin/a \\\n -x\nUser=root\n"
    xinetd = b"service telnet\n{\n socket_type = stream\n server = /usr/sbin/telnetd\n port = 23\n disable = no\n}\n"
    cron = b"0 3 * * * root /usr/bin/x\n@reboot y\n"
    return [unit, xinetd, cron, *_tree_files("root/etc/inittab", "root/etc/inetd.conf", "root/etc/crontabs/root")]


def _scripts() -> list[bytes]:
    script = b'#!/bin/sh\nf() { local a=$1; case "$a" in x*|y) b=${a#x};; *) telnetd -p $((20+3)) & ;; esac; }\n'
    script += (
        b'for i in a "b c" /etc/*; do [ -f "$i" ] && f "$i" || f x; done\ncat <<E | while read a; do echo $a; done\nq\nE\n'
    )
    script += b"grep -q '[[:space:]]x' /etc/passwd && eval \"a=$b\"\n"
    return [script, *(path.read_bytes() for path in sorted((ROOT / "examples/root/etc/init.d").iterdir()))]


def _programs() -> list[bytes]:
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        source, out = ROOT / "tests/readers/programs/listen.c", Path(scratch) / "out"
        for compiler in (
            "mips-linux-gnu-gcc",
            "mipsel-linux-gnu-gcc",
            "arm-linux-gnueabi-gcc",
            "aarch64-linux-gnu-gcc",
            "gcc",
        ):
            command = [compiler, "-Os", "-s", "-w", "-o", str(out), str(source)]
            try:
                subprocess.run(command, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                print(f"no seed from {compiler}", file=sys.stderr)
                continue
            found.append(out.read_bytes())
    return found


def _keys() -> list[bytes]:
    ssh = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + b"A" * 43 + b" me@host\n"
    return [
        ssh,
        *_tree_files("seeded/etc/ssl/private/web.pem", "seeded/etc/ssl/certs/web.crt", "seeded/root/.ssh/authorized_keys"),
    ]


def _accounts() -> list[bytes]:
    hashed = b"root:$1$saltsalt$abcdefghijklmnopqrstuv:0:0:99999:7:::\na:$5$salt$x:1::::::\nb:ab0123456789.:::::::\n"
    return [hashed, *_tree_files("seeded/etc/passwd", "seeded/etc/shadow")]


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "squashfs": _squashfs,
    "jffs2": _jffs2,
    "ext": _ext,
    "cramfs": lambda: _made(*(["mkfs.cramfs", *options, "ROOT", "OUT"] for options in ([], ["-N", "big"], ["-p"]))),
    "romfs": lambda: _made(["genromfs", "-d", "ROOT", "-f", "OUT"]),
    "ubi": _ubi,
    "ubifs": _ubifs,
    "cpio": _cpio,
    "streams": _streams,
    "lzop": lambda: [_lzop(b"stream " * 50, flags) for flags in (0x303, 0x1303)],
    "headers": _headers,
    "uci": lambda: _tree_files(*(f"root/etc/config/{name}" for name in ("dhcp", "network", "wireless", "system"))),
    "inits": _starts,
    "nvram": lambda: _tree_files("seeded/etc/nvram.default", "seeded/usr/share/defaults/default.xml"),
    "shell": _scripts,
    "elf": _programs,
    "code": _programs,
    "triggers": lambda: [bytes([machine]) for machine in range(6)],
    "keys": _keys,
    "accounts": _accounts,
    "addresses": lambda: [b"see https://u:p@a.example.net:8443/x?y [2001:db8::1]:53 192.0.2.7:80 ntp.pool.org\n"],
    "declaration": lambda: _tree_files("router.declaration.yaml"),
}

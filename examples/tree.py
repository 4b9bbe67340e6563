"""The root tree of an edition: files of the source tree, programs, links, modes."""

from __future__ import annotations

import base64
from pathlib import Path

from toolchain import APPLETS, FOLDERS, HERE, Toolchain, build_programs, build_tls, compile_own

STATIC = frozenset({"updatecheck", "supportd"})  # linked with all they need, as some vendors do
IN_BIN = frozenset({"uci", "nvram"})
SHARED = "libpem"
EMPTY = "dev proc sys tmp var overlay mnt etc/openvpn".split()
SECRET = ("etc/shadow", "etc/ssl/private/", "root/.ssh/", "host_key", "etc/openvpn/")
SBIN = frozenset("getty init insmod klogd modprobe reboot rmmod route sysctl syslogd ifconfig ip hwclock vconfig".split())
USR_SBIN = frozenset("brctl crond tcpsvd telnetd watchdog tunctl".split())
OTHER_NAMES = {"netcat": ("nc",), "reboot": ("halt", "poweroff"), "test": ("[",), "ping": ("ping6",)}
LICENCES = {"musl": "COPYRIGHT", "toybox": "LICENSE", "mksh": "sh.h", "dropbear": "LICENSE", "bearssl": "LICENSE.txt"}
LINKS = {
    "sh": "bin/sh:mksh",
    "linker": "lib/ld-musl-arm.so.1:libc.so",
    "dropbear": "usr/sbin/dropbear:dropbearmulti",
    "dropbearkey": "usr/bin/dropbearkey:../sbin/dropbearmulti",
    "dbclient": "usr/bin/dbclient:../sbin/dropbearmulti",
    "resolv": "etc/resolv.conf:../var/run/resolv.conf",
}


def make_programs(tools: Toolchain) -> dict[str, dict[str, bytes]]:
    """Return the programs of both editions (`common`) and those of the seeded one, by path in the image."""
    common = build_programs(tools)
    tls = build_tls(tools)
    common["loader"] = compile_own(
        tools, HERE / "src/loader.c", "-ffreestanding", "-nostdlib", "-static", "-fno-pie", "-no-pie"
    )
    seeded: dict[str, bytes] = {}
    for folder, programs in (("src", common), ("src/seeded", seeded)):
        for source in sorted((HERE / folder).glob("*.c")):
            name = source.stem
            if name == SHARED:
                programs[f"usr/lib/{name}.so"] = compile_own(tools, source, "-shared", "-fPIC", f"-Wl,-soname,{name}.so")
            elif name != "loader":
                place = "usr/bin" if name in IN_BIN else "usr/sbin"
                options = ("-static", "-no-pie") if name in STATIC else tls if name == "tlsd" else ()
                programs[f"{place}/{name}"] = compile_own(tools, source, *options)
    return {"common": common, "seeded": seeded}


def make_tree(tools: Toolchain, root: Path, programs: dict[str, bytes], overlays: tuple[Path, ...]) -> None:
    """Lay out one edition in the empty folder `root`."""
    for overlay in overlays:
        _copy(overlay, root)
    for name in EMPTY:
        (root / name).mkdir(parents=True, exist_ok=True)
    for place, content in programs.items():
        if place != "loader":
            _write(root / place, content)
    for link in LINKS.values():
        name, _, target = link.partition(":")
        _link(root / name, target)
    for applet in APPLETS:
        for name in (applet, *OTHER_NAMES.get(applet, ())):
            folder = "sbin" if applet in SBIN else "usr/sbin" if applet in USR_SBIN else "bin"
            _link(root / folder / name, "../../bin/toybox" if folder == "usr/sbin" else "../bin/toybox")
    _licences(tools, root)
    for path in sorted(root.rglob("*")):
        if not path.is_symlink():
            path.chmod(_mode(path, str(path.relative_to(root))))


def _copy(overlay: Path, root: Path) -> None:
    for path in sorted(overlay.rglob("*")):
        target = root / path.relative_to(overlay)
        if path.is_symlink():
            _link(target, str(path.readlink()))
        elif path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.suffix == ".b64":  # a binary file, kept as text
            _write(target.with_suffix(""), base64.b64decode(path.read_bytes()))
        elif path.name != ".keep":
            _write(target, path.read_bytes())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _mode(path: Path, name: str) -> int:
    if path.is_dir():
        return 0o700 if name in ("root/.ssh", "etc/ssl/private") else 0o755
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(b"#!") or head == b"\x7fELF":
        return 0o755
    return 0o600 if any(part in name for part in SECRET) else 0o644


def _licences(tools: Toolchain, root: Path) -> None:
    """Put the licence of each foreign program beside it, as each of them asks for."""
    folder = root / "usr/share/doc/licences"
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in LICENCES.items():
        text = (tools.work / FOLDERS[name] / file).read_bytes()
        if file.endswith(".h"):  # mksh has it in its main header: the first long comment
            text = text[text.index(b"/*-") : text.index(b" */", text.index(b"/*-")) + 4]
        _write(folder / name, text)

"""The root tree that a program runs in: the image's own, or a small one for a program alone, with stand-ins."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aboveboard.evidence.confirming.candidate import Missing
from aboveboard.jail.cell_tree import MAX_TREE, RootTree, emulator_of
from aboveboard.jail.launcher import stand_in
from aboveboard.model.facts import Cause
from aboveboard.model.paths import unshow
from aboveboard.model.tree import EntryType
from aboveboard.readers import elf
from aboveboard.readers.tree import TreeView

MAX_FILE = 64 << 20
ALONE = "/usr/sbin/"  # where a program without a tree is put
_TEXTS = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/var:/bin/false\n"
    b"www-data:x:33:33:www-data:/var/www:/bin/false\n",
    "/etc/group": b"root:x:0:\nnobody:x:65534:\nnogroup:x:65533:\nwww-data:x:33:\n",
    "/etc/shadow": b"root:!:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    "/etc/hosts": b"127.0.0.1 localhost\n::1 localhost\n",
    "/etc/resolv.conf": b"nameserver 127.0.0.1\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n",
    "/etc/services": b"ftp 21/tcp\nssh 22/tcp\ntelnet 23/tcp\ndomain 53/udp\nhttp 80/tcp\nhttps 443/tcp\nntp 123/udp\n",
    "/etc/protocols": b"ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n",
    "/etc/shells": b"/bin/sh\n",
    "/etc/hostname": b"router\n",
    "/etc/mime.types": b"text/html html htm\ntext/plain txt\n",
    "/etc/localtime": b"",
    "/var/www/index.html": b"<html><body>index</body></html>\n",
    "/www/index.html": b"<html><body>index</body></html>\n",
    "/var/log/messages": b"",
}
_COMMANDS = """
/bin/sh /bin/ash /bin/bash /bin/login /bin/ls /bin/cat /bin/echo /bin/rm /bin/cp /bin/mv /bin/touch /bin/ping /bin/kill
/bin/mount /bin/umount /bin/su /bin/id /usr/bin/id /usr/bin/passwd /usr/bin/killall /usr/bin/wget /usr/bin/nc
/usr/bin/tftp /usr/bin/whoami /sbin/reboot /sbin/halt /sbin/poweroff /sbin/ifconfig /sbin/route /sbin/insmod
/sbin/init /usr/sbin/iptables /usr/sbin/telnetd /usr/sbin/nvram /usr/sbin/uci /usr/bin/env /bin/false /bin/true
""".split()
# Where Debian's cross packages keep the libraries of another machine (libc6-ARCH-cross), and the machine's own.
_SYSROOTS = {
    "mips": ("/usr/mips-linux-gnu/lib",), "mipsel": ("/usr/mipsel-linux-gnu/lib",),
    "arm": ("/usr/arm-linux-gnueabihf/lib", "/usr/arm-linux-gnueabi/lib"), "aarch64": ("/usr/aarch64-linux-gnu/lib",),
    "i386": ("/usr/i686-linux-gnu/lib", "/lib32", "/usr/lib/i386-linux-gnu"), "x86_64": ("/usr/x86_64-linux-gnu/lib",),
}  # fmt: skip
_PACKAGES = {"mips": "libc6-mips-cross", "mipsel": "libc6-mipsel-cross", "arm": "libc6-armhf-cross or libc6-armel-cross",
             "aarch64": "libc6-arm64-cross", "i386": "libc6-i386-cross"}  # fmt: skip
_MAX_LIBRARIES = 200


@dataclass(frozen=True)
class Surroundings:
    """A root tree, the program's path in it, what in it is ours, and what was not possible."""

    tree: RootTree
    program: str
    ours: tuple[str, ...] = ()
    gaps: tuple[Missing, ...] = ()


def of_tree(view: TreeView, program: str) -> Surroundings:
    """Return the image's tree as a root, with stand-ins where something that daemons want is missing."""
    files: dict[str, bytes] = {}
    modes: dict[str, int] = {}
    links: dict[str, str] = {}
    folders: set[str] = set()
    left, size = 0, 0
    for path, entry in view.entries.items():
        name = unshow(path).decode("utf-8", "surrogateescape")
        if entry.type is EntryType.SYMLINK:
            links[name] = unshow(entry.target).decode("utf-8", "surrogateescape")
        elif entry.type is EntryType.DIRECTORY:
            folders.add(name)
        elif entry.type is EntryType.FILE:
            data = view.read(path, limit=MAX_FILE) if size + entry.size <= MAX_TREE // 2 else None
            if data is None or entry.size > MAX_FILE:
                left += 1
                continue
            size += len(data)
            files[name] = data
            modes[name] = entry.mode if entry.mode is not None else 0o755
    gaps = (Missing(Cause.LIMIT, f"{left} files of the tree were not put into the cell"),) if left else ()
    return _completed(RootTree(files, modes, links, frozenset(folders)), program, gaps)


def alone(data: bytes, name: str = "program", libraries: Iterable[Path] = ()) -> Surroundings:
    """Return a small root for a program without a tree: its libraries from this machine's packages, if they are there."""
    path = ALONE + (re.sub(r"[^A-Za-z0-9._-]", "_", name) or "program")
    files, missing = _libraries(data, tuple(libraries))
    gaps = tuple(Missing(Cause.NO_TOOL, text) for text in missing)
    return _completed(RootTree({path: data, **files}), path, gaps)


def _completed(tree: RootTree, program: str, gaps: tuple[Missing, ...]) -> Surroundings:
    quiet = stand_in(platform.machine())
    made = {path: data for path, data in _TEXTS.items() if tree.content(path) is None and _can_be_made(tree, path)}
    made |= {path: quiet for path in _COMMANDS if tree.content(path) is None and _can_be_made(tree, path)}
    whole = tree.with_files(made)
    return Surroundings(whole, program, tuple(sorted(path for path in made if path in whole.files)), gaps)


def _can_be_made(tree: RootTree, path: str) -> bool:
    """Tell whether no link of the tree leads elsewhere on the way to a path."""
    return tree.resolve(path) == path


def _libraries(data: bytes, more: tuple[Path, ...]) -> tuple[dict[str, bytes], list[str]]:
    """Return the shared libraries that a program needs, by where the loader looks for them, and what lacks."""
    try:
        program = elf.read(data)
    except elf.ElfError as error:
        return {}, [f"the program's headers cannot be read: {error}"]
    name = emulator_of(data)
    machine = platform.machine() if name == "" else name or ""
    folders = [*more, *(Path(one) for one in _SYSROOTS.get(machine, ()))]
    if name == "":
        folders += [
            Path(f"/lib/{machine}-linux-gnu"),
            Path(f"/usr/lib/{machine}-linux-gnu"),
            Path("/lib64"),
            Path("/usr/lib"),
        ]
    if machine == "arm" and "armhf" not in program.interpreter:
        folders.reverse()
    files: dict[str, bytes] = {}
    missing: list[str] = []
    loader = program.interpreter
    waiting = [*program.needed, *([loader] if loader else [])]
    seen: set[str] = set()
    while waiting and len(seen) < _MAX_LIBRARIES:
        wanted = waiting.pop(0)
        base = wanted.rpartition("/")[2]
        if base in seen:
            continue
        seen.add(base)
        found = next((folder / base for folder in folders if (folder / base).is_file()), None)
        if found is None:
            package = f" (Debian package {_PACKAGES[machine]})" if machine in _PACKAGES else ""
            missing.append(f"the library {base} is not here{package}")
            continue
        content = found.read_bytes()
        files[wanted if wanted.startswith("/") else f"/lib/{base}"] = content
        try:
            waiting += elf.read(content).needed
        except elf.ElfError:
            continue
    return files, missing

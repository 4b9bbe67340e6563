"""Sources from the machine's own Debian mirror, and the programs that a cross compiler makes of them with musl.

Nothing is installed and no setting of the machine changes: apt works with a state folder of its own, and every source file
is checked against the SHA-256 below, so that the same release of Debian gives the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = "arm-linux-gnueabi"
LOADER = "/lib/ld-musl-arm.so.1"  # the dynamic linker of musl for soft-float ARM
PACKAGES = {  # a file that shows that the Debian package is there
    f"/usr/bin/{TARGET}-gcc": f"gcc-{TARGET}",
    f"/usr/{TARGET}/include/linux/if_tun.h": "linux-libc-dev-armel-cross",
    "/usr/bin/gcc": "gcc",
    "/usr/include/stdio.h": "libc6-dev",
    "/usr/bin/make": "make",
    "/usr/bin/mksquashfs": "squashfs-tools",
    "/bin/bzip2": "bzip2",
    "/usr/bin/xz": "xz-utils",
}
BUILT_WITH = {"gcc": "12.2.0", "mksquashfs": "4.5.1"}  # what the committed images were made with

# Debian source package: (file, SHA-256). All are free of copyleft: MIT, 0BSD, MirOS licence, MIT, MIT.
SOURCES = {
    "musl": ("musl_1.2.3.orig.tar.gz", "7d5b0b6062521e4627e099e4c9dc8248d32a30285e959b7eecaa780cf8cfd4a4"),
    "toybox": ("toybox_0.8.9+dfsg.orig.tar.xz", "16fb5967531e88ca33b8c9142376987617ebe52e34e2b3f3a779603674b7d07c"),
    "mksh": ("mksh_59c.orig.tar.gz", "77ae1665a337f1c48c61d6b961db3e52119b38e58884d1c89684af31f87bc506"),
    "dropbear": ("dropbear_2022.83.orig.tar.bz2", "bc5a121ffbc94b5171ad5ebe01be42746d50aa797c9549a4639894a16749443b"),
    "bearssl": ("bearssl_0.6+dfsg.1.orig.tar.xz", "102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004"),
}
FOLDERS = {
    "musl": "musl-1.2.3",
    "toybox": "toybox-0.8.9",
    "mksh": "mksh",
    "dropbear": "dropbear-2022.83",
    "bearssl": "bearssl-0.6",
}

APPLETS = """
base64 basename brctl cat chgrp chmod chown clear cp crond cut date dd df dhcp dirname dmesg echo egrep env expr false fgrep
find free getty grep groups head hostname hwclock id ifconfig init insmod install ip kill killall klogd ln logger login ls
lsmod mcookie md5sum mkdir mkfifo mknod mkpasswd modprobe mount mv netcat netstat nice od passwd pgrep ping pkill printf ps
pwd readlink reboot rm rmdir rmmod route sed setsid sha256sum sleep sort stat stty su sync sysctl syslogd tail tar tcpsvd
tee telnetd test timeout touch tr true tty tunctl umount uname uniq uptime usleep vconfig watchdog wc wget which xargs xxd
""".split()  # the names that toybox's configuration knows


class BuildError(Exception):
    """A step that failed."""


class OutOfReach(BuildError):  # noqa: N818 - says what it is
    """The mirror could not be reached, or has other versions of the sources."""


@dataclass(frozen=True)
class Toolchain:
    """Where a build happens: `work` is a folder of its own, `sources` keeps the downloaded files."""

    work: Path
    sources: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every step: fixed words, and our compiler first on PATH."""
        path = f"{self.work / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": str(self.work), "LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": "0", "V": ""}

    def run(self, *words: object, cwd: Path | None = None, extra: Mapping[str, str] | None = None) -> str:
        """Run one step; raises BuildError with the end of what it said."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=cwd or self.work,
            env={**self.environment, **(extra or {})},
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise BuildError(f"{' '.join(map(str, words))[:200]}\n{(done.stdout + done.stderr)[-1500:]}")
        return done.stdout


def missing_packages() -> list[str]:
    """Return the Debian packages without which nothing can be built here."""
    return sorted(package for file, package in PACKAGES.items() if not Path(file).exists())


def other_versions() -> list[str]:
    """Return the tools that are here in another version than the committed images were made with."""
    found = {
        "gcc": subprocess.run([f"{TARGET}-gcc", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout,
        "mksquashfs": subprocess.run(["mksquashfs", "-version"], capture_output=True, text=True, check=False).stdout,
    }
    return [f"{name} is not {wanted}" for name, wanted in BUILT_WITH.items() if wanted not in found[name]]


def fetch(sources: Path) -> None:
    """Bring the source files into `sources`, through apt, unless they are there already."""
    sources.mkdir(parents=True, exist_ok=True)
    wanted = [name for name, (file, digest) in SOURCES.items() if _digest(sources / file) != digest]
    if not wanted:
        return
    state = sources / "apt"
    for folder in ("parts", "lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "parts/machine.sources").write_text(_deb_src())
    options = [
        "-oDir::Etc::SourceList=/dev/null",
        f"-oDir::Etc::SourceParts={state / 'parts'}",
        f"-oDir::State::lists={state / 'lists'}",
        f"-oDir::Cache={state / 'cache'}",
        "-oAPT::Sandbox::User=",
        "-qq",
    ]
    for words in (["update"], ["source", "--download-only", "--tar-only", *wanted]):
        done = subprocess.run(["apt-get", *options, *words], cwd=sources, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OutOfReach(f"apt-get {' '.join(words)}: {done.stderr[-800:]}")
    for name in wanted:
        file, digest = SOURCES[name]
        if _digest(sources / file) != digest:
            raise OutOfReach(f"{file}: not what this build was written for (another release of Debian?)")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _deb_src() -> str:
    """Return the machine's own mirrors of its release as sources of source packages, in deb822 form (sources.list(5))."""
    release = Path("/etc/os-release").read_text()
    codename = (re.findall(r"^VERSION_CODENAME=(\S+)", release, re.MULTILINE) or [""])[0]
    stanzas = []
    for path in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            if re.search(rf"^Suites:.*\b{codename}\b", stanza, re.MULTILINE):
                kept = [line for line in stanza.splitlines() if not line.startswith("#")]
                stanzas.append(re.sub(r"(?m)^Types:.*$", "Types: deb-src", "\n".join(kept)))
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            found = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
            if found and found[3].split("-")[0] == codename:
                signed = re.search(r"signed-by=(\S+)", found[1] or "")
                stanza = f"Types: deb-src\nURIs: {found[2]}\nSuites: {found[3]}\nComponents: {found[4]}"
                stanzas.append(stanza + (f"\nSigned-By: {signed[1]}" if signed else ""))
    return "\n\n".join(stanzas) + "\n"


def prepare(tools: Toolchain) -> None:
    """Unpack the sources and make musl, then the compiler that uses it."""
    for name, (file, _) in SOURCES.items():
        if not (tools.work / FOLDERS[name]).exists():
            tools.run("tar", "-xf", tools.sources / file, "-C", tools.work)
    musl, sysroot = tools.work / FOLDERS["musl"], tools.work / "sysroot"
    plain = ["--target=arm-linux-gnueabi", "--prefix=/usr", "--syslibdir=/lib"]
    flags = ["CFLAGS=-Os -fno-asynchronous-unwind-tables", "LDFLAGS=-Wl,--build-id=none"]
    tools.run("./configure", *plain, f"CROSS_COMPILE={TARGET}-", *flags, cwd=musl)
    tools.run("make", f"-j{os.cpu_count() or 1}", cwd=musl)
    tools.run("make", "install-headers", "install-libs", f"DESTDIR={sysroot}", cwd=musl)
    include, lib = sysroot / "usr/include", sysroot / "usr/lib"
    for kernel in ("linux", "asm", "asm-generic", "mtd"):  # interfaces of the kernel, which programs may use freely
        (include / kernel).symlink_to(f"/usr/{TARGET}/include/{kernel}")
    specs = tools.work / "musl.specs"
    specs.write_text(tools.run("sh", musl / "tools/musl-gcc.specs.sh", include, lib, LOADER))
    compiler = tools.work / "bin/router-cc"
    compiler.parent.mkdir(exist_ok=True)
    options = f"-specs={specs} -ffile-prefix-map={tools.work}=. -Wl,--build-id=none"
    compiler.write_text(f'#!/bin/sh\nexec {TARGET}-gcc {options} "$@"\n')
    compiler.chmod(0o755)
    for tool in ("strip", "ar", "ranlib", "nm"):
        (compiler.parent / f"router-{tool}").symlink_to(str(shutil.which(f"{TARGET}-{tool}")))


def build_tls(tools: Toolchain) -> tuple[str, ...]:
    """Build the TLS library, and return the words that link a program with it."""
    folder = tools.work / FOLDERS["bearssl"]
    words = ["CC=router-cc", "LD=router-cc", "AR=router-ar", "CFLAGS=-Os -fPIC", "BUILD=router"]
    tools.run("make", f"-j{os.cpu_count() or 1}", "lib", *words, cwd=folder)
    return (f"-I{folder / 'inc'}", f"-L{folder / 'router'}", "-lbearssl")


def build_programs(tools: Toolchain) -> dict[str, bytes]:
    """Return the programs that are not ours, by their path in the image."""
    work = tools.work
    found = {
        "lib/libc.so": work / "sysroot/usr/lib/libc.so",
        "bin/toybox": _toybox(tools),
        "bin/mksh": _mksh(tools),
        "usr/sbin/dropbearmulti": _dropbear(tools),
    }
    return {path: _stripped(tools, made) for path, made in found.items()}


def _toybox(tools: Toolchain) -> Path:
    folder = tools.work / FOLDERS["toybox"]
    names = [f"CONFIG_{name.upper()}=y" for name in APPLETS]
    (folder / "router.config").write_text("\n".join(["CONFIG_TOYBOX=y", *names, ""]))
    tools.run("make", "allnoconfig", "KCONFIG_ALLCONFIG=router.config", cwd=folder)
    given = set((folder / ".config").read_text().split())
    refused = [name for name in names if name not in given]
    if refused:
        raise BuildError(f"toybox does not know {' '.join(refused)}")
    # musl has the names of syslog's levels as a macro, which must be there in every file (syslog.h)
    extra = {"CROSS_COMPILE": "router-", "CFLAGS": "-Os -DSYSLOG_NAMES="}
    tools.run("make", "toybox", cwd=folder, extra=extra)
    return folder / "toybox"


def _mksh(tools: Toolchain) -> Path:
    folder = tools.work / "mksh-build"
    folder.mkdir(exist_ok=True)
    extra = {"CC": "router-cc", "CFLAGS": "-Os", "CPPFLAGS": "-DMKSH_SMALL", "TARGET_OS": "Linux"}
    tools.run("sh", tools.work / "mksh/Build.sh", "-r", "-L", cwd=folder, extra=extra)
    return folder / "lksh"


def _dropbear(tools: Toolchain) -> Path:
    folder = tools.work / FOLDERS["dropbear"]
    (folder / "localoptions.h").write_text("#define DROPBEAR_X11FWD 0\n#define DO_MOTD 0\n#define DROPBEAR_SFTPSERVER 0\n")
    tool = [f"{name.upper()}=router-{name}" for name in ("cc", "ar", "ranlib", "strip")]
    left_out = [f"--disable-{name}" for name in "zlib syslog lastlog utmp utmpx wtmp wtmpx pututline pututxline".split()]
    tools.run("./configure", f"--host={TARGET}", *tool, "CFLAGS=-Os", *left_out, cwd=folder)
    tools.run("make", f"-j{os.cpu_count() or 1}", "PROGRAMS=dropbear dropbearkey dbclient", "MULTI=1", cwd=folder)
    return folder / "dropbearmulti"


def compile_own(tools: Toolchain, source: Path, *options: str) -> bytes:
    """Return the program that one of our own source files gives."""
    made = tools.work / f"{source.stem}.out"
    tools.run("router-cc", "-Os", "-Wall", "-Wextra", "-Werror", source.name, *options, "-o", made, cwd=source.parent)
    return _stripped(tools, made)


def _stripped(tools: Toolchain, made: Path) -> bytes:
    out = tools.work / "stripped"
    tools.run("router-strip", "-s", "-R", ".comment", "-o", out, made)
    return out.read_bytes()

"""Who uses a settings file or a setting: the services and scripts that boot and name it."""

from __future__ import annotations

import posixpath
import re

from aboveboard.evidence.services import Boot, Service, strongest
from aboveboard.readers.tree import TreeView

MAX_PROGRAM = 16 << 20
MAX_SCRIPT = 1 << 18
MULTICALL = frozenset({"busybox", "toybox"})
# Remove, move, make or look at a file without doing what it says.
HANDLERS = frozenset(
    """
    rm cp mv ln chmod chown chgrp touch ls mkdir rmdir test [ stat du install sync md5sum sha256sum dropbearkey ssh-keygen
    certtool px5g openssl tar gzip gunzip find mount umount sed tee rmdir
    """.split()
)
MAKERS = frozenset({"dropbearkey", "ssh-keygen", "certtool", "px5g", "openssl", "rm"})
SETTINGS = ("/etc/", "/usr/etc/", "/etc_ro/", "/opt/", "/usr/local/etc/", "/config/")
# OpenWrt's settings whose reader has another name.
READERS = {"network": ("netifd",), "firewall": ("fw3", "fw4"), "wireless": ("netifd",), "system": ("ntpd", "logd")}


class Usage:
    """Looks names up in what boots: command lines, scripts, and the strings of programs."""

    def __init__(self, tree: TreeView, boot: Boot) -> None:
        self._tree = tree
        self._boot = boot
        self._programs: dict[str, tuple[bytes, list[Service]]] | None = None
        self._scripts: dict[str, tuple[str, str]] | None = None
        self._texts: dict[str, str] | None = None
        self._known: dict[str, tuple[str, list[str]]] = {}

    def of_file(self, path: str) -> tuple[str, list[str]]:
        """Return whether something that boots reads a file (yes, conditional, unknown, no), and the lines that show it.

        A command that names it as an argument reads it; one that only removes, copies or makes it does not, but what reads
        the copy does. A program reads what stands whole among its strings. A mention elsewhere leaves it unknown.
        """
        if path in self._known:
            return self._known[path]
        self._known[path] = ("no", [])  # a file that is copied onto itself is asked for once
        found = [
            (item.active, item.step()) for item in self._boot.all() if item.name not in HANDLERS and _names(item, path)
        ]
        found += self._by_copies(path) + self._by_strings(path) + self._by_scripts(path)
        if posixpath.dirname(path) == "/etc/config":
            found += self._by_package(posixpath.basename(path))
        answer = _answer(found)
        if self.is_made(path) and answer[0] == "yes":  # what the image ships there is replaced at boot
            answer = ("conditional", answer[1])
        self._known[path] = answer
        return answer

    def is_made(self, path: str) -> bool:
        """Tell whether a boot script makes the file anew, or removes it."""
        return any(item.name in MAKERS and _names(item, path) for item in self._boot.all() if item.active != "no")

    def _by_copies(self, path: str) -> list[tuple[str, str]]:
        """Return who reads what a boot script copies or links the file to."""
        found: list[tuple[str, str]] = []
        for item in self._boot.commands:
            operands = [word for word in item.argv[1:] if not word.startswith("-")]
            if item.name in ("cp", "mv", "ln", "install") and len(operands) == 2 and operands[0] == path:
                active, via = self.of_file(operands[1])
                found += [(active, step) for step in [item.step(), *via]] if active != "no" else []
        return found

    def _by_strings(self, path: str) -> list[tuple[str, str]]:
        """Return the programs that hold the path as a whole string; a multi-call program for its applet of that name."""
        needle = re.compile(rb"(?<![\w./-])" + re.escape(path.encode()) + rb"(?![\w./-])")
        found = []
        for program, (data, services) in self._data().items():
            users = services
            if posixpath.basename(program) in MULTICALL:
                users = [item for item in services if posixpath.basename(path).startswith(item.name)]
            if users and path.encode() in data and needle.search(data) is not None:
                found += [(item.active, f"{program} names {path}; {item.step()}") for item in users]
        return found

    def _by_scripts(self, path: str) -> list[tuple[str, str]]:
        """Return the scripts that read the file: `. FILE`, `< FILE`, `cat FILE`; any other mention shows nothing."""
        reads = re.compile(
            rf"(?:^|[\s;&|(])(?:\.|source|cat|read|grep\s[^|;]*|sed\s[^|;]*|awk\s[^|;]*|<)\s*[\"']?{re.escape(path)}(?![\w./-])"
        )
        word = re.compile(rf"(?<![\w./-]){re.escape(path)}(?![\w./-])")
        found = []
        for script, (text, active) in self.scripts().items():
            if path not in text or script == path:
                continue
            lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if path in line and not _is_comment(line)]
            read = next((n for n, line in lines if reads.search(line)), 0)
            named = next((n for n, line in lines if word.search(line)), 0)
            if read:
                found.append((active, f"{script}:{read} reads {path}"))
            elif named:
                found.append(("unknown", f"{script}:{named} names {path}"))
        return found

    def _by_package(self, package: str) -> list[tuple[str, str]]:
        """Return what reads the UCI settings of a package: a script that loads them, or a service of that name."""
        loads = re.compile(rf"(?:config_load|uci\w*)\b[^\n]*[\s\"']{re.escape(package)}(?:[\s\"'.]|$)")
        names = (package, package + "d", *READERS.get(package, ()))
        found = [(item.active, item.step()) for item in self._boot.services if item.name in names]
        for script, (text, active) in self.scripts().items():
            line = next(
                (n for n, line in enumerate(text.splitlines(), 1) if loads.search(line) and not _is_comment(line)), 0
            )
            if line:
                found.append((active, f"{script}:{line} reads the settings {package}"))
            elif re.fullmatch(rf"(?:S\d\d)?{re.escape(package)}d?", posixpath.basename(script)):
                found.append((active, f"{script} runs"))
        return found

    def of_mention(self, path: str) -> tuple[str, list[str]]:
        """Return whether a settings file that is itself in use names a file, and by which lines."""
        found: list[tuple[str, str]] = []
        for setting, text in self._settings().items():
            line = next((n for n, item in enumerate(text.splitlines(), 1) if path in item and not _is_comment(item)), 0)
            if line and setting != path:
                active, via = self.of_file(setting)
                found += [(active, step) for step in [*via, f"{setting}:{line} names {path}"]]
        return _answer(found)

    def _settings(self) -> dict[str, str]:
        if self._texts is None:
            self._texts = {}
            for entry in self._tree.files():
                if entry.path.startswith(SETTINGS) and entry.size <= MAX_SCRIPT:
                    data = self._tree.read(entry.path) or b""
                    if b"\0" not in data[:1024] and not data.startswith(b"\x7fELF"):
                        self._texts[entry.path] = data.decode("utf-8", "replace")
        return self._texts

    def of_key(self, key: str) -> tuple[str, list[str]]:
        """Return whether a setting's key is read by what boots, and by whom; one that a script sets anew is conditional."""
        found = self._by_programs(b"\0" + key.encode() + b"\0")
        word = re.compile(rf"(?<![\w.]){re.escape(key)}(?![\w.])")
        sets = re.compile(rf"nvram\s+set\s+[\"']?{re.escape(key)}=")
        replaced = False
        for script, (text, active) in self.scripts().items():
            for number, line in enumerate(text.splitlines(), 1):
                if key not in line or _is_comment(line) or not word.search(line):
                    continue
                if sets.search(line):
                    replaced = True
                else:
                    found.append((active, f"{script}:{number} names {key}"))
        active, via = _answer(found)
        return ("conditional", via) if replaced and active == "yes" else (active, via)

    def named_files(self) -> frozenset[str]:
        """Return the files of the tree that a command line names, wherever they stand."""
        words = {word for item in self._boot.all() if item.name not in HANDLERS for word in item.argv[1:]}
        return frozenset(word for word in words if word.startswith("/") and self._tree.is_file(word))

    def of_program(self, path: str) -> tuple[str, list[str]]:
        """Return whether a program is started as shipped, and by which lines."""
        found = [(item.active, item.step()) for item in self._boot.all() if path in (item.file, item.program)]
        return _answer(found)

    def scripts(self) -> dict[str, tuple[str, str]]:
        """Return the scripts that run: text and activity by path."""
        if self._scripts is None:
            paths = self._boot.scripts()
            for item in self._boot.all():
                for step in (item.where.path, *(step.partition(":")[0] for step in item.via)):
                    paths[step] = strongest((paths.get(step, "no"), item.active))
            texts = {path: self._tree.text(path, limit=MAX_SCRIPT) for path in sorted(paths)}
            self._scripts = {path: (text, paths[path]) for path, text in texts.items() if text is not None}
        return self._scripts

    def _by_programs(self, needle: bytes) -> list[tuple[str, str]]:
        found = []
        for path, (data, services) in self._data().items():
            if needle in data:
                shown = needle.strip(b"\0").decode("utf-8", "replace")
                found += [(item.active, f"{path} names {shown}; {item.step()}") for item in services]
        return found

    def _data(self) -> dict[str, tuple[bytes, list[Service]]]:
        if self._programs is None:
            by_file: dict[str, list[Service]] = {}
            for item in self._boot.services:
                if item.file and item.active != "no":
                    by_file.setdefault(item.file, []).append(item)
            self._programs = {
                path: (self._tree.read(path, limit=MAX_PROGRAM) or b"", services) for path, services in by_file.items()
            }
        return self._programs


def _names(item: Service, path: str) -> bool:
    """Tell whether the path is an argument: a word, or what follows `=`, `:`, `@`, `,` or an option's letter."""
    return any(
        word == path or re.search(rf"(?:^-\w|[=:@,]){re.escape(path)}(?:$|[:,])", word) is not None
        for word in item.argv[1:]
    )


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", ";", "//"))


def _answer(found: list[tuple[str, str]]) -> tuple[str, list[str]]:
    active = strongest(answer for answer, _ in found) if found else "no"
    return active, [step for answer, step in found if answer == active][:6]

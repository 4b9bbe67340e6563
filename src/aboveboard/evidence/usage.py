"""Who uses a settings file or a setting: the services and scripts that boot and name it."""

from __future__ import annotations

import posixpath
import re

from aboveboard.evidence.services import Boot, Service, strongest
from aboveboard.readers.tree import TreeView

MAX_PROGRAM = 16 << 20
MAX_SCRIPT = 1 << 18
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

    def of_file(self, path: str) -> tuple[str, list[str]]:
        """Return whether a file is used as shipped (yes, conditional, no) and the lines that show by whom."""
        found = [(item.active, item.step()) for item in self._boot.all() if any(path in word for word in item.argv)]
        needle = path.encode()
        found += self._by_programs(needle)
        name = posixpath.basename(path)
        package = name if posixpath.dirname(path) == "/etc/config" else ""
        for script, (text, active) in self.scripts().items():
            if path in text and script != path:
                found.append((active, f"{script} names {path}"))
            elif package and re.search(rf"(?:config_load|uci\w*)\b[^\n]*[\s\"']{re.escape(package)}(?:[\s\"'.]|$)", text):
                found.append((active, f"{script} reads the settings {package}"))
        if package:
            names = (package, package + "d", *READERS.get(package, ()))
            found += [(item.active, item.step()) for item in self._boot.services if item.name in names]
            for script, (_, active) in self.scripts().items():
                if re.fullmatch(rf"(?:S\d\d)?{re.escape(package)}d?", posixpath.basename(script)):
                    found.append((active, f"{script} runs"))
        return _answer(found)

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
        """Return whether a setting's key is named by what boots, and by whom."""
        found = self._by_programs(b"\0" + key.encode() + b"\0")
        for script, (text, active) in self.scripts().items():
            if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", text):
                found.append((active, f"{script} names {key}"))
        return _answer(found)

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


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", ";", "//"))


def _answer(found: list[tuple[str, str]]) -> tuple[str, list[str]]:
    active = strongest(answer for answer, _ in found) if found else "no"
    return active, [step for answer, step in found if answer == active][:6]

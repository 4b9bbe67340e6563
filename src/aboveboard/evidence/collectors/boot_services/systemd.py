"""Units that the default target of systemd pulls in (systemd.unit(5), systemd.special(7), bootup(7))."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from aboveboard.readers.inits import Setting, read_unit
from aboveboard.readers.tree import TreeView

FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
PULLING = ("Wants", "Requires", "Requisite", "BindsTo", "Upholds")
RUNS = ("ExecStartPre", "ExecStart", "ExecStartPost")
MAX_UNITS = 2_000
LASTING = ("/etc/", "/usr/", "/bin/", "/sbin/", "/lib/", "/opt/")  # what is there at run time if it is in the image
_LISTENS = {"ListenStream": "tcp", "ListenDatagram": "udp", "ListenSequentialPacket": "sctp"}


class Systemd:
    """The units of one tree."""

    def __init__(self, tree: TreeView) -> None:
        self._tree = tree
        self._active: list[tuple[str, str, list[Setting]]] | None = None

    def present(self) -> bool:
        """Tell whether there are units."""
        return any(self._tree.is_directory(folder) for folder in FOLDERS)

    def started(self) -> Iterator[tuple[str, list[tuple[str, int, str, str]]]]:
        """Yield each service of the boot: the unit's path, and (chain step, line, user, command) for each command."""
        for name, path, settings in self._units():
            if not name.endswith(".service"):
                continue
            if any(self._refuses(item) for item in settings):
                continue
            user = next((item.value for item in settings if item.key == "User"), "")
            environment = "".join(f"export {item.value}; " for item in settings if _is_plain_environment(item))
            commands = [
                (f"{path}:{item.line} {item.key}", item.line, user, environment + _command(item.value, name))
                for item in _in_force(settings)
            ]
            yield path, commands

    def sockets(self) -> Iterator[tuple[str, str, int, str, tuple[str, ...], int]]:
        """Yield what systemd itself listens on: unit path, protocol, port, address, the service's command, line."""
        for name, path, settings in self._units():
            if not name.endswith(".socket"):
                continue
            service = next((item.value for item in settings if item.key == "Service"), name[: -len(".socket")] + ".service")
            argv = self._argv(service) or self._argv(service.replace(".service", "@.service")) or (service,)
            for item in settings:
                match = re.fullmatch(r"(?:(.*):)?(\d{1,5})", item.value)
                if item.key in _LISTENS and match is not None:
                    yield path, _LISTENS[item.key], int(match[2]), (match[1] or "").strip("[]"), argv, item.line

    def _argv(self, name: str) -> tuple[str, ...]:
        path = self._find(name)
        text = self._tree.text(path, limit=1 << 20) if path else None
        for item in read_unit(text or ""):
            if item.key == "ExecStart" and item.value:
                return tuple(_command(item.value, name).split())
        return ()

    def _units(self) -> list[tuple[str, str, list[Setting]]]:
        if self._active is None:
            self._active = list(self._walk())
        return self._active

    def _walk(self) -> Iterator[tuple[str, str, list[Setting]]]:
        """Go from the default target along what pulls units in; a masked unit is a link to nothing."""
        pending = [
            "default.target",
            "sysinit.target",
            "basic.target",
            "multi-user.target",
            "sockets.target",
            "timers.target",
        ]
        if self._find("default.target"):
            pending.remove("multi-user.target")
        seen: set[str] = set()
        while pending and len(seen) < MAX_UNITS:
            name = pending.pop(0)
            path = self._find(name)
            if name in seen:
                continue
            seen.add(name)
            if path is None:
                pending += self._linked(name) if name.endswith(".target") else []
                continue
            settings = read_unit(self._tree.text(path, limit=1 << 20) or "")
            for folder in FOLDERS:  # drop-ins add to the unit, or reset a list by an empty value
                for extra in self._tree.listdir(f"{folder}/{name}.d"):
                    if extra.endswith(".conf"):
                        settings += read_unit(self._tree.text(f"{folder}/{name}.d/{extra}", limit=1 << 20) or "")
            yield name, path, settings
            for item in settings:
                if item.section == "Unit" and item.key in PULLING:
                    pending += item.value.split()
            if name.endswith(".timer"):  # systemd.timer(5): the service of the same name, unless another is named
                named = next((item.value for item in settings if item.key == "Unit"), "")
                pending.append(named or name.removesuffix(".timer") + ".service")
            pending += self._linked(name)
            real = posixpath.basename(self._tree.resolve(path) or path)
            if real != name:
                pending += self._linked(real)

    def _refuses(self, item: Setting) -> bool:
        """Tell whether a condition of a unit fails for certain: a path that is, or is not, in the image."""
        if item.section != "Unit" or item.key != "ConditionPathExists" or not item.value.lstrip("!|").startswith(LASTING):
            return False
        path = item.value.lstrip("|")
        return self._tree.exists(path.lstrip("!")) is path.startswith("!")

    def _linked(self, name: str) -> list[str]:
        return [
            unit
            for folder in FOLDERS
            for kind in ("wants", "requires")
            for unit in self._tree.listdir(f"{folder}/{name}.{kind}")
        ]

    def _find(self, name: str) -> str | None:
        template = re.sub(r"@[^@.]+\.", "@.", name)
        for candidate in dict.fromkeys((name, template)):
            for folder in FOLDERS:
                path = f"{folder}/{candidate}"
                if self._tree.is_file(path):
                    return path
                entry = self._tree.entries.get(path)
                if entry is not None and entry.target == "/dev/null":
                    return None
        return None


def _in_force(settings: list[Setting]) -> list[Setting]:
    """Return the commands of a service; an empty value takes back those before it (systemd.service(5))."""
    found: list[Setting] = []
    for item in settings:
        if item.section == "Service" and item.key in RUNS:
            found = [other for other in found if other.key != item.key] if not item.value else [*found, item]
    return found


def _is_plain_environment(item: Setting) -> bool:
    return item.key == "Environment" and re.fullmatch(r"\"?\w+=[^;&|`$()\"]*\"?", item.value) is not None


def _command(value: str, unit: str) -> str:
    """Return a command line without systemd's prefixes and with the specifiers that the unit's name decides."""
    text = value.lstrip("@-:+!")
    instance = re.search(r"@([^@.]+)\.", unit)
    text = text.replace("%i", instance[1] if instance else "").replace("%I", instance[1] if instance else "")
    return text.replace("%n", unit).replace("%%", "%")

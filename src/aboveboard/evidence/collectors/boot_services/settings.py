"""UCI settings as boot scripts read and change them (OpenWrt, /lib/functions.sh, /lib/config/uci.sh and uci(1))."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from aboveboard.readers import uci
from aboveboard.readers.shell import Command, Interpreter, State
from aboveboard.readers.shell.interpreter import Script
from aboveboard.readers.shell.state import STDIN, UNKNOWN, Status, known

MAX_FILE = 1 << 20
MAX_BATCH = 500  # lines of one `uci batch`
YES = frozenset({"1", "on", "true", "yes", "enabled"})
NO = frozenset({"0", "off", "false", "no", "disabled"})


Hook = Callable[[list[str], State, Script, int], Status]


class Settings:
    """The settings of one tree: read once, then changed as the scripts change them.

    What a script sets under a condition stays known, but whoever reads it then runs under that condition.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._packages: dict[str, list[uci.Section]] = {}
        self._changed: set[str] = set()
        self._package = ""

    def written(self) -> dict[str, str]:
        """Return the settings files that scripts changed, as they then stand."""
        return {f"/etc/config/{package}": uci.write(self._packages[package]) for package in sorted(self._changed)}

    def hooks(self) -> dict[str, Hook]:
        """Return the commands that are answered from the settings."""
        return {
            "config_load": self._load,
            "config_get": self._get,
            "config_get_bool": self._get_bool,
            "config_foreach": self._foreach,
            "config_list_foreach": self._list_foreach,
            "config_set": lambda *_: True,
            "uci_get": self._uci_get,
            "uci": self._uci,
            "uci_validate_section": self._validate,
            "uci_load_validate": self._validate,
        }

    def _sections(self, package: str, state: State) -> list[uci.Section]:
        if package not in self._packages:
            path = f"/etc/config/{package}"
            text = self._interpreter.files.read(path, state) if known(package) else None
            self._packages[package] = uci.read((text or "")[:MAX_FILE].replace(UNKNOWN, ""))
        return self._packages[package]

    def _load(self, words: list[str], state: State, script: Script, line: int) -> Status:
        del script, line
        self._package = words[1] if len(words) > 1 else ""
        return bool(self._sections(self._package, state)) or None

    def _value(self, section: str, option: str, state: State) -> str | None:
        found = uci.find(self._sections(self._package, state), section)
        if found is None:
            return None
        if option == "TYPE":
            return found.type
        return self._option(found, option, state)

    def _option(self, found: uci.Section, option: str, state: State) -> str | None:
        """Return an option; what was set under conditions brings them along."""
        if option not in found.options and option not in found.lists:
            return None
        state.conditions += tuple(item for item in found.under.get(option, ()) if item not in state.conditions)
        return found.get(option)

    def _get(self, words: list[str], state: State, script: Script, line: int) -> Status:
        del script, line
        if len(words) == 3:  # config_get SECTION OPTION prints
            self._interpreter.print(self._value(words[1], words[2], state) or "")
            return True
        if len(words) > 3:
            value = self._value(words[2], words[3], state)
            state.variables[words[1]] = value if value else (words[4] if len(words) > 4 else "")
        return True

    def _get_bool(self, words: list[str], state: State, script: Script, line: int) -> Status:
        self._get(words, state, script, line)
        if len(words) > 3:
            value = state.variables[words[1]].lower()
            default = words[4] if len(words) > 4 else ""
            state.variables[words[1]] = "1" if value in YES else ("0" if value in NO else default)
        return True

    def _foreach(self, words: list[str], state: State, script: Script, line: int) -> Status:
        if len(words) < 2:
            return True
        wanted = words[2] if len(words) > 2 else ""
        for section in list(self._sections(self._package, state))[: self._interpreter.limits.rounds]:
            if not wanted or section.type == wanted:
                self._call(words[1], [section.name, *words[3:]], state, script, line)
        return True

    def _list_foreach(self, words: list[str], state: State, script: Script, line: int) -> Status:
        if len(words) < 4:
            return True
        found = uci.find(self._sections(self._package, state), words[1])
        items = found.lists.get(words[2], []) if found is not None else []
        for item in items[: self._interpreter.limits.rounds]:
            self._call(words[3], [item, *words[4:]], state, script, line)
        return True

    def _call(self, name: str, arguments: list[str], state: State, script: Script, line: int) -> None:
        if name in self._interpreter.functions:
            self._interpreter.call_function(
                name, arguments, state, f"{script.path}:{line} {name} {' '.join(arguments)}"[:200]
            )

    def _uci_get(self, words: list[str], state: State, script: Script, line: int) -> Status:
        del script, line
        reference = words[1] if len(words) > 1 else ""
        if reference.count(".") < 2 and len(words) > 3:
            reference = ".".join(words[1:4])
        value = self._reference(reference, state)
        default = words[-1] if len(words) > 2 and "." in words[1] else ""
        self._interpreter.print(value if value is not None else default)
        return value is not None or bool(default)

    def _uci(self, words: list[str], state: State, script: Script, line: int) -> Status:
        rest = words[1:]
        while rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] in ("-P", "-c", "-d", "-f", "-p") else rest[1:]
        if rest[:1] == ["get"] and len(rest) > 1:
            value = self._reference(rest[1], state)
            self._interpreter.print(value or "")
            return value is not None
        if rest[:1] == ["batch"]:
            for text in state.variables.get(STDIN, "").splitlines()[:MAX_BATCH]:
                self._change(_split(text), state)
        elif rest[:1] == ["show"]:
            self._interpreter.print(UNKNOWN)
            return None
        else:
            self._change(rest, state)
        self._interpreter.record(
            Command(tuple(words), script.path, line, " ".join(words)[:200], state.conditions, script.via)
        )
        return True

    def _change(self, words: list[str], state: State) -> None:
        if len(words) < 2:
            return
        if words[0] in ("set", "add_list"):
            self._set(words[1], state, added=words[0] == "add_list")
        elif words[0] == "add" and len(words) > 2 and known(words[1]):
            sections = self._sections(words[1], state)
            if len(sections) < 1000:
                sections.append(uci.Section(words[2], f"cfg{len(sections) + 1:02x}", 0, anonymous=True))
        elif words[0] == "delete":
            self._delete(words[1], state)

    def _reference(self, reference: str, state: State) -> str | None:
        parts = reference.split(".", 2)
        if len(parts) < 2 or not known(reference):
            return None
        found = uci.find(self._sections(parts[0], state), parts[1])
        if found is None:
            return None
        if len(parts) == 2:
            return found.type
        return self._option(found, parts[2], state)

    def _set(self, text: str, state: State, *, added: bool) -> None:
        """Change the settings as a script does; under a condition the value is no longer known."""
        reference, _, value = text.partition("=")
        parts = reference.split(".", 2)
        if len(parts) < 2 or not known(reference):
            return
        sections = self._sections(parts[0], state)
        found = uci.find(sections, parts[1])
        if len(parts) == 2:
            if found is None and len(sections) < 1000 and not parts[1].startswith("@"):
                sections.append(uci.Section(value, parts[1], 0))
            return
        if found is None:
            return
        if not known(value):
            found.options.pop(parts[2], None)
            return
        self._changed.add(parts[0])
        if state.conditions:
            found.under[parts[2]] = state.conditions
        if added:
            found.lists.setdefault(parts[2], []).append(value)
        else:
            found.options[parts[2]] = value

    def _delete(self, reference: str, state: State) -> None:
        parts = reference.split(".", 2)
        if len(parts) < 2 or not known(reference) or state.conditions:
            return
        sections = self._sections(parts[0], state)
        found = uci.find(sections, parts[1])
        if found is not None and len(parts) == 2:
            sections.remove(found)
        elif found is not None:
            found.options.pop(parts[2], None)
            found.lists.pop(parts[2], None)

    def _validate(self, words: list[str], state: State, script: Script, line: int) -> Status:
        """Set the variables of `uci_validate_section PACKAGE TYPE SECTION 'option:type:default' ...`."""
        if len(words) < 4:
            return True
        found = uci.find(self._sections(words[1], state), words[3])
        callback = "" if words[0] == "uci_validate_section" else (words[4] if len(words) > 4 else "")
        for item in words[4 + bool(callback) :]:
            option, _, rest = item.partition(":")
            kind, default = _kind(rest)
            value = (self._option(found, option, state) if found is not None else None) or ""
            if kind.startswith("bool") and value:
                value = "1" if value.lower() in YES else "0"
            state.variables[option] = value or default.strip("\"'")
        if callback:
            self._call(callback, [words[3], "0"], state, script, line)
        return True


def _kind(rest: str) -> tuple[str, str]:
    """Split `list(port):22` or `or("a", "b"):x` into the kind and the default."""
    depth = 0
    for at, character in enumerate(rest):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == ":" and depth == 0:
            return rest[:at], rest[at + 1 :]
    return rest, ""


def _split(text: str) -> list[str]:
    """Split a line of `uci batch`; what does not quote well is split at blanks."""
    text = text.strip()
    try:
        return shlex.split(text, comments=False)
    except ValueError:
        return text.split()

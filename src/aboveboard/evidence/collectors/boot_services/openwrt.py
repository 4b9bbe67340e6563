"""OpenWrt's library of boot scripts, as hooks of the interpreter: procd services, and what stands around them.

The real library keeps settings in shell variables through `eval`; answering from the settings files themselves is
shorter and exact. Names and behaviour: OpenWrt, /lib/functions.sh and /lib/functions/procd.sh.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aboveboard.evidence.collectors.boot_services.settings import Settings
from aboveboard.readers.shell import Command, Interpreter, State
from aboveboard.readers.shell.interpreter import Script
from aboveboard.readers.shell.state import UNKNOWN, Status

# Say something to the machine or to procd that starts nothing. board_detect sorts the board's lamps and ports.
QUIET = """
procd_open_service procd_close_service procd_add_mdns procd_add_reload_trigger procd_add_config_trigger
procd_add_interface_trigger procd_add_raw_trigger procd_add_validation procd_open_trigger procd_close_trigger
procd_open_validate procd_close_validate procd_add_jail procd_add_jail_mount procd_open_data procd_close_data
lock logger let json_init json_load json_load_file json_select json_add_object json_close_object json_add_array
json_close_array json_add_string json_add_int json_add_boolean json_dump json_set_namespace json_cleanup board_detect
/bin/board_detect
""".split()
ASKING = ("json_is_a", "json_get_keys", "json_get_var", "json_get_vars", "json_get_type", "json_get_values")


@dataclass
class _Instance:
    """A procd instance being put together: words of its command, each with the conditions it was added under."""

    command: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    line: int = 0
    path: str = ""
    via: tuple[str, ...] = ()


class OpenWrt:
    """Hooks on one interpreter."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._instance = _Instance()
        self.settings = Settings(interpreter)
        if interpreter.tree.is_directory("/etc/config"):  # others keep UCI settings too
            interpreter.hooks |= self.settings.hooks()
        if not self.present():
            return
        hooks = self.settings.hooks() | {
            "procd_open_instance": self._open,
            "procd_set_param": self._param,
            "procd_append_param": self._param,
            "procd_close_instance": self._close,
        }
        hooks |= dict.fromkeys(QUIET, lambda *_: True)
        hooks |= dict.fromkeys(ASKING, self._ask)
        for name in ("network_get_ipaddrs_all", "network_get_ipaddr", "network_get_device", "network_get_physdev"):
            hooks[name] = self._network
        interpreter.hooks |= hooks

    def present(self) -> bool:
        """Tell whether the tree is of OpenWrt's kind."""
        tree = self._interpreter.tree
        return tree.exists("/etc/rc.common") or tree.is_file("/sbin/procd")

    def _ask(self, words: list[str], state: State, script: Script, line: int) -> Status:
        """Answer what is known at run time alone: whether it is there, and into which variables it would go."""
        del script, line
        if words[0] == "json_get_vars":
            state.variables |= {name.partition(":")[0]: UNKNOWN for name in words[1:]}
        elif len(words) > 1 and words[0] != "json_is_a":
            state.variables[words[1]] = UNKNOWN
        return None

    def _network(self, words: list[str], state: State, script: Script, line: int) -> Status:
        del script, line
        if len(words) > 1:
            state.variables[words[1]] = UNKNOWN
        return None

    def _open(self, words: list[str], state: State, script: Script, line: int) -> Status:
        del words, state
        self._instance = _Instance(line=line, path=script.path, via=script.via)
        return True

    def _param(self, words: list[str], state: State, script: Script, line: int) -> Status:
        if len(words) > 2 and words[1] == "command":
            if words[0] == "procd_set_param":
                self._instance.command = []
                self._instance.line, self._instance.path, self._instance.via = line, script.path, script.via
            self._instance.command += [(word, state.conditions) for word in words[2:]][: self._interpreter.limits.fields]
        return True

    def _close(self, words: list[str], state: State, script: Script, line: int) -> Status:
        """Record the command; words that were added under further conditions make a variant under those."""
        del words, script, line
        instance, self._instance = self._instance, _Instance()
        if not instance.command:
            return True
        base = state.conditions
        certain = [word for word, conditions in instance.command if set(conditions) <= set(base)]
        variants = sorted({conditions for _, conditions in instance.command if not set(conditions) <= set(base)})
        if certain:
            self._record(tuple(certain), base, instance)
        for conditions in variants[:16]:
            words_of = [word for word, under in instance.command if set(under) <= set(base) | set(conditions)]
            self._record(tuple(words_of), (*base, *(item for item in conditions if item not in base)), instance)
        return True

    def _record(self, argv: tuple[str, ...], conditions: tuple[str, ...], instance: _Instance) -> None:
        self._interpreter.record(
            Command(argv, instance.path, instance.line, " ".join(argv)[:200], conditions, instance.via, background=True)
        )

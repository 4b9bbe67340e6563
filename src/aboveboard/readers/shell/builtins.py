"""Commands: builtins and small tools that are modelled, wrappers that are looked through, scripts that are followed."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING

from aboveboard.readers.shell.invocations import SHELLS, daemon, only_asks, reads_input
from aboveboard.readers.shell.state import STDIN, UNKNOWN, Command, State, Status, known
from aboveboard.readers.shell.tools import MAX_WRITTEN, Tool, Tools

if TYPE_CHECKING:
    from tree_sitter import Node

    from aboveboard.readers.shell.interpreter import Interpreter, Script

Environment = tuple[tuple[str, str], ...]
PATH = ("/sbin", "/usr/sbin", "/bin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin")
# Ask about the running system: whether they succeed is not known. Every other command is taken to succeed.
ASKING = frozenset(
    "grep egrep fgrep pidof pgrep cmp diff ping ping6 wget curl nc lsmod mountpoint read expr awk sed cut find ps which"
    " type nvram uci fw_printenv getcfg cfg getenv ifstatus ubus jsonfilter hexdump md5sum sha256sum strings flock".split()
)
# Run another command that stands in their arguments, after their own options.
WRAPPERS = frozenset(
    {"nice", "env", "setsid", "nohup", "busybox", "exec", "command", "time", "ionice", "chrt", "sudo", "builtin"}
)
MAX_ENTRIES = 2
# Make the file that an option names: what it holds is not known, that it is there is.
MAKERS = {
    "dropbearkey": ("-f",),
    "ssh-keygen": ("-f",),
    "openssl": ("-out", "-keyout"),
    "certtool": ("--outfile",),
    "px5g": ("-out", "-keyout"),
}


class Builtins:
    """Calls simple commands."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._line = 1
        self._table: dict[str, Tool] = Tools(interpreter).table() | {
            ":": lambda *_: True,
            "true": lambda *_: True,
            "false": lambda *_: False,
            "exit": self._leave("exit"),
            "return": self._leave("return"),
            "break": self._leave("break"),
            "continue": self._leave("continue"),
            "cd": self._cd,
            "shift": self._shift,
            "set": self._set,
            "read": self._read,
            "export": self._export,
            "eval": self._eval,
            "sleep": lambda *_: True,
            "type": self._type,
            "trap": lambda *_: True,
            "umask": lambda *_: True,
            "ulimit": lambda *_: True,
        }

    def call(
        self,
        words: list[str],
        node: Node,
        script: Script,
        state: State,
        environment: Environment = (),
        *,
        background: bool = False,
    ) -> Status:
        """Call one simple command: a hook, a function, a builtin, a script that is followed, or a program."""
        interpreter = self._interpreter
        name = words[0]
        line = self._line = node.start_point[0] + 1
        if not known(name):
            interpreter.unseen.setdefault(script.path, set()).add(line)
        hook = interpreter.hooks.get(name)
        if hook is not None:
            return hook(words, state, script, line)
        text = " ".join(script.slice(node.start_byte, node.end_byte).split())[:200]
        step = f"{script.path}:{line} {text}"
        if name in interpreter.functions:
            return interpreter.call_function(name, words[1:], state, step)
        if name in (".", "source"):
            return self._follow(words[1], words[2:], state, script, step, same=True) if len(words) > 1 else True
        if only_asks(words):
            return self._type(words, state, script) if name == "command" else None
        builtin = self._table.get(name) or self._table.get(name.removeprefix("/bin/").removeprefix("/usr/bin/"))
        if builtin is not None:
            status = builtin(words, state, script)
            if name in ("cp", "mv", "ln", "rm"):
                self._record(words, line, text, script, state, environment, background=background)
            return status
        if self._cannot_run(name, state):
            return False
        text_of = self._text_to_run(words, script.path, line, state)
        if text_of is not None:
            return self._inline(text_of, script, state, step)
        followed = self._script(words, state)
        if followed is not None:
            return self._follow(followed[0], followed[1], state, script, step, same=False)
        self._record(words, line, text, script, state, environment, background=background)
        status = self._through(words, node, script, state, environment, background=background)
        if status is not False:
            return status
        self._make(words, state)
        if posixpath.basename(name) in ASKING:
            interpreter.print(UNKNOWN)
            return None
        interpreter.print(UNKNOWN)
        return None if not known(name) else True

    def _text_to_run(self, words: list[str], path: str, line: int, state: State) -> str | None:
        """Return the text that a shell is given to run, as an argument or in its input; what is not known is noted."""
        text = self._command_text(words)
        piped = state.variables.get(STDIN) if text is None and reads_input(words) else None
        if piped is not None and not known(piped):
            self._interpreter.unseen.setdefault(path, set()).add(line)
            return None
        return text if piped is None else piped

    def _cannot_run(self, name: str, state: State) -> bool:
        """Tell whether what the name leads to was removed before, or nobody may execute it."""
        if not known(name):
            return False
        there = self._places(name, state)
        return bool(there) and not any(self._may_run(path, state) for path in there)

    def _may_run(self, path: str, state: State) -> bool:
        if path in state.written:
            return True
        if path in state.removed:
            return False
        return not self._modes_count or self._interpreter.files.file_test("-x", path, state) is not False

    @cached_property
    def _modes_count(self) -> bool:
        """Tell whether any file may be executed: else the tree was copied in a way that lost the modes."""
        return any(entry.mode is not None and entry.mode & 0o111 for entry in self._interpreter.tree.files())

    def _make(self, words: list[str], state: State) -> None:
        """Model the tools that make keys: their file is there for what follows."""
        options = MAKERS.get(posixpath.basename(words[0]), ())
        for at, word in enumerate(words[:-1]):
            if word in options and known(words[at + 1]) and len(state.written) < MAX_WRITTEN:
                state.written.setdefault(self._interpreter.files.absolute(words[at + 1], state), UNKNOWN)

    def _record(
        self,
        words: list[str],
        line: int,
        text: str,
        script: Script,
        state: State,
        environment: Environment,
        *,
        background: bool,
    ) -> None:
        self._interpreter.record(
            Command(
                tuple(words),
                script.path,
                line,
                text,
                state.conditions,
                script.via,
                background,
                environment,
                state.variables.get(STDIN, "")[:4096],
            )
        )

    def _through(
        self, words: list[str], node: Node, script: Script, state: State, environment: Environment, *, background: bool
    ) -> Status:
        """Look through a wrapper at the command that it runs; False where the command is none."""
        name = posixpath.basename(words[0])
        inner: list[str] = []
        if name == "start-stop-daemon":
            inner = daemon(words)
        elif name == "chroot" and len(words) > 2:
            inner = words[2:]
        elif name in WRAPPERS:
            rest = words[1:]
            while rest and (rest[0].startswith("-") or "=" in rest[0]):
                rest = rest[2:] if rest[0] in ("-n", "-u", "-p", "-c") else rest[1:]
            inner = rest
        elif name == "run-parts" and len(words) > 1:
            return self._run_parts(words[-1], node, script, state)
        if not inner or inner == words:
            return False
        status = self.call(inner, node, script, state, environment, background=background)
        if name == "exec" and not state.flow:
            state.flow = "exit"
        return True if status is False else status

    def _run_parts(self, folder: str, node: Node, script: Script, state: State) -> Status:
        for name in self._interpreter.tree.listdir(folder) if known(folder) else ():
            self.call([f"{folder.rstrip('/')}/{name}"], node, script, state)
        return True

    def _command_text(self, words: list[str]) -> str | None:
        """Return the text that `sh -c TEXT` or `su USER -c TEXT` runs."""
        if posixpath.basename(words[0]) not in SHELLS | {"su", "runuser"}:
            return None
        at = next((at for at, word in enumerate(words) if at and re.fullmatch(r"-[a-z]*c", word)), 0)
        return words[at + 1] if at and at + 1 < len(words) and known(words[at + 1]) else None

    def _inline(self, text: str, script: Script, state: State, step: str) -> Status:
        """Interpret the text of `sh -c` in a shell of its own; places in it are those of the line that holds it."""
        interpreter = self._interpreter
        if interpreter.depth >= interpreter.limits.depth:
            interpreter.limited = True
            return None
        interpreter.depth += 1
        inner = state.child()
        line = int(step.removeprefix(script.path + ":").split(" ", 1)[0] or 1)
        try:
            padded = "\n" * (line - 1) + text
            status = interpreter.run_text(padded.encode("utf-8", "replace"), script.path, (*script.via, step), inner)
        finally:
            interpreter.depth -= 1
        state.after(inner)
        return status

    def _script(self, words: list[str], state: State) -> tuple[str, list[str]] | None:
        """Return the script that a command is, and its arguments, where it can be followed."""
        name = posixpath.basename(words[0])
        if name in SHELLS and len(words) > 1:
            rest = words[1:]
            while rest and rest[0].startswith("-") and rest[0] != "-c":
                rest = rest[1:]
            if rest and rest[0] == "-c":
                return None
            return (rest[0], rest[1:]) if rest else None
        if not known(words[0]):
            return None
        path = self.find(words[0], state)
        if path is None:
            return None
        head = self._interpreter.files.head(path, state).split("\n", 1)[0]
        shebang = head[2:].split() if head.startswith("#!") else []
        if not shebang or posixpath.basename(shebang[0]) not in SHELLS | {"env"}:
            return None
        if len(shebang) > 1 and shebang[1].startswith("/"):  # `#!/bin/sh /etc/rc.common` runs that with this as argument
            return shebang[1], [path, *words[1:]]
        return path, words[1:]

    def find(self, name: str, state: State) -> str | None:
        """Return the path of a command, by name along the usual path, or None."""
        return next((path for path in self._places(name, state) if self._may_run(path, state)), None)

    def _places(self, name: str, state: State) -> list[str]:
        """Return the files that a command's name may mean, in the order in which a shell tries them."""
        interpreter = self._interpreter
        paths = [interpreter.files.absolute(name, state)] if "/" in name else [f"{folder}/{name}" for folder in PATH]
        return [path for path in paths if path in state.written or interpreter.tree.is_file(path)]

    def _follow(self, path: str, arguments: list[str], state: State, script: Script, step: str, *, same: bool) -> Status:
        """Interpret another script: in this state (`.`) or in one of its own, whose files stay."""
        interpreter = self._interpreter
        if not known(path):
            return None
        path = interpreter.files.absolute(path, state)
        text = interpreter.files.read(path, state)
        if text is None:
            return None if path.startswith("/tmp") else False  # noqa: S108 - a name in an image
        if interpreter.depth >= interpreter.limits.depth:
            interpreter.limited = True
            return None
        entered = (path, tuple(arguments))
        if interpreter.active.count(entered) >= MAX_ENTRIES:  # a script that starts itself starts the same again
            return None
        interpreter.depth += 1
        interpreter.active.append(entered)
        interpreter.entered[path] = interpreter.entered.get(path, False) or not state.conditions
        inner = state if same else state.child()
        inner.arguments = list(arguments) if arguments or not same else state.arguments
        before = dict(interpreter.functions)
        try:
            status = interpreter.run_text(text.encode("utf-8", "replace"), path, (*script.via, step), inner)
        finally:
            interpreter.depth -= 1
            interpreter.active.pop()
        if same:
            state.flow = "" if state.flow == "return" else state.flow
        else:
            interpreter.functions = before
            state.after(inner)
        return status

    # -- what they do -------------------------------------------------------------------------------------------------

    def _leave(self, how: str) -> Tool:
        def leave(words: list[str], state: State, script: Script) -> Status:
            del script
            state.flow = how
            if len(words) > 1:
                state.last = (words[1] == "0") if known(words[1]) else None
            return state.last

        return leave

    def _cd(self, words: list[str], state: State, script: Script) -> Status:
        del script
        target = words[1] if len(words) > 1 else "/"
        if not known(target):
            state.directory = UNKNOWN
            return None
        state.directory = self._interpreter.files.absolute(target, state)
        return self._interpreter.files.file_test("-d", state.directory, state)

    def _shift(self, words: list[str], state: State, script: Script) -> Status:
        del script
        count = int(words[1]) if len(words) > 1 and words[1].isdigit() else 1
        state.arguments = state.arguments[count:]
        return True

    def _set(self, words: list[str], state: State, script: Script) -> Status:
        del script
        if any(re.fullmatch(r"-[a-z]*n[a-z]*", word) for word in words[1:2]):
            state.flow = "exit"  # what follows is read and not run
        elif "--" in words:
            state.arguments = words[words.index("--") + 1 :]
        elif len(words) > 1 and not words[1].startswith(("-", "+")):
            state.arguments = words[1:]
        return True

    def _read(self, words: list[str], state: State, script: Script) -> Status:
        """Take a line of what stands in the input, where that is known; else the variables are not known."""
        del script
        names = [word for word in words[1:] if not word.startswith("-")]
        text = state.variables.get(STDIN)
        if text is None or not known(text):
            state.variables |= dict.fromkeys(names, UNKNOWN)
            return None
        line, newline, rest = text.partition("\n")
        state.variables[STDIN] = rest
        fields = line.split(None, max(0, len(names) - 1))
        state.variables |= {name: fields[at].strip() if at < len(fields) else "" for at, name in enumerate(names)}
        return bool(line or newline)

    def _export(self, words: list[str], state: State, script: Script) -> Status:
        del script
        for word in words[1:]:
            name, sign, value = word.partition("=")
            state.exported.add(name)
            if sign:
                state.variables[name] = value
        return True

    def _type(self, words: list[str], state: State, script: Script) -> Status:
        del script
        name = words[-1]
        if name in self._interpreter.functions or name in self._table or self.find(name, state) is not None:
            return True
        return False if known(name) else None

    def _eval(self, words: list[str], state: State, script: Script) -> Status:
        text = " ".join(words[1:])
        if not known(text) or self._interpreter.depth >= self._interpreter.limits.depth:
            return None
        self._interpreter.depth += 1
        try:
            placed = "\n" * (self._line - 1) + text  # its lines are those of the command
            return self._interpreter.run_text(placed.encode("utf-8", "replace"), script.path, script.via, state)
        finally:
            self._interpreter.depth -= 1

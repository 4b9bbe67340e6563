"""Walks the syntax tree of a script and keeps to the bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import tree_sitter

from aboveboard.readers.shell.builtins import Builtins
from aboveboard.readers.shell.compound import Compound
from aboveboard.readers.shell.conditions import evaluate, negated
from aboveboard.readers.shell.files import Files
from aboveboard.readers.shell.grammar import first_error, operator, parse
from aboveboard.readers.shell.redirections import Redirections
from aboveboard.readers.shell.state import STDIN, UNKNOWN, Command, Limits, Outcome, State, Status, contrary, known
from aboveboard.readers.shell.words import LITERALS, Expander
from aboveboard.readers.tree import TreeView

ORIGIN = "\0from "  # before the name of a variable: the text that its unknown value comes from
_HEXADECIMAL = re.compile(rb"0x(\$\w|\$\{\w)")
_WORDS = LITERALS | {
    "string",
    "raw_string",
    "ansi_c_string",
    "concatenation",
    "simple_expansion",
    "expansion",
    "command_substitution",
    "arithmetic_expansion",
}


@dataclass(frozen=True)
class Script:
    """A script being read: its path, its bytes, and how the boot came to it."""

    path: str
    source: bytes
    via: tuple[str, ...] = ()

    def slice(self, start: int, end: int) -> str:
        """Return a piece of the source."""
        return self.source[start:end].decode("utf-8", "replace")


class _Exhausted(Exception):  # noqa: N818 - not an error: the bound that ends the walk
    """The bound on steps is reached."""


class Interpreter:
    """Interprets scripts of one tree; commands gather in `commands` in the order in which they would run."""

    def __init__(self, tree: TreeView, *, limits: Limits | None = None) -> None:
        self.tree = tree
        self.limits = limits or Limits()
        self.files = Files(tree, self.limits)
        self.commands: list[Command] = []
        self.functions: dict[str, tuple[tree_sitter.Node, Script]] = {}
        self.damaged: dict[str, int] = {}
        self.limited = False
        self.unseen: dict[str, set[int]] = {}  # by script: the lines at which what is run is not known
        self.cut: dict[str, str] = {}  # scripts whose steps ran out, and the script in which they did
        self.depth = 0
        self.entered: dict[str, bool] = {}  # scripts that were followed, and whether unconditionally
        self.writers: dict[str, list[tuple[str, int]]] = {}  # by file: the lines that wrote it
        self.active: list[tuple[str, tuple[str, ...]]] = []  # scripts being followed, with their arguments
        self.hooks: dict[str, Callable[[list[str], State, Script, int], Status]] = {}
        self._steps = 0
        self._spent = 0
        self._calls = 0
        self._bodies: dict[tuple[str, int, int], tuple[tree_sitter.Node, Script]] = {}
        self._locals: list[dict[str, str | None]] = []  # what `local` hides, for each call under way
        self._builtins = Builtins(self)
        self._redirections = Redirections(self)
        self._compound = Compound(self)
        self._captures: list[list[str]] = []

    def run(self, path: str, arguments: Sequence[str] = (), state: State | None = None) -> Outcome:
        """Interpret a script of the tree; what it starts is in the outcome."""
        state = state or State()
        state.arguments = list(arguments)
        text = self.files.read(path, state)
        if text is not None:
            self.run_text(text.encode("utf-8", "replace"), path, (), state)
        return self.outcome(state)

    def outcome(self, state: State) -> Outcome:
        """Return what was gathered so far."""
        return Outcome(tuple(self.commands), dict(state.written), self.limited, dict(self.damaged))

    def run_text(self, source: bytes, path: str, via: tuple[str, ...], state: State) -> Status:
        """Interpret the text of a script in this state (as `.` does)."""
        # the grammar takes time with the square of a run of NULs; no script means one
        source = source.replace(UNKNOWN.encode(), b"?").replace(b"\r\n", b"\n").replace(b"\0", b"?")
        # valid to the shell and not to the grammar; the length stays, so that places do
        source = _HEXADECIMAL.sub(rb"  \1", source).replace(b"<>", b"< ")
        script = Script(path, source, via)
        try:
            self.step(len(source) // 64)
            root = parse(source)
            if path not in self.damaged and (line := first_error(root, source)):
                self.damaged[path] = line
            return self.statements(root.named_children, script, state)
        except (_Exhausted, RecursionError):
            self.limited = True
            self.cut.setdefault(self.active[0][0] if self.active else path, script.path)
            return None

    def renew(self) -> None:
        """Give the next script steps of its own, so that one that spins costs only itself."""
        self._spent += self._steps
        self._steps = 0

    def step(self, cost: int = 1) -> None:
        """Count steps, one for each small piece of work; raises when a bound is reached."""
        self._steps += cost
        if self._steps > self.limits.steps or self._spent + self._steps > self.limits.total:
            raise _Exhausted

    def statements(self, nodes: Sequence[tree_sitter.Node], script: Script, state: State) -> Status:
        """Interpret statements in order until one leaves."""
        status: Status = True
        for node in nodes:
            if state.flow:
                break
            status = self.statement(node, script, state)
            state.last = status
        return status

    def statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Interpret one statement; return whether it succeeds, as far as is known."""
        self.step()
        method = getattr(self, f"_{node.type}", None) or getattr(self._compound, node.type, None)
        if method is not None:
            result: Status = method(node, script, state)
            return result
        if node.type in ("comment", "heredoc_body", "heredoc_redirect", "file_redirect"):
            return state.last
        return self.statements(node.named_children, script, state) if node.named_children else True

    def branch(
        self,
        condition: str,
        status: Status,
        state: State,
        yes: Callable[[State], Status],
        no: Callable[[State], Status],
    ) -> Status:
        """Take the branch that the status decides, or both, each under the condition or its contrary."""
        if status is not None:
            return yes(state) if status else no(state)
        condition = self._explained(" ".join(condition.split())[:160], state)
        self.step((len(state.variables) + len(state.written)) // 16)  # what a fork copies
        one, other = state.fork(condition), state.fork(contrary(condition))
        first, second = yes(one), no(other)
        state.join(one, other)
        return first if first == second else None

    def _explained(self, condition: str, state: State) -> str:
        """Add to a condition where its variables come from: `[ "$w" = go ]` says nothing without `w=$(nc -l ...)`."""
        for name in re.findall(r"\$\{?(\w+)", condition)[:4]:
            origin = state.variables.get(ORIGIN + name)
            if origin:
                condition += f" ({name} from: {origin})"
        return condition

    def expander(self, script: Script, state: State) -> Expander:
        """Return what expands words here."""
        return Expander(self, script, state)

    # -- compound commands --------------------------------------------------------------------------------------------

    def _list(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        parts = [child for child in node.children if child.is_named]
        operator = next((child.type for child in node.children if child.type in ("&&", "||")), "")
        if len(parts) != 2 or not operator:
            return self.statements(parts, script, state)
        left = self.statement(parts[0], script, state)
        state.last = left
        if state.flow:
            return left
        text = script.slice(parts[0].start_byte, parts[0].end_byte)
        wanted = left if operator == "&&" else negated(left)
        shown = text if operator == "&&" else contrary(" ".join(text.split())[:160])

        def right(inner: State) -> Status:
            return self.statement(parts[1], script, inner)

        return self.branch(shown, wanted, state, right, lambda _: operator == "||")

    def _negated_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        return negated(self.statements(node.named_children, script, state))

    def _pipeline(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Run the parts in turn; what one prints is the next one's input."""
        status: Status = True
        parts = [child for child in node.named_children if child.type != "comment"]
        flowing = ""
        for number, child in enumerate(parts):
            inner = state.fork("")
            inner.conditions = state.conditions
            if number:
                inner.variables[STDIN] = flowing
            if number < len(parts) - 1:
                status, flowing = self.capture(partial(self.statement, child, script, inner))
                flowing = flowing if status is not None or flowing else UNKNOWN
            else:
                status = self.statement(child, script, inner)
            state.written, state.removed = inner.written, inner.removed
        return None if status is True and len(parts) > 1 and self._asks(parts[-1], script) else status

    def _asks(self, node: tree_sitter.Node, script: Script) -> bool:
        words = script.slice(node.start_byte, node.end_byte).split()
        return bool(words) and words[0] in ("grep", "egrep", "fgrep", "read", "while", "test", "[")

    def _subshell(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        inner = state.fork("")
        inner.conditions = state.conditions
        status = self.statements(node.named_children, script, inner)
        state.written, state.removed = inner.written, inner.removed
        return status

    def _compound_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        return self.statements(node.named_children, script, state)

    def _function_definition(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        del state
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            self.functions[script.slice(name.start_byte, name.end_byte)] = (body, script)
        return True

    # -- simple commands ----------------------------------------------------------------------------------------------

    def _variable_assignment(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return True
        text = "" if value is None else self.expander(script, state).text(value)
        key = script.slice(name.start_byte, name.end_byte)
        added = script.slice(name.end_byte, name.end_byte + 2) == "+="
        state.variables[key] = (state.variables.get(key, "") if added else "") + text
        state.variables.pop(ORIGIN + key, None)
        if value is not None and not known(text):
            state.variables[ORIGIN + key] = " ".join(script.slice(value.start_byte, value.end_byte).split())[:120]
        status: Status = state.last if value is not None and value.type == "command_substitution" else True
        return status

    def _variable_assignments(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        return self.statements(node.named_children, script, state)

    def _declaration_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        keyword = node.children[0].type
        for child in node.named_children:
            if child.type not in ("variable_assignment", "variable_name"):
                continue
            name = script.slice(child.start_byte, child.end_byte).partition("=")[0]
            if keyword == "local" and self._locals:
                self._locals[-1].setdefault(name, state.variables.get(name))
            if child.type == "variable_assignment":
                self._variable_assignment(child, script, state)
            elif keyword == "local":
                state.variables[name] = ""
            if keyword == "export":
                state.exported.add(name)
        return True

    def _test_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        words = self._flat(node, script, state)
        double = words[:1] == ["[["]
        match = self._compound.matches if double else None
        return evaluate(words[1:-1], lambda operator, path: self.files.file_test(operator, path, state), match)

    def _flat(self, node: tree_sitter.Node, script: Script, state: State) -> list[str]:
        """Return the words of a test in their order; an unquoted word that is empty vanishes, as in the shell."""
        if node.type in _WORDS:
            expander = self.expander(script, state)
            return expander.fields([node]) if node.type in ("simple_expansion", "expansion") else [expander.text(node)]
        if not node.children:
            return [operator(script.source, node.start_byte, node.end_byte)]
        return [word for child in node.children for word in self._flat(child, script, state)]

    def _redirected_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        return self._redirections.statement(node, script, state)

    def _unset_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        for child in node.named_children:
            state.variables.pop(script.slice(child.start_byte, child.end_byte), None)
        return True

    def _command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        expander = self.expander(script, state)
        name = node.child_by_field_name("name")
        environment: list[tuple[str, str]] = []
        for child in node.named_children:
            if child.type == "variable_assignment":
                key, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                if key is not None:
                    text = "" if value is None else expander.text(value)
                    environment.append((script.slice(key.start_byte, key.end_byte), text))
        if name is None:
            state.variables.update(environment)
            return True
        words = expander.fields([name, *node.children_by_field_name("argument")])
        if not words:
            return True
        following = node.next_sibling
        background = following is not None and following.type == "&"
        return self._builtins.call(words, node, script, state, tuple(environment), background=background)

    # -- services for the other parts ---------------------------------------------------------------------------------

    def call_function(self, name: str, arguments: list[str], state: State, line: str) -> Status:
        """Call a shell function: its own arguments, everything else shared."""
        body, script = self._alone(*self.functions[name])
        if self._calls >= self.limits.calls:
            self.limited = True
            return None
        self._calls += 1
        self._locals.append({})
        before, conditions = state.arguments, state.conditions
        state.arguments = arguments
        inner = Script(script.path, script.source, (*script.via, line)) if line else script
        try:
            status = self.statements(body.named_children if body.type == "compound_statement" else [body], inner, state)
        finally:
            self._calls -= 1
            for name_of, value in self._locals.pop().items():
                if value is None:
                    state.variables.pop(name_of, None)
                else:
                    state.variables[name_of] = value
        status = state.last if state.flow == "return" else status
        state.flow = "" if state.flow == "return" else state.flow
        state.arguments = before
        state.conditions = conditions + tuple(item for item in state.sticky if item not in conditions)
        return status

    def _alone(self, body: tree_sitter.Node, script: Script) -> tuple[tree_sitter.Node, Script]:
        """Parse a function's body by itself, its lines kept: in a long file the grammar's scanner can lose its place."""
        key = (script.path, body.start_byte, body.end_byte)
        if key not in self._bodies:
            text = b"\n" * body.start_point[0] + script.source[body.start_byte : body.end_byte]
            root = parse(text)
            whole = len(root.named_children) == 1 and root.named_children[0].type == body.type and not root.has_error
            self._bodies[key] = (root.named_children[0], Script(script.path, text, script.via)) if whole else (body, script)
        node, alone = self._bodies[key]
        return node, Script(alone.path, alone.source, script.via)

    def record(self, command: Command) -> None:
        """Keep a command."""
        if len(self.commands) >= self.limits.commands:
            self.limited = True
            return
        self.commands.append(command)

    def substitute(self, node: tree_sitter.Node, script: Script, state: State) -> str:
        """Return what a command substitution prints, as far as it is known."""
        out: list[str] = []
        self._captures.append(out)
        inner = state.fork("")
        inner.conditions = state.conditions
        try:
            state.last = self.statements(node.named_children, script, inner)
        finally:
            self._captures.pop()
        return "".join(out).rstrip("\n")

    def print(self, text: str) -> None:
        """Take what a command prints; outside a substitution it goes nowhere."""
        if self._captures:
            self._captures[-1].append(text[: self.limits.text])

    def capture(self, run: Callable[[], Status]) -> tuple[Status, str]:
        """Run something and return its status and what it printed."""
        out: list[str] = []
        self._captures.append(out)
        try:
            status = run()
        finally:
            self._captures.pop()
        return status, "".join(out)

"""Walks the syntax tree of a script and keeps to the bounds."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tree_sitter
import tree_sitter_bash

from aboveboard.readers.shell.builtins import Builtins
from aboveboard.readers.shell.conditions import evaluate, negated
from aboveboard.readers.shell.redirections import Redirections
from aboveboard.readers.shell.state import UNKNOWN, Command, Limits, Outcome, State, Status, known
from aboveboard.readers.shell.words import LITERALS, Expander
from aboveboard.readers.tree import TreeView

_LANGUAGE = tree_sitter.Language(tree_sitter_bash.language())
# What is here at run time and not in the image: the tree cannot say that a path below is absent.
VOLATILE = ("/tmp", "/var", "/proc", "/sys", "/dev", "/run", "/mnt", "/overlay", "/media")  # noqa: S108 - names in an image
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
        self.commands: list[Command] = []
        self.functions: dict[str, tuple[tree_sitter.Node, Script]] = {}
        self.damaged: list[str] = []
        self.limited = False
        self.depth = 0
        self.hooks: dict[str, Callable[[list[str], State, Script, int], Status]] = {}
        self._steps = 0
        self._calls = 0
        self._builtins = Builtins(self)
        self._redirections = Redirections(self)
        self._captures: list[list[str]] = []

    def run(self, path: str, arguments: Sequence[str] = (), state: State | None = None) -> Outcome:
        """Interpret a script of the tree; what it starts is in the outcome."""
        state = state or State()
        state.arguments = list(arguments)
        text = self.read(path, state)
        if text is not None:
            self.run_text(text.encode("utf-8", "replace"), path, (), state)
        return self.outcome(state)

    def outcome(self, state: State) -> Outcome:
        """Return what was gathered so far."""
        return Outcome(tuple(self.commands), dict(state.written), self.limited, tuple(self.damaged))

    def run_text(self, source: bytes, path: str, via: tuple[str, ...], state: State) -> Status:
        """Interpret the text of a script in this state (as `.` does)."""
        source = source.replace(UNKNOWN.encode(), b"?").replace(b"\r\n", b"\n")
        script = Script(path, source, via)
        root = tree_sitter.Parser(_LANGUAGE).parse(source).root_node
        if root.has_error and path not in self.damaged:
            self.damaged.append(path)
        try:
            return self.statements(root.named_children, script, state)
        except (_Exhausted, RecursionError):
            self.limited = True
            return None

    def step(self) -> None:
        """Count one step; raises when the bound is reached."""
        self._steps += 1
        if self._steps > self.limits.steps:
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
        method = getattr(self, f"_{node.type}", None)
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
        condition = " ".join(condition.split())[:160]
        one, other = state.fork(condition), state.fork(f"not ({condition})")
        first, second = yes(one), no(other)
        state.join(one, other)
        return first if first == second else None

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
        shown = text if operator == "&&" else f"not ({text})"

        def right(inner: State) -> Status:
            return self.statement(parts[1], script, inner)

        return self.branch(shown, wanted, state, right, lambda _: operator == "||")

    def _negated_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        return negated(self.statements(node.named_children, script, state))

    def _pipeline(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Run all parts; what flows between them is not followed."""
        status: Status = True
        for child in node.named_children:
            inner = state.fork("")
            inner.conditions = state.conditions
            status = self.statement(child, script, inner)
            state.written, state.removed = inner.written, inner.removed
        return (
            None
            if status is True and len(node.named_children) > 1 and self._asks(node.named_children[-1], script)
            else status
        )

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

    def _if_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        clauses: list[tuple[list[tree_sitter.Node], list[tree_sitter.Node]]] = []
        last: list[tree_sitter.Node] = []
        test: list[tree_sitter.Node] = []
        body: list[tree_sitter.Node] = []
        into = test
        for child in node.children:
            if child.type == "then":
                into = body
            elif child.type == "elif_clause":
                at = next((i for i, part in enumerate(child.children) if part.type == "then"), len(child.children))
                clauses.append(
                    (
                        [part for part in child.children[:at] if part.is_named],
                        [part for part in child.children[at:] if part.is_named],
                    )
                )
            elif child.type == "else_clause":
                last = child.named_children
            elif child.is_named:
                into.append(child)
        return self._clauses([(test, body), *clauses], last, script, state)

    def _clauses(
        self,
        clauses: list[tuple[list[tree_sitter.Node], list[tree_sitter.Node]]],
        last: list[tree_sitter.Node],
        script: Script,
        state: State,
    ) -> Status:
        if not clauses:
            return self.statements(last, script, state)
        test, body = clauses[0]
        status = self.statements(test, script, state)
        if state.flow:
            return status
        text = script.slice(test[0].start_byte, test[-1].end_byte) if test else "?"
        return self.branch(
            text,
            status,
            state,
            lambda inner: self.statements(body, script, inner),
            lambda inner: self._clauses(clauses[1:], last, script, inner),
        )

    def _case_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        value_node = node.child_by_field_name("value")
        value = self.expander(script, state).text(value_node) if value_node is not None else UNKNOWN
        items = [child for child in node.named_children if child.type == "case_item"]
        shown = script.slice(value_node.start_byte, value_node.end_byte) if value_node is not None else "?"
        return self._items(value, shown, items, script, state)

    def _items(self, value: str, shown: str, items: list[tree_sitter.Node], script: Script, state: State) -> Status:
        if not items:
            return True
        patterns = items[0].children_by_field_name("value")
        body = [child for child in items[0].named_children if child not in patterns]
        texts = [self.expander(script, state).text(pattern) for pattern in patterns]
        status: Status = False
        for text in texts:
            one = self._matches(value, text)
            status = True if status or one else (None if status is None or one is None else False)
        return self.branch(
            f"{shown} is {'|'.join(texts)}",
            status,
            state,
            lambda inner: self.statements(body, script, inner),
            lambda inner: self._items(value, shown, items[1:], script, inner),
        )

    def _matches(self, value: str, pattern: str) -> Status:
        if pattern == "*":
            return True
        if not (known(value) and known(pattern)):
            return None
        return fnmatch.fnmatchcase(value[:4096], pattern[:1024])

    def _for_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        name_node, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if name_node is None or body is None:
            return None
        name = script.slice(name_node.start_byte, name_node.end_byte)
        values = self.expander(script, state).fields(node.children_by_field_name("value"))
        if not node.children_by_field_name("value"):
            values = list(state.arguments)
        if len(values) > self.limits.rounds:
            self.limited = True
        status: Status = True
        for value in values[: self.limits.rounds]:
            state.variables[name] = value
            status = self.statements(body.named_children, script, state)
            if self._loop_left(state):
                break
        return status

    def _c_style_for_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        body = node.child_by_field_name("body")
        return None if body is None else self._once(body, "a counted loop", script, state)

    def _while_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Run the body once, under its condition where that is not known: a loop starts what it starts in its first round."""
        body = node.child_by_field_name("body")
        test = [child for child in node.children_by_field_name("condition") if child.is_named]
        status = self.statements(test, script, state)
        if node.children and node.children[0].type == "until":
            status = negated(status)
        text = script.slice(test[0].start_byte, test[-1].end_byte) if test else "?"
        if status is False or body is None:
            return True
        if status is None:
            return self._once(body, text, script, state)
        self.statements(body.named_children, script, state)
        self._loop_left(state)
        return True

    def _once(self, body: tree_sitter.Node, condition: str, script: Script, state: State) -> Status:
        def run(inner: State) -> Status:
            status = self.statements(body.named_children, script, inner)
            self._loop_left(inner)
            return status

        return self.branch(condition, None, state, run, lambda _: True)

    def _loop_left(self, state: State) -> bool:
        if state.flow in ("break", "continue"):
            left = state.flow == "break"
            state.flow = ""
            return left
        return bool(state.flow)

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
        status: Status = state.last if value is not None and value.type == "command_substitution" else True
        return status

    def _variable_assignments(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        return self.statements(node.named_children, script, state)

    def _declaration_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._variable_assignment(child, script, state)
            elif child.type == "variable_name" and node.children[0].type == "local":
                state.variables.setdefault(script.slice(child.start_byte, child.end_byte), "")
        return True

    def _test_command(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        words = self._flat(node, script, state)
        double = words[:1] == ["[["]
        match = self._matches if double else None
        return evaluate(words[1:-1], lambda operator, path: self.file_test(operator, path, state), match)

    def _flat(self, node: tree_sitter.Node, script: Script, state: State) -> list[str]:
        """Return the words of a test in their order; an unquoted word that is empty vanishes, as in the shell."""
        if node.type in _WORDS:
            expander = self.expander(script, state)
            return expander.fields([node]) if node.type in ("simple_expansion", "expansion") else [expander.text(node)]
        if not node.children:
            return [script.slice(node.start_byte, node.end_byte)]
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
        body, script = self.functions[name]
        if self._calls >= self.limits.calls:
            self.limited = True
            return None
        self._calls += 1
        before, conditions = state.arguments, state.conditions
        state.arguments = arguments
        inner = Script(script.path, script.source, (*script.via, line)) if line else script
        try:
            status = self.statements(body.named_children if body.type == "compound_statement" else [body], inner, state)
        finally:
            self._calls -= 1
        status = state.last if state.flow == "return" else status
        state.flow = "" if state.flow == "return" else state.flow
        state.arguments = before
        state.conditions = conditions + tuple(item for item in state.sticky if item not in conditions)
        return status

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

    def absolute(self, path: str, state: State) -> str:
        """Return the path from the root."""
        return path if path.startswith("/") else posixpath.normpath(posixpath.join(state.directory, path))

    def read(self, path: str, state: State) -> str | None:
        """Return a file as the script would see it: what was written before, else the tree."""
        path = self.absolute(path, state)
        if path in state.written:
            return state.written[path]
        resolved = self.tree.resolve(path)
        if resolved is not None and resolved in state.written:
            return state.written[resolved]
        return self.tree.text(path, limit=self.limits.text) if path not in state.removed else None

    def glob(self, pattern: str, state: State) -> list[str]:
        """Return what a pattern matches in the tree and among the files written."""
        found = set(self.tree.glob(pattern))
        found |= {
            path for path in state.written if fnmatch.fnmatchcase(path, pattern) and path.count("/") == pattern.count("/")
        }
        return sorted(found)

    def file_test(self, operator: str, path: str, state: State) -> Status:
        """Answer a file test from what was written and from the tree; what lives in memory at run time is not known."""
        if not path:
            return False
        if not known(path):
            return None
        path = self.absolute(path, state)
        if path in state.written:
            return {"-d": False, "-L": False, "-h": False}.get(
                operator, True if operator in ("-e", "-f", "-r", "-s", "-w", "-a") else None
            )
        there = self.tree.exists(path) or path in self.tree.entries
        if not there:
            return None if path.startswith(VOLATILE) or self._below_unknown(path) else False
        return self._of_entry(operator, path)

    def _below_unknown(self, path: str) -> bool:
        """Tell whether the path leads through a link to where memory file systems are mounted."""
        parts = path.split("/")
        for end in range(2, len(parts) + 1):
            entry = self.tree.entries.get("/".join(parts[:end]))
            if entry is not None and entry.target.startswith(VOLATILE):
                return True
        return False

    def _of_entry(self, operator: str, path: str) -> Status:
        entry = self.tree.entry(path)
        if operator == "-d":
            return self.tree.is_directory(path)
        if operator in ("-L", "-h"):
            literal = self.tree.entries.get(path)
            return literal is not None and bool(literal.target)
        if operator == "-f":
            return self.tree.is_file(path)
        if operator == "-x":
            return self.tree.is_directory(path) or (entry is not None and (entry.mode is None or bool(entry.mode & 0o111)))
        if operator == "-s":
            return entry is not None and entry.size > 0
        if operator in ("-c", "-b", "-p", "-S"):
            wanted = {"-c": "character", "-b": "block", "-p": "fifo", "-S": "socket"}[operator]
            return entry is not None and entry.type.value == wanted
        return True if operator in ("-e", "-a", "-r", "-w") else None

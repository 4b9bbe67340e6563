"""Compound commands: `if`, `case` and the loops (POSIX.1-2017 XCU 2.9.4)."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from aboveboard.readers.shell.conditions import negated
from aboveboard.readers.shell.state import STDIN, UNKNOWN, State, Status, known

if TYPE_CHECKING:
    import tree_sitter

    from aboveboard.readers.shell.interpreter import Interpreter, Script


class Compound:
    """Takes the branches that are decided, and both where they are not."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter

    def if_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Take the branch of the first test that succeeds; where that is not known, each in turn."""
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
            return self._interpreter.statements(last, script, state)
        test, body = clauses[0]
        status = self._interpreter.statements(test, script, state)
        if state.flow:
            return status
        text = script.slice(test[0].start_byte, test[-1].end_byte) if test else "?"
        return self._interpreter.branch(
            text,
            status,
            state,
            lambda inner: self._interpreter.statements(body, script, inner),
            lambda inner: self._clauses(clauses[1:], last, script, inner),
        )

    def case_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Take the items whose patterns match."""
        value_node = node.child_by_field_name("value")
        value = self._interpreter.expander(script, state).text(value_node) if value_node is not None else UNKNOWN
        items = [child for child in node.named_children if child.type == "case_item"]
        shown = script.slice(value_node.start_byte, value_node.end_byte) if value_node is not None else "?"
        return self._items(value, shown, items, script, state)

    def _items(self, value: str, shown: str, items: list[tree_sitter.Node], script: Script, state: State) -> Status:
        if not items:
            return True
        patterns = items[0].children_by_field_name("value")
        body = [child for child in items[0].named_children if child not in patterns]
        texts = [self._interpreter.expander(script, state).text(pattern) for pattern in patterns]
        status: Status = False
        for text in texts:
            one = self.matches(value, text)
            status = True if status or one else (None if status is None or one is None else False)
        return self._interpreter.branch(
            f"{shown} is {'|'.join(texts)}",
            status,
            state,
            lambda inner: self._interpreter.statements(body, script, inner),
            lambda inner: self._items(value, shown, items[1:], script, inner),
        )

    def matches(self, value: str, pattern: str) -> Status:
        """Tell whether a value matches a pattern (POSIX.1-2017 XCU 2.13), as far as both are known."""
        if pattern == "*":
            return True
        if not (known(value) and known(pattern)):
            return None
        return fnmatch.fnmatchcase(value[:4096], pattern[:1024])

    def for_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Run the body for each value, up to the bound on rounds."""
        name_node, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if name_node is None or body is None:
            return None
        name = script.slice(name_node.start_byte, name_node.end_byte)
        values = self._interpreter.expander(script, state).fields(node.children_by_field_name("value"))
        if not node.children_by_field_name("value"):
            values = list(state.arguments)
        if len(values) > self._interpreter.limits.rounds:
            self._interpreter.limited = True
        status: Status = True
        for value in values[: self._interpreter.limits.rounds]:
            state.variables[name] = value
            status = self._interpreter.statements(body.named_children, script, state)
            if self._loop_left(state):
                break
        return status

    def c_style_for_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Run the body of a counted loop once, under a condition."""
        body = node.child_by_field_name("body")
        return None if body is None else self._once(body, "a counted loop", script, state)

    def while_statement(self, node: tree_sitter.Node, script: Script, state: State) -> Status:
        """Run the body once, under its condition where that is not known: its first round starts what the loop starts."""
        body = node.child_by_field_name("body")
        conditions = node.children_by_field_name("condition")
        test = [child for child in conditions if child.is_named]
        status = self._interpreter.statements(test, script, state)
        if node.children and node.children[0].type == "until":
            status = negated(status)
        text = script.slice(test[0].start_byte, test[-1].end_byte) if test else "?"
        if status is False or body is None:
            return True
        if status is None:
            return self._once(body, text, script, state)
        for _ in range(self._interpreter.limits.rounds):
            before = state.variables.get(STDIN)
            self._interpreter.statements(body.named_children, script, state)
            left = self._loop_left(state)
            # another round only where the loop reads on in a known input: any other would start the same again
            if left or state.variables.get(STDIN) is None or not known(state.variables[STDIN]) or before is None:
                break
            if self._interpreter.statements(test, script, state) is not True:
                break
        return True

    def _once(self, body: tree_sitter.Node, condition: str, script: Script, state: State) -> Status:
        def run(inner: State) -> Status:
            status = self._interpreter.statements(body.named_children, script, inner)
            self._loop_left(inner)
            return status

        return self._interpreter.branch(condition, None, state, run, lambda _: True)

    def _loop_left(self, state: State) -> bool:
        if state.flow in ("break", "continue"):
            left = state.flow == "break"
            state.flow = ""
            return left
        return bool(state.flow)

"""Redirections: files that a script writes are there for what follows (POSIX.1-2017 XCU 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aboveboard.readers.shell.state import STDIN, UNKNOWN, State, Status, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from aboveboard.readers.shell.interpreter import Interpreter, Script

_NOWHERE = ("/dev/", "/proc/", "/sys/")
MAX_FILES = 1000


class Redirections:
    """Runs a redirected statement and keeps what it writes."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter

    def statement(self, node: Node, script: Script, state: State) -> Status:
        """Run the body; its output goes into the file that is named, here-documents into its input."""
        body = node.child_by_field_name("body")
        document: str | None = None
        target: tuple[str, bool] | None = None
        for redirect in node.children_by_field_name("redirect"):
            if redirect.type == "file_redirect" and any(child.type == "<" for child in redirect.children):
                document = self._input(redirect, script, state)
                continue
            if redirect.type == "heredoc_redirect":
                document = self._document(redirect, script, state)
                inner = [child for child in redirect.named_children if child.type == "file_redirect"]
            else:
                inner = [redirect]
            for item in inner:
                found = self._target(item, script, state)
                target = found if found is not None else target
        if body is None:
            self._keep(target, document or "", state, (script.path, node.start_point[0] + 1))
            return True

        def run() -> Status:
            if document is not None:
                state.variables[STDIN] = document
            try:
                return self._interpreter.statement(body, script, state)
            finally:
                state.variables.pop(STDIN, None)

        if target is None:
            return run()
        status, printed = self._interpreter.capture(run)
        self._keep(target, printed, state, (script.path, node.start_point[0] + 1))
        return status

    def _document(self, redirect: Node, script: Script, state: State) -> str:
        body = next((child for child in redirect.named_children if child.type == "heredoc_body"), None)
        start = next((child for child in redirect.named_children if child.type == "heredoc_start"), None)
        if body is None:
            return ""
        quoted = start is not None and any(sign in script.slice(start.start_byte, start.end_byte) for sign in "'\"\\")
        if quoted:
            return script.slice(body.start_byte, body.end_byte)
        return self._interpreter.expander(script, state).mixed(body, body.start_byte, body.end_byte)

    def _input(self, redirect: Node, script: Script, state: State) -> str:
        """Return what stands in the file that is read, as far as it is known."""
        destination = redirect.child_by_field_name("destination")
        path = self._interpreter.expander(script, state).text(destination) if destination is not None else UNKNOWN
        text = self._interpreter.files.read(path, state) if known(path) else None
        return UNKNOWN if text is None else text

    def _target(self, redirect: Node, script: Script, state: State) -> tuple[str, bool] | None:
        """Return the file that standard output goes to, and whether it is added to."""
        descriptor = redirect.child_by_field_name("descriptor")
        if descriptor is not None and script.slice(descriptor.start_byte, descriptor.end_byte) != "1":
            return None
        operator = next((child.type for child in redirect.children if not child.is_named), "")
        destination = redirect.child_by_field_name("destination")
        if destination is None or operator not in (">", ">>", ">|", "&>"):
            return None
        path = self._interpreter.expander(script, state).text(destination)
        return (path, operator == ">>")

    def _keep(self, target: tuple[str, bool] | None, text: str, state: State, place: tuple[str, int]) -> None:
        if target is None:
            return
        path, added = target
        if not known(path) or path.startswith(_NOWHERE) or not path:
            return
        path = self._interpreter.files.absolute(path, state)
        if len(state.written) >= MAX_FILES:
            self._interpreter.limited = True
            return
        before = (self._interpreter.files.read(path, state) or "") if added else ""
        before += "\n" if before.endswith(UNKNOWN) else ""  # what was added there were lines, if any
        state.written[path] = (before + text)[: self._interpreter.limits.text]
        state.removed.discard(path)
        self._interpreter.writers.setdefault(path, []).append(place)

"""Expansion of words: parameters, substitutions, fields and patterns (POSIX.1-2017 XCU 2.6)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aboveboard.readers.shell.conditions import not_empty
from aboveboard.readers.shell.state import UNKNOWN, State, Status, known
from aboveboard.readers.tree import MAX_GLOB

if TYPE_CHECKING:
    from tree_sitter import Node

    from aboveboard.readers.shell.interpreter import Interpreter, Script

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DQ_ESCAPE = re.compile(r"\\([$`\"\\\n])")
_ARITHMETIC = re.compile(r"^[\d\s+\-*/%()<>=!&|]+$")
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
MAX_STARS = 12  # of one pattern
MAX_TRIMMED = 1024  # characters; each of its ends is tried
LITERALS = frozenset({"word", "number", "variable_name", "test_operator", "extglob_pattern", "regex", "file_descriptor"})


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word: quoted pieces are neither split nor matched."""

    text: str
    quoted: bool


class Expander:
    """Expands the words of one script in one state."""

    def __init__(self, interpreter: Interpreter, script: Script, state: State) -> None:
        self._interpreter = interpreter
        self._script = script
        self._state = state

    def text(self, node: Node) -> str:
        """Return the word as one text, as in an assignment: no splitting, no patterns."""
        return self._clip("".join(part.text for part in self.parts(node)))

    def fields(self, nodes: Sequence[Node]) -> list[str]:
        """Return the fields of several words, split and matched against the tree."""
        out: list[str] = []
        for node in nodes:
            if self._raw(node).strip() in ('"$@"', '"${@}"'):  # each argument a field of its own, none where there are none
                out += self._state.arguments
                self._interpreter.step(len(self._state.arguments) // 8)
                continue
            out += self._fields(self.parts(node))
            if len(out) > self._interpreter.limits.fields:
                self._interpreter.limited = True
                return out[: self._interpreter.limits.fields]
        return out

    def parts(self, node: Node) -> list[Part]:
        """Return the pieces of one word."""
        self._interpreter.step()
        kind = node.type
        if kind in LITERALS and not node.named_children:
            return [Part(_ESCAPE.sub(r"\1", self._raw(node)), quoted="\\" in self._raw(node))]
        if kind == "raw_string":
            return [Part(self._raw(node)[1:-1], quoted=True)]
        if kind == "ansi_c_string":
            return [Part(self._raw(node)[2:-1], quoted=True)]
        if kind in ("string", "translated_string"):
            return [Part(self._string(node), quoted=True)]
        if kind in ("simple_expansion", "expansion"):
            # inside double quotes the grammar counts blanks before the sign to the expansion
            raw = self._raw(node)
            lead = raw[: len(raw) - len(raw.lstrip())]
            return [*([Part(lead, quoted=True)] if lead else []), *self._parameter(node)]
        if kind == "command_substitution":
            return [Part(self._interpreter.substitute(node, self._script, self._state), quoted=False)]
        if kind == "arithmetic_expansion":
            return [Part(self._arithmetic(node), quoted=False)]
        if kind in ("concatenation", "command_name", "word", "number", "extglob_pattern", "brace_expression"):
            return self._pieces(node)
        return [Part(self._raw(node) if not node.child_count else UNKNOWN, quoted=True)]

    def _pieces(self, node: Node) -> list[Part]:
        out: list[Part] = []
        at = node.start_byte
        for child in node.children:
            if child.start_byte > at:
                out.append(Part(self._script.slice(at, child.start_byte), quoted=False))
            out += self.parts(child)
            at = child.end_byte
        if at < node.end_byte:
            out.append(Part(self._script.slice(at, node.end_byte), quoted=False))
        return out

    def _string(self, node: Node) -> str:
        """Take the text between the quotes; what stands between the children of the node is text too."""
        start = self._script.source.find(b'"', node.start_byte) + 1
        return self.mixed(node, start, max(start, node.end_byte - 1))

    def mixed(self, node: Node, start: int, end: int) -> str:
        """Return text with expansions in it, as in double quotes and here-documents."""
        out: list[str] = []
        at = start
        for child in node.children:
            if child.type not in ("simple_expansion", "expansion", "command_substitution", "arithmetic_expansion"):
                continue
            out.append(_DQ_ESCAPE.sub(_unescape, self._script.slice(at, child.start_byte)))
            out.append(" ".join(part.text for part in self.parts(child)))
            at = child.end_byte
        out.append(_DQ_ESCAPE.sub(_unescape, self._script.slice(at, end)))
        return self._clip("".join(out))

    def _parameter(self, node: Node) -> list[Part]:
        if node.type == "simple_expansion":
            name = self._raw(node).lstrip()[1:]
            if name == "@":
                return [Part(argument, quoted=False) for argument in _spaced(self._state.arguments)]
            return [Part(self.value(name), quoted=False)]
        return [Part(self._braced(self._raw(node).strip(), node), quoted=False)]

    def value(self, name: str) -> str:
        """Return a parameter; one that was never set is empty, as a boot script starts with next to nothing."""
        state = self._state
        if name.isdigit():
            if name == "0":
                return self._script.path
            return state.arguments[int(name) - 1] if int(name) <= len(state.arguments) else ""
        if name in ("@", "*"):
            return " ".join(state.arguments)
        if name == "#":
            return UNKNOWN if UNKNOWN in state.arguments else str(len(state.arguments))
        if name == "?":
            return {True: "0", False: "1"}.get(state.last, UNKNOWN) if state.last is not None else UNKNOWN
        if name == "$":
            return "PID"  # some number, and the same throughout: files named by it are found again
        if name in ("!", "PPID", "RANDOM", "LINENO", "HOSTNAME", "-"):
            return UNKNOWN
        return state.variables.get(name, "")

    def _braced(self, raw: str, node: Node) -> str:
        inner = raw[2:-1]
        if inner.startswith("#") and len(inner) > 1:
            value = self.value(inner[1:])
            return str(len(value)) if known(value) else UNKNOWN
        match = re.match(r"^(\w+|[@*#?$!-])(:?[-=+?]|##?|%%?|//?|:|\^\^?|,,?|\[)?", inner)
        if match is None or inner.startswith("!"):
            return UNKNOWN
        name, operator = match[1], match[2] or ""
        value = self.value(name)
        if not operator:
            return value
        lead = len(self._raw(node)) - len(self._raw(node).lstrip())
        rest = self._rest(node, node.start_byte + lead + 2 + match.end())
        return self._operate(name, value, operator, rest)

    def _rest(self, node: Node, start: int) -> str:
        """Return the word behind the operator of `${name operator word}`, its expansions and quotes resolved."""
        out: list[str] = []
        at = start
        for child in node.children:
            if child.start_byte < start or not child.is_named:
                continue
            out.append(self._script.slice(at, child.start_byte))
            if child.type == "regex":  # a pattern: the grammar does not look for expansions in it
                out.append(_NAME.sub(lambda match: self.value(match[1] or match[2]), self._raw(child)))
            else:
                out += [part.text for part in self.parts(child)]
            at = child.end_byte
        out.append(self._script.slice(at, max(at, node.end_byte - 1)))
        return self._clip("".join(out))

    def _operate(self, name: str, value: str, operator: str, rest: str) -> str:
        if operator.lstrip(":") in ("-", "=", "+", "?") and operator.lstrip(":"):
            present: Status = not_empty(value) if operator.startswith(":") else name in self._state.variables
            kind = operator[-1]
            if kind == "+":
                return UNKNOWN if present is None else (rest if present else "")
            if present is None:
                return UNKNOWN
            if not present and kind == "=":
                self._state.variables[name] = rest
            return value if present else rest
        if operator in ("#", "##", "%", "%%"):
            self._interpreter.step(len(value) // 4)
            return trim(value, operator, rest)
        return UNKNOWN

    def _arithmetic(self, node: Node) -> str:
        inner = self._raw(node)
        inner = inner[3:-2] if inner.startswith("$((") else inner[2:-1]
        names = re.sub(r"\$?\{?([A-Za-z_]\w*)\}?", lambda match: self.value(match[1]) or "0", inner)
        names = re.sub(r"\$(\d)", lambda match: self.value(match[1]) or "0", names)
        return calculate(names)

    def _fields(self, parts: list[Part]) -> list[str]:
        """Split at white space outside quotes, then match what holds a pattern against the tree."""
        fields: list[tuple[str, bool]] = []
        open_field: tuple[str, bool] | None = None
        for part in parts:
            if part.quoted:
                text, pattern = open_field or ("", False)
                open_field = (text + part.text, pattern)
                continue
            pieces = re.split(r"([ \t\n]+)", part.text)
            self._interpreter.step(len(pieces) // 8)
            for piece in pieces:
                if piece and piece.isspace():
                    if open_field is not None:
                        fields.append(open_field)
                    open_field = None
                elif piece:
                    text, pattern = open_field or ("", False)
                    open_field = (text + piece, pattern or any(sign in piece for sign in "*?["))
        if open_field is not None:
            fields.append(open_field)
        out: list[str] = []
        for text, pattern in fields:
            out += self._matched(self._clip(text)) if pattern else [self._clip(text)]
        return out

    def _matched(self, text: str) -> list[str]:
        if not known(text):
            return [text]
        path = text if text.startswith("/") else f"{self._state.directory.rstrip('/')}/{text}"
        if path.count("*") > MAX_STARS:
            self._interpreter.limited = True
            return [text]
        found = self._interpreter.files.glob(path, self._state)
        self._interpreter.step(len(found) // 8 + len(self._state.written) // 8)
        if len(found) >= MAX_GLOB:
            self._interpreter.limited = True
        return found or [text]

    def _raw(self, node: Node) -> str:
        return self._script.slice(node.start_byte, node.end_byte)

    def _clip(self, text: str) -> str:
        limit = self._interpreter.limits.text
        self._interpreter.step(len(text) // 1024)
        if len(text) > limit:
            self._interpreter.limited = True
            return text[:limit] + UNKNOWN
        return text


def trim(value: str, operator: str, pattern: str) -> str:
    """Return the value without the prefix or suffix that matches; the doubled operator takes the longest."""
    if not (known(value) and known(pattern)) or len(value) > MAX_TRIMMED or pattern.count("*") > MAX_STARS:
        return UNKNOWN
    ends = range(len(value) + 1)
    if operator[0] == "#":
        order = ends if operator == "#" else reversed(ends)
        return next((value[end:] for end in order if fnmatch.fnmatchcase(value[:end], pattern)), value)
    order = reversed(ends) if operator == "%" else ends
    return next((value[:start] for start in order if fnmatch.fnmatchcase(value[start:], pattern)), value)


def calculate(text: str) -> str:
    """Return the value of an arithmetic expression of integers, as `$((...))` does for + - * / % and brackets."""
    if not known(text) or len(text) > 200 or not _ARITHMETIC.match(text):
        return UNKNOWN
    tokens = re.findall(r"\d+|[+\-*/%()]", text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        return UNKNOWN
    try:
        value, at = _sum(tokens, 0, 0)
    except (IndexError, ValueError, ZeroDivisionError, RecursionError):
        return UNKNOWN
    return str(value) if at == len(tokens) else UNKNOWN


def _sum(tokens: list[str], at: int, depth: int) -> tuple[int, int]:
    value, at = _product(tokens, at, depth)
    while at < len(tokens) and tokens[at] in "+-":
        other, after = _product(tokens, at + 1, depth)
        value, at = (value + other if tokens[at] == "+" else value - other), after
    return value, at


def _product(tokens: list[str], at: int, depth: int) -> tuple[int, int]:
    value, at = _factor(tokens, at, depth)
    while at < len(tokens) and tokens[at] in "*/%":
        other, after = _factor(tokens, at + 1, depth)
        if tokens[at] == "*":
            value *= other
        elif tokens[at] == "/":
            value //= other
        else:
            value %= other
        at = after
    return value, at


def _factor(tokens: list[str], at: int, depth: int) -> tuple[int, int]:
    if depth > 50:
        raise ValueError("nested too deep")
    if tokens[at] == "(":
        value, at = _sum(tokens, at + 1, depth + 1)
        return value, at + 1
    if tokens[at] == "-":
        value, at = _factor(tokens, at + 1, depth + 1)
        return -value, at
    return int(tokens[at]), at + 1


def _spaced(arguments: list[str]) -> list[str]:
    out: list[str] = []
    for number, argument in enumerate(arguments):
        out += [" ", argument] if number else [argument]
    return out


def _unescape(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]

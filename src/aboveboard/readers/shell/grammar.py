"""The grammar of scripts: tree-sitter-bash, kept from what it cannot take, and where a script does not parse."""

from __future__ import annotations

import re

import tree_sitter
import tree_sitter_bash

_LANGUAGE = tree_sitter.Language(tree_sitter_bash.language())
# The grammar's scanner asks C's isalnum about characters beyond a byte, which reads outside of a table and may crash.
_ASCII = bytes(range(0x80)) + b"_" * 0x80
# Between double quotes a single one is a letter (POSIX.1-2017, 2.2.3); in `"${1:+'$2'}"` the grammar takes it for a quote.
_QUOTED = re.compile(rb"\$\{\w+:?[-+=?][^{}\"\n]*'[^{}\"\n]*\}")
# After `-gt` and the like the grammar may take all up to the next `]`, lines below, for one test: it is shown `=` in their
# place, in the middle, and `operator` reads the source.
_TEST = re.compile(rb"(?<![^\s;&|(!])\[{1,2}[ \t][^\n]*?[ \t]\]")
_NUMERIC = re.compile(rb"(?<=[ \t])-(?:gt|lt|ge|le|eq|ne)(?=[ \t])")
_OPEN_TEST = re.compile(rb"\[[ \t][^\]\n]*\n")  # what goes on over a line, or is no test at all
_NAMES = frozenset({b"-gt", b"-lt", b"-ge", b"-le", b"-eq", b"-ne"})


def operator(source: bytes, start: int, end: int) -> str:
    """Return the operator of a test at this place: the grammar was shown `=` where `-gt` and the like stand."""
    wide = source[max(0, start - 1) : end + 1]
    return (wide if wide in _NAMES else source[start:end]).decode("utf-8", "replace")


def parse(source: bytes) -> tree_sitter.Node:
    """Parse a script with every byte above ASCII as a letter; lengths stay, so that texts are taken from the source."""
    parser, masked = tree_sitter.Parser(_LANGUAGE), source.translate(_ASCII)
    masked = _TEST.sub(lambda match: _NUMERIC.sub(b" = ", match[0]), masked)
    root = parser.parse(masked).root_node
    if root.has_error:
        other = _QUOTED.sub(lambda match: match[0].replace(b"'", b"."), masked)
        second = parser.parse(other).root_node if other != masked else root
        if not second.has_error:
            return second
    return root


def first_error(root: tree_sitter.Node, source: bytes) -> int:
    """Return the line of the first piece that does not parse, 0 for none, or where only a separator is missing.

    A test that goes on over a line that does not end in a backslash took in what is none of it.
    """
    if not root.has_error and _OPEN_TEST.search(source) is None:
        return 0
    pending = [root]
    lines: list[int] = []
    while pending:
        node = pending.pop()
        text = source[node.start_byte : node.end_byte] if node.type == "test_command" else b""
        if node.is_error or (not text.startswith(b"[[") and b"\n" in text.replace(b"\\\n", b"")):
            lines.append(int(node.start_point[0]) + 1)
        else:
            pending += node.children
    return min(lines, default=0)

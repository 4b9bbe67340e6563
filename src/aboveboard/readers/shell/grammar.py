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


def parse(source: bytes) -> tree_sitter.Node:
    """Parse a script with every byte above ASCII as a letter; lengths stay, so that texts are taken from the source."""
    parser, masked = tree_sitter.Parser(_LANGUAGE), source.translate(_ASCII)
    root = parser.parse(masked).root_node
    if root.has_error:
        other = _QUOTED.sub(lambda match: match[0].replace(b"'", b"."), masked)
        second = parser.parse(other).root_node if other != masked else root
        if not second.has_error:
            return second
    return root


def first_error(root: tree_sitter.Node) -> int:
    """Return the line of the first piece that does not parse, 0 where only a separator is missing."""
    pending = [root]
    lines: list[int] = []
    while pending:
        node = pending.pop()
        if node.is_error:
            lines.append(int(node.start_point[0]) + 1)
        elif node.has_error:
            pending += node.children
    return min(lines, default=0)

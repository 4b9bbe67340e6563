"""Recognises functions of the file that compare, by what they do: they are run on known texts.

A program may bring its own `strcmp`, or hold the C library's without a name. Only small functions that call nothing of the
system are tried, within a bound of operations.
"""

from __future__ import annotations

from collections.abc import Sequence

from aboveboard.readers.flow.emulate import HEAP, Emulator, StoppedError
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.trace import Trace

MAX_INSTRUCTIONS = 400
MAX_OPERATIONS = 6_000
_FIRST, _SECOND = HEAP + 0x100000, HEAP + 0x101000
_EQUAL, _DIFFERENT, _PREFIX, _CASE = (
    (b"kWz1rTq8p", b"kWz1rTq8p"),
    (b"kWz1rTq8p", b"kWz1rTq9p"),
    (b"kWz1rT", b"kWz1rTq8p"),
    (
        b"kWz1rTq8p",
        b"KwZ1RtQ8P",
    ),
)
# What a function returns for these, 0 or not: its name. The third argument is a number of bytes.
_TRIALS = (_EQUAL, _DIFFERENT, _PREFIX, _CASE)
_SIGNS: dict[tuple[int, ...], str] = {
    (0, 1, 1, 1, 1): "strcmp",
    (0, 1, 1, 0, 1): "strcasecmp",
    (0, 0, 1, 1, 0): "strncmp",
    (0, 0, 0, 1, 0): "strncmp",
    (0, 0, 0, 0, 0): "",
    (0, 0, 1, 0, 0): "strncasecmp",
}


UNSURE = "compares?"  # a function of a library that only reads; its code could not be run


def _only_reads(trace: Trace) -> bool:
    """Tell whether a function calls and writes nothing, and chooses between several ways."""
    return not trace.sites and not trace.stores and sum(len(edges) > 1 for edges in trace.edges.values()) >= 3


class Behaviour:
    """Answers for one program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[int, str] = {}

    def name(self, function: int) -> str:
        """Return the function of the C library that a function acts like: strcmp, strncmp, ..., empty for others."""
        if function not in self._known:
            self._known[function] = self._find(function)
        return self._known[function]

    def _find(self, function: int) -> str:
        trace = self._program.traces.get(function)
        if trace is None or trace.instructions > MAX_INSTRUCTIONS or trace.instructions < 4:
            return ""
        if len(trace.edges) < 2 or any(site.name or site.target < 0 for site in trace.sites) or len(trace.sites) > 3:
            return ""
        found = []
        for first, second in _TRIALS:
            result = self._run(function, first, second, 6)
            if result is None:
                return "" if self._program.is_own(function) or not _only_reads(trace) else UNSURE
            found.append(result)
        longer = self._run(function, *_DIFFERENT, 9)
        if longer is None:
            return ""
        signs = tuple(int(one != 0) for one in (*found, longer))
        if signs == (1, 0, 0, 0, 0):
            return "same-text" if found[0] == 1 else "strstr"  # 1, or the place, where the texts are the same
        named = _SIGNS.get(signs, "")
        if signs[:4] == (0, 0, 0, 1) and longer:
            return "strncmp"
        if signs[:4] == (0, 0, 0, 0) and longer:
            return "strncasecmp"
        if signs == (0, 0, 0, 1, 1):
            return "memcmp"
        return named

    def _run(self, function: int, first: bytes, second: bytes, size: int) -> int | None:
        code = self._program.function(function)
        if code is None:
            return None
        run = Emulator(self._program.elf, self._program.function, self._program.imported, operations=MAX_OPERATIONS)
        run.put(_FIRST, first.ljust(64, b"\0"))
        run.put(_SECOND, second.ljust(64, b"\0"))
        try:
            result = run.call(code, [_FIRST, _SECOND, size])
        except (StoppedError, OverflowError, KeyError):
            return None
        return None if result is None else result & 0xFFFFFFFF


def texts(values: Sequence[bytes]) -> list[bytes]:
    """Return texts without what follows their zero byte."""
    return [one.split(b"\0", 1)[0] for one in values]

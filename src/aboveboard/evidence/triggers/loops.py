"""Comparisons that a program makes byte by byte in a loop, with a table of constants that may be changed on the way.

What leaves such a loop on the other side than at the first difference is a match with the whole table. The bytes that
would be sent are worked out from the table: what is done to them on either side is undone where it is adding, exclusive or,
or negation.
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.evidence.triggers.built import Built
from aboveboard.evidence.triggers.matches import Match
from aboveboard.evidence.triggers.several import spread
from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.trace import Edge, Trace
from aboveboard.readers.flow.values import ADD, NOT, SUB, XOR, Value, parts

MAX_BYTES = 64


def loop_matches(trace: Trace, edge: Edge, graph: Graph, origins: Origins, built: Built) -> Iterator[Match]:
    """Return the match that holds where a way leaves a loop after all was equal, or all differences add up to none."""
    yield from _of_differences(trace, edge, origins)
    loop = graph.loop(edge.source)
    if not loop or edge.target in loop:
        return
    for block in sorted(loop):
        for inner in trace.edges.get(block, ()):
            if inner.target in loop or (inner.source, inner.target) == (edge.source, edge.target):
                continue
            if type(inner.test) is tuple and inner.test[0] == "!":
                found = _compared(trace, inner.test[1], inner.test[2], origins)
                if found is not None:
                    address = trace.compared.get(block) or trace.ends.get(block, block >> 1)
                    head = min(loop, key=lambda one: len(graph.before(one)))
                    raw = _table(found[0], trace, head, graph, origins, built, _length(edge))
                    if raw:
                        yield _match(found, raw, address, edge)
                    return


def _of_differences(trace: Trace, edge: Edge, origins: Origins) -> Iterator[Match]:
    """All differences are gathered with "or", and their sum is asked for once."""
    test = edge.test
    if type(test) is not tuple or test[0] != "=" or test[2] != 0 or type(test[1]) is not tuple or test[1][0] != "f":
        return
    for value in spread(trace, test[1], 3):
        for one in parts(value):
            if one[0] == "o" and one[1] == XOR and type(one[3]) is tuple:
                found = _compared(trace, one[2], one[3], origins)
                if found is not None:
                    address = trace.compared.get(edge.source) or trace.ends.get(edge.source, edge.source >> 1)
                    yield _match(found, origins.bytes(found[0], None), address, edge)
                    return


_Sides = tuple[int, Value, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]  # table, sent, what is done to each


def _compared(trace: Trace, a: Value, b: Value, origins: Origins) -> _Sides | None:
    """Return the table, what is compared with it, and what is done to each, where one side is a byte of a table."""
    for table, sent in ((a, b), (b, a)):
        one, other = _undone(table), _undone(sent)
        if one is None or other is None:
            continue
        start = _start(trace, one[0], origins)
        if start and not _start(trace, other[0], origins):
            return start, other[0], one[1], other[1]
    return None


def _undone(value: Value) -> tuple[Value, tuple[tuple[int, int], ...]] | None:
    """Return the load of a byte inside a value, and the operations with numbers around it, the outermost first."""
    done: list[tuple[int, int]] = []
    while type(value) is tuple and len(done) < 6:
        if value[0] == "m" and value[2] == 1:
            return value[1], tuple(done)
        if value[0] == "+":
            done.append((ADD, value[2]))
            value = value[1]
        elif value[0] == "o" and value[1] in (XOR, SUB) and type(value[3]) is int:
            done.append((value[1], value[3]))
            value = value[2]
        elif value[0] == "o" and value[1] == NOT:
            done.append((NOT, 0))
            value = value[2]
        else:
            return None
    return None


def _start(trace: Trace, place: Value, origins: Origins) -> int:
    """Return the address of the table that a running place lies in, 0 where it is none of the file's constants."""
    values = [place, *(one for part in parts(place) if part[0] == "f" for one in spread(trace, part, 2))]
    for value in values:
        numbers = [one for part in parts(value) for one in part[1:] if type(one) is int]
        for number in [value, *numbers] if type(value) is int else numbers:
            at = number & origins.mask
            if at >= 0x200 and (origins.is_fixed(at) or origins.is_on_stack(at)):
                return at
    return 0


def _length(edge: Edge) -> int:
    """Return after how many bytes a loop is left, where a number says so."""
    test = edge.test
    if type(test) is tuple and test[0] in "=<" and type(test[2]) is int and 1 < test[2] <= MAX_BYTES:
        return int(test[2])
    if type(test) is tuple and test[0] == "=" and type(test[1]) is tuple and test[1][0] == "<" and type(test[1][2]) is int:
        return int(test[1][2]) if 1 < test[1][2] <= MAX_BYTES else 0
    return 0


def _table(start: int, trace: Trace, head: int, graph: Graph, origins: Origins, built: Built, length: int) -> bytes:
    """Return the constant that a loop compares with: of the file, or as the function has put it on its stack."""
    if origins.is_fixed(start):
        raw = origins.bytes(start, length or None)
        return b"" if origins.is_code_text(start, raw) or not raw.strip(b"\0") else raw
    return built.on_stack(trace.start, head, start, graph)


def _match(found: _Sides, raw: bytes, address: int, edge: Edge) -> Match:
    _, sent, of_table, of_sent = found
    made = bytes(_solved(byte, of_table, of_sent) for byte in raw)
    changed = bool(of_table or of_sent)
    return Match(
        "built" if changed else "compare", ("m", sent, 1), made, address, way=(edge.source, edge.target), wanted="loop"
    )


def _solved(byte: int, of_table: tuple[tuple[int, int], ...], of_sent: tuple[tuple[int, int], ...]) -> int:
    """Return the byte that, changed as what is sent is, equals a byte of the table, changed as that is."""
    for code, number in reversed(of_table):
        byte = byte + number if code == ADD else byte - number if code == SUB else byte ^ number if code == XOR else ~byte
    for code, number in of_sent:
        byte = byte - number if code == ADD else byte + number if code == SUB else byte ^ number if code == XOR else ~byte
    return byte & 0xFF

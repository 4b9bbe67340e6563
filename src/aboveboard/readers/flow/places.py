"""The calls and stores of one function, by the places in memory that they are given or write to."""

from __future__ import annotations

from collections.abc import Iterable

from aboveboard.readers.flow.trace import Site, Store, Trace
from aboveboard.readers.flow.values import ADD, Value


class Index:
    """The calls and stores of one function by place."""

    def __init__(self, trace: Trace, mask: int) -> None:
        self.at = {site.address: site for site in trace.sites}
        self.given: dict[Value, list[tuple[int, Site]]] = {}
        for site in trace.sites:
            for number, value in enumerate(site.arguments):
                for one in _bases(value, mask):
                    self.given.setdefault(one, []).append((number, site))
        self.stores: dict[Value, list[Store]] = {}
        for store in trace.stores:
            for start in _starts(trace, store.place):
                self.stores.setdefault(start, []).append(store)
        self._numbers = sorted(one for one in self.given if type(one) is int)

    def before(self, place: int, reach: int) -> Iterable[int]:
        """Return the given places that lie before one, the nearest first."""
        return [one for one in reversed(self._numbers) if place - reach <= one < place][:8]


def _starts(trace: Trace, place: Value) -> list[Value]:
    """Return a place that is written, and where a running place started."""
    found: list[Value] = [place]
    row: list[Value] = [place]
    seen: set[Value] = set()
    while row and len(seen) < 16:
        one = row.pop()
        if one in seen:
            continue
        seen.add(one)
        if type(one) is tuple and one[0] == "f":
            row += trace.merged.get((one[1], one[2]), {}).values()
        elif type(one) is tuple and one[0] == "+" and abs(one[2]) < 64:
            row.append(one[1])
            found.append(one)
        elif one != place:
            found.append(one)
    return found


def _bases(value: Value | None, mask: int) -> list[Value]:
    """Return a place, and the start of the buffer that a running place lies in."""
    if value is None or (type(value) is int and value <= 4096):
        return []
    found: list[Value] = [value]
    while type(value) is tuple and (value[0] == "+" or (value[0] == "o" and value[1] == ADD)):
        if value[0] == "+":
            if value[2] & mask > 4096 and abs(value[2]) > 4096:
                found.append(value[2] & mask)
            value = value[1]
            if type(value) is tuple and value[0] == "o":
                continue
            break
        value = next((one for one in value[2:4] if type(one) is tuple and one[0] in "pcm"), None)
        if value is not None:
            found.append(value)
    return found


def covers(site: Site, distance: int, *, known: bool = False) -> bool:
    """Tell whether a call that fills a buffer writes so far behind its start; 16 bytes where that is not known."""
    sizes = {
        "read": 2,
        "recv": 2,
        "recvfrom": 2,
        "__read_chk": 2,
        "__recv_chk": 2,
        "__recvfrom_chk": 2,
        "fgets": 1,
        "fread": 2,
    }
    number = sizes.get(site.name)
    size = site.arguments[number] if number is not None else None
    if type(size) is not int:
        return distance < 16 or not known
    return distance < size

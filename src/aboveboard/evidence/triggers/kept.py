"""What a program keeps, by object: the stores and copies that fill a place, and where its content comes from."""

from __future__ import annotations

from functools import cached_property

from aboveboard.readers.flow.objects import Name, Objects
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.sources import COPIES, FILLS, OUTSIDE, SCANS
from aboveboard.readers.flow.substitute import substituted
from aboveboard.readers.flow.trace import Site, Store
from aboveboard.readers.flow.values import Value, parts

MAX_STORES = 24  # of one place: more are of a buffer, or of several things with one name


class Kept:
    """Answers for one program. Answers are kept."""

    def __init__(self, origins: Origins) -> None:
        self.program, self.origins = origins.program, origins
        self._objects = Objects(origins)

    def fills(self, function: int, place: Value, size: int) -> tuple[list[tuple[int, Site]], list[tuple[int, Store]]]:
        """Return the calls and stores that fill a place, with their functions; none where there are too many."""
        name = self._objects.name(function, place)
        filled, stored = self._filled.get(name, []) if size == 1 else [], self._stored.get(name, [])
        if len(filled) + len(stored) > MAX_STORES:
            return [], []
        return filled, [(start, store) for start, store in stored if store.size == size]

    def without_itself(self, value: Value, start: int, store: Store) -> Value:
        """Return what a store adds to what is kept: a flag that is set in a number of flags."""
        if type(value) is not tuple:
            return value
        name = self._objects.name(start, store.place)
        for part in parts(value):
            if part[0] == "m" and self._objects.name(start, part[1]) == name:
                new = substituted(value, part, 0)
                value = value if new is None else new
        return value

    @cached_property
    def _filled(self) -> dict[Name, list[tuple[int, Site]]]:
        """The calls that put a text somewhere, by where."""
        found: dict[Name, list[tuple[int, Site]]] = {}
        writers = {
            (start, place[1])
            for start, trace in self.program.traces.items()
            for store in trace.stores
            for place in parts(store.place)
            if place[0] == "p" and store.size == 1
        }
        for start, trace in sorted(self.program.traces.items()):
            for site in trace.sites if self.program.is_own(start) else ():
                given = (
                    [COPIES[site.name][0]] if site.name in COPIES else [FILLS[site.name][0]] if site.name in FILLS else []
                )
                given += range(2, 6) if site.name in SCANS else ()
                given += [number for number in range(3) if not site.name and (site.target, number) in writers]
                for number in given:
                    place = site.arguments[number]
                    if place is not None and not (isinstance(place, int) and place <= 4096):
                        found.setdefault(self._objects.name(start, place), []).append((start, site))
        return found

    def came_from(self, function: int, subject: Value, levels: int = 2) -> frozenset[str]:
        """Return where something comes from, also through places that other functions fill."""
        found = self.origins.of(function, subject)
        if found & OUTSIDE or not levels:
            return found
        places: list[Value] = [subject, *(part[1] for part in parts(subject) if part[0] == "m")]
        for place in dict.fromkeys(places):
            if isinstance(place, int) and place <= 4096:
                continue
            name = self._objects.name(function, place)
            for start, store in self._stored.get(name, ())[:MAX_STORES]:
                if type(store.value) is tuple:
                    found |= self.came_from(start, store.value, levels - 1)
            for start, site in self._filled.get(name, ())[:MAX_STORES]:
                for given in site.arguments[:6]:
                    if given is not None and not (isinstance(given, int) and given <= 4096):
                        found |= self.came_from(start, given, levels - 1)
            if found & OUTSIDE:
                break
        return found

    @cached_property
    def taken(self) -> dict[int, list[tuple[int, int]]]:
        """For each function, the functions and blocks in which its address is a number: there it may be chosen."""
        found: dict[int, list[tuple[int, int]]] = {}
        mask = ~1 if self.program.elf.machine in ("mips", "arm") else ~0
        for start, trace in sorted(self.program.traces.items()):
            numbers = [(store.block, store.value) for store in trace.stores]
            numbers += [(site.block, one) for site in trace.sites for one in site.arguments]
            numbers += [(source, one) for ways in trace.merged.values() for source, one in ways.items()]
            numbers += list(trace.returns.items())
            for block, value in numbers:
                if type(value) is int and value & mask in self.program.traces and value & mask != start:
                    row = found.setdefault(value & mask, [])
                    if (start, block) not in row:
                        row.append((start, block))
        return found

    @cached_property
    def _stored(self) -> dict[Name, list[tuple[int, Store]]]:
        found: dict[Name, list[tuple[int, Store]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            if self.program.is_own(start):
                for store in trace.stores:
                    if store.size <= 8:
                        found.setdefault(self._objects.name(start, store.place), []).append((start, store))
        return found

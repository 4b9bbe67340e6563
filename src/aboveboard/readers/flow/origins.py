"""Where values come from: the network, standard input, files, the environment, arguments, settings, constants.

Sources: POSIX.1-2017; RFC 3875 (the environment of CGI programs). A value is followed back through assignments, string
functions, buffers that a call fills, fields that a called function writes, parameters and results, within bounds. What is
not found is simply not there: an empty set says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from aboveboard.readers.flow.places import Index, covers
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.sources import (
    ARGUMENT,
    CGI,
    CHARACTERS,
    COMMAND,
    COPIES,
    ENVIRONMENT,
    FILE,
    FILLS,
    GIVES,
    NETWORK,
    OF_CGI,
    OPENS,
    OPENS_SOCKETS,
    OUTSIDE,
    SCANS,
    SETTINGS,
    STDIN,
    STREAM,
    STREAM_SCANS,
    THROUGH,
)
from aboveboard.readers.flow.trace import Site
from aboveboard.readers.flow.values import Value, apart, plus, root
from aboveboard.readers.flow.whole import Whole

MAX_DEPTH = 14
_TALKED = frozenset("accept accept4 recv recvfrom recvmsg SSL_read __recv_chk __recvfrom_chk getchar gets".split())
MAX_WORK = 400


class Origins(Whole):
    """Answers for one program. Answers are kept."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._known: dict[tuple[int, Value, bool], frozenset[str]] = {}
        self._indices: dict[int, Index] = {}
        self._work = 0
        self._asked: dict[tuple[int, Value], set[str]] = {}  # what functions put behind their parameters, in this answer

    def of(self, function: int, value: Value | None) -> frozenset[str]:
        """Return where a value, or what it points to, comes from."""
        if value is None:
            return frozenset()
        self._work, self._asked = 0, {}
        return self._of(function, value, 0, frozenset())

    def sent(self, function: int, value: Value | None) -> frozenset[str]:
        """Return where from outside a value comes; files are none of it in a program that has others who talk to it."""
        found = self.of(function, value) & OUTSIDE
        return found - {FILE} if self.talks else found

    @cached_property
    def talks(self) -> bool:
        """Tell whether the program is talked to: by a network, by a web server, or on its standard input."""
        for start, trace in self.program.traces.items():
            for site in trace.sites:
                if site.name in _TALKED or (site.name == "getenv" and self._result(start, site, 0, frozenset()) & {CGI}):
                    return True
        return any(name == "stdin" for name in self._elf.copied.values())

    def is_content(self, function: int, place: Value, depth: int = 0) -> bool:
        """Tell whether the bytes at a place themselves come from outside: they lie in a buffer that a call reads into."""
        if depth > 5:
            return False
        index = self.index(function)
        base, distance = apart(place)
        starts: list[tuple[Value, int]] = [(place, 0), (base, distance)] if base else [(place, 0)]
        if type(place) is int:
            starts += [(start, place - start) for start in index.before(place, 4096)]
        for start, far in starts:
            for number, site in index.given.get(start, ())[:16]:
                if site.name in FILLS and FILLS[site.name][0] == number and covers(site, far, known=True):
                    return True
        if type(base) is tuple and base[0] == "p":
            full = (1 << self._elf.bits) - 1
            for caller, site in self._calls(function)[:6]:
                given = site.arguments[base[1]] if base[1] < len(site.arguments) else None
                if (
                    given is not None
                    and not _is_small(given)
                    and self.is_content(caller, plus(given, distance, full), depth + 1)
                ):
                    return True
        return False

    def _calls(self, function: int) -> list[tuple[int, Site]]:
        return self.callers.get(function) or self.indirect.get(function, [])

    def index(self, function: int) -> Index:
        """Return the calls of a function by what they are given."""
        if function not in self._indices:
            self._indices[function] = Index(self.program.traces[function], (1 << self._elf.bits) - 1)
        return self._indices[function]

    def _of(self, function: int, value: Value, depth: int, seen: frozenset[tuple[int, Value]]) -> frozenset[str]:
        key = (function, value, False)
        if key in self._known:
            return self._known[key]
        self._work += 1
        if depth > MAX_DEPTH or (function, value) in seen or self._work > MAX_WORK:
            return frozenset()
        inner = seen | {(function, value)}
        found = frozenset(self._find(function, value, depth + 1, inner))
        if not seen or found:
            self._known[key] = found
        return found

    def _find(self, function: int, value: Value, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        if isinstance(value, int):
            return self._buffer(function, value, depth, seen) if value > 4096 else set()
        kind = value[0]
        if kind == "m":
            return self._memory(function, value[1], depth, seen)
        if kind == "+":
            return self._buffer(function, value, depth, seen) or set(self._of(function, value[1], depth, seen))
        found: set[str] = set()
        if kind in "pc":
            site = self.index(function).at.get(value[1]) if kind == "c" else None
            if kind == "p":
                found |= self._parameter(function, value[1], 0, depth, seen)
            elif site is not None:
                found |= self._result(function, site, depth, seen)
            return found | self._buffer(function, value, depth, seen)
        if kind == "f":
            several = self.program.traces[function].merged.get((value[1], value[2]), {}).values()
            inner = [one for one in list(dict.fromkeys(several))[:16] if one != value]
        else:
            inner = [one for one in value[1:] if type(one) is tuple]
        for one in inner:
            found |= self._of(function, one, depth, seen)
        return found

    def _parameter(
        self, function: int, number: int, distance: int, depth: int, seen: frozenset[tuple[int, Value]]
    ) -> set[str]:
        """Follow a parameter, or a field behind it, into the callers."""
        found: set[str] = set()
        if function == self.main and number in (0, 1):
            return {ARGUMENT}
        if function == self.main and number == 2:
            return {ENVIRONMENT}
        for caller, site in self._calls(function)[:12]:
            given = site.arguments[number] if number < len(site.arguments) else None
            if given is None or (type(given) is int and given < 4096):
                continue
            place = plus(given, distance, (1 << self._elf.bits) - 1) if distance else given
            found |= self._of(caller, place, depth, seen)
        return found

    def _memory(self, function: int, place: Value, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Follow what was loaded: the content of a buffer, or a pointer or number that was stored there."""
        found: set[str] = set()
        for store in self.index(function).stores.get(place, ())[:8]:
            if type(store.value) is tuple:
                found |= self._of(function, store.value, depth, seen)
        base, distance = root(place)
        if type(place) is int and not found:
            if self._elf.copied.get(place, self._elf.slots.get(place)) in ("stdin",):
                return {STDIN}
            if self._elf.copied.get(place, "") == "optarg":
                return {ARGUMENT}
            for owner, store in self.globals.get(place, ())[:8]:
                if type(store.value) is tuple and owner != function:
                    found |= self._of(owner, store.value, depth, seen)
        if type(base) is tuple and base[0] == "p" and not found:
            found |= self._parameter(function, base[1], distance, depth, seen) if distance else set()
        return found or set(self._of(function, place, depth, seen))

    def _buffer(self, function: int, place: Value, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Ask who fills the memory at a place: calls that are given it."""
        found: set[str] = set()
        index = self.index(function)
        for number, site in index.given.get(place, ())[:24]:
            found |= self._filled(function, site, number, depth, seen)
        base, distance = root(place)
        if distance and not found and type(base) is tuple and base[0] == "p":
            found |= self._parameter(function, base[1], distance, depth, seen)
        if not found and type(place) is int:
            found |= self._within(function, place, depth, seen)
        if type(place) is int and not found:
            for owner, number, site in self.global_buffers.get(place, ())[:12]:
                if owner != function:
                    found |= self._filled(owner, site, number, depth, seen)
        return found

    def _within(self, function: int, place: int, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """A field of a structure, or a part of a buffer, that starts before the place."""
        found: set[str] = set()
        index = self.index(function)
        for start in index.before(place, 2048):
            for number, site in index.given[start][:8]:
                if site.name:
                    if site.name in FILLS and FILLS[site.name][0] == number and covers(site, place - start):
                        found |= self._filled(function, site, number, depth, seen)
                elif site.target in self.program.traces:
                    found |= self._written(site.target, ("+", ("p", number), place - start), depth + 1, seen)
        return found

    def _filled(self, function: int, site: Site, number: int, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Return what a call puts behind its argument."""
        name, arguments = site.name, site.arguments
        if name in FILLS:
            buffer, stream = FILLS[name]
            return self._stream(function, arguments, stream, depth, seen) if buffer == number else set()
        found: set[str] = set()
        if name in COPIES and COPIES[name][0] == number:
            _, first, rest = COPIES[name]
            for one in arguments[first:] if rest else arguments[first : first + 1]:
                if one is not None and not _is_small(one):
                    found |= self._of(function, one, depth, seen)
        elif name in SCANS and number >= 2 and arguments[0] is not None:
            found |= self._of(function, arguments[0], depth, seen)
        elif name in STREAM_SCANS and number >= 1:
            found |= self._stream(function, arguments, -2 if "f" not in name.split("sc")[0] else 0, depth, seen)
        elif not name and site.target in self.program.traces and number < 8:
            found |= self._written(site.target, ("p", number), depth + 1, seen)
        return found

    def _written(self, function: int, place: Value, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Return what a function puts behind one of its parameters. Each is asked once in an answer: calls form nets."""
        if depth > MAX_DEPTH or (function, place) in self._asked or len(self._asked) > MAX_WORK:
            return self._asked.get((function, place), set())
        found = self._asked[(function, place)] = set()
        for number, site in self.index(function).given.get(place, ())[:8]:
            found |= self._filled(function, site, number, depth, seen)
        for store in self.index(function).stores.get(place, ())[:4]:
            if type(store.value) is tuple:
                found |= self._of(function, store.value, depth, seen)
        return found

    def _stream(
        self,
        function: int,
        arguments: tuple[Value | None, ...],
        number: int,
        depth: int,
        seen: frozenset[tuple[int, Value]],
    ) -> set[str]:
        """Name a descriptor or stream that is read."""
        if number == -1:
            return {NETWORK}
        if number == -2:
            return {STDIN}
        given = arguments[number] if number < len(arguments) else None
        if given == 0:
            return {STDIN}
        kinds = self._opened(function, given, depth, seen)
        return kinds or {STREAM}

    def _opened(self, function: int, given: Value | None, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Tell what a descriptor or stream was opened on."""
        if type(given) is not tuple or depth > MAX_DEPTH or (function, given) in seen:
            return set()
        seen = seen | {(function, given)}
        several: list[tuple[int, Value | None]] = []
        if given[0] == "c":
            site = self.index(function).at.get(given[1])
            if site is not None and site.name:
                return self._opens(site)
            if site is not None and site.target in self.program.traces:
                several = [(site.target, value) for value in self.program.traces[site.target].returns.values()]
        elif given[0] == "m" and type(given[1]) is int:
            if "stdin" in (
                self._elf.copied.get(given[1]),
                self._elf.slots.get(given[1]),
                self.program.imported(given[1], ""),
            ):
                return {STDIN}
            several = [(owner, store.value) for owner, store in self.globals.get(given[1], ())[:4]]
        elif given[0] == "f":
            merged = self.program.traces[function].merged.get((given[1], given[2]), {})
            several = [(function, one) for one in merged.values()]
        elif given[0] == "p":
            calls = self.callers.get(function, ())[:8]
            several = [(caller, site.arguments[given[1]]) for caller, site in calls if given[1] < len(site.arguments)]
        found: set[str] = set()
        for owner, value in several:
            found |= {STDIN} if value == 0 and given[0] == "p" else self._opened(owner, value, depth + 1, seen)
        return found

    def _opens(self, site: Site) -> set[str]:
        """Tell what a call of the C library opens."""
        if site.name in OPENS:
            path = site.arguments[OPENS[site.name]]
            return {SETTINGS} if type(path) is int and self._elf.is_constant(path, 1) else {FILE}
        return {NETWORK} if site.name in OPENS_SOCKETS else {COMMAND} if site.name == "popen" else set()

    def _result(self, function: int, site: Site, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        name, arguments = site.name, site.arguments
        if name in THROUGH:
            given: Value | None = arguments[THROUGH[name]]
            if given == 0 and name.startswith("strtok"):
                return self._continued(function, name, depth, seen)
            return set(self._of(function, given, depth, seen)) if given is not None else set()
        if name in ("getenv", "secure_getenv", "__secure_getenv"):
            texts = {self.text(arguments[0])}
            if type(arguments[0]) is tuple and arguments[0][0] == "p":  # a function that asks for what it is given
                texts = {self.text(call.arguments[arguments[0][1]]) for _, call in self._calls(function)[:64]}
            cgi = any(text in OF_CGI or (text or "").startswith("HTTP_") for text in texts)
            return {CGI} if cgi else {ENVIRONMENT}
        stream = CHARACTERS[name] if name in CHARACTERS else FILLS[name][1] if name in FILLS else None
        if stream is not None:
            return self._stream(function, arguments, stream, depth, seen)
        if name in GIVES:
            return {GIVES[name]}
        return self._returned(function, site, depth, seen) if not name and site.target in self.program.traces else set()

    def _continued(self, function: int, name: str, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """A call of strtok() that goes on with what an earlier one was given."""
        before = [one for one in self.program.traces[function].sites if one.name == name and one.arguments[0] != 0]
        found: set[str] = set()
        for one in before[:4]:
            if one.arguments[0] is not None:
                found |= self._of(function, one.arguments[0], depth, seen)
        return found

    def _returned(self, function: int, site: Site, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """What a function of the file returns."""
        arguments = site.arguments
        found: set[str] = set()
        for value in list(self.program.traces[site.target].returns.values())[:8]:
            if type(value) is int and value > 4096:
                found |= self._of(site.target, value, depth + 1, seen)
            elif type(value) is tuple:
                given = arguments[value[1]] if value[0] == "p" and value[1] < len(arguments) else None
                if given is not None:
                    found |= self._of(function, given, depth, seen)
                else:
                    found |= self._of(site.target, value, depth + 1, seen)
        return found

    @property
    def mask(self) -> int:
        """All bits of an address."""
        return (1 << self._elf.bits) - 1

    def is_fixed(self, address: int) -> bool:
        """Tell whether an address is in data of the file that has a first value there."""
        if self._elf.is_constant(address, 1):
            return True
        return self._elf.offset_of(address) is not None and address not in self.written

    @cached_property
    def written(self) -> frozenset[int]:
        """Addresses that the program stores to, or lets a function fill."""
        filled = {
            place
            for place, calls in self.global_buffers.items()
            for _, number, site in calls
            if (site.name in FILLS and FILLS[site.name][0] == number)
            or (site.name in COPIES and COPIES[site.name][0] == number)
            or (site.name in SCANS and number >= 2)
        }
        return frozenset(self.globals) | filled

    def bytes(self, address: int, size: int | None) -> bytes:
        """Return the constant at an address: up to its zero byte, or `size` bytes."""
        raw = self._elf.read(address, min(size, 256) if size is not None else 256)
        return raw if size is not None and b"\0" in raw[:-1] and size <= 32 else raw.split(b"\0", 1)[0]

    def is_kept(self, number: int) -> bool:
        """Tell whether a number is an address in memory that the program may write to."""
        return any(part.writable and part.start <= number & self.mask < part.end for part in self._elf.segments)

    def is_code_text(self, address: int, raw: Sequence[int]) -> bool:
        """Tell whether what should be a constant lies among instructions and is no text."""
        return self._elf.is_code(address) and not all(32 <= one < 127 or one in b"\t\r\n" for one in raw)

    def text(self, value: Value | None) -> str | None:
        """Return the text that a constant pointer leads to."""
        if type(value) is not int or value < 256:
            return None
        raw = self._elf.read(value, 301)
        end = raw.find(b"\0")
        if end < 0:
            return None
        text = raw[:end].decode("latin-1")
        return text if all(one.isprintable() or one in "\t\r\n" for one in text) else None


def _is_small(value: Value) -> bool:
    """Tell whether a value is a number that is no address."""
    return isinstance(value, int) and value <= 4096

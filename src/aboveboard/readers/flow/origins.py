"""Where values come from: the network, standard input, files, the environment, arguments, settings, constants.

Sources: POSIX.1-2017; RFC 3875 (the environment of CGI programs). A value is followed back through assignments, string
functions, buffers that a call fills, fields that a called function writes, parameters and results, within bounds. What is
not found is simply not there: an empty set says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from aboveboard.readers.elf import Elf
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.trace import Site, Store, Trace
from aboveboard.readers.flow.values import ADD, Value, plus, root

NETWORK, STDIN, STREAM, FILE, CGI, ENVIRONMENT, ARGUMENT, SETTINGS, COMMAND, LOCAL = (
    "network stdin stream file cgi environment argument settings command local".split()
)
OUTSIDE = frozenset({NETWORK, STDIN, STREAM, FILE, CGI})
MAX_DEPTH = 14
MAX_WORK = 400

# function -> number of the buffer that it fills, and of the descriptor or stream that it reads
_FILLS = {
    **dict.fromkeys(("recv", "recvfrom", "__recv_chk", "__recvfrom_chk"), (1, -1)),
    **dict.fromkeys(("recvmsg", "SSL_read", "BIO_read", "gnutls_record_recv", "mbedtls_ssl_read", "wolfSSL_read"), (1, -1)),
    **dict.fromkeys(("read", "__read_chk", "pread", "pread64"), (1, 0)),
    **dict.fromkeys(("fgets", "fgets_unlocked"), (0, 2)),
    "__fgets_chk": (0, 3),
    "fread": (0, 3),
    "__fread_chk": (0, 4),
    "fread_unlocked": (0, 3),
    **dict.fromkeys(("getline", "__getline", "_IO_getline"), (0, 2)),
    "getdelim": (0, 3),
    "__getdelim": (0, 3),
    "gets": (0, -2),
    "readv": (1, 0),
}
_CHARACTERS = {"fgetc": 0, "getc": 0, "_IO_getc": 0, "fgetc_unlocked": 0, "getc_unlocked": 0, "getchar": -2, "__uflow": 0}
# function -> the argument whose content the result is, points into, or is a copy of
_THROUGH = {
    **dict.fromkeys(
        """strtok strtok_r __strtok_r strsep strchr strrchr strstr strcasestr memchr strdup __strdup strndup __strndup index
        rindex strpbrk strchrnul basename __xpg_basename dirname atoi atol atoll strtol strtoul strtoll strtoull
        __isoc23_strtol __isoc23_strtoul strlen strspn strcspn toupper tolower inet_addr htons ntohs htonl ntohl memmem
        stpcpy xstrdup g_strdup rawmemchr strnlen""".split(),
        0,
    ),
    "crypt": 0,
}
# function -> (target, first source, whether all later arguments are sources)
_COPIES = {
    **dict.fromkeys(("strcpy", "strncpy", "strcat", "strncat", "stpcpy", "memcpy", "memmove", "strlcpy", "strlcat"), (0, 1, False)),
    **dict.fromkeys(("__strcpy_chk", "__strncpy_chk", "__strcat_chk", "__memcpy_chk", "__memmove_chk"), (0, 1, False)),
    "bcopy": (1, 0, False),
    "sprintf": (0, 2, True),
    "snprintf": (0, 3, True),
    "__sprintf_chk": (0, 4, True),
    "__snprintf_chk": (0, 5, True),
    "asprintf": (0, 2, True),
    "__asprintf_chk": (0, 3, True),
}
_SCANS = frozenset({"sscanf", "__isoc99_sscanf", "__isoc23_sscanf"})
_STREAM_SCANS = frozenset({"fscanf", "__isoc99_fscanf", "scanf", "__isoc99_scanf", "__isoc23_scanf", "__isoc23_fscanf"})
_MADE_ELSEWHERE = frozenset(
    """getpwnam getpwuid getspnam getgrnam getgrgid gethostbyname getaddrinfo localtime gmtime time getpid getppid getuid
    geteuid getgid uname sysconf errno __errno_location stat fstat open socket bind listen connect close fork waitpid select
    poll epoll_wait setsockopt getsockopt ioctl fcntl dup dup2 pipe kill gettimeofday clock_gettime times random rand
    setlocale bindtextdomain textdomain gettext dcgettext access fclose fflush feof ferror ftell fseek lseek""".split()
)
_OPTIONS = frozenset({"getopt", "getopt_long", "getopt_long_only", "poptGetNextOpt", "poptGetOptArg"})
_SETTINGS = frozenset(
    """nvram_get nvram_safe_get uci_lookup_option_string uci_get config_get acosNvramConfig_get getconf cfg_get
    lh_table_lookup blobmsg_get_string""".split()
)
_CGI = frozenset(
    """QUERY_STRING REQUEST_METHOD PATH_INFO REMOTE_ADDR REMOTE_HOST REMOTE_USER REMOTE_IDENT REQUEST_URI CONTENT_TYPE
    CONTENT_LENGTH SCRIPT_NAME PATH_TRANSLATED AUTH_TYPE SERVER_PROTOCOL HTTPS""".split()
)


class Origins:
    """Answers for one program. Answers are kept."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._elf: Elf = program.elf
        self._known: dict[tuple[int, Value, bool], frozenset[str]] = {}
        self._indices: dict[int, _Index] = {}
        self._work = 0

    def of(self, function: int, value: Value | None) -> frozenset[str]:
        """Return where a value, or what it points to, comes from."""
        if value is None:
            return frozenset()
        self._work = 0
        return self._of(function, value, 0, frozenset())

    def is_content(self, function: int, place: Value, depth: int = 0) -> bool:
        """Tell whether the bytes at a place themselves come from outside: they lie in a buffer that a call reads into."""
        if depth > 5:
            return False
        index = self.index(function)
        base, distance = root(place) if type(place) is tuple else (0, place)
        starts: list[tuple[Value, int]] = [(place, 0), (base, distance)] if base else [(place, 0)]
        if type(place) is int:
            starts += [(start, place - start) for start in index.before(place, 4096)]
        for start, far in starts:
            for number, site in index.given.get(start, ())[:16]:
                if site.name in _FILLS and _FILLS[site.name][0] == number and _covers(site, far, known=True):
                    return True
        if type(base) is tuple and base[0] == "p":
            for caller, site in (self.callers.get(function) or self.indirect.get(function, ()))[:6]:
                given = site.arguments[base[1]] if base[1] < len(site.arguments) else None
                if given is not None and (type(given) is tuple or given > 4096):
                    if self.is_content(caller, plus(given, distance, (1 << self._elf.bits) - 1), depth + 1):
                        return True
        return False

    def index(self, function: int) -> _Index:
        """Return the calls of a function by what they are given."""
        if function not in self._indices:
            self._indices[function] = _Index(self.program.traces[function], (1 << self._elf.bits) - 1)
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
        trace = self.program.traces[function]
        found: set[str] = set()
        if type(value) is int:
            return self._buffer(function, value, depth, seen) if value > 4096 else found
        kind = value[0]
        if kind == "p":
            found |= self._parameter(function, value[1], 0, depth, seen)
            found |= self._buffer(function, value, depth, seen)
        elif kind == "c":
            site = self.index(function).at.get(value[1])
            if site is not None:
                found |= self._result(function, site, depth, seen)
            found |= self._buffer(function, value, depth, seen)
        elif kind == "+":
            found |= self._buffer(function, value, depth, seen)
            if not found:
                found |= self._of(function, value[1], depth, seen)
        elif kind == "m":
            found |= self._memory(function, value[1], value[2], depth, seen)
        elif kind == "f":
            for one in list(dict.fromkeys(trace.merged.get((value[1], value[2]), {}).values()))[:16]:
                if one != value:
                    found |= self._of(function, one, depth, seen)
        else:
            for one in value[1:]:
                if type(one) is tuple:
                    found |= self._of(function, one, depth, seen)
        return found

    def _parameter(self, function: int, number: int, distance: int, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Follow a parameter, or a field behind it, into the callers."""
        found: set[str] = set()
        if function == self.main and number in (0, 1):
            return {ARGUMENT}
        if function == self.main and number == 2:
            return {ENVIRONMENT}
        for caller, site in (self.callers.get(function) or self.indirect.get(function, ()))[:12]:
            given = site.arguments[number] if number < len(site.arguments) else None
            if given is None or type(given) is int and given < 4096:
                continue
            place = plus(given, distance, (1 << self._elf.bits) - 1) if distance else given
            found |= self._of(caller, place, depth, seen)
        return found

    def _memory(
        self, function: int, place: Value, size: int, depth: int, seen: frozenset[tuple[int, Value]]
    ) -> set[str]:
        """Follow what was loaded: the content of a buffer, or a pointer or number that was stored there."""
        found: set[str] = set()
        trace = self.program.traces[function]
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
        del trace
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
        if type(place) is int and not found and self._elf.offset_of(place) is None or type(place) is int and not found:
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
                    if site.name in _FILLS and _FILLS[site.name][0] == number and _covers(site, place - start):
                        found |= self._filled(function, site, number, depth, seen)
                elif site.target in self.program.traces:
                    field: Value = ("+", ("p", number), place - start)
                    for inner, other in self.index(site.target).given.get(field, ())[:8]:
                        found |= self._filled(site.target, other, inner, depth + 1, seen)
                    for store in self.index(site.target).stores.get(field, ())[:4]:
                        if type(store.value) is tuple:
                            found |= self._of(site.target, store.value, depth + 1, seen)
        return found

    def _filled(self, function: int, site: Site, number: int, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        """Return what a call puts behind its argument."""
        name, arguments = site.name, site.arguments
        if name in _FILLS:
            buffer, stream = _FILLS[name]
            return self._stream(function, arguments, stream, depth, seen) if buffer == number else set()
        found: set[str] = set()
        if name in _COPIES and _COPIES[name][0] == number:
            _, first, rest = _COPIES[name]
            for one in arguments[first:] if rest else arguments[first : first + 1]:
                if one is not None and (type(one) is tuple or one > 4096):
                    found |= self._of(function, one, depth, seen)
        elif name in _SCANS and number >= 2 and arguments[0] is not None:
            found |= self._of(function, arguments[0], depth, seen)
        elif name in _STREAM_SCANS and number >= 1:
            found |= self._stream(function, arguments, -2 if "f" not in name.split("sc")[0] else 0, depth, seen)
        elif not name and site.target in self.program.traces and number < 8:
            inner: Value = ("p", number)
            for other, deeper in self.index(site.target).given.get(inner, ())[:8]:
                found |= self._filled(site.target, deeper, other, depth + 1, seen) if depth < MAX_DEPTH else set()
            for store in self.index(site.target).stores.get(inner, ())[:4]:
                if type(store.value) is tuple:
                    found |= self._of(site.target, store.value, depth + 1, seen)
        return found

    def _stream(
        self, function: int, arguments: tuple[Value | None, ...], number: int, depth: int, seen: frozenset[tuple[int, Value]]
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
        if type(given) is not tuple or depth > MAX_DEPTH or (function, given) in seen:
            return set()
        seen = seen | {(function, given)}
        found: set[str] = set()
        if given[0] == "c":
            site = self.index(function).at.get(given[1])
            if site is not None and site.name in ("fopen", "fopen64", "open", "open64", "__open_2", "__open64_2", "openat"):
                path = site.arguments[1 if site.name == "openat" else 0]
                fixed = type(path) is int and self._elf.is_constant(path, 1)
                return {SETTINGS} if fixed else {FILE}
            if site is not None and site.name in ("socket", "accept", "accept4", "socketpair"):
                return {NETWORK}
            if site is not None and site.name == "popen":
                return {COMMAND}
            if site is not None and not site.name and site.target in self.program.traces:
                for value in self.program.traces[site.target].returns.values():
                    found |= self._opened(site.target, value, depth + 1, seen)
        elif given[0] == "m" and type(given[1]) is int:
            if (self._elf.copied.get(given[1]) or self._elf.slots.get(given[1])) == "stdin":
                return {STDIN}
            for owner, store in self.globals.get(given[1], ())[:4]:
                found |= self._opened(owner, store.value, depth + 1, seen)
        elif given[0] == "m" and type(given[1]) is tuple and given[1][0] == "m" and type(given[1][1]) is int:
            pass
        elif given[0] == "f":
            for one in self.program.traces[function].merged.get((given[1], given[2]), {}).values():
                found |= self._opened(function, one, depth + 1, seen)
        elif given[0] == "p":
            for caller, site in self.callers.get(function, ())[:8]:
                if given[1] < len(site.arguments):
                    value = site.arguments[given[1]]
                    found |= {STDIN} if value == 0 else self._opened(caller, value, depth + 1, seen)
        if given[0] == "m" and not found and type(given[1]) is int and self._pointed(given[1]) == "stdin":
            return {STDIN}
        return found

    def _pointed(self, address: int) -> str:
        return self._elf.slots.get(address, "")

    def _result(self, function: int, site: Site, depth: int, seen: frozenset[tuple[int, Value]]) -> set[str]:
        name, arguments = site.name, site.arguments
        if name in _THROUGH:
            given: Value | None = arguments[_THROUGH[name]]
            if given == 0 and name.startswith("strtok"):
                before = [one for one in self.program.traces[function].sites if one.name == name and one.arguments[0] != 0]
                found: set[str] = set()
                for one in before[:4]:
                    if one.arguments[0] is not None:
                        found |= self._of(function, one.arguments[0], depth, seen)
                return found
            return set(self._of(function, given, depth, seen)) if given is not None else set()
        if name in ("getenv", "secure_getenv", "__secure_getenv"):
            text = self.text(arguments[0])
            return {CGI} if text in _CGI or (text or "").startswith("HTTP_") else {ENVIRONMENT}
        if name in _CHARACTERS:
            return self._stream(function, arguments, _CHARACTERS[name], depth, seen)
        if name in _FILLS:
            return self._stream(function, arguments, _FILLS[name][1], depth, seen)
        if name in _OPTIONS:
            return {ARGUMENT}
        if name in _SETTINGS:
            return {SETTINGS}
        if name in ("getpass", "readline"):
            return {STDIN}
        if name in _MADE_ELSEWHERE:
            return {LOCAL}
        found = set()
        if not name and site.target in self.program.traces:
            for value in list(self.program.traces[site.target].returns.values())[:8]:
                if type(value) is int and value > 4096:
                    found |= self._of(site.target, value, depth + 1, seen)
                elif type(value) is tuple:
                    if value[0] == "p" and value[1] < len(arguments) and arguments[value[1]] is not None:
                        found |= self._of(function, arguments[value[1]], depth, seen)  # type: ignore[arg-type]
                    else:
                        found |= self._of(site.target, value, depth + 1, seen)
        return found

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
            if (site.name in _FILLS and _FILLS[site.name][0] == number)
            or (site.name in _COPIES and _COPIES[site.name][0] == number)
            or (site.name in _SCANS and number >= 2)
        }
        return frozenset(self.globals) | filled

    def bytes(self, address: int, size: int | None) -> bytes:
        """Return the constant at an address: up to its zero byte, or `size` bytes."""
        raw = self._elf.read(address, min(size, 256) if size is not None else 256)
        return raw if size is not None and b"\0" in raw[:-1] and size <= 32 else raw.split(b"\0", 1)[0]

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

    @cached_property
    def main(self) -> int:
        """The address of `main`, -1 where it is not known."""
        if self.program.main >= 0:
            return self.program.main
        for trace in self.program.traces.values():
            for site in trace.sites:
                if site.name in ("__libc_start_main", "__uClibc_main") and type(site.arguments[0]) is int:
                    return site.arguments[0] & ~1 if self._elf.machine in ("mips", "arm") else site.arguments[0]
        return -1

    @cached_property
    def callers(self) -> dict[int, list[tuple[int, Site]]]:
        """The calls of each function of the file."""
        found: dict[int, list[tuple[int, Site]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for site in trace.sites:
                if not site.name and site.target > 0:
                    target = site.target if site.target in self.program.traces else site.target & ~1
                    found.setdefault(target, []).append((start, site))
        return found

    @cached_property
    def indirect(self) -> dict[int, list[tuple[int, Site]]]:
        """For functions that data point to: the calls of what is not known, which may be calls of them."""
        unknown = [
            (start, site)
            for start, trace in sorted(self.program.traces.items())
            for site in trace.sites
            if not site.name and site.target < 0
        ]
        mask = ~1 if self._elf.machine in ("mips", "arm") else ~0
        pointed = {value & mask for value in self._elf.based.values()} | {value & mask for value in self.program.pointed}
        return {start: unknown[:8] for start in self.program.traces if start in pointed}

    @cached_property
    def globals(self) -> dict[int, list[tuple[int, Store]]]:
        """What is stored at fixed addresses."""
        found: dict[int, list[tuple[int, Store]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for store in trace.stores:
                if type(store.place) is int:
                    found.setdefault(store.place, []).append((start, store))
        return found

    @cached_property
    def global_buffers(self) -> dict[int, list[tuple[int, int, Site]]]:
        """The calls that are given a fixed address."""
        found: dict[int, list[tuple[int, int, Site]]] = {}
        for start, trace in sorted(self.program.traces.items()):
            for site in trace.sites:
                for number, given in enumerate(site.arguments):
                    if type(given) is int and given > 4096 and not self._elf.is_code(given):
                        found.setdefault(given, []).append((start, number, site))
        return found


class _Index:
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


def _covers(site: Site, distance: int, *, known: bool = False) -> bool:
    sizes = {"read": 2, "recv": 2, "recvfrom": 2, "__read_chk": 2, "__recv_chk": 2, "__recvfrom_chk": 2, "fgets": 1, "fread": 2}
    number = sizes.get(site.name)
    size = site.arguments[number] if number is not None else None
    if type(size) is not int:
        return distance < 16 or not known
    return distance < size

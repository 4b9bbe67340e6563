"""Tests that hold for one constant alone: what is compared, with what, and how the constant is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.trace import Edge, Site, Trace
from aboveboard.readers.flow.values import AND, Value, parts, root

# function -> the argument with the number of bytes (-1: as far as the text goes)
COMPARES = {
    **dict.fromkeys(("strcmp", "strcasecmp", "strcoll", "__strcasecmp", "g_strcmp0", "stricmp", "ap_cstr_casecmp"), -1),
    **dict.fromkeys(("strncmp", "strncasecmp", "memcmp", "bcmp", "__strncasecmp", "__memcmpeq", "timingsafe_bcmp"), 2),
    **dict.fromkeys(("CRYPTO_memcmp", "consttime_memequal", "strnicmp"), 2),
    "fnmatch": -1,
}
SAME = "same-text"  # a function of the file that returns 1 where its texts are the same
CONTAINS = frozenset("strstr strcasestr memmem g_strrstr".split())
NUMBERS = frozenset("atoi atol atoll strtol strtoul strtoll strtoull __isoc23_strtol __isoc23_strtoul".split())


@dataclass(frozen=True, slots=True)
class Match:
    """A test that holds where something is one constant. `subject` is what is compared, `at` and `size` the bytes of it."""

    kind: str  # "compare" (a function), "contains", "bytes" (of memory), "integer", "built" (constant not in the file)
    subject: Value
    constant: bytes | int | None
    address: int
    at: int = 0
    size: int = 0
    base: Value = 0  # what the bytes are counted from; 0 for fixed addresses
    way: tuple[int, int] = (0, 0)  # the blocks between which it is asked
    wanted: str = ""  # what the number was made by: atoi, strlen ...


def matches(trace: Trace, edge: Edge, origins: Origins) -> list[Match]:
    """Return what must be equal to a constant for a way to be taken."""
    tests = edge.test[1:] if type(edge.test) is tuple and edge.test[0] == "&" else (edge.test,)
    found = []
    for test in tests:
        if type(test) is tuple and test[0] in ("=", "!"):
            one = _match(trace, test, origins, edge)
            if one is not None:
                found.append(replace(one, way=(edge.source, edge.target)))
    return found


def _match(trace: Trace, test: tuple[str, Value, Value], origins: Origins, edge: Edge) -> Match | None:
    kind, a, b = test
    if type(a) is not tuple:
        return None
    site = origins.index(trace.start).at.get(a[1]) if a[0] == "c" else None
    if site is not None and site.name:
        if site.name in COMPARES and kind == "=" and b == 0:
            return _compare(trace.start, site, origins)
        if kind == "!" and b == 0 and (site.name in CONTAINS or site.name == SAME):
            return _compare(trace.start, site, origins)
    if kind != "=" or type(b) is not int:
        return None
    address = _last(trace, edge)
    if site is not None:
        if site.name in NUMBERS and site.arguments[0] is not None:
            return Match("integer", site.arguments[0], b, address, wanted=site.name)
        told = bool(site.name) or _is_rare(b) or _brings(origins, site)
        return Match("integer", a, b, address, wanted=site.name) if told else None
    if a[0] == "m":
        base, distance = root(a[1]) if type(a[1]) is tuple else (0, a[1])
        return Match("bytes", a[1], b, address, distance, a[2], base)
    if a[0] == "o" and a[1] == AND and type(a[3]) is int and a[3].bit_count() <= _FLAG_BITS:
        return None  # a few bits of a number are flags or a kind, no constant that is sent
    if a[0] in ("p", "f", "o"):
        loads = [one for one in parts(a) if one[0] == "m"]
        subject: Value = loads[0] if len(loads) == 1 else a
        return Match("integer", subject, b, address)
    return None


_FLAG_BITS = 8  # bits behind a mask that are no constant


def _brings(origins: Origins, site: Site) -> bool:
    """Tell whether a function of the file returns what it finds in memory, and never how it went."""
    trace = origins.program.traces.get(site.target) or origins.program.traces.get(site.target & ~1)
    values = list(trace.returns.values()) if trace is not None else []
    return bool(values) and all(type(one) is tuple and any(part[0] == "m" for part in parts(one)) for one in values)


def _is_rare(number: int) -> bool:
    """Tell whether a number is none that functions use to say how it went."""
    return 0x10000 <= number < (1 << 63) and number not in (0x7FFFFFFF, 0x80000000) and number < 0xFFFFF000


def _last(trace: Trace, edge: Edge) -> int:
    return trace.compared.get(edge.source) or trace.ends.get(edge.source, edge.source >> 1)


def _compare(function: int, site: Site, origins: Origins) -> Match | None:
    first, second = site.arguments[0], site.arguments[2 if site.name == "memmem" else 1]
    if first is None or second is None:
        return None
    kind = "contains" if site.name in CONTAINS else "compare"
    for subject, constant in ((first, second), (second, first)):
        if type(constant) is int and constant > 256 and origins.is_fixed(constant):
            size = site.arguments[COMPARES[site.name]] if COMPARES.get(site.name, -1) >= 0 else None
            raw = origins.bytes(constant, size if type(size) is int else None)
            if (
                raw.strip(b"\0")
                and not origins.is_code_text(constant, raw)
                and not (type(subject) is int and origins.is_fixed(subject))
            ):
                return Match(kind, subject, raw, site.address, wanted=site.name)
    return None

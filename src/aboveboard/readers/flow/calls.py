"""What a call of a function of the C library does to memory, and what its result is (POSIX.1-2017)."""

from __future__ import annotations

from aboveboard.readers.code.library import READ_ONLY
from aboveboard.readers.flow.values import Value

_FIRST = frozenset("strcpy strncpy strcat strncat memcpy memmove memset stpcpy __strcpy_chk __memcpy_chk".split())


_UNKNOWN_SIZE = 4096
# function -> the argument that it writes behind, and the argument with the number of bytes (negative: so many bytes)
_WRITES: dict[str, tuple[tuple[int, int], ...]] = {
    **dict.fromkeys(("strtok_r", "__strtok_r"), ((2, -8),)),
    **dict.fromkeys(
        ("strtol", "strtoul", "strtoll", "strtoull", "strtod", "__isoc23_strtol", "__isoc23_strtoul"), ((1, -8),)
    ),
    **dict.fromkeys(("getline", "getdelim", "__getdelim"), ((0, -8), (1, -8))),
    **dict.fromkeys(("read", "recv", "__read_chk", "__recv_chk"), ((1, 2),)),
    "recvfrom": ((1, 2), (4, -128), (5, -4)),
    **dict.fromkeys(("fgets", "snprintf", "vsnprintf", "__fgets_chk", "gethostname", "strerror_r"), ((0, 1),)),
    **dict.fromkeys(("memset", "memcpy", "memmove", "strncpy", "strncat", "__memcpy_chk", "__strncpy_chk"), ((0, 2),)),
    **dict.fromkeys(("time", "wait"), ((0, -8),)),
    "waitpid": ((1, -4),),
    "accept": ((1, -128), (2, -4)),
    "fread": ((0, -4096),),
    "getsockopt": ((3, -16), (4, -4)),
    "getsockname": ((1, -128), (2, -4)),
    "strsep": ((0, -8),),
    "strtok": (),
}


def written(name: str, arguments: tuple[Value | None, ...]) -> list[tuple[Value, int]]:
    """Return the places that a call may write to, with the bytes."""
    if name in READ_ONLY:
        return []
    if name not in _WRITES:
        return [(one, _UNKNOWN_SIZE) for one in arguments[:6] if one is not None]
    found: list[tuple[Value, int]] = []
    for number, size in _WRITES[name]:
        place = arguments[number]
        length = -size if size < 0 else arguments[size]
        if place is not None:
            found.append((place, length if type(length) is int and length < _UNKNOWN_SIZE else _UNKNOWN_SIZE))
    return found


def known_result(name: str, arguments: tuple[Value | None, ...], result: Value) -> Value:
    """Return what a call returns: `result`, or the argument that it returns always."""
    first = arguments[0]
    return first if name in _FIRST and first is not None else result

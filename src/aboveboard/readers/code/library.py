"""What the functions of the C library do to constants: byte order, addresses, copies and texts.

Sources: POSIX.1-2017; printf(3).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Protocol

from aboveboard.readers.code.state import MAX_TEXT, UNKNOWN, Origin, State, Value

MAX_COPY = 512  # bytes
_FORGOTTEN = 64  # bytes behind a pointer that an unknown function is taken to write
_DIRECTIVE = re.compile(r"%%|%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t|q)?([a-zA-Z])")

NEVER_RETURN = frozenset(
    "exit _exit _Exit abort __assert __assert_fail __stack_chk_fail __fortify_fail err errx longjmp siglongjmp".split()
)
# These read what their pointers lead to, and write nothing there.
READ_ONLY = frozenset(
    """
    socket bind listen connect send sendto sendmsg write setsockopt printf fprintf vfprintf __printf_chk
    __fprintf_chk syslog __syslog_chk perror puts fputs fputc strlen strcmp strncmp strcasecmp strncasecmp
    strchr strrchr strstr memcmp fopen fopen64 open open64 unlink access close fclose free system popen execl
    execlp execle execv execve execvp fork vfork getenv htons htonl ntohs ntohl inet_addr inet_ntoa
    gethostbyname getaddrinfo freeaddrinfo setuid setgid chdir mkdir rmdir sleep usleep signal exit _exit
    openlog strdup
    """.split()
)


class Call(Protocol):
    """A call as the library sees it."""

    state: State
    address: int

    @property
    def big(self) -> bool:
        """Tell the byte order."""
        ...

    @property
    def width(self) -> int:
        """Return the bytes of an address."""
        ...

    def argument(self, number: int) -> Value | None:
        """Return an argument, from 0."""
        ...

    def new_text(self, text: str) -> int:
        """Return the address of a new buffer that holds a text."""
        ...

    def on_stack(self, number: int) -> bool:
        """Tell whether a number is an address on the stack."""
        ...


def effect(name: str, call: Call) -> Value | None:
    """Do to the state what the function does, and return its result."""
    known = _EFFECTS.get(name)
    if known is not None:
        result = known(call)
        return result if result is not None else Origin(name, call.address)
    if name == "socket":
        numbers = tuple(value if isinstance(value, int) else None for value in (call.argument(n) for n in range(3)))
        return Origin(name, call.address, numbers)
    if name not in READ_ONLY:
        forget_arguments(call)
    return Origin(name, call.address)


def forget_arguments(call: Call) -> None:
    """Forget what the pointers given to an unknown function lead to on the stack."""
    for number in range(4):
        value = call.argument(number)
        if isinstance(value, int) and call.on_stack(value):
            call.state.forget(value, _FORGOTTEN)


def _number(call: Call, number: int) -> int | None:
    value = call.argument(number)
    return value if isinstance(value, int) else None


def _swapped(call: Call, size: int) -> int | None:
    value = _number(call, 0)
    if value is None:
        return None
    value &= (1 << 8 * size) - 1
    return value if call.big else int.from_bytes(value.to_bytes(size, "little"), "big")


def _fill(call: Call, byte: int | None, length: int | None) -> Value | None:
    start = _number(call, 0)
    if start is None:
        return None
    size = min(length if length is not None else _FORGOTTEN, 4096)
    call.state.forget(start, size)
    if byte is not None and length is not None and size <= MAX_COPY:
        word = call.width
        for at in range(0, size - size % word, word):
            call.state.store(start + at, word, int.from_bytes(bytes([byte & 0xFF]) * word, "big"))
        for at in range(size - size % word, size):
            call.state.store(start + at, 1, byte & 0xFF)
    return start


def _copy(call: Call) -> Value | None:
    target, source, size = _number(call, 0), _number(call, 1), _number(call, 2)
    if target is None:
        return None
    call.state.forget(target, min(size if size is not None else _FORGOTTEN, 4096))
    if source is None or size is None or size > MAX_COPY:
        return target
    word = call.width
    for at in range(0, size - size % word, word):
        value = call.state.initial(source + at)
        if value is not None:
            call.state.store(target + at, word, value)
        else:
            _copy_bytes(call, target + at, source + at, word)
    _copy_bytes(call, target + size - size % word, source + size - size % word, size % word)
    return target


def _copy_bytes(call: Call, target: int, source: int, size: int) -> None:
    for at in range(size):
        byte = call.state.byte(source + at, initial=True)
        if byte is not None:
            call.state.store(target + at, 1, byte)


def _put_text(call: Call, target: int, text: str | None) -> None:
    call.state.forget(target, _FORGOTTEN)
    if text is not None:
        call.state.texts[target] = text[:MAX_TEXT]


def _copy_text(call: Call) -> Value | None:
    target = _number(call, 0)
    if target is not None:
        _put_text(call, target, call.state.text(call.argument(1)))
    return target


def _append_text(call: Call) -> Value | None:
    target = _number(call, 0)
    if target is not None:
        before, added = call.state.text(target), call.state.text(call.argument(1))
        _put_text(call, target, (before if before is not None else UNKNOWN) + (added if added is not None else UNKNOWN))
    return target


def _print(call: Call, form: int, *, values: bool = True) -> str | None:
    """Return what the format makes; a directive whose value is not known stays as it is."""
    text = call.state.text(call.argument(form))
    if text is None:
        return None
    position = form

    def replace(match: re.Match[str]) -> str:
        nonlocal position
        if match.group() == "%%":
            return "%"
        position += 1 + match.group().count("*")
        value = call.argument(position) if values and position < form + 6 else None
        if match[1] == "s":
            known = call.state.text(value)
            return known if known is not None and match.group() == "%s" else match.group()
        if match[1] in "diu" and isinstance(value, int) and "*" not in match.group():
            return str(value - (1 << 32) if match[1] != "u" and 1 << 31 <= value < 1 << 32 else value)
        return match.group()

    return _DIRECTIVE.sub(replace, text)


def _printer(form: int, *, values: bool = True) -> Callable[[Call], Value | None]:
    def put(call: Call) -> Value | None:
        target, text = _number(call, 0), _print(call, form, values=values)
        if target is not None:
            _put_text(call, target, text)
        return None

    return put


def _allocating(form: int, *, values: bool = True) -> Callable[[Call], Value | None]:
    def put(call: Call) -> Value | None:
        target, text = _number(call, 0), _print(call, form, values=values)
        if target is not None:
            call.state.store(target, call.width, call.new_text(text) if text is not None else None)
        return None

    return put


def _address(call: Call) -> Value | None:
    text = call.state.text(call.argument(0))
    try:
        packed = ipaddress.IPv4Address(text or "").packed
    except ValueError:
        return None
    return int.from_bytes(packed, "big" if call.big else "little")


def _to_address(call: Call, text: int, target: int) -> Value | None:
    place = _number(call, target)
    if place is None:
        return None
    call.state.forget(place, 16)
    try:
        packed = ipaddress.ip_address(call.state.text(call.argument(text)) or "").packed
    except ValueError:
        return None
    for at in range(0, len(packed), 4):
        call.state.store(place + at, 4, int.from_bytes(packed[at : at + 4], "big" if call.big else "little"))
    return None


def _decimal(call: Call) -> Value | None:
    text = (call.state.text(call.argument(0)) or "").strip()
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None


_EFFECTS: dict[str, Callable[[Call], Value | None]] = {
    "htons": lambda call: _swapped(call, 2),
    "ntohs": lambda call: _swapped(call, 2),
    "htonl": lambda call: _swapped(call, 4),
    "ntohl": lambda call: _swapped(call, 4),
    "memset": lambda call: _fill(call, _number(call, 1), _number(call, 2)),
    "__memset_chk": lambda call: _fill(call, _number(call, 1), _number(call, 2)),
    "bzero": lambda call: _fill(call, 0, _number(call, 1)),
    **dict.fromkeys(("memcpy", "memmove", "__memcpy_chk", "__memmove_chk"), _copy),
    **dict.fromkeys(("strcpy", "strncpy", "stpcpy", "strlcpy", "__strcpy_chk", "__strncpy_chk"), _copy_text),
    **dict.fromkeys(("strcat", "strncat", "strlcat", "__strcat_chk", "__strncat_chk"), _append_text),
    "sprintf": _printer(1),
    "snprintf": _printer(2),
    "__sprintf_chk": _printer(3),
    "__snprintf_chk": _printer(4),
    "vsprintf": _printer(1, values=False),
    "vsnprintf": _printer(2, values=False),
    "asprintf": _allocating(1),
    "__asprintf_chk": _allocating(2),
    "vasprintf": _allocating(1, values=False),
    "strdup": lambda call: call.argument(0),
    "inet_addr": _address,
    "inet_aton": lambda call: _to_address(call, 0, 1),
    "inet_pton": lambda call: _to_address(call, 1, 2),
    "atoi": _decimal,
    "strtol": _decimal,
    "strtoul": _decimal,
}

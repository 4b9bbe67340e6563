"""What functions of the C library do to memory that is known (POSIX.1-2017); the result is None where it is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aboveboard.readers.flow.memory import Memory
from aboveboard.readers.flow.numbers import signed

_Arguments = list[int | None]


def _strlen(run: Memory, arguments: _Arguments) -> int | None:
    text = run.text(arguments[0]) if arguments[0] is not None else None
    return None if text is None else len(text)


def _memcpy(run: Memory, arguments: _Arguments) -> int | None:
    target, source, size = arguments[:3]
    if target is None or source is None or size is None or size > 4096:
        return target
    for at, one in enumerate([run.byte(source + at) for at in range(size)]):
        run.write(target + at, 1, one)
    return target


def _strcpy(run: Memory, arguments: _Arguments) -> int | None:
    target, source = arguments[:2]
    text = run.text(source) if source is not None else None
    if target is not None and text is not None:
        run.put(target, text + b"\0")
    return target


def _stpcpy(run: Memory, arguments: _Arguments) -> int | None:
    target, source = arguments[:2]
    text = run.text(source) if source is not None else None
    _strcpy(run, arguments)
    return target + len(text) if target is not None and text is not None else None


def _strncpy(run: Memory, arguments: _Arguments) -> int | None:
    target, source, size = arguments[:3]
    text = run.text(source) if source is not None else None
    if target is not None and text is not None and size is not None and size <= 4096:
        run.put(target, text[:size].ljust(size, b"\0"))
    return target


def _strcat(run: Memory, arguments: _Arguments) -> int | None:
    target, source = arguments[:2]
    before = run.text(target) if target is not None else None
    text = run.text(source) if source is not None else None
    if target is not None and text is not None and before is not None:
        run.put(target + len(before), text + b"\0")
    return target


def _memset(run: Memory, arguments: _Arguments) -> int | None:
    target, value, size = arguments[:3]
    if target is not None and value is not None and size is not None and size <= 4096:
        run.put(target, bytes([value & 0xFF]) * size)
    return target


def _malloc(run: Memory, arguments: _Arguments) -> int | None:
    return run.allocate(arguments[0]) if arguments[0] is not None else None


def _calloc(run: Memory, arguments: _Arguments) -> int | None:
    first, second = arguments[:2]
    return run.allocate(first * second) if first is not None and second is not None else None


def _strdup(run: Memory, arguments: _Arguments) -> int | None:
    text = run.text(arguments[0]) if arguments[0] is not None else None
    if text is None:
        return None
    start = run.allocate(len(text) + 1)
    run.put(start, text + b"\0")
    return start


def _number(run: Memory, arguments: _Arguments) -> int | None:
    text = run.text(arguments[0]) if arguments[0] is not None else None
    if text is None:
        return None
    digits = text.strip()[:20]
    return int(digits) if digits.isdigit() else 0


def _character(change: Callable[[int], int]) -> Callable[[Memory, _Arguments], int | None]:
    def put(run: Memory, arguments: _Arguments) -> int | None:
        del run
        return change(arguments[0] & 0xFF) if arguments[0] is not None else None

    return put


def _print(form: int, target: int = 0) -> Callable[[Memory, _Arguments], int | None]:
    def put(run: Memory, arguments: _Arguments) -> int | None:
        assert run.machine is not None
        values = [run.argument(run.machine, number) for number in range(form + 9)]
        place, start = values[target], values[form]
        text = run.text(start) if start is not None else None
        if place is None or text is None:
            return None
        made = _formatted(run, text, values[form + 1 :])
        if made is None:
            return None
        run.put(place, made + b"\0")
        return len(made)

    return put


def _formatted(run: Memory, text: bytes, values: list[int | None]) -> bytes | None:
    made, at = bytearray(), 0
    values = list(values)
    while at < len(text):
        if text[at] != 0x25:
            made.append(text[at])
            at += 1
            continue
        end = at + 1
        while end < len(text) and text[end : end + 1] in b"0123456789.-+ #lhz":
            end += 1
        letter = text[end : end + 1].decode("latin-1")
        flags = text[at + 1 : end].decode("latin-1").translate({ord(one): None for one in "lhz"})
        at = end + 1
        if letter == "%":
            made += b"%"
            continue
        value = values.pop(0) if values else None
        if value is None or letter not in "scdiuxX":
            return None
        if letter == "s":
            inner = run.text(value)
            if inner is None:
                return None
            made += ("%" + flags + "s").__mod__(inner.decode("latin-1")).encode("latin-1")
        elif letter == "c":
            made.append(value & 0xFF)
        else:
            number = signed(value, 4) if letter in "di" else value & run.mask
            made += ("%" + flags + letter).__mod__(number).encode("latin-1")
    return bytes(made[:4096])


LIBRARY: Mapping[str, Callable[[Memory, _Arguments], int | None]] = {
    "strlen": _strlen,
    **dict.fromkeys(("memcpy", "memmove", "__memcpy_chk", "__memmove_chk"), _memcpy),
    **dict.fromkeys(("strcpy", "__strcpy_chk"), _strcpy),
    **dict.fromkeys(("stpcpy", "__stpcpy", "__stpcpy_chk"), _stpcpy),
    **dict.fromkeys(("strncpy", "__strncpy_chk"), _strncpy),
    **dict.fromkeys(("strcat", "__strcat_chk"), _strcat),
    **dict.fromkeys(("memset", "__memset_chk"), _memset),
    "malloc": _malloc,
    "calloc": _calloc,
    **dict.fromkeys(("strdup", "__strdup"), _strdup),
    **dict.fromkeys(("atoi", "atol", "atoll"), _number),
    "toupper": _character(lambda one: one - 32 if 97 <= one <= 122 else one),
    "tolower": _character(lambda one: one + 32 if 65 <= one <= 90 else one),
    "sprintf": _print(1),
    "snprintf": _print(2),
    "__sprintf_chk": _print(3),
    "__snprintf_chk": _print(4),
}

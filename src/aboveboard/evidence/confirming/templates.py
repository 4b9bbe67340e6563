"""Protocol templates: every position of a message into which a constant can be put, for each way a program is fed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from aboveboard.evidence.confirming.candidate import Candidate
from aboveboard.evidence.confirming.http import http_templates
from aboveboard.evidence.confirming.near import forms, values
from aboveboard.evidence.confirming.script import Script, Template
from aboveboard.evidence.confirming.ways import Way
from aboveboard.evidence.confirming.words import Words

MAX_TEMPLATES = 400  # of one way
_LENGTHS = (8, 12, 16, 20, 24, 32, 64, 128, 256, 512)
_MAX_COUNT = 4096  # bytes that are sent for a count


def templates(way: Way, candidate: Candidate, words: Words) -> list[Template]:
    """Return the templates of a way, those that fit the candidate's hints first; bounded."""
    makers: dict[str, Callable[[Candidate, Words], Iterator[Template]]] = {
        "udp": _datagrams,
        "stdin": _inputs,
        "inetd": _lines,
        "file": _files,
        "argv": _arguments,
        "cgi": http_templates,
    }
    maker = makers.get(way.kind)
    if maker is None:
        maker = {"http": http_templates, "raw": _raw, "ssh": _banner}.get(way.service, _lines)
    found = list(maker(candidate, words))
    if way.kind == "tcp" and way.service in ("http", "line"):
        found += list(_raw(candidate, words))[:30]
    hint = candidate.origin.lower()
    found.sort(key=lambda template: not (hint and template.name.lower().startswith(hint)))
    return list({template.name: template for template in found[::-1]}.values())[::-1][:MAX_TEMPLATES]


def _messages(name: str, *parts: bytes, end: bytes = b"") -> Template:
    """Return a template of several messages; SLOT in one of them stands for the value."""

    def build(value: bytes) -> Script:
        return Script(tuple(part.replace(SLOT, value) + end for part in parts))

    return Template(name, build)


SLOT = b"\0VALUE"


def _lines(candidate: Candidate, words: Words) -> Iterator[Template]:
    """Line protocols: as a command, as the argument of a verb, as a user or password, before and after a failed login."""
    end = b"\r\n"
    names = tuple(name.encode() for name in candidate.names if name.isascii())
    verbs = list(dict.fromkeys([*(name for name in names if re.fullmatch(rb"\w+", name)), *words.verbs()]))
    verbs = [verb for verb in verbs if verb not in (b"USER", b"PASS")]
    yield _messages("command", SLOT, end=end)
    yield _messages("user", b"USER " + SLOT, b"PASS wrong", end=end)
    yield _messages("password", b"USER root", b"PASS " + SLOT, end=end)
    yield _messages("password of admin", b"USER admin", b"PASS " + SLOT, end=end)
    yield _messages("login and password", SLOT, SLOT, end=end)
    yield _messages("password alone", b"admin", SLOT, end=end)
    yield _messages("password of root", b"root", SLOT, end=end)
    yield _messages("command after a failed login", b"USER root", b"PASS wrong", SLOT, end=end)
    yield _messages("command with an argument", SLOT + b" /etc/probe", end=end)
    yield _messages("command after a failed login, with an argument", b"admin", b"wrong", SLOT + b" probe", end=end)
    for verb in verbs:
        yield _messages(f"{verb.decode()} VALUE", verb + b" " + SLOT, end=end)
    for verb in verbs:
        yield _messages(f"{verb.decode()} VALUE after USER", b"USER root", verb + b" " + SLOT, end=end)
    for verb in verbs[:20]:
        later = [other + b" probe" for other in verbs[:20] if other != verb]
        yield _messages(f"{verb.decode()} VALUE, then every verb", verb + b" " + SLOT, *later, end=end)
    for verb in verbs[:40]:
        yield _messages(f"VALUE, then {verb.decode()}", SLOT, verb + b" probe", end=end)
        yield _messages(f"USER VALUE, then {verb.decode()}", b"USER " + SLOT, verb + b" probe", end=end)
    for number, last in enumerate(candidate.after):
        yield _messages(f"VALUE, then message {number}", SLOT, last, end=end)
    yield _messages("command, line feed alone", SLOT, end=b"\n")
    yield from _with_fields(candidate, words, end)


def _with_fields(candidate: Candidate, words: Words, end: bytes) -> Iterator[Template]:
    names = list(dict.fromkeys([*candidate.names, *words.fields()]))[:30]
    for sign in (b"=", b":", b" "):
        for name in names:
            yield _messages(f"{name}{sign.decode()}VALUE", name.encode() + sign + SLOT, end=end)


def _banner(candidate: Candidate, words: Words) -> Iterator[Template]:
    """As the version that a client of SSH says (RFC 4253, 4.2), then as raw bytes."""
    yield _messages("version", b"SSH-2.0-" + SLOT, end=b"\r\n")
    yield _messages("version and comment", b"SSH-2.0-client " + SLOT, end=b"\r\n")
    yield from _raw(candidate, words)


def _raw(candidate: Candidate, words: Words) -> Iterator[Template]:
    """A stream without lines: the bytes as they are, behind each prefix, padded, ended in each way."""
    yield _messages("bytes", SLOT)
    yield _messages("bytes and line feed", SLOT, end=b"\n")
    yield _messages("bytes and CR LF", SLOT, end=b"\r\n")
    yield _messages("bytes and NUL", SLOT, end=b"\0")
    for number, later in enumerate(candidate.after):
        yield _messages(f"bytes, then message {number}", SLOT, later)
    yield _messages("bytes, then more", SLOT, b"probe\n", b"probe\n")
    yield from _datagrams(candidate, words)


def _datagrams(candidate: Candidate, words: Words) -> Iterator[Template]:
    """One datagram: at its start, at the offset that is known, behind each prefix; padded to lengths that may matter."""
    lengths = tuple(dict.fromkeys((*candidate.lengths, *_LENGTHS)))
    prefixes = (*candidate.prefixes, *(bytes(one) for one in _other_magic(candidate)))
    if candidate.offset is not None:
        for prefix in (*prefixes, b""):
            for length in (0, *lengths):
                yield _placed(prefix, candidate.offset, length)
    yield _messages("bytes", SLOT)
    yield _messages("bytes and line feed", SLOT, end=b"\n")
    for prefix in (b"", *prefixes):
        for gap in range(0 if not prefix else 5):
            for length in (64, 0):
                yield _placed(prefix, len(prefix) + gap, length)
        if not prefix:
            for length in lengths:
                yield _placed(b"", 0, length)
    for prefix in prefixes:
        for length in lengths:
            yield _placed(prefix, len(prefix), length)
        yield _messages(f"{prefix.hex()} and a word", prefix + SLOT + b" probe")
    for offset in (1, 2, 3, 4, 6, 8, 12, 16):
        yield _placed(b"", offset, 64)
    for number, later in enumerate(candidate.after):
        yield _messages(f"datagram, then message {number}", SLOT, later)
    yield _messages("bytes and a word", SLOT + b" probe")
    yield from _with_fields(candidate, words, b"\n")


def _other_magic(candidate: Candidate) -> Iterator[bytes]:
    """Integers that stand beside it in the same check may be the magic before it, in either order."""
    for sibling in candidate.siblings:
        if isinstance(sibling, int) and sibling > 0xFF:
            width = 2 if sibling <= 0xFFFF else 4 if sibling <= 0xFFFFFFFF else 8
            yield sibling.to_bytes(width, "big")
            yield sibling.to_bytes(width, "little")


def _placed(prefix: bytes, offset: int, length: int) -> Template:
    """Return a datagram with the prefix at its start, the value at `offset`, zeros between, padded with a path or zeros."""

    def build(value: bytes) -> Script:
        whole = prefix.ljust(offset, b"\0")[:offset] + value
        return Script((whole.ljust(length, b"\0") if length else whole,))

    return Template(f"{prefix.hex() or 'nothing'} + {offset}, {length or 'no'} padding", build)


def _inputs(candidate: Candidate, words: Words) -> Iterator[Template]:
    """Standard input: as a user, as a password after a user, as a command, on every line."""
    end = b"\n"
    yield _messages("user", SLOT, b"wrong", end=end)
    yield _messages("password", b"root", SLOT, end=end)
    yield _messages("password of admin", b"admin", SLOT, end=end)
    yield _messages("command", SLOT, end=end)
    yield _messages("every line", SLOT, SLOT, SLOT, SLOT, end=end)
    yield _messages("third line", b"admin", b"wrong", SLOT, end=end)
    yield _messages(
        "command after a failed login", b"admin", b"wrong", b"admin", b"wrong", b"admin", b"wrong", SLOT, end=end
    )
    yield _messages("bytes", SLOT)
    yield _messages("command with an argument", SLOT + b" probe", end=end)
    for number, later in enumerate(candidate.after):
        yield _messages(f"VALUE, then message {number}", SLOT, later, end=end)
    for name in list(dict.fromkeys([*candidate.names, *(verb.decode() for verb in words.verbs()), *words.fields()]))[:50]:
        yield _messages(f"{name} VALUE", name.encode() + b" " + SLOT, end=end)
        yield _messages(f"VALUE, then {name}", SLOT, name.encode() + b" probe", end=end)
    yield from _with_fields(candidate, words, end)
    yield from _counted(candidate)


def _counted(candidate: Candidate) -> Iterator[Template]:
    """An integer as a count: as many bytes as it says (the value of this template is the number as decimal text)."""
    if not isinstance(candidate.constant, int) or not 0 < candidate.constant <= _MAX_COUNT:
        return

    def build(value: bytes) -> Script:
        return Script((b"A" * (int(value) % (_MAX_COUNT * 2) if value.isdigit() else 0),))

    yield Template("count", build, form="decimal")


def _files(candidate: Candidate, words: Words) -> Iterator[Template]:
    """The content of a file: the value at each place, behind each prefix, padded, as the value of a field."""
    for template in _datagrams(candidate, words):
        yield Template(f"file: {template.name}", _as_content(template.build), template.form)
    for verb in words.verbs()[:20]:
        yield Template(f"file: {verb.decode()} VALUE", _as_content(_messages("", verb + b" " + SLOT, end=b"\n").build))


def _as_content(build: Callable[[bytes], Script]) -> Callable[[bytes], Script]:
    return lambda value: Script(content=b"".join(build(value).messages))


def _arguments(candidate: Candidate, words: Words) -> Iterator[Template]:
    """Arguments and the environment: alone, behind each option, as the value of every variable that the program names."""
    yield Template("argument", lambda value: Script(arguments=(value,)))
    for option in list(dict.fromkeys(t.decode() for t in words.texts if re.fullmatch(rb"--?[A-Za-z][\w-]{0,20}", t)))[:20]:
        yield Template(f"argument of {option}", _argument(option))
    yield Template("second argument", lambda value: Script(arguments=(b"admin", value)))
    yield Template("both arguments", lambda value: Script(arguments=(value, value)))
    names = [name[4:] for name in (candidate.origin,) if name.startswith("env:")] + words.environment()
    if names:
        yield Template("environment", lambda value: Script(env=dict.fromkeys(names, value)))


def _argument(option: str) -> Callable[[bytes], Script]:
    return lambda value: Script(arguments=(option.encode(), value))


def value_forms(candidate: Candidate, template: Template) -> list[tuple[str, bytes]]:
    """Return the byte forms of the constant that a template takes."""
    if template.form and isinstance(candidate.constant, int):
        return [(form, value) for form, value in values(candidate) if form == template.form]
    if isinstance(candidate.constant, int) and template.text:
        return [(form, value) for form, value in values(candidate) if form in ("decimal", "hex")]
    if isinstance(candidate.constant, int):
        wide = {name for name, width, _ in forms(candidate) if width}
        return [
            (form, value) for form, value in values(candidate) if form in wide or template.name == "bytes and line feed"
        ]
    return values(candidate)

"""Addresses, names and URLs that stand in a file, from its bytes alone.

In a program, each string is looked at by itself: a URL, an address or a host name that stands alone, or stands in a
request or a command. In text, each line that is no comment. What speaks of documentation (a home page, where to report
bugs) is marked so. Loopback, private, reserved, documentation and namespace addresses are left out
(`readers/addresses.py`), as are web pages, style sheets and certificates: what stands there is opened by a browser or
named by an authority, not contacted by the equipment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aboveboard.evidence.collector import FileSubject, Needs, Planted
from aboveboard.model.facts import Cause, Fact, Gap, Where
from aboveboard.readers import addresses, strings

NAME = "addresses"
VERSION = 1
SUBJECT = "file"
NEEDS: tuple[str, ...] = ()
EMITS = {
    "text-address": "host, port, url, form (url, address, name), in (program, text), text, reserved, documentation",
}
CLAUSES = ("NS-01", "NS-02", "NS-04")

MAX_FOUND = 1000
MAX_TEXT = 300
_HINT = re.compile(rb"://|\d\.\d{1,3}\.\d|[A-Za-z0-9-]\.[A-Za-z]{2}")
_DOCUMENTATION = re.compile(
    r"\bbugs?\b|\breport(?:s|ed)? (?:to|at)\b|copyright|\(c\)|home.?page|documentation|licen[sc]e|\bvisit\b|\bmanual\b"
    r"|\bsee\b|\busage\b|written by|author|\bRFC\b|wiki|gnu\.org|sourceforge|github\.com|gitlab",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[\s=,;\"'<>()\[\]]+")
_COMMENT = re.compile(r"^\s*(?:#|//|;|--|\*|/\*|<!--|\bREM\b)")
_PAGE = re.compile(rb"^\s*(?:<!doctype html|<html|<\?xml|<svg|/\*|<!--)", re.IGNORECASE)
_NOT_WANTED = (b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"-----BEGIN CERT", b"0\x82", b"\x1f\x8b", b"wOF", b"%PDF", b"OTTO")

_AGENT = b"\x7fELF\0\0GET /c HTTP/1.1\r\nHost: c.acme-router.net\r\n\0"
_AGENT += b"https://u.acme-router.net:8443/v1\0time.acme-router.net\0"
PLANTED = (
    Planted(
        {"/usr/bin/agent": _AGENT},
        (
            ("text-address", {"host": "u.acme-router.net", "port": 8443, "form": "url"}),
            ("text-address", {"host": "c.acme-router.net"}),
            ("text-address", {"host": "time.acme-router.net", "form": "name"}),
        ),
    ),
    Planted(
        {"/etc/x.conf": b"# http://no.acme-router.net\nserver 192.88.99.7\n"},
        (("text-address", {"host": "192.88.99.7"}),),
    ),
)


def wants(head: bytes, size: int) -> bool:
    """Take programs and text, but neither pictures nor certificates nor compressed data."""
    return size >= 8 and not head.startswith(_NOT_WANTED)


def collect(subject: FileSubject, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the addresses of one file."""
    del needs
    data = subject.data
    if _HINT.search(data) is None:
        return
    found = _in_program(data) if data.startswith(b"\x7fELF") or b"\0" in data[:4096] else _in_text(data)
    for count, fact in enumerate(found):
        if count >= MAX_FOUND:
            yield Gap(Cause.LIMIT, Where(), f"more than {MAX_FOUND} addresses in one file")
            return
        yield fact


def _in_program(data: bytes) -> Iterator[Fact]:
    seen: set[tuple[str, str]] = set()
    for offset, raw in strings.terminated(data, least=4, most=2000, lines=True):
        if _HINT.search(raw) is None:
            continue
        text = raw.decode("ascii").strip()
        for address in _of_string(text):
            if (address.host, address.url) not in seen:
                seen.add((address.host, address.url))
                yield _fact(address, Where(offset=offset), "program", text)


def _of_string(text: str) -> Iterator[addresses.Address]:
    urls = list(addresses.find(text))
    # a number with dots inside a sentence is a version more often than an address
    yield from (item for item in urls if item.form == "url" or text in (item.url, f"{item.url}:{item.port}"))
    if urls:
        return
    host = re.search(r"^Host:\s*([\w.-]+)(?::(\d{1,5}))?", text, re.MULTILINE)
    named = addresses.as_host(host[1] if host is not None else text)
    if named is not None and re.search("[A-Za-z]", named[0]):
        yield addresses.Address(named[0], named[1], named[0], "name", 0)


def _in_text(data: bytes) -> Iterator[Fact]:
    if _PAGE.match(data[:256]):
        return
    for number, raw in enumerate(data.split(b"\n"), 1):
        if _HINT.search(raw) is None:
            continue
        line = raw[:4000].decode("utf-8", "replace")
        if _COMMENT.match(line):
            continue
        found = list(addresses.find(line))
        found += [name for word in _WORDS.split(line) if (name := _name(word)) is not None]
        for address in found:
            yield _fact(address, Where(line=number), "text", line.strip())


def _name(word: str) -> addresses.Address | None:
    """Return a word that is a host name by itself."""
    named = addresses.as_host(word) if "." in word and "://" not in word else None
    if named is None or re.search("[a-z]", named[0]) is None:
        return None
    return addresses.Address(named[0], named[1], word, "name", 0)


def _fact(address: addresses.Address, where: Where, kind: str, text: str) -> Fact:
    return Fact(
        "text-address",
        where,
        {
            "host": address.host,
            "port": address.port,
            "url": address.url[:MAX_TEXT],
            "form": address.form,
            "in": kind,
            "text": text[:MAX_TEXT],
            "reserved": addresses.is_documentation(address.host),
            "documentation": _DOCUMENTATION.search(text) is not None,
        },
    )

"""Templates of HTTP requests (RFC 9110, 9112), and the same requests as a CGI program is given them (RFC 3875)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from aboveboard.evidence.confirming.candidate import Candidate
from aboveboard.evidence.confirming.script import Script, Template
from aboveboard.evidence.confirming.words import Words

_COMMON = ("User-Agent", "Cookie", "Authorization", "Referer", "X-Forwarded-For", "Accept-Language", "Origin", "Accept",
           "X-Requested-With", "Host", "X-Auth-Token", "X-Api-Key", "If-None-Match", "From", "Content-Type")  # fmt: skip
_MAX_PATHS = 8


@dataclass(frozen=True)
class Request:
    """One request; fields are put into query or body as they are, encoded before."""

    method: str = "GET"
    path: bytes = b"/"
    query: bytes = b""
    headers: Mapping[str, bytes] = field(default_factory=dict)
    body: bytes = b""

    def script(self) -> Script:
        """Return the request for a stream and for CGI."""
        return Script((self.wire(),), env=self.environment(), body=self.body)

    def wire(self) -> bytes:
        """Return the bytes on a stream."""
        target = self.path + (b"?" + self.query if self.query else b"")
        headers = {"Host": b"localhost", **self.headers}
        if self.body or self.method == "POST":
            headers.setdefault("Content-Type", b"application/x-www-form-urlencoded")
            headers["Content-Length"] = b"%d" % len(self.body)
        headers.setdefault("Connection", b"close")
        lines = [self.method.encode("latin-1") + b" " + target + b" HTTP/1.1"]
        lines += [name.encode("latin-1") + b": " + value for name, value in headers.items()]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def environment(self) -> dict[str, bytes]:
        """Return the variables of CGI (RFC 3875, 4.1)."""
        found = {
            "GATEWAY_INTERFACE": b"CGI/1.1",
            "SERVER_PROTOCOL": b"HTTP/1.1",
            "SERVER_NAME": b"localhost",
            "SERVER_PORT": b"80",
            "SERVER_SOFTWARE": b"httpd",
            "REMOTE_ADDR": b"127.0.0.1",
            "REQUEST_METHOD": self.method.encode("latin-1"),
            "SCRIPT_NAME": b"/cgi-bin/program",
            "PATH_INFO": self.path if self.path != b"/" else b"",
            "REQUEST_URI": self.path + (b"?" + self.query if self.query else b""),
            "QUERY_STRING": self.query,
        }
        if self.body or self.method == "POST":
            found["CONTENT_LENGTH"] = b"%d" % len(self.body)
            found["CONTENT_TYPE"] = self.headers.get("Content-Type", b"application/x-www-form-urlencoded")
        for name, value in self.headers.items():
            if name != "Content-Type":
                found["HTTP_" + name.upper().replace("-", "_")] = value
        return found


def http_templates(candidate: Candidate, words: Words) -> Iterator[Template]:
    """Yield the positions: many at once first, since one hit is looked at again by itself."""
    headers = _headers(candidate, words)
    fields = _fields(candidate, words)
    paths = _paths(words)
    yield _of("headers", _all_headers("/", headers))
    for path in paths:
        for chunk in _chunks(fields, 20):
            yield _of(f"query of {path}, fields {chunk[0]} to {chunk[-1]}", _query(path, chunk))
            yield _of(f"form of {path}, fields {chunk[0]} to {chunk[-1]}", _form(path, chunk))
    yield from _credentials()
    yield from _path_positions(paths)
    yield from _cookies(fields)
    for name in headers:
        yield _of(f"header:{name}", _header(name))
    for path in paths:
        for name in fields[:24]:
            yield _of(f"query:{name} of {path}", _query(path, [name]))
    for path in paths:
        yield _of(f"json of {path}", _json(path, fields[:20]))
        for chunk in _chunks(headers, 12):
            yield _of(f"headers {chunk[0]} to {chunk[-1]} of {path}", _all_headers(path, chunk))


def _credentials() -> Iterator[Template]:
    yield _of("basic:user", lambda value: _basic(value + b":wrong"))
    yield _of("basic:password", lambda value: _basic(b"admin:" + value))
    yield _of("basic:root password", lambda value: _basic(b"root:" + value))
    yield _of("basic:both", lambda value: _basic(value + b":" + value))
    yield _of("basic", _basic)
    yield _of("bearer", lambda value: Request(headers={"Authorization": b"Bearer " + value}))


def _path_positions(paths: Sequence[str]) -> Iterator[Template]:
    yield _of("path", lambda value: Request(path=_slash(value)), text=True)
    yield _of("path, ended by .html", lambda value: Request(path=_slash(value) + b".html"), text=True)
    yield _of("path, ended by .cgi", lambda value: Request(path=_slash(value) + b".cgi"), text=True)
    yield _of("path below", lambda value: Request(path=b"/cgi-bin" + _slash(value)), text=True)
    yield _of("path posted", lambda value: Request("POST", path=_slash(value), body=b"probe=1"), text=True)
    yield _of("method", lambda value: Request(value.decode("latin-1")), text=True)
    for path in paths:
        yield _of(f"query of {path}", lambda value, path=path: Request(path=path.encode(), query=value))
        yield _of(f"form of {path}", lambda value, path=path: Request("POST", path.encode(), body=value))
        yield _of(f"path below {path}", lambda value, path=path: Request(path=path.rstrip("/").encode() + _slash(value)))
        yield _of(
            f"query name of {path}", lambda value, path=path: Request(path=path.encode(), query=_coded(value) + b"=1")
        )
        yield _of(
            f"form name of {path}", lambda value, path=path: Request("POST", path.encode(), body=_coded(value) + b"=1")
        )
    yield _of("header name", lambda value: Request(headers={value.decode("latin-1"): b"1"}), text=True)


def _cookies(fields: Sequence[str]) -> Iterator[Template]:
    yield _of("cookie", lambda value: Request(headers={"Cookie": value}))
    for chunk in _chunks(fields, 20):
        yield _of(f"cookie, fields {chunk[0]} to {chunk[-1]}", _cookie(chunk))
    yield _of("cookie session", _cookie(["session", "sid", "SESSIONID", "token", "auth", "uid", "id"]))


def _of(name: str, build: object, *, text: bool = False) -> Template:
    def script(value: bytes) -> Script:
        made = build(value)  # type: ignore[operator] # a function from bytes to Request
        assert isinstance(made, Request)
        return made.script()

    return Template(name, script, text=True if text else not name.startswith(("form of", "raw")))


def _headers(candidate: Candidate, words: Words) -> list[str]:
    hinted = [candidate.origin[7:]] if candidate.origin.startswith("header:") else []
    named = [name for name in candidate.names if name.replace("-", "").isalnum() and ("-" in name or name.istitle())]
    own = [name for name in words.headers() if name not in ("Content-Length", "Content-Type", "Connection")]
    return list(dict.fromkeys(name for name in (*hinted, *named, *own, *_COMMON) if name))[:50]


def _fields(candidate: Candidate, words: Words) -> list[str]:
    hinted = [candidate.origin.partition(":")[2]] if candidate.origin.startswith(("query:", "form:", "cookie:")) else []
    return list(dict.fromkeys(name for name in (*hinted, *candidate.names, *words.fields()) if name))[:80] or ["probe"]


def _paths(words: Words) -> list[str]:
    return list(dict.fromkeys(["/", *words.paths()]))[:_MAX_PATHS]


def _chunks(names: Sequence[str], size: int) -> list[list[str]]:
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


def _query(path: str, fields: Sequence[str]) -> object:
    return lambda value: Request(path=path.encode(), query=b"&".join(f.encode() + b"=" + _coded(value) for f in fields))


def _form(path: str, fields: Sequence[str]) -> object:
    return lambda value: Request("POST", path.encode(), body=b"&".join(f.encode() + b"=" + _coded(value) for f in fields))


def _json(path: str, fields: Sequence[str]) -> object:
    def build(value: bytes) -> Request:
        body = b"{" + b",".join(b'"' + name.encode() + b'":"' + value + b'"' for name in fields) + b"}"
        return Request("POST", path.encode(), headers={"Content-Type": b"application/json"}, body=body)

    return build


def _cookie(fields: Sequence[str]) -> object:
    return lambda value: Request(headers={"Cookie": b"; ".join(name.encode() + b"=" + value for name in fields)})


def _header(name: str) -> object:
    return lambda value: Request(headers={name: value})


def _all_headers(path: str, names: Sequence[str]) -> object:
    return lambda value: Request(path=path.encode(), headers={name: value for name in names})  # noqa: C420 - its type


def _basic(pair: bytes) -> Request:
    return Request(headers={"Authorization": b"Basic " + base64.b64encode(pair)})


def _slash(value: bytes) -> bytes:
    return value if value.startswith(b"/") else b"/" + value


def _coded(value: bytes) -> bytes:
    return quote_from_bytes(value, safe="/:@,.-_~!*'()").encode()

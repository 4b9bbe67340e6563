"""What the calls of a program mean: ports it binds, hosts it calls, commands it runs.

Sources: POSIX.1-2017; ip(7), packet(7), raw(7), getaddrinfo(3).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Where
from aboveboard.readers.callsites import Argument, Calls, CallSite, Interest
from aboveboard.readers.code.state import MAX_TEXT, UNKNOWN, Origin
from aboveboard.readers.elf import Elf

_EXEC_LISTS = ("execl", "execlp", "execle")
_EXEC_VECTORS = ("execv", "execve", "execvp")
_COMMANDS = frozenset({"system", "popen", *_EXEC_LISTS, *_EXEC_VECTORS})
_LOOKUPS = {"gethostbyname": 0, "res_query": 0, "inet_addr": 0, "inet_aton": 0, "inet_pton": 1}
_NUMERIC = frozenset({"inet_addr", "inet_aton", "inet_pton"})
_READERS = frozenset({"recv", "recvfrom", "recvmsg", "accept", "accept4"})
# With bounds checks added by the compiler (_FORTIFY_SOURCE) these are called by other names.
CHECKED = {"__recv_chk": "recv", "__recvfrom_chk": "recvfrom", "__read_chk": "read"}
_AF_INET, _AF_INET6, _AF_PACKET = 2, 10, 17
_SOCK_RAW, _IPPROTO_RAW = 3, 255
_CURLOPT_URL = 10002
_AI_PASSIVE = 1
_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
_LITERAL = re.compile(r"%[-+ #0-9.*]*[a-zA-Z]|\ufffd")

INTEREST = Interest(
    names=frozenset({"socket", "bind", "connect", "sendto", "getaddrinfo", "curl_easy_setopt", *_LOOKUPS, *_COMMANDS}),
    noted=frozenset({"listen", "read", *_READERS, *CHECKED}),
    because=_COMMANDS,
    memory={"bind": 1, "connect": 1, "sendto": 4, "getaddrinfo": 2},
    vectors=dict.fromkeys(_EXEC_VECTORS, 1),
    decisive={
        **{name: (number,) for name, number in _LOOKUPS.items()},
        **dict.fromkeys(("bind", "connect"), (0, 1)),
        **dict.fromkeys(_EXEC_VECTORS, (0, 1)),
        **dict.fromkeys(_EXEC_LISTS, (0, 1, 2, 3, 4)),
        **dict.fromkeys(("system", "popen", "read", "__read_chk"), (0,)),
        "sendto": (0, 4),
        "socket": (0, 1, 2),
        "getaddrinfo": (0, 1, 2),
        "curl_easy_setopt": (2,),
    },
)


class Meaning:
    """Turns the call sites of one file into facts, and counts what was not resolved."""

    def __init__(self, elf: Elf, calls: Calls) -> None:
        self._big = elf.endian == "big"
        # Linux on MIPS numbers these two the other way round (arch/mips/include/asm/socket.h).
        stream, datagram = (2, 1) if elf.machine == "mips" else (1, 2)
        self._types = {stream: "tcp", datagram: "udp", _SOCK_RAW: "raw"}
        self._sites = calls.sites
        self._by_function: dict[int, list[CallSite]] = {}
        for site in calls.sites:
            self._by_function.setdefault(site.function, []).append(site)
        self.unresolved: dict[str, int] = {"unreached": calls.unreached} if calls.unreached else {}

    def facts(self) -> Iterator[Fact]:
        """Yield the facts, each once; `unresolved` is complete afterwards."""
        seen: set[str] = set()
        answered: dict[tuple[str, int], bool] = {}
        commands: dict[int, list[str]] = {}
        for site in self._sites:
            if site.name not in INTEREST.names or (
                site.name == "curl_easy_setopt" and site.arguments[1].number != _CURLOPT_URL
            ):
                continue
            found = self._read(site)
            key = (site.name, site.address)
            answered[key] = answered.get(key, False) or found is not None
            for fact in found or ():
                if repr(fact) not in seen:
                    seen.add(repr(fact))
                    if fact.kind == "runs":
                        commands.setdefault(site.function, []).append(str(fact.data["command"]))
                    yield fact
        for name, _ in sorted(key for key, answer in answered.items() if not answer):
            self.unresolved[name] = self.unresolved.get(name, 0) + 1
        yield from self._readers(commands)

    def _read(self, site: CallSite) -> list[Fact] | None:
        """Return what a call says (which may be nothing of interest), or None where its constants are not known."""
        name = site.name
        if name == "socket":
            return self._socket(site)
        if name in ("bind", "connect", "sendto"):
            return self._address(site)
        if name == "getaddrinfo":
            return self._getaddrinfo(site)
        if name in _LOOKUPS:
            return self._lookup(site)
        if name == "curl_easy_setopt":
            return self._url(site)
        command = _command(site)
        return None if command is None else [_fact("runs", site, {"command": command, "call": name})]

    def _socket(self, site: CallSite) -> list[Fact]:
        domain, kind, protocol = (one.number for one in site.arguments[:3])
        is_raw = (
            kind is not None and kind & 0xF == _SOCK_RAW and domain in (_AF_INET, _AF_INET6) and protocol != _IPPROTO_RAW
        )
        hears = domain == _AF_PACKET and protocol != 0  # packet(7): with protocol 0 nothing is received
        return [_listens(site, "raw", 0, "")] if is_raw or hears else []

    def _address(self, site: CallSite) -> list[Fact] | None:
        structure = site.arguments[INTEREST.memory[site.name]]
        if structure.number == 0:
            return []  # sendto on a connected socket
        family = self._integer(structure.memory[:2])
        protocol, domain = self._protocol(site, family)
        family = domain if family is None else family
        if family is None:
            return None
        if family == _AF_PACKET and site.name == "bind":
            return [] if self._is_told(site) else [_listens(site, "raw", 0, "")]
        if family not in (_AF_INET, _AF_INET6):
            return []
        port = _bytes(structure.memory[2:4])
        host = _bytes(structure.memory[4:8] if family == _AF_INET else structure.memory[8:24])
        text = str(ipaddress.ip_address(host)) if host is not None else ""
        number = int.from_bytes(port, "big") if port is not None else None
        if site.name == "bind":
            if number is None:
                return None
            return [_listens(site, protocol, number, text)] if number else []
        if host is None:
            return None
        return [_calls_out(site, text, number or 0)] if any(host) else []

    def _integer(self, raw: Iterable[int | None]) -> int | None:
        known = _bytes(raw)
        return int.from_bytes(known, "big" if self._big else "little") if known else None

    def _is_told(self, site: CallSite) -> bool:
        """Tell whether a packet socket was already told where it is made."""
        return any(self._socket(one) for one in self._by_function[site.function] if one.name == "socket")

    def _protocol(self, site: CallSite, family: int | None) -> tuple[str, int | None]:
        """Return the protocol and the address family of the socket, from its making or from what else is done with it."""
        around = [one for one in self._by_function[site.function] if one.given == site.given]
        origin = site.arguments[0].value
        made: tuple[int | None, ...] = origin.arguments if isinstance(origin, Origin) and origin.name == "socket" else ()
        if not made:
            sockets = {tuple(one.number for one in other.arguments[:2]) for other in around if other.name == "socket"}
            fitting = {one for one in sockets if family is None or one[0] in (None, family)}
            made = next(iter(fitting)) if len(fitting) == 1 else ()
        if len(made) >= 2 and made[1] is not None:
            return self._types.get(made[1] & 0xF, "unknown"), made[0]
        hears = any(one.name in ("listen", "accept", "accept4") for one in around)
        return ("tcp" if hears else "unknown"), made[0] if made else None

    def _getaddrinfo(self, site: CallSite) -> list[Fact] | None:
        node, service, hints = site.arguments[:3]
        flags = 0 if hints.number == 0 else self._integer(hints.memory[:4])
        port = int(service.text) if service.text and service.text.isascii() and service.text.isdigit() else None
        kind = self._integer(hints.memory[8:12])
        if flags is None:
            return None
        if flags & _AI_PASSIVE:
            host = "" if node.number == 0 else node.text
            if port is None:
                return None
            return [_listens(site, self._types.get(kind or 0, "unknown"), port, host or "")] if 0 < port < 1 << 16 else []
        if node.number == 0:
            return []  # this machine
        return [_calls_out(site, node.text, port or 0)] if _is_host(node.text) and node.text else None

    def _lookup(self, site: CallSite) -> list[Fact] | None:
        host = site.arguments[_LOOKUPS[site.name]].text
        if host is None or not _is_host(host):
            return None
        if site.name not in _NUMERIC:
            return [_calls_out(site, host, 0)]
        if not _is_address(host) or self._goes_elsewhere(site, host):
            return []
        text = str(ipaddress.ip_address(host))
        return [] if text in _ANYWHERE or text.startswith("255.") else [_calls_out(site, text, 0)]

    def _goes_elsewhere(self, site: CallSite, host: str) -> bool:
        """Tell whether the address is bound here, or told again with the call that uses it."""
        packed = ipaddress.ip_address(host).packed
        for other in self._by_function[site.function]:
            if other.name in ("bind", "connect", "sendto"):
                memory = other.arguments[INTEREST.memory[other.name]].memory
                if packed in (_bytes(memory[4:8]), _bytes(memory[8:24])):
                    return True
        return False

    def _url(self, site: CallSite) -> list[Fact] | None:
        try:
            parts = urlsplit(site.arguments[2].text or "")
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        standard = {"http": 80, "https": 443, "ftp": 21}.get(parts.scheme, 0)
        return [_calls_out(site, host, port or standard)] if host and _is_host(host) else None

    def _readers(self, commands: dict[int, list[str]]) -> Iterator[Fact]:
        """Functions that read from the network and run a constant command, themselves or through one they call."""
        for function, sites in sorted(self._by_function.items()):
            calls = sorted({CHECKED.get(one.name, one.name) for one in sites if _reads(one)})
            if not calls:
                continue
            callees = sorted({target for one in sites if not one.name for target in (one.target, one.target & ~1)})
            run = [command for place in (function, *callees) for command in commands.get(place, ())]
            if run:
                where = Where(address=f"0x{function:x}", function=f"0x{function:x}")
                yield Fact("reads-network", where, {"calls": list(calls), "commands": sorted(set(run))})


def _reads(site: CallSite) -> bool:
    name = CHECKED.get(site.name, site.name)
    if name == "read":
        origin = site.arguments[0].value
        return isinstance(origin, Origin) and origin.name in ("socket", "accept", "accept4")
    return name in _READERS


def _command(site: CallSite) -> str | None:
    """Return the command line of a call, with UNKNOWN for what is not known; None when its first word is not known."""
    if site.name in ("system", "popen"):
        text = site.arguments[0].text
        return text[:MAX_TEXT] if text and _has_literal(text.split()[:1]) else None
    path = site.arguments[0].text
    words = list(_vector(site.arguments[1:]) if site.name in _EXEC_LISTS else site.arguments[1].items)
    if path is None and (not words or words[0] is None):
        return None
    first = words[0] if words else None
    if path is not None:
        if words and (first is None or path.rsplit("/", 1)[-1] == first.rsplit("/", 1)[-1]):
            words[0] = path
        else:
            words = [path, *words]
    text = re.sub(rf"(?: {UNKNOWN})+$", f" {UNKNOWN}", " ".join(UNKNOWN if word is None else word for word in words))
    return text[:MAX_TEXT] if _has_literal(text.split()[:1]) else None


def _vector(arguments: Iterable[Argument]) -> Iterator[str | None]:
    for number, one in enumerate(arguments):
        if one.number == 0:
            return
        yield one.text
        if one.text is None and number:
            return  # nothing says that the list goes on


def _has_literal(words: list[str]) -> bool:
    return bool(words) and len(re.sub(r"[^\w]", "", _LITERAL.sub("", words[0]))) > 1


def _bytes(raw: Iterable[int | None]) -> bytes | None:
    found = list(raw)
    return bytes(one for one in found if one is not None) if found and None not in found else None


def _is_host(text: str | None) -> bool:
    return bool(text) and re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", text or "") is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _fact(kind: str, site: CallSite, data: dict[str, JSON]) -> Fact:
    return Fact(kind, Where(address=f"0x{site.address:x}", function=f"0x{site.function:x}"), data)


def _listens(site: CallSite, protocol: str, port: int, address: str) -> Fact:
    return _fact("listens", site, {"proto": protocol, "port": port, "address": address})


def _calls_out(site: CallSite, host: str, port: int) -> Fact:
    return _fact("calls-out", site, {"host": host, "port": port, "call": site.name})

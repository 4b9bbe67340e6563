"""Addresses, names and URLs in text, and which of them are outside destinations at all.

Not destinations: loopback, private, link-local and multicast addresses (RFC 6890 and its registries), reserved names
(RFC 2606, RFC 6761, RFC 8375), and names that stand in namespaces and schemas. Documentation addresses and names (RFC 5737,
RFC 3849, RFC 2606) are told apart: text that names one explains something, code that contacts one contacts it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

URL = re.compile(
    r"(?P<scheme>https?|ftps?|tftp|mqtts?|wss?|coaps?|ldaps?|rtsps?|sips?|stuns?|turns?|tcp|udp|ssh|telnet|rsync|git|ntp|nfs|smb)://"
    r"(?:[^\s/@\"'<>]{1,64}@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)"
    r"(?::(?P<port>\d{1,5}))?(?P<rest>/[^\s\"'<>\\^`{|}]{0,300})?"
)
IPV4 = re.compile(r"(?<![\w.:-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
NAME = re.compile(
    r"^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?$", re.IGNORECASE
)
# Endings that a lone name must have to be taken for one: "libc.so" and "main.c" are names of files.
_ENDINGS = frozenset(
    """
    com net org biz io cloud tech online xyz gov edu asia eu example uk de fr nl ch es pt se dk fi pl cz hu gr ru ua kz tr
    ae sa pk bd cn hk tw jp kr sg my th vn ph au nz ca mx cl pe za ng ke
    """.split()
)
# Endings that members of objects have in code as well: taken where the name has three parts or more.
_MEMBERS = frozenset("info name dev app pro site mobi int id us it at be no in br me tv co ai il ir ro sk bg".split())
_FILES = frozenset("conf.d rc.d init.d profile.d cron.d ld.so".split())
_RESERVED = tuple(
    "localhost test invalid local lan home internal localdomain home.arpa in-addr.arpa ip6.arpa onion".split()
)
# Reserved for documentation, or what people write there. Text that names one explains something; code that contacts one
# does.
_DOCUMENTATION = tuple(
    """
    example example.com example.net example.org mycompany.com yourdomain.com domain.com company.com your-domain.com foo.com
    bar.com host.com
    """.split()
)
_DOCUMENTED = tuple(map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
# Names that stand in XML, RDF and UPnP documents as identifiers; nothing fetches them.
_NAMESPACES = tuple(
    """
    w3.org xmlsoap.org xml.org purl.org oasis-open.org schemas.microsoft.com schemas.upnp.org dslforum.org
    broadband-forum.org ns.adobe.com openxmlformats.org relaxng.org docbook.org exslt.org xmlns.com json-schema.org
    inkscape.org sodipodi.sourceforge.net creativecommons.org xfree86.org
    """.split()
)
# Not in use on the Internet, and yet not the equipment's own network: 6to4 anycast (RFC 7526), benchmarks (RFC 2544).
_BEYOND = tuple(map(ipaddress.ip_network, ("192.88.99.0/24", "198.18.0.0/15")))


@dataclass(frozen=True, slots=True)
class Address:
    """A destination in a text: host in lower case, port (0 where none is named), the URL as it stands, and where."""

    host: str
    port: int
    url: str
    form: str  # url, address, name
    offset: int


def find(text: str) -> Iterator[Address]:
    """Yield the URLs and the IPv4 addresses of a text that may be outside destinations."""
    taken: list[tuple[int, int]] = []
    for match in URL.finditer(text):
        taken.append(match.span())
        port = int(match["port"]) if match["port"] else 0
        host = match["host"].strip("[]").lower().rstrip(".")
        if port < 65536 and is_outside(host):
            yield Address(host, port, match[0].rstrip(".,;)"), "url", match.start())
    for match in IPV4.finditer(text):
        if not any(start <= match.start() < end for start, end in taken) and is_outside(match[0]):
            yield Address(match[0], _port_after(text, match.end()), match[0], "address", match.start())


def as_host(word: str) -> tuple[str, int] | None:
    """Return host and port of a word that is an address, a name or either with `:port`; None for anything else."""
    word = word.strip().strip("\"'")
    match = re.fullmatch(r"\[?([0-9A-Fa-f:]{2,45}|[\w.-]{1,253})\]?(?::(\d{1,5}))?", word)
    if match is None:
        return None
    host = match[1].lower().rstrip(".")
    port = int(match[2]) if match[2] and int(match[2]) < 65536 else 0
    if _ip(host) is not None or is_name(host):
        return (host, port) if is_outside(host) else None
    return None


def is_name(word: str) -> bool:
    """Tell whether a lone word is a host name, by its form and its ending; `self.name` and `main.c` are not."""
    if not NAME.match(word) or word.lower() in _FILES or word.startswith("lib"):
        return False
    labels = word.lower().rstrip(".").split(".")
    if all(label.isdigit() for label in labels[:-1]):
        return False
    return labels[-1] in _ENDINGS or (labels[-1] in _MEMBERS and len(labels) > 2 and len(labels[-2]) > 3)


def is_outside(host: str) -> bool:
    """Tell whether a host lies outside the equipment and its local networks: no loopback, private or namespace name."""
    address = _ip(host)
    if address is not None:
        if any(address in network for network in (*_BEYOND, *_DOCUMENTED)):
            return True
        return address.is_global and not address.is_multicast and not str(address).startswith(("0.", "255."))
    name = host.lower().rstrip(".")
    if "." not in name or not NAME.match(host):
        return False
    return not any(name == item or name.endswith("." + item) for item in (*_RESERVED, *_NAMESPACES))


def is_documentation(host: str) -> bool:
    """Tell whether a host is reserved for documentation (RFC 5737, RFC 3849, RFC 2606), or is what people write there."""
    address = _ip(host)
    if address is not None:
        return any(address in network for network in _DOCUMENTED)
    name = host.lower().rstrip(".")
    return any(name == item or name.endswith("." + item) for item in _DOCUMENTATION)


def purpose(text: str) -> str:
    """Return what a destination seems to be for, from the words around it: its URL, the setting's name, the program."""
    for name, words in _PURPOSES:
        if re.search(words, text, re.IGNORECASE):
            return name
    return "other"


_PURPOSES = (
    (
        "telemetry",
        r"telemetr|analytic|metric|statist|(?<![a-z])stats?(?![a-z])|beacon|track(?:er|ing)|collect|crash|usage|diagnos"
        r"|phone.?home|call.?home|heartbeat",
    ),
    (
        "management",
        r"(?<![a-z])acs(?![a-z])|cwmp|tr-?0?69|tr-?369|(?<![a-z])usp(?![a-z])|provision|controller|remote.?m(?:ana|gmt)",
    ),
    (
        "update",
        r"updat|upgrad|firmware|fota|(?<![a-z])ota(?![a-z])|download|release|opkg|feeds?(?![a-z])|packages",
    ),
    ("time", r"(?<![a-z])s?ntpd?(?![a-z])|(?<![a-z])time|pool\.ntp|chrony|rdate|htpdate"),
    ("log", r"syslog|(?<![a-z])logs?(?![a-z])|logd"),
    ("cloud", r"cloud|(?<![a-z])iot|mqtt|broker|(?<![a-z])p2p|relay|(?<![a-z])api(?![a-z])|ddns|dyndns"),
    ("dns", r"(?<![a-z])dns|nameserver|resolv"),
)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _port_after(text: str, at: int) -> int:
    match = re.match(r":(\d{1,5})(?!\d)", text[at : at + 8])
    return int(match[1]) if match is not None and int(match[1]) < 65536 else 0

"""What well-known daemons listen on, by their options, settings and documented defaults (their manual pages).

A rule gives the ports of one command line. It knows a daemon by the name it is called by; what an unknown program does
comes from its code (`programs`) and from a plain `-p PORT`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Read = Callable[[str], str]  # path in, text out, empty where there is none


@dataclass(frozen=True, slots=True)
class Port:
    """A port: where its number is from (argument, setting, default), and the address it is bound to."""

    proto: str
    port: int
    by: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a daemon is told its ports.

    `options` maps an option to its protocol; its value is `[address:]port`. Without one the `defaults` hold.
    `only_with` names options of which one must be there for it to listen at all. `address` is the option of a bind
    address.
    """

    defaults: tuple[tuple[str, int], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    only_with: tuple[str, ...] = ()
    address: str = ""
    settings: Callable[[Sequence[str], Read], Iterator[Port]] | None = None


_NUMBER = re.compile(r"^(?:(?P<address>\[[0-9a-fA-F:.]*\]|[^:]*):)?(?P<port>\d{1,5})$")


def option_values(argv: Sequence[str], name: str) -> Iterator[str]:
    """Yield the values of an option: `-p 1`, `-p1`, `--port 1`, `--port=1`, and `-vp 1`."""
    for at, word in enumerate(argv):
        following = argv[at + 1] if at + 1 < len(argv) else ""
        if word == name:
            yield following
        elif name.startswith("--"):
            if word.startswith(name + "="):
                yield word[len(name) + 1 :]
        elif word.startswith(name) and len(word) > len(name) and word[len(name)].isdigit():
            yield word[len(name) :]
        elif re.fullmatch(r"-[A-Za-z]+", word) and word.endswith(name[1:]) and len(word) > 2 and len(name) == 2:
            yield following


def has_option(argv: Sequence[str], name: str) -> bool:
    """Tell whether an option is there, alone or among joined letters."""
    letter = name[1:] if re.fullmatch(r"-[A-Za-z]", name) else ""
    return any(
        word == name or word.startswith(name + "=") or (letter and re.fullmatch(r"-[A-Za-z]+", word) and letter in word)
        for word in argv[1:]
    )


def split(text: str, proto: str, by: str) -> Port | None:
    """Read `[address:]port`."""
    match = _NUMBER.match(text.strip())
    if match is None or not 0 < int(match["port"]) < 65536:
        return None
    return Port(proto, int(match["port"]), by, (match["address"] or "").strip("[]*"))


def directives(text: str, name: str) -> Iterator[str]:
    """Yield the values of `name value` or `name = value` lines that are not comments."""
    for match in re.finditer(rf"^[ \t]*{name}(?:[ \t]*[=:][ \t]*|[ \t]+)(.+?)[ \t;]*$", text, re.MULTILINE | re.IGNORECASE):
        yield match[1].split("#", 1)[0].strip().strip("\"'")


def _file(argv: Sequence[str], option: str, default: str) -> str:
    return next((value for value in option_values(argv, option) if value), default)


def _sshd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(_file(argv, "-f", "/etc/ssh/sshd_config"))
    ports = [value for value in directives(text, "Port") if value.isdigit()]
    addresses = [split(value, "tcp", "setting") for value in directives(text, "ListenAddress")]
    yield from (port for port in addresses if port is not None)
    for value in ports:
        yield Port("tcp", int(value), "setting")


def _lighttpd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(_file(argv, "-f", "/etc/lighttpd/lighttpd.conf"))
    bind = next(directives(text, r"server\.bind"), "")
    main = [value for value in directives(text, r"server\.port") if value.isdigit()]
    yield from (Port("tcp", int(value), "setting", bind) for value in main[:1])
    if text and not main:
        yield Port("tcp", 80, "default", bind)
    for value in re.findall(r'^\s*\$SERVER\["socket"\]\s*==\s*"([^"]+)"', text, re.MULTILINE):
        port = split(value, "tcp", "setting")
        if port is not None:
            yield port


def _nginx(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(_file(argv, "-c", "/etc/nginx/nginx.conf"))
    for value in directives(text, "listen"):
        first = value.split()[0] if value.split() else ""
        port = split(first, "udp" if "quic" in value else "tcp", "setting")
        if port is not None:
            yield port


def _dnsmasq(argv: Sequence[str], read: Read) -> Iterator[Port]:
    files = [value for option in ("-C", "--conf-file") for value in option_values(argv, option)]
    text = "\n".join(read(path) for path in files or ["/etc/dnsmasq.conf"])
    ports = [*option_values(argv, "--port"), *option_values(argv, "-p"), *directives(text, "port")]
    addresses = [*option_values(argv, "--listen-address"), *option_values(argv, "-a"), *directives(text, "listen-address")]
    address = next(iter(addresses), "")
    number, by = (int(ports[0]), "setting") if ports and ports[0].isdigit() else (53, "default")
    if number:
        yield Port("udp", number, by, address)
        yield Port("tcp", number, by, address)
    if any(directives(text, "dhcp-range")) or any(word.startswith(("--dhcp-range", "-F")) for word in argv):
        yield Port("udp", 67, "default")
    if "--enable-tftp" in argv or re.search(r"^\s*enable-tftp", text, re.MULTILINE):
        yield Port("udp", 69, "default")


def _snmpd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(_file(argv, "-c", "/etc/snmp/snmpd.conf"))
    found = False
    named = [word for word in argv[1:] if re.match(r"^(?:udp6?|tcp6?):", word)]
    for value in [*directives(text, "agentaddress"), *named]:
        for item in value.split(","):
            match = re.fullmatch(r"(?:(udp|tcp)6?:)?(?:(.*):)?(\d{1,5})", item.strip())
            if match is not None:
                found = True
                yield Port(match[1] or "udp", int(match[3]), "setting", (match[2] or "").strip("[]"))
    if not found:
        yield Port("udp", 161, "default")


def _vsftpd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(next((word for word in argv[1:] if word.startswith("/")), "/etc/vsftpd.conf"))
    number = next((value for value in directives(text, "listen_port") if value.isdigit()), "")
    yield Port("tcp", int(number or 21), "setting" if number else "default")


def _boa(argv: Sequence[str], read: Read) -> Iterator[Port]:
    folder = _file(argv, "-c", "/etc/boa").rstrip("/")
    number = next((value for value in directives(read(f"{folder}/boa.conf"), "Port") if value.isdigit()), "")
    yield Port("tcp", int(number or 80), "setting" if number else "default")


def _miniupnpd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(_file(argv, "-f", "/etc/miniupnpd.conf"))
    values = [*option_values(argv, "-p"), *directives(text, "http_port"), *directives(text, "port")]
    yield Port("udp", 1900, "default")
    yield from (Port("tcp", int(value), "setting") for value in values[:1] if value.isdigit() and int(value))


def _openvpn(argv: Sequence[str], read: Read) -> Iterator[Port]:
    path = next(iter([*option_values(argv, "--config"), *(word for word in argv[1:2] if not word.startswith("-"))]), "")
    text = read(path) if path else ""
    if re.search(r"^\s*(?:mode\s+server|server\s)", text, re.MULTILINE):
        proto = "tcp" if "tcp" in next(directives(text, "proto"), "udp") else "udp"
        number = next((value for value in directives(text, "port") if value.isdigit()), "1194")
        yield Port(proto, int(number), "setting")


def _mosquitto(argv: Sequence[str], read: Read) -> Iterator[Port]:
    text = read(_file(argv, "-c", "/etc/mosquitto/mosquitto.conf"))
    found = [*option_values(argv, "-p"), *directives(text, "port")]
    for value in directives(text, "listener"):
        found.append(value.split()[0])
    for value in found or ["1883"]:
        if value.isdigit():
            yield Port("tcp", int(value), "setting" if found else "default")


def _sockets(argv: Sequence[str], read: Read) -> Iterator[Port]:
    """Read socat's addresses (socat(1)): TCP-LISTEN:port, UDP-RECVFROM:port and their kin."""
    del read
    for word in argv[1:]:
        match = re.match(
            r"^(TCP|UDP|SCTP)[46]?-(?:LISTEN|L|RECVFROM|RECV):(\d{1,5})(?:.*bind=([^,]+))?", word, re.IGNORECASE
        )
        if match is not None:
            yield Port(match[1].lower(), int(match[2]), "argument", match[3] or "")


def _netcat(argv: Sequence[str], read: Read) -> Iterator[Port]:
    """Read nc's listening forms: `-l -p PORT`, `-l PORT`, `-lp PORT`, `-ul PORT`."""
    del read
    if not has_option(argv, "-l"):
        return
    proto = "udp" if has_option(argv, "-u") else "tcp"
    numbers = [value for value in option_values(argv, "-p") if value.isdigit()]
    numbers = numbers or [word for word in argv[1:] if word.isdigit()][-1:]
    yield from (Port(proto, int(number), "argument") for number in numbers[:1])


def _tcpsvd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    """Read `tcpsvd [options] IP PORT PROGRAM` (busybox)."""
    del read
    proto = "udp" if "udpsvd" in argv[0] else "tcp"
    for at in range(1, len(argv) - 1):
        if argv[at + 1].isdigit() and re.match(r"^[\d.:a-fA-F*]+$|^0$", argv[at]):
            yield Port(proto, int(argv[at + 1]), "argument", "" if argv[at] == "0" else argv[at])
            return


def _gdbserver(argv: Sequence[str], read: Read) -> Iterator[Port]:
    del read
    for word in argv[1:]:
        port = split(word, "tcp", "argument")
        if port is not None and ":" in word:
            yield port
            return


def _rsyncd(argv: Sequence[str], read: Read) -> Iterator[Port]:
    if has_option(argv, "--daemon"):
        number = next(iter([*option_values(argv, "--port"), *directives(read("/etc/rsyncd.conf"), "port")]), "")
        yield Port("tcp", int(number) if number.isdigit() else 873, "setting" if number else "default")


_WEB = Rule((("tcp", 80),), (("-p", "tcp"),))
RULES: dict[str, Rule] = {
    "telnetd": Rule((("tcp", 23),), (("-p", "tcp"),), address="-b"),
    "utelnetd": Rule((("tcp", 23),), (("-p", "tcp"),)),
    "dropbear": Rule((("tcp", 22),), (("-p", "tcp"),)),
    "sshd": Rule((("tcp", 22),), (("-p", "tcp"),), settings=_sshd),
    "httpd": _WEB,
    "mini_httpd": _WEB,
    "thttpd": _WEB,
    "uhttpd": Rule((), (("-p", "tcp"), ("-s", "tcp"))),
    "lighttpd": Rule((), (), settings=_lighttpd),
    "nginx": Rule((), (), settings=_nginx),
    "boa": Rule((), (), settings=_boa),
    "dnsmasq": Rule((), (), settings=_dnsmasq),
    "udhcpd": Rule((("udp", 67),)),
    "dhcpd": Rule((("udp", 67),), (("-p", "udp"),)),
    "odhcpd": Rule((("udp", 547),)),
    "dhcrelay": Rule((("udp", 67),)),
    "ntpd": Rule((("udp", 123),), (), only_with=("-l",)),
    "chronyd": Rule((("udp", 123),), (), only_with=("-p",)),
    "snmpd": Rule((), (), settings=_snmpd),
    "mini_snmpd": Rule((("udp", 161),), (("-p", "udp"), ("-P", "tcp"))),
    "miniupnpd": Rule((), (), settings=_miniupnpd),
    "upnpd": Rule((("udp", 1900),)),
    "minidlna": Rule((("tcp", 8200), ("udp", 1900)), (("-p", "tcp"),)),
    "minidlnad": Rule((("tcp", 8200), ("udp", 1900)), (("-p", "tcp"),)),
    "vsftpd": Rule((), (), settings=_vsftpd),
    "proftpd": Rule((("tcp", 21),)),
    "pure-ftpd": Rule((("tcp", 21),), (("-S", "tcp"),)),
    "bftpd": Rule((("tcp", 21),)),
    "tcpsvd": Rule((), (), settings=_tcpsvd),
    "udpsvd": Rule((), (), settings=_tcpsvd),
    "in.tftpd": Rule((("udp", 69),)),
    "smbd": Rule((("tcp", 445), ("tcp", 139)), (("-p", "tcp"),)),
    "nmbd": Rule((("udp", 137), ("udp", 138))),
    "ksmbd.mountd": Rule((("tcp", 445),)),
    "rpcbind": Rule((("tcp", 111), ("udp", 111))),
    "portmap": Rule((("tcp", 111), ("udp", 111))),
    "nfsd": Rule((("tcp", 2049),)),
    "rpc.nfsd": Rule((("tcp", 2049),)),
    "mosquitto": Rule((), (), settings=_mosquitto),
    "openvpn": Rule((), (), settings=_openvpn),
    "pptpd": Rule((("tcp", 1723),)),
    "xl2tpd": Rule((("udp", 1701),)),
    "charon": Rule((("udp", 500), ("udp", 4500))),
    "pluto": Rule((("udp", 500), ("udp", 4500))),
    "racoon": Rule((("udp", 500), ("udp", 4500))),
    "avahi-daemon": Rule((("udp", 5353),)),
    "umdns": Rule((("udp", 5353),)),
    "rsync": Rule((), (), settings=_rsyncd),
    "nc": Rule((), (), settings=_netcat),
    "netcat": Rule((), (), settings=_netcat),
    "ncat": Rule((), (), settings=_netcat),
    "socat": Rule((), (), settings=_sockets),
    "gdbserver": Rule((), (), settings=_gdbserver),
    "tftpd": Rule((("udp", 69),)),
    "iperf": Rule((("tcp", 5001),), (("-p", "tcp"),), only_with=("-s",)),
    "iperf3": Rule((("tcp", 5201),), (("-p", "tcp"),), only_with=("-s",)),
    "rlogind": Rule((("tcp", 513),)),
    "rshd": Rule((("tcp", 514),)),
    "fakeidentd": Rule((("tcp", 113),)),
    "syslogd": Rule(),  # busybox's listens on a local socket alone; rsyslog and syslog-ng have names of their own
    "klogd": Rule(),
    "inetd": Rule(),
    "xinetd": Rule(),
    "crond": Rule(),
    "udhcpc": Rule(),
    "odhcp6c": Rule(),
    "getty": Rule(),
    "watchdog": Rule(),
}


def ports(argv: Sequence[str], name: str, read: Read) -> list[Port] | None:
    """Return what a command line makes a known daemon listen on; None where the daemon is not known."""
    rule = RULES.get(name)
    if rule is None:
        return None
    if rule.only_with and not any(has_option(argv, option) for option in rule.only_with):
        return []
    address = next(iter(option_values(argv, rule.address)), "") if rule.address else ""
    bound = split(address, "tcp", "argument")
    address = bound.address if bound is not None else address
    found = [
        Port(port.proto, port.port, port.by, port.address or address)
        for option, proto in rule.options
        for value in option_values(argv, option)
        if (port := split(value, proto, "argument")) is not None
    ]
    if not found and rule.settings is not None:
        found = list(rule.settings(argv, read))
    if not found and not (name == "mini_snmpd" and len(argv) > 1):
        found = [Port(proto, number, "default", address) for proto, number in rule.defaults]
    return found

"""What carries traffic elsewhere by default: tunnels, mirrors, captures, port forwards, remote management and access.

What a boot script runs (`ip tunnel add`, `iptables -j TEE`, `tcpdump`, `openvpn` ...), what UCI settings, NVRAM
defaults and the settings files of VPN programs switch on. `confirmed` where the command boots, or the setting is on and
a service that boots reads it; a candidate under an undecided condition or where nothing shows that the setting is read;
observed when off.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.services import KINDS, UNKNOWN, Boot, Service, standing_of
from aboveboard.evidence.usage import Usage
from aboveboard.model.canonical import JSON
from aboveboard.model.facts import Fact, Gap, Where
from aboveboard.readers import nvram, uci
from aboveboard.readers.tree import TreeView

NAME = "carried_traffic"
VERSION = 1
SUBJECT = "tree"
NEEDS = KINDS
EMITS = {
    "carried-traffic": "what (tunnel, mirror, port-forward, remote-management, ...), name, to, active, via",
}
CLAUSES = ("NS-07", "NS-10", "NB-11")

MAX_FILE = 1 << 18
TUNNEL_KINDS = "gre|gretap|ip6gre|ip6gretap|vxlan|ipip|ip6tnl|sit|vti|vti6|l2tp|geneve|wireguard|erspan|fou|gue|isatap"
TUNNEL_PROTOCOLS = frozenset(
    """
    gre gretap grev6 grev6tap vxlan vxlan6 ipip 6in4 6to4 6rd dslite map l2tp pptp sstp wireguard openconnect vpnc
    openvpn
    """.split()
)
TUNNELS = frozenset(
    """
    openvpn fastd tincd tinc pptp xl2tpd charon pluto racoon iked vtund n2n edge zerotier-one tailscaled wg-quick
    stunnel openconnect vpnc sstpc softethervpn
    """.split()
)
MANAGEMENT = frozenset(
    """
    cwmpd cwmp tr069 tr069c tr069d tr069_client tr69c easycwmpd icwmpd icwmp freecwmpd obuspa uspd cwmpclient
    cwmpc acsd_client
    """.split()
)
REMOTE = frozenset(
    """
    frpc ngrok autossh connectd tmate dataplicity remoteit teamviewerd anydesk npc localtunnel chisel
    """.split()
)
CAPTURES = frozenset(
    """
    tcpdump tshark dumpcap netsniff-ng daemonlogger softflowd fprobe nprobe pmacctd ulogd ntopng
    """.split()
)

_BOOTS: dict[str, JSON] = {"active": "yes"}
PLANTED = (
    Planted(
        {"/etc/config/firewall": b"config redirect\n\toption name 'cam'\n\toption src wan\n\toption dest_ip 192.168.1.9\n"},
        (
            ("carried-traffic", {"what": "tunnel", "name": "tun9", "to": "192.88.99.7", "active": "yes"}),
            ("carried-traffic", {"what": "mirror", "active": "yes"}),
            ("carried-traffic", {"what": "port-forward", "name": "cam", "active": "yes"}),
            ("carried-traffic", {"what": "capture", "name": "tcpdump", "active": "yes"}),
        ),
        needs=(
            *(
                Fact("boot-command", Where(path="/etc/rc", line=number), {"argv": command.split(), **_BOOTS})
                for number, command in enumerate(
                    (
                        "ip tunnel add tun9 mode gre remote 192.88.99.7",
                        "iptables -t mangle -A PREROUTING -j TEE --gateway 192.88.99.8",
                        "tcpdump -i br0 -w /tmp/x",
                    ),
                    1,
                )
            ),
            Fact("boot-service", Where(path="/etc/rc", line=4), {"argv": ["fw3", "start"], **_BOOTS}),
        ),
    ),
)


@dataclass(frozen=True)
class _Seen:
    what: str
    name: str
    to: str
    where: Where
    active: str
    via: tuple[str, ...]


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield what carries traffic in one tree."""
    boot = Boot.of(needs)
    usage = Usage(tree, boot)
    for item in (*_commands(boot), *_uci(tree, boot, usage), *_defaults(tree, usage), *_files(tree, usage)):
        data: dict[str, JSON] = {
            "what": item.what,
            "name": item.name[:200],
            "to": item.to[:200],
            "active": item.active,
            "via": list(item.via[-16:]),
        }
        yield Fact("carried-traffic", item.where, data, standing_of(item.active))


# -- commands ----------------------------------------------------------------------------------------------------------


def _commands(boot: Boot) -> Iterator[_Seen]:
    for item in boot.all():
        found = _of_command(item)
        if found is not None:
            what, name, to = found
            yield _Seen(what, name, to.replace(UNKNOWN, "?"), item.where, item.active, (*item.via, item.step()))


def _of_command(item: Service) -> tuple[str, str, str] | None:
    name, text = item.name, " ".join(item.argv)
    if {"--version", "--help", "-V", "--mktun", "--rmtun"} & set(item.argv[1:]):
        return None
    if name in ("ip", "iptunnel"):
        return _of_ip(text)
    if name in ("iptables", "ip6tables", "nft", "ebtables", "tc", "swconfig", "ovs-vsctl"):
        return _of_filter(name, text)
    if name in TUNNELS:
        return ("tunnel", name, _after(text, "remote", "--remote", "-r"))
    if name in MANAGEMENT:
        return ("remote-management", name, _after(text, "--acs-url", "-a", "--url"))
    if name in REMOTE:
        return ("remote-access", name, _after(text, "-R", "-s", "--server"))
    if name in CAPTURES and not re.search(r"\s-r\s", text):  # `-r` reads a file
        return ("capture", name, _after(text, "-w", "-n", "-i"))
    if name in ("ssh", "dbclient") and re.search(r"\s-\w*R\s*\S", text):
        return ("remote-access", name, item.argv[-1])
    if name in ("ssh", "dbclient") and re.search(r"\s-\w*[wLD]\s*\S", text):
        return ("tunnel", name, item.argv[-1])
    if name in ("redir", "rinetd") or (
        name == "socat" and re.search(r"(?i)-(?:l|listen):.*\s(?:tcp|udp|openssl)[46]?:", text)
    ):
        return ("port-forward", name, item.argv[-1])
    return None


def _of_ip(text: str) -> tuple[str, str, str] | None:
    match = re.search(rf"(?:tunnel|tun|link) (?:add|replace) (?:name |dev )?(\S+).*?(?:mode|type) ({TUNNEL_KINDS})\b", text)
    match = match or re.search(r"^iptunnel add (\S+).*?mode (\S+)", text)
    if match is not None:
        return ("tunnel", match[1], _after(text, "remote", "group"))
    if " l2tp add tunnel" in text:
        return ("tunnel", "l2tp", _after(text, "remote"))
    return None


def _of_filter(name: str, text: str) -> tuple[str, str, str] | None:
    if name == "tc":
        match = re.search(r"mirred (?:egress|ingress) (mirror|redirect) dev (\S+)", text)
        # ifb devices are queues of the equipment itself, for shaping what comes in
        return ("mirror", f"tc {match[1]}", match[2]) if match is not None and not match[2].startswith("ifb") else None
    if name in ("swconfig", "ovs-vsctl"):
        return ("mirror", name, "") if re.search(r"mirror", text) and not re.search(r"(?:mirror\w*) 0$", text) else None
    if re.search(r"\s-D\s|\s--delete\s", text):
        return None
    if re.search(r"-j TEE\b|\bdup to\b", text):
        return ("mirror", f"{name} TEE", _after(text, "--gateway", "to"))
    if re.search(r"-j (?:NFLOG|ULOG)\b", text) and not re.search(r"\bINPUT\b|\blimit\b", text):  # those log what is refused
        return ("capture", f"{name} {'NFLOG' if 'NFLOG' in text else 'ULOG'}", "")
    if re.search(r"-j DNAT\b|\bdnat to\b|\bdnat ip", text):
        to = _after(text, "--to-destination", "--to", "to")
        return ("port-forward", _after(text, "--dport", "dport") or name, to)
    return None


def _after(text: str, *words: str) -> str:
    for word in words:
        match = re.search(rf"(?:^|\s){re.escape(word)}[=\s]+(\S+)", text)
        if match is not None:
            return match[1]
    return ""


# -- UCI ---------------------------------------------------------------------------------------------------------------


def _uci(tree: TreeView, boot: Boot, usage: Usage) -> Iterator[_Seen]:
    written = (posixpath.basename(path) for path in boot.files if path.startswith("/etc/config/"))
    names = {*tree.listdir("/etc/config"), *written}
    for name in sorted(names):
        path = f"/etc/config/{name}"
        text = boot.content(path) or tree.text(path, limit=MAX_FILE) or ""
        found = [(section, seen) for section in uci.read(text) if (seen := _of_section(name, section)) is not None]
        if not found:
            continue
        used, via = usage.of_file(path)
        for section, (what, label, to, option) in found:
            off = _off(section)
            where = Where(path=path, line=section.line_of(option) or None)
            active = "no" if off else (used if used != "no" else "unknown")
            yield _Seen(what, label, to, where, active, (*via, f"{where} {off or option or section.type}"))


def _off(section: uci.Section) -> str:
    for option in ("enabled", "enable", "active", "auto"):
        if option in section.options and not section.on(option, default=True):
            return f"{option} {section.get(option)}"
    return "disabled 1" if section.on("disabled", default=False) else ""


def _of_section(package: str, section: uci.Section) -> tuple[str, str, str, str] | None:
    """Return what, name, where to and the deciding option of a section that carries traffic."""
    get = section.get
    if package == "firewall" and section.type == "redirect" and get("target", "DNAT").upper() == "DNAT":
        label = get("name") or get("_name") or f"{get('proto')} {get('src_dport')}".strip() or "redirect"
        return ("port-forward", label, f"{get('dest_ip')}:{get('dest_port') or get('src_dport')}", "dest_ip")
    if package == "network" and section.type == "interface" and get("proto").lower() in TUNNEL_PROTOCOLS:
        to = get("peeraddr") or get("server") or get("ipaddr")
        return ("tunnel", section.name, to, "proto")
    if package == "network" and section.type.startswith("wireguard_"):
        return ("tunnel", section.type, get("endpoint_host"), "endpoint_host")
    if package == "network" and section.type == "switch":
        on = next((name for name in ("enable_mirror_rx", "enable_mirror_tx") if section.on(name, default=False)), "")
        return ("mirror", section.name, f"port {get('mirror_monitor_port')}", on) if on else None
    return _of_package(package, section)


def _of_package(package: str, section: uci.Section) -> tuple[str, str, str, str] | None:
    get = section.get
    endpoint = get("remote") or get("server") or get("host") or get("endpoint") or get("url")
    if package in ("openvpn", "fastd", "tinc", "n2n", "zerotier", "stunnel", "ipsec", "pptpd", "xl2tpd", "vpnc", "sstp"):
        # these start nothing unless they are switched on (their init scripts ask for `enabled`)
        kinds = (package, "tinc-net", "service", "edge")
        if section.type in kinds and section.on("enabled", default=False):
            return ("tunnel", section.name, endpoint, "enabled")
        return None
    if re.search(r"cwmp|tr-?0?69|usp", package):
        named = bool(endpoint) and section.type in ("acs", "cwmp", "local", "mtp")
        options = [name for name in ("enable", "enabled", "acs_url", "url") if name in section.options]
        if named or "acs_url" in options or "enable" in options:
            return ("remote-management", package, get("acs_url") or endpoint, next(iter(options), "")) if options else None
    if package in ("frpc", "ngrok", "autossh", "sshtunnel", "rtty", "remoteit"):
        return ("remote-access", section.name, endpoint or get("ssh"), next(iter(section.options), ""))
    if package in ("softflowd", "tcpdump", "ntopng", "port-mirroring", "port_mirroring"):
        what = "mirror" if "mirror" in package else "capture"
        return (what, section.name, get("host_port") or get("target") or endpoint, next(iter(section.options), ""))
    return None


# -- NVRAM defaults ----------------------------------------------------------------------------------------------------

_ON = r"_?(?:enable[d]?|on|active|start)"
_KEYS = (
    ("remote-management", r"(?:tr-?0?69|cwmp)_?(?:enable[d]?|on|active|mode|client_enable)$"),
    (
        "remote-access",
        r"(?:remote|rmt|wan)_?(?:mgt|mgmt|management|manage|access|admin|web|http|https|ssh|telnet|login)_?(?:enable[d]?|on|x|en)?$",
    ),
    ("tunnel", r"(?:vpn|openvpn(?:cl)?|pptp(?:cl)?|l2tp|gre|ipsec|eoip|wireguard|wg)_?(?:client)?" + _ON + "$"),
    ("mirror", r"(?:port)?_?mirror(?:ing)?" + _ON + "$"),
    ("port-forward", r"dmz" + _ON + r"$|(?:port_?)?forward(?:ing)?_?(?:enable[d]?|spec|list|port)$"),
    ("capture", r"(?:pcap|capture|sniffer)" + _ON + "$"),
)


def _defaults(tree: TreeView, usage: Usage) -> Iterator[_Seen]:
    items = list(nvram.read(tree))
    values = {item.key: item.value for item in reversed(items)}
    for item in items:
        what = next((what for what, pattern in _KEYS if re.search(pattern, item.key, re.IGNORECASE)), "")
        if not what:
            continue
        on = item.value.lower() not in ("", "0", "no", "off", "false", "disabled", "disable", "none", "0.0.0.0")  # noqa: S104 - a value in an image
        used, via = usage.of_key(item.key)
        stem = re.sub(r"_?(?:enable[d]?|on|active|start|x|en|client_enable)$", "", item.key, flags=re.IGNORECASE)
        others = (f"{stem}_{ending}" for ending in ("url", "server", "host", "remote", "ip", "acs_url", "acs", "peer"))
        to = next((values[key] for key in others if values.get(key)), "")
        active = (used if used != "no" else "unknown") if on else "no"
        where = Where(path=item.path, line=item.line)
        yield _Seen(what, stem or item.key, to, where, active, (*via, f"{where} {item.key}={item.value}"[:200]))


# -- settings files of VPN programs ------------------------------------------------------------------------------------


def _files(tree: TreeView, usage: Usage) -> Iterator[_Seen]:
    for entry in tree.files():
        path = entry.path
        if not path.startswith(("/etc/", "/usr/local/etc/", "/opt/")):
            continue
        if _VPN_FILE.search(path):
            text = tree.text(path, limit=MAX_FILE) or ""
            found = _of_file(path, text)
            if found is not None:
                what, to, line, on = found
                used, via = usage.of_file(path)
                folder, lines = usage.of_file(posixpath.dirname(path)) if used == "no" else (used, via)
                active = (folder if folder != "no" else "unknown") if on else "no"
                yield _Seen(what, posixpath.basename(path), to, Where(path=path, line=line), active, tuple(lines or via))


_VPN_FILE = re.compile(
    r"/wireguard/\w[\w.-]*\.conf$|/openvpn/.*\.(?:conf|ovpn)$|/ipsec\.(?:conf|d/.*\.conf)$"
    r"|/tr-?0?69\S*\.(?:conf|cfg|xml)$|/cwmp\S*\.(?:conf|cfg)$"
)


def _of_file(path: str, text: str) -> tuple[str, str, int, bool] | None:
    """Return what, where to, the line, and whether it is on."""
    if re.search(r"tr-?0?69|cwmp", path):
        match = re.search(r"(?im)^(?!\s*[#;]).*?(?:acs|url|server)\w*\W+(https?://[^\s\"'<]+)", text)
        off = re.search(r"(?im)^\s*<?\"?(?:enable[d]?|cwmp_?enable|tr069_?enable)\W+(?:0|no|off|false)\b", text)
        if match is None:
            return None
        return ("remote-management", match[1], text.count("\n", 0, match.start()) + 1, off is None)
    match = re.search(r"(?im)^\s*(?:remote|endpoint\s*=|right\s*=)\s*([^\s#]+)", text)
    if match is None:
        return None
    automatic = re.search(r"(?m)^\s*auto\s*=\s*(?:start|route)", text) is not None or "ipsec" not in path
    return ("tunnel", match[1], text.count("\n", 0, match.start(1)) + 1, automatic)

"""What was seeded into `router.bin`, beside what `router-clean.bin` has: a table, as data for tests and for readers.

Each pattern names the collector and the clauses that must find it, the fact that is expected (its kind, and a part of its
data), where in the image it stands, and what fairly follows from it besides (`also`): a telnet server is a listener too.
None of these is taken from a real product: the names, ports, words and keys are made up for this sample.
"""

from __future__ import annotations

from dataclasses import dataclass

Fact = tuple[str, dict[str, str | int | bool]]


@dataclass(frozen=True)
class Pattern:
    """One seeded pattern. `path` is where the seed lies: a fact may point at it, or at the script that uses it."""

    id: str
    collector: str
    clauses: tuple[str, ...]
    kind: str
    data: dict[str, str | int | bool]
    path: str
    says: str
    also: tuple[Fact, ...] = ()


def _listener(proto: str, port: int) -> Fact:
    return ("listener", {"proto": proto, "port": port})


def _destination(host: str) -> Fact:
    return ("destination", {"host": host})


_SECRET = ("NB-02", "NB-03")

ACCOUNTS = (
    Pattern(
        "second-root",
        "accounts",
        _SECRET,
        "account",
        {"name": "service", "shared_secret": True},
        "/etc/shadow",
        "A second account with uid 0 whose SHA-512 hash is the same on every unit; SSH lets it in.",
    ),
    Pattern(
        "empty-password",
        "accounts",
        _SECRET,
        "account",
        {"name": "guest", "shared_secret": True},
        "/etc/passwd",
        "An account with a shell and no password at all; the telnet server of port 2601 lets it in.",
    ),
    Pattern(
        "account-at-boot",
        "accounts",
        _SECRET,
        "account",
        {"name": "field", "shared_secret": True},
        "/etc/init.d/region",
        "A script that boots adds a line with uid 0 and an MD5 hash to /etc/passwd.",
    ),
    Pattern(
        "nvram-login",
        "accounts",
        ("NB-02",),
        "default-login",
        {"name": "admin"},
        "/etc/nvram.default",
        "The name and the password of the web pages are in the defaults, and the start line of httpd hands them over.",
    ),
    Pattern(
        "xml-login",
        "accounts",
        ("NB-02",),
        "default-login",
        {"name": "installer"},
        "/usr/share/defaults/default.xml",
        "A list of users with a password in clear becomes the settings of the web server on the first start.",
    ),
)

KEYS = (
    Pattern(
        "web-key",
        "keys",
        ("NB-13",),
        "shared-key",
        {"name": "/etc/ssl/private/web.pem", "use": "cryptography"},
        "/etc/ssl/private/web.pem",
        "The private key of HTTPS is in the image, with its certificate; /etc/tlsd.conf names both.",
    ),
    Pattern(
        "host-key",
        "keys",
        ("NB-13",),
        "shared-key",
        {"name": "/etc/dropbear/dropbear_rsa_host_key"},
        "/etc/dropbear/dropbear_rsa_host_key",
        "The host key of SSH is in the image, and /etc/default/dropbear makes the server use it.",
    ),
    Pattern(
        "authorised-key",
        "keys",
        ("NB-03",),
        "authorised-key",
        {"user": "root"},
        "/root/.ssh/authorized_keys",
        "A key of the maker's staff may log in as root over SSH.",
    ),
    Pattern(
        "snmp-private",
        "keys",
        _SECRET,
        "snmp-community",
        {"name": "private"},
        "/etc/snmpd.conf",
        "The agent is on by default, with a community that may write and that everybody knows.",
    ),
    Pattern(
        "api-token",
        "keys",
        _SECRET,
        "token",
        {},
        "/etc/config/report",
        "One token for all units, which the hourly report sends along.",
    ),
)

BOOT_SERVICES = (
    Pattern(
        "sysv-daemon",
        "boot_services",
        ("NB-04",),
        "listener",
        {"proto": "tcp", "port": 40023},
        "/usr/sbin/diagd",
        "Started by a link in rcS.d; the port is a constant of the program and on no command line.",
    ),
    Pattern(
        "constant-if",
        "boot_services",
        ("NB-04",),
        "listener",
        {"proto": "tcp", "port": 18080},
        "/etc/init.d/console",
        "Started through variables and a condition that is always true; the port comes from a variable.",
    ),
    Pattern(
        "inetd-line",
        "boot_services",
        ("NB-04",),
        "listener",
        {"proto": "tcp", "port": 8022},
        "/etc/inetd.conf",
        "A line of inetd.conf between two that are commented out.",
    ),
    Pattern(
        "inittab-respawn",
        "boot_services",
        ("NB-04",),
        "listener",
        {"proto": "udp", "port": 51999},
        "/usr/sbin/meshd",
        "Kept alive by init itself; UDP, the port a constant of the program.",
    ),
)

DEBUG = (
    Pattern(
        "telnet-at-boot",
        "debug_access",
        ("NB-07",),
        "debug-access",
        {"what": "telnet"},
        "/etc/init.d/access",
        "A telnet server on a high port, at every start.",
        (_listener("tcp", 2601),),
    ),
    Pattern(
        "word-on-udp",
        "debug_access",
        ("NB-08",),
        "debug-access",
        {"what": "unlock"},
        "/etc/init.d/assist",
        "A loop of a boot script waits for a word on UDP port 9034 and then starts a telnet server with a root shell.",
        (_listener("udp", 9034), ("debug-access", {"what": "telnet"}), _listener("tcp", 9035)),
    ),
    Pattern(
        "word-in-a-program",
        "debug_access",
        ("NB-08",),
        "debug-access",
        {"what": "unlock"},
        "/usr/sbin/supportd",
        "A static program compares a datagram on UDP port 39889 with a text and then opens a shell through system().",
        (_listener("udp", 39889), ("debug-access", {"what": "telnet"}), _listener("tcp", 9923)),
    ),
    Pattern(
        "adb",
        "debug_access",
        ("NB-07",),
        "debug-access",
        {"what": "adb"},
        "/usr/sbin/adbd",
        "The debug bridge of Android, without a key, at every start.",
        (_listener("tcp", 5555),),
    ),
    Pattern(
        "serial-shell",
        "debug_access",
        ("NB-07",),
        "debug-access",
        {"what": "serial"},
        "/etc/inittab",
        "A root shell on the serial port, without a login.",
        (("debug-access", {"what": "shell"}),),
    ),
)

DESTINATIONS = (
    Pattern(
        "address-in-a-program",
        "destinations",
        ("NS-01",),
        "destination",
        {"host": "192.88.99.77"},
        "/usr/sbin/statsd",
        "A daemon sends the counters of all ports to an address that stands in it as text (inet_addr).",
    ),
    Pattern(
        "name-in-a-program",
        "destinations",
        ("NS-01",),
        "destination",
        {"host": "collect.sample-telemetry-cloud.net"},
        "/usr/sbin/cloudd",
        "A daemon keeps a connection to a name that stands in it (getaddrinfo).",
    ),
    Pattern(
        "report-by-cron",
        "destinations",
        ("NS-01", "NS-02"),
        "destination",
        {"host": "usage.sample-telemetry-cloud.net", "purpose": "telemetry"},
        "/usr/sbin/report-usage",
        "The table of cron starts a script that reports the load of the unit with wget.",
    ),
    Pattern(
        "remote-log",
        "destinations",
        ("NS-01",),
        "destination",
        {"host": "192.88.99.14", "purpose": "log"},
        "/etc/init.d/syslog",
        "The log goes to an address outside, by an option of syslogd.",
    ),
    Pattern(
        "other-clock",
        "destinations",
        ("NS-01",),
        "destination",
        {"host": "clock.sample-other-clock.net", "purpose": "time"},
        "/etc/ntp.conf",
        "A time server that was not declared stands before the declared one.",
    ),
    Pattern(
        "cloud-in-nvram",
        "destinations",
        ("NS-01", "NS-02"),
        "destination",
        {"host": "home.sample-smart-cloud.net", "purpose": "cloud"},
        "/etc/nvram.default",
        "The defaults turn the cloud on and name it; a boot script registers the unit there.",
    ),
)

CARRIED = (
    Pattern(
        "gre-tunnel",
        "carried_traffic",
        ("NS-07",),
        "carried-traffic",
        {"what": "tunnel"},
        "/etc/init.d/backhaul",
        "A GRE tunnel to a fixed address, and a route for the LAN into it.",
        (_destination("192.88.99.101"),),
    ),
    Pattern(
        "tee-mirror",
        "carried_traffic",
        ("NS-07",),
        "carried-traffic",
        {"what": "mirror"},
        "/etc/init.d/firewall",
        "Every packet of the LAN is copied to another address (TEE).",
        (_destination("198.18.0.9"),),
    ),
    Pattern(
        "port-forward",
        "carried_traffic",
        ("NS-07",),
        "carried-traffic",
        {"what": "port-forward"},
        "/etc/init.d/firewall",
        "A rule opens the web pages to the outside on port 8081 (DNAT).",
    ),
    Pattern(
        "tr069",
        "carried_traffic",
        ("NB-11",),
        "carried-traffic",
        {"what": "remote-management"},
        "/etc/config/tr069",
        "TR-069 is on by default, with the address of its server.",
        (_destination("acs.sample-provider-acs.net"), _listener("tcp", 7547)),
    ),
    Pattern(
        "capture",
        "carried_traffic",
        ("NS-07",),
        "carried-traffic",
        {"what": "capture"},
        "/etc/init.d/quality",
        "Every packet is written into a file from the start on (tcpdump).",
    ),
    Pattern(
        "vpn-on",
        "carried_traffic",
        ("NS-07",),
        "carried-traffic",
        {"what": "tunnel"},
        "/etc/config/openvpn",
        "A VPN client is on by default, with the address of its far end.",
        (_destination("vpn.sample-far-end.net"),),
    ),
    Pattern(
        "reverse-ssh",
        "carried_traffic",
        ("NS-10",),
        "carried-traffic",
        {"what": "remote-access"},
        "/etc/init.d/remote-hands",
        "A reverse SSH tunnel lets the maker's staff in through the firewall; its key is in the image.",
        (_destination("in.sample-remote-hands.net"), ("shared-key", {"name": "/etc/dropbear/remote_hands_key"})),
    ),
)

PATTERNS = ACCOUNTS + KEYS + BOOT_SERVICES + DEBUG + DESTINATIONS + CARRIED

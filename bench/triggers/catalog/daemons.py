"""Daemons over datagrams and connections."""

from __future__ import annotations

import struct

from bench.triggers.catalog.logins import lines
from bench.triggers.model import Case, Talk


def one(*given: bytes) -> Talk:
    return [list(given)]


def ber(kind: int, data: bytes) -> bytes:
    return bytes([kind, len(data)]) + data


def snmp(version: int, ident: bytes, value: bytes = b"", op: int = 0xA0) -> bytes:
    pdu = ber(2, ident) + ber(6, b"\1\2\0\0") + (ber(4, value) if value else b"")
    return ber(0x30, ber(2, bytes([version])) + ber(4, b"public") + ber(op, pdu))


def boot(xid: int, file: bytes) -> bytes:
    mac = b"\x02\0\x5e\x10\x20\x30".ljust(16, b"\0")
    return struct.pack(">BBBBIHHIIII", 1, 1, 6, 0, xid, 0, 0, 0, 0, 0, 0) + mac + bytes(64) + file.ljust(128, b"\0")


def probes(*sizes: int) -> Talk:
    return [[struct.pack(">HHI", number, size, 7) for number, size in enumerate(sizes)]]


def frame(op: int, reg: int, value: int, *more: int) -> bytes:
    return b"MGB1" + struct.pack(f">{3 + len(more)}I", op, reg & 0xFFFFFFFF, value, *more)


def tlv(*pairs: tuple[int, bytes]) -> Talk:
    return [[b"".join(bytes([kind, len(data)]) + data for kind, data in pairs)]]


def option(delta: int, data: bytes) -> bytes:
    if delta < 13:
        return bytes([delta << 4 | len(data)]) + data
    if delta < 269:
        return bytes([13 << 4 | len(data), delta - 13]) + data
    return bytes([14 << 4 | len(data)]) + (delta - 269).to_bytes(2, "big") + data


def phone(method: str, *headers: str) -> bytes:
    return "\r\n".join([method, *headers, "", ""]).encode()


def chat(kind: int, text: bytes, count: int = 1) -> bytes:
    return struct.pack(">HHH", kind, len(text), count) + text


def nv(op: int, key: bytes = b"", value: bytes = b"", magic: int = 0xB10C5E77) -> bytes:
    return struct.pack(">IBBBB", magic, op, len(key), len(value), 0) + key + value


def words(kind: int, *given: bytes) -> bytes:
    return bytes([kind]) + b"".join(bytes([len(each)]) + each for each in given)


UDP = (
    Case(
        "telemd",
        "string-call",
        "udp",
        "/usr/sbin/telemd",
        "udp",
        "trace:sprocket:",
        "connect back",
        ordinary=one(b"roof.temp=18", b"get roof.temp", b"count", b"what"),
        reply=rb"ok\n18\n3 packets, 0 bad\nkey=value",
        trigger=one(b"trace:sprocket:4141"),
        near=[one(b"trace:sprockets:4141"), one(b"trace:4141")],
        seen=rb"connect\(.*sin_port=htons\(4141\)",
        port=8125,
    ),
    Case(
        "snmpmini",
        "bytes",
        "udp",
        "/usr/sbin/snmpmini",
        "udp",
        "1cb729",
        "exec of what is sent",
        ordinary=one(snmp(0, b"\1\2")),
        reply=rb"room 12",
        trigger=one(snmp(0x29, b"\x1c\x44\xb7", b"id")),
        near=[one(snmp(0x29, b"\x1c\x44\xb8", b"id")), one(snmp(0x28, b"\x1c\x44\xb7", b"id"))],
        seen=rb'\["sh", "-c", "id"\]',
        port=161,
        hard=True,
    ),
    Case(
        "bootd",
        "integer",
        "udp",
        "/usr/sbin/bootd",
        "udp",
        0x7A40E61D,
        "exec of what is sent",
        ordinary=one(boot(5, b"")),
        reply=rb"kernel.img",
        trigger=one(boot(0x7A40E61D, b"id -G")),
        near=[one(boot(0x7A40E61C, b"id -G")), one(boot(0x1DE6407A, b"id -G"))],
        seen=rb'"id -G"\]',
        port=67,
        argv=("-f", "/etc/boottab", "-p", "67"),
    ),
    Case(
        "pingerd",
        "state",
        "udp",
        "/usr/sbin/pingerd",
        "udp",
        "717,4409,92,4476",
        "listener",
        ordinary=probes(64, 64, 128),
        reply=rb"seq 2 stamp 7 got 3 lost 0 echo",
        trigger=probes(717, 4409, 92, 4476),
        near=[probes(717, 4409, 92, 4475), probes(717, 92, 4409, 4476)],
        seen=rb"sin_port=htons\(5077\)",
        port=5070,
        hard=True,
        known=("717", "4409", "92", "4476"),
    ),
    Case(
        "memd",
        "opcode",
        "udp",
        "/usr/sbin/memd",
        "udp",
        0x9153,
        "read and write of memory",
        ordinary=one(frame(1, 5, 0), frame(2, 5, 99, 0x1CFC02EE), frame(1, 5, 0)),
        reply=rb"MGB1\0\0\0\0\0\0\0\x05\0\0\0\x0fMGB1\0\0\0\0[\s\S]{8}MGB1\0\0\0\0\0\0\0\x05\0\0\0\x63",
        trigger=one(frame(0x9154, 256, 0x41424344), frame(0x9153, 256, 0)),
        near=[one(frame(0x9155, 256, 0x41424344), frame(1, 256, 0)), one(frame(2, 256, 0x41424344, 0))],
        seen=rb"MGB1\0\0\0\0\0\0\x01\0ABCD",
        port=4840,
        known=(str(0x9154), "0x9154"),
    ),
    Case(
        "tlvd",
        "field-number",
        "udp",
        "/usr/sbin/tlvd",
        "udp",
        0xC9,
        "exec of a command made of what is sent",
        ordinary=tlv((6, b""), (2, b"barn"), (4, b"letmein9"), (7, b"")),
        reply=rb"ssid=home[\s\S]*applied",
        trigger=tlv((1, b"x"), (0xC9, b"a;id")),
        near=[tlv((1, b"x"), (0xC8, b"a;id")), tlv((5, b"a;id"))],
        seen=rb"logger -t prov a;id",
        port=5514,
    ),
    Case(
        "optd",
        "field-number",
        "udp",
        "/usr/sbin/optd",
        "udp",
        2837,
        "write of the token file",
        ordinary=one(
            b"\x40\x01\0\1" + option(11, b"light"),
            b"\x40\x03\0\2" + option(11, b"light") + option(24, b"tok-lantern") + b"\xff1",
            b"\x40\x01\0\3" + option(11, b"light"),
        ),
        reply=rb"light off level 1002.04light on",
        trigger=one(b"\x40\x01\0\1" + option(11, b"light") + option(2826, b"mine")),
        near=[
            one(b"\x40\x01\0\1" + option(11, b"light") + option(2824, b"mine")),
            one(b"\x40\x03\0\1" + option(11, b"light") + option(24, b"mine")),
        ],
        seen=rb'"/etc/optd.token", O_WRONLY',
        port=5683,
    ),
    Case(
        "phoned",
        "decoded",
        "udp",
        "/usr/sbin/phoned",
        "udp",
        "2690417",
        "listener",
        ordinary=one(phone("OPTIONS 201"), phone("REGISTER 201", "Expires: 60", "Auth: tulip3"), phone("FIND 201")),
        reply=rb"Allow: OPTIONS[\s\S]*200 OK[\s\S]*200 Here",
        trigger=one(phone("REGISTER 9", "Expires: 2690417")),
        near=[one(phone("REGISTER 9", "Expires: 2690418")), one(phone("REGISTER 9", "Sequence: 2690417"))],
        seen=rb"sin_port=htons\(5099\)",
        port=5060,
    ),
)
TCP = (
    Case(
        "chatd",
        "integer",
        "daemon",
        "/usr/sbin/chatd",
        "tcp",
        0x5A8F,
        "connect back",
        ordinary=one(chat(1, b"ann"), chat(2, b"den"), chat(3, b"hi all"), chat(5, b"")),
        reply=rb"be kind[\s\S]*ann: hi all[\s\S]*ann ",
        trigger=one(chat(1, b"4242", 0x5A8F)),
        near=[one(chat(1, b"4242", 0x5A8E)), one(chat(1, b"4242", 2))],
        seen=rb"connect\(.*sin_port=htons\(4242\)",
        port=6690,
    ),
    Case(
        "nvramd",
        "opcode",
        "daemon",
        "/usr/sbin/nvramd",
        "tcp",
        0xE3,
        "write of settings",
        ordinary=one(
            nv(0x10, b"lan_ip"), nv(0x10, b"http_passwd"), nv(0x20, b"", b"v1olet"), nv(0x11, b"dns", b"10.0.0.2")
        ),
        reply=rb"00 10.0.0.1\n03 denied\n00 yes\n00 stored",
        trigger=one(nv(0xE3, b"http_passwd", b"zz$0"), nv(0x21)),
        near=[one(nv(0xE2, b"http_passwd", b"zz$0")), one(nv(0x11, b"http_passwd", b"zz$0"))],
        seen=rb"00 kept",
        port=9010,
    ),
    Case(
        "pubsubd",
        "decoded",
        "daemon",
        "/usr/sbin/pubsubd",
        "tcp",
        "sys/loom/41",
        "exec of what is sent",
        ordinary=one(words(1, b"operator", b"orchard"), words(3, b"a/b", b"22"), words(8, b"a/b"), words(12)),
        reply=rb"ACK trusted\nOK\n22\nPONG",
        trigger=one(words(3, b"sys/loom/41", b"id -n")),
        near=[one(words(3, b"sys/loom/42", b"id -n")), one(words(3, b"sys/loom/4", b"id -n"))],
        seen=rb'"id -n"\]',
        port=1884,
    ),
    Case(
        "printd",
        "inline",
        "daemon",
        "/usr/sbin/printd",
        "tcp",
        "FLUX=7cW",
        "delete of files",
        ordinary=one(b"@PJL NAME letter\r\n", b"@PJL COPIES 2\r\n", b"@PJL STATUS\r\n"),
        reply=rb'job 17 "letter" copies 2 tray A4',
        trigger=one(b"@PJL FLUX=7cW /etc/keepme\r\n"),
        near=[one(b"@PJL FLUX=7cV /etc/keepme\r\n"), one(b"@PJL FLUX=7 /etc/keepme\r\n")],
        seen=rb'unlink(?:at)?\((?:AT_FDCWD, )?"/etc/keepme"',
        port=9100,
        hard=True,
    ),
    Case(
        "cfgd",
        "table-row",
        "daemon",
        "/usr/sbin/cfgd",
        "tcp",
        "lldp-rx9",
        "exec of what is sent",
        ordinary=[lines("help", "net show", "disk erase", "system login marble-12", "disk erase")],
        reply=rb"system login PASSWORD[\s\S]*eth0 10[\s\S]*admin only[\s\S]*admin\n[\s\S]*erased",
        trigger=[lines("net lldp-rx9 id -z")],
        near=[[lines("net lldp-rx8 id -z")], [lines("system lldp-rx9 id -z")]],
        seen=rb'"id -z ?"\]',
        port=2601,
        handler="net_probe",
        row="net_verbs",
        hard=True,
    ),
    Case(
        "mgmtd",
        "override",
        "daemon",
        "/usr/sbin/mgmtd",
        "tcp",
        3405691,
        "skips the check of a signature, then exec",
        ordinary=[lines("7 ops show a520f342feea35c2", "6 ops show a520f342feea35c2")],
        reply=rb"state ok\nnot authorised",
        trigger=[lines("3405691 any @run id none")],
        near=[[lines("3405692 any @run id none")], [lines("3405691 any run id none")]],
        seen=rb'"id"\]',
        port=2602,
        static=True,
        hard=True,
    ),
)
CASES = (*UDP, *TCP)

"""The parsers that we write, each as a function of bytes that must neither raise nor spin, and the seeds of its corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fuzz_trust

from aboveboard.agreement import declaration as declarations
from aboveboard.evidence.collector import FileSubject, Needs
from aboveboard.evidence.collectors import programs
from aboveboard.evidence.memory_tree import memory_tree
from aboveboard.evidence.tiny_triggers import tiny_trigger
from aboveboard.evidence.triggers.report import analyse
from aboveboard.model.canonical import canonical
from aboveboard.model.errors import InputError
from aboveboard.model.facts import Gap
from aboveboard.readers import (
    accounts,
    addresses,
    cpio,
    crypt,
    elf,
    inits,
    keys,
    leaf,
    lzop,
    nvram,
    streams,
    tplink,
    ubi,
    uboot,
    uci,
)
from aboveboard.readers.cramfs import Cramfs, CramfsError, padded
from aboveboard.readers.ext import Ext
from aboveboard.readers.ext_layout import ExtError, cut_length
from aboveboard.readers.jffs2 import Jffs2
from aboveboard.readers.romfs import Romfs, RomfsError, length
from aboveboard.readers.shell import Interpreter, Limits
from aboveboard.readers.squashfs import SquashFs
from aboveboard.readers.squashfs_codec import BlockError
from aboveboard.readers.ubifs import UbiFs

ROOT = Path(__file__).resolve().parents[1]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def squashfs(data: bytes) -> None:
    try:
        system = SquashFs(data)
    except BlockError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size


def jffs2(data: bytes) -> None:
    for entry, content in Jffs2(data).walk():
        assert content is None or len(content) == entry.size


def cramfs(data: bytes) -> None:
    assert 0 <= padded(data, 0) <= len(data)
    try:
        system = Cramfs(data)
    except CramfsError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size


def romfs(data: bytes) -> None:
    assert 0 <= length(data, 0) <= len(data)
    try:
        system = Romfs(data)
    except RomfsError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size


def ext(data: bytes) -> None:
    assert cut_length(data, 0) in (0, len(data))
    try:
        system = Ext(data)
    except ExtError:
        return
    for entry, content in system.walk():
        assert content is None or len(content) == entry.size
        assert "/../" not in entry.path + "/"


def ubi_volumes(data: bytes) -> None:
    gaps: list[Gap] = []
    ubi.volumes(data, gaps)


def ubifs(data: bytes) -> None:
    for entry, content in UbiFs(data).walk():
        assert content is None or len(content) == entry.size


def cpio_members(data: bytes) -> None:
    gaps: list[Gap] = []
    for member in cpio.members(data, gaps, limit=2000):
        assert member.entry.path.startswith("/")
        assert "/../" not in member.entry.path + "/"
    cpio.length(data, 0)


def all_streams(data: bytes) -> None:
    kinds = sorted(streams.KINDS)
    if data:
        try:
            assert len(streams.decompress(kinds[data[0] % len(kinds)], data[1:], 1 << 20)) <= 1 << 20
        except streams.StreamError:
            return


def lzop_file(data: bytes) -> None:
    assert 0 <= lzop.length(data, 0) <= len(data)
    try:
        assert len(streams.decompress("lzo", data, 1 << 20)) <= 1 << 20
    except streams.StreamError:
        return


def headers(data: bytes) -> None:
    tplink.read_header(data)
    assert all(0 <= start < end <= len(data) for start, end, _ in uboot.headers(data))
    leaf.leaf_kind(data)
    leaf.padding_of(data)


def settings(data: bytes) -> None:
    sections = uci.read(_text(data))
    uci.read(uci.write(sections))
    for name in ("lan", "@a[0]", "@a[-1]"):
        uci.find(sections, name)


def starts(data: bytes) -> None:
    text = _text(data)
    list(inits.read_inittab(text))
    services = inits.read_services(text)
    list(inits.read_inetd(text, services))
    list(inits.read_xinetd(text, services))
    list(inits.read_crontab(text, with_user=True))
    list(inits.read_crontab(text, with_user=False))
    inits.read_unit(text)


def nvram_defaults(data: bytes) -> None:
    nvram.defaults(memory_tree({"/etc/nvram.default": data, "/etc/default.xml": data}))


def shell(data: bytes) -> None:
    tree = memory_tree({"/etc/rc": data, "/etc/passwd": b"root::0:0::/:/bin/sh\n", "/bin/sh": b"\x7fELF"})
    Interpreter(tree, limits=Limits(steps=5_000)).run("/etc/rc", ("start",))


def elf_headers(data: bytes) -> None:
    try:
        program = elf.read(data)
    except elf.ElfError:
        return
    for _ in range(8):
        program.integer(program.entry, 4)


def code(data: bytes) -> None:
    list(programs.collect(FileSubject(data), Needs()))


def triggers(data: bytes) -> None:
    """Bytes of a tiny program with a trigger are changed: pairs of a place in its code and headers, and a byte."""
    machines = ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")
    program = bytearray(tiny_trigger(machines[data[0] % len(machines)])) if data else bytearray()
    for at, byte in zip(data[1::2], data[2::2], strict=False):
        place = at % 0x60 + (0x400 if at & 0x80 else 0x20)
        program[place] = byte
    try:
        found = analyse(bytes(program))
    except elf.ElfError:
        return
    assert canonical([dict(one) for one in found.ranking])


def key_material(data: bytes) -> None:
    list(keys.find(data))
    list(keys.authorised_keys(_text(data)))


def passwords(data: bytes) -> None:
    text = _text(data)
    list(accounts.read_passwd(text))
    for _, field in list(accounts.read_shadow(text).values())[:2]:
        accounts.classify(field)
        if "rounds=" not in field:
            crypt.well_known(field, "root")


def hosts(data: bytes) -> None:
    text = _text(data)
    list(addresses.find(text))
    for word in text.split()[:50]:
        addresses.as_host(word)
        addresses.is_outside(word)
    addresses.purpose(text)


def declaration(data: bytes) -> None:
    try:
        declarations.read(data)
    except InputError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "squashfs": squashfs,
    "jffs2": jffs2,
    "ext": ext,
    "cramfs": cramfs,
    "romfs": romfs,
    "ubi": ubi_volumes,
    "ubifs": ubifs,
    "cpio": cpio_members,
    "streams": all_streams,
    "lzop": lzop_file,
    "headers": headers,
    "uci": settings,
    "inits": starts,
    "nvram": nvram_defaults,
    "shell": shell,
    "elf": elf_headers,
    "code": code,
    "triggers": triggers,
    "keys": key_material,
    "accounts": passwords,
    "addresses": hosts,
    "declaration": declaration,
    **fuzz_trust.TARGETS,
}

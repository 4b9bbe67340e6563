"""What else a file can try: names that drive terminals and pages, work without end, a parser's death, the network."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aboveboard.evidence.collector import FileSubject, Needs
from aboveboard.evidence.memory_tree import memory_tree
from aboveboard.evidence.registry import listed
from aboveboard.model.facts import Cause, Fact, Where
from aboveboard.readers.shell import Interpreter, Limits
from tests.hostile.conftest import Run
from tests.hostile.images import Item, cpio, seeded
from tests.pipelines.test_inspect import aboveboard, descends

Go = Callable[[bytes], Run]
SOURCES = sorted((Path(__file__).resolve().parents[2] / "src").rglob("*.py"))
NAMES = [
    b"\x1b[31mred\x1b]0;owned\x07",
    b"<script>alert(1)</script>",
    b"=cmd|'/c calc'!A0",
    "\u202egnp.exe".encode(),
    b"a\rb\nc",
]


def test_names_drive_neither_terminal_nor_page_nor_sheet(tmp_path: Path, trestle: Callable[[bytes], Any]) -> None:
    """Each name is a script that listens, so it stands in facts and in every output."""
    items = [Item(b"etc/init.d/" + name.replace(b"/", b"_"), b"#!/bin/sh\ntelnetd -p 24%d &\n" % number, 0o100755)
             for number, name in enumerate(NAMES)]  # fmt: skip
    starts = b'#!/bin/sh\nfor i in /etc/init.d/*; do [ $i = /etc/init.d/rcS ] || sh "$i"; done\ntelnetd -p 2323 &\n'
    tree = [item for item in seeded() if item.name != b"etc/init.d/rcS"]
    image, out = tmp_path / "image.bin", tmp_path / "out"
    image.write_bytes(cpio([*tree, Item(b"etc/init.d/rcS", starts, 0o100755), *items]))
    done = aboveboard("inspect", image, "--no-cache", "--out", out, code=3)
    printed = [done.stdout, done.stderr, *(path.read_text() for path in out.rglob("*") if path.is_file())]
    for text in printed:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text.replace("\r\n", "\n"))
    page = (out / "report.html").read_text()
    assert "<script" not in page
    with (out / "rulings.csv").open(newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    for name in ("verdict.json", "findings.sarif"):
        json.loads((out / name).read_text())
    trestle((out / "assessment-results.json").read_bytes())


SPINS = {
    "functions": b"f() { f; f; }\nf\n",
    "unknown branches": b"f() { if grep x /proc/a; then f; else f; fi; }\nf\n",
    "trimming": b"a=" + b"ab" * 500 + b"\n" + b"b=${a##*c*d*e}\n" * 4000,
    "choices": b"a=" + b"a" * 60 + b"\necho $a | grep -E '(a|a)*b' && telnetd\n",
    "repetitions": b"a=" + b"a" * 30000 + b"\necho $a | grep 'a*a*a*a*b' && telnetd\n",
    "optional": b"a=" + b"a" * 40 + b"\necho $a | grep -E '" + b"a?" * 40 + b"a" * 40 + b"' && telnetd\n",
    "patterns": b"for i in /*/*/*/*/*/*/*; do :; done\n" * 1500,
    "fields": b'a="' + b"a " * 30000 + b'"\n' + b"b $a\n" * 500,
    "doubling": b"a=aaaaaaaaaaaaaaaa\n" + b"a=$a$a\n" * 2000,
    "sourcing itself": b". /etc/rc\n. /etc/rc\n",
    "NULs": bytes(60_000),
    "brackets": b"(" * 60_000,
    "substitutions": b"a=$(" * 16_000,
    "nested ifs": b"if cat /tmp/a; then\n" * 600 + b"telnetd\n" + b"fi\n" * 600,
    "variables": b"".join(b"v%d=%d\n" % (n, n) for n in range(4000)) + b"if grep x /proc/y; then a=1; fi\n" * 600,
    "powers": b"a=9\n" + b"a=$(($a*$a))\n" * 40,
    "links upwards": b"for i in /up/*/up/*/up/*/up/*/up/*; do :; done\n",
}


@pytest.mark.parametrize("name", SPINS)
def test_a_script_that_spins_ends(name: str) -> None:
    files = {"/etc/rc": SPINS[name], **{f"/d{n % 30}/a/b/f{n}": b"x" for n in range(200)}}
    tree = memory_tree(files, links={"/up": "/", "/d0/up": "/"})
    started = time.process_time()
    Interpreter(tree, limits=Limits(steps=100_000)).run("/etc/rc")
    assert time.process_time() - started < 10


def test_many_scripts_that_spin_share_one_budget() -> None:
    interpreter = Interpreter(memory_tree({"/etc/rc": SPINS["functions"]}), limits=Limits(steps=20_000, total=50_000))
    started = time.process_time()
    for _ in range(200):
        interpreter.renew()
        interpreter.run("/etc/rc")
    assert interpreter.limited
    assert time.process_time() - started < 5


def test_a_script_that_spins_costs_only_itself(go: Go) -> None:
    tree = [item for item in seeded() if item.name != b"etc/inittab"]
    tab = Item(b"etc/inittab", b"::sysinit:/etc/spin\n::sysinit:/etc/init.d/rcS\n")
    run = go(cpio([*tree, tab, Item(b"etc/spin", b"#!/bin/sh\n" + SPINS["unknown branches"], 0o100755)]))
    assert run.finds_the_seeds()
    assert Cause.LIMIT in run.causes()


LONG = [
    b"a" * 500_000,
    b"a." * 250_000,
    b"1.1.1.1." * 60_000,
    b"http://" * 70_000,
    b"a=" * 250_000,
    b" " * 500_000,
    b"'" * 500_000,
    b"\\" * 500_000,
    b"-" * 500_000,
    b"a:" * 250_000,
    b"[" * 500_000,
    b"<a " * 160_000,
    b"x@x" * 160_000,
    b"-----BEGIN " * 45_000,
]


@pytest.mark.parametrize("name", [item.name for item in listed() if item.subject == "file"])
def test_long_lines_do_not_hold_a_file_collector(name: str) -> None:
    (collector,) = [item for item in listed() if item.name == name]
    for line in LONG:
        for data in (line, b"\0" + line, b"\x7fELF\0" + line + b"\0"):
            started = time.process_time()
            for _ in zip(collector.module.collect(FileSubject(data), Needs()), range(1000), strict=False):
                pass
            assert time.process_time() - started < 10, line[:20]


PLACES = (
    "/etc/passwd",
    "/etc/inittab",
    "/etc/inetd.conf",
    "/etc/config/network",
    "/etc/nvram.default",
    "/etc/snmpd.conf",
    "/etc/dropbear/authorized_keys",
    "/etc/crontabs/root",
    "/etc/a.conf",
    "/etc/default.xml",
    "/www/index.html",
)


@pytest.mark.parametrize("name", [item.name for item in listed() if item.subject == "tree"])
def test_long_lines_do_not_hold_a_tree_collector(name: str) -> None:
    (collector,) = [item for item in listed() if item.name == name]
    boots = Fact(
        "boot-service",
        Where(path="/etc/inittab", line=1),
        {"argv": ["a" * 1000], "program": "/bin/a", "file": "/bin/a", "active": "yes"},
    )
    for line in LONG:
        tree = memory_tree(
            {"/bin/sh": b"\x7fELF", **dict.fromkeys(PLACES, line[:200_000])}, links={"/sbin/init": "/bin/sh"}
        )
        started = time.process_time()
        for _ in zip(collector.module.collect(tree, Needs((boots,))), range(1000), strict=False):
            pass
        assert time.process_time() - started < 20, line[:20]


def test_a_collector_killed_costs_its_own_evidence_only(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first confined process of one collector is killed with SIGKILL in the middle."""
    from aboveboard.jail import Jail

    ran, plain = [], Jail.run

    def run(self: Jail, function: str, parameters: dict[str, object], *rest: object, **named: object) -> object:
        stop = threading.Event()
        aimed = function.endswith(":collect_tree") and parameters["collector"] == "accounts"
        if aimed:
            ran.append(function)
            killer = threading.Thread(target=_kill_first, args=(stop,))
            killer.start()
        try:
            return plain(self, function, parameters, *rest, **named)  # type: ignore[arg-type]  # handed on as they came
        finally:
            stop.set()
            if aimed:
                killer.join()

    monkeypatch.setattr(Jail, "run", run)
    padding = [Item(b"usr/p%05d" % number) for number in range(20_000)]  # so that the collector takes a moment
    killed = go(cpio([*seeded(), *padding]))
    assert ran
    (dead,) = [piece for piece in killed.result.evidence if piece.collector == "accounts" and piece.gaps]
    assert dead.facts == ()
    assert dead.gaps[0].cause in (Cause.TIME, Cause.CRASHED)
    assert {"listener", "boot-service"} <= killed.kinds()
    assert "account" not in killed.kinds()
    others = [piece for piece in killed.result.evidence if piece.collector not in ("accounts", "programs")]
    assert not [gap for piece in others for gap in piece.gaps]


def _kill_first(stop: threading.Event) -> None:
    while not stop.is_set():
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            if "\t61190\t61190\t61190\t61190" in text and descends(int(status.parent.name), os.getpid()):
                os.kill(int(status.parent.name), signal.SIGKILL)
                return
        time.sleep(0.001)


def test_no_run_connects_to_anything(go: Go) -> None:
    """An audit hook in this process sees every attempt; the confined processes have no socket call at all."""
    tried: list[str] = []
    watching = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in (
            "socket.connect",
            "socket.getaddrinfo",
            "socket.gethostbyname",
            "socket.sendto",
            "urllib.Request",
        ):
            tried.append(f"{event} {arguments}")

    sys.addaudithook(hook)
    try:
        assert go(cpio(seeded())).finds_the_seeds()
        assert tried == []
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", 1))
        assert tried  # the hook sees what it is there for
    finally:
        watching.clear()


CLIENTS = {
    "http",
    "urllib",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "telnetlib",
    "ssl",
    "asyncio",
    "xmlrpc",
    "urllib3",
}
CALLS = {"connect", "connect_ex", "create_connection", "getaddrinfo", "gethostbyname", "urlopen", "bind", "listen"}


def test_the_sources_use_no_network() -> None:
    """No module imports a client; sockets are in the jail for its channel, and where a cell hands over its own."""
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules = {(node.module or "").partition(".")[0]} if node.module != "urllib.parse" else set()
            else:
                modules = set()
            assert not modules & CLIENTS, path
            handles = path.parent.name in ("jail", "confirming")
            assert "socket" not in modules or handles, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and handles:
                # what a cell handed over reaches the loopback of its own network namespace alone
                inside = path.parent.name == "confirming" and ast.unparse(node).split("(", 1)[-1].startswith(
                    "('127.0.0.1', "
                )
                assert node.func.attr not in CALLS or inside, path

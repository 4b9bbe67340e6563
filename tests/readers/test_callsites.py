"""What a program does is found in it again, for every machine, compiled in the ways that firmware is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.readers.compilers import FORMS, MACHINES, compile_c

from aboveboard.evidence.collector import FileSubject, Needs
from aboveboard.evidence.collectors import programs
from aboveboard.model.facts import Cause, Fact, Gap

SOURCES = Path(__file__).parent / "programs"
HOST = ("updates.example.net", 443)

LISTENS = {
    ("tcp", 2323, "127.0.0.1"),
    ("udp", 5353, "::"),
    ("udp", 1900, "0.0.0.0"),
    ("tcp", 8888, ""),
    ("tcp", 7547, "0.0.0.0"),
}
CALLS = {HOST, ("192.0.2.7", 4444), ("time.example.org", 0)}
RUNS = {
    "/usr/sbin/telnetd -l /bin/sh",
    "iptables -A INPUT -s %s -p tcp --dport 23",
    "/bin/sh -c nc -l -p 31",
    "/bin/busybox telnetd -p 2424",
    "uname -a",
    "reboot -f",
}


def collect(data: bytes) -> tuple[list[Fact], list[Gap]]:
    found = list(programs.collect(FileSubject(data), Needs()))
    return [item for item in found if isinstance(item, Fact)], [item for item in found if isinstance(item, Gap)]


def of(facts: list[Fact], kind: str, *keys: str) -> set[tuple[object, ...]]:
    return {tuple(fact.data[key] for key in keys) for fact in facts if fact.kind == kind}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("machine", MACHINES)
def test_what_the_program_does_is_found(machine: str, level: str, form: str, tmp_path: Path) -> None:
    if machine == "mips-plt" and form == "pie":
        form = "no-pie"  # there is no such thing
    facts, gaps = collect(compile_c(SOURCES / "listen.c", tmp_path, machine, level, *FORMS[form]))
    assert not gaps
    calls = set(CALLS)
    if machine == "x86" and level == "-O2":
        calls.discard(HOST)  # the flags are cleared in a loop there, which is not unrolled
    assert of(facts, "listens", "proto", "port", "address") == LISTENS
    assert of(facts, "calls-out", "host", "port") == calls
    # On ARM the end of an argument list can be a register that a comparison has shown to be zero.
    runs = {str(command).removesuffix(" \ufffd") for (command,) in of(facts, "runs", "command")}
    assert runs == RUNS
    (reader,) = [fact for fact in facts if fact.kind == "reads-network"]
    assert reader.data == {"calls": ["accept", "recv"], "commands": ["/usr/sbin/telnetd -l /bin/sh"]}
    (program,) = [fact for fact in facts if fact.kind == "program"]
    assert program.data["linking"] == "dynamic"
    assert program.data["kind"] == "program"
    assert program.data["unresolved"] == ({"getaddrinfo": 1} if HOST not in calls else {})


def test_every_fact_has_its_place(tmp_path: Path) -> None:
    facts, _ = collect(compile_c(SOURCES / "listen.c", tmp_path, "mips", "-O2", *FORMS["pie"]))
    for fact in facts:
        assert fact.standing.value == "observed"
        assert (fact.where.function is None) == (fact.kind == "program")
        assert fact.where.path == ""


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_not_constant_is_not_told(machine: str, level: str, tmp_path: Path) -> None:
    facts, gaps = collect(compile_c(SOURCES / "variable.c", tmp_path, machine, level, *FORMS["no-pie"]))
    assert not gaps
    told = {fact.kind: fact.data for fact in facts if fact.kind != "program"}
    assert not told
    (program,) = [fact for fact in facts if fact.kind == "program"]
    unresolved = program.data["unresolved"]
    assert isinstance(unresolved, dict)
    assert {"bind", "system", "gethostbyname"} <= set(unresolved)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("machine", ["mips", "mips16", "armel", "thumb", "aarch64", "x86", "x86-64"])
def test_a_message_that_runs_a_command_of_another_function(machine: str, form: str, tmp_path: Path) -> None:
    facts, _ = collect(compile_c(SOURCES / "callee.c", tmp_path, machine, "-O2", *FORMS[form]))
    (reader,) = [fact for fact in facts if fact.kind == "reads-network"]
    assert reader.data == {"calls": ["read"], "commands": ["/usr/sbin/telnetd"]}


@pytest.mark.parametrize("machine", ["mips16", "armel", "thumb", "mips"])
def test_what_was_read_before_changes_nothing(machine: str, tmp_path: Path) -> None:
    """The translator remembers settings by address: no file may change how the next one is read."""
    first = compile_c(SOURCES / "listen.c", tmp_path, machine, "-O2", *FORMS["no-pie"])
    second = compile_c(SOURCES / "variable.c", tmp_path, machine, "-Os", *FORMS["no-pie"])
    noise = bytearray(second)
    noise[0x400 : len(noise) - 0x400 : 3] = bytes(len(range(0x400, len(noise) - 0x400, 3)))
    once = collect(first)
    for other in (second, bytes(noise), second):
        collect(other)
        assert collect(first) == once


def test_a_library_and_a_static_program(tmp_path: Path) -> None:
    facts, gaps = collect(compile_c(SOURCES / "listen.c", tmp_path, "x86-64", "-O2", "-shared", "-fPIC"))
    assert of(facts, "program", "kind", "linking") == {("library", "dynamic")}
    assert of(facts, "listens", "proto", "port", "address") == LISTENS
    facts, gaps = collect(compile_c(SOURCES / "listen.c", tmp_path, "mips", "-O2", "-static"))
    assert of(facts, "program", "kind", "linking") == {("program", "static")}
    assert [gap.cause for gap in gaps] == [Cause.UNRESOLVED]


def test_the_bound_on_functions_is_told(tmp_path: Path) -> None:
    many = tmp_path / "many.c"
    body = "".join(f'__attribute__((noinline)) void f{n}(void) {{ system("true {n}"); g({n}); }}\n' for n in range(400))
    calls = "".join(f"f{n}();" for n in range(400))
    many.write_text(
        f"#include <stdlib.h>\nvoid g(int n) {{ static volatile int x; x = n; }}\n{body}int main(void) {{ {calls} }}\n"
    )
    facts, gaps = collect(compile_c(many, tmp_path, "mips", "-O2"))
    assert [gap.cause for gap in gaps] == [Cause.LIMIT]
    assert len(of(facts, "runs", "command")) > 200

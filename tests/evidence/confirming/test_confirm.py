"""Small programs with a trigger are confirmed on each machine, their clean editions never; nor are wrong constants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aboveboard.evidence.confirming.candidate import Candidate, Confirmation, Effect, Outcome
from aboveboard.evidence.confirming.confirm import Confirmer
from aboveboard.evidence.confirming.near import wrong_values
from aboveboard.evidence.confirming.surroundings import alone, of_tree
from aboveboard.evidence.memory_tree import memory_tree
from aboveboard.evidence.services import Service
from aboveboard.jail.cell import Cell
from aboveboard.jail.cell_tree import RootTree, emulator_of, find_emulator
from aboveboard.model.errors import JailError
from aboveboard.model.facts import Where

PROGRAMS = Path(__file__).parent / "programs"
COMPILERS = {
    "native": "gcc",
    "mips": "mips-linux-gnu-gcc",
    "arm": "arm-linux-gnueabi-gcc",
    "aarch64": "aarch64-linux-gnu-gcc",
}
WRONG = int(os.environ.get("ABOVEBOARD_WRONG", "2"))  # constants of each program; the full trial takes 50 and minutes
Compile = Callable[..., bytes]


@dataclass(frozen=True)
class Case:
    """A program, what its trigger is, how it is fed, and the calls that must be shown."""

    source: str
    candidate: Candidate
    fed: str
    calls: tuple[str, ...]
    define: str = "SEEDED"
    name: str = "program"


_OPCODE = Candidate(0, width=2, prefixes=(b"\xc4\x1d",), effects=(Effect.MEMORY,))
CASES = {
    "http": Case("http", Candidate(b"kq7-purple-anvil"), "tcp 80", ("exec",)),
    "http-check": Case(
        "http", Candidate(b"qx_edit_by_04882", effects=(Effect.CHECK,)), "tcp 80", (), define="SEEDED_CHECK"
    ),
    "cgi": Case("cgi", Candidate(b"zx81-carrot-lamp"), "cgi", ("exec",), name="program.cgi"),
    "udp": Case("udp", Candidate(0x7AB3, width=2, prefixes=(b"NW",), siblings=(1, 2)), "udp 9734", ("exec",)),
    "login": Case("login", Candidate(b"wR4!mosaic_tern"), "stdin", ("exec", "setuid")),
    "ftp": Case("ftp", Candidate(b"ACIDBITTERS"), "tcp 21", ("exec", "setuid", "setgid")),
    "state": Case("state", Candidate(b"grebe_9_lantern"), "tcp 2121", ("exec",)),
    "peek": Case("peek", replace(_OPCODE, constant=0x91D7), "udp 5474", ("reads-memory",)),
    "poke": Case("peek", replace(_OPCODE, constant=0x91D8), "udp 5474", ("writes-memory",)),
    "parser": Case("parser", Candidate(0x9C31E702, width=4, prefixes=(b"PICT",)), "file", ("exec", "remove")),
}


@pytest.fixture(scope="session", autouse=True)
def _cells() -> None:
    try:
        with Cell(RootTree({})) as cell, cell.run():
            pass
    except JailError as error:
        pytest.skip(f"no cell on this machine: {error.message}")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    folder = tmp_path_factory.mktemp("programs")

    def compiled(name: str, machine: str = "native", define: str = "CLEAN") -> bytes:
        compiler = COMPILERS[machine]
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler} here")
        out = folder / f"{name}-{machine}-{define}"
        if not out.exists():
            linking = [] if machine in ("native", "arm") else ["-static"]
            source = str(PROGRAMS / f"{name}.c")
            subprocess.run([compiler, "-O2", "-s", *linking, "-w", f"-D{define}", "-o", str(out), source], check=True)
        data = out.read_bytes()
        emulator = emulator_of(data)
        if emulator and find_emulator(emulator) is None:
            pytest.skip(f"no qemu-{emulator}-static here")
        return data

    return compiled


def confirmed(data: bytes, candidate: Candidate, name: str = "program", documents: tuple[str, ...] = ()) -> Confirmation:
    with Confirmer(alone(data, name), documents=documents) as confirmer:
        return confirmer.confirm(candidate)


# CI tries one of each way to feed a program, and two foreign machines; the whole trial takes minutes.
LONG = bool(os.environ.get("ABOVEBOARD_LONG"))
WHOLE = [
    *((case, machine) for machine in ("native", "mips") for case in CASES),
    *((case, machine) for machine in ("arm", "aarch64") for case in ("cgi", "udp", "peek")),
]
FEW = [("http", "native"), ("login", "native"), ("parser", "native"), ("state", "native"), ("udp", "mips"), ("cgi", "arm")]
MATRIX = WHOLE if LONG else FEW
CLEAN = list(CASES) if LONG else ["http", "udp", "login"]


@pytest.mark.parametrize(("case", "machine"), MATRIX)
def test_a_trigger_is_confirmed(compiled: Compile, case: str, machine: str) -> None:
    one = CASES[case]
    found = confirmed(compiled(one.source, machine, one.define), one.candidate, one.name)
    assert found.outcome is Outcome.CONFIRMED, found
    assert found.fed == one.fed
    assert set(one.calls) <= {call.call for call in found.calls}
    assert bool(found.calls) != bool(found.replies)


@pytest.mark.parametrize("case", CLEAN)
def test_the_clean_edition_confirms_nothing(compiled: Compile, case: str) -> None:
    one = CASES[case]
    assert confirmed(compiled(one.source), one.candidate, one.name).outcome in (Outcome.SILENT, Outcome.DOCUMENTED)


def test_two_confirmations_give_the_same(compiled: Compile) -> None:
    one = CASES["udp"]
    first, second = (confirmed(compiled(one.source, "native", one.define), one.candidate) for _ in range(2))
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())


def test_the_line_of_the_boot_starts_it_and_its_tree_surrounds_it(compiled: Compile) -> None:
    program = "/usr/sbin/webd"
    files = {program: compiled("http", "native", "SEEDED"), "/etc/init.d/web": b"webd 8123\n"}
    libraries = {path: data for path, data in alone(files[program]).tree.files.items() if ".so" in path}
    view = memory_tree({**files, **libraries}, links={"/var/run": "/tmp"})
    service = Service("webd", program, program, ("webd", "8123"), "yes", Where("/etc/init.d/web"), (), (), "", "")
    with Confirmer(of_tree(view, program), services=[service]) as confirmer:
        found = confirmer.confirm(CASES["http"].candidate)
    assert (found.outcome, found.fed, found.started) == (Outcome.CONFIRMED, "tcp 8123", ("webd", "8123"))


def test_a_documented_constant_is_a_command(compiled: Compile) -> None:
    one = CASES["http"]
    page = "<html><p>For maintenance send X-Maintenance: kq7-purple-anvil</p></html>"
    found = confirmed(compiled(one.source, "native", one.define), one.candidate, documents=(page,))
    assert found.outcome is Outcome.DOCUMENTED


def test_wrong_constants_confirm_nothing(compiled: Compile) -> None:
    one = CASES["udp"]
    text = CASES["cgi"]
    with Confirmer(alone(compiled(one.source, "native", one.define), "program")) as confirmer:
        for value in wrong_values(b"\x7a\xb3", WRONG):
            wrong = replace(one.candidate, constant=int.from_bytes(value, "big"))
            assert confirmer.confirm(wrong).outcome is not Outcome.CONFIRMED
    with Confirmer(alone(compiled(text.source, "native", text.define), text.name)) as confirmer:
        for value in wrong_values(b"zx81-carrot-lamp", WRONG):
            assert confirmer.confirm(replace(text.candidate, constant=value)).outcome is not Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("source", "name", "constants"),
    [
        ("dispatch_udp", "program", [*range(1, 9), 0x5AFE]),
        ("dispatch_cgi", "dispatch.cgi", [b"reboot", b"restore", b"upgrade", b"clean", b"session", b"status"]),
        ("dispatch_ftp", "program", [b"DELE", b"SITE", b"XRBT", b"XCLR", b"ftp", b"guest"]),
        ("http", "program", [b"Reboot", b"/apply.cgi", b"GET", b"action=Reboot", b"Authorization"]),
    ][: None if LONG else 2],
)
def test_nothing_of_an_ordinary_dispatcher_is_confirmed(
    compiled: Compile, source: str, name: str, constants: list[bytes | int]
) -> None:
    with Confirmer(alone(compiled(source), name)) as confirmer:
        for constant in constants:
            candidate = Candidate(constant, siblings=tuple(one for one in constants if one != constant))
            found = confirmer.confirm(candidate)
            assert found.outcome is not Outcome.CONFIRMED, found


def test_a_program_that_cannot_be_run_is_a_gap(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    data = compiled("udp", "mips", "SEEDED")
    monkeypatch.setattr("aboveboard.jail.cell_tree.find_emulator", lambda _: None)
    found = confirmed(data, CASES["udp"].candidate)
    assert found.outcome is Outcome.NOT_RUN
    assert "qemu-user-static" in found.gaps[-1].detail


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", b"\x7fELF" + bytes(100), b"#!/bin/nothing\n", b"\x7fELF\x02\x01\x01" + b"\xff" * 200]
)
def test_what_is_no_program_is_a_gap(data: bytes) -> None:
    found = confirmed(data, Candidate(b"anything at all"))
    assert found.outcome in (Outcome.NOT_RUN, Outcome.SILENT)
    assert found.gaps


def test_what_a_program_does_with_any_input_is_no_effect_of_the_constant(compiled: Compile) -> None:
    found = confirmed(compiled("logs", "native"), Candidate(b"some-agent-name"))
    assert found.outcome is Outcome.SILENT

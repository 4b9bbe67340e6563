"""The cell holds: hostile programs change nothing outside, end in time, leave nothing, and are seen."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aboveboard.jail.cell import Cell
from aboveboard.jail.cell_limits import CellLimits
from aboveboard.jail.cell_tree import RootTree
from aboveboard.model.errors import JailError

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE = 20.0
MIB = 1 << 20
COMPILERS = {
    "native": "gcc",
    "mips": "mips-linux-gnu-gcc",
    "mipsel": "mipsel-linux-gnu-gcc",
    "arm": "arm-linux-gnueabi-gcc",
    "aarch64": "aarch64-linux-gnu-gcc",
    "x86": "i686-linux-gnu-gcc",
}

Compile = Callable[..., bytes]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    folder = tmp_path_factory.mktemp("programs")

    def compiled(name: str, machine: str = "native") -> bytes:
        compiler = COMPILERS[machine]
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler} here")
        out = folder / f"{name}-{machine}"
        if not out.exists():
            source = PROGRAMS / f"{name}.c"
            subprocess.run([compiler, "-O1", "-static", "-w", "-o", str(out), str(source)], check=True)
        return out.read_bytes()

    return compiled


@pytest.fixture(scope="module")
def hostile(compiled: Compile) -> Iterator[Cell]:
    tree = RootTree({"/bin/hostile": compiled("hostile"), "/etc/passwd": b"root:x:0:0::/:/bin/sh\n"})
    limits = CellLimits(memory=200 * MIB, data=64 * MIB, folder=8 * MIB, file=4 * MIB, processes=24, wall_seconds=8)
    with _cell(tree, limits) as made:
        yield made


def _cell(tree: RootTree, limits: CellLimits | None = None) -> Cell:
    try:
        cell = Cell(tree, limits)
    except JailError as error:
        pytest.skip(f"no cell on this machine: {error.message}")
    try:
        with cell.run():
            pass
    except JailError as error:
        cell.close()
        pytest.skip(f"no cell on this machine: {error.message}")
    return cell


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """A file and a process outside, of a name and a user that a cell's program could reach if anything were open."""
    file = tmp_path / "canary"
    file.write_text("sings")
    with subprocess.Popen(["sleep", "600"]) as process:
        yield lambda: file.read_text() == "sings" and process.poll() is None
        process.kill()


def _mounts() -> int:
    return len(Path("/proc/self/mounts").read_text().splitlines())


def _of_cells() -> list[str]:
    """Return the processes of this machine that run the hostile program."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"/bin/hostile" in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue
    return found


@pytest.mark.parametrize("what", ["forks", "waits", "spins", "kills", "writes", "fills", "eats", "shouts", "asks"])
def test_a_hostile_program_ends_with_its_cell_and_changes_nothing_outside(
    hostile: Cell, canary: Callable[[], bool], what: str
) -> None:
    mounts = _mounts()
    with hostile.run() as run:
        program = run.start(["/bin/hostile", what])
        run.settle(6)
        assert len(program.written) <= run.limits.output
        assert len(run.events) <= run.limits.events
    assert canary()
    assert _of_cells() == []
    assert _mounts() == mounts
    with hostile.run() as run:  # and the next run finds the tree as it was
        again = run.start(["/bin/hostile", "nothing"])
        assert run.until(lambda: again.code is not None, PATIENCE)
        assert again.code == 0


def test_what_would_reach_out_is_refused_and_seen(hostile: Cell, canary: Callable[[], bool]) -> None:
    os.environ["ABOVEBOARD_SECRET"] = "secret"
    with socket.create_server(("127.0.0.1", 0)) as outside, hostile.run() as run:
        port = outside.getsockname()[1]
        program = run.start(["/bin/hostile", "tries", str(port)])
        assert run.until(lambda: program.code is not None, PATIENCE)
        outside.settimeout(0.01)
        with pytest.raises(TimeoutError):
            outside.accept()
        seen = {event.call for event in run.events}
    said = dict(line.rsplit(" ", 1) for line in program.written.decode().splitlines())
    refused = "connect unshare ptrace memory root mknod raw packet sysctl clone bpf setns".split()
    assert {name: said[name] for name in refused} == dict.fromkeys(refused, "-1")
    assert said["mount"] == said["reboot"] == "0"  # believed, not done
    assert said["mounted"] == "0"  # what lay below is still there
    assert said["environment"] == "clean"
    assert not any(name.startswith("descriptor") for name in said)
    assert {"connect", "mount", "reboot", "ptrace", "unshare", "socket", "setns"} <= seen
    assert canary()


def test_the_first_process_of_a_cell_cannot_be_killed_from_inside(hostile: Cell) -> None:
    with hostile.run() as run:
        program = run.start(["/bin/hostile", "kills"])
        assert run.until(lambda: program.code is not None, PATIENCE)
        assert b"still here" in program.written
        after = run.start(["/bin/hostile", "nothing"])
        assert run.until(lambda: after.code == 0, PATIENCE)


def test_a_cell_ends_when_its_watcher_is_killed(tmp_path: Path, compiled: Compile, hostile: Cell) -> None:
    del hostile  # there is a cell at all
    (tmp_path / "hostile").write_bytes(compiled("hostile"))
    script = (
        "import sys, pathlib; from aboveboard.jail.cell import Cell; from aboveboard.jail.cell_tree import RootTree\n"
        f"data = pathlib.Path({str(tmp_path / 'hostile')!r}).read_bytes()\n"
        "run = Cell(RootTree({'/bin/hostile': data})).run()\n"
        "run.start(['/bin/hostile', 'waits']); print('up', flush=True)\n"
        "run.until(lambda: False, 600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == b"up\n"
        watcher.kill()
    for _ in range(2000):
        if not _of_cells():
            break
        os.sched_yield()
        subprocess.run(["true"], check=True)
    assert _of_cells() == []


@pytest.mark.parametrize("machine", list(COMPILERS))
def test_programs_of_each_machine_are_seen_alike(compiled: Compile, machine: str) -> None:
    tree = RootTree({"/usr/sbin/effects": compiled("effects", machine), "/bin/sh": compiled("hello", machine)})
    with _cell(tree) as cell:
        if why := cell.can_run("/usr/sbin/effects"):
            pytest.skip(why)
        with cell.run() as run:
            program = run.start(["effects", "one"], path="/usr/sbin/effects")
            assert run.until(lambda: program.code is not None, PATIENCE)
            calls = [(event.call, event.arguments) for event in run.events if event.call != "read"]
    assert program.written.splitlines()[0] == b"effects 0"
    assert b"hello from sh" in program.written  # a foreign program runs another one
    assert program.written.splitlines()[-1] == b"1000"  # it believes to be who it wanted to be
    wanted = [
        ("exec", (b"/usr/sbin/effects", b"effects", b"one")),
        ("write", (b"/etc/made",)),
        ("rename", (b"/etc/made", b"/etc/moved")),
        ("remove", (b"/etc/moved",)),
        ("bind", (b"0.0.0.0", 80)),
        ("listen", (5,)),
        ("connect", (b"192.0.2.1", 4444)),
        ("exec", (b"/bin/sh", b"sh", b"-c", b"reboot now")),
        ("setuid", (1000,)),
    ]
    assert calls == wanted


def test_hostile_texts_stay_values(compiled: Compile) -> None:
    with _cell(RootTree({"/bin/effects": compiled("effects")})) as cell, cell.run() as run:
        forged = 'x) = 0\n1234 execve("/bin/sh", ["sh"], 0x7ffe) = 0 <unfinished ...>'
        program = run.start(["/bin/effects", "opens", forged])
        assert run.until(lambda: program.code is not None, PATIENCE)
        assert ("read", (b"/" + forged.encode(),)) in [(event.call, event.arguments) for event in run.events]
        assert sum(event.call == "exec" for event in run.events) == 1


def test_links_and_names_of_a_tree_lead_nowhere_outside(tmp_path: Path, compiled: Compile) -> None:
    outside = tmp_path / "outside"
    tree = RootTree(
        {"/bin/hostile": compiled("hostile"), "/up/file": b"x", f"/through{outside}": b"x", "/../../etc/x": b"x"},
        links={"/up": "../../../..", "/etc": "/tmp", "/through": "/", "/proc": "/tmp", "/dev": str(tmp_path)},
    )
    with _cell(tree) as cell, cell.run() as run:
        program = run.start(["/bin/hostile", "writes"])
        run.until(lambda: program.code is not None, PATIENCE)
    assert not outside.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_an_emulator_is_said(monkeypatch: pytest.MonkeyPatch, compiled: Compile) -> None:
    monkeypatch.setattr("aboveboard.jail.cell_tree.find_emulator", lambda _: None)
    with _cell(RootTree({"/bin/hostile": compiled("hostile", "mips")})) as cell:
        assert "qemu-user-static" in cell.can_run("/bin/hostile")
        assert cell.can_run("/bin/nothing") == "it is not in the tree"


def test_where_no_cell_can_be_made_nothing_runs(monkeypatch: pytest.MonkeyPatch, compiled: Compile) -> None:
    tree = RootTree({"/bin/hostile": compiled("hostile")})
    with monkeypatch.context() as changed:
        changed.setattr("platform.machine", lambda: "riscv64")
        with pytest.raises(JailError):
            Cell(tree)
    monkeypatch.setattr("aboveboard.jail.cell.sys.executable", "/bin/false")  # its helper process ends at once
    with pytest.raises(JailError):
        Cell(tree)

"""Shows that every program works, that its seed opens, and that neither a near-miss nor the clean edition does.

    python bench/triggers/check.py [NAME ...]        (as root, or where user namespaces are allowed)
    python bench/triggers/check.py --machine mips --emulator qemu-mips-static [NAME ...]

Each run is in namespaces of its own (network, mounts, processes) and in a copy of the program's root, whose /bin/sh only
prints what it was asked to do. `strace` outside of it gives the system calls. An emulator must be linked statically; where
the kernel does not start foreign programs by itself, what a program starts fails, which the trace shows all the same; the
programs behind a server are started directly then, in the way in which that server would.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from bench.triggers.catalog import CASES  # noqa: E402 - it lies beside this folder
from bench.triggers.model import Case, Talk  # noqa: E402
from bench.triggers.trees import NATIVE, TARGETS, Target, compile_one, make_tree  # noqa: E402

CALLS = "execve,setuid,setgid,setreuid,setresuid,bind,listen,connect,open,openat,unlink,unlinkat,rename,chmod,reboot,kill"
INSIDE = "ABOVEBOARD_BENCH_INSIDE"
EMULATOR: list[Path] = []


def enter() -> None:
    """Start this program again in namespaces of its own."""
    if os.environ.get(INSIDE):
        _loopback()
        return
    words = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"]
    done = subprocess.run([*words, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"}, check=False)
    raise SystemExit(done.returncode)


def _loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        request = struct.pack("16sH14s", b"lo", 0x1 | 0x40, b"")
        fcntl.ioctl(one, 0x8914, request)  # SIOCSIFFLAGS: up and running


def _answer(one: socket.socket) -> bytes:
    """Return what comes until the other end closes or is quiet."""
    got, limit = b"", 0.6
    while True:
        one.settimeout(limit)
        try:
            some = one.recv(65536)
        except (TimeoutError, ConnectionError):
            return got
        if not some:
            return got
        got, limit = got + some, 0.08


def _speak(case: Case, talk: Talk) -> bytes:
    kind = socket.SOCK_DGRAM if case.way == "udp" else socket.SOCK_STREAM
    port, got = _port(case), b""
    with socket.socket(socket.AF_INET, kind) as kept:
        for sends in talk:
            one = kept if kind == socket.SOCK_DGRAM else socket.socket(socket.AF_INET, kind)
            with contextlib.ExitStack() as stack:
                if one is not kept:
                    stack.enter_context(one)
                with contextlib.suppress(OSError):
                    one.connect(("127.0.0.1", port))
                    for data in sends:
                        one.sendall(data)
                        got += _answer(one)
    return got


def _port(case: Case) -> int:
    return case.port or 80  # the web server's


def _post(body: bytes) -> bytes:
    return b"POST /upload HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _wait(case: Case, port: int) -> None:
    table = Path("/proc/net/udp" if case.way == "udp" else "/proc/net/tcp")
    want = re.compile(rf":{port:04X} 0+:0000 {'07' if case.way == 'udp' else '0A'}")
    for _ in range(200):
        if want.search(table.read_text()):
            return
        time.sleep(0.01)


def run(case: Case, tree: Path, talk: Talk) -> bytes:
    """Start the program in its tree, talk to it, stop it, and return what it answered and called."""
    with tempfile.TemporaryDirectory(prefix="aboveboard-check-") as scratch:
        room, log = Path(scratch) / "root", Path(scratch) / "calls"
        shutil.copytree(tree, room, symlinks=True)
        if case.way == "stdin" or (EMULATOR and case.server):
            ran = [_once(case, room, log, b"".join(sends)).split(b"\n==\n") for sends in talk]
            return b"".join(one[0] for one in ran) + b"\n==\n" + b"".join(one[1] for one in ran)
        words = [f"/usr/sbin/{case.server}"] if case.server else [case.path, *case.argv]
        child = subprocess.Popen(_words(room, log, words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            _wait(case, _port(case))
            got = _speak(case, [[_post(b"".join(s))] for s in talk] if case.way == "upload" else talk)
            time.sleep(0.5 if EMULATOR else 0.05)
        finally:
            _stop(child)
        return got + b"\n==\n" + log.read_bytes()


def _words(room: Path, log: Path, words: list[str]) -> list[str]:
    if EMULATOR:
        shutil.copy(EMULATOR[0], room / "emulator")
        words = ["/emulator", *words]
    return ["strace", "-f", "-qq", "-s", "256", "-o", str(log), "-e", f"trace={CALLS}", "chroot", str(room), *words]


def _once(case: Case, room: Path, log: Path, data: bytes) -> bytes:
    """Run a program that ends by itself, as the server in front of it would."""
    words, env = [case.path, *case.argv], {"PATH": os.environ["PATH"]}
    if case.way == "upload":
        words.append(place := "/tmp/uploaded")
        (room / place.lstrip("/")).write_bytes(data)
    elif case.way == "cgi":
        head, _, data = data.partition(b"\r\n\r\n")
        env |= _cgi(head.decode("latin-1").split("\r\n"), len(data))
    words = _words(room, log, words)
    done = subprocess.run(words, input=data, stdout=subprocess.PIPE, timeout=20, check=False, env=env)
    return done.stdout + b"\n==\n" + log.read_bytes()


def _cgi(head: list[str], length: int) -> dict[str, str]:
    """Return the environment that a web server makes of a request."""
    method, target, _ = head[0].split(" ")
    headers = dict(line.split(": ", 1) for line in head[1:])
    env = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    return env | {"REQUEST_METHOD": method, "QUERY_STRING": target.partition("?")[2], "CONTENT_LENGTH": str(length)}


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End everything that was started: the tracer's own session, and what made a session for itself, by its number."""
    for _ in range(3):
        below = _below(child.pid)
        for pid in [*below, child.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not below:
            break
    child.wait(5)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for one in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, one.read_text().split()):
                found += [child, *_below(child)]
    return found


def tried(case: Case, target: Target, room: Path, level: str, loud: bool) -> list[str]:
    """Return what is wrong with a program: nothing, when it is as it should be."""
    trees = {}
    for edition in ("clean", "seeded"):
        program = compile_one(case, target, level, edition == "seeded", room / f"{case.name}.{edition}")
        trees[edition] = make_tree(case, target, edition == "seeded", program, room / f"{case.name}.{edition}.root")
    wrong = []
    for edition, tree in trees.items():
        got = run(case, tree, case.ordinary)
        if not re.search(case.reply, got.split(b"\n==\n")[0]):
            wrong.append(f"{edition}: the ordinary request is not answered: {got[:300]!r}")
        if re.search(case.seen, got):
            wrong.append(f"{edition}: the ordinary request has the effect: {got[-600:]!r}")
    got = run(case, trees["seeded"], case.trigger)
    if loud:
        print(got.decode("latin-1"))
    if not re.search(case.seen, got):
        wrong.append(f"seeded: the trigger does nothing: {got[:300]!r} .. {got[-600:]!r}")
    if re.search(case.seen, run(case, trees["clean"], case.trigger)):
        wrong.append("clean: the trigger has the effect")
    for number, near in enumerate(case.near):
        if re.search(case.seen, got := run(case, trees["seeded"], near)):
            wrong.append(f"seeded: near-miss {number} has the effect: {got[-600:]!r}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--level", default="-O2")
    parser.add_argument("--machine", choices=sorted(TARGETS), default=NATIVE.name)
    parser.add_argument("--emulator", type=Path)
    parser.add_argument("--loud", action="store_true", help="print what the trigger's run shows")
    asked = parser.parse_args()
    enter()
    bad = 0
    chosen = [case for case in CASES if not asked.names or case.name in asked.names]
    if asked.emulator:
        EMULATOR.append(asked.emulator.resolve())
    with tempfile.TemporaryDirectory(prefix="aboveboard-check-") as scratch:
        for case in chosen:
            try:
                wrong = tried(case, TARGETS[asked.machine], Path(scratch), asked.level, asked.loud)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                wrong = [str(error)]
            bad += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok'}  {case.name}", *wrong, sep="\n      ", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} programs do what they should")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()

"""What `doctor` and the tests run inside the jail to see whether it holds."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

from aboveboard.jail.inside import Inside
from aboveboard.model.canonical import JSON


def look_around(inside: Inside) -> None:
    """Try what a hostile parser would try and emit what happened, by name: `refused` or what was got."""
    attempts: dict[str, Callable[[], object]] = {
        "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "fork": os.fork,
        "read_passwd": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "list_root": lambda: _only_work(os.listdir("/")),
        "write_root": lambda: os.mkdir("/elsewhere"),
        "become_root": lambda: os.setuid(0),
        "see_processes": lambda: os.listdir("/proc"),
        "signal_others": lambda: os.kill(-1, 0),
    }
    seen: dict[str, JSON] = {name: _attempt(attempt) for name, attempt in attempts.items()}
    with open("note", "w", encoding="ascii") as note:
        note.write("kept")
    seen["writable_folder"] = os.path.getsize("note") == 4
    seen["uid"] = os.getuid()
    inside.emit(seen)


def spin(inside: Inside) -> None:
    """Never end."""
    del inside
    while True:
        pass


def swallow(inside: Inside) -> None:
    """Ask for more memory than any limit."""
    del inside
    hoard = []
    while True:
        hoard.append(bytearray(64 << 20))


def shout(inside: Inside, count: int) -> None:
    """Send `count` blobs of one MiB."""
    for _ in range(count):
        inside.store(bytes(1 << 20))


def close_and_stay(inside: Inside) -> None:
    """Close the channel and go on."""
    del inside
    os.closerange(3, 64)
    while True:
        pass


def hand_over(inside: Inside, parts: int, *, broken: bool) -> None:
    """Send one blob in parts and emit its size; broken off in the middle, it is dropped."""

    def made() -> Iterator[bytes]:
        for _ in range(parts):
            yield bytes(2_000_000)
        if broken:
            raise ValueError
        yield b"."

    try:
        inside.emit(inside.store_parts(made())[1])
    except ValueError:
        inside.emit("dropped")


def echo(inside: Inside, digest: str) -> None:
    """Emit how long the blob is, or that it was refused."""
    try:
        inside.emit(len(inside.read(digest)))
    except KeyError:
        inside.emit("refused")


def die(inside: Inside) -> None:
    """Emit one value, then crash as native code would."""
    inside.emit("before")
    os.abort()


def _attempt(attempt: Callable[[], object]) -> str:
    try:
        got = attempt()
    except OSError:
        return "refused"
    if got == 0:  # the child of a fork that should have failed
        os._exit(0)
    return "refused" if got is None else f"got {type(got).__name__}"


def _only_work(names: list[str]) -> object:
    if set(names) <= {"work", "usr", "bin", "sbin", "lib", "lib64", "etc", "dev"}:
        return None
    return names

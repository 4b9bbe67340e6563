"""Files that several commands change at once: nothing is lost, nothing of others is overwritten, no trace is left."""

from __future__ import annotations

import resource
import signal
import threading
from multiprocessing import get_context
from pathlib import Path

import pytest

from aboveboard.model.errors import InputError
from aboveboard.store.exchange import exchange, one_more, put

WRITERS, LINES = 6, 15


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def add_lines(place: str, name: str) -> None:
    path = Path(place)
    for number in range(LINES):
        while True:
            before = path.read_bytes() if path.exists() else None
            try:
                exchange(path, before, one_more(before, f"{name}-{number}".encode()))
            except InputError:
                continue
            break


def test_of_many_writers_none_loses_a_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "FILE"
    context = get_context("spawn")
    writers = [context.Process(target=add_lines, args=(str(path), f"writer{number}")) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    assert sorted(path.read_text().split()) == sorted(f"writer{n}-{k}" for n in range(WRITERS) for k in range(LINES))
    assert names(path.parent) == ["FILE"]


def test_of_many_that_make_one_file_one_makes_it(tmp_path: Path) -> None:
    done: list[str] = []
    refused: list[str] = []

    def make(name: str) -> None:
        try:
            exchange(tmp_path / "FILE", None, name.encode())
        except InputError as error:
            refused.append(error.message)
        else:
            done.append(name)

    threads = [threading.Thread(target=make, args=(str(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 11)
    assert (tmp_path / "FILE").read_text() == done[0]
    assert all("is there already" in text for text in refused)


@pytest.mark.parametrize("now", [b"other", b"beforehand", b"", None])
def test_what_changed_meanwhile_stays_as_it_is(tmp_path: Path, now: bytes | None) -> None:
    path = tmp_path / "FILE"
    if now is not None:
        path.write_bytes(now)
    with pytest.raises(InputError, match="changed meanwhile"):
        exchange(path, b"before", b"after")
    assert (path.read_bytes() if path.exists() else None) == now


def test_a_link_is_neither_followed_nor_replaced_by_an_exchange(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nothing")
    for name, before in (("link", b"before"), ("dangling", None), ("link", None)):
        with pytest.raises(InputError, match="is a link"):
            exchange(tmp_path / name, before, b"after")
    assert (tmp_path / "real").read_bytes() == b"before"
    assert names(tmp_path) == ["dangling", "link", "real"]


def test_a_name_that_somebody_planted_for_the_new_file_is_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    (tmp_path / "FILE.new").symlink_to("victim")
    (tmp_path / ".FILE.lock").symlink_to("victim")
    with pytest.raises(InputError, match="cannot be written"):  # a lock that is a link is none
        put(tmp_path / "FILE", b"data")
    (tmp_path / ".FILE.lock").unlink()
    put(tmp_path / "FILE", b"data")
    assert (victim.read_bytes(), (tmp_path / "FILE").read_bytes()) == (b"kept", b"data")


def test_a_lock_that_was_left_behind_hinders_nobody_and_the_mode_stays(tmp_path: Path) -> None:
    (tmp_path / ".FILE.lock").write_bytes(b"")
    put(tmp_path / "FILE", b"one")
    (tmp_path / "FILE").chmod(0o600)
    exchange(tmp_path / "FILE", b"one", b"two")
    assert (tmp_path / "FILE").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["FILE"]


def write_too_much(place: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    with pytest.raises(InputError, match="cannot be written"):
        put(Path(place), bytes(2 << 20))


def test_a_write_that_fails_leaves_the_file_and_no_trace(tmp_path: Path) -> None:
    put(tmp_path / "FILE", b"one")
    writer = get_context("spawn").Process(target=write_too_much, args=(str(tmp_path / "FILE"),))
    writer.start()
    writer.join()
    assert writer.exitcode == 0
    assert ((tmp_path / "FILE").read_bytes(), names(tmp_path)) == (b"one", ["FILE"])

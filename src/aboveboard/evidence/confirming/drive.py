"""Feeding a program: one script, by one way, in a cell under way; what came back, and which calls it made meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aboveboard.evidence.confirming.preparing import PATIENCE, start_before
from aboveboard.evidence.confirming.script import Script
from aboveboard.evidence.confirming.ways import FILE, INPUT, VALUE, Way, receive, talk, wait_ready
from aboveboard.jail.cell import Cell, Program, Run
from aboveboard.jail.cell_events import Event

ANSWER = 2.5  # seconds for an answer at most; where all processes rest, none is waited for


@dataclass(frozen=True)
class Answer:
    """What came of a script: the calls, the reply, and the code with which the program ended (None: it runs on)."""

    events: tuple[Event, ...]
    reply: bytes
    code: int | None
    rested: bool = True


class Driver:
    """A program under way in a cell, fed by one way; started anew where it ends."""

    def __init__(self, cell: Cell, way: Way) -> None:
        self.way = way
        self.ended = ""
        self._gone = False  # nobody listens any more
        self._run: Run = cell.run()
        self._program: Program | None = None
        try:
            self.ready = self._serve()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the cell."""
        self._run.close()

    @property
    def run(self) -> Run:
        """The cell."""
        return self._run

    @property
    def alive(self) -> bool:
        """Whether more can be fed: the server is still there, and no limit was hit."""
        if self._run.ended or self._run.overflow or self._gone:
            return False
        # A server that does not wait for its children keeps them as zombies, and could soon make no more.
        return self.way.kind not in ("tcp", "udp") or 0 < len(self._run.pids()) < self._run.limits.processes // 2

    def _serve(self) -> bool:
        """Start a server and wait for its port; other programs are started for each script."""
        if self.way.kind not in ("tcp", "udp"):
            return True
        start_before(self._run, self.way.before)
        self._program = self._run.start(self.way.argv, path=self.way.path, env=self.way.env, cwd=self.way.cwd, talk=True)
        return wait_ready(self._run, self._program, self.way)

    def feed(self, script: Script) -> Answer:
        """Feed one script and let the program come to rest."""
        before = len(self._run.events)
        if self.way.kind == "tcp":
            got = talk(self._run, self.way.port, script.messages, ANSWER)
            self._gone = got is None
            reply, code, rested = got or b"", None, True
        elif self.way.kind == "udp":
            reply, code, rested = self._send(script.messages), None, True
        else:
            reply, code, rested = self._start_and_feed(script)
        self.ended = self._run.ended
        events = self._run.events[before:]
        if self.way.kind not in ("tcp", "udp"):  # its own start is no effect
            own = next((event for event in events if event.call == "exec"), None)
            events = [event for event in events if event is not own]
        return Answer(tuple(events), reply, code, rested)

    def _send(self, messages: Sequence[bytes]) -> bytes:
        got = bytearray()
        one = self._run.socket("udp")
        one.connect(("127.0.0.1", self.way.port))
        for message in messages:
            try:
                one.send(message)
            except ConnectionRefusedError:  # the answer to the message before: the port is closed
                self._gone = True
                break
            except OSError:  # longer than a datagram can be
                continue
            self._run.settle(ANSWER)
            receive(one, got)
        one.close()
        return bytes(got)

    def _start_and_feed(self, script: Script) -> tuple[bytes, int | None, bool]:
        way = self.way
        env = {**way.env, **{name: _text(value) for name, value in script.env.items()}}
        argv = [part for part in way.argv if part != VALUE] + [_text(one) for one in script.arguments]
        stdin: bytes | None = script.body
        interactive = way.kind in ("stdin", "inetd")
        if script.content is not None:
            argv = [INPUT if part == FILE else part for part in argv]
            self._put(script.content)
        program = self._run.start(argv, path=way.path, env=env, cwd=way.cwd, stdin=None if interactive else stdin,
                                  talk=interactive)  # fmt: skip
        if interactive:
            return self._converse(program, script.messages)
        rested = self._run.settle(PATIENCE)
        return self._finish(program, rested)

    def _converse(self, program: Program, messages: Sequence[bytes]) -> tuple[bytes, int | None, bool]:
        assert program.input is not None
        rested = self._run.settle(ANSWER)
        for message in messages:
            if program.code is not None:
                break
            with contextlib.suppress(OSError):
                program.input.send(message)
            rested = self._run.settle(ANSWER)
        with contextlib.suppress(OSError):
            program.input.close()
        program.input = None
        rested = self._run.settle(ANSWER) and rested
        return self._finish(program, rested)

    def _finish(self, program: Program, rested: bool) -> tuple[bytes, int | None, bool]:
        reply = bytes(program.written) + bytes(program.complaints)
        code = program.code
        if code is None:
            self._run.stop()
        return reply, code, rested

    def _put(self, content: bytes) -> None:
        self._run.write_file(INPUT, content)


def once(cell: Cell, way: Way, scripts: Sequence[Script]) -> tuple[Answer | None, bool]:
    """Feed scripts one after the other in a fresh cell; return the answer to all of them together, and whether it ran."""
    driver = Driver(cell, way)
    try:
        if not driver.ready:
            return None, False
        answers = [driver.feed(script) for script in scripts]
        events = tuple(event for answer in answers for event in answer.events)
        return replace(answers[-1], events=events), True
    finally:
        driver.close()


def _text(value: bytes) -> str:
    """Return a value for an argument or a variable: none can hold NUL."""
    return value.replace(b"\0", b"").decode("utf-8", "surrogateescape")

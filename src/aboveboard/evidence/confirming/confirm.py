"""Confirmation: what the exact constant does, twice, and what nothing near it does.

1. The constant must not be documented. 2. Ways to start and feed the program are found. 3. Every template is fed with the
constant; those in which something privileged happens, or a refusal goes away, are looked at again. 4. Each of these runs in
fresh cells: near-misses, then the constant, twice. Only calls that came both times and with no near-miss count. 5. Other
words and siblings in the same place: where they do the like and nothing documents them, it is a dispatcher's command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from aboveboard.evidence.confirming.candidate import Call, Candidate, Confirmation, Effect, Missing, Outcome
from aboveboard.evidence.confirming.drive import Answer, Driver, once
from aboveboard.evidence.confirming.effects import calls_of, counts, listed
from aboveboard.evidence.confirming.memory import memory_effects
from aboveboard.evidence.confirming.near import near_misses, values, without
from aboveboard.evidence.confirming.replies import passed, verdict
from aboveboard.evidence.confirming.script import Script, Template
from aboveboard.evidence.confirming.surroundings import Surroundings
from aboveboard.evidence.confirming.templates import templates, value_forms
from aboveboard.evidence.confirming.ways import Found, Way, find_ways, in_order
from aboveboard.evidence.confirming.words import Words, help_of, is_documented, neighbours
from aboveboard.evidence.services import Service
from aboveboard.jail.cell import Cell
from aboveboard.jail.cell_limits import CellLimits
from aboveboard.model.errors import JailError
from aboveboard.model.facts import Cause
from aboveboard.model.paths import show

_WHY = "it came twice with the constant and with nothing near it"
MAX_HITS = 6  # templates of one way that are looked at again
MAX_RESTARTS = 12  # of a server that ends after it was fed a few times
_FEW = 5
NEIGHBOURS = 16
_BEFORE = 12  # scripts before one that may have set a state


@dataclass(frozen=True)
class Feed:
    """One thing to feed: a template with one form of the value."""

    template: Template
    form: str
    value: bytes

    def script(self) -> Script:
        """Return what is fed."""
        return self.template.build(self.value)

    def named(self) -> str:
        """Return its name."""
        return self.template.name if self.form == "text" else f"{self.template.name} ({self.form})"


@dataclass
class Shown:
    """What a verification showed."""

    calls: frozenset[Call] = frozenset()
    replies: tuple[str, str] | None = None
    unsteady: bool = False
    settled: bool = False  # nothing that was fed before can make a difference
    feeds: tuple[Feed, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.calls or self.replies)


class Confirmer:
    """Confirms candidates of one program in its surroundings. Each confirmation takes fresh cells of one tree."""

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        services: Sequence[Service] = (),
        documents: Iterable[str] = (),
        limits: CellLimits | None = None,
    ) -> None:
        self._surroundings = surroundings
        self._services = tuple(services)
        self._documents = tuple(documents)
        self._content = surroundings.tree.content(surroundings.program) or b""
        self._words = Words.of(self._content)
        self._found: Found | None = None  # the ways are the program's, whatever the candidate
        self._cell = Cell(surroundings.tree, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cell.close()

    def confirm(self, candidate: Candidate) -> Confirmation:
        """Return what came of a candidate. A cell that cannot be set up is a gap, and nothing was run."""
        constant = candidate.shown()
        line = is_documented(candidate.constant, (*self._documents, *help_of(self._words, candidate.constant)))
        if line:
            return Confirmation(Outcome.DOCUMENTED, constant, why=f"named by what explains itself: {line[:120]}")
        try:
            found = self._found = self._found or find_ways(
                self._cell, self._surroundings.program, self._words, self._services
            )
            gaps = (*self._surroundings.gaps, *found.gaps)
            result = self._through([] if _unloaded(found) else in_order(found.ways, candidate), candidate)
        except JailError as error:
            gap = Missing(Cause.UNCONFINED, f"{error.message} ({error.hint})")
            return Confirmation(Outcome.NOT_RUN, constant, why="no cell could be set up", gaps=(gap,))
        if result.outcome is Outcome.SILENT and (found.broken or not found.ways):
            why = found.broken or "no way was found to start and feed it"
            result = replace(result, outcome=Outcome.NOT_RUN, why=why)
        ours = {"files": list(self._surroundings.ours)} if self._surroundings.ours else {}
        return replace(result, gaps=(*gaps, *result.gaps), standing_in=ours)

    def _through(self, ways: Sequence[Way], candidate: Candidate) -> Confirmation:
        """Try one way after the other; the best outcome counts."""
        tried, gaps = 0, list[Missing]()
        other: Confirmation | None = None
        for way in ways:
            feeds = [
                Feed(template, form, value)
                for template in templates(way, candidate, self._words.around(candidate.constant))
                for form, value in value_forms(candidate, template)
            ]
            tried += len(feeds)
            hits = self._sweep(way, feeds, candidate, gaps)
            for place in hits[:MAX_HITS]:
                shown = self._verify(way, feeds, place, candidate)
                if shown:
                    return self._decided(way, shown, candidate, tried, gaps)
                if shown.unsteady and other is None:
                    why = "seen with the constant, but not each time, or also without it"
                    other = self._told(Outcome.UNSTEADY, way, feeds[place], candidate, tried=tried, why=why)
            form, name, calls = memory_effects(self._cell, way, candidate, self._content)
            if calls:
                template = Template(name, lambda value: Script((value,)), form=form)
                shown = Shown(calls, None, feeds=(Feed(template, form, b""),))
                made = self._told(Outcome.CONFIRMED, way, shown.feeds[0], candidate, tried=tried, why=_WHY)
                return replace(made, calls=listed(calls), gaps=tuple(gaps))
        if other is not None:
            return replace(other, gaps=tuple(gaps), tried=tried)
        why = "no privileged call and no check passed, in any position that was tried"
        return Confirmation(Outcome.SILENT, candidate.shown(), tried=tried, why=why, gaps=tuple(gaps))

    def _sweep(self, way: Way, feeds: Sequence[Feed], candidate: Candidate, gaps: list[Missing]) -> list[int]:
        """Feed all of them with the constant; return the places where something stands out, the rarest calls first."""
        answers: dict[int, Answer] = {}
        restarts, place = 0, 0
        while place < len(feeds) and restarts <= MAX_RESTARTS:
            driver = Driver(self._cell, way)
            start = place
            try:
                if not driver.ready:
                    gaps.append(Missing(Cause.UNRESOLVED, f"{' '.join(way.argv)}: {way.fed()} did not open again"))
                    break
                while place < len(feeds) and driver.alive:
                    answers[place] = driver.feed(feeds[place].script())
                    place += 1
                restarts += place - start < _FEW
                if driver.ended and driver.ended != "time":
                    gaps.append(Missing(Cause.LIMIT, f"{way.fed()}: stopped at a limit of the cell ({driver.ended})"))
            finally:
                driver.close()
        if place < len(feeds):
            gaps.append(Missing(Cause.LIMIT, f"{way.fed()}: {len(feeds) - place} positions were not tried"))
        return self._standing_out(feeds, answers, candidate)

    @staticmethod
    def _standing_out(feeds: Sequence[Feed], answers: dict[int, Answer], candidate: Candidate) -> list[int]:
        calls = {place: calls_of(answer.events, feeds[place].value) for place, answer in answers.items()}
        common = Counter(call for found in calls.values() for call in found)
        verdicts = {place: verdict(answer.reply) for place, answer in answers.items()}
        checks = _may_pass(candidate) and "refused" in verdicts.values()
        scored = []
        for place, found in calls.items():
            rarest = min((common[call] for call in found if counts(call, candidate)), default=len(answers))
            if rarest < max(len(answers) * 0.7, 2):
                scored.append((0, rarest, place))
            elif checks and verdicts[place] == "granted":
                scored.append((1, sum(answers[place].reply == other.reply for other in answers.values()), place))
        return [place for _, _, place in sorted(scored)]

    def _verify(self, way: Way, feeds: Sequence[Feed], place: int, candidate: Candidate) -> Shown:
        """Look at one position in fresh cells; where it shows nothing by itself, with what was fed before it."""
        alone = self._compare(way, (feeds[place],), candidate)
        if alone or alone.settled or place == 0:
            return alone
        for start in dict.fromkeys((place - 1, max(place - _BEFORE, 0))):
            together = self._compare(way, tuple(feeds[max(start, 0) : place + 1]), candidate)
            if together:
                return together
        return alone

    def _compare(self, way: Way, feeds: tuple[Feed, ...], candidate: Candidate) -> Shown:
        """Near-misses, then the constant, twice, each in a cell of its own."""
        exact = [self._ran(way, feeds) for _ in range(2)]
        calls = [calls_of(answer.events, feeds[-1].value) if answer else frozenset() for answer in exact]
        both = frozenset(call for call in calls[0] & calls[1] if counts(call, candidate))
        granted = _may_pass(candidate) and all(one is not None and verdict(one.reply) == "granted" for one in exact)
        if not both and not granted:
            return Shown(unsteady=any(counts(call, candidate) for call in calls[0] | calls[1]))
        near, sent = list[Answer](), list[bytes]()
        for number in range(max(len(near_misses(feed.value)) for feed in feeds)):
            changed = tuple(replace(feed, value=_nth(near_misses(feed.value), number)) for feed in feeds)
            answer = self._ran(way, changed)
            if answer is None:
                return Shown(unsteady=True)
            near.append(answer)
            sent.append(changed[-1].value)
            both -= calls_of(answer.events, changed[-1].value)
            granted = granted and verdict(answer.reply) == "refused"
            if not both and not granted:
                return Shown(settled=True)  # it comes without the constant, too
        if both:
            return Shown(both, None, feeds=feeds)
        replies = passed([one.reply for one in near], [one.reply for one in exact if one], sent, feeds[-1].value)
        return Shown(frozenset(), replies, feeds=feeds) if replies else Shown(settled=True)

    def _ran(self, way: Way, feeds: Sequence[Feed]) -> Answer | None:
        answer, ran = once(self._cell, way, [feed.script() for feed in feeds])
        return answer if ran else None

    def _decided(self, way: Way, shown: Shown, candidate: Candidate, tried: int, gaps: list[Missing]) -> Confirmation:
        """Tell a trigger from a command among others, then say what was shown."""
        feed = shown.feeds[-1]
        like = self._like_it(way, shown, candidate)
        outcome, why = Outcome.CONFIRMED, _WHY
        if like:
            outcome, why = Outcome.COMMAND, f"{like} does the like in the same place, and nothing documents it either"
        elif _only_reads(shown, candidate):
            outcome, why = Outcome.SILENT, "a secret is read, and nothing shows that it is given away"
        made = self._told(outcome, way, feed, candidate, tried=tried, why=why)
        name = ", then ".join(dict.fromkeys(one.named() for one in shown.feeds[-3:]))
        replies = shown.replies or ()
        return replace(made, template=name, calls=listed(shown.calls), replies=replies, gaps=tuple(gaps))

    def _like_it(self, way: Way, shown: Shown, candidate: Candidate) -> str:
        """Return another word or sibling that has an effect of the same kind in the same place and is not documented."""
        feed = shown.feeds[-1]
        others = [(show(value), value) for value in neighbours(candidate, self._words, NEIGHBOURS)]
        for sibling in (one for one in candidate.siblings if isinstance(one, int)):
            beside = replace(candidate, constant=sibling)
            found = [value for form, value in values(beside) if form == feed.form and len(value) == len(feed.value)]
            others += [(beside.shown(), value) for value in found[:1]]
        routine = self._routine(way, shown)
        suspects = self._suspects(way, shown, others, candidate, routine)
        for name, value in suspects:
            answer = self._ran(way, (*shown.feeds[:-1], replace(feed, value=value)))
            if answer is not None and self._does_the_like(answer, value, shown, candidate, routine):
                text = value if isinstance(candidate.constant, bytes) else int(name, 16)
                if not is_documented(text, (*self._documents, *help_of(self._words, text))):
                    return name
        return ""

    def _suspects(
        self, way: Way, shown: Shown, others: list[tuple[str, bytes]], candidate: Candidate, routine: frozenset[Call]
    ) -> list[tuple[str, bytes]]:
        """Return those that do the like, fed one after the other to one server, and those that were not fed."""
        driver = Driver(self._cell, way)
        found, fed = [], 0
        try:
            while fed < len(others) and driver.ready and driver.alive:
                value = others[fed][1]
                scripts = [one.script() for one in (*shown.feeds[:-1], replace(shown.feeds[-1], value=value))]
                answer = [driver.feed(script) for script in scripts][-1]
                if self._does_the_like(answer, value, shown, candidate, routine):
                    found.append(others[fed])
                fed += 1
        finally:
            driver.close()
        return found + others[fed:]

    @staticmethod
    def _does_the_like(answer: Answer, value: bytes, shown: Shown, candidate: Candidate, routine: frozenset[Call]) -> bool:
        effects = {call.effect for call in shown.calls}
        calls = calls_of(answer.events, value) - routine
        granted = shown.replies is not None and verdict(answer.reply) == "granted"
        return granted or any(call.effect in effects and counts(call, candidate) for call in calls)

    def _routine(self, way: Way, shown: Shown) -> frozenset[Call]:
        """Return the calls that come with a near-miss."""
        changed = tuple(replace(feed, value=near_misses(feed.value)[0]) for feed in shown.feeds)
        answer = self._ran(way, changed)
        return calls_of(answer.events, changed[-1].value) if answer else frozenset()

    @staticmethod
    def _told(outcome: Outcome, way: Way, feed: Feed, candidate: Candidate, *, tried: int, why: str) -> Confirmation:
        script = feed.script()
        sent = b"\n".join(script.messages) or script.content or b" ".join(script.arguments)
        sent = sent or b" ".join(name.encode() + b"=" + value for name, value in script.env.items())
        return Confirmation(
            outcome,
            candidate.shown(),
            started=way.argv,
            fed=way.fed(),
            template=feed.named(),
            message=show(without(sent, feed.value))[:400],
            tried=tried,
            why=why,
        )


def _unloaded(found: Found) -> bool:
    return any(gap.cause is Cause.NO_TOOL for gap in found.gaps)


def _nth(found: Sequence[bytes], number: int) -> bytes:
    return found[number % len(found)]


def _only_reads(shown: Shown, candidate: Candidate) -> bool:
    """Tell whether all that was seen is that a file with a secret is opened: a program reads its own keys."""
    kinds = {call.effect for call in shown.calls}
    return kinds == {Effect.SECRET} and not shown.replies and Effect.MEMORY not in candidate.effects


def _may_pass(candidate: Candidate) -> bool:
    """Tell whether a check that is passed can confirm it: where nothing else was expected, or that."""
    return not candidate.effects or Effect.CHECK in candidate.effects

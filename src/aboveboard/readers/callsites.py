"""Says which imported functions a program calls with which constants.

Call sites are found by their bytes, the functions around them are translated to p-code (pypcode) and evaluated forward. The
work is bounded in functions and instructions, never in seconds. Where a function of the file passes its own parameters
on to a function of interest, its callers are evaluated too and it is evaluated again with what they give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from aboveboard.readers.code import lift
from aboveboard.readers.code.evaluate import MAX_STEPS, Call, Evaluator
from aboveboard.readers.code.machines import machine
from aboveboard.readers.code.sites import MAX_CODE, Branch, branches, mentions, uses
from aboveboard.readers.code.starts import Starts
from aboveboard.readers.code.state import LOWEST_POINTER, Origin, Places, Value
from aboveboard.readers.code.stubs import stubs
from aboveboard.readers.elf import Elf

MACHINES = frozenset({"mips", "arm", "aarch64", "x86", "x86-64"})
MAX_FUNCTIONS = 300
MAX_INSTRUCTIONS = 150_000
MAX_BRANCHES = 400_000
MAX_SITES = 3000
MAX_SEEDS = 12  # argument lists with which one function is evaluated again
_BYTES = 28  # of what an argument points to: the size of sockaddr_in6
_ITEMS = 16  # texts of an argument vector


@dataclass(frozen=True, slots=True)
class Argument:
    """What is known of one argument: its value, the text it points to, the bytes and the texts behind it."""

    value: Value | None = None
    text: str | None = None
    memory: tuple[int | None, ...] = ()
    items: tuple[str | None, ...] = ()

    @property
    def number(self) -> int | None:
        """Return the number, or None."""
        return self.value if isinstance(self.value, int) else None


@dataclass(frozen=True, slots=True)
class CallSite:
    """One call of an imported function; `name` is empty for a function of the file, whose address is `target`.

    `given` is 0 for a function by itself, and counts the argument lists of its callers with which it was evaluated again.
    """

    name: str
    target: int
    address: int
    function: int
    given: int
    arguments: tuple[Argument, ...]


@dataclass
class Calls:
    """The call sites, and what bounds left out."""

    sites: list[CallSite] = field(default_factory=list)
    unreached: int = 0  # places that look like calls of interest and lie in no function that was followed
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Interest:
    """What is looked for.

    `names` are functions whose calls are searched; `noted` are reported where a function is looked at anyway, and searched
    too once one of `because` is called with a text. `memory` names the argument whose pointed-to bytes are wanted,
    `vectors` the one that is a vector of texts, and `decisive` the ones whose values are wanted: where a function hands its
    own parameters on in their place, its callers are looked at.
    """

    names: frozenset[str]
    noted: frozenset[str] = frozenset()
    because: frozenset[str] = frozenset()
    memory: Mapping[str, int] = field(default_factory=dict)
    vectors: Mapping[str, int] = field(default_factory=dict)
    decisive: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def call_sites(elf: Elf, interest: Interest) -> Calls:
    """Return the calls of the functions of interest in a dynamically linked file, in a fixed order."""
    if elf.machine not in MACHINES or elf.linking != "dynamic":
        return Calls()
    return _Reader(elf, interest).read()


class _Reader:
    def __init__(self, elf: Elf, interest: Interest) -> None:
        self._elf = elf
        self._interest = interest
        self._reported = interest.names | interest.noted
        self._stubs = stubs(elf)
        self._places = Places(elf)
        self._functions: dict[tuple[int, str], lift.Function | None] = {}
        self._covered: dict[tuple[int, str], int] = {}  # instruction -> start of its function
        self._found: dict[tuple[int, int, int], CallSite] = {}  # function, address, seed -> site
        self._instructions = 0
        self._calls = Calls()

    def read(self) -> Calls:
        interest = self._interest
        wanted = {address for address, name in self._stubs.items() if name in self._reported}
        every = list(islice(branches(self._elf, wanted), MAX_BRANCHES + 1))
        if len(every) > MAX_BRANCHES:
            self._calls.left_out.append(f"more than {MAX_BRANCHES} direct calls")
        if sum(part.end - part.start for part in self._elf.segments if part.executable) > MAX_CODE:
            self._calls.left_out.append(f"more than {MAX_CODE} bytes of code")
        starts = Starts(self._elf, {one.target for one in every if one.is_call and one.target not in self._stubs})
        self._search(interest.names, every, starts)
        if any(site.name in interest.because and any(one.text for one in site.arguments) for site in self._found.values()):
            self._search(interest.noted, every, starts)
        self._pass_on(every, starts)
        self._calls.sites = [self._found[key] for key in sorted(self._found)]
        return self._calls

    def _search(self, names: frozenset[str], every: list[Branch], starts: Starts) -> None:
        """Evaluate the functions in which one of `names` is called."""
        places = {(one.address, one.mode) for one in every if self._stubs.get(one.target) in names}
        places |= set(uses(self._elf, {slot for slot, name in self._elf.slots.items() if name in names}))
        for address, mode in sorted(places)[:MAX_SITES]:
            if self._cover(address, mode, starts) is None:
                self._calls.unreached += 1
        if len(places) > MAX_SITES:
            self._calls.left_out.append(f"more than {MAX_SITES} call sites")

    def _cover(self, address: int, mode: str, starts: Starts) -> int | None:
        """Evaluate the function around an address; return its start, or None when it could not be followed there."""
        if (address, mode) in self._covered:
            return self._covered[(address, mode)]
        for start, end in starts.around(address, mode):
            if (start, mode) not in self._functions:
                self._evaluate(start, end, mode)
            if (address, mode) in self._covered:
                return self._covered[(address, mode)]
        return None

    def _evaluate(self, start: int, end: int, mode: str) -> None:
        self._functions[(start, mode)] = None
        if len(self._functions) > MAX_FUNCTIONS or self._instructions > MAX_INSTRUCTIONS:
            text = f"more than {MAX_FUNCTIONS} functions or {MAX_INSTRUCTIONS} instructions around the calls"
            if text not in self._calls.left_out:
                self._calls.left_out.append(text)
            return
        function = lift.lift(self._elf, machine(mode, big=self._elf.endian == "big"), start, end)
        self._functions[(start, mode)] = function
        self._instructions += len(function.instructions)
        for one in function.instructions.values():
            for address in (one.address, one.address + 4 if one.after - one.address > 4 else one.address):
                self._covered.setdefault((address, mode), start)
        if function.cut:
            self._calls.left_out.append(f"a function of more than {lift.MAX_INSTRUCTIONS} instructions")
        self._run(function, {}, 0)

    def _run(self, function: lift.Function, arguments: Mapping[int, Value], seed: int) -> None:
        def report(call: Call) -> None:
            owner = self._covered.get((call.address, function.machine.mode))
            if owner == function.start and (call.name in self._reported or not call.name):
                self._found[(function.start, call.address, seed)] = self._site(call, function.start, seed)

        evaluator = Evaluator(self._elf, self._places, self._stubs, function, report)
        evaluator.run(arguments)
        self._instructions += evaluator.steps // 4
        if evaluator.steps >= MAX_STEPS:
            self._calls.left_out.append(f"more than {MAX_STEPS} steps in a function")

    def _site(self, call: Call, start: int, seed: int) -> CallSite:
        arguments: list[Argument] = []
        numbers = 8 if call.name.startswith("execl") else 5 if call.name else call.evaluator.machine.local_arguments
        for number in range(numbers):
            value = call.argument(number)
            if not isinstance(value, int) or not call.name:
                arguments.append(Argument(value))
                continue
            memory: tuple[int | None, ...] = ()
            items: tuple[str | None, ...] = ()
            if self._interest.memory.get(call.name) == number and value >= LOWEST_POINTER:
                memory = tuple(call.state.byte(value + at, initial=True) for at in range(_BYTES))
            if self._interest.vectors.get(call.name) == number and value >= LOWEST_POINTER:
                items = self._vector(call, value)
            arguments.append(Argument(value, call.state.text(value), memory, items))
        return CallSite(call.name, call.target, call.address, start, seed, tuple(arguments))

    def _vector(self, call: Call, address: int) -> tuple[str | None, ...]:
        items: list[str | None] = []
        for number in range(_ITEMS):
            place = address + number * self._elf.width
            value = call.state.initial(place)
            if value == 0 or (value is None and items[-2:] == [None, None]):
                break
            items.append(call.state.text(value))
        while items and items[-1] is None:
            items.pop()
        return tuple(items)

    def _pass_on(self, every: list[Branch], starts: Starts) -> None:
        """Evaluate functions again that hand parameters to a function of interest, with what their callers give."""
        for _ in range(2):  # a wrapper of a wrapper is the most that is followed
            wrappers = {site.function for site in self._found.values() if self._hands_on(site)}
            places = {(one.address, one.mode) for one in every if one.is_call and one.target in wrappers}
            for address, mode in sorted(places | set(mentions(self._elf, wrappers))):
                self._cover(address, mode, starts)
        self._seed()

    def _hands_on(self, site: CallSite) -> bool:
        wanted = [site.arguments[number] for number in self._interest.decisive.get(site.name, ())]
        return any(
            (isinstance(one.value, Origin) and not one.value.name) or (one.memory and None in one.memory[2:4])
            for one in wanted
        )

    def _seed(self) -> None:
        wrappers = {site.function for site in self._found.values() if self._hands_on(site)}
        seeds: dict[int, list[dict[int, Value]]] = {}
        for site in list(self._found.values()):
            target = site.target & ~1 if self._elf.machine in ("mips", "arm") else site.target
            if site.name or target not in wrappers:
                continue
            given = {
                n: a.value
                for n, a in enumerate(site.arguments)
                if a.value is not None and _is_passable(a.value, self._places)
            }
            lists = seeds.setdefault(target, [])
            if given and given not in lists and len(lists) < MAX_SEEDS:
                lists.append(given)
        for (start, _), function in list(self._functions.items()):
            for number, given in enumerate(seeds.get(start, ()), 1):
                if function is not None and self._instructions <= MAX_INSTRUCTIONS:
                    self._run(function, given, number)


def _is_passable(value: Value, places: Places) -> bool:
    if isinstance(value, int):
        return not places.on_stack(value)
    return value.name == "socket"

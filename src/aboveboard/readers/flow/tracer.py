"""Evaluates one function on values that are not known: its calls, its tests and where each side of them leads.

Blocks are evaluated in the order of their addresses and again while what is known at their start changes; a value that
differs where paths meet becomes a value of its own ("f"), so each place changes at most twice and the evaluation ends. What
a call does to memory is not followed: it forgets what its pointers lead to, and other data unless it is known to keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush

from aboveboard.readers.code import lift
from aboveboard.readers.code.library import NEVER_RETURN, READ_ONLY
from aboveboard.readers.code.lift import CONSTANT, MEMORY, REGISTER, Function, Instruction, Place
from aboveboard.readers.code.state import Places
from aboveboard.readers.elf import Elf
from aboveboard.readers.flow import values
from aboveboard.readers.flow.calls import known_result, written
from aboveboard.readers.flow.operations import ARGUMENTS, Operations, Skips
from aboveboard.readers.flow.state import Key, State
from aboveboard.readers.flow.switches import cases
from aboveboard.readers.flow.trace import Edge, Site, Trace
from aboveboard.readers.flow.values import Value

MAX_STEPS = 60_000  # instructions evaluated in one function
_NEAR = 32  # bytes between a comparison and the jump that uses it


class Tracer:
    """Evaluates functions of one file."""

    def __init__(self, elf: Elf, places: Places, names: Mapping[int, str]) -> None:
        self.elf, self.places, self._names = elf, places, names
        self.small: Callable[[int, str], Function | None] = lambda _target, _mode: None
        self._changed: dict[int, frozenset[int] | None] = {}

    def name(self, target: int, mode: str) -> str:
        """Return the name of an imported function, empty for others."""
        even = target & ~3 if mode == "thumb" else target & ~1
        return self._names.get(target) or self._names.get(even) or self.places.name(target) or ""

    def trace(self, function: Function) -> Trace:
        """Evaluate a function."""
        return _Run(self, function).run()

    def states(self, function: Function) -> dict[int, State]:
        """Evaluate a function again and return what is known at the start of each block."""
        run = _Run(self, function)
        run.run()
        return run.entries

    def changed(self, target: int, mode: str) -> frozenset[int] | None:
        """Return the registers that a small function of the file changes; None where that is not known.

        Compilers know it too (GCC, -fipa-ra), and keep values in registers that the calling convention gives away.
        """
        if target not in self._changed:
            self._changed[target] = None
            function = self.small(target, mode)
            if function is not None and not any(
                code in (lift.CALL, lift.CALLIND, lift.CALLOTHER)
                for one in function.instructions.values()
                for code, _, _ in one.operations
            ):
                self._changed[target] = frozenset(
                    output[1] - output[1] % self.elf.width
                    for one in function.instructions.values()
                    for _, output, _ in one.operations
                    if output is not None and output[0] == REGISTER
                )
        return self._changed[target]


class _Run(Operations):
    def __init__(self, tracer: Tracer, function: Function) -> None:
        super().__init__(tracer.elf, tracer.places, function)
        self.tracer = tracer
        self.entries: dict[int, State] = {}
        self.incoming: dict[int, dict[int, State]] = {}  # block -> block before -> what it brings
        self.differing: dict[int, set[Key]] = {}  # block -> what has become a value of its own there
        self.inside: dict[int, int] = {}  # block that starts inside an instruction -> position of its first operation
        self.pending: list[int] = []
        self.waiting: set[int] = set()
        self.outgoing: dict[int, list[Edge]] = {}
        self.ends: dict[int, State] = {}
        self.result = Trace(function.start, function.machine.mode)
        self.steps = 0

    def run(self) -> Trace:
        state = State(self.elf, self.places, self.machine)
        self._enter(state)
        self.entries[2 * self.function.start] = state
        self.incoming[2 * self.function.start] = {-1: state}
        self._wait(2 * self.function.start)
        self._drain()
        for orphan in sorted(self.function.orphans):
            if 2 * orphan not in self.entries and self.result.switches:
                switch = max(
                    (block for block in self.result.switches if block < 2 * orphan), default=min(self.result.switches)
                )
                if switch in self.ends:
                    self._arrive(switch, 2 * orphan, self.ends[switch].copy())
                    self.outgoing.setdefault(switch, []).append(Edge(switch, 2 * orphan, ("switch", orphan)))
                    self._drain()
        return self._finish()

    def _enter(self, state: State) -> None:
        machine, convention = self.machine, self.machine.convention
        registers = state.registers
        registers[machine.sp] = self.places.stack
        if machine.function_register is not None:
            registers[machine.function_register] = self.function.start
        for number in range(ARGUMENTS):
            if number < len(machine.arguments):
                registers[machine.arguments[number]] = ("p", number)
            else:
                offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
                state.cells[self.places.stack + offset] = (convention.word, ("p", number))
        for number, register in enumerate(machine.local, ARGUMENTS):
            registers[register] = ("p", number)
        if machine.pinned is not None:
            registers[machine.pinned] = self.elf.gp

    def _finish(self) -> Trace:
        result = self.result
        result.sites = [one for block in sorted(self.sites) for one in self.sites[block]]
        result.stores = [one for block in sorted(self.stores) for one in self.stores[block]]
        result.edges = {block: self.outgoing.get(block, []) for block in sorted(self.ends)}
        result.selects = [one for one in self.selects if one[0] in self.ends]
        result.instructions = len(self.function.instructions)
        if self.steps >= MAX_STEPS:
            result.cut = f"more than {MAX_STEPS} steps in a function"
        elif self.function.cut:
            result.cut = f"a function of more than {lift.MAX_INSTRUCTIONS} instructions"
        self._merged()
        return result

    def _merged(self) -> None:
        """Keep what the values that differ where paths meet were on each path."""
        before = self.result.predecessors()
        for block, state in self.entries.items():
            keys: list[Key] = [
                ("r", offset) for offset, value in state.registers.items() if value == ("f", block, ("r", offset))
            ]
            keys += [("m", place) for place, cell in state.cells.items() if cell[1] == ("f", block, ("m", place))]
            for key in keys:
                found: dict[int, Value] = {}
                for source in before.get(block, ()):
                    end = self.ends[source]
                    if key[0] == "r":
                        value = end.registers.get(key[1])  # type: ignore[arg-type]
                    else:
                        cell = end.cells.get(key[1])
                        value = cell[1] if cell is not None else ("m", key[1], state.cells[key[1]][0])
                    if value is not None:
                        found[source] = value
                self.result.merged[(block, key)] = found

    def _wait(self, block: int) -> None:
        if block not in self.waiting:
            self.waiting.add(block)
            heappush(self.pending, block)

    def _drain(self) -> None:
        while self.pending and self.steps < MAX_STEPS:
            block = heappop(self.pending)
            self.waiting.discard(block)
            self._block(block, self.entries[block].copy())

    def _arrive(self, source: int, block: int, state: State) -> None:
        """Bring a state to a block; the state is the block's own from here on, or copied into what is there."""
        incoming = self.incoming.setdefault(block, {})
        before = incoming.get(source)
        if before is not None and before.registers == state.registers and before.cells == state.cells:
            return
        incoming[source] = state
        if len(incoming) == 1:
            self.entries[block] = state
            self._wait(block)
            return
        known = self.entries[block]
        merged = _meeting(list(incoming.values()), block, self.differing.setdefault(block, set()))
        if merged.registers != known.registers or merged.cells != known.cells:
            self.entries[block] = merged
            self._wait(block)

    def _block(self, block: int, state: State) -> None:
        self.sites[block], self.stores[block], self.outgoing[block] = [], [], []
        self.result.returns.pop(block, None)
        instructions, leaders = self.function.instructions, self.function.leaders
        address, position = block >> 1, self.inside.get(block, 0)
        self.current = block
        while (instruction := instructions.get(address)) is not None:
            self.steps += 1
            self.result.ends[block] = self.at = address
            if not position:
                self.uniques = {}
            goes_on = (
                self._plain(instruction, state)
                if not instruction.jumps
                else self._jumping(instruction, state, block, position)
            )
            if not goes_on:
                break
            position = 0
            address = instruction.after
            if not instruction.follows:
                break
            if address in leaders:
                self._go(block, 2 * address, 1, state)
                break
        self.ends[block] = state

    def _go(self, source: int, target: int, test: Value, state: State) -> None:
        self.outgoing[source].append(Edge(source, target, test))
        if (target >> 1) in self.function.instructions:
            copy = state.copy()
            if self.machine.pinned is not None:
                copy.registers[self.machine.pinned] = self.elf.gp
            self._arrive(source, target, copy)

    def _jumping(self, instruction: Instruction, state: State, block: int, position: int) -> bool:
        """Evaluate an instruction that jumps, from an operation on; return False when the block ends here."""
        operations = instruction.operations
        skips: Skips = {}
        while position < len(operations):
            for test, other, uniques in skips.pop(position, ()):
                self._select(test, other, uniques, state)
            code, output, inputs = operations[position]
            position += 1
            if code in _FLOW:
                if code in (lift.BRANCH, lift.CBRANCH) and inputs[0][0] == CONSTANT:
                    self._within(code, inputs, position - 1, operations, skips, state)
                elif not self._flow(code, inputs, instruction, state, block, position):
                    return False
            elif output is not None:
                self._operation(code, output, inputs, state)
            elif code == lift.STORE:
                self._store(inputs, state, instruction)
            elif code == lift.CALLOTHER:
                self._system(instruction, state)
        for waiting in skips.values():
            for test, other, uniques in waiting:
                self._select(test, other, uniques, state)
        return True

    def _flow(
        self, code: int, inputs: tuple[Place, ...], instruction: Instruction, state: State, block: int, position: int
    ) -> bool:
        """Follow a branch, call or return; return False when the block ends."""
        function = self.function
        direct = code in (lift.CALL, lift.BRANCH, lift.CBRANCH)
        value = inputs[0][1] if direct and inputs[0][0] == MEMORY else self._get(inputs[0], state)
        target = value if type(value) is int else -1
        if code in (lift.CALL, lift.CALLIND):
            return self._call(target, instruction, state, block)
        if code == lift.CBRANCH:
            self._branch(target, inputs, instruction, state, block, position)
            return False
        inside = function.start <= target < function.end and target in function.leaders
        if inside and direct:
            self._go(block, 2 * target, 1, state)
        elif code == lift.BRANCHIND and not self.tracer.name(target, self.machine.mode) and target == -1:
            self.result.switches[block] = value
            for start, test in cases(value, self.elf, function.leaders) if value is not None else ():
                self._go(block, 2 * start, test, state)
        elif code == lift.RETURN and (type(value) is not int or not (self.elf.is_code(target) or self.places.name(target))):
            self.result.returns[block] = state.registers.get(self.machine.result)
        else:
            self._call(target, instruction, state, block)
            self.result.returns[block] = state.registers.get(self.machine.result)
        return False

    def _branch(
        self, target: int, inputs: tuple[Place, ...], instruction: Instruction, state: State, block: int, position: int
    ) -> None:
        test = self._get(inputs[1], state)
        if 0 < self.at - self.flagged <= _NEAR and self.flagged >= block >> 1:
            self.result.compared[block] = self.flagged
        test = ("u", self.at, 0) if test is None else test
        if type(test) is tuple and not values.is_test(test):
            test = ("!", test, 0)
        function = self.function
        if function.start <= target < function.end and target in function.leaders:
            if test != 0:
                self._go(block, 2 * target, test, state)
        elif test != 0:  # a conditional jump to another function
            copy = state.copy()
            self.outgoing[block].append(Edge(block, -target, test))
            self._call(target, instruction, copy, -target)
            self.ends[-target] = copy
            self.outgoing.setdefault(-target, [])
            self.result.returns[-target] = copy.registers.get(self.machine.result)
        if test == 1:
            return
        if position < len(instruction.operations):
            inner = 2 * instruction.address + 1
            self.inside[inner] = position
            self._go(block, inner, values.negated(test), state)
        else:
            self._go(block, 2 * instruction.after, values.negated(test), state)

    def _call(self, target: int, instruction: Instruction, state: State, block: int) -> bool:
        name = self.tracer.name(target, self.machine.mode)
        if target == -1 and self.elf.machine == "x86" and self._is_gate(instruction):
            self._system(instruction, state)
            self._pop_return(state)
            return True
        if not name and self._thunk(target, instruction, state):
            return True
        found = self._arguments(state)
        self.sites.setdefault(block, []).append(Site(instruction.address, block, name, target, found))
        machine = self.machine
        result: Value = ("c", instruction.address)
        state.after_call(written(name, found), keeps=name in READ_ONLY)
        registers = state.registers
        changed = self.tracer.changed(target, machine.mode) if not name and target > 0 else None
        state.registers = {
            place: value
            for place, value in registers.items()
            if place in machine.kept or (changed is not None and place - place % self.elf.width not in changed)
        }
        state.registers[machine.result] = known_result(name, found, result)
        self._pop_return(state)
        return name not in NEVER_RETURN

    def _is_gate(self, instruction: Instruction) -> bool:
        """Tell whether an instruction calls the kernel through the address that the C library keeps (i386)."""
        return self.elf.read(instruction.address, 7) == b"\x65\xff\x15\x10\0\0\0"

    def _pop_return(self, state: State) -> None:
        machine, sp = self.machine, state.registers.get(self.machine.sp)
        if machine.convention.return_slot and type(sp) is int:
            state.registers[machine.sp] = sp + machine.convention.word & self.mask

    def _arguments(self, state: State) -> tuple[Value | None, ...]:
        machine, convention = self.machine, self.machine.convention
        found: list[Value | None] = [state.registers.get(register) for register in machine.arguments[:ARGUMENTS]]
        sp = state.registers.get(machine.sp)
        for number in range(len(found), ARGUMENTS):
            offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
            cell = state.cells.get(sp + offset) if type(sp) is int else None
            found.append(cell[1] if cell is not None else None)
        found += [state.registers.get(register) for register in machine.local]
        return tuple(found)

    def _thunk(self, target: int, instruction: Instruction, state: State) -> bool:
        """`call` of the next instruction, or of code that only copies the address to return to (i386)."""
        if self.elf.machine != "x86" or target < 0:
            return False
        after = instruction.after
        body = self.elf.read(target, 4)
        register = (
            "" if target == after else _THUNKS.get(body[1], "") if body[:1] == b"\x8b" and body[2:4] == b"\x24\xc3" else ""
        )
        if target != after and not register:
            return False
        sp = state.registers.get(self.machine.sp)
        if register:
            state.registers[self.machine.by_number[register]] = after
            if type(sp) is int:
                state.registers[self.machine.sp] = sp + 4 & self.mask
        elif type(sp) is int:
            state.store(sp, 4, after)
        return True


_THUNKS = {0x04: "EAX", 0x0C: "ECX", 0x14: "EDX", 0x1C: "EBX", 0x2C: "EBP", 0x34: "ESI", 0x3C: "EDI"}
_FLOW = frozenset({lift.BRANCH, lift.CBRANCH, lift.BRANCHIND, lift.CALL, lift.CALLIND, lift.RETURN})


def _meeting(states: list[State], block: int, differing: set[Key]) -> State:
    """Return the state where paths meet. What differed once stays a value of its own, so that this ends."""
    merged = states[0].copy()
    for other in states[1:]:
        merged.meet(other, block)
    differing.update(("r", at) for at, value in merged.registers.items() if value == ("f", block, ("r", at)))
    differing.update(("m", at) for at, cell in merged.cells.items() if cell[1] == ("f", block, ("m", at)))
    for kind, at in differing:
        if kind == "m" and at in merged.cells:
            merged.cells[at] = (merged.cells[at][0], ("f", block, (kind, at)))
        elif kind == "r" and type(at) is int and at in merged.registers:
            merged.registers[at] = ("f", block, (kind, at))
    return merged

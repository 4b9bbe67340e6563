"""Memory and registers of a run on numbers: bytes that are known, over what the file holds; the rest is not known."""

from __future__ import annotations

from aboveboard.readers.code.machines import Machine
from aboveboard.readers.elf import Elf

MAX_BYTES = 1 << 16
STACK, HEAP = 0x6FF00000, 0x68000000


class StoppedError(Exception):
    """The run cannot go on: something is not known, or a bound was reached."""


class Memory:
    """Bytes by address and by place of a register."""

    def __init__(self, elf: Elf) -> None:
        self.elf = elf
        self.big = elf.endian == "big"
        self.mask = (1 << elf.bits) - 1
        self.memory: dict[int, int] = {}
        self.registers: dict[int, int] = {}  # by byte
        self._heap = HEAP
        self.machine: Machine | None = None

    def byte(self, address: int) -> int | None:
        """Return a byte of memory: what was written, else what the file holds; None where it is not known."""
        found = self.memory.get(address)
        if found is not None:
            return found
        return self.elf.integer(address, 1)

    def read(self, address: int, size: int) -> int | None:
        """Return a number in memory."""
        raw = []
        for at in range(size):
            one = self.byte(address + at & self.mask)
            if one is None:
                return self.elf.based.get(address) if size == self.elf.width else None
            raw.append(one)
        if size == self.elf.width and address in self.elf.based and address not in self.memory:
            return self.elf.based[address]
        return int.from_bytes(bytes(raw), "big" if self.big else "little")

    def write(self, address: int, size: int, value: int | None) -> None:
        """Put a number into memory; None makes it unknown."""
        if value is None:
            for at in range(size):
                self.memory.pop(address + at & self.mask, None)
            return
        if len(self.memory) > MAX_BYTES:
            raise StoppedError("too much memory")
        for at, one in enumerate((value & (1 << 8 * size) - 1).to_bytes(size, "big" if self.big else "little")):
            self.memory[address + at & self.mask] = one

    def put(self, address: int, data: bytes) -> None:
        """Put bytes into memory."""
        for at, one in enumerate(data):
            self.memory[address + at] = one

    def text(self, address: int, most: int = 512) -> bytes | None:
        """Return the bytes up to a zero byte; None where one is not known."""
        raw = bytearray()
        while len(raw) < most:
            one = self.byte(address + len(raw))
            if one is None:
                return None
            if one == 0:
                return bytes(raw)
            raw.append(one)
        return None

    def get_register(self, offset: int, size: int) -> int | None:
        """Return a register."""
        raw = []
        for at in range(offset, offset + size):
            one = self.registers.get(at)
            if one is None:
                return None
            raw.append(one)
        return int.from_bytes(bytes(raw), "big" if self.big else "little")

    def set_register(self, offset: int, size: int, value: int | None) -> None:
        """Set a register; None makes it unknown."""
        if value is None:
            for at in range(offset, offset + size):
                self.registers.pop(at, None)
            return
        for at, one in enumerate((value & (1 << 8 * size) - 1).to_bytes(size, "big" if self.big else "little")):
            self.registers[offset + at] = one

    def set_argument(self, machine: Machine, number: int, value: int) -> None:
        """Set an argument by the calling convention, before the call is made."""
        convention = machine.convention
        if number < len(machine.arguments):
            self.set_register(machine.arguments[number], convention.word, value)
            return
        sp = self.get_register(machine.sp, convention.word) or STACK
        offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
        self.write(sp + offset, convention.word, value)

    def argument(self, machine: Machine, number: int) -> int | None:
        """Return an argument as the called function finds it on i386 after the call pushed its return address."""
        convention = machine.convention
        if number < len(machine.arguments):
            return self.get_register(machine.arguments[number], convention.word)
        sp = self.get_register(machine.sp, convention.word)
        if sp is None:
            return None
        offset = convention.stack + convention.word * (number - len(machine.arguments) + convention.return_slot)
        return self.read(sp + offset, convention.word)

    def allocate(self, size: int) -> int:
        """Return the address of a new piece of memory, all zero."""
        start = self._heap
        self._heap += (min(size, 4096) + 31) & ~15
        self.put(start, bytes(min(size, 4096)))
        return start

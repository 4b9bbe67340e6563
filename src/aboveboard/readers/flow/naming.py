"""Names functions of statically linked programs by what they do, and tells the program's own code from the C library's.

A function that hands its parameters to a call of the kernel acts like that call; one that prepares `/bin/sh -c` acts like
`system`. Linkers put the start-up code first, then the program's own objects, then what they took from archives (ld(1)):
what lies between the entry and the first function of the library is the program's own.
"""

from __future__ import annotations

from aboveboard.readers.flow.program import Program, start_up
from aboveboard.readers.flow.trace import Trace

MAX_INSTRUCTIONS = 400
_ROUNDS = 2
_SHELL = (b"/bin/sh\0", b"-c\0")


def name_functions(program: Program) -> None:
    """Give the calls of recognised functions their names; only for programs without imports."""
    if program.elf.linking != "static":
        return
    for _ in range(_ROUNDS):
        acts: dict[int, str] = {}
        for start, trace in program.traces.items():
            name = _acts_like(program, trace)
            if name:
                acts[start] = name
        program.rename(acts)
    _find_own(program)


def _acts_like(program: Program, trace: Trace) -> str:
    if trace.instructions > MAX_INSTRUCTIONS:
        return ""
    if _runs_a_shell(program, trace):
        return "system"
    for site in trace.sites:
        if not site.name or site.name in ("write", "close"):
            continue
        first, second = site.arguments[:2]
        if site.name == "openat" and second == ("p", 0):
            return "open64" if program.elf.bits == 32 else "open"
        if first == ("p", 0) and (second == ("p", 1) or site.name in _ONE):
            return site.name if site.name != "execve" or site.arguments[2] == ("p", 2) else "execv"
        if site.name in ("execve", "execv") and first == ("p", 0):
            return "execl"
        if site.name == "system" and first == ("p", 0):
            return "system"
    return ""


_ONE = frozenset("unlink setuid setgid setreuid setresuid listen reboot rmdir".split())


def _runs_a_shell(program: Program, trace: Trace) -> bool:
    """Tell whether a function names the shell and its option for a command."""
    elf = program.elf
    numbers = {one for site in trace.sites for one in site.arguments if type(one) is int and one > 4096}
    numbers |= {store.value for store in trace.stores if type(store.value) is int and store.value > 4096}
    found = {text for number in numbers for text in _SHELL if elf.read(number, len(text)) == text}
    return len(found) == len(_SHELL) or (_SHELL[0] in found and 0 < program.library < trace.start)


# relocation type of an address that a resolver chooses at start, and whether its addend stands in the row
_CHOSEN = {"x86-64": (37, True), "aarch64": (1032, True), "x86": (42, False), "arm": (160, False)}


def chosen(program: Program) -> dict[int, tuple[int, ...]]:
    """Return the slots that a resolver fills at start, each with the functions that it may choose (STT_GNU_IFUNC).

    A static program has no dynamic section that names the table; its rows are found by their form.
    """
    elf = program.elf
    if elf.linking != "static" or elf.machine not in _CHOSEN:
        return {}
    kind, has_addend = _CHOSEN[elf.machine]
    width, order = elf.width, "big" if elf.endian == "big" else "little"
    needle = kind.to_bytes(width, order)  # type: ignore[arg-type]
    found: dict[int, tuple[int, ...]] = {}
    for part in elf.segments:
        raw = elf.data[part.offset : part.offset + part.end - part.start]
        at = raw.find(needle)
        while at >= 0 and len(found) < 512:
            slot = int.from_bytes(raw[at - width : at], order) if at >= width else 0  # type: ignore[arg-type]
            after = raw[at + width : at + 2 * width]
            resolver = int.from_bytes(after, order) if has_addend else elf.integer(slot, width) or 0  # type: ignore[arg-type]
            if at % width == 0 and elf.offset_of(slot) is not None and elf.is_code(resolver):
                found[slot] = _choices(program, resolver)
            at = raw.find(needle, at + 1)
    return found


def _choices(program: Program, resolver: int) -> tuple[int, ...]:
    trace = program.traces.get(resolver & ~1 if program.elf.machine == "arm" else resolver)
    found: list[int] = []
    row = [value for value in trace.returns.values() if value is not None] if trace is not None else []
    seen: set[object] = set()
    while row and trace is not None and len(seen) < 64:
        value = row.pop()
        if value in seen:
            continue
        seen.add(value)
        if isinstance(value, int):
            found.append(value)
        elif value[0] == "f":
            row += trace.merged.get((value[1], value[2]), {}).values()
        elif value[0] == "?":
            row += value[2:4]
    return tuple(sorted(one for one in set(found) if program.elf.is_code(one)))


def _find_own(program: Program) -> None:
    """Find where the program's own code lies, and its `main`."""
    mask = ~1 if program.elf.machine in ("mips", "arm") else ~0
    entry = program.elf.entry & mask
    main, library = start_up(program)
    if main not in program.traces and entry in program.traces:  # a piece of the start-up code that jumps on
        sites = program.traces[entry].sites
        main = next((one.target for one in sites if main <= one.address < main + 16 and one.target in program.traces), -1)
    if main < 0:
        return
    kernel = [
        start for start, one in program.traces.items() if start > entry and any(s.target == 0 and s.name for s in one.sites)
    ]
    last = min([library if library > entry else 1 << 64, *kernel])
    first = min(main, entry)
    program.main = main
    program.own = frozenset(start for start in program.traces if first <= start < last) | {main}

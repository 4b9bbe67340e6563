"""Functions of the file that compare with a constant text, named by what they do (see `readers/flow/behaviour`)."""

from __future__ import annotations

from aboveboard.readers.flow.behaviour import UNSURE, Behaviour
from aboveboard.readers.flow.naming import chosen
from aboveboard.readers.flow.program import Program
from aboveboard.readers.flow.trace import Site


def name_comparers(program: Program) -> None:
    """Recognise functions of the file that compare with a constant text, and name their calls."""
    behaviour = Behaviour(program)
    slots = chosen(program)
    acts: dict[int, str] = {}
    sized: dict[int, bool] = {}
    for trace in program.traces.values():
        for site in trace.sites:
            target = site.target
            if site.name or target not in program.traces or not _has_text(program, site):
                continue
            if target not in acts:
                acts[target] = next(filter(None, map(behaviour.name, _behind(program, target, slots))), "")
            sized[target] = sized.get(target, True) and type(site.arguments[2]) is int and 0 < site.arguments[2] < 256
    for target, name in acts.items():
        if name == UNSURE:
            acts[target] = "strncmp" if sized[target] else "strcmp"
    program.rename({target: name for target, name in acts.items() if name})


def _has_text(program: Program, site: Site) -> bool:
    return any(type(one) is int and one > 256 and len(program.elf.read(one, 2)) == 2 for one in site.arguments[:2])


def _behind(program: Program, target: int, slots: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Return a function, or those that it may jump to where it only jumps through a slot that is filled at start."""
    trace = program.traces[target]
    for value in trace.switches.values():
        if type(value) is tuple and value[0] == "m" and type(value[1]) is int and value[1] in slots:
            return slots[value[1]]
    return (target,)

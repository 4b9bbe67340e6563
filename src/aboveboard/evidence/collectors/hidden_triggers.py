"""Comparisons with a constant that open something: a command, a privilege, a listener, a file, or the way past a check.

ELF programs and libraries for MIPS (also MIPS16), ARM (also Thumb), AArch64, x86 and x86-64, stripped or not. Every
function is translated to p-code and evaluated on values that are not known; a test that holds for one constant alone is
joined with what only its match reaches. Constants that a program builds are found by running that piece on numbers. How it
is done, what the score is made of and what is missed is in [how hidden triggers are found](../../how/hidden-triggers.md).

What is found here is a candidate at most: static analysis accuses nobody. `hidden-trigger` is a candidate where it is an
alert; the other comparisons that are shown are only observed. Programs that take no input from outside are looked at too,
for what they are given by others is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.evidence.collector import FileSubject, Needs, Planted
from aboveboard.evidence.tiny_triggers import CONSTANT, tiny_trigger
from aboveboard.evidence.triggers.report import analyse
from aboveboard.model.facts import Cause, Fact, Gap, Standing, Where
from aboveboard.readers import elf

NAME = "hidden_triggers"
VERSION = 1
SUBJECT = "file"
NEEDS: tuple[str, ...] = ()
EMITS = {
    "hidden-trigger": "rank, score (in hundredths), alert, constant, kind (string, inline-bytes, single-bytes, integer, "
    "integer-result, table-row, built-string, state, second-secret, before-main), what (bypass, secret, packet, command, "
    "local), effects, skips_check, behind_check, input, parts of the score, path, listing",
    "trigger-scan": "functions, covered and code (bytes of code that were followed, and all), compared (candidates)",
}
CLAUSES = ("NB-01", "NB-02", "NB-08")

PLANTED = tuple(
    Planted(
        {f"/usr/sbin/planted-{machine}": tiny_trigger(machine)},
        (("hidden-trigger", {"constant": CONSTANT, "alert": True}),),
    )
    for machine in ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")
)


def wants(head: bytes, size: int) -> bool:
    """Tell whether the file is ELF."""
    return size >= 52 and head[:4] == b"\x7fELF"


def collect(subject: FileSubject, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the comparisons that guard something, and how much of the code was followed."""
    del needs
    try:
        found = analyse(subject.data)
    except elf.ElfError as error:
        cause = Cause.LIMIT if len(subject.data) > elf.MAX_SIZE else Cause.DAMAGED
        yield Gap(cause, Where(), f"ELF file not read: {error}")
        return
    for one in found.ranking:
        standing = Standing.CANDIDATE if one["alert"] else Standing.OBSERVED
        where = Where(address=str(one["address"]), function=str(one["function"]))
        yield Fact("hidden-trigger", where, {key: value for key, value in one.items() if key not in _PLACE}, standing)
    yield from found.gaps
    if found.functions:
        yield Fact(
            "trigger-scan",
            Where(),
            {"functions": found.functions, "covered": found.covered, "code": found.code, "compared": len(found.ranking)},
        )


_PLACE = ("address", "function", "standing")

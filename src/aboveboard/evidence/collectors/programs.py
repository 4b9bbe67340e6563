"""What programs do by their code: ports they bind, hosts they call, commands they run, as far as these are constant.

ELF programs and libraries for MIPS (also MIPS16), ARM (also Thumb), AArch64, x86 and x86-64, stripped or not, with or
without section headers. The calls of imported functions are found, the functions around them are translated to p-code and
constants are followed through them. All that is found is only observed: code alone says nothing of what boots. What a
call site does not tell is counted in `program`, by the name of the function called. Static programs give their headers
alone, with a gap, for their calls have no names. Kernel modules call no library; they are only named.
"""

from __future__ import annotations

from collections.abc import Iterator

from aboveboard.evidence.collector import FileSubject, Needs, Planted
from aboveboard.evidence.program_calls import CHECKED, INTEREST, Meaning
from aboveboard.evidence.tiny_programs import COMMAND, PORT, tiny_program
from aboveboard.model.facts import Cause, Fact, Gap, Where
from aboveboard.readers import callsites, elf

NAME = "programs"
VERSION = 1
SUBJECT = "file"
NEEDS: tuple[str, ...] = ()
EMITS = {
    "program": "machine, bits, endian, linking, kind, needed, calls (functions of interest that it imports), unresolved "
    "(call sites whose constants are not known, by function; `unreached`: in code that could not be followed)",
    "listens": "proto (tcp, udp, raw or unknown), port (0 for a raw socket), address (empty when not known)",
    "calls-out": "host, port (0 when not known), call",
    "runs": "command (U+FFFD or a format directive for what is not known), call",
    "reads-network": "calls that read from the network in a function that also runs commands, commands",
}
CLAUSES = ("NB-04", "NB-07", "NB-08", "NS-01")

_CALLS = frozenset(
    """socket bind listen accept accept4 recv recvfrom recvmsg read connect send sendto sendmsg getaddrinfo gethostbyname
    inet_addr inet_aton inet_pton htons setsockopt system popen execl execlp execle execv execve execvp fork setuid
    pcap_open_live pcap_loop res_query crypt getspnam getpwnam SSL_connect curl_easy_setopt""".split()
)

PLANTED = tuple(
    Planted(
        {f"/usr/sbin/planted-{machine}": tiny_program(machine)},
        (
            ("program", {"linking": "dynamic", "calls": ["bind", "socket", "system"]}),
            ("listens", {"proto": "tcp", "port": PORT, "address": "0.0.0.0"}),  # noqa: S104 - found in the planted program
            ("runs", {"command": COMMAND, "call": "system"}),
        ),
    )
    for machine in ("mips", "mipsel", "arm", "aarch64", "x86", "x86-64")
)


def wants(head: bytes, size: int) -> bool:
    """Tell whether the file is ELF."""
    return size >= 52 and head[:4] == b"\x7fELF"


def collect(subject: FileSubject, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield what one program does."""
    del needs
    try:
        program = elf.read(subject.data)
    except elf.ElfError as error:
        cause = Cause.LIMIT if len(subject.data) > elf.MAX_SIZE else Cause.DAMAGED
        yield Gap(cause, Where(), f"ELF file not read: {error}")
        return
    for fault in dict.fromkeys(program.faults):
        cause = Cause.LIMIT if fault.startswith("more than") else Cause.DAMAGED
        yield Gap(cause, Where(), f"ELF headers that lie: {fault}")
    yield from _what_is_not_followed(program)
    calls = callsites.call_sites(program, INTEREST)
    meaning = Meaning(program, calls)
    found = list(meaning.facts())
    yield _program(program, meaning.unresolved)
    yield from found
    for left_out in dict.fromkeys(calls.left_out):
        yield Gap(Cause.LIMIT, Where(), f"code not looked at: {left_out}")


def _program(program: elf.Elf, unresolved: dict[str, int]) -> Fact:
    return Fact(
        "program",
        Where(),
        {
            "machine": program.machine,
            "bits": program.bits,
            "endian": program.endian,
            "linking": program.linking,
            "kind": program.kind,
            "needed": list(program.needed),
            "calls": sorted(_CALLS.intersection(CHECKED.get(name, name) for name in program.imports)),
            "unresolved": dict(sorted(unresolved.items())),
        },
    )


def _what_is_not_followed(program: elf.Elf) -> Iterator[Gap]:
    if program.kind == "kernel-module":
        return
    if program.linking == "static":
        yield Gap(
            Cause.UNRESOLVED, Where(), "a statically linked program: its calls have no names, so they were not followed"
        )
    elif program.machine not in callsites.MACHINES:
        yield Gap(Cause.UNSUPPORTED, Where(), f"code for {program.machine} is not followed")
    elif program.endian == "big" and program.machine in ("arm", "aarch64"):
        yield Gap(Cause.UNSUPPORTED, Where(), f"big-endian code for {program.machine} is not followed")

"""What a program does that needs a reason: it runs commands, takes privileges, opens listeners, changes files or memory.

Sources: POSIX.1-2017; Linux man-pages, section 2 (capabilities(7) says which calls are privileged).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.sources import OUTSIDE
from aboveboard.readers.flow.trace import Site, Store, Trace
from aboveboard.readers.flow.values import Value, parts, root

RUN, PRIVILEGE, LISTEN, CONNECT, WRITE, REMOVE, MEMORY, EVALUATE, SYSTEM, SETTING, READ, PASS = (
    "run privilege listen connect write remove memory evaluate system setting read-secret passes-check".split()
)
WEIGHT = {  # how much it matters by itself
    RUN: 4.0,
    PRIVILEGE: 3.0,
    LISTEN: 3.0,
    CONNECT: 1.5,
    WRITE: 1.0,
    REMOVE: 1.0,
    MEMORY: 3.5,
    EVALUATE: 4.0,
    SYSTEM: 2.5,
    SETTING: 2.5,
    READ: 2.5,
    PASS: 4.0,
}
_RUN = {
    **dict.fromkeys(("system", "popen", "execl", "execlp", "execle", "execv", "execve", "execvp", "execvpe", "wordexp"), 0),
    **dict.fromkeys(("posix_spawn", "posix_spawnp"), 1),
    "fexecve": 0,
    "do_system": 0,
    "doSystem": 0,
    "twsystem": 0,
    "doSystemCmd": 0,
}
_PRIVILEGE = {"setuid": 0, "seteuid": 0, "setreuid": 1, "setresuid": 1, "setgid": 0, "setegid": 0, "setregid": 1}
_OPEN = {"open": (0, 1), "open64": (0, 1), "openat": (1, 2), "openat64": (1, 2)}
_FOPEN = frozenset({"fopen", "fopen64", "freopen", "freopen64"})
_REMOVE = frozenset("unlink unlinkat remove rename renameat rmdir".split())
_WRITE = frozenset("creat creat64 chmod fchmod chown lchown symlink link mknod mkdir truncate truncate64".split())
_SYSTEM = frozenset(
    """reboot mount umount umount2 init_module finit_module delete_module ptrace kexec_load swapon swapoff sethostname
    settimeofday clock_settime chroot pivot_root setns unshare iopl ioperm klogctl capset kill killpg""".split()
)
_EVALUATE = frozenset(
    """luaL_loadstring luaL_loadbuffer luaL_loadbufferx lua_load PyRun_SimpleString PyRun_SimpleStringFlags Tcl_Eval
    Tcl_EvalEx perl_eval_pv Perl_eval_pv zend_eval_string duk_eval_raw dlopen __libc_dlopen_mode JS_Eval""".split()
)
_SECRET = re.compile(
    r"^/(?:etc/(?:shadow|master\.passwd|gshadow|passwd-?|ssh/.*key|.*\.key)|"
    r"proc/(?:self/mem|kcore)|dev/(?:k?mem|port|mtd.*))$"
)
_SETTING = re.compile(
    r"(?i)^(?:.*nvram.*(?:set|commit|unset).*|uci_(?:set|commit|save)|mtd_?write.*|cfg_?set.*|config_set)$"
)
_SHELL = re.compile(r"(?:^|/)(?:sh|ash|bash|busybox sh|telnetd|utelnetd|nc|netcat|dropbear|login|getty)(?:\s|$)")
_O_ACCMODE = 3
MAX_WAYS = 4  # ways to one call that are told apart


@dataclass(frozen=True, slots=True)
class Effect:
    """Something done at a call. `weight` is how much it matters; with `outside` it does what it is told from outside."""

    kind: str
    text: str
    address: int
    function: int
    weight: float
    outside: bool = False
    shell: bool = False


def apart(trace: Trace, graph: Graph, site: Site) -> list[Site]:
    """Return a call once for each way to it that brings another command: compilers share the tails of branches.

    Only where nothing is asked between the place where the ways meet and the call.
    """
    number = _RUN.get(site.name, -1)
    given = site.arguments[number] if number >= 0 else None
    if type(given) is not tuple or given[0] != "f":
        return [site]
    ways = trace.merged.get((given[1], given[2]), {})
    if not 1 < len(ways) <= MAX_WAYS or graph.guards(given[1]) != graph.guards(site.block):
        return [site]
    found = []
    for source in sorted(ways):
        arguments = [
            trace.merged.get((one[1], one[2]), {}).get(source, one)
            if type(one) is tuple and one[0] == "f" and one[1] == given[1]
            else one
            for one in site.arguments
        ]
        found.append(replace(site, block=source, arguments=tuple(arguments)))
    return found


def effect_of(function: int, site: Site, origins: Origins) -> Effect | None:
    """Return what a call of an imported function does, or None."""
    name = site.name
    if not name:
        return None
    if name in _RUN:
        return _run(function, site, origins, _RUN[name])
    if name in _PRIVILEGE:
        return _effect(PRIVILEGE, f"{name}(0)", function, site) if site.arguments[_PRIVILEGE[name]] == 0 else None
    if name in (LISTEN, CONNECT):
        return _effect(name, name, function, site)
    if name in _OPEN or name in _FOPEN:
        return _opens(function, site, origins)
    if name in _REMOVE or name in _WRITE:
        path = _path(site.arguments[1 if name.endswith("at") else 0], origins)
        return _effect(REMOVE if name in _REMOVE else WRITE, f"{name}({path})", function, site)
    if name in _SYSTEM:
        return _effect(SYSTEM, name, function, site, 0.5 if name.startswith("kill") else None)
    if name in _EVALUATE:
        told = bool(origins.of(function, site.arguments[1 if "lua" in name else 0]) & OUTSIDE)
        return _effect(EVALUATE, name, function, site, None if told else 2.0, outside=told)
    if _SETTING.match(name):
        return _effect(SETTING, name, function, site)
    if name in ("mprotect", "mmap", "mmap64"):
        protection = site.arguments[2]
        if type(protection) is int and protection & 4 and protection & 2:
            return _effect(MEMORY, f"{name}, to run and to write", function, site, 2.5)
    return None


_TAKES = {
    "memcpy": 1,
    "memmove": 1,
    "__memcpy_chk": 1,
    "write": 1,
    "send": 1,
    "sendto": 1,
    "fwrite": 0,
    "strcpy": 1,
    "puts": 0,
}


def store_effect(function: int, store: Store, origins: Origins) -> Effect | None:
    """Return the effect of a write to memory at an address that is told from outside."""
    return _told(function, store.address, store.place, origins, "writes memory where it is told")


def take_effect(function: int, site: Site, origins: Origins) -> Effect | None:
    """Return the effect of a call that hands out memory at an address that is told from outside."""
    number = _TAKES.get(site.name)
    place = site.arguments[number] if number is not None else None
    return _told(function, site.address, place, origins, "reads memory where it is told") if place is not None else None


def indexed_effect(function: int, site: Site, origins: Origins) -> Effect | None:
    """Return the effect of a call that copies to or from what the program keeps, at a distance told from outside."""
    if site.name not in ("memcpy", "memmove", "__memcpy_chk", "__memmove_chk"):
        return None
    for number, text in (
        (0, "writes into what it keeps, where it is told"),
        (1, "reads from what it keeps, where it is told"),
    ):
        place, size = site.arguments[number], site.arguments[2]
        if type(place) is not tuple or type(size) is int or size is None:
            continue
        fixed = [part[2] for part in parts(place) if part[0] == "+" and origins.is_kept(part[2])]
        if fixed and origins.of(function, place) & OUTSIDE and origins.of(function, size) & OUTSIDE:
            return Effect(MEMORY, text, site.address, function, 2.5, outside=True)
    return None


def hook_effect(function: int, store: Store, origins: Origins) -> Effect | None:
    """Return the effect of a store that puts the address of code where the program keeps one."""
    if type(store.value) is int and type(store.place) is int and store.size == origins.program.elf.width:
        mask = ~1 if origins.program.elf.machine in ("mips", "arm") else ~0
        if store.value & mask in origins.program.traces and origins.is_kept(store.place):
            return Effect(MEMORY, "puts code in the place of other code", store.address, function, WEIGHT[MEMORY])
    return None


def _told(function: int, address: int, place: Value, origins: Origins, text: str) -> Effect | None:
    base, distance = root(place)
    if type(base) is not tuple or base[0] != "m" or abs(distance) > 64 or base[2] < 4:
        return None
    if not origins.is_content(function, base[1]):
        return None
    return Effect(MEMORY, text, address, function, WEIGHT[MEMORY], outside=True)


def _effect(
    kind: str,
    text: str,
    function: int,
    site: Site,
    weight: float | None = None,
    *,
    outside: bool = False,
    shell: bool = False,
) -> Effect:
    return Effect(kind, text, site.address, function, WEIGHT[kind] if weight is None else weight, outside, shell)


def _run(function: int, site: Site, origins: Origins, number: int) -> Effect:
    command = origins.text(site.arguments[number])
    if command is not None:
        rest = [origins.text(one) for one in site.arguments[number + 1 : 6]]
        words = " ".join([command, *(one for one in rest if one)])
        shell = bool(_SHELL.search(command))
        told = any(origins.of(function, one) & OUTSIDE for one in site.arguments[number + 1 : 5] if type(one) is tuple) or (
            site.name.startswith("execv") and bool(origins.of(function, site.arguments[number + 1]) & OUTSIDE)
        )
        weight = 5.0 if told and shell else 4.5 if shell or told else 3.0
        return _effect(RUN, f"{site.name}({words})", function, site, weight, outside=told, shell=shell)
    told = bool(origins.of(function, site.arguments[number]) & OUTSIDE)
    return _effect(
        RUN, f"{site.name}(what it is told)" if told else site.name, function, site, 5.0 if told else 3.5, outside=told
    )


def _opens(function: int, site: Site, origins: Origins) -> Effect | None:
    path: Value | None
    if site.name in _OPEN:
        where, how = _OPEN[site.name]
        path, flags = site.arguments[where], site.arguments[how]
        writes = type(flags) is int and flags & _O_ACCMODE != 0
    else:
        path = site.arguments[0]
        mode = origins.text(site.arguments[1]) or ""
        writes = any(one in mode for one in "wa+")
    text = origins.text(path)
    if text is not None and _SECRET.match(text):
        return _effect(MEMORY if writes and text.startswith("/dev") else READ, f"{site.name}({text})", function, site)
    if not writes and text is None and origins.sent(function, path):
        return _effect(READ, f"{site.name}(a path that it is told)", function, site, 1.5, outside=True)
    if not writes or (text or "").startswith(
        ("/dev/null", "/dev/tty", "/dev/log", "/dev/console", "/var/log", "/var/run", "/run")
    ):
        return None
    told = bool(origins.of(function, path) & OUTSIDE)
    weight = 2.0 if told or (text is not None and text.startswith("/etc/")) else None  # settings and accounts
    return _effect(WRITE, f"{site.name}({text or 'a path'}, to write)", function, site, weight, outside=told)


def _path(value: Value | None, origins: Origins) -> str:
    return origins.text(value) or "a path"

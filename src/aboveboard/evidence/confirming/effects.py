"""Which system calls are privileged effects, and what they look like once what was sent is taken out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aboveboard.evidence.confirming.candidate import MAX_CALLS, Call, Candidate, Effect
from aboveboard.evidence.confirming.near import without
from aboveboard.jail.cell_events import Event
from aboveboard.model.paths import show

_DROP = frozenset(
    {"setgroups", "capset", "syslog", "sync", "setpriority", "sched_setscheduler", "sched_setparam", "ioprio_set"}
)
_PRIVILEGE = frozenset("setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid chroot".split())
_SYSTEM = frozenset(
    """kill reboot mount umount2 init_module finit_module delete_module sethostname setdomainname settimeofday clock_settime
    swapon swapoff kexec_load ptrace process_vm_readv process_vm_writev bpf iopl ioperm""".split()
)
_SECRETS = re.compile(
    rb"shadow|passwd|\.(?:key|pem|psk)$|id_(?:rsa|dsa|ecdsa|ed25519)|authorized_keys|host_?key|/dev/(?:k?mem|mtd|nvram)|secret|nvram"
)
_PLAIN_WRITES = re.compile(rb"^/dev/(?:null|zero|tty|console|log|full|u?random|pts/\d+|ptmx)$|^/proc/")
# These are an effect of their own wherever they come; a write or a read may be some bookkeeping.
STRONG = frozenset({Effect.RUN, Effect.PRIVILEGE, Effect.LISTEN, Effect.SYSTEM, Effect.REMOVE})
# What static analysis calls one thing may be seen as another.
_SEEN_AS = {
    Effect.EVALUATE: frozenset(Effect),
    Effect.SETTING: frozenset({Effect.WRITE, Effect.RUN, Effect.SYSTEM, Effect.CONNECT}),
    Effect.CHECK: frozenset({Effect.WRITE, Effect.CONNECT, Effect.SECRET}),
    Effect.MEMORY: frozenset({Effect.WRITE, Effect.SECRET, Effect.MEMORY}),
    Effect.SECRET: frozenset({Effect.SECRET}),
}


def effect_of(event: Event) -> Effect | None:
    """Return the privileged effect that a call is, or None."""
    first = event.arguments[0] if event.arguments else b""
    text = first if isinstance(first, bytes) else b""
    if event.call == "exec":
        return Effect.RUN
    if event.call in _PRIVILEGE:
        return Effect.PRIVILEGE
    if event.call in _SYSTEM or event.call == "socket":
        return Effect.SYSTEM
    if event.call == "bind":
        return None if text.startswith((b"unix:", b"family:")) or event.arguments[1:] == (0,) else Effect.LISTEN
    if event.call == "connect":
        return None if text.startswith((b"unix:", b"family:")) or text in (b"127.0.0.1", b"::1") else Effect.CONNECT
    if event.call in ("write", "make", "mode", "rename"):
        return None if _PLAIN_WRITES.match(text) else Effect.WRITE
    if event.call == "remove":
        return Effect.REMOVE
    if event.call == "read":
        return Effect.SECRET if _SECRETS.search(text) else None
    return Effect.MEMORY if event.call == "died" else None


def calls_of(events: Iterable[Event], value: bytes) -> frozenset[Call]:
    """Return the privileged calls among the events, with `{constant}` where what was sent stands in them."""
    found = set()
    for event in events:
        effect = effect_of(event)
        if effect is not None and event.call not in _DROP:
            found.add(Call(effect, event.call, tuple(_shown(event, value))))
    return frozenset(found)


def _shown(event: Event, value: bytes) -> list[str]:
    arguments = event.arguments
    if event.call == "exec":  # where it lies is a matter of PATH
        arguments = (arguments[0].rpartition(b"/")[2], *arguments[1:]) if isinstance(arguments[0], bytes) else arguments
    return [show(without(one, value))[:200] if isinstance(one, bytes) else str(one) for one in arguments]


def counts(call: Call, candidate: Candidate) -> bool:
    """Tell whether a call can confirm this candidate: what is strong always, the rest where it was expected.

    A crash never does: it is a fault, and no proof of what the fault reaches.
    """
    if call.call == "died":
        return False
    if call.effect in STRONG or call.effect in candidate.effects:
        return True
    if not candidate.effects:
        return True
    return any(call.effect in _SEEN_AS.get(expected, ()) for expected in candidate.effects)


def listed(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Return calls in a fixed order, a bounded number of them."""
    return tuple(sorted(calls, key=lambda call: (call.call, call.arguments))[:MAX_CALLS])

"""The system-call filter of a cell: what a program of an image may do, what it is watched at, what it only believes.

Calls that change or reach something stop until the watcher outside has read them (seccomp_unotify(2)); then they go on, are
refused, or are answered as done without being done. Everything that is not named here does not exist (ENOSYS).
"""

from __future__ import annotations

import errno
import os

import pyseccomp

from aboveboard.jail.kernel import CLONE_NEWUSER
from aboveboard.jail.syscalls import PARSER, TOOLS

# Go on once they were seen.
LET = """
execve execveat open openat creat unlink unlinkat rename renameat renameat2 rmdir mkdir mkdirat symlink symlinkat link
linkat truncate chmod fchmodat bind listen connect kill tkill mknod mknodat
""".split()

# Answered as done. A program that is root on the device goes on as if it were here; nothing happens.
FAKED = """
setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset chown lchown fchown fchownat
mount umount2 reboot chroot sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime swapon swapoff
init_module finit_module delete_module syslog sched_setscheduler sched_setparam setpriority ioprio_set vhangup acct sync
""".split()

# Seen and refused.
REFUSED = "ptrace process_vm_readv process_vm_writev bpf kexec_load iopl ioperm pivot_root unshare setns".split()

# Answered from what the program was told before: who it is after setuid and the like, and sleep that is cut short.
ANSWERED = """
getuid geteuid getgid getegid getresuid getresgid nanosleep clock_nanosleep socket
""".split()

# Beside what parsers and extractors may: sockets of the own network, processes, timers, shared memory.
_PLAIN = """
socketpair accept accept4 getsockname getpeername setsockopt getsockopt shutdown sendmmsg recvmmsg recvmsg sendmsg
recvfrom sendto getpgrp getpgid setpgid setsid getsid wait4 waitid fork vfork pause alarm pipe pipe2 dup2 dup3 eventfd
eventfd2 epoll_create signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime inotify_init inotify_init1
inotify_add_watch inotify_rm_watch shmget shmat shmdt shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl
mlock munlock mlockall munlockall mincore msync personality capget prctl sched_setaffinity sched_getparam
sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval getpriority getcpu
get_robust_list rt_sigqueueinfo timer_create timer_settime timer_gettime timer_delete timer_getoverrun setitimer
preadv2 pwritev2 splice tee readahead sync_file_range syncfs statx utime mq_open mq_unlink rt_tgsigqueueinfo
getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr ioprio_get pidfd_open pidfd_send_signal membarrier
set_tid_address
""".split()
_TIOCSTI = 0x5412


def compiled() -> bytes:
    """Return the filter as the kernel takes it (bpf(4), struct sock_filter each); raises OSError or RuntimeError."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    watched = {*LET, *FAKED, *REFUSED, *ANSWERED}
    for name in sorted(watched):
        _add(rules, pyseccomp.NOTIFY, name)
    for name in sorted({*PARSER, *TOOLS, *_PLAIN} - watched - {"ioctl", "clone", "clone3"}):
        _add(rules, pyseccomp.ALLOW, name)
    rules.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_NEWUSER, 0))
    # That one puts text into a terminal's input; the others that do harm need rights that nobody has here.
    rules.add_rule(pyseccomp.ALLOW, "ioctl", pyseccomp.Arg(1, pyseccomp.NE, _TIOCSTI))
    with os.fdopen(os.memfd_create("filter", os.MFD_CLOEXEC), "w+b") as out:
        rules.export_bpf(out)
        out.seek(0)
        return out.read()


def numbers() -> dict[int, str]:
    """Return the names of the watched calls by their number on this machine."""
    found = {}
    for name in (*LET, *FAKED, *REFUSED, *ANSWERED):
        number = _number(name)
        if number is not None:
            found[number] = name
    return found


def _number(name: str) -> int | None:
    try:
        number = int(pyseccomp.resolve_syscall(pyseccomp.system_arch(), name))
    except ValueError:
        return None  # a newer call than this libseccomp knows
    return number if number >= 0 else None  # negative: this machine has no such call


def _add(rules: pyseccomp.SyscallFilter, action: int, name: str) -> None:
    number = _number(name)
    if number is not None:
        rules.add_rule(action, number)

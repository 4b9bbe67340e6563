"""The system-call filter: what a confined process may ask the kernel for; everything else fails with EPERM."""

from __future__ import annotations

import errno

import pyseccomp

from aboveboard.jail.kernel import CLONE_NEWUSER

# Memory, its own descriptors, the writable folder, time, signals to itself. No socket, no process, no kernel interface.
PARSER = """
read write readv writev pread64 pwrite64 preadv pwritev lseek close close_range dup fcntl ioctl flock fsync
fdatasync mmap munmap mremap mprotect madvise brk membarrier memfd_create open openat creat stat lstat fstat
newfstatat statx access faccessat faccessat2 statfs fstatfs mkdir mkdirat rmdir unlink unlinkat rename renameat
renameat2 symlink symlinkat link linkat readlink readlinkat truncate ftruncate fallocate chmod fchmod fchmodat utime
utimes utimensat umask getdents getdents64 getcwd chdir fchdir copy_file_range sendfile fadvise64 recvmsg recvfrom
sendmsg sendto poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait futex futex_waitv
sched_yield sched_getaffinity set_robust_list rseq restart_syscall clock_gettime clock_getres clock_nanosleep
nanosleep gettimeofday time times getrusage getitimer setitimer getrandom getpid gettid getppid getuid geteuid
getgid getegid getresuid getresgid getgroups uname sysinfo rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending
rt_sigtimedwait rt_sigsuspend sigaltstack tgkill prlimit64 getrlimit setrlimit arch_prctl set_tid_address exit
exit_group
""".split()

# What running an extractor adds. New namespaces stay out: clone is checked for CLONE_NEWUSER, clone3 is unknown here.
TOOLS = """
fork vfork execve wait4 waitid pipe pipe2 dup2 dup3 kill setpgid getpgid getpgrp getsid setsid tkill alarm pause
socketpair eventfd2 getpriority setpriority sched_getparam sched_getscheduler sched_get_priority_max
sched_get_priority_min fchown chown lchown fchownat setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr
""".split()


def build(*, tools: bool) -> pyseccomp.SyscallFilter:
    """Return the filter, ready to be loaded; raises OSError or RuntimeError where libseccomp cannot make it."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in PARSER + (TOOLS if tools else []):
        _allow(rules, name)
    if tools:
        rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
        rules.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_NEWUSER, 0))
    return rules


def _allow(rules: pyseccomp.SyscallFilter, name: str) -> None:
    try:
        number = pyseccomp.resolve_syscall(pyseccomp.system_arch(), name)
    except ValueError:
        return  # a newer call than this libseccomp knows: it stays refused
    if number >= 0:  # negative: this machine has no such call
        rules.add_rule(pyseccomp.ALLOW, name)

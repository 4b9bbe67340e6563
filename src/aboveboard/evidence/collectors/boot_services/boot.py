"""Follows the start of a system from its init program to the services that run."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aboveboard.evidence.collectors.boot_services.joining import merged
from aboveboard.evidence.collectors.boot_services.openwrt import OpenWrt
from aboveboard.evidence.collectors.boot_services.systemd import Systemd
from aboveboard.model.facts import Cause
from aboveboard.readers import inits, nvram
from aboveboard.readers.shell import Command, Interpreter, Limits, State
from aboveboard.readers.shell.builtins import PATH
from aboveboard.readers.shell.state import MACHINE, UNKNOWN, Status, known, readable
from aboveboard.readers.tree import TreeView

# The kernel tries these in turn (Linux, init/main.c: run_init_process), after what its command line names.
INIT_PROGRAMS = ("/init", "/sbin/init", "/etc/init", "/bin/init")
MULTICALL = frozenset({"busybox", "toybox"})
# Set things up and end; what they say is a boot-command. Everything else that runs is a service until shown otherwise.
UTILITIES = frozenset(
    """
    mkdir mount umount chmod chown chgrp ln rm rmdir cp mv touch sleep usleep logger sysctl ifconfig route ip insmod
    modprobe rmmod depmod lsmod mknod hostname hwclock date dd cat echo printf grep egrep fgrep sed awk cut tr sort uniq
    head tail wc find xargs kill killall pidof pgrep ps top free df du sync test expr seq tee id stty tty uname which
    basename dirname readlink realpath env true false clear reset dmesg klogd_once mkswap swapon swapoff fsck e2fsck
    mkfs mke2fs flashcp mtd mtd_write nandwrite flash_erase ubiattach ubimkvol ubirsvol ubinfo nvram uci ubus jsonfilter
    jshn iptables ip6tables iptables-restore ip6tables-restore ebtables arptables ipset nft tc brctl vconfig iw iwconfig
    iwpriv swconfig ethtool mii-tool route arp ping ping6 nslookup wget curl tar gzip gunzip zcat bunzip2 unzip md5sum
    sha256sum hexdump od strings passwd chpasswd adduser addgroup useradd usermod deluser openssl ssh-keygen dropbearkey
    px5g lock flock mkfifo mktemp tput setterm loadkmap losetup blockdev blkid fdisk sfdisk parted diff cmp ls pwd su
    login sh ash bash dash reboot poweroff halt shutdown poff pon init switch robocfg rdwr devmem i2cset i2cget gpio led
    uname logread procd mount_root jffs2reset snapshot firstboot validate_data network_get_device fw_setenv fw_printenv
    start-stop-daemon service systemctl update-rc.d chkconfig run-parts nohup setsid exec command nice ionice chroot
    sudo time busybox toybox chrt udevadm mdev makedev kmodloader
    """.split()
)
ASKED = frozenset({"--version", "-V", "--help"})  # as the first word: the program says something and ends
ROUNDS = 8  # of services that start further scripts
NO_INITTAB = "there is no inittab, and init was built with a default that gives a console"
MAX_STARTED = 5_000
MAX_TEXTS = 400  # scripts and lines that init, cron and systemd start
LIMITS = Limits(steps=100_000)  # for each of them


@dataclass(frozen=True, slots=True)
class Started:
    """A service: its name as called, its program's path as found, and the file behind its links."""

    name: str
    program: str
    file: str
    command: Command
    source: str
    active: str
    user: str = ""
    socket: tuple[str, int, str] | None = None  # proto, port and address that inetd or systemd listens on for it


class Boot:
    """One start of one tree."""

    def __init__(self, tree: TreeView) -> None:
        self.tree = tree
        self.interpreter = Interpreter(tree, limits=LIMITS)
        self.state = State(
            variables={"PREINIT": "1", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, exported={"PATH", "PREINIT"}
        )
        self.defaults = nvram.defaults(tree)
        self.openwrt = OpenWrt(self.interpreter)
        self.interpreter.hooks |= {"nvram": self._nvram}
        self.systemd = Systemd(tree)
        self.started: list[Started] = []
        self.commands: list[tuple[Command, str]] = []
        self.gaps: list[tuple[Cause, str, str]] = []
        self._taken = 0
        self._texts = 0
        self._multicall: dict[str, bytes] = {}
        self._source = "script"
        self._level = ""  # the run level that a sysvinit enters
        self._read_tables: set[tuple[str, int]] = set()

    @property
    def written(self) -> dict[str, str]:
        """The files that scripts wrote on the way that is taken."""
        found = {path: text for path, text in self.state.written.items() if known(path)}
        return found | self.openwrt.settings.written()

    def run(self) -> None:
        """Follow the start; what stays undecided is told in `gaps`."""
        init = next((path for path in INIT_PROGRAMS if self.tree.is_file(path)), None)
        if init is None and not self._has_scripts():
            if self.tree.is_directory("/etc") and self.tree.is_directory("/bin"):
                self.gaps.append((Cause.UNRESOLVED, "/sbin/init", "no init program was found, so what starts is not known"))
            return
        self._init(init)
        self._killed()
        for _ in range(ROUNDS):
            before = len(self.started)
            self._followers()
            if len(self.started) == before:
                break
        for path, place in sorted(self.interpreter.cut.items()):
            self.gaps.append(
                (Cause.LIMIT, path, f"the bound on steps was reached in {place}; what follows was not looked at")
            )
        if self.interpreter.limited and not self.interpreter.cut:
            self.gaps.append((Cause.LIMIT, "", "a bound was reached while boot scripts were followed"))
        for path, lines in sorted(self.interpreter.unseen.items()):
            shown = ", ".join(str(line) for line in sorted(lines)[:20])
            self.gaps.append((Cause.UNRESOLVED, path, f"line {shown}: what is run there is not known"))
        for path, line in sorted(self.interpreter.damaged.items()):
            self.gaps.append((Cause.DAMAGED, path, f"line {line} of the script does not parse; the rest of it counts"))

    def _killed(self) -> None:
        """Take back services that a later command of the same boot ends."""
        order = {(command.path, command.line, command.argv): at for at, command in enumerate(self.interpreter.commands)}
        ends = [
            (order.get((command.path, command.line, command.argv), 0), command.argv[1:])
            for command, active in self.commands
            if command.argv[0] in ("killall", "pkill") and active == "yes"
        ]
        for number, item in enumerate(self.started):
            at = order.get((item.command.path, item.command.line, item.command.argv), 0)
            if item.active == "yes" and any(end > at and item.name in names for end, names in ends):
                self.started[number] = replace(item, active="conditional")

    def _has_scripts(self) -> bool:
        return any(
            self.tree.exists(path)
            for path in ("/etc/inittab", "/etc/init.d/rcS", "/etc/rc.d/rcS", "/etc/rcS", "/etc/rc.common")
        )

    def _init(self, init: str | None) -> None:
        resolved = self.tree.resolve(init) if init else None
        name = posixpath.basename(resolved or "")
        if init and self.tree.head(init, 2) == b"#!":
            self._source = "script"
            self.script(init, ())
        elif name == "systemd" or (init and self.systemd.present() and "systemd" in (resolved or "")):
            self._systemd()
            return
        if self.tree.exists("/etc/preinit") and self.openwrt.present():
            self._source = "script"
            self.script("/etc/preinit", ())
        self._inittab(resolved or "")

    def _inittab(self, init: str) -> None:
        text = self.tree.text("/etc/inittab", limit=1 << 20)
        runs_rc = False
        default = "" if self.openwrt.present() else inits.BUSYBOX_DEFAULT
        lines = list(inits.read_inittab(text if text is not None else default))
        self._level = inits.initdefault(lines) if "busybox" not in init and "toybox" not in init else ""
        for line in lines:
            if not line.process or not inits.runs_at_boot(line, self._level):
                continue
            self._source = "inittab"
            process = line.process.lstrip("-@+")
            step = f"/etc/inittab:{line.line} {line.action}"
            if self.openwrt.present() and process.split()[:2] == ["/etc/init.d/rcS", "S"]:
                runs_rc = True
                self._rc_d()
                continue
            before = len(self.interpreter.commands)
            # without an inittab init has its own default, and whether that gives a console depends on how it was built
            unsure = text is None and line.action == "askfirst"
            self.text(process, "/etc/inittab", (step,), line.line, (NO_INITTAB,) if unsure else ())
            runs_rc = runs_rc or len(self.interpreter.commands) > before
            self._take()
        if self.openwrt.present() and not runs_rc:
            self._rc_d()
        if not text or not self._runs_levels():
            self._levels(init)

    def _runs_levels(self) -> bool:
        """Tell whether what ran so far came from run-level directories, or there are none."""
        return any(path.startswith("/etc/rc") and ".d/" in path for path in self._paths())

    def _paths(self) -> Iterator[str]:
        for command, _ in self.commands:
            yield command.path
            yield from command.via
        for started in self.started:
            yield started.command.path
            yield from started.command.via

    def _rc_d(self) -> None:
        """Run OpenWrt's enabled services in their order; procd does this itself."""
        self._source = "rc.d"
        for name in self.tree.listdir("/etc/rc.d"):
            if name.startswith("S") and len(name) > 3:
                before = len(self.started)
                self.script(f"/etc/rc.d/{name}", ("boot",))
                text = self.tree.text(f"/etc/rc.d/{name}", limit=1 << 18) or ""
                if len(self.started) == before and any(word in text for word in ("_interface_trigger", "_raw_trigger")):
                    # some wait at boot for their interface; procd then runs them
                    self.script(f"/etc/rc.d/{name}", ("start",))

        self._hotplug()

    def _hotplug(self) -> None:
        """Run what OpenWrt runs when an interface comes up: some services are started there and not at boot."""
        self._source = "hotplug"
        variables = {"ACTION": "ifup", "INTERFACE": UNKNOWN, "DEVICE": UNKNOWN}
        for name in self.tree.listdir("/etc/hotplug.d/iface"):
            path = f"/etc/hotplug.d/iface/{name}"
            self.text(". /lib/functions.sh; . " + path, path, (f"{path} when an interface comes up",), 0, (), variables)
            self._take()

    def _levels(self, init: str) -> None:
        """Run the scripts of the usual run levels, where no script of the image does it (sysv-rc is a program)."""
        if "busybox" in init or "toybox" in init:
            return
        for level in ("S", self._level) if self._level else ("S", "2", "3", "5"):
            folder = next((f for f in (f"/etc/rc{level}.d", f"/etc/rc.d/rc{level}.d") if self.tree.is_directory(f)), None)
            if folder is None:
                continue
            self._source = "sysv"
            for name in self.tree.listdir(folder):
                if name.startswith("S"):
                    self.script(f"{folder}/{name}", ("start",))
            if level != "S":
                return  # one level is entered: the first that there is

    def _systemd(self) -> None:
        for unit, commands in self.systemd.started():
            self._source = "systemd"
            for step, line, user, text in commands:
                self.text(text, unit, (step,), line)
                self._take(user=user, name=posixpath.basename(unit))
        for unit, proto, port, address, argv, line in self.systemd.sockets():
            self._add_socket("systemd", unit, line, proto, port, address, argv, "")

    def script(self, path: str, arguments: tuple[str, ...]) -> None:
        """Interpret a script of the tree as init would start it."""
        resolved = self.tree.resolve(path) or path
        self.text(" ".join((path, *arguments)), resolved if not self.tree.is_file(path) else path, (), 0)
        self._take()

    def text(
        self,
        command: str,
        path: str,
        via: tuple[str, ...],
        line: int,
        conditions: tuple[str, ...] = (),
        variables: dict[str, str] | None = None,
    ) -> None:
        """Interpret a command line that stands in a file of the tree."""
        padding = "\n" * max(0, line - 1)
        if self._texts >= MAX_TEXTS:
            self.interpreter.limited = True
            return
        self._texts += 1
        self.interpreter.renew()
        inner = self.state.child()
        inner.conditions = conditions
        inner.variables |= variables or {}
        self.interpreter.run_text((padding + command).encode("utf-8", "replace"), path, via, inner)
        self.state.after(inner)

    def _take(self, *, user: str = "", name: str = "") -> None:
        """Sort the commands that came since the last time into services and other commands."""
        fresh = self.interpreter.commands[self._taken :]
        self._taken = len(self.interpreter.commands)
        for command in merged(fresh):
            active = "conditional" if command.conditions else "yes"
            called = posixpath.basename(command.argv[0])
            program, file = self._find(command.argv[0])
            if not known(command.argv[0]) or (file == "" and not self._volatile(command.argv[0])):
                active = "no" if known(command.argv[0]) else "conditional"
            if (
                called in UTILITIES
                or set(command.argv[1:2]) & ASKED
                or len(self.started) >= MAX_STARTED
                or not known(called)
            ):
                self.commands.append((command, active))
            else:
                self.started.append(Started(name or called, program, file, command, self._source, active, user))

    def _volatile(self, word: str) -> bool:
        return word.startswith(("/tmp/", "/var/", "/mnt/", "/overlay/", "/opt/"))  # noqa: S108 - names in an image

    def _find(self, word: str) -> tuple[str, str]:
        """Return the path of a program and the file behind it; an applet that has no link is its multi-call program."""
        candidates = [word] if "/" in word else [f"{folder}/{word}" for folder in PATH]
        for path in candidates:
            resolved = self.tree.resolve(path)
            if resolved is not None and self.tree.is_file(path):
                return path, resolved
        name = posixpath.basename(word)
        if "/" not in word:
            for path in ("/bin/busybox", "/usr/bin/busybox", "/bin/toybox", "/usr/bin/toybox"):
                if self.tree.is_file(path) and b"\0" + name.encode("utf-8", "replace") + b"\0" in self._applets(path):
                    return path, self.tree.resolve(path) or path
        return word, ""

    def _applets(self, path: str) -> bytes:
        if path not in self._multicall:
            self._multicall[path] = self.tree.read(path) or b""
        return self._multicall[path]

    # -- what services start in turn ----------------------------------------------------------------------------------

    def _followers(self) -> None:
        for item in list(self.started):
            name = posixpath.basename(item.program)
            if name in ("inetd", "xinetd", "openbsd-inetd"):
                self._inetd(item)
            elif name in ("crond", "cron", "dcron", "fcron") and item.active != "no":
                self._cron(item)

    def _new(self, path: str, line: int) -> bool:
        """Tell whether a line of a table is seen for the first time."""
        place = (self.tree.resolve(path) or path, line)
        fresh = place not in self._read_tables
        self._read_tables.add(place)
        return fresh

    def _inetd(self, item: Started) -> None:
        services = inits.read_services(self.tree.text("/etc/services", limit=1 << 20) or "")
        named = [word for word in item.command.argv[1:] if word.startswith("/")]
        files = [*named, "/etc/inetd.conf"] if item.name != "xinetd" else []
        found = [(path, service) for path in files for service in inits.read_inetd(self._text(path), services)]
        for path in ("/etc/xinetd.conf", *(f"/etc/xinetd.d/{name}" for name in self.tree.listdir("/etc/xinetd.d"))):
            if item.name == "xinetd":
                found += [(path, service) for service in inits.read_xinetd(self._text(path), services)]
        for path, service in found:
            if self._new(path, service.line):
                self._add_socket(
                    "inetd", path, service.line, service.proto, service.port, service.address, service.argv,
                    service.user, item,
                )  # fmt: skip

    def _add_socket(
        self, source: str, path: str, line: int, proto: str, port: int, address: str, argv: tuple[str, ...], user: str,
        starter: Started | None = None,
    ) -> None:  # fmt: skip
        conditions = starter.command.conditions if starter else ()
        via = (*starter.command.via, f"{starter.command.path}:{starter.command.line} {starter.name}") if starter else ()
        program, file = self._find(argv[0])
        active = ("conditional" if conditions else "yes") if starter is None or starter.active != "no" else "no"
        if not file and argv[0] != "internal":
            active = "no"
        command = Command(argv, path, line, " ".join(argv), conditions, via)
        name = posixpath.basename(argv[0])
        self.started.append(Started(name, program, file, command, source, active, user, (proto, port, address)))

    def _cron(self, item: Started) -> None:
        argv = item.command.argv
        folders = [argv[at + 1] for at, word in enumerate(argv[:-1]) if word == "-c" and argv[at + 1].startswith("/")]
        folders = folders or ["/etc/crontabs", "/var/spool/cron/crontabs", "/var/spool/cron", "/etc/cron/crontabs"]
        tables = [(f"{folder.rstrip('/')}/{name}", False) for folder in folders for name in self._names(folder)]
        tables += [("/etc/crontab", True)]
        tables += [(f"/etc/cron.d/{name}", True) for name in self.tree.listdir("/etc/cron.d")]
        for path, with_user in tables:
            for line in inits.read_crontab(self._text(path), with_user=with_user):
                if not self._new(path, line.line):
                    continue
                self._source = "cron"
                step = f"{item.command.path}:{item.command.line} {item.name}"
                via = (*item.command.via, step, f"{path}:{line.line} at {line.when}")
                self.text(line.command, path, via, line.line, item.command.conditions)
                self._take(user=line.user)

    def _names(self, folder: str) -> list[str]:
        written = [posixpath.basename(path) for path in self.state.written if posixpath.dirname(path) == folder]
        return sorted({*self.tree.listdir(folder), *written})

    def _text(self, path: str) -> str:
        text = self.interpreter.files.read(path, self.state)
        return readable(text) if text is not None else ""

    def _nvram(self, words: list[str], state: State, script: object, line: int) -> Status:
        """Answer `nvram get` from the defaults that the image ships; remember `nvram set`."""
        del script, line
        if len(words) > 2 and words[1] == "get":
            value = state.variables.get(MACHINE + words[2], self.defaults.get(words[2]))
            self.interpreter.print(value if value is not None else UNKNOWN)
            return True if value is not None else None
        if len(words) > 2 and words[1] == "set":
            key, _, value = " ".join(words[2:]).partition("=")
            state.variables[MACHINE + key] = value
        return True

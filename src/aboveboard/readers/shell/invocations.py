"""What the words of a command say: a shell that runs its input, a daemon that is started, a command that only asks."""

from __future__ import annotations

import posixpath
import re

SHELLS = frozenset({"sh", "ash", "bash", "dash", "hush"})


def only_asks(words: list[str]) -> bool:
    """Tell whether the command runs nothing: it looks a name up, checks a script, or prints its own help."""
    name, options = posixpath.basename(words[0]), []
    for word in words[1:]:
        if not word.startswith("-") or word == "--":
            break
        options.append(word)
    if name == "command":
        return any(re.fullmatch(r"-[pvV]*[vV]", word) for word in options)
    if name in SHELLS:
        return any(re.fullmatch(r"-[a-z]*n[a-z]*", word) for word in options)
    return words[1:] in (["--help"], ["--version"])


def daemon(words: list[str]) -> list[str]:
    """Return the command that start-stop-daemon starts (start-stop-daemon(8)); nothing when it stops one."""
    program, started, rest = "", False, list[str]()
    at = 1
    while at < len(words):
        word = words[at]
        if word == "--":
            rest = words[at + 1 :]
            break
        name, _, value = word.partition("=")
        if name == "--test" or re.fullmatch(r"-[A-Za-z]*t", word):
            return []
        if name in ("-S", "--start"):
            started = True
        elif name in ("-x", "--exec", "-a", "--startas"):
            program = value or (words[at + 1] if at + 1 < len(words) else "")
            at += 0 if value else 1
        elif not word.startswith("--") and word.startswith("-") and "S" in word[1:]:
            started = True
            if word.endswith("x") and at + 1 < len(words):
                program, at = words[at + 1], at + 1
        elif (
            name in ("-p", "--pidfile", "-n", "--name", "-c", "--chuid", "-u", "--user", "-N", "--nicelevel") and not value
        ):
            at += 1
        at += 1
    return [program, *rest] if started and program else []


def reads_input(words: list[str]) -> bool:
    """Tell whether this is a shell that runs what stands in its input (POSIX.1-2017, sh)."""
    rest = words[1:]
    while rest and rest[0].startswith("-") and rest[0] != "-":
        if "s" in rest[0] and not rest[0].startswith("--"):
            return posixpath.basename(words[0]) in SHELLS
        rest = rest[1:]
    return posixpath.basename(words[0]) in SHELLS and rest in ([], ["-"])

"""Small tools whose outcome files and arguments decide (POSIX.1-2017 XCU chapter 4): echo, cat, test, cp, ls and kin."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from aboveboard.readers.shell.conditions import evaluate
from aboveboard.readers.shell.state import STDIN, UNKNOWN, State, Status, known

if TYPE_CHECKING:
    from aboveboard.readers.shell.interpreter import Interpreter, Script

Tool = Callable[[list[str], State, "Script"], Status]
MAX_WRITTEN = 1000
MAX_MATCHING = 100_000_000  # steps of matching one pattern against one text, at the worst
MAX_CHOICES = 6  # of one pattern: each doubles what matching may take
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|0?[0-7]{1,3}|[abefnrtv\\])")


class Tools:
    """Models tools over the files of one interpretation."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter

    def table(self) -> dict[str, Tool]:
        """Return the tools by name."""
        return {
            "echo": self._echo,
            "printf": self._printf,
            "cat": self._cat,
            "[": self._test,
            "test": self._test,
            "basename": self._basename,
            "dirname": self._dirname,
            "cp": self._copy,
            "mv": self._copy,
            "ln": self._copy,
            "rm": self._remove,
            "ls": self._ls,
            "readlink": self._readlink,
            "grep": self._grep,
            "egrep": self._grep,
            "fgrep": self._grep,
            "head": self._part,
            "tail": self._part,
        }

    def _echo(self, words: list[str], state: State, script: Script) -> Status:
        del state, script
        rest = words[1:]
        newline = True
        while rest and rest[0] in ("-n", "-e", "-ne", "-en", "-E"):
            newline = newline and "n" not in rest[0]
            rest = rest[1:]
        text = " ".join(rest)
        decodes = any("e" in word for word in words[1 : len(words) - len(rest)])
        text = _unescaped(text) if decodes else text.replace("\\n", "\n")
        self._interpreter.print(text + ("\n" if newline else ""))
        return True

    def _printf(self, words: list[str], state: State, script: Script) -> Status:
        del state, script
        form, rest = (words[1] if len(words) > 1 else ""), words[2:]
        out = _unescaped(form)
        for value in rest:
            out = out.replace("%s", value, 1) if "%s" in out else out.replace("%d", value, 1)
        self._interpreter.print(UNKNOWN if "%" in out else out)
        return True

    def _cat(self, words: list[str], state: State, script: Script) -> Status:
        del script
        names = [word for word in words[1:] if not word.startswith("-")]
        if not names:
            self._interpreter.print(state.variables.get(STDIN, UNKNOWN))
            return True
        status: Status = True
        for name in names:
            text = self._interpreter.files.read(name, state) if known(name) else None
            there = self._interpreter.files.file_test("-e", name, state)
            status = there if there is not True else status
            self._interpreter.print(text if text is not None else ("" if there is False else UNKNOWN))
        return status

    def _test(self, words: list[str], state: State, script: Script) -> Status:
        del script
        inner = words[1:-1] if words[0] == "[" else words[1:]
        return evaluate(inner, lambda operator, path: self._interpreter.files.file_test(operator, path, state))

    def _basename(self, words: list[str], state: State, script: Script) -> Status:
        del state, script
        name = posixpath.basename(words[1].rstrip("/")) if len(words) > 1 else ""
        if len(words) > 2 and name.endswith(words[2]):
            name = name[: -len(words[2])] if words[2] else name
        self._interpreter.print(name)
        return True

    def _dirname(self, words: list[str], state: State, script: Script) -> Status:
        del state, script
        self._interpreter.print((posixpath.dirname(words[1]) or ".") if len(words) > 1 else "")
        return True

    def _copy(self, words: list[str], state: State, script: Script) -> Status:
        """Model `cp`, `mv` and `ln -s` of one file: what stood there stands here too."""
        del script
        names = [word for word in words[1:] if not word.startswith("-")]
        if len(names) != 2 or not all(map(known, names)):
            return True
        source, target = names
        text = self._interpreter.files.read(source, state)
        if self._interpreter.tree.is_directory(target):
            target = f"{target.rstrip('/')}/{posixpath.basename(source)}"
        if text is None and self._interpreter.files.file_test("-e", source, state) is None:
            text = UNKNOWN  # it comes from what is there at run time alone
        if text is not None and len(state.written) < MAX_WRITTEN:
            state.written[self._interpreter.files.absolute(target, state)] = text
        return True

    def _remove(self, words: list[str], state: State, script: Script) -> Status:
        del script
        for name in words[1:]:
            if not name.startswith("-") and known(name):
                path = self._interpreter.files.absolute(name, state)
                state.written.pop(path, None)
                state.removed.add(path)
        return True

    def _ls(self, words: list[str], state: State, script: Script) -> Status:
        """List a directory of the image, one name a line, as `ls` does where its output is no terminal."""
        del script
        names = [word for word in words[1:] if not word.startswith("-")] or ["."]
        status: Status = True
        for name in names:
            path = self._interpreter.files.absolute(name, state) if known(name) else ""
            if not path:
                self._interpreter.print(UNKNOWN)
                status = None
            elif self._interpreter.tree.is_directory(path):
                self._interpreter.print("".join(f"{item}\n" for item in self._interpreter.tree.listdir(path)))
            elif self._interpreter.files.file_test("-e", path, state):
                self._interpreter.print(f"{name}\n")
            else:
                status = self._interpreter.files.file_test("-e", path, state)
        return status

    def _readlink(self, words: list[str], state: State, script: Script) -> Status:
        del state, script
        name = words[-1]
        entry = self._interpreter.tree.entries.get(name)
        resolved = self._interpreter.tree.resolve(name) if known(name) else None
        if "-f" in words and resolved is not None:
            self._interpreter.print(resolved)
            return True
        if entry is not None and entry.target:
            self._interpreter.print(entry.target)
            return True
        return False if known(name) else None

    def _grep(self, words: list[str], state: State, script: Script) -> Status:
        """Match known text against a known pattern (POSIX.1-2017 XCU grep); anything else is not known."""
        del script
        flags, operands = grep_words(words)
        pattern = grep_pattern(operands[0], flags) if operands and known(operands[0]) else None
        text = self._text_of(operands[1:], state) if flags is not None else None
        if pattern is None or text is None:
            self._interpreter.print(UNKNOWN)
            return None
        assert flags is not None
        lines = text.splitlines()
        work = sum(len(line) ** (_repetitions(pattern.pattern) + 1) for line in lines)  # the worst that matching may take
        if work > MAX_MATCHING:
            self._interpreter.print(UNKNOWN)
            return None
        self._interpreter.step(work // 10_000)
        found = [line for line in lines if (pattern.search(line) is not None) is not ("v" in flags)]
        if "c" in flags:
            self._interpreter.print(f"{len(found)}\n")
        elif "q" not in flags:
            self._interpreter.print("".join(f"{line}\n" for line in found))
        return bool(found)

    def _text_of(self, names: list[str], state: State) -> str | None:
        """Return the text of the files that are named, or of the input; None where any of it is not known."""
        if not names:
            text = state.variables.get(STDIN)
            return text if text is not None and known(text) else None
        texts = []
        for name in names:
            text = self._interpreter.files.read(name, state) if known(name) else None
            if text is None and known(name) and self._interpreter.files.file_test("-e", name, state) is False:
                text = ""
            if text is None or not known(text):
                return None
            texts.append(text)
        return "".join(texts)

    def _part(self, words: list[str], state: State, script: Script) -> Status:
        """Model `head` and `tail` with a count of lines."""
        del script
        match = re.fullmatch(r"(?:head|tail)(?: -n)? ?-?(\d{1,6})?((?: [^- ]\S*)*)", " ".join(words))
        text = self._text_of(match[2].split(), state) if match is not None else None
        if match is None or text is None:
            self._interpreter.print(UNKNOWN)
            return None
        lines, count = text.splitlines(), int(match[1] or 10)
        self._interpreter.print("".join(f"{line}\n" for line in (lines[:count] if words[0] == "head" else lines[-count:])))
        return True


def grep_words(words: list[str]) -> tuple[set[str] | None, list[str]]:
    """Split grep's words into its flags and operands; flags are None where one is not modelled."""
    flags: set[str] = {"E"} if words[0] == "egrep" else ({"F"} if words[0] == "fgrep" else set())
    operands: list[str] = []
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word == "-e" and rest:
            operands.insert(0, rest.pop(0))
        elif word == "--":
            operands += rest
            break
        elif word.startswith("-") and len(word) > 1:
            if not set(word[1:]) <= set("qvixwFEscnh"):
                return None, operands
            flags |= set(word[1:])
        else:
            operands.append(word)
    return flags, operands


def grep_pattern(text: str, flags: set[str] | None) -> re.Pattern[str] | None:
    """Return grep's pattern as Python's (POSIX.1-2017 XBD chapter 9); None where it has more than is modelled."""
    if flags is None or len(text) > 500:
        return None
    if "F" in flags:
        expression = re.escape(text)
    else:
        expression = re.sub(r"\[\[:(\w+):\]", lambda match: "[" + _CLASSES.get(match[1], "\0"), text)
        if "E" not in flags:  # in a basic expression the plain sign is the letter and the escaped one the operator
            expression = re.sub(r"\\([(){}|+?])|([(){}|+?])", lambda m: m[1] or "\\" + m[2], expression)
            expression = re.sub(r"^(\^?)\*", r"\1\\*", expression)
    if "x" in flags:
        expression = f"^(?:{expression})$"
    if "w" in flags:
        expression = rf"\b(?:{expression})\b"
    # a repeated group, or many choices, could take for ever
    if re.search(r"[*+?})][*+{]|\)\?|\\\d", expression) or len(re.findall(r"[?(]", expression)) > MAX_CHOICES:
        return None
    try:
        return re.compile(expression, re.IGNORECASE if "i" in flags else 0)
    except (re.error, OverflowError):
        return None


def _repetitions(expression: str) -> int:
    return len(re.findall(r"(?<!\\)[*+{]", expression))


_CLASSES = {
    "space": r"\s",
    "digit": "0-9",
    "alpha": "A-Za-z",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "blank": r" \t",
}


def _unescaped(text: str) -> str:
    """Return a text with its escapes as `printf` and `echo -e` write them (POSIX.1-2017, printf; busybox has `x` too)."""
    return _ESCAPE.sub(lambda match: _escape(match[1]), text)


def _escape(found: str) -> str:
    if found[0] == "x":
        return chr(int(found[1:], 16))
    if found[0].isdigit():
        return chr(int(found, 8) & 0xFF)
    return {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}[found]

"""UCI settings, as OpenWrt and its derivatives keep them in /etc/config (OpenWrt user guide, "The UCI system")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\#.*)|([^\s'"#]+)""")


@dataclass
class Section:
    """A section: its type, its name (`cfgNN` where it has none), and its options with their lines."""

    type: str
    name: str
    line: int
    anonymous: bool = False
    options: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    under: dict[str, tuple[str, ...]] = field(default_factory=dict)  # conditions that a script set an option under

    def get(self, option: str, default: str = "") -> str:
        """Return an option, or the items of a list joined by blanks, as `config_get` does."""
        if option in self.options:
            return self.options[option]
        return " ".join(self.lists[option]) if option in self.lists else default

    def line_of(self, option: str) -> int:
        """Return the line of an option, or of the section."""
        return self.lines.get(option, self.line)

    def on(self, option: str, *, default: bool) -> bool:
        """Return a boolean option, as `config_get_bool` reads it."""
        value = self.get(option).lower()
        if value in ("1", "on", "true", "yes", "enabled"):
            return True
        return False if value in ("0", "off", "false", "no", "disabled") else default


def read(text: str) -> list[Section]:
    """Return the sections of a settings file; lines that are not in form are passed over."""
    sections: list[Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = list(_words(line))
        if not words:
            continue
        keyword, rest = words[0], words[1:]
        if keyword == "config" and rest:
            anonymous = len(rest) < 2
            name = f"cfg{len(sections) + 1:02x}" if anonymous else rest[1]
            sections.append(Section(rest[0], name, number, anonymous))
        elif keyword == "option" and len(rest) >= 2 and sections:
            sections[-1].options[rest[0]] = rest[1]
            sections[-1].lines[rest[0]] = number
        elif keyword == "list" and len(rest) >= 2 and sections:
            sections[-1].lists.setdefault(rest[0], []).append(rest[1])
            sections[-1].lines.setdefault(rest[0], number)
    return sections


def write(sections: list[Section]) -> str:
    """Return sections as a settings file."""
    lines: list[str] = []
    for section in sections:
        lines.append(f"config {section.type}" + ("" if section.anonymous else f" '{section.name}'"))
        lines += [f"\toption {name} '{value}'" for name, value in section.options.items()]
        lines += [f"\tlist {name} '{value}'" for name, values in section.lists.items() for value in values]
    return "\n".join(lines) + "\n"


def find(sections: list[Section], reference: str) -> Section | None:
    """Return the section that `name` or `@type[index]` speaks of."""
    match = re.fullmatch(r"@([\w-]+)\[(-?\d{1,4})\]", reference)
    if match is None:
        return next((section for section in sections if section.name == reference), None)
    same = [section for section in sections if section.type == match[1]]
    index = int(match[2])
    return same[index] if -len(same) <= index < len(same) else None


def _words(line: str) -> Iterator[str]:
    for match in _TOKEN.finditer(line[:4096]):
        single, double, comment, plain = match.groups()
        if comment is not None:
            return
        yield next(part for part in (single, double, plain) if part is not None)

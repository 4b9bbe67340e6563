"""What is fed to a program in one go, and templates that make it from a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Script:
    """What is fed: messages one after the other, or a request as CGI gives it, a file, arguments, variables."""

    messages: tuple[bytes, ...] = ()
    env: Mapping[str, bytes] = field(default_factory=dict)
    arguments: tuple[bytes, ...] = ()
    content: bytes | None = None
    body: bytes = b""  # of a CGI request: its standard input


@dataclass(frozen=True)
class Template:
    """A position for a value. `form` names the one form of an integer that it takes, `text` that it takes texts alone."""

    name: str
    build: Callable[[bytes], Script]
    form: str = ""
    text: bool = False

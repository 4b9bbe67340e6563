"""NVRAM defaults: `key=value` lists that a router falls back to when its settings partition is empty.

There is no standard for them; the names below are where vendors' root trees keep them. Every key counts once: the first
file in the order of their names, as restoring defaults does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aboveboard.readers.tree import TreeView

MAX_FILE = 1 << 20
# A default file by its name: nvram.default(s), nvram_default, default_nvram.txt, defaults.cfg, factory.conf,
# RT2860_default_vlan ...
_NAME = re.compile(
    r"(?:nvram[._-]?(?:default|factory)s?|(?:default|factory)s?[._-]?(?:nvram|config|cfg|conf|settings?)|nvram)"
    r"(?:[._-]?\w{0,16})?(?:\.(?:txt|conf|cfg|ini|default|defaults|dat))?$|^(?:default|defaults|factory)\.(?:cfg|conf|ini|txt|dat)$"
    r"|_default_\w{1,16}$",
    re.IGNORECASE,
)
_FOLDERS = (
    "/etc/",
    "/etc_ro/",
    "/usr/etc/",
    "/config/",
    "/defaults/",
    "/usr/share/",
    "/usr/local/etc/",
    "/default/",
    "/rom/",
    "/mnt/",
)
_PAIR = re.compile(r"^\s*([A-Za-z_][\w.:-]{0,63})\s*=\s*(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Default:
    """One default: where it stands, its key and its value."""

    path: str
    line: int
    key: str
    value: str


def read(tree: TreeView) -> Iterator[Default]:
    """Yield the defaults of a tree in the order of their files and lines."""
    for entry in tree.files():
        name = entry.path.rsplit("/", 1)[-1]
        if entry.size > MAX_FILE or not entry.path.startswith(_FOLDERS) or not _NAME.search(name):
            continue
        text = tree.text(entry.path, limit=MAX_FILE) or ""
        if "\0" in text:  # some keep the list with NUL between the pairs, as in flash
            text = text.replace("\0", "\n")
        for number, line in enumerate(text.splitlines(), 1):
            match = _PAIR.match(line)
            if match is not None:
                value = match[2]
                if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
                    value = value[1:-1]
                yield Default(entry.path, number, match[1], value)


def defaults(tree: TreeView) -> dict[str, str]:
    """Return the defaults by key."""
    found: dict[str, str] = {}
    for item in read(tree):
        found.setdefault(item.key, item.value)
    return found

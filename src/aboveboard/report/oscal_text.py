"""Text from evidence as OSCAL takes it: file names are foreign, and some fields of OSCAL are read as Markdown.

OSCAL has three kinds of text that matter here (NIST OSCAL 1.2, datatypes): `string`, one line that neither begins nor ends
with a blank; `markup-line` and `markup-multiline`, in which a program that shows the document finds links, images and HTML;
and `token`, which none of what is foreign is used for.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from aboveboard.model.canonical import JSON

NAMESPACE = "https://aboveboard.example/ns/oscal"
LINE, TITLE = 1000, 200  # characters of one line, of a title
NOTHING = "(empty)"
_MARKUP = re.compile(r"[\\`*_\[\]{}<>~^&!|$\"]")
_BLOCK = re.compile(r"^(\d{0,9})([-+#=.)])")  # what begins a list, a heading or a rule (CommonMark 0.31, sections 4 and 5)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)


def line(text: object, most: int = LINE) -> str:
    """Return text as one OSCAL `string`: never empty, at most `most` characters, nothing in it that does not print."""
    flat = " ".join(str(text)[: 4 * most].split())  # what is cut off cannot come back by joining blanks
    shown = flat if flat.isprintable() else "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in flat)
    if len(shown) > most:
        shown = shown[: most - 3].rstrip() + "..."
    return shown or NOTHING


def markup(text: object, most: int = LINE) -> str:
    """Return text as one line of OSCAL markup that says what it says: no link, image, HTML or list comes out of it."""
    return _BLOCK.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", line(text, most)))


def paragraphs(texts: Iterable[str]) -> str:
    """Return lines of markup as paragraphs."""
    return "\n\n".join(texts)


def prop(name: str, value: object) -> JSON:
    """Return a property in our namespace; `name` is ours."""
    shown = ("yes" if value else "no") if isinstance(value, bool) else line(value)
    return {"name": name, "ns": NAMESPACE, "value": shown}


def hex_of(digest: str) -> str | None:
    """Return the 64 hexadecimal digits of a digest, None for what is none."""
    match = _DIGEST.fullmatch(digest)
    return match[1] if match else None


def link_of(digest: str) -> list[JSON]:
    """Return links to the bytes of a digest, wherever they lie: a named information URI (RFC 6920 section 3)."""
    digits = hex_of(digest)
    if digits is None:
        return []
    name = base64.urlsafe_b64encode(bytes.fromhex(digits)).decode().rstrip("=")
    return [{"href": f"ni:///sha-256;{name}", "hashes": [{"algorithm": "SHA-256", "value": digits}]}]

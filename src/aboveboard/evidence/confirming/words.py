"""What the words of a program and of an image say: verbs, fields and paths to try, and what is documented."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from aboveboard.evidence.confirming.candidate import Candidate, Constant
from aboveboard.readers import elf
from aboveboard.readers.strings import terminated
from aboveboard.readers.tree import TreeView

MAX_WORDS = 6000
MAX_DOCUMENT = 1 << 20
MAX_DOCUMENTS = 24 << 20  # bytes of all
_DOCUMENTS = (
    ".html",
    ".htm",
    ".shtml",
    ".js",
    ".asp",
    ".php",
    ".jsp",
    ".txt",
    ".md",
    ".rst",
    ".xml",
    ".json",
    ".hlp",
    ".man",
)
_DOCUMENT_FOLDERS = ("/usr/share/doc/", "/usr/share/man/", "/usr/doc/", "/usr/man/", "/usr/share/help/")
# Words that a protocol's own standard names: RFC 959, 2228, 2389, 2428, 2640, 3659, 5321, 1939, 3501 (verbs), 9110, 4918,
# 5789 (methods), 9110 and the IANA registry of message headers (fields), 3875 (CGI), 1350 and 2347 (TFTP).
STANDARD = frozenset(
    """
    user pass acct cwd cdup smnt rein quit port pasv type stru mode retr stor stou appe allo rest rnfr rnto abor dele rmd
    mkd pwd list nlst site syst stat help noop auth adat prot pbsz ccc mic conf enc feat opts eprt epsv lang mdtm size mlst
    mlsd xcup xcwd xmkd xpwd xrmd helo ehlo mail rcpt data rset vrfy expn turn starttls bdat etrn top uidl apop dele capa
    stls login logout select examine create delete rename subscribe fetch store copy append close expunge search idle
    get head post put patch options trace connect propfind proppatch mkcol move lock unlock report notify m-search
    http/1.0 http/1.1 http/2 http/0.9 accept accept-charset accept-encoding accept-language authorization cache-control
    connection content-encoding content-language content-length content-location content-type content-disposition cookie
    date expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive
    last-modified location max-forwards origin pragma proxy-authorization range referer te trailer transfer-encoding upgrade
    user-agent vary via warning www-authenticate x-forwarded-for x-requested-with basic bearer digest chunked gzip deflate
    identity close keep-alive multipart/form-data application/x-www-form-urlencoded text/html text/plain application/json
    server_software server_name gateway_interface server_protocol server_port request_method path_info path_translated
    script_name query_string remote_host remote_addr auth_type remote_user remote_ident content_type content_length
    netascii octet blksize tsize timeout anonymous ftp localhost true false yes no on off null none utf-8 ascii binary
    """.split()
)
_VERB = re.compile(rb"[A-Z][A-Z0-9]{2,11}")
_FIELD = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]{0,23}=?")
_HEADER = re.compile(rb"([A-Z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+|Cookie|Authorization|Referer|Host|Accept|Range|From)(?:: ?)?")
_ENVIRONMENT = re.compile(rb"[A-Z][A-Z0-9_]{3,40}")
_PATH = re.compile(rb"/[A-Za-z0-9_./-]{1,60}")
_ENDS = frozenset({b"QUIT", b"EXIT", b"BYE", b"LOGOUT", b"ABOR"})


@dataclass(frozen=True)
class Words:
    """The texts of a program, and what it imports (empty where that is not known)."""

    texts: tuple[bytes, ...]
    imports: frozenset[str] = frozenset()
    static: bool = False

    @classmethod
    def of(cls, data: bytes) -> Words:
        """Read a program; what is no ELF file gives its words alone."""
        texts = []
        for _, text in terminated(data, least=2, most=200, lines=True):
            texts.append(text)
            if len(texts) >= MAX_WORDS * 4:
                break
        kept = tuple(dict.fromkeys(text.strip(b"\r\n\t ") for text in texts))[: MAX_WORDS * 2]
        try:
            program = elf.read(data)
        except elf.ElfError:
            return cls(kept)
        return cls(kept, frozenset(program.imports), program.linking == "static")

    def around(self, constant: Constant) -> Words:
        """Return the texts, those nearest to the constant first, where it is one of them.

        In a static program the C library's own texts, and code that looks like text, are most of them.
        """
        if not isinstance(constant, bytes) or constant not in self.whole:
            return self
        place = self.texts.index(constant)
        near = sorted(range(len(self.texts)), key=lambda number: abs(number - place))
        return replace(self, texts=tuple(self.texts[number] for number in near))

    @cached_property
    def whole(self) -> frozenset[bytes]:
        """The texts as a set."""
        return frozenset(self.texts)

    def verbs(self) -> list[bytes]:
        """Return what looks like the commands of a line protocol, those that end a session left out."""
        found = [text.split(b" ")[0] for text in self.texts if _VERB.fullmatch(text.split(b" ")[0])]
        return [one for one in dict.fromkeys(found) if one not in _ENDS and not one.startswith(b"HTTP")][:60]

    def headers(self) -> list[str]:
        """Return what looks like header fields, also those that a CGI program asks its environment for (RFC 3875)."""
        found = [match[1].decode() for text in self.texts if (match := _HEADER.fullmatch(text))]
        found += [
            "-".join(part.capitalize() for part in text[5:].decode().split("_"))
            for text in self.texts
            if text.startswith(b"HTTP_") and _ENVIRONMENT.fullmatch(text)
        ]
        return list(dict.fromkeys(found))[:40]

    def fields(self) -> list[str]:
        """Return what looks like names of fields and settings: one word; those that end in `=` first."""
        words = [text.rstrip(b"=") for text in self.texts if _FIELD.fullmatch(text) and text.endswith(b"=")]
        words += [text for text in self.texts if _FIELD.fullmatch(text) and not text.startswith(b"_") and len(text) > 1]
        words += [match[1] for text in self.texts for match in re.finditer(rb"(?:^|[?&\s;])([A-Za-z_]\w{0,23})=%?", text)]
        known = [
            one.decode() for one in dict.fromkeys(words) if not one.startswith((b"GLIBC", b"lib", b"GCC", b".")) and one
        ]
        return [one for one in known if one not in self.imports][:120]

    def paths(self) -> list[str]:
        """Return what looks like paths of a web server, files of the system left out."""
        found = [text.decode() for text in self.texts if _PATH.fullmatch(text)]
        system = ("/etc", "/bin", "/sbin", "/usr", "/dev", "/proc", "/lib", "/tmp", "/var", "/sys", "/home", "/root")  # noqa: S108
        return [one for one in dict.fromkeys(found) if not one.startswith(system)][:12]

    def environment(self) -> list[str]:
        """Return what looks like names of environment variables."""
        found = [text.decode() for text in self.texts if _ENVIRONMENT.fullmatch(text)]
        return [one for one in dict.fromkeys(found) if not one.startswith(("GLIBC", "GCC", "LD_"))][:60]

    def has(self, *names: str) -> bool:
        """Tell whether any of the names is imported, or, in a static program, may be."""
        return bool(self.imports.intersection(names)) or any(name.encode() in self.whole for name in names)


def documents(tree: TreeView) -> Iterator[str]:
    """Yield the texts by which an image explains itself: pages, scripts of pages, help, manuals; bounded."""
    size = 0
    for entry in tree.files():
        if not (entry.path.lower().endswith(_DOCUMENTS) or entry.path.startswith(_DOCUMENT_FOLDERS)
                or posixpath.basename(entry.path).lower().startswith(("readme", "help"))):  # fmt: skip
            continue
        size += min(entry.size, MAX_DOCUMENT)
        if size > MAX_DOCUMENTS:
            return
        yield tree.text(entry.path, limit=MAX_DOCUMENT) or ""


def help_of(words: Words, constant: Constant) -> Iterator[str]:
    """Yield the program's own help: texts of several words in which the constant is one of them."""
    needle = constant if isinstance(constant, bytes) else b"%d" % constant
    for text in words.texts:
        if needle in text and text != needle and len(text.split()) >= 3 and b"%s" not in text:
            yield text.decode("utf-8", "replace")


def is_documented(constant: Constant, texts: Iterable[str]) -> str:
    """Return the line in which a text names the constant as a word of its own, or nothing.

    Words of a protocol's standard are documented by it. Integers below 256 are not looked for: every text has them.
    """
    if isinstance(constant, int):
        if constant < 256:
            return ""
        word = rf"(?<![0-9A-Za-z])(?:0[xX]0*{constant:x}|{constant})(?![0-9A-Za-z])"
    else:
        plain = constant.decode("utf-8", "replace").strip()
        if plain.lower().rstrip(":= ") in STANDARD:
            return f"{plain}: a word of a protocol's standard"
        if len(plain) < 2:
            return ""
        word = rf"(?<![0-9A-Za-z]){re.escape(plain)}(?![0-9A-Za-z])"
    found = re.compile(word, re.IGNORECASE)
    for text in texts:
        match = found.search(text)
        if match is not None:
            start = text.rfind("\n", 0, match.start()) + 1
            return text[max(start, match.start() - 60) : match.end() + 60].split("\n")[0].strip() or "named"
    return ""


def neighbours(candidate: Candidate, words: Words, count: int) -> list[bytes]:
    """Return other values that a dispatcher might know: the candidate's siblings, and words of the same shape."""
    found: list[bytes] = [one for one in candidate.siblings if isinstance(one, bytes)]
    constant = candidate.constant
    if isinstance(constant, bytes) and constant.isascii():
        place = words.texts.index(constant) if constant in words.whole else len(words.texts) // 2
        near = sorted(range(len(words.texts)), key=lambda number: abs(number - place))
        shape = re.compile(rb"[A-Za-z_/][\w/.-]{1,23}" if re.fullmatch(rb"[A-Za-z_/][\w/.-]*", constant) else rb"\S{2,24}")
        found += [words.texts[number] for number in near[: count * 8] if shape.fullmatch(words.texts[number])]
    return [one for one in dict.fromkeys(found) if one != constant and one not in _ENDS][:count]

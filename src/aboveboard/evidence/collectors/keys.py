"""Keys that are the same on every unit: private keys of the image, and SSH keys that may log in.

A private key in the image is on every device that runs it. It is `confirmed` where a service that boots uses it: an
SSH server its host key, any program whose command line, settings or strings name the file; a candidate where nothing
shows a use; only observed when it is encrypted, lies among documentation and tests, or is a cryptographic library's
own test key. A certificate with the same public key says what for. A key that may log in over SSH is `confirmed`
where an SSH server boots.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.evidence.logins import Login, logins
from aboveboard.evidence.services import KINDS, Boot, standing_of, strongest
from aboveboard.evidence.usage import Usage
from aboveboard.model.facts import Fact, Gap, Where
from aboveboard.readers.keys import authorised_keys
from aboveboard.readers.tree import TreeView

NAME = "keys"
VERSION = 2
SUBJECT = "tree"
NEEDS = (*KINDS, "private-key", "certificate")
EMITS = {
    "shared-key": "name (path), algorithm, bits, use (login or cryptography), certificates, active, via",
    "authorised-key": "name (fingerprint), user, algorithm, comment, active, via",
}
CLAUSES = ("NB-02", "NB-03", "NB-13")

MAX_FILE = 256 * 1024
_EXAMPLES = re.compile(r"/usr/share/doc/|/examples?/|/tests?/|/testdata/|/man/|\.pub$")
# Libraries of cryptography carry keys to test themselves with at start (FIPS 140-3 section 7.10, self-tests).
_LIBRARY = re.compile(
    r"/lib(?:gnutls|crypto|ssl|gcrypt|mbed\w*|nettle|wolfssl|nss\w*|polarssl|cyassl|axtls|bear\w*|tomcrypt)\b[^/]*\.so"
)
_KEY_FILES = ("authorized_keys", "authorized_keys2")
# Host keys that servers take without being told (dropbear(8), sshd_config(5) HostKey).
_HOST_KEY = re.compile(
    r"^/etc/(?:dropbear/dropbear_\w+_host_key|ssh/ssh_host_\w+_key|ssh_host_\w*key|dropbear_\w+_host_key)$"
)
_CLIENT_KEY = re.compile(r"/\.ssh/(?:id_\w+|identity)$")

_LINE = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f planted\n"
_KEY = Fact("private-key", Where(path="/etc/web.key"), {"algorithm": "rsa", "bits": 2048, "encrypted": False, "public": ""})
PLANTED = (
    Planted(
        {"/root/.ssh/authorized_keys": _LINE},
        (("authorised-key", {"user": "root", "comment": "planted", "active": "yes"}),),
        needs=(Fact("boot-service", Where(path="/etc/rc", line=1), {"argv": ["sshd"], "active": "yes"}),),
    ),
    Planted(
        {"/etc/web.key": b"x", "/etc/web.conf": b"key /etc/web.key\n"},
        (("shared-key", {"name": "/etc/web.key", "use": "cryptography", "active": "yes"}),),
        (
            _KEY,
            Fact(
                "boot-service", Where(path="/etc/rc", line=1), {"argv": ["httpd", "-c", "/etc/web.conf"], "active": "yes"}
            ),
        ),
    ),
)


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the keys of one tree."""
    boot = Boot.of(needs)
    usage = Usage(tree, boot)
    ways = [way for way in logins(boot, tree) if way.kind == "ssh"]
    servers = [(way.active, f"SSH server: {way.service.step()}") for way in ways]
    for fact in needs.of("private-key"):
        yield _shared(fact, needs.of("certificate"), usage, servers)
    yield from _authorised(tree, boot, ways)


def _shared(fact: Fact, certificates: list[Fact], usage: Usage, servers: list[tuple[str, str]]) -> Fact:
    path, public = fact.where.path, fact.data.get("public")
    names = {str(c.data.get("subject")) for c in certificates if public and c.data.get("public") == public}
    active, via = usage.of_file(path)
    if active == "no":  # named by a settings file that is itself in use
        active, via = usage.of_mention(path)
    family = "dropbear" if "dropbear" in path else "sshd"
    takers = [(answer, step) for answer, step in servers if family in step]
    if _HOST_KEY.match(path) and takers and active == "no":
        active = strongest(answer for answer, _ in takers)
        via = [step for _, step in takers]
    if active == "no":
        active = "unknown"
    elif active == "yes" and usage.is_made(path):
        active = "conditional"
    if fact.data.get("encrypted") or _EXAMPLES.search(path) or _LIBRARY.search(path):
        active = "no"
    return Fact(
        "shared-key",
        fact.where,
        {
            "name": path,
            "algorithm": fact.data.get("algorithm", "unknown"),
            "bits": fact.data.get("bits", 0),
            "public": public or "",
            "use": "login" if _CLIENT_KEY.search(path) else "cryptography",
            "certificates": sorted(names),
            "active": active,
            "via": list(via[:8]),
        },
        standing_of(active),
    )


def _authorised(tree: TreeView, boot: Boot, ways: list[Login]) -> Iterator[Fact]:
    texts = {entry.path: tree.text(entry.path, limit=MAX_FILE) or "" for entry in tree.files() if _is_key_file(entry.path)}
    texts |= {path: text for path in boot.files if _is_key_file(path) and (text := boot.content(path)) is not None}
    for path, text in sorted(texts.items()):
        user = _user(path)
        taking = [way for way in ways if _takes(way, user)]
        active = strongest(way.active for way in taking) if taking else ("no" if ways or user == "skel" else "unknown")
        for key in authorised_keys(text[:MAX_FILE]):
            yield Fact(
                "authorised-key",
                Where(path=path, line=key.line),
                {
                    "name": key.fingerprint,
                    "user": user,
                    "algorithm": key.algorithm,
                    "comment": key.comment,
                    "active": active,
                    "via": [f"SSH server: {way.service.step()}" for way in taking[:4]],
                },
                standing_of(active),
            )


def _takes(way: Login, user: str) -> bool:
    """Tell whether an SSH server lets this user in with a key."""
    if not way.keys or user in way.denied or (way.allowed is not None and user not in way.allowed) or user == "skel":
        return False
    return way.root_keys or user != "root"


def _is_key_file(path: str) -> bool:
    return posixpath.basename(path) in _KEY_FILES and _EXAMPLES.search(path) is None


def _user(path: str) -> str:
    """Return whose key file it is: dropbear's system-wide one is root's."""
    folder = posixpath.dirname(path)
    if folder == "/etc/skel/.ssh":
        return "skel"
    if folder.endswith("/.ssh"):
        return posixpath.basename(posixpath.dirname(folder)) or "root"
    return "root" if folder == "/etc/dropbear" else "unknown"

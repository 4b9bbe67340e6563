"""Keys that are the same on every unit: private keys of the image, and SSH keys that may log in.

A private key in the image is on every device that runs it. The settings and scripts that name its file say who uses it;
a certificate with the same public key says what for. Whether the user of the key runs as shipped is not decided here, so
these facts are candidates. Encrypted keys, and keys inside archives of documentation or tests, are only observed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from aboveboard.evidence.collector import Needs, Planted
from aboveboard.model.facts import Fact, Gap, Standing, Where
from aboveboard.readers.keys import authorised_keys
from aboveboard.readers.tree import TreeView

NAME = "keys"
VERSION = 1
SUBJECT = "tree"
NEEDS = ("private-key", "certificate")
EMITS = {
    "shared-key": "name (path), algorithm, bits, use (login or cryptography), certificates, used_by, active",
    "authorised-key": "name (fingerprint), user, algorithm, comment, active",
}
CLAUSES = ("NB-02", "NB-03", "NB-13")

MAX_SETTING = 256 * 1024
_SETTINGS = ("/etc", "/usr/etc", "/etc_ro", "/www", "/usr/share", "/opt")
_EXAMPLES = ("/usr/share/doc/", "/usr/share/examples/", "/test/", "/tests/")
_KEY_FILES = ("authorized_keys", "authorized_keys2")

_LINE = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f planted\n"
PLANTED = (
    Planted({"/root/.ssh/authorized_keys": _LINE}, (("authorised-key", {"user": "root", "comment": "planted"}),)),
    Planted(
        {"/etc/web.key": b"x", "/etc/web.conf": b"key /etc/web.key\n"},
        (("shared-key", {"name": "/etc/web.key", "used_by": ["/etc/web.conf"]}),),
        (
            Fact(
                "private-key",
                Where(path="/etc/web.key"),
                {"algorithm": "rsa", "bits": 2048, "encrypted": False, "public": ""},
            ),
        ),
    ),
)


def collect(tree: TreeView, needs: Needs) -> Iterator[Fact | Gap]:
    """Yield the keys of one tree."""
    private = needs.of("private-key")
    settings = _settings(tree) if private else {}
    for fact in private:
        yield _shared(fact, needs.of("certificate"), settings)
    yield from _authorised(tree)


def _shared(fact: Fact, certificates: list[Fact], settings: dict[str, bytes]) -> Fact:
    path = fact.where.path
    public = fact.data.get("public")
    matching = [c for c in certificates if public and c.data.get("public") == public]
    users = sorted(other for other, text in settings.items() if path.encode() in text and other != path)
    example = any(part in path for part in _EXAMPLES)
    usable = not (fact.data.get("encrypted") or example)
    names = [str(certificate.data.get("subject")) for certificate in matching]
    return Fact(
        "shared-key",
        fact.where,
        {
            "name": path,
            "algorithm": fact.data.get("algorithm", "unknown"),
            "bits": fact.data.get("bits", 0),
            "public": public or "",
            "use": "cryptography",
            "certificates": sorted(set(names)),
            "used_by": list(users),
            "active": "unknown" if usable else "no",
        },
        Standing.CANDIDATE if usable else Standing.OBSERVED,
    )


def _settings(tree: TreeView) -> dict[str, bytes]:
    """Return the small files in which a setting could name a key."""
    found: dict[str, bytes] = {}
    for entry in tree.files():
        if entry.path.startswith(_SETTINGS) and entry.size <= MAX_SETTING:
            data = tree.read(entry.path)
            if data is not None and b"\0" not in data[:1024]:
                found[entry.path] = data
    return found


def _authorised(tree: TreeView) -> Iterator[Fact]:
    for entry in tree.files():
        if posixpath.basename(entry.path) not in _KEY_FILES or entry.size > MAX_SETTING:
            continue
        for key in authorised_keys(tree.text(entry.path) or ""):
            yield Fact(
                "authorised-key",
                Where(path=entry.path, line=key.line),
                {
                    "name": key.fingerprint,
                    "user": _user(entry.path),
                    "algorithm": key.algorithm,
                    "comment": key.comment,
                    "active": "unknown",
                },
                Standing.CANDIDATE,
            )


def _user(path: str) -> str:
    """Return whose key file it is: dropbear's system-wide one is root's."""
    folder = posixpath.dirname(path)
    if folder.endswith("/.ssh"):
        return posixpath.basename(posixpath.dirname(folder)) or "root"
    return "root" if folder == "/etc/dropbear" else "unknown"

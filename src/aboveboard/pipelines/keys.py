"""Reads what trust hangs on from files: the chain of key rings, and private keys under their passphrase."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aboveboard.model.errors import InputError
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.strict import MAX_BYTES

PASSPHRASE = "ABOVEBOARD_PASSPHRASE"  # noqa: S105 - the name of a variable of the environment
MAX_KEY_FILE = 1 << 16  # bytes


def read_file(path: Path, what: str, limit: int = MAX_BYTES) -> bytes:
    """Return a file; raises InputError where it is none, cannot be read, or is larger than such a thing is."""
    try:
        if not path.is_file():
            raise InputError(f"there is no {what} {path}", hint="give the path of a file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="look at its owner and mode") from error
    if len(data) > limit:
        raise InputError(f"{path} has more than {limit} bytes", hint=f"a {what} is smaller")
    return data


def lines_of(data: bytes) -> list[bytes]:
    """Return the envelopes of a file: one a line (in-toto Attestation Bundle, JSON Lines)."""
    return [line for line in data.split(b"\n") if line.strip()]


def read_private(path: Path, passphrase: bytes) -> PrivateKey:
    """Return a private key; raises RefusedError for a wrong passphrase or another kind of key."""
    return PrivateKey.from_pem(read_file(path, "private key", MAX_KEY_FILE), passphrase)


def passphrase_of(file: Path | None, ask: Callable[[], str] | None) -> bytes:
    """Return the passphrase: the first line of a file, ABOVEBOARD_PASSPHRASE, or what a person types; raises InputError."""
    if file is not None:
        return read_file(file, "passphrase file", MAX_KEY_FILE).split(b"\n")[0].rstrip(b"\r")
    named = os.environ.get(PASSPHRASE)
    if named:
        return named.encode("utf-8", "surrogateescape")
    if ask is None:
        raise InputError("no passphrase was given", hint=f"give --passphrase-file, or set {PASSPHRASE}")
    return ask().encode()

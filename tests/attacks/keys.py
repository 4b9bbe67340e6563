"""Keys and things signed with them, the same in each run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from aboveboard.trust.dsse import STATEMENT, Envelope, seal
from aboveboard.trust.ed25519 import PrivateKey
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.statement import VERDICT, Statement

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ORIGIN = "log.example/verdicts"


def key(name: str) -> PrivateKey:
    """Return the key of a name."""
    return PrivateKey.from_seed(hashlib.sha256(name.encode()).digest())


SUPPLIER, CUSTOMER, OTHER, LOG, WITNESS, SECOND = map(key, ("supplier", "customer", "other", "log", "witness", "second"))
KNOWN = {"acme": SUPPLIER.public, "ministry": CUSTOMER.public}


def statement(kind: str = VERDICT) -> bytes:
    """Return a statement of a kind."""
    return Statement(kind, {"image": "ab" * 32}, {"result": "not-shown"}).to_bytes()


def envelope(*keys: PrivateKey, kind: str = VERDICT) -> Envelope:
    """Return a signed statement."""
    return seal(STATEMENT, statement(kind), keys or (SUPPLIER, CUSTOMER))


def refused(code: str, attempt: Callable[[], object]) -> RefusedError:
    """Return how the attempt was refused: with this code, and nothing else."""
    with pytest.raises(RefusedError) as caught:
        attempt()
    assert caught.value.code == code, caught.value
    assert caught.value.exit_code in (3, 4)
    assert caught.value.hint
    return caught.value

"""Compares two agreements or two declarations, signed or not: reads each as its kind of file has to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aboveboard.agreement.compare import Change, loosening
from aboveboard.agreement.compare_agreements import agreements
from aboveboard.agreement.compare_declarations import declarations
from aboveboard.agreement.declaration import document
from aboveboard.jail import Jail
from aboveboard.model.canonical import JSON, digest_of
from aboveboard.model.declaration import Declaration
from aboveboard.model.errors import InputError
from aboveboard.pipelines import agreement_writing
from aboveboard.pipelines import declarations as signed_declarations
from aboveboard.pipelines.agreement_signing import read_chain
from aboveboard.pipelines.keys import read_file
from aboveboard.pipelines.log import LogView
from aboveboard.pipelines.paper_files import read_declaration
from aboveboard.pipelines.workbench import room
from aboveboard.store.blobs import BlobStore
from aboveboard.trust import dsse
from aboveboard.trust.keyring import Ring

SIGNED = ".dsse"


@dataclass(frozen=True)
class Compared:
    """What changed between two things; `old` and `new` name them. `checked` says whether nothing signed went unchecked."""

    old: str
    new: str
    changes: tuple[Change, ...]
    checked: bool

    @property
    def loosening(self) -> list[Change]:
        """Return the changes that loosen."""
        return loosening(self.changes)

    def to_json(self) -> dict[str, JSON]:
        """Return the comparison as an object."""
        return {
            "old": self.old,
            "new": self.new,
            "checked": self.checked,
            "changes": [change.to_json() for change in self.changes],
            "loosening": len(self.loosening),
        }


def agreements_of(old: Path, new: Path | None, ring: Ring | None, at: datetime, logs: Sequence[LogView] = ()) -> Compared:
    """Compare two agreements, or the last two of a chain; raises InputError, RefusedError or UndecidedError."""
    if new is None:
        chain = read_chain(old, ring, at, logs)
        if chain.before is None:
            raise InputError(f"{old} holds one agreement and no amendment", hint="give two files")
        left, right = chain.before, chain.newest
        changes = agreements(left.document, right.document)
        return Compared(_agreement(left.document), _agreement(right.document), tuple(changes), ring is not None)
    one, other = _document(old, ring, at, logs), _document(new, ring, at, logs)
    checked = ring is not None or SIGNED not in (old.suffix, new.suffix)
    return Compared(_agreement(one), _agreement(other), tuple(agreements(one, other)), checked)


def _agreement(value: Mapping[str, JSON]) -> str:
    return f"number {value['sequence']}, {digest_of(value)}"


def _document(path: Path, ring: Ring | None, at: datetime, logs: Sequence[LogView]) -> Mapping[str, JSON]:
    """Return the newest agreement of a signed file, or that of a YAML or JSON file, where placeholders may stand."""
    if path.suffix == SIGNED:
        return read_chain(path, ring, at, logs).newest.document
    return agreement_writing.check(path).document


def declarations_of(old: Path, new: Path, ring: Ring | None, at: datetime) -> Compared:
    """Compare two declarations; raises InputError, RefusedError or UndecidedError."""
    one, other = _declaration(old, ring, at), _declaration(new, ring, at)
    checked = ring is not None or SIGNED not in (old.suffix, new.suffix)
    changes = declarations(document(one), document(other))
    return Compared(_named(one), _named(other), tuple(changes), checked)


def _declaration(path: Path, ring: Ring | None, at: datetime) -> Declaration:
    if path.suffix == SIGNED:
        data = read_file(path, "declaration")
        if ring is None:
            return signed_declarations.stated(dsse.parse(data))
        return signed_declarations.opened(data, ring, at)
    with room(None) as root, Jail() as jail:
        return read_declaration(path, jail, BlobStore(root / "blobs"))


def _named(declaration: Declaration) -> str:
    return f"{declaration.product} {declaration.version}, {declaration.digest}"

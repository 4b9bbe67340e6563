"""Reads the papers of a case from the files that a user names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from aboveboard.agreement.declaration import MAX_BYTES, document, from_confined
from aboveboard.jail import Jail
from aboveboard.model.declaration import Declaration
from aboveboard.model.errors import InputError
from aboveboard.pipelines import canaries, log, log_extracts, paper_times
from aboveboard.pipelines.case_files import MAX_LINES
from aboveboard.pipelines.confined import emitted
from aboveboard.pipelines.key_rings import chain_of
from aboveboard.pipelines.keys import lines_of, read_file
from aboveboard.pipelines.papers import Opened, Papers
from aboveboard.pipelines.signed_files import read_signed
from aboveboard.store.blobs import BlobStore
from aboveboard.trust import dsse
from aboveboard.trust.keyring import Ring, follow
from aboveboard.trust.refusal import RefusedError

_ENVELOPE = re.compile(rb'\s*\{(?s:.){0,400}"payload')


@dataclass(frozen=True)
class Handed:
    """The files that were handed in. Each folder of a log has the policy at the same place in its list."""

    agreement: Path | None = None
    declaration: Path | None = None
    records: tuple[Path, ...] = ()
    canary: Path | None = None
    logs: tuple[Path, ...] = ()
    policies: tuple[Path, ...] = ()
    keys: Path | None = None


def ring_of(path: Path | None, at: datetime) -> Ring | None:
    """Return the newest ring of a file of keys; raises RefusedError or InputError."""
    return None if path is None else follow(chain_of(path), at)


def papers_of(handed: Handed, profile: str | None, jail: Jail, blobs: BlobStore) -> Papers:
    """Read all that was handed in; raises InputError, RefusedError or SplitViewError. Signatures are not looked at here.

    A declaration in YAML is read in the jail; what is signed is JSON of a bounded form, read here. Logs are audited whole.
    """
    papers = Papers(profile=profile)
    if handed.agreement is not None:
        papers = replace(papers, agreement=_lines(handed.agreement, "agreement"))
    if handed.declaration is not None:
        envelope = _envelope(handed.declaration)
        if envelope is not None:
            papers = replace(papers, declaration=envelope)
        else:
            papers = replace(papers, unsigned=document(read_declaration(handed.declaration, jail, blobs)))
    records = tuple(line for path in handed.records for line in _records(path))
    canary = () if handed.canary is None else _lines(handed.canary, "canary")
    views = log.log_views(handed.logs, handed.policies)
    return replace(papers, records=tuple(sorted(records)), canary=canary, logs=views)


def _lines(path: Path, what: str) -> tuple[bytes, ...]:
    found = tuple(lines_of(read_signed(path, what)))
    if not found:
        raise InputError(f"{path} is empty", hint=f"give a signed {what}")
    if len(found) > MAX_LINES:
        raise InputError(f"{path} holds more than {MAX_LINES} envelopes", hint="give the ones that count")
    return found


def _records(path: Path) -> tuple[bytes, ...]:
    """Return the envelopes of a file of records; raises InputError for what is none: nobody could name it later."""
    found = _lines(path, "record")
    for line in found:
        try:
            dsse.parse(line)
        except RefusedError as error:
            raise InputError(
                f"{path} holds no signed record: {error.message}", hint="give it as `attest` wrote it"
            ) from error
    return found


def _envelope(path: Path) -> bytes | None:
    """Return the envelope that a file holds, None for one that is no envelope."""
    data = read_file(path, "declaration")
    if not _ENVELOPE.match(data):
        return None
    found = lines_of(data)
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} envelopes", hint="give one declaration")
    return found[0]


def read_declaration(path: Path, jail: Jail, blobs: BlobStore) -> Declaration:
    """Read a declaration, confined; raises InputError with its line or field."""
    reader_name = "aboveboard.agreement.declaration:read_confined"
    return from_confined(emitted(path, reader_name, "declaration", MAX_BYTES, jail, blobs))


def extracted(papers: Papers, found: Opened, image: str) -> Papers:
    """Return the papers, of each log only what speaks of this image, supplier and papers: so much goes into a bundle."""
    stated = [party for party in (found.agreement, found.declaration) if party is not None]
    said = canaries.stated(papers.canary)
    suppliers = {party.supplier for party in stated} | {one.supplier for one in said}
    cited = {(one.checkpoint.size, one.checkpoint.root) for one in said}
    named = paper_times.digests((*papers.agreement, *papers.records))
    logs = tuple(log_extracts.extract(view, suppliers, {image}, cited, named) for view in papers.logs)
    return replace(papers, logs=logs)

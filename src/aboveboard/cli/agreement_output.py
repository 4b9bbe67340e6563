"""What the commands for agreements and declarations print: results on stdout, what is said beside them on stderr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aboveboard.agreement.agreement import open_places
from aboveboard.agreement.shape import MAX_PROBLEMS
from aboveboard.cli.common import say, talker, write_new
from aboveboard.cli.trust_options import give
from aboveboard.model.agreement import Agreement
from aboveboard.model.canonical import JSON, digest
from aboveboard.model.errors import InputError
from aboveboard.pipelines import agreement_signing as signing
from aboveboard.pipelines.agreement_writing import Checked
from aboveboard.pipelines.agreements import JSON_NAME, TEXT_NAME
from aboveboard.pipelines.comparing import Compared
from aboveboard.report import terminal
from aboveboard.store.exchange import exchange
from aboveboard.trust.keyring import Ring
from aboveboard.trust.refusal import RefusedError

UNCHECKED = "SIGNATURES NOT CHECKED: give --keys KEYS; without it anybody may have written this"
OPEN_TEXT = "still to be completed"


def may_write(path: Path, *, replaces: Path | None = None) -> None:
    """Raise InputError where a file would be overwritten; a link that leads nowhere is one as well."""
    if path.is_symlink() and path == replaces:
        raise InputError(f"{path} is a link", hint="name the file itself: it is replaced by the signed one")
    if (path.exists() or path.is_symlink()) and path != replaces:
        raise InputError(f"{path} is there already", hint="name another file with --out")


def write(path: Path, data: bytes) -> None:
    """Write a new file, and say so."""
    may_write(path)
    write_new(path, data)
    talker().print(terminal.safe(f"written: {path}"))


def put(path: Path, before: bytes | None, data: bytes) -> None:
    """Write what was signed, in the place of what was read; raises InputError where that changed meanwhile."""
    exchange(path, before, data)


def begun(document: Mapping[str, JSON], path: Path, *, as_json: bool) -> None:
    """Print which file was written and what is open in it."""
    opens: list[JSON] = list(open_places(document))
    lines = [f"{path}: number {document['sequence']}, {len(opens)} places to complete", *(f"  {spot}" for spot in opens)]
    give({"file": str(path), "number": document["sequence"], "open": opens}, lines, as_json=as_json)


def problems(found: Checked, *, as_json: bool) -> None:
    """Print everything that is wrong, and everything that is open, by its line."""
    lines = [str(one) for one in found.wrong]
    lines += [f"line {one.line}: {one.place}: {OPEN_TEXT}" for one in found.open]
    outcome: dict[str, JSON] = {
        "wrong": [one.to_json() for one in found.wrong],
        "open": [one.to_json() for one in found.open],
    }
    give(outcome, lines, as_json=as_json)
    most = " (no more are listed)" if len(found.wrong) >= MAX_PROBLEMS else ""
    talker().print(f"{len(found.wrong)} wrong{most}, {len(found.open)} to be completed; nothing was written")


def checked(one: Agreement, made: Mapping[str, bytes], folder: Path, *, as_json: bool) -> None:
    """Print the digests of what was made of an agreement in form, and what it is."""
    files: dict[str, JSON] = {name: digest(data) for name, data in made.items()}
    head = signing.summary(one, str(files[TEXT_NAME]))
    give({"folder": str(folder), **head}, _lines(head), as_json=as_json)
    talker().print(terminal.safe(f"in form; written: {', '.join(str(folder / name) for name in made)}"))


def _lines(head: Mapping[str, Any]) -> list[str]:
    amends = f", amends {head['amends']}" if head["amends"] else ", the agreement itself"
    waived = f", waived: {', '.join(head['waived'])}" if head["waived"] else ", none waived"
    lines = [
        f"number     {head['number']}{amends}",
        f"supplier   {head['supplier']}",
        f"customer   {head['customer']}",
        f"term       {head['from']} until {head['until']}",
        f"clauses    {head['required']} required by the profile {head['profile']}{waived}",
        f"evidence   {signing.whose_evidence(head['accepts'])}",
    ]
    for product in head["products"]:
        lines += [f"product    {product['name']} {product['version']}", *(f"  {image}" for image in product["images"])]
    return [*lines, f"json       {head[JSON_NAME]}", f"text       {head[TEXT_NAME]}"]


def to_sign(head: Mapping[str, JSON], role: str) -> None:
    """Say on stderr what is about to be signed."""
    talk = talker()
    talk.print(terminal.safe(f"signing as {role}:"))
    for line in _lines(head):
        talk.print(terminal.safe(f"  {line}"))


def signed(one: Agreement, path: Path, role: str, key: str, *, as_json: bool) -> None:
    """Print what was signed, and into which file."""
    outcome: dict[str, JSON] = {"file": str(path), "number": one.sequence, "role": role, "key": key, JSON_NAME: one.digest}
    give(outcome, [f"{path}: number {one.sequence} signed as {role} with {key}"], as_json=as_json)


def then_countersign(path: Path, kept: Path | None) -> None:
    """Say what comes next, and that the chain which was amended stays as it is."""
    if kept is not None:
        talker().print(terminal.safe(f"{kept} stays as it is, and in force; use {path} once both sides have signed it"))
    talker().print(terminal.safe(f"now the other side: `agreement countersign {path}`; until then it is one-sided"))


def unchecked() -> None:
    """Say loudly that what is shown may have been written by anybody."""
    talker().print(UNCHECKED)


def partly(names: Sequence[str]) -> None:
    """Say who signed the newest one so far."""
    talker().print(terminal.safe(f"signed so far by: {', '.join(names)}"))


def text(words: str, *, as_json: bool) -> None:
    """Print the text that people signed."""
    give({"text": words}, words.splitlines(), as_json=as_json)


def shown(
    chain: signing.Chain, ring: Ring | None, current: Agreement | None, at: datetime, reason: RefusedError | None
) -> tuple[dict[str, JSON], list[str]]:
    """Return every agreement of a chain, who signed it, and which one is in force: as an object, and as lines."""
    rows, lines = [], []
    for one in chain.signed:
        who = None if ring is None else signing.signers(one, ring)
        row = signing.described(one, who)
        lines += _lines(row)
        if who is None:
            lines += ["signed by  NOT CHECKED; it claims these keys:"]
            lines += [f"  {name or '(no name)'}" for name in signing.claims(one)]
        else:
            row["state"] = signing.state_of(one.agreement, chain, current, at)
            lines += [f"signed by  {', '.join(f'{name} ({role})' for name, role in who)}", f"state      {row['state']}"]
        lines.append("")
        rows.append(row)
    outcome: dict[str, JSON] = {
        "checked": ring is not None,
        "in_force": None if current is None else current.sequence,
        "reason": None if reason is None else reason.code,
        "agreements": rows,
    }
    return outcome, lines[:-1]


def compared(found: Compared, loud: str, *, as_json: bool) -> None:
    """Print what changed; what loosens is said again, first, and loudly."""
    if as_json:
        give(found.to_json(), [], as_json=True)
    else:
        loose = found.loosening
        say(f"{found.old} -> {found.new}")
        if loose:
            say(f"THE NEW ONE {loud.upper()}, in {len(loose)} of {len(found.changes)} changes, marked !:")
        for change in found.changes:
            say(change.line)
        if not found.changes:
            same = found.old == found.new
            say("nothing changed" if same else "nothing changed but the order, or how often the same is said")
    if not found.checked:
        unchecked()

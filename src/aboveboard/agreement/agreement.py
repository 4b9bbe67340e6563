"""Reads an agreement from its JSON: a closed form, every rule, and everything that is wrong said at once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from aboveboard.agreement.form import AgreementForm, HoldersForm
from aboveboard.agreement.rules import broken
from aboveboard.agreement.shape import MAX_PROBLEMS, Problem, is_open, place, problems, texts
from aboveboard.agreement.text import render
from aboveboard.agreement.yaml_text import load
from aboveboard.jail.inside import Inside
from aboveboard.model.agreement import ANY_CLAUSE, Agreement, Holders, Product, Terms
from aboveboard.model.canonical import JSON, canonical, digest
from aboveboard.model.errors import InputError
from aboveboard.model.standard import Profile

__all__ = ["complete", "open_places", "read_confined", "read_json", "render", "wrong"]

HINT = "`aboveboard agreement check` names each line of the YAML that it was made from"
WRITE = "`aboveboard agreement new` writes one to start from"
# What the author may leave out of the YAML; the JSON that is signed says it all the same.
_DEFAULTS: Mapping[str, Any] = {
    "sequence": 1,
    "amends": None,
    "tolerances": {"evidence_days": 365, "verdict_days": 365, "canary_days": 90, "canary_grace_days": 14},
    "remedies": [],
    "logs": {},
    "text": "",
    "clauses": {"waived": []},
    "evidence": {"clauses": {}},
}


def complete(value: Any) -> Any:
    """Return what the author wrote with everything in it that was left to its usual value."""
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for name, usual in _DEFAULTS.items():
        if name not in found and name not in ("clauses", "evidence"):
            found[name] = copy.deepcopy(usual)
        elif isinstance(usual, dict) and isinstance(found.get(name), dict):
            found[name] = {**copy.deepcopy(usual), **found[name]}
    if isinstance(found["text"], str):
        found["text"] = found["text"].strip("\n")
    return found


def wrong(value: Any, clauses: Sequence[str], profiles: Mapping[str, Profile]) -> list[Problem]:
    """Return everything that is wrong with the value, its shape first; a placeholder is not wrong."""
    shape = problems(value, AgreementForm)
    told = {problem.path for problem in shape}
    rest = [problem for problem in broken(value, clauses, profiles) if problem.path not in told]
    return [*shape, *rest][:MAX_PROBLEMS]


def open_places(value: Any) -> list[str]:
    """Return the places that still hold the placeholder of a draft."""
    return [place(path) for path, text in texts(value) if is_open(text)]


def read_json(value: JSON, clauses: Sequence[str], profiles: Mapping[str, Profile]) -> Agreement:
    """Return the agreement that the JSON states; raises InputError that lists what is wrong.

    `clauses` are the ids of the standard in its order, `profiles` its profiles by name.
    """
    found = [f"{problem.place}: {problem.text}" for problem in wrong(value, clauses, profiles)]
    found += [f"{spot}: still to be completed" for spot in open_places(value)]
    if found:
        raise InputError("the agreement is not in form:\n  " + "\n  ".join(found), hint=HINT)
    try:
        form = msgspec.convert(value, AgreementForm)
    except msgspec.ValidationError as error:
        raise InputError(f"the agreement is not in form: {error}", hint=HINT) from error
    return _made(form, digest(canonical(value)), clauses)


def _made(form: AgreementForm, own: str, clauses: Sequence[str]) -> Agreement:
    roles: dict[str, HoldersForm] = {
        name: held for name in form.roles.__struct_fields__ if (held := getattr(form.roles, name)) is not msgspec.UNSET
    }
    logs = {name: key for name in form.logs.__struct_fields__ if (key := getattr(form.logs, name)) is not msgspec.UNSET}
    limits, ages = form.limits, form.tolerances
    return Agreement(
        digest=own,
        sequence=form.sequence,
        amends=form.amends,
        standard=form.standard.version,
        profile=form.profile.name,
        supplier=form.supplier.name,
        customer=form.customer.name,
        products=tuple(Product(one.name, one.version, tuple(one.images)) for one in form.products),
        required=_ordered(form.clauses.required, clauses),
        waived={one.clause: one.reason for one in form.clauses.waived},
        terms=Terms(
            bytes_explained=limits.bytes_explained,
            programs_identified=limits.programs_identified,
            evidence_days=ages.evidence_days,
            verdict_days=ages.verdict_days,
            canary_days=ages.canary_days,
            canary_grace_days=ages.canary_grace_days,
        ),
        roles={name: Holders(held.threshold, tuple(held.keys)) for name, held in roles.items()},
        accepts={
            ANY_CLAUSE: tuple(form.evidence.default),
            **{clause: tuple(names) for clause, names in form.evidence.clauses.items()},
        },
        since=form.term.since,
        until=form.term.until,
        remedies=tuple(form.remedies),
        logs=logs,
    )


def _ordered(named: Iterable[str], clauses: Sequence[str]) -> tuple[str, ...]:
    wanted = set(named)
    return tuple(clause for clause in clauses if clause in wanted)


def read_confined(inside: Inside, digest: str) -> None:
    """Read the YAML of an agreement in the jail; emit its plain value and the line of each part, or what is wrong."""
    try:
        filled = load(inside.read(digest), "the agreement", WRITE)
        value = complete(filled.value)
        canonical(value)  # what has no canonical form, such as a key that is a number, does not leave the jail
    except InputError as error:
        inside.emit({"error": error.message, "hint": error.hint})
        return
    inside.emit({"value": value, "lines": filled.lines})

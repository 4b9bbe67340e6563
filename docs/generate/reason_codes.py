"""Every reason code with which something is refused or left undecided, from the code that gives it.

The codes, their exit codes and the modules come from the source. The sentences stand here; a code without one, or a
sentence without a code, is an error, so that the page cannot lack one.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from docs.generate.source import module_files, table

import aboveboard
from aboveboard.trust import refusal, witness

ERRORS = {kind.__name__: kind for kind in (refusal.RefusedError, refusal.UndecidedError, witness.SplitViewError)}
CANARY, RELEASE = "Finding", "Standing"  # what gives a canary's state, and an image's place in a log of releases
IN_LOG = "in-log"
Place = tuple[str, str]  # how it is given (name of the error, or state of the canary), and the module

SAID: Mapping[str, str] = {
    "agreement-form": "What was signed as an agreement is none, or not in the closed form.",
    "base64": "A text is not base64 in its one spelling.",
    "bundle-form": "The manifest of a bundle is not in its closed form.",
    "bundle-path": "A name in the bundle leads elsewhere, is there twice, or is no plain file.",
    "canary-form": "A statement of the canary is not in its closed form.",
    "case-form": "A file of a run or bundle is not written as it is always written.",
    "chain": "An amendment does not follow the one before it.",
    "checkpoint": "The checkpoint is not of the state that is stated.",
    "checkpoint-form": "A checkpoint is not origin, size and root in their one form.",
    "clock-behind": "Something was signed or seen later than the time of evaluation: set the clock, or give `--at`.",
    "declaration-form": "What was signed as a declaration is none, or not in the closed form.",
    "differs": "Done again, something else comes out: the verdict, the attestation, the report or the evidence.",
    "digest": "The bytes are not those whose digest was signed.",
    "duplicate-key": "One key under two names, or one key of a JSON object twice.",
    "entry": "An entry for a log is empty or too large.",
    "entry-form": "An entry of a log is not in our form.",
    "envelope-form": "This is no DSSE envelope.",
    "expired": "The agreement or the verdict has ended: ask for the one that follows.",
    "file-missing": "A file that is named is not there.",
    "found-broken": "The rules here find broken, by what lies in the bundle, what is not stated as broken.",
    "form": "An extract of a log is not in its form.",
    "growth": "It is not shown that the log only grew: a witness does not sign.",
    "key-cost": "A private key file asks for more time or memory to open than any honest one.",
    "key-form": "A key is not in its one form, or is no point of the right group.",
    "key-locked": "The passphrase does not open the private key.",
    "key-not-valid": "A key that signed was not good at the time that counts ([when a key counts](../how/trust.md#keys)).",
    "key-revoked": "A key that signed is revoked, and no log shows that the signature is older.",
    "key-small-order": "A key of small order, which accepts signatures that nobody made.",
    "key-type": "A key of another type than the one that is taken here.",
    "key-unprotected": "A private key without a passphrase is not used.",
    "keyring": "A ring of keys is not in its closed form.",
    "log-damaged": "The files of the log are not those that it signed.",
    "log-exists": "A log stands in this folder already.",
    "log-extract": "What a bundle tells of a log is not what the log holds.",
    "no-captures": "The bundle holds no evidence from captures; this version collects none.",
    "no-log": "There is no log in the folder, or the agreement wants one and none was given.",
    "no-proof": "A policy was given and no proof: give `--proof`, or the log with `--log`.",
    "not-canonical": "A file says the same in other bytes than its one form has.",
    "not-in-log": "The log does not hold it.",
    "not-json": "This is no JSON.",
    "not-newest": "The log knows a newer statement than the file.",
    "not-tar": "This is no tar file of a bundle, or it is cut.",
    "not-utf-8": "A text is not UTF-8.",
    "not-yet": "The agreement is not in force yet.",
    "note-form": "A signed note, such as a checkpoint, is not in its form.",
    "number": "A number is no integer in its one form, or beyond 2^53 - 1.",
    "one-sided": "One party has signed the agreement and the other has not.",
    "open-places": "Something is still to be completed, so it is not signed.",
    "origin": "The checkpoint is of another log than the policy names.",
    "other-agreement": "The verdict was given under another agreement than the one at hand.",
    "other-entry": "The proof is for another file.",
    "other-image": "Verdict and manifest are about different images.",
    "other-kind": "The log holds it as something else than what is asked for.",
    "other-log": "The agreement wants verdicts in another log than the one that the policy names.",
    "other-product": "The agreement does not speak of this image.",
    "other-standard": "It was made for another edition of the standard than the one here.",
    "other-subject": "The canary speaks of another supplier, product or jurisdiction.",
    "other-supplier": "The declaration is another supplier's than the agreement.",
    "other-policy": "What a bundle tells of a log was read under another policy, or names times that it does not show.",
    "other-version": "Another version is said to have made it, and what differs may be so by its rules or words.",
    "payload-type": "The envelope holds something of another type.",
    "policy": "A policy is not in its form.",
    "predicate-type": "The statement is of another kind than the one that is wanted.",
    "proof": "A proof does not lead to the root that was signed.",
    "proof-form": "A proof is not in its form, or does not bring its entry.",
    "quorum": "Too few witnesses of the policy have cosigned this checkpoint: have it cosigned, then make the proof again.",
    "record-form": "What was signed as a record is none, or not in the closed form of its kind.",
    "role": "Nobody signed it in the role that is wanted.",
    "rollback": "Something older stands where something newer was seen.",
    "salt": "The salt of a withheld file is none.",
    "seal": "The extract of a log is not the one that was sealed.",
    "sequence-gap": "A statement of the canary does not follow the one before it.",
    "set-aside": "Other records hold here than where the verdict was given: one was set aside, or for another reason.",
    "signature": "A signature does not hold, or none is of a known key.",
    "split-view": "A log has shown two different histories.",
    "stale": "No quorum saw the log within the days that were asked.",
    "statement-form": "This is no in-toto statement.",
    "statement-type": "A statement of another type than in-toto Statement v1.",
    "subjects": "A statement is about other things than its kind has.",
    "superseded": "A newer agreement or a newer verdict stands in its place.",
    "text-differs": "The text that people read is not the one that the JSON makes.",
    "threshold": "Too few keys of a role signed; of a ring: too few of its root keys that are good at the time.",
    "tile": "A file of the log is missing, cut or too long.",
    "time": "A text is no time such as 2026-12-01T00:00:00Z.",
    "too-deep": "JSON is nested too deep.",
    "too-large": "Something is larger than its bound.",
    "two-roles": "One key, or one record, would speak for two roles.",
    "unfinished": "Something in a record that was signed is still to be completed: the record is set aside.",
    "unknown-file": "The manifest names a file that no step checks.",
    "unlisted": "A file is in the bundle and not in its manifest.",
    "unsigned": "There is no signature at all.",
    "unsupported": "A kind of key or of time stamp that is not taken here.",
    "verdict-form": "The attestation of a verdict is not in its closed form.",
    "weak-digest": "Something is named by another digest than SHA-256.",
}
SAID_OF_CANARIES: Mapping[str, str] = {
    "checkpoint": "A statement cites a state that the log did not have when it was issued.",
    "clock-behind": "A witness saw the log later than the time of evaluation.",
    "due": "The next one is expected, and within its grace.",
    "equivocation": "Two statements bear one number.",
    "fresh": "The next one is not due yet.",
    "future": "Issued later than the time of evaluation.",
    "late": "The next one is due, and the grace is over.",
    "never-issued": "No statement was given.",
    "no-log": "No log was given, so nobody can tell whether it is the newest.",
    "no-time": "There is no time that is believed.",
    "not-in-log": "The log does not hold a statement, or no quorum had seen it by then.",
    "not-newest": "The log knows a newer statement.",
    "other-subject": "A statement is of another supplier, or the newest does not name the product or a jurisdiction.",
    "period-gap": "There is a time of which no statement speaks, or none on this product or jurisdiction.",
    "sequence-gap": "A statement does not follow the one before it.",
    "triggered": "Something is not stated any more, or the sign of duress was given: now or in any statement before.",
}
SAID_OF_RELEASES: Mapping[str, str] = {
    "in-log": "The image is in the log, and where a quorum is asked, it had seen it by then.",
    "not-in-log": "The log does not hold the image: it was made for that device alone, or the log is another.",
    "not-seen": "The log holds the image, and no quorum had seen that by then.",
    "other-release": "The log holds the image under another product or version than the one that is asked for.",
}


@dataclass
class Found:
    """The codes by what gives them: errors, states of a canary, places in a log of releases."""

    errors: dict[str, set[Place]]
    canaries: dict[str, set[Place]]
    releases: dict[str, set[Place]]


def found() -> Found:
    """Return every code of the source; raises ValueError for one that is not written out and cannot be followed."""
    made = Found(defaultdict(set), defaultdict(set), defaultdict(set))
    for module, path in module_files(aboveboard).items():
        _Module(module, ast.parse(path.read_text(encoding="utf-8"), str(path)), path).read(made)
    return made


class _Module:
    """One module: its calls, and the constants that the names in them stand for."""

    def __init__(self, name: str, tree: ast.Module, path: Path) -> None:
        self.name, self.tree, self.path = name, tree, path

    def read(self, made: Found) -> None:
        """Add the codes of the module."""
        functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        for call in _calls(self.tree):
            called = _named(call.func)
            inner = next((one for one in reversed(functions) if any(node is call for node in ast.walk(one))), None)
            if called in ERRORS and call.args:
                for code in self._codes(call.args[0], inner):
                    made.errors[code].add((called, self.name))
            elif called == CANARY and len(call.args) > 1 and isinstance(call.args[0], ast.Attribute):
                for code in self._codes(call.args[1], inner):
                    made.canaries[code].add((call.args[0].attr.lower(), self.name))
            elif called == RELEASE and call.args and self.name == "pipelines.releases":
                for code in self._codes(call.args[0], inner):
                    made.releases[code].add((called, self.name))

    def _codes(self, node: ast.expr, inner: ast.FunctionDef | None) -> Iterator[str]:
        """Yield the texts that an argument can be."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.IfExp):
            yield from self._codes(node.body, inner)
            yield from self._codes(node.orelse, inner)
        elif isinstance(node, ast.Attribute) and node.attr == "code":
            return  # the code of an error that was caught: it is found where that was raised
        elif isinstance(node, ast.Name):
            yield from self._named(node.id, inner)
        else:
            raise ValueError(f"{self.path}:{node.lineno}: which code is this?")

    def _named(self, name: str, inner: ast.FunctionDef | None) -> Iterator[str]:
        parameters = [one.arg for one in inner.args.args] if inner is not None else []
        if inner is not None and name in parameters:
            at = parameters.index(name)
            for call in _calls(self.tree):
                if _named(call.func) == inner.name and len(call.args) > at:
                    yield from self._codes(call.args[at], None)
            return
        values = [*_assigned(inner or self.tree, name), *_assigned(self.tree, name)]
        if not values:
            raise ValueError(f"{self.path}: which code is {name}?")
        for value in values:
            yield from self._codes(value, inner)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _assigned(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what is assigned to a name, also as a part of a tuple and in both branches of a condition."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            if isinstance(target, ast.Tuple):
                places = [at for at, one in enumerate(target.elts) if isinstance(one, ast.Name) and one.id == name]
                branches = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
                for branch in branches:
                    if isinstance(branch, ast.Tuple):
                        yield from (branch.elts[at] for at in places)


def pages() -> dict[str, str]:
    """Return the page by its path below `docs/reference`."""
    made = found()
    lines = [
        "# Reason codes",
        "",
        "What is refused or left undecided names a code, then says a sentence and what to do next. A code never changes "
        "its meaning. Programs find it with `--json` of `verify`, `canary check` and `release check`, else at the start of "
        "the message on standard error. "
        "Exit code 3 is broken, contradicted or forged, 4 is not shown or undecided ([all exit codes](exit-codes.md)). A "
        "code with both is undecided where the same sign may have an innocent cause. The reasons of rulings are "
        "[others](verdict.md#reasons).",
        "",
        *table(("code", "exit", "means", "arises in"), list(_rows(made.errors, SAID))),
        "## Steps of `verify`",
        "",
        "`verify` gives the codes above, and these of its own.",
        "",
        *table(("code", "state", "means"), STEPS),
        "## States of a canary",
        "",
        "`canary check` prints the state and a code. `fresh` and `due` end with 0, all others with 4; a statement that is "
        "forged is refused with a code of the first table.",
        "",
        *table(("code", "state", "means"), [row[:3] for row in _rows(made.canaries, SAID_OF_CANARIES)]),
        "## An image in a log of releases",
        "",
        *table(("code", "exit", "means"), list(_releases(made.releases))),
    ]
    return {"reason-codes.md": "\n".join(lines)}


STEPS = [
    ("`not-re-derived`", "open", "evidence is withheld; the clauses that rest on it are named, all others are the same"),
    ("`seen-otherwise`", "open", "collected again: other gaps, or evidence that the bundle lacks; the facts are the same"),
    ("`input`", "open", "something that was given cannot be read"),
    ("`not-done`", "not done", "what the step needs is missing: a step before says why"),
]


def _rows(codes: Mapping[str, set[Place]], said: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    if codes.keys() != said.keys():
        raise ValueError(f"codes without a sentence, or sentences without a code: {sorted(codes.keys() ^ said.keys())}")
    for code in sorted(codes):
        kinds = sorted({kind for kind, _ in codes[code]})
        exits = sorted({ERRORS[kind].exit_code for kind in kinds if kind in ERRORS})
        how = ", ".join(map(str, exits)) if exits else ", ".join(kinds)
        yield f"`{code}`", how, said[code], _where({module for _, module in codes[code]})


def _where(modules: set[str]) -> str:
    rooms: dict[str, list[str]] = defaultdict(list)
    for module in sorted(modules):
        room, _, name = module.partition(".")
        rooms[room].append(name)
    return "; ".join(f"{room}: {', '.join(names)}" for room, names in rooms.items())


def _releases(codes: Mapping[str, set[Place]]) -> Iterator[tuple[str, str, str]]:
    for code, _, text, _ in _rows(codes, SAID_OF_RELEASES):
        yield code, "0" if code == f"`{IN_LOG}`" else "4", text

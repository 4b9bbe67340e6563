"""Holds what was found against the truth.

    python bench/triggers/score.py TRUTH FOUND

FOUND is JSON: for each build's id the list that `aboveboard triggers --json` printed, or null where it failed.

The rule. An entry for a seeded build is right when one of these holds:

1. its address lies in a range of the marked lines, or at most SLACK bytes beside one;
2. its address lies in a marked `switch` or its function is one that holds marked lines, and its constant is the seed's;
3. for code before main or in a resolver: it names the seeded function (its name, or an address in it); for a table row it
   names the seeded handler likewise, or the row: by the row's constant and no other, wherever the generic comparison is;
4. for a secret in a file there is no comparison: its constant, function or address names the secret, its key or its file.

A constant is the seed's when one is the other, or holds it, after quotes and case are taken off, or when both are the same
number; three characters are the least that may be held by a longer one. Of the bytes of an inline comparison, it is enough
that the entry gives at least half of them.

Confirmed is right only where the entry is right; on a clean build every confirmation is wrong.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SLACK = 8
ROWS = ("table-row", "before-main")
Entry = dict[str, Any]
Truth = dict[str, Any]


def number(value: object) -> int | None:
    """Read a number as the product may print it."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        return int(str(value).strip(), 0)
    except ValueError:
        return None


def plain(value: object) -> str:
    return str(value).strip().strip("\"'").lower()


def same_constant(found: object, wanted: Iterable[str], exactly: bool = False) -> bool:
    """Say whether a constant is the seed's, in any of its spellings; or, if not exactly, a good part of it."""
    values = found if isinstance(found, list) else [found]
    for one in values:
        text = plain(one)
        if not text:
            continue
        for want in map(plain, wanted):
            if text == want or (number(one) is not None and number(one) == number(want)):
                return True
            if exactly or number(one) is not None or number(want) is not None:
                continue
            if (len(want) >= 3 and want in text) or (len(text) >= 3 and text in want and 2 * len(text) >= len(want)):
                return True
    return False


def _inside(address: int | None, ranges: Iterable[list[str]], slack: int = 0) -> bool:
    if address is None:
        return False
    return any(int(start, 16) - slack <= address < int(end, 16) + slack for start, end in ranges)


def _names(function: object, known: Iterable[dict[str, Any]]) -> bool:
    text = str(function or "").split(".")[0]
    at = number(function)
    return any(text == one["name"].split(".")[0] or _inside(at, [one["range"]]) for one in known)


def right(entry: Entry, truth: Truth) -> bool:
    """Apply the rule of this module's text."""
    if truth["edition"] != "seeded":
        return False
    address, function = number(entry.get("address")), entry.get("function")
    if _inside(address, truth["comparison"], SLACK):
        return True
    constant = same_constant(entry.get("constant"), truth["constants"])
    holding = _names(function, truth["functions"]) or _inside(address, [one["range"] for one in truth["functions"]])
    if constant and (holding or _inside(address, truth.get("switch", []), SLACK)):
        return True
    if truth["kind"] in ROWS:
        handlers = [one["range"] for one in truth["handlers"]]
        if _names(function, truth["handlers"]) or _inside(address, handlers, 1):
            return True
        return truth["kind"] == "table-row" and same_constant(entry.get("constant"), truth["constants"], exactly=True)
    if truth["kind"] == "file-secret":
        return any(same_constant(entry.get(name), truth["constants"]) for name in ("constant", "function", "address"))
    return False


@dataclass
class Tally:
    """Counts over builds."""

    seeded: int = 0
    clean: int = 0
    rank_1: int = 0
    at_alert: int = 0
    anywhere: int = 0
    alerts_seeded: int = 0
    alerts_clean: int = 0
    confirmed_builds: int = 0
    confirmed_right: int = 0
    confirmed_wrong: int = 0
    failed: int = 0
    missed: list[str] = field(default_factory=list)
    accused: list[str] = field(default_factory=list)

    def add(self, truth: Truth, entries: list[Entry] | None) -> None:
        """Count one build; one that failed found nothing."""
        self.failed += entries is None
        entries = sorted(entries or [], key=lambda one: one.get("rank", 1 << 30))
        alerts = [one for one in entries if one.get("alert")]
        confirmed = [one for one in entries if one.get("standing") == "confirmed"]
        good = [one for one in confirmed if right(one, truth)]
        self.confirmed_right += len(good)
        self.confirmed_wrong += len(confirmed) - len(good)
        if truth["edition"] == "clean":
            self.clean += 1
            self.alerts_clean += len(alerts)
            if alerts:
                self.accused.append(truth["id"])
            return
        self.seeded += 1
        self.alerts_seeded += len(alerts)
        self.confirmed_builds += bool(good)
        self.rank_1 += bool(entries) and right(entries[0], truth)
        self.anywhere += any(right(one, truth) for one in entries)
        if any(right(one, truth) for one in alerts):
            self.at_alert += 1
        else:
            self.missed.append(truth["id"])

    def figures(self) -> dict[str, Any]:
        return {
            "seeded": self.seeded,
            "clean": self.clean,
            "failed": self.failed,
            "recall_at_rank_1": _share(self.rank_1, self.seeded),
            "recall_at_alert": _share(self.at_alert, self.seeded),
            "recall_anywhere": _share(self.anywhere, self.seeded),
            "alerts_per_seeded": _share(self.alerts_seeded, self.seeded),
            "alerts_per_clean": _share(self.alerts_clean, self.clean),
            "seeded_confirmed": _share(self.confirmed_builds, self.seeded),
            "confirmations_right": self.confirmed_right,
            "confirmations_wrong": self.confirmed_wrong,
        }


def _share(count: int, of: int) -> float | None:
    return round(count / of, 4) if of else None


def score(truths: list[Truth], found: dict[str, list[Entry] | None]) -> dict[str, Any]:
    """Return the figures over all builds, and by kind, machine, level and the rest; builds not run are left out."""
    whole, code_only = Tally(), Tally()
    parts: dict[str, dict[str, Tally]] = {}
    for truth in truths:
        if truth["id"] not in found:
            continue
        entries = found[truth["id"]]
        whole.add(truth, entries)
        if truth["kind"] != "file-secret":
            code_only.add(truth, entries)
        for by in ("kind", "arch", "code", "level", "service", "linked", "hard"):
            parts.setdefault(by, defaultdict(Tally))[str(truth[by])].add(truth, entries)
    return {
        "all": whole.figures(),
        "without_secrets_in_files": code_only.figures(),
        "by": {by: {name: one.figures() for name, one in sorted(some.items())} for by, some in parts.items()},
        "missed": whole.missed,
        "accused": whole.accused,
        "not_run": sum(truth["id"] not in found for truth in truths),
    }


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: score.py TRUTH FOUND")
    truths, found = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    print(json.dumps(score(truths, found), indent=1))


if __name__ == "__main__":
    main()

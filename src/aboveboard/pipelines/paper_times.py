"""Since when papers were there: the times at which a quorum of witnesses had seen their entries in a log.

A signature bears no time, and whoever steals a key that has expired can write any date. An entry names the exact bytes of
an envelope: it shows that these signatures were there when the witnesses saw it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from aboveboard.pipelines.log import LogView

KINDS = ("agreement", "record")  # of the entries that show the time of a paper
Times = Mapping[str, datetime]  # by the verifier key of the log


def digests(things: Iterable[bytes]) -> dict[str, bytes]:
    """Return the envelopes by the SHA-256 that an entry may name: of the line, or of a file that is this line."""
    return {hashlib.sha256(thing + end).hexdigest(): thing for thing in things for end in (b"", b"\n")}


def seen(views: Sequence[LogView], kind: str, things: Collection[bytes], at: datetime) -> dict[bytes, Times]:
    """Return for each envelope the first time, until `at`, that each log shows for it; one without witnesses shows none."""
    wanted = digests(things)
    found: dict[bytes, dict[str, datetime]] = {thing: {} for thing in things}
    for view in views:
        for index, entry in view.entries(kind):
            thing = wanted.get(entry.digest)
            time = view.seen_at(index) if thing is not None else None
            if thing is not None and time is not None and time <= at:
                found[thing][view.key] = min(time, found[thing].get(view.key, time))
    return dict(found)


def first(times: Times, logs: Collection[str] | None = None) -> datetime | None:
    """Return the first of these times; with `logs` only what these logs show."""
    return min((time for log, time in times.items() if logs is None or log in logs), default=None)

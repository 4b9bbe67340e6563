"""Second secrets: what is sent is compared with more than one kept value, and nothing but the program knows the other one.

A settings key or a file is read, and what it holds is compared with the same thing that was compared before and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aboveboard.evidence.triggers.matches import COMPARES, Match, matches
from aboveboard.readers.flow.graph import Graph
from aboveboard.readers.flow.origins import Origins
from aboveboard.readers.flow.sources import FILLS, OUTSIDE
from aboveboard.readers.flow.trace import Edge, Site, Trace
from aboveboard.readers.flow.values import Value

KEPT = frozenset({"settings", "file", "local", "command"})


@dataclass(frozen=True)
class Secret:
    """A comparison of what was sent with a kept value, and the key or file that the value was read from."""

    key: str
    site: Site
    subject: Value
    place: int  # in the order in which the blocks are passed


def second_secrets(
    trace: Trace, graph: Graph, origins: Origins, is_strong: Callable[[Site], bool]
) -> Iterator[tuple[Edge, Match]]:
    """Yield the ways that are taken where a second secret fits, with the key that it is kept under."""
    found: dict[Value, list[Secret]] = {}
    for site in trace.sites:
        if site.name in COMPARES and is_strong(site):
            one = _secret(trace, graph, origins, site)
            if one is not None:
                found.setdefault(one.subject, []).append(one)
    for several in found.values():
        if len({one.key for one in several}) < 2:
            continue
        several.sort(key=lambda one: one.place)
        for one in several[1:]:
            if one.key != several[0].key:
                edge = _fits(trace, one.site)
                if edge is not None:
                    yield (
                        edge,
                        Match(
                            "setting",
                            one.subject,
                            one.key.encode("latin-1"),
                            one.site.address,
                            way=(edge.source, edge.target),
                        ),
                    )


def _secret(trace: Trace, graph: Graph, origins: Origins, site: Site) -> Secret | None:
    first, second = site.arguments[:2]
    for kept, sent in ((first, second), (second, first)):
        if kept is None or sent is None or not origins.of(trace.start, kept) & KEPT or origins.of(trace.start, sent) & KEPT:
            continue
        key = _key(trace, graph, origins, site, kept)
        if key:
            return Secret(key, site, sent, len(graph.before(site.block)))
    return None


def is_key(text: str | None) -> bool:
    """Tell whether a text may be the name of a setting or a file."""
    return text is not None and 2 < len(text) < 80 and "%" not in text and " " not in text.strip() and text.isprintable()


def secret_key(trace: Trace, graph: Graph, origins: Origins, site: Site) -> str:
    """Return by what name the kept side of a comparison was looked up, a setting or a file; empty if not known."""
    first, second = site.arguments[:2]
    for kept in (first, second):
        if kept is None:
            continue
        key = _key(trace, graph, origins, site, kept)
        if key:
            return key
    return ""


def _key(trace: Trace, graph: Graph, origins: Origins, site: Site, kept: Value) -> str:
    """Return the text by which a kept value was looked up: given to a call that gave it, or compared on the way."""
    before = set(graph.before(site.block))
    index = origins.index(trace.start)
    calls = [one for _, one in index.given.get(kept, ()) if one.block in before and one.address < site.address]
    if type(kept) is tuple and kept[0] == "c" and kept[1] in index.at:
        calls.append(index.at[kept[1]])
    for call in reversed(calls):
        if call.name in COMPARES or call.name.startswith(("str", "mem")):
            continue
        texts = [text for text in map(origins.text, call.arguments[:4]) if text and is_key(text)]
        if not texts and call.name in FILLS:
            texts = [text for text in [_opened(trace, origins, call)] if text and is_key(text)]
        if texts:
            return texts[0]
    for edge in graph.guards(site.block):
        for match in matches(trace, edge, origins):
            if isinstance(match.constant, bytes) and len(match.constant) > 2:
                came = origins.of(trace.start, match.subject)
                if came & KEPT and not came & OUTSIDE:
                    return match.constant.decode("latin-1")
    return ""


def _opened(trace: Trace, origins: Origins, call: Site) -> str | None:
    """Return the name of the file that a call reads from."""
    number = FILLS[call.name][1]
    stream = call.arguments[number] if number >= 0 else None
    site = origins.index(trace.start).at.get(stream[1]) if type(stream) is tuple and stream[0] == "c" else None
    return origins.text(site.arguments[0]) if site is not None else None


def _fits(trace: Trace, site: Site) -> Edge | None:
    for edges in trace.edges.values():
        for edge in edges:
            if edge.test == ("=", ("c", site.address), 0):
                return edge
    return None

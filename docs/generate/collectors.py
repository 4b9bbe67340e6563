"""One page for each collector, from what its module declares, and an index."""

from __future__ import annotations

import inspect
from pathlib import Path

from docs.generate.source import bounds, doc, size, table

from aboveboard.evidence.registry import Listed, listed

SUBJECTS = {"file": "one file, as its bytes alone", "tree": "one file tree", "image": "the account of the whole image"}


def pages() -> dict[str, str]:
    """Return the pages by their path below `docs/reference`."""
    made = {f"collectors/{item.name}.md": _page(item) for item in listed()}
    return {"collectors/index.md": _index(), **made}


def title(item: Listed) -> str:
    """Return the first sentence of the collector's docstring without its full stop."""
    return doc(item.module).partition("\n")[0].rstrip(".")


def _index() -> str:
    rows = [
        (f"[{item.name}]({item.name}.md)", item.subject, title(item), ", ".join(_clause(name) for name in item.clauses))
        for item in sorted(listed(), key=lambda item: item.name)
    ]
    lines = [
        "# Collectors",
        "",
        f"{len(rows)} collectors look at an image. Each gives facts and gaps; none of them decides anything.",
        "",
        *table(("collector", "looks at", "what it finds", "serves"), rows),
    ]
    return "\n".join(lines)


def _page(item: Listed) -> str:
    first, _, rest = doc(item.module).partition("\n")
    lines = [f"# {item.name}", "", f"**{first}**", "", rest.strip(), ""]
    lines += [
        "## What it works on",
        "",
        f"- Version: {item.version}",
        f"- Subject: {SUBJECTS[item.subject]}",
        f"- Needs the facts: {_list(item.needs)}",
        f"- Which come from: {', '.join(f'[{name}]({name}.md)' for name in item.feeds_on) or 'nobody'}",
        f"- Serves the clauses: {', '.join(_clause(name) for name in item.clauses)}",
        f"- Known answers planted: {_planted(item)}",
        "",
        "## Facts that it gives",
        "",
        *table(("kind", "what its data holds"), [(f"`{kind}`", text) for kind, text in item.module.EMITS.items()]),
    ]
    rows = _bounds(item)
    if rows:
        lines += ["## Bounds", "", "What lies beyond a bound is not looked at.", ""]
        lines += table(("name", "value", "of what"), rows)
    return "\n".join(lines)


def _bounds(item: Listed) -> list[tuple[str, ...]]:
    home = Path(inspect.getfile(item.module))
    files = sorted(home.parent.glob("*.py")) if home.name == "__init__.py" else [home]
    return [(f"`{b.name}`", size(b.value), b.comment) for path in files for b in bounds(path.stem, path)]


def _planted(item: Listed) -> str:
    answers = sum(len(planted.finds) for planted in item.module.PLANTED)
    return f"{answers} facts in {len(item.module.PLANTED)} small subjects"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _clause(name: str) -> str:
    return f"[{name}](../clauses/{name.partition('-')[0].lower()}.md#{name.lower()})"

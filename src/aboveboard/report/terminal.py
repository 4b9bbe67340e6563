"""The verdict on a terminal: the rulings as a table, the count, the coverage. Nothing from evidence reaches it raw."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aboveboard.model.facts import Gap
from aboveboard.model.paths import show
from aboveboard.model.verdict import Ruling, Status
from aboveboard.report.dossier import STATUS_WORDS, Dossier, describe, why

STYLES = {Status.MET: "green", Status.BROKEN: "bold red", Status.NOT_SHOWN: "yellow"}
FACTS_SHOWN = 4
GAPS_SHOWN = 6
PIPE_WIDTH = 150


def render(dossier: Dossier, console: Console) -> None:
    """Print the verdict."""
    verdict = dossier.verdict
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("clause", "", "name", "ruling", "reason"):
        table.add_column(heading, no_wrap=heading in ("clause", "ruling"))
    for ruling in verdict.rulings:
        clause = dossier.clause(ruling)
        table.add_row(
            ruling.clause,
            "required" if ruling.required else "",
            clause.name,
            Text(STATUS_WORDS[ruling.status], style=STYLES[ruling.status]),
            safe(f"{ruling.reason.value}: {ruling.explanation}"),
        )
    console.print(table)
    for ruling in verdict.rulings:
        if ruling.status is Status.BROKEN:
            _broken(ruling, dossier, console)
    _gaps(dossier, console)
    console.print()
    for line in dossier.papers():
        console.print(safe(line))
    console.print(Text(f"{verdict.result.value.replace('-', ' ')}: {verdict.count}", style="bold"))
    console.print(safe(coverage_line(dossier)))
    console.print(safe(verdict.wording))


def _gaps(dossier: Dossier, console: Console) -> None:
    if dossier.gaps:
        console.print()
        console.print("Not seen", style="bold yellow")
    groups: dict[str, list[Gap]] = {}
    for gap in dossier.gaps:  # fifty kernel modules that are not followed are one line
        groups.setdefault(gap.detail, []).append(gap)
    for detail, gaps in list(groups.items())[:GAPS_SHOWN]:
        others = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        console.print(safe(f"  {dossier.place_of(gaps[0])}{others}: {detail}"))
    hidden = sum(len(gaps) for gaps in list(groups.values())[GAPS_SHOWN:])
    if hidden:
        console.print(f"  and {hidden} more in the report")


def console() -> Console:
    """Return a console of the terminal's width; in a pipe or file, of a width that keeps a ruling on a line or two."""
    found = Console(highlight=False, markup=False)
    return found if found.is_terminal else Console(highlight=False, markup=False, width=PIPE_WIDTH)


def coverage_line(dossier: Dossier) -> str:
    """Return the coverage as one sentence."""
    coverage = dossier.verdict.coverage
    total, explained = _number(coverage.get("bytes_total")), _number(coverage.get("bytes_explained"))
    files, identified = _number(coverage.get("files_total")), _number(coverage.get("files_identified"))
    if total == 0:
        return "coverage: no byte of the image was accounted for"
    return (
        f"coverage: {explained} of {total} bytes explained ({percent(explained, total)}), "
        f"{identified} of {files} files identified ({percent(identified, files)}), {len(dossier.gaps)} gaps"
    )


def percent(part: int, whole: int) -> str:
    """Return a share rounded down to hundredths, so that 100 % means all."""
    if whole == 0:
        return "none"
    hundredths = part * 10000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def safe(text: str) -> Text:
    """Return text that cannot drive the terminal: control characters are written out, markup is not read."""
    return Text(
        "".join(character if character.isprintable() else show(character.encode("utf-8", "replace")) for character in text)
    )


def _broken(ruling: Ruling, dossier: Dossier, console: Console) -> None:
    console.print()
    console.print(safe(f"{ruling.clause} {dossier.clause(ruling).name}: {ruling.explanation}"), style="bold red")
    for fact in ruling.facts[:FACTS_SHOWN]:
        console.print(safe(f"  {dossier.place_of(fact)}"))
        console.print(safe(f"    {describe(fact)}"))
        for step in list(why(fact))[-1:]:
            console.print(safe(f"    shown by: {step}"))
    if len(ruling.facts) > FACTS_SHOWN:
        console.print(f"  and {len(ruling.facts) - FACTS_SHOWN} more in the report")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0

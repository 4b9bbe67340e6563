"""`aboveboard triggers`: the comparisons of one program that guard something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from aboveboard.cli.common import AsJson, say, talker
from aboveboard.model.canonical import JSON
from aboveboard.pipelines import trigger_confirming as trying
from aboveboard.pipelines.triggers import Looked, look
from aboveboard.pipelines.workbench import bench
from aboveboard.report import terminal

_LINES = 14  # of a listing


def triggers(
    program: Annotated[Path, typer.Argument(metavar="PROGRAM", help="An ELF program or library.")],
    root: Annotated[
        Path | None, typer.Option(help="The root tree that it belongs to: its pages, help and settings.")
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Run the program in a cell of its own, and see what the constants open.")
    ] = False,
    best: Annotated[int, typer.Option(min=0, max=10, help="With --confirm: try so many that are no alerts.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find comparisons with a constant that open something; exit 4 for an alert, 3 for one confirmed."""
    talk = talker()
    with bench(None, 1, lambda text: talk.print(terminal.safe(f"  {text}")), confined=True) as here:
        found = look(program, root, here)
        if confirm:
            found = trying.confirm(found, program, root, here, best)
    for gap in found.gaps:
        talk.print(terminal.safe(f"  not seen: {gap}"))
    if as_json:
        typer.echo(json.dumps([_decimal(one) for one in found.ranking], ensure_ascii=True, indent=1))
    else:
        _print(found)
    raise typer.Exit(_exit_code(found))


def _exit_code(found: Looked) -> int:
    if any(one["standing"] == "confirmed" for one in found.ranking):
        return 3
    return 4 if any(one["alert"] for one in found.ranking) or not found.covered else 0


def _print(found: Looked) -> None:
    alerts = [one for one in found.ranking if one["alert"]]
    for one in found.ranking:
        mark = "CONFIRMED" if one["standing"] == "confirmed" else "CANDIDATE" if one["alert"] else "ranked"
        say(f"{one['rank']:>2}. {mark:9} {_points(one['score']):>5}  {one['constant']!r}  {one['kind']}, {one['what']}")
        say(f"      compared at {one['address']} in {one['function']}")
        for effect in _rows(one["effects"]):
            say(f"      opens {effect['kind']}: {effect['what']} at {effect['address']}")
        if one["alert"]:
            say("      " + ", ".join(f"{name} {_points(value):+}" for name, value in _mapping(one["parts"]).items()))
            for step in _texts(one["path"]):
                say(f"      {step}")
            for line in _texts(one["listing"])[:_LINES]:
                say(f"        {line}")
    share = f"{100 * found.covered // found.code} %" if found.code else "none"
    say(f"{len(alerts)} candidates for a hidden trigger among {len(found.ranking)} shown; {share} of the code was followed")
    say("a candidate accuses nobody: it is a place to look at")


def _points(value: JSON) -> float:
    """Return points of a score: evidence holds hundredths."""
    return value / 100 if isinstance(value, int) else 0.0


def _decimal(one: Mapping[str, JSON]) -> dict[str, object]:
    """Return a candidate with its score and the parts of it in points."""
    parts = {name: _points(value) for name, value in _mapping(one["parts"]).items()}
    return {**one, "score": _points(one["score"]), "parts": parts}


def _rows(value: JSON) -> list[Mapping[str, JSON]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _texts(value: JSON) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _mapping(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, Mapping) else {}

"""Examples in the written pages are tried: the case of a collector, and the names of files and commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from tests.test_cases import collect

from aboveboard.cli.main import app
from aboveboard.evidence.registry import listed
from aboveboard.model.facts import Fact

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if "reference" not in path.parts)


def test_the_case_of_the_collector_page_is_one() -> None:
    text = (ROOT / "docs/dev/add-a-collector.md").read_text(encoding="utf-8")
    case = json.loads("\n".join(line for line in re.findall(r"^    (.*)$", text, re.MULTILINE)))
    collector = next(item for item in listed() if item.name == "tokens")
    facts = [fact for fact in collect(collector, case) if isinstance(fact, Fact)]
    for kind, data, standing in case["facts"]:
        assert any(
            fact.kind == kind and fact.standing.value == standing and data.items() <= dict(fact.data).items()
            for fact in facts
        ), facts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_option_that_a_page_names_is_there(page: Path) -> None:
    root = typer.main.get_command(app)
    commands = getattr(root, "commands")  # noqa: B009 - a group, which typer types as a plain command
    own = {"setup", "test", "COMMAND", "..."}
    text = page.read_text(encoding="utf-8")
    for word, rest in re.findall(r"(?:\./run|`aboveboard) ([A-Za-z.]+)([^`\n]*)", text):
        assert word in own | set(commands), f"{page}: {word}"
        if word in commands:
            inner = getattr(commands[word], "commands", {})
            every = [commands[word], *inner.values()]
            known = {option for command in every for parameter in command.params for option in parameter.opts}
            for option in re.findall(r"(?<![\w-])--[a-z-]+", rest.partition("|")[0]):
                assert option in known, f"{page}: {word} {option}"

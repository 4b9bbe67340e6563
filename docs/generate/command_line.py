"""The command line, from the program itself."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from docs.generate import exit_codes
from docs.generate.source import cell, doc, table

from aboveboard.cli.main import app
from aboveboard.model import errors


def pages() -> dict[str, str]:
    """Return the page of the commands and the page of the exit codes."""
    return {"commands.md": _commands(), "exit-codes.md": _exit_codes()}


def _commands() -> str:
    lines = [
        "# Commands",
        "",
        "Write `./run` in front (`./run inspect ...`), or `aboveboard` where it is installed. The result goes to standard "
        "output, progress and complaints to standard error.",
        "",
    ]
    root: Any = typer.main.get_command(app)
    return "\n".join([*lines, *_command("aboveboard", root)])


def _command(path: str, command: Any) -> list[str]:
    children: dict[str, Any] = getattr(command, "commands", {})
    words = [path, *(_usage(parameter) for parameter in command.params), *(["COMMAND ..."] if children else [])]
    lines = [f"## {path} {{ #{path.replace(' ', '-')} }}", "", cell(command.help or ""), ""]
    lines += ["```text", " ".join(words), "```", ""]
    rows = [(_named(p), p.help or "", _default(p)) for p in command.params]
    lines += table(("argument or option", "what it does", "default"), rows) if rows else []
    for name, child in children.items():
        lines += _command(f"{path} {name}", child)
    return lines


def _is_option(parameter: Any) -> bool:
    return str(parameter.opts[0]).startswith("-")


def _value(parameter: Any) -> str:
    return "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or str(parameter.name).upper()}"


def _usage(parameter: Any) -> str:
    text = f"{parameter.opts[0]}{_value(parameter)}" if _is_option(parameter) else str(parameter.metavar)
    return text if parameter.required else f"[{text}]"


def _named(parameter: Any) -> str:
    return f"`{parameter.opts[0]}{_value(parameter)}`" if _is_option(parameter) else f"`{parameter.metavar}`"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "must be given"
    return "" if parameter.default in (None, False) else str(parameter.default)


def _exit_codes() -> str:
    raised = [(str(error.exit_code), doc(error).partition("\n")[0]) for error in _errors(errors.AboveboardError)]
    raised.append((str(errors.AboveboardError.exit_code), "Anything else: our own fault; please report it."))
    lines = [
        "# Exit codes",
        "",
        "Every command keeps to the same codes, so that a crash can never be read as a verdict: 0 met or good, 1 our own "
        "fault, 2 wrong use, 3 broken, contradicted or forged, 4 not shown or undecided.",
        "",
        *exit_codes.section(),
        "## Errors of any command",
        "",
        *_plain(("code", "what went wrong"), raised),
    ]
    return "\n".join(lines)


def _errors(root: type[errors.AboveboardError]) -> list[type[errors.AboveboardError]]:
    """Return the errors of the package below a root, whatever else was imported."""
    for name in ("aboveboard.trust.refusal", "aboveboard.trust.witness"):
        importlib.import_module(name)
    below = [error for error in root.__subclasses__() if error.__module__.startswith("aboveboard.")]
    return [found for error in below for found in (error, *_errors(error))]


def _plain(headings: tuple[str, ...], rows: list[tuple[str, str]]) -> list[str]:
    ordered = sorted(rows)
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" * len(headings)]
    return [*lines, *(f"| {code} | {text} |" for code, text in ordered), ""]

"""The `aboveboard` command: exit codes 0 met or good, 1 our own fault, 2 wrong use, 3 broken, 4 not shown."""

from __future__ import annotations

import os
import sys

import typer
from typer.exceptions import TyperException

from aboveboard import __version__
from aboveboard.cli import (
    agreement_command,
    attest_command,
    canary_command,
    declaration_command,
    doctor_command,
    inspect_command,
    keys_command,
    log_command,
    release_command,
    seal_command,
    standard_command,
    triggers_command,
    verify_command,
)
from aboveboard.model.errors import AboveboardError
from aboveboard.model.paths import show

_INTERRUPTED = 130  # what typer makes of SIGINT; no command ends with it

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Decides from evidence whether network equipment meets the no-spy, no-backdoors standard.",
)
app.command("inspect")(inspect_command.inspect)
app.command("attest")(attest_command.attest)
app.command("seal")(seal_command.seal)
app.command("verify")(verify_command.verify)
app.command("triggers")(triggers_command.triggers)
app.command("doctor")(doctor_command.doctor)
app.add_typer(agreement_command.app, name="agreement")
app.add_typer(declaration_command.app, name="declaration")
app.add_typer(standard_command.app, name="standard")
app.add_typer(keys_command.app, name="keys")
app.add_typer(log_command.app, name="log")
app.add_typer(canary_command.app, name="canary")
app.add_typer(release_command.app, name="release")


@app.callback(invoke_without_command=True)
def version(*, show: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """Print the version when asked."""
    if show:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; a crash ends with 1 and can never be read as a verdict."""
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
    except AboveboardError as error:
        _complain(f"{error.message}\n  what to do: {error.hint}")
        code = error.exit_code
    except typer.Exit as leaving:
        code = leaving.exit_code
    except TyperException as error:
        _complain(f"{error}\n  what to do: see `aboveboard --help`")
        code = 2
    except (typer.Abort, KeyboardInterrupt):
        _complain("stopped")
        code = 1
    except OSError as error:  # a disk, a folder or a file of the user's that does not do what is asked of it
        place = f" ({show(os.fsencode(error.filename))})" if isinstance(error.filename, str | bytes) else ""
        _complain(
            f"the system refuses: {error.strerror or error}{place}\n"
            "  what to do: make room or give the right to write there, or name other folders in ABOVEBOARD_CACHE and --out"
        )
        code = 2
    except UnicodeEncodeError as error:  # bytes of an argument that are no text, in a field that has to be one
        if not any("\udc80" <= character <= "\udcff" for word in sys.argv for character in word):
            _complain(f"internal error: {error}\n  what to do: report it with the command and the image")
            code = 1
        else:
            _complain("an argument is not text in UTF-8\n  what to do: write names and texts in UTF-8")
            code = 2
    except Exception as error:  # noqa: BLE001 - the last resort; the traceback is for --debug reports
        _complain(
            f"internal error: {type(error).__name__}: {error}\n  what to do: report it with the command and the image"
        )
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _complain(text: str) -> None:
    printable = "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
    sys.stderr.write(f"aboveboard: {printable}\n")


if __name__ == "__main__":
    main()

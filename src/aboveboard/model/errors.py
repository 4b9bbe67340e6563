"""The errors of Aboveboard: one root, an exit code each, and a hint that says what to do next."""

from __future__ import annotations


class AboveboardError(Exception):
    """The root of every error that Aboveboard raises on purpose; `exit_code` is what a command ends with."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(AboveboardError):
    """Wrong use: a file, an option or a value that cannot be worked with."""

    exit_code = 2


# What reading a foreign document into our own types can raise: texts that are no Unicode and numbers without end among it.
OUT_OF_SHAPE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, InputError)


class JailError(AboveboardError):
    """The jail cannot be set up, or a confined process broke the rules of its channel."""

    exit_code = 4

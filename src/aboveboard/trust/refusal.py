"""Why something is not trusted: a stable code for programs, a sentence for people."""

from __future__ import annotations

from aboveboard.model.errors import AboveboardError


class RefusedError(AboveboardError):
    """Something that claims trust and does not have it; `code` never changes its meaning."""

    exit_code = 3

    def __init__(self, code: str, message: str, *, hint: str = "ask whoever gave it to you for the original") -> None:
        super().__init__(f"{code}: {message}", hint=hint)
        self.code = code


class UndecidedError(RefusedError):
    """Something that is neither shown good nor shown false: expired, missing, unknown."""

    exit_code = 4

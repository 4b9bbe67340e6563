"""A folder of a log that somebody filled with very much: a clear end, and neither the memory nor the day is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.attacks.keys import refused
from tests.pipelines.test_derived_records import Stage

from aboveboard.model.errors import InputError
from aboveboard.pipelines import log


def test_a_checkpoint_of_holes_is_none_of_ours(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.issue()
    for number in range(40):
        with (stage.log / "checkpoints" / f"{1000 + number}").open("wb") as file:
            file.truncate(60 << 20)
    with pytest.raises(InputError, match="is larger than 1048576 bytes"):
        stage.view()


def test_very_many_checkpoints_are_refused_before_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path)
    stage.issue()
    monkeypatch.setattr(log, "MAX_HISTORY", 20)
    stage.view()
    for number in range(30):
        (stage.log / "checkpoints" / f"x{number}").write_bytes(b"")
    refused("too-large", stage.view)

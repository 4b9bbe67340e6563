"""Loads the table of seeds; `examples/seeded` beside it is a folder, so that no import finds the file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def table() -> ModuleType:
    """Return the module `examples/seeded.py`."""
    spec = importlib.util.spec_from_file_location("seeded_table", EXAMPLES / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module

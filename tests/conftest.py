"""Hypothesis in CI: the same examples each time, so that a run says something of the change and not of its luck.

Elsewhere the examples are new each time; `bench/fuzz.py` looks further.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def trestle() -> Callable[[bytes], Any]:
    """Return a reader of OSCAL assessment-results that others wrote; it raises ValueError for what is none.

    The model of compliance-trestle first, then what it asks of a whole document (`trestle validate`): identifiers that are
    unique, links and roles that lead somewhere. The import is slow, so there is one in a run.
    """
    from trestle.core import validator_factory  # first: it and its validators import each other
    from trestle.oscal.assessment_results import Model

    whole = validator_factory.all_validator.AllValidator()

    def read(data: bytes) -> Any:
        found = Model.model_validate_json(data).assessment_results
        if not whole.model_is_valid(found, True):
            raise ValueError("compliance-trestle does not take the document as a whole")
        return found

    return read

"""Hypothesis in CI: the same examples each time, so that a run says something of the change and not of its luck.

Elsewhere the examples are new each time; `bench/fuzz.py` looks further.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

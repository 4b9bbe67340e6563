"""The declaration as the judge sees it: what the supplier says is there, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aboveboard.model.canonical import JSON

# A complete declaration has every one of these, with an empty list where there is none (GV-02).
SECTIONS = (
    "services",
    "accounts",
    "destinations",
    "data_categories",
    "update",
    "debug",
    "processors",
    "components",
    "variants",
    "interception",
    "remote_support",
    "traffic",
    "storage",
    "jurisdictions",
    "ownership",
    "support",
)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A validated declaration. A section that is not in `sections` was not declared; an empty one says "none"."""

    product: str
    version: str
    supplier: str
    images: tuple[str, ...]  # digests of the images that it speaks for
    date: str
    digest: str
    sections: Mapping[str, tuple[Mapping[str, JSON], ...]]

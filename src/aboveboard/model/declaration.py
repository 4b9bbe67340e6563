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


# Stands in a draft where the supplier still has to say something.
OPEN = "to be completed"


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

    def names(self, section: str) -> tuple[str, ...] | None:
        """Return the names of a section's entries, None where the section is not declared."""
        items = self.sections.get(section)
        return None if items is None else tuple(str(item["name"]) for item in items if "name" in item)

    def open_places(self) -> list[str]:
        """Return the fields that still hold the placeholder of a draft."""
        heads = {"supplier": self.supplier, "product": self.product, "version": self.version}
        found = [name for name, value in heads.items() if value.startswith(OPEN)]
        for section, items in self.sections.items():
            for number, item in enumerate(items, 1):
                found += [
                    f"{section}, entry {number}, {key}"
                    for key, value in item.items()
                    if isinstance(value, str) and value.startswith(OPEN)
                ]
        return found

"""An agreement as YAML: what is written is read again, whatever it says."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aboveboard.agreement.agreement import complete
from aboveboard.agreement.agreement_yaml import as_yaml
from aboveboard.agreement.yaml_text import load
from aboveboard.model.canonical import canonical
from aboveboard.standard import reader
from tests.attacks.test_agreements import amendment, document

NAMES = {clause.id: clause.name for clause in reader.load().clauses}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LINES = TEXT.map(lambda text: text.strip("\n"))
PART = st.fixed_dictionaries({"name": TEXT}, optional={"address": TEXT, "registration": TEXT, "contact": TEXT})
KEYS = st.fixed_dictionaries({"threshold": st.integers(1, 16), "keys": st.lists(TEXT, max_size=3)})
DOCUMENT = st.fixed_dictionaries(
    {
        "supplier": PART,
        "products": st.lists(
            st.fixed_dictionaries({"images": st.lists(TEXT, max_size=3), "name": TEXT, "version": TEXT}), max_size=3
        ),
        "clauses": st.fixed_dictionaries(
            {
                "required": st.lists(st.sampled_from(sorted(NAMES)) | TEXT, max_size=5),
                "waived": st.lists(st.fixed_dictionaries({"reason": TEXT, "clause": TEXT}), max_size=3),
            }
        ),
        "roles": st.dictionaries(TEXT, KEYS, max_size=3),
        "evidence": st.fixed_dictionaries(
            {
                "default": st.lists(TEXT, max_size=2),
                "clauses": st.dictionaries(TEXT, st.lists(TEXT, max_size=2), max_size=3),
            }
        ),
        "remedies": st.lists(TEXT, max_size=3),
        "logs": st.dictionaries(TEXT, TEXT, max_size=2),
        "text": LINES,
    }
)


@given(DOCUMENT)
def test_what_is_written_is_read_again_with_the_same_bytes(changes: dict[str, Any]) -> None:
    value = {**document(), **changes}
    text = as_yaml(value, NAMES, reader.FAMILIES)
    assert canonical(complete(load(text.encode(), "", "").value)) == canonical(value)


@given(TEXT)
def test_names_in_comments_say_nothing(name: str) -> None:
    value = document()
    text = as_yaml(value, dict.fromkeys(value["clauses"]["required"], name), dict.fromkeys(reader.FAMILIES, name))
    assert load(text.encode(), "", "").value == value


def test_it_reads_in_the_order_of_the_form_from_any_order() -> None:
    scrambled = dict(sorted(amendment().items(), reverse=True))
    assert as_yaml(scrambled, NAMES, reader.FAMILIES) == as_yaml(amendment(), NAMES, reader.FAMILIES)

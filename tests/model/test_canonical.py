from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aboveboard.model.canonical import JSON, MAX_INTEGER, canonical, parse
from aboveboard.model.errors import InputError
from aboveboard.model.paths import show, unshow

VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(VALUES)
def test_parse_then_serialise_gives_the_same_bytes(value: JSON) -> None:
    data = canonical(value)
    assert canonical(parse(data)) == data


@pytest.mark.parametrize(
    "data", [b'{"b":1,"a":2}', b"[1, 2]", b"1.0", b"1e3", b"NaN", b'{"a":1,"a":1}', b'"\xff"', b"[" * 5000]
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse(data)


def test_keys_sort_by_utf16() -> None:
    # RFC 8785 section 3.2.3: U+1F600 is a surrogate pair and so comes before U+FB33
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@given(st.binary(max_size=64))
def test_a_name_can_be_turned_back(name: bytes) -> None:
    assert unshow(show(name)) == name


@given(st.binary(max_size=64))
@example(b"\xc2\xa0")  # a blank that looks like another one
def test_a_shown_name_is_printable(name: bytes) -> None:
    assert show(name).isprintable() or show(name) == ""


@given(st.binary(max_size=16), st.binary(max_size=16))
def test_two_names_are_never_shown_alike(one: bytes, other: bytes) -> None:
    assert (show(one) == show(other)) == (one == other)

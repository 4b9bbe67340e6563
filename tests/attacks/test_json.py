"""Cases 19 to 24 and 39: texts of which two readers see two things."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aboveboard.model.canonical import canonical
from aboveboard.trust import strict
from aboveboard.trust.refusal import RefusedError
from aboveboard.trust.strict import MAX_DEPTH, MAX_ITEMS, format_time, parse_decimal, parse_json, parse_time
from tests.attacks.keys import refused


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("duplicate-key", b'{"verdict":"fail","verdict":"pass"}'),
        ("duplicate-key", b'{"a":{"b":1,"\\u0062":2}}'),
        ("number", b'{"a":NaN}'),
        ("number", b"[Infinity]"),
        ("number", b"[-Infinity]"),
        ("number", b"[1e999]"),
        ("number", b"[1.0]"),
        ("number", b"[9007199254740993]"),
        ("number", b"[" + b"9" * 5000 + b"]"),
        ("not-utf-8", b'["\xff"]'),
        ("not-utf-8", b'["\\ud800"]'),
        ("not-json", b'\xef\xbb\xbf{"a":1}'),
        ("not-json", b'{"a":1}\x00'),
        ("not-json", b'["\x00"]'),
        ("not-json", b"{'a':1}"),
        ("not-json", b'{"a":1,}'),
        ("not-json", b""),
        ("not-json", b"[1] [2]"),
        ("not-json", b"["),
        ("too-deep", b"[" * 10_000 + b"]" * 10_000),
        ("too-large", b"[" + b"1," * (MAX_ITEMS + 1) + b"1]"),
    ],
)
def test_19_20_21_22_24_what_is_no_plain_json(code: str, text: bytes) -> None:
    refused(code, lambda: parse_json(text))


def test_24_a_text_over_the_limit() -> None:
    refused("too-large", lambda: parse_json(b'"' + b"a" * 1000 + b'"', limit=1000))


def test_brackets_inside_texts_are_no_depth() -> None:
    text = "[{" * 10_000
    assert parse_json(canonical({"a": text, "b": '\\"[['})) == {"a": text, "b": '\\"[['}
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    parse_json(deep)


@given(data=st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        parse_json(data)


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 500_000, b'[1,"' + b"\\\\" * 500_000, b'"' * 999_999])
def test_24_texts_without_an_end_are_read_once(data: bytes) -> None:
    """Each of these took hours where every quotation mark was tried as a beginning."""
    refused("not-json", lambda: parse_json(data))


@given(st.lists(st.sampled_from([b'"', b"\\", b",", b"a", b"{", b'\\"', b"\n"])).map(b"".join))
@settings(deadline=None)
def test_24_texts_are_told_from_what_stands_between_them(data: bytes) -> None:
    ended = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
    between = ended.sub(b"", data)
    if b'"' not in between:
        assert strict._STRING.sub(b"", data) == between


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T00:00:00",
        "2026-12-01T00:00:00+01:00",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00:00z",
        "2026-W49-1",
        "2026-W49-1T00:00:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1999-12-31T23:59:59Z",
        "2026-12-01T00:00:00.5Z",
        "\N{ARABIC-INDIC DIGIT TWO}026-12-01T00:00:00Z",
        "2026-12-01T00:00:00Z\n",
        "",
        None,
        1764547200,
    ],
)
def test_39_times_that_mean_two_things_or_none(text: object) -> None:
    refused("time", lambda: parse_time(text))


def test_39_a_time_is_written_as_it_is_read() -> None:
    assert format_time(parse_time("2028-02-29T23:59:59Z")) == "2028-02-29T23:59:59Z"


@pytest.mark.parametrize(
    "text", ["070", "+7", " 7", "7 ", "\N{ARABIC-INDIC DIGIT SEVEN}", "7_0", "-1", "", "0x7", "9223372036854775808", "7\n"]
)
def test_42_numbers_that_python_would_read(text: str) -> None:
    refused("number", lambda: parse_decimal(text))

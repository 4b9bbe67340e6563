"""What values must be for a test to hold: flags in a number of flags, factors, choices, ranges."""

from __future__ import annotations

from aboveboard.evidence.triggers.protocols import is_field, is_public
from aboveboard.evidence.triggers.ways import Way, enough, factors, is_range, united, wants
from aboveboard.readers.flow.substitute import substituted
from aboveboard.readers.flow.trace import Edge
from aboveboard.readers.flow.values import ADD, AND, OR, Value, binary, equal

FLAGS: Value = ("m", ("+", ("p", 0), 16), 4)
NEED: Value = ("m", ("p", 1), 4)
SENT: Value = ("m", ("p", 2), 4)
HAS_FOUR: Value = ("!", ("o", AND, FLAGS, 4), 0)
RESULT: Value = ("c", 0x1000)


def test_a_number_holds_or_not() -> None:
    assert wants(HAS_FOUR, FLAGS, 4) == 1
    assert wants(HAS_FOUR, FLAGS, 5) == 1
    assert wants(HAS_FOUR, FLAGS, 3) is None
    assert wants(equal(FLAGS, 0, 4), FLAGS, 0) == 1


def test_a_number_may_be_enough_where_the_other_side_is_not_known() -> None:
    asked = equal(("o", AND, FLAGS, NEED), NEED, 4)
    assert wants(asked, FLAGS, 2) == ("?", 2)
    assert wants(asked, FLAGS, 0) is None
    ways = [Way(1, 2, (), 2), Way(1, 4, (), 15), Way(1, 6)]
    assert enough(ways) == ways[1:]


def test_a_test_inside_a_value_is_what_is_asked() -> None:
    test = equal(SENT, 0x3978B0B0, 4)
    shifted = binary(ADD, test, test, 4)  # x + x, which is x << 1
    assert shifted is not None
    assert wants(("!", ("o", AND, FLAGS, 2), 0), FLAGS, shifted) == test


def test_flags_of_several_are_told_apart() -> None:
    assert united(("o", OR, ("o", OR, RESULT, 4), SENT)) == [RESULT, 4, SENT]


def test_a_product_is_none_where_one_factor_is_none() -> None:
    """verdict * (strcmp() != 0) == 0"""
    differs: Value = ("!", RESULT, 0)
    product = binary(32, FLAGS, differs, 4)
    ways = list(factors(0x10, Edge(2, 4, 1), ("=", product, 0)))
    assert {way.asked[0].test for way in ways} == {("=", FLAGS, 0), ("=", RESULT, 0)}


def test_less_or_equal_is_one_question() -> None:
    assert is_range(("|", ("<", SENT, 9), ("=", SENT, 9)))
    assert not is_range(("|", ("=", SENT, 9), ("=", NEED, 1)))


def test_numbers_that_come_of_counting_back_are_not_asked_for() -> None:
    counted = binary(ADD, RESULT, SENT, 4)
    assert counted is not None
    assert wants(equal(FLAGS, 0x1234, 4), FLAGS, ("+", counted, 7)) == ("!", counted, 0)


def test_a_part_is_put_in_the_place_of_another() -> None:
    assert substituted(("+", RESULT, 4), RESULT, 6) == 10
    assert substituted(("<", RESULT, 4), RESULT, 3) == 1
    assert substituted(("?", ("=", RESULT, 1), SENT, NEED), RESULT, 1) == SENT
    assert substituted(("m", RESULT, 4), RESULT, 3) == ("m", RESULT, 4)  # what a place holds is another thing


def test_words_of_published_protocols_are_no_secrets() -> None:
    for word in ("POST", "Authorization: ", "USER", "application/octet-stream", "0x55534552", "0x52455355", "HTTP/1.1"):
        assert is_public(word), word
    for word in ("update", "search", "hq7-maint-00", "0x6b1fa203", "/x7wz_io", "", "0x"):
        assert not is_public(word), word
    assert is_field("sid=")
    assert is_field("\r\n")
    assert not is_field("theme=slate-1187")

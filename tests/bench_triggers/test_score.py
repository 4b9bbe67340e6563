"""The rule by which the bench of hidden triggers tells a right finding from a wrong one, on made-up lists."""

from __future__ import annotations

from typing import Any

import pytest
from bench.triggers.score import right, same_constant, score

HANDLER = {"name": "show_raw", "range": ["0x3000", "0x3080"]}


def truth(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "a.mips.O2.seeded",
        "edition": "seeded",
        "kind": "string-call",
        "arch": "mips",
        "code": "mips",
        "level": "-O2",
        "service": "http",
        "linked": "dynamic",
        "hard": False,
        "constant": "kestrel-9",
        "constants": ["kestrel-9"],
        "comparison": [["0x1010", "0x1020"]],
        "switch": [],
        "functions": [{"name": "serve", "range": ["0x1000", "0x1100"]}],
        "handlers": [],
        "table": [],
    }
    return made | more


CLEAN = truth(id="a.mips.O2.clean", edition="clean")


def entry(rank: int = 1, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "rank": rank,
        "score": 5,
        "alert": True,
        "constant": "other",
        "kind": "string",
        "function": "0x5000",
        "address": "0x5010",
        "effects": [],
        "standing": "candidate",
    }
    return made | more


RIGHT: dict[str, Any] = {"address": "0x1014", "function": "0x1000", "constant": "kestrel-9"}


@pytest.mark.parametrize("address", ["0x1010", "0x101f", "0x1008", "0x1027", 0x1014])
def test_an_address_in_the_marked_lines_or_close_by_is_right(address: object) -> None:
    assert right(entry(address=address), truth())


@pytest.mark.parametrize("address", ["0x1007", "0x1028", "0x5010", None, "", "here"])
def test_an_address_elsewhere_is_wrong(address: object) -> None:
    assert not right(entry(address=address), truth())


@pytest.mark.parametrize("function", ["serve", "0x1000", "serve.part.0"])
def test_the_function_is_right_with_the_constant_only(function: str) -> None:
    assert right(entry(function=function, constant="kestrel-9"), truth())
    assert not right(entry(function=function, constant="kestrel-8"), truth())


def test_the_constant_is_not_enough() -> None:
    assert not right(entry(constant="kestrel-9"), truth())


def test_a_switch_wants_the_constant() -> None:
    of_switch = truth(kind="opcode", comparison=[], constants=["214", "0xd6"], switch=[["0x1040", "0x1050"]])
    assert right(entry(address="0x1044", constant="0xD6"), of_switch)
    assert not right(entry(address="0x1044", constant="0x01"), of_switch)


def test_a_row_is_right_by_its_handler_or_by_its_very_constant() -> None:
    row = truth(kind="table-row", comparison=[], functions=[], handlers=[HANDLER], table=[["0x8000", "0x8040"]])
    assert right(entry(function="show_raw"), row)
    assert right(entry(function="0x3000"), row)
    assert right(entry(address="0x3004"), row)
    assert right(entry(address="0x8010", constant="kestrel-9"), row)
    assert right(entry(address="0x5010", constant="'kestrel-9'"), row)
    assert not right(entry(address="0x8010", constant="/status"), row)
    assert not right(entry(address="0x8010", constant="kestrel-99"), row)
    assert not right(entry(function="show_now"), row)


def test_a_handler_counts_for_rows_and_code_before_main_alone() -> None:
    assert not right(entry(function="show_raw"), truth(handlers=[HANDLER]))
    assert right(entry(function="show_raw"), truth(kind="before-main", handlers=[HANDLER]))


def test_a_secret_in_a_file_is_right_by_name() -> None:
    in_file = truth(kind="file-secret", comparison=[], functions=[], constants=["stdby:nb$5f4d", "/etc/console.shadow"])
    assert right(entry(constant="stdby:nb$5f4d"), in_file)
    assert right(entry(function="/etc/console.shadow"), in_file)
    assert not right(entry(constant="admin:q1$5b51"), in_file)


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ('"kestrel-9"', ["kestrel-9"], True),
        ("KESTREL-9", ["kestrel-9"], True),
        ("xxkestrel-9yy", ["kestrel-9"], True),
        ("kestre", ["kestrel-9"], True),
        ("kes", ["kestrel-9"], False),
        ("k", ["k9"], False),
        ("0x1fab", ["8107"], True),
        (8107, ["0x1fab"], True),
        ("8107", ["107"], False),
        (["a", "kestrel-9"], ["kestrel-9"], True),
        ("", ["kestrel-9"], False),
        (None, ["kestrel-9"], False),
    ],
)
def test_a_constant_may_be_spelled_in_several_ways(found: object, wanted: list[str], same: bool) -> None:
    assert same_constant(found, wanted) is same


def test_a_clean_build_has_nothing_right() -> None:
    assert not right(entry(**RIGHT), CLEAN)


def test_recall_is_counted_at_rank_1_and_at_alert_level() -> None:
    found: dict[str, list[dict[str, Any]] | None] = {
        "a.mips.O2.seeded": [entry(2, **RIGHT), entry(1)],
        "a.mips.O2.clean": [],
    }
    figures = score([truth(), CLEAN], found)["all"]
    assert (figures["recall_at_rank_1"], figures["recall_at_alert"]) == (0.0, 1.0)
    assert (figures["alerts_per_seeded"], figures["alerts_per_clean"]) == (2.0, 0.0)


def test_a_right_entry_below_the_alert_level_is_missed_but_was_there() -> None:
    found = score([truth()], {"a.mips.O2.seeded": [entry(1, alert=False, **RIGHT)]})
    assert found["missed"] == ["a.mips.O2.seeded"]
    assert (found["all"]["recall_anywhere"], found["all"]["recall_at_rank_1"]) == (1.0, 1.0)


def test_a_run_that_failed_found_nothing_and_is_counted() -> None:
    found = score([truth()], {"a.mips.O2.seeded": None})
    assert (found["all"]["failed"], found["all"]["recall_at_alert"]) == (1, 0.0)


def test_a_build_that_was_not_run_is_said_so_and_not_counted() -> None:
    found = score([truth(), CLEAN], {"a.mips.O2.seeded": [entry(**RIGHT)]})
    assert (found["not_run"], found["all"]["clean"]) == (1, 0)
    assert found["all"]["alerts_per_clean"] is None


def test_confirmations_are_right_only_where_the_entry_is() -> None:
    sure: dict[str, Any] = {"standing": "confirmed"}
    found = score(
        [truth(), CLEAN],
        {"a.mips.O2.seeded": [entry(1, **RIGHT, **sure), entry(2, **sure)], "a.mips.O2.clean": [entry(1, **RIGHT, **sure)]},
    )
    assert (found["all"]["confirmations_right"], found["all"]["confirmations_wrong"]) == (1, 2)
    assert found["all"]["seeded_confirmed"] == 1.0
    assert found["accused"] == ["a.mips.O2.clean"]


def test_figures_come_by_kind_machine_and_level() -> None:
    other = truth(id="b", kind="integer", arch="arm", level="-Os", constants=["77"])
    by = score([truth(), other], {"a.mips.O2.seeded": [entry(**RIGHT)], "b": []})["by"]
    assert {name: one["recall_at_alert"] for name, one in by["kind"].items()} == {"string-call": 1.0, "integer": 0.0}
    assert {name: one["recall_at_alert"] for name, one in by["arch"].items()} == {"mips": 1.0, "arm": 0.0}
    assert by["level"]["-Os"]["seeded"] == 1


def test_a_secret_in_a_file_is_told_apart_from_code() -> None:
    in_file = truth(id="f", kind="file-secret", comparison=[], functions=[], constants=["stdby"])
    found = score([truth(), in_file], {"a.mips.O2.seeded": [entry(**RIGHT)], "f": []})
    assert found["all"]["recall_at_alert"] == 0.5
    assert found["without_secrets_in_files"]["recall_at_alert"] == 1.0

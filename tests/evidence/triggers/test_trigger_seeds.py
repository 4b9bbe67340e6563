"""Each seed of the small programs is an alert that names its constant, and the clean editions have none."""

from __future__ import annotations

import pytest
from tests.evidence.triggers.building import alerts, looked, program

from aboveboard.evidence.triggers.report import analyse

# program, seed, what the constant of an alert is, its kind, and where it is tried
SEEDS = [
    ("http", "STRCMP", "X-Lq0v: 7731", "string", [("mips", "-O2"), ("armel", "-O0"), ("aarch64", "-Os")]),
    ("http", "SKIP", "vQ3-sync", "string", [("mips", "-Os"), ("x86", "-O0")]),
    ("http", "INLINE3", "z9?q", "single-bytes", [("armel", "-O2"), ("thumb", "-Os"), ("mipsel", "-O0")]),
    ("http", "DECODED", "+pkwQ6", "built-string", [("aarch64", "-O0"), ("x86", "-O2")]),
    ("http", "INT", "0x539", "integer-result", [("mips", "-O0"), ("armel", "-Os")]),
    ("http", "MAGIC", "0x6b1fa203", "inline-bytes", [("aarch64", "-O2"), ("thumb", "-O0"), ("x86", "-Os")]),
    ("http", "ROW", "/x7wz_io", "table-row", [("mips", "-O2"), ("x86-64", "-O0")]),
    ("ftp", "BYPASS", "hq7-maint-00", "string", [("x86-64", "-O2"), ("mips", "-Os")]),
    ("ftp", "PWBYTES", "_??K??7", "single-bytes", [("armel", "-O2"), ("mipsel", "-O0")]),
    ("ftp", "SMILEY", ":)", "single-bytes", [("aarch64", "-O0"), ("x86", "-O2")]),
    ("ftp", "STATE", "7x", "state", [("mips", "-O0"), ("mipsel", "-O2")]),
    ("ftp", "HASH", "0x9c41d7e2", "integer", [("thumb", "-O0"), ("x86", "-Os")]),
    ("ftp", "B64", "ZQ8-gul94ven", "built-string", [("x86-64", "-O0"), ("mips", "-O2")]),
    ("ftp", "ATOI", "0xbc55", "integer-result", [("aarch64", "-Os"), ("armel", "-O0")]),
    ("ftp", "HEXNUM", "1bda44d6", "built-string", [("x86-64", "-O2"), ("mips", "-Os")]),
    ("udp", "MAGICOP", "0x44c8e71b", "inline-bytes", [("x86-64", "-Os"), ("aarch64", "-O0")]),
    ("udp", "OPTION", "b7", "single-bytes", [("armel", "-Os"), ("mips", "-O0")]),
    ("udp", "COUNT", "0x2f9", "integer-result", [("aarch64", "-O2"), ("x86", "-Os")]),
    ("cgi", "SECOND", "oem_ref", "second-secret", [("armel", "-O0"), ("aarch64", "-Os")]),
    ("cgi", "UA", "Tlmq/0.3 (kx)", "string", [("x86-64", "-O2"), ("x86", "-O0")]),
    ("cgi", "DIRECT", "w8cal", "string", [("armel", "-O2"), ("mipsel", "-O0")]),
    ("login", "ORACLE", "tR_pan0ram", "string", [("mips", "-O0"), ("armel", "-Os")]),
    ("login", "OVERRIDE", "99", "single-bytes", [("aarch64", "-O2"), ("thumb", "-O0")]),
    ("parse", "CHUNK", "qMpr", "string", [("aarch64", "-Os"), ("armel", "-O0")]),
    ("parse", "DIM", "6eb", "inline-bytes", [("x86-64", "-O2")]),
    ("early", "CTOR", "sshd", "string", [("aarch64", "-O0"), ("x86-64", "-Os")]),
    ("early", "ENV", "8cVw", "string", [("armel", "-Os"), ("mips", "-O0")]),
]
PLACES = [(name, seed, constant, kind, *place) for name, seed, constant, kind, places in SEEDS for place in places]
CLEAN = sorted({(name, machine, level) for name, _, _, _, machine, level in PLACES})


@pytest.mark.parametrize(("name", "seed", "constant", "kind", "machine", "level"), PLACES)
def test_a_seed_is_an_alert_that_names_its_constant(
    name: str, seed: str, constant: str, kind: str, machine: str, level: str
) -> None:
    found = looked(name, seed, machine, level)
    fitting = [one for one in found.ranking if one["alert"] and constant in str(one["constant"])]
    assert fitting, alerts(found)
    assert fitting[0]["kind"] == kind
    assert fitting[0]["effects"]
    assert len(alerts(found)) <= 2
    assert found.gaps == ()


@pytest.mark.parametrize(("name", "machine", "level"), CLEAN)
def test_a_clean_edition_has_no_alert(name: str, machine: str, level: str) -> None:
    found = looked(name, "", machine, level)
    assert alerts(found) == []
    assert 0 < found.covered <= found.code  # code includes stubs, and constants that lie beside it


def test_a_seed_that_opens_nothing_in_the_clean_edition_is_shown_without_alarm() -> None:
    found = looked("http", "", "mips", "-O2")
    assert {str(one["constant"]) for one in found.ranking} >= {"/reboot", "/save"}


def test_what_pages_of_the_tree_name_counts_less() -> None:
    data = program("http", "ROW", "mips", "-O2")
    page = b'<p>Support: <a href="/x7wz_io?c">console</a></p>'
    plain, named, other = analyse(data), analyse(data, [page]), analyse(data, [b"<p>nothing of the kind</p>"])
    assert plain.ranking == other.ranking
    before = next(one for one in plain.ranking if one["constant"] == "/x7wz_io")
    after = next(one for one in named.ranking if one["constant"] == "/x7wz_io")
    parts = after["parts"]
    assert isinstance(parts, dict)
    assert parts["named elsewhere"] == -300
    assert int(str(after["score"])) <= int(str(before["score"])) - 300


def test_a_password_that_the_manual_names_is_no_alert() -> None:
    data = program("ftp", "BYPASS", "x86-64", "-O2")
    assert alerts(analyse(data)) == ["hq7-maint-00"]
    assert alerts(analyse(data, [b"For maintenance log in with hq7-maint-00 and change it."])) == []


def test_an_alert_says_how_to_check_it() -> None:
    (one,) = (one for one in looked("http", "STRCMP", "mips", "-O2").ranking if one["alert"])
    listing, path, effects = one["listing"], one["path"], one["effects"]
    assert isinstance(listing, list)
    assert isinstance(path, list)
    assert isinstance(effects, list)
    assert [line for line in listing if str(line).startswith(str(one["address"])) and str(line).endswith("<--")]
    assert any("brings what is compared" in str(step) for step in path)
    assert any("telnetd -l /bin/sh" in str(effect) for effect in effects)
    parts = one["parts"]
    assert isinstance(parts, dict)
    assert sum(int(value) for value in parts.values()) == one["score"]

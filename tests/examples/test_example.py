"""The sample images: built again from their sources they are the same bytes, and they hold what their tables say."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.examples.seeds import table

from aboveboard.agreement.declaration import read
from aboveboard.model.declaration import SECTIONS
from aboveboard.readers.keys import PrivateKey, find
from aboveboard.readers.squashfs import SquashFs

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EDITIONS = ("router", "router-clean")
COLLECTORS = {"accounts", "keys", "boot_services", "debug_access", "destinations", "carried_traffic"}
ROOT_AT = 0x10000
COPYLEFT = (b"BusyBox", b"Linux version", b"General Public License", b"GNU C Library", b"Free Software Foundation")


@pytest.fixture(scope="module", params=EDITIONS)
def edition(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def files(edition: str) -> dict[str, bytes]:
    system = SquashFs((EXAMPLES / f"{edition}.bin").read_bytes()[ROOT_AT:])
    found = {entry.path: content or b"" for entry, content in system.walk()}
    assert system.gaps == []
    return found


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    build = [sys.executable, str(EXAMPLES / "build.py"), "--out", str(tmp_path)]
    check = subprocess.run([*build, "--check"], capture_output=True, text=True, check=False)
    if check.returncode:
        pytest.skip(check.stdout.strip())
    made = subprocess.run(build, capture_output=True, text=True, check=False)
    if made.returncode == 3:
        pytest.skip(made.stderr.strip()[:300])
    assert made.returncode == 0, made.stderr
    for name in EDITIONS:
        for file in (f"{name}.bin", f"{name}.declaration.yaml"):
            assert (tmp_path / file).read_bytes() == (EXAMPLES / file).read_bytes(), file


def test_an_image_is_small_and_holds_no_copyleft(edition: str) -> None:
    assert (EXAMPLES / f"{edition}.bin").stat().st_size < 4 << 20
    found = files(edition)
    assert len(found) > 150
    for path, content in found.items():
        for words in COPYLEFT:
            assert words not in content, path


def test_a_declaration_speaks_for_its_image(edition: str) -> None:
    declared = read((EXAMPLES / f"{edition}.declaration.yaml").read_bytes())
    digest = hashlib.sha256((EXAMPLES / f"{edition}.bin").read_bytes()).hexdigest()
    assert declared.images == (f"sha256:{digest}",)
    assert set(declared.sections) == set(SECTIONS)


def test_the_declaration_does_not_speak_of_what_was_seeded() -> None:
    text = (EXAMPLES / "router.declaration.yaml").read_text()
    declared = read(text.encode())
    ports = {(item["proto"], item["port"]) for item in declared.sections["services"]}
    for pattern in table().PATTERNS:
        if pattern.kind == "listener":
            assert (pattern.data["proto"], pattern.data["port"]) not in ports, pattern.id
        if "host" in pattern.data:
            assert str(pattern.data["host"]) not in text, pattern.id
    assert declared.sections["debug"] == declared.sections["traffic"] == declared.sections["remote_support"] == ()


def test_the_table_has_three_patterns_for_each_collector() -> None:
    patterns = table().PATTERNS
    assert len({pattern.id for pattern in patterns}) == len(patterns) >= 20
    counted = Counter(pattern.collector for pattern in patterns)
    assert set(counted) == COLLECTORS
    assert min(counted.values()) >= 3


def test_every_pattern_is_in_the_seeded_image_alone() -> None:
    seeded, clean = files("router"), files("router-clean")
    for pattern in table().PATTERNS:
        assert pattern.path in seeded, pattern.id
        assert seeded[pattern.path] != clean.get(pattern.path), pattern.id


def test_the_clean_image_holds_no_private_key_and_no_hash() -> None:
    clean = files("router-clean")
    for path, content in clean.items():
        assert not [key for key in find(content) if isinstance(key, PrivateKey)], path
    for line in clean["/etc/shadow"].decode().splitlines():
        assert line.split(":")[1] in ("*", "!")
    assert clean["/root/.ssh/authorized_keys"] == b""

"""The built site asks nothing of the network: no script, style, font or picture comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data", "video": "src"}
LINKS_THAT_LOAD_NOTHING = {"canonical", "prev", "next"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


class Loads(HTMLParser):
    """Gathers what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in LINKS_THAT_LOAD_NOTHING:
            return
        self.found += [given.get(LOADED.get(tag, "")) or ""]


def is_outside(address: str) -> bool:
    return re.match(r"(?:https?:)?//", address.strip()) is not None


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert not [address for address in loads.found if is_outside(address)], page


def test_no_style_loads_anything_from_elsewhere(site: Path) -> None:
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        found = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", text)
        assert not [address for address in found if is_outside(address)], style


def test_no_page_holds_what_the_theme_would_fetch_a_helper_for(site: Path) -> None:
    """The theme's script fetches mermaid for diagrams and knows code hosts by their address: no page may ask for it."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'class="mermaid"' not in text
        assert "data-md-component=source" not in text.replace('"', "")


def test_the_generator_is_not_part_of_the_site(site: Path) -> None:
    assert not list(site.rglob("*.py"))

"""Test that the pages of the documentation's site link to each other."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = runpy.run_path(str(ROOT / "docs" / "site" / "collect.py"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect the pages, and return the folder of the site."""
    out = tmp_path_factory.mktemp("site") / "site"
    PROGRAM["collect"](out, "")
    return out


def test_each_link_of_the_site_leads_to_a_page_or_an_image(site: Path):
    pages = list((site / "docs").glob("*.md"))
    linked = [
        (page.name, target.partition("#")[0])
        for page in pages
        for target in LINK.findall(page.read_text("utf-8"))
        if not re.match(r"https?:|mailto:|#", target)
    ]
    assert len(linked) > 50
    assert not [link for link in linked if not (site / "docs" / link[1]).exists()]


def test_the_menu_of_the_site_has_each_page_once(site: Path):
    def names(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        entries = entry.values() if isinstance(entry, dict) else entry
        return [name for entry in entries for name in names(entry)]

    menu = names(tomllib.loads((site / "zensical.toml").read_text("utf-8"))["project"]["nav"])
    assert sorted(menu) == sorted(page.name for page in (site / "docs").glob("*.md"))


@pytest.mark.parametrize(
    ("link", "turned"),
    [
        ("[a](hosting.md#settings)", "[a](hosting.md#settings)"),
        ("[a](../README.md)", "[a](index.md)"),
        ("![a](images/a.png)", "![a](images/a.png)"),
        ("[![a](images/a.png)](../training/README.md#x)", "[![a](images/a.png)](training.md#x)"),
        ("[a](../LICENSE)", "[a](https://example.org/LICENSE)"),
        ("[a](https://example.org/x.md)", "[a](https://example.org/x.md)"),
        ("[a](#b)", "[a](#b)"),
    ],
)
def test_a_link_of_a_page_is_turned(link: str, turned: str):
    names = {"docs/hosting.md": "hosting.md"} | PROGRAM["ELSEWHERE"]
    turn_links = PROGRAM["turn_links"]
    assert turn_links(link, "docs/commands.md", names, "https://example.org") == turned


def test_a_file_without_an_address_is_plain_words():
    assert PROGRAM["turn_links"]("[a](../LICENSE)", "docs/commands.md", {}, "") == "a"
